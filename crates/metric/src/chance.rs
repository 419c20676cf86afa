//! Chance that follows from a seed: for resampling and for simulations.
//!
//! A pure function of its seed, so that a figure computed again is the same.

use crate::unit::{floor_u64, to_f64};

/// Pseudo-random numbers: SplitMix64.
///
/// Source: Steele, Lea & Flood, *Fast splittable pseudorandom number
/// generators*, OOPSLA 2014. Fit for simulation, not for secrets.
#[derive(Clone, Debug)]
pub struct Chance(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chance {
    /// The stream named by some numbers; other names give unrelated streams.
    pub fn of(name: &[u64]) -> Self {
        let mix = |state: u64, part: &u64| Self(state ^ part.wrapping_mul(GOLDEN)).next();
        Self(name.iter().fold(0, mix))
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        to_f64(self.next() >> 11) / to_f64(1 << 53)
    }

    /// Uniform in `[low, high)`.
    pub fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        low + u32::try_from(self.next() % span).unwrap_or(0)
    }

    /// Whether something with this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A factor whose logarithm is normal about 0.
    pub fn factor(&mut self, log_sd: f64) -> f64 {
        (log_sd * self.normal()).exp()
    }

    /// A position in `weights`, each as likely as its weight; 0 for none.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        let holds = |weight: &f64| {
            left -= weight;
            left < 0.0
        };
        weights.iter().position(holds).unwrap_or(0)
    }

    /// A position below `n`; 0 for none.
    pub fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % (n.max(1) as u64)).unwrap_or(0)
    }

    /// Uniform whole number of a real span.
    pub fn whole(&mut self, low: f64, high: f64) -> u64 {
        floor_u64(self.within(low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_its_published_numbers() {
        // The reference implementation with seed 1234567.
        let mut chance = Chance(1_234_567);
        let numbers = [chance.next(), chance.next(), chance.next()];
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(numbers, published);
    }

    #[test]
    fn a_normal_has_its_moments() {
        let mut chance = Chance::of(&[7]);
        let sample: Vec<f64> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = crate::statistic::mean(&sample).unwrap();
        let deviation = crate::statistic::standard_deviation(&sample, mean).unwrap();
        assert!(
            mean.abs() < 0.03 && (deviation - 1.0).abs() < 0.03,
            "{mean} {deviation}"
        );
    }
}
