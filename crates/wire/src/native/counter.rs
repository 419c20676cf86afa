//! Upload bins at the client, put together from the site's counts per stream.

use metric::bins::{BIN, MAX_BINS};
use metric::unit::Micros;

use super::message::UploadCount;

/// Sums the counts of several streams into the bins of the subtest.
///
/// A bin is complete when every stream that has spoken has reported it or a
/// later one; streams report their bins in order, so the sum then stands.
#[derive(Debug, Default)]
pub struct Counter {
    bins: Vec<u64>,
    streams: Vec<Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    /// The next bin it will report; `None` before it has, and once it is over.
    next: Option<usize>,
    /// What it has reported in all.
    told_bytes: u64,
}

/// A count that cannot be true.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Impossible {
    /// More than was ever sent on the stream.
    #[error("the site counts {told} bytes of a stream on which {sent} were sent")]
    TooMuch {
        /// What the site has counted in all.
        told: u64,
        /// What was sent in all.
        sent: u64,
    },
    /// A bin for the second time, or before one that was reported.
    #[error("the site reports bin {0} out of order")]
    OutOfOrder(usize),
    /// A bin that has not begun.
    #[error("the site reports bin {0}, which is still to come")]
    FromFuture(usize),
}

/// Furthest a site's bins may be ahead of the client's: it began its first when
/// it saw the connection, the client when it heard back.
const AHEAD: Micros = Micros(2_000_000);

impl Counter {
    /// Announces a stream; returns its number.
    pub fn join(&mut self) -> usize {
        self.streams.push(Stream::default());
        self.streams.len() - 1
    }

    /// Takes a count of a stream on which `sent` bytes were sent so far, at `now`
    /// since the first stream opened. Bins beyond [`MAX_BINS`] and unknown
    /// streams are ignored.
    ///
    /// # Errors
    ///
    /// [`Impossible`], and nothing is counted.
    pub fn add(
        &mut self,
        stream: usize,
        count: UploadCount,
        sent: u64,
        now: Micros,
    ) -> Result<(), Impossible> {
        let Some(stream) = self.streams.get_mut(stream) else {
            return Ok(());
        };
        if count.bin >= MAX_BINS {
            return Ok(());
        }
        let told = stream.told_bytes.saturating_add(count.bytes);
        if told > sent {
            return Err(Impossible::TooMuch { told, sent });
        }
        if stream.next.is_some_and(|next| count.bin < next) {
            return Err(Impossible::OutOfOrder(count.bin));
        }
        if count.bin as u64 * BIN.0 > now.0.saturating_add(AHEAD.0) {
            return Err(Impossible::FromFuture(count.bin));
        }
        stream.next = Some(count.bin + 1);
        stream.told_bytes = told;
        if self.bins.len() <= count.bin {
            self.bins.resize(count.bin + 1, 0);
        }
        self.bins[count.bin] = self.bins[count.bin].saturating_add(count.bytes);
        Ok(())
    }

    /// A stream is over: nobody waits for it any more.
    pub fn leave(&mut self, stream: usize) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.next = None;
        }
    }

    /// The complete bins, in order of time.
    pub fn complete(&self) -> &[u64] {
        let reported = self.streams.iter().filter_map(|stream| stream.next).min();
        &self.bins[..reported.unwrap_or(self.bins.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: Micros = Micros(u64::MAX);

    fn tell(
        counter: &mut Counter,
        stream: usize,
        bin: usize,
        bytes: u64,
    ) -> Result<(), Impossible> {
        counter.add(stream, UploadCount { bin, bytes }, 100, LATE)
    }

    #[test]
    fn a_bin_waits_for_every_stream() {
        let mut counter = Counter::default();
        let (a, b) = (counter.join(), counter.join());
        tell(&mut counter, a, 0, 5).unwrap();
        assert_eq!(counter.complete(), [5], "b has not spoken yet");
        tell(&mut counter, b, 1, 7).unwrap();
        assert_eq!(counter.complete(), [5]);
        tell(&mut counter, a, 1, 2).unwrap();
        assert_eq!(counter.complete(), [5, 9]);
        tell(&mut counter, a, 2, 1).unwrap();
        counter.leave(b);
        assert_eq!(counter.complete(), [5, 9, 1]);
    }

    #[test]
    fn absurd_bins_are_ignored() {
        let mut counter = Counter::default();
        let stream = counter.join();
        tell(&mut counter, stream, usize::MAX, 5).unwrap();
        tell(&mut counter, 9, 0, 5).unwrap();
        assert!(counter.complete().is_empty());
    }

    #[test]
    fn a_site_cannot_have_seen_more_than_was_sent() {
        let mut counter = Counter::default();
        let stream = counter.join();
        tell(&mut counter, stream, 0, 60).unwrap();
        let too_much = Impossible::TooMuch {
            told: 101,
            sent: 100,
        };
        assert_eq!(tell(&mut counter, stream, 1, 41), Err(too_much));
        assert!(tell(&mut counter, stream, 1, u64::MAX).is_err());
        tell(&mut counter, stream, 1, 40).unwrap();
        assert_eq!(counter.complete(), [60, 40], "a lie is not counted");
    }

    #[test]
    fn a_bin_is_told_once_and_after_it_began() {
        let mut counter = Counter::default();
        let stream = counter.join();
        let at = |counter: &mut Counter, bin, now| {
            counter.add(stream, UploadCount { bin, bytes: 0 }, 0, Micros(now))
        };
        at(&mut counter, 3, 0).unwrap();
        assert_eq!(at(&mut counter, 3, 0), Err(Impossible::OutOfOrder(3)));
        assert_eq!(
            at(&mut counter, 24, 399_999),
            Err(Impossible::FromFuture(24))
        );
        at(&mut counter, 24, 400_000).unwrap();
    }
}
