//! How alike the tests of one device are, and what that costs.

use serde::{Deserialize, Serialize};

use crate::sample::{Sample, Scale};
use crate::unit::to_f64;

/// The sums of a one-way analysis of variance of ln(value) by device. Sums of
/// several wards can be added, which pools them.
///
/// Source: Searle, Casella & McCulloch, *Variance Components*, §3.6
/// (unbalanced data).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Anova {
    /// Sum of squares between devices.
    pub between: f64,
    /// Sum of squares within devices.
    pub within: f64,
    /// Degrees of freedom between devices.
    pub between_df: f64,
    /// Degrees of freedom within devices.
    pub within_df: f64,
    /// Sum of `n₀·(devices − 1)`: what makes the mean square between devices
    /// grow with the variance between them.
    pub scaled_df: f64,
}

impl Anova {
    /// The sums of one sample.
    pub fn of(sample: &Sample, scale: Scale) -> Self {
        let mut devices = vec![(0.0_f64, 0.0_f64, 0.0_f64); sample.devices()];
        for unit in sample.units() {
            let x = scale.of(unit.value);
            if let Some((n, sum, squares)) = devices.get_mut(unit.device as usize) {
                *n += 1.0;
                *sum += x;
                *squares += x * x;
            }
        }
        Self::of_sums(&devices)
    }

    /// From count, sum and sum of squares of each device.
    fn of_sums(devices: &[(f64, f64, f64)]) -> Self {
        let total = |of: fn(&(f64, f64, f64)) -> f64| devices.iter().map(of).sum::<f64>();
        let n = total(|d| d.0);
        if devices.len() < 2 || n <= 0.0 {
            return Self::default();
        }
        let centre = total(|d| d.1).powi(2) / n;
        let of_means = total(|d| d.1 * d.1 / d.0);
        Self {
            between: (of_means - centre).max(0.0),
            within: (total(|d| d.2) - of_means).max(0.0),
            between_df: to_f64(devices.len() as u64) - 1.0,
            within_df: n - to_f64(devices.len() as u64),
            scaled_df: n - total(|d| d.0 * d.0) / n,
        }
    }

    /// Both together.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            between: self.between + other.between,
            within: self.within + other.within,
            between_df: self.between_df + other.between_df,
            within_df: self.within_df + other.within_df,
            scaled_df: self.scaled_df + other.scaled_df,
        }
    }

    /// Correlation of two values of one device, from 0 to [`MOST`]; `None` when
    /// fewer than [`FEWEST`] degrees of freedom are within devices.
    pub fn correlation(&self) -> Option<f64> {
        if self.within_df < FEWEST || self.between_df < 1.0 {
            return None;
        }
        let within = self.within / self.within_df;
        let n0 = self.scaled_df / self.between_df;
        let of_devices = (self.between / self.between_df - within) / n0;
        let rho = of_devices / (of_devices + within);
        Some(if rho.is_finite() { rho } else { 0.0 }.clamp(0.0, MOST))
    }

    /// Sums of squares with so many degrees of freedom that nothing is pooled.
    pub fn stands_alone(&self) -> bool {
        self.within_df >= ENOUGH && self.between_df >= ENOUGH
    }
}

/// Fewest degrees of freedom within devices for any correlation.
pub const FEWEST: f64 = 10.0;
/// Degrees of freedom from which a ward is not pooled with others.
pub const ENOUGH: f64 = 40.0;
/// Highest correlation: two tests of one device are never quite the same.
pub const MOST: f64 = 0.99;
/// What stands in when there is nothing to estimate it from: the value that
/// docs/METHODOLOGY.md §4 argues for.
pub const ASSUMED: f64 = 0.4;

/// The correlation to use for a sample: its own where it has enough devices,
/// else that of similar samples together with its own, else [`ASSUMED`].
pub fn correlation(own: &Anova, similar: &Anova) -> f64 {
    let alone = own.stands_alone().then(|| own.correlation()).flatten();
    alone
        .or_else(|| similar.correlation())
        .or_else(|| own.correlation())
        .unwrap_or(ASSUMED)
}

