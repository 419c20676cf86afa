//! What the site tells of arrivals, put together at the client.

use metric::bins::MAX_BINS;

use super::message::{Arrived, Subtest};

/// Bins of both directions, as told.
#[derive(Debug, Default)]
pub struct Arrivals {
    download: Vec<u64>,
    upload: Vec<u64>,
}

impl Arrivals {
    /// Takes one message. Bins come in order; any other is ignored.
    pub fn add(&mut self, arrived: Arrived) {
        let bins = match arrived.subtest {
            Subtest::Download => &mut self.download,
            Subtest::Upload => &mut self.upload,
        };
        if arrived.bin == bins.len() && arrived.bin < MAX_BINS {
            bins.push(arrived.bytes);
        }
    }

    /// Complete bins of a direction, in order of time; empty before the first.
    pub fn bins(&self, subtest: Subtest) -> &[u64] {
        match subtest {
            Subtest::Download => &self.download,
            Subtest::Upload => &self.upload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_out_of_order_are_not_taken() {
        let mut arrivals = Arrivals::default();
        let mut tell = |subtest, bin, bytes| {
            arrivals.add(Arrived {
                subtest,
                bin,
                bytes,
            });
        };
        tell(Subtest::Download, 0, 5);
        tell(Subtest::Upload, 0, 6);
        tell(Subtest::Download, 2, 7);
        tell(Subtest::Download, usize::MAX, 7);
        tell(Subtest::Download, 0, 7);
        tell(Subtest::Download, 1, 8);
        assert_eq!(arrivals.bins(Subtest::Download), [5, 8]);
        assert_eq!(arrivals.bins(Subtest::Upload), [6]);
    }
}
