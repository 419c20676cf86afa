//! Upload bins at the client, put together from the site's counts per stream.

use metric::bins::MAX_BINS;

use super::message::UploadCount;

/// Sums the counts of several streams into the bins of the subtest.
///
/// A bin is complete when every stream that has spoken has reported it or a
/// later one; streams report their bins in order, so the sum then stands.
#[derive(Debug, Default)]
pub struct Counter {
    bins: Vec<u64>,
    /// Per stream: the next bin it will report.
    next: Vec<Option<usize>>,
}

impl Counter {
    /// Announces a stream; returns its number.
    pub fn join(&mut self) -> usize {
        self.next.push(None);
        self.next.len() - 1
    }

    /// Takes a count of a stream. Bins beyond [`MAX_BINS`] and unknown streams are ignored.
    pub fn add(&mut self, stream: usize, count: UploadCount) {
        let Some(next) = self.next.get_mut(stream) else {
            return;
        };
        if count.bin >= MAX_BINS {
            return;
        }
        *next = Some(count.bin + 1);
        if self.bins.len() <= count.bin {
            self.bins.resize(count.bin + 1, 0);
        }
        self.bins[count.bin] = self.bins[count.bin].saturating_add(count.bytes);
    }

    /// A stream is over: nobody waits for it any more.
    pub fn leave(&mut self, stream: usize) {
        if let Some(next) = self.next.get_mut(stream) {
            *next = None;
        }
    }

    /// The complete bins, in order of time.
    pub fn complete(&self) -> &[u64] {
        let reported = self.next.iter().flatten().min();
        &self.bins[..reported.copied().unwrap_or(self.bins.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_waits_for_every_stream() {
        let mut counter = Counter::default();
        let (a, b) = (counter.join(), counter.join());
        counter.add(a, UploadCount { bin: 0, bytes: 5 });
        assert_eq!(counter.complete(), [5], "b has not spoken yet");
        counter.add(b, UploadCount { bin: 1, bytes: 7 });
        assert_eq!(counter.complete(), [5]);
        counter.add(a, UploadCount { bin: 1, bytes: 2 });
        assert_eq!(counter.complete(), [5, 9]);
        counter.add(a, UploadCount { bin: 2, bytes: 1 });
        counter.leave(b);
        assert_eq!(counter.complete(), [5, 9, 1]);
    }

    #[test]
    fn absurd_bins_are_ignored() {
        let mut counter = Counter::default();
        let stream = counter.join();
        counter.add(
            stream,
            UploadCount {
                bin: usize::MAX,
                bytes: 5,
            },
        );
        counter.add(9, UploadCount { bin: 0, bytes: 5 });
        assert!(counter.complete().is_empty());
    }
}
