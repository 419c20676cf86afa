//! Bytes counted in bins of equal length from the start of a subtest.

use crate::unit::Micros;

/// Length of a bin in edition 1 of the method.
pub const BIN: Micros = Micros(100_000);

/// Most bins a subtest may have; the receipt and the decoders refuse more.
pub const MAX_BINS: usize = 400;

/// Bytes per bin, in order of time; bin `k` covers `[k·BIN, (k+1)·BIN)`.
///
/// Empty before the first byte. Bins are added as time passes, so a stall is a
/// row of zeros, which is a measured value. What would fall behind
/// [`MAX_BINS`] is counted in the last bin.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bins(Vec<u64>);

impl Bins {
    /// No bins yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds `bytes` that arrived `at` after the start.
    pub fn add(&mut self, at: Micros, bytes: u64) {
        let bin = Self::index(at);
        self.reach(bin);
        self.0[bin] += bytes;
    }

    /// Adds `bytes` that passed somewhere between `from` and `to`, in proportion
    /// to the time they share with each bin. Keeps the sum exact.
    pub fn add_span(&mut self, from: Micros, to: Micros, bytes: u64) {
        let span = to.0.saturating_sub(from.0);
        if span == 0 {
            return self.add(to, bytes);
        }
        let (first, last) = (Self::index(from), Self::index(Micros(to.0 - 1)));
        self.reach(last);
        let mut given = 0;
        for bin in first..last {
            let end = (bin as u64 + 1) * BIN.0;
            let until = u128::from(bytes) * u128::from(end - from.0) / u128::from(span);
            let until = u64::try_from(until).unwrap_or(bytes).min(bytes);
            self.0[bin] += until - given;
            given = until;
        }
        self.0[last] += bytes - given;
    }

    /// Lets time pass up to `at`, so that bins without bytes exist.
    pub fn pass(&mut self, at: Micros) {
        self.reach(Self::index(at));
    }

    /// Bytes per bin; the last one may still be filling.
    pub fn bytes(&self) -> &[u64] {
        &self.0
    }

    /// Takes the bins out.
    pub fn into_bytes(self) -> Vec<u64> {
        self.0
    }

    /// Bin in which an instant lies.
    pub fn index(at: Micros) -> usize {
        usize::try_from(at.0 / BIN.0)
            .unwrap_or(usize::MAX)
            .min(MAX_BINS - 1)
    }

    fn reach(&mut self, bin: usize) {
        if self.0.len() <= bin {
            self.0.resize(bin + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stall_is_zeros() {
        let mut bins = Bins::default();
        bins.add(Micros(10), 5);
        bins.add(Micros(350_000), 7);
        assert_eq!(bins.bytes(), [5, 0, 0, 7]);
    }

    #[test]
    fn a_span_is_shared_by_time() {
        let mut bins = Bins::default();
        bins.add_span(Micros(50_000), Micros(250_000), 400);
        assert_eq!(bins.bytes(), [100, 200, 100]);
        bins.add_span(Micros(300_000), Micros(400_000), 9);
        assert_eq!(bins.bytes(), [100, 200, 100, 9]);
    }

    proptest! {
        #[test]
        fn spans_keep_the_sum(from in 0_u64..60_000_000, span in 0_u64..60_000_000, bytes in 0..u64::MAX / 4) {
            let mut bins = Bins::default();
            bins.add_span(Micros(from), Micros(from + span), bytes);
            prop_assert_eq!(bins.bytes().iter().sum::<u64>(), bytes);
        }
    }
}