/// Design effect of a median: how many times more tests a sample needs than one
/// of independent tests.
///
/// - Definition: `1 + (m−1)·(2/π)·arcsin ρ`, with `m = Σm²/Σm` for devices of
///   unequal size, so that it is 1 when every device has one test; times Kish's
///   `1 + CV²` of the weights.
/// - Source: Kish, *Survey Sampling*, §5.4 and §11.7. That the median takes the
///   correlation of the indicator, `(2/π)·arcsin ρ`, follows from the orthant
///   probability of the bivariate normal (Sheppard 1899).
pub fn design_effect(sample: &Sample, rho: f64) -> f64 {
    let sizes = sample.sizes();
    let (mut sum, mut squares) = (0.0, 0.0);
    for size in sizes.into_iter().map(f64::from) {
        sum += size;
        squares += size * size;
    }
    let m = if sum > 0.0 { squares / sum } else { 1.0 };
    let indicator = std::f64::consts::FRAC_2_PI * rho.clamp(0.0, 1.0).asin();
    (m - 1.0).mul_add(indicator, 1.0) * weight_effect(sample)
}

/// Kish's effect of unequal weights, `n·Σw²/(Σw)²`; 1 for equal ones.
fn weight_effect(sample: &Sample) -> f64 {
    let (mut sum, mut squares) = (0.0, 0.0);
    for weight in sample.units().iter().map(|unit| f64::from(unit.weight)) {
        sum += weight;
        squares += weight * weight;
    }
    if sum > 0.0 {
        to_f64(sample.len() as u64) * squares / (sum * sum)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::sample::tests::sample;
    use crate::unit::floor_u64;

    fn drawn(devices: u32, tests: u32, rho: f64, seed: u64) -> Sample {
        let mut chance = Chance::of(&[seed]);
        let mut values = vec![];
        for device in 0..devices {
            let own = chance.normal() * rho.sqrt();
            for _ in 0..tests {
                let x = own + chance.normal() * (1.0 - rho).sqrt();
                values.push((floor_u64(4e7 * (0.8 * x).exp()), device));
            }
        }
        sample(&values)
    }

    #[test]
    fn thirty_devices_with_ten_tests_are_worth_eighty_nine() {
        let values: Vec<_> = (0..300)
            .map(|n| (n, u32::try_from(n % 30).unwrap()))
            .collect();
        let deff = design_effect(&sample(&values), 0.4);
        assert!((300.0 / deff - 89.0).abs() < 0.5, "{}", 300.0 / deff);
    }

    #[test]
    fn one_test_a_device_has_no_design_effect() {
        let values: Vec<_> = (0..50).map(|n| (n, u32::try_from(n).unwrap())).collect();
        assert!((design_effect(&sample(&values), 0.6) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_correlation_that_was_put_in_comes_out() {
        for rho in [0.0, 0.2, 0.4, 0.6] {
            let found = Anova::of(&drawn(400, 6, rho, 7), Scale::Log)
                .correlation()
                .unwrap();
            assert!((found - rho).abs() < 0.06, "{found}, not {rho}");
        }
    }

    #[test]
    fn small_wards_together_know_what_none_knows_alone() {
        let pooled = (0..60).map(|seed| Anova::of(&drawn(6, 3, 0.4, seed), Scale::Log));
        let similar = pooled.fold(Anova::default(), |sum, one| sum.with(&one));
        let own = Anova::of(&drawn(6, 1, 0.4, 99), Scale::Log);
        assert_eq!(own.correlation(), None);
        let found = correlation(&own, &similar);
        assert!((found - 0.4).abs() < 0.1, "{found}");
        let assumed = correlation(&own, &Anova::default());
        assert!((assumed - ASSUMED).abs() < 1e-12);
    }
}
