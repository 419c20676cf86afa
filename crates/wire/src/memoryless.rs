//! Times between looks that fall independently of what is looked at
//! (m-lab/go `memoryless`).

use metric::unit::{Micros, floor_u64};

/// Exponential times, held within bounds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Intervals {
    /// Least time.
    pub least: Micros,
    /// Mean before the bounds cut.
    pub mean: Micros,
    /// Most time.
    pub most: Micros,
}

impl Intervals {
    /// The time to the next look, from 32 random bits.
    pub fn draw(&self, random: u32) -> Micros {
        // In (0, 1), so that the logarithm is finite.
        let uniform = (f64::from(random) + 0.5) / 4_294_967_296.0;
        let drawn = floor_u64(-uniform.ln() * metric::unit::to_f64(self.mean.0));
        Micros(drawn.clamp(self.least.0, self.most.0))
    }
}

#[cfg(test)]
mod tests {
    use crate::{msak, ndt7};
    use proptest::prelude::*;

    #[test]
    fn intervals_are_exponential_within_their_bounds() {
        let draws = (0..100_000_u32).map(|i| ndt7::INTERVALS.draw(i.wrapping_mul(42_949)).0);
        let mean = draws.sum::<u64>() / 100_000;
        // Clamping [25, 625] of a mean of 250 ms leaves 250·(e^-0.1 − e^-2.5) + 25 = 230.7.
        assert!((230_000..232_000).contains(&mean), "{mean}");
        assert_eq!(ndt7::INTERVALS.draw(u32::MAX), ndt7::spec::MIN_INTERVAL);
        assert_eq!(ndt7::INTERVALS.draw(0), ndt7::spec::MAX_INTERVAL);
    }

    proptest! {
        #[test]
        fn an_interval_is_within_its_bounds(random in any::<u32>()) {
            for intervals in [ndt7::INTERVALS, msak::INTERVALS] {
                let drawn = intervals.draw(random);
                prop_assert!(intervals.least <= drawn && drawn <= intervals.most);
            }
        }
    }
}
