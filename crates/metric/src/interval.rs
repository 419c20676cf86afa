//! Intervals: quantiles of the normal and of Student's t, and Wilson's for shares.

use serde::{Deserialize, Serialize};

use crate::statistic::t_quantile_975;
use crate::unit::to_f64;

/// 97.5 % quantile of the standard normal.
pub const Z_975: f64 = 1.959_963_984_540_054;

/// Distribution function of the standard normal.
///
/// - Error: below 7.5·10⁻⁸.
/// - Source: Abramowitz & Stegun, formula 26.2.17.
pub fn normal_cdf(x: f64) -> f64 {
    const B: [f64; 5] = [
        0.319_381_53,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let t = 1.0 / 0.231_641_9_f64.mul_add(x.abs(), 1.0);
    let series = B.iter().rev().fold(0.0, |sum, b| (sum + b) * t);
    let density = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let upper = density * series;
    if x < 0.0 { upper } else { 1.0 - upper }
}

/// Quantile `p` (0 to 1, both excluded) of the standard normal.
///
/// - Error: below 4.5·10⁻⁴.
/// - Source: Abramowitz & Stegun, formula 26.2.23.
pub fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p).max(f64::MIN_POSITIVE);
    let t = (-2.0 * tail.ln()).sqrt();
    let top = 0.010_328_f64.mul_add(t, 0.802_853).mul_add(t, 2.515_517);
    let bottom = 0.001_308_f64
        .mul_add(t, 0.189_269)
        .mul_add(t, 1.432_788)
        .mul_add(t, 1.0);
    let x = t - top / bottom;
    if p < 0.5 { -x } else { x }
}

/// 97.5 % quantile of Student's t; infinite without a degree of freedom.
///
/// The table of [`t_quantile_975`] up to 30 degrees, beyond them two terms of
/// Fisher's expansion about the normal (Abramowitz & Stegun, 26.7.5), off by
/// less than 10⁻⁴.
pub fn t_975(degrees_of_freedom: usize) -> f64 {
    match degrees_of_freedom {
        0 => f64::INFINITY,
        n @ 1..=30 => t_quantile_975(n),
        n => {
            let (z, n) = (Z_975, to_f64(n as u64));
            let (z3, z5) = (z.powi(3), z.powi(5));
            let second = 3.0_f64.mul_add(z, 5.0_f64.mul_add(z5, 16.0 * z3)) / (96.0 * n * n);
            z + (z3 + z) / (4.0 * n) + second
        }
    }
}

/// A share of a sample with its 95 % interval; each from 0 to 1.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Share {
    /// The share.
    pub ratio: f64,
    /// Its interval.
    pub interval: [f64; 2],
}

impl Share {
    /// A share with Wilson's interval on an effective number of tests; `None`
    /// for none.
    ///
    /// - Rounded to four digits, the interval outwards.
    /// - Source: Wilson, *JASA* 22 (1927); Brown, Cai & DasGupta (2001) for why
    ///   not Wald's. For n = 300 and 10 %: 7.1 to 13.9 %.
    pub fn wilson(ratio: f64, n_effective: f64) -> Option<Self> {
        let measured = n_effective > 0.0 && (0.0..=1.0).contains(&ratio);
        let [low, high] = wilson(ratio, n_effective);
        measured.then(|| Self {
            ratio: (ratio * 1e4).round() / 1e4,
            interval: [(low * 1e4).floor() / 1e4, (high * 1e4).ceil() / 1e4],
        })
    }
}

fn wilson(p: f64, n: f64) -> [f64; 2] {
    let z2 = Z_975 * Z_975;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let spread = (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let half = Z_975 / (1.0 + z2 / n) * spread;
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

/// Logarithm of the gamma function of a positive number.
///
/// - Error: below 2·10⁻¹⁰ relative.
/// - Source: Lanczos, *SIAM J. Numer. Anal.* B 1 (1964), with g = 5 and six terms.
pub fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 6] = [
        76.180_091_729_471_46,
        -86.505_320_329_416_77,
        24.014_098_240_830_91,
        -1.231_739_572_450_155,
        0.001_208_650_973_866_179,
        -0.000_005_395_239_384_953,
    ];
    let base = x + 5.5;
    let start = base - (x + 0.5) * base.ln();
    let (mut sum, mut at) = (1.000_000_000_190_015, x);
    for c in C {
        at += 1.0;
        sum += c / at;
    }
    (std::f64::consts::TAU.sqrt() * sum / x).ln() - start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(value: f64, want: f64, within: f64) {
        assert!((value - want).abs() <= within, "{value}, not {want}");
    }

    #[test]
    fn the_normal_and_its_quantiles() {
        near(normal_cdf(0.0), 0.5, 1e-7);
        near(normal_cdf(-Z_975), 0.025, 1e-7);
        near(normal_cdf(Z_975), 0.975, 1e-7);
        for p in [0.001, 0.05, 0.3, 0.5, 0.9] {
            near(normal_cdf(normal_quantile(p)), p, 2e-4);
        }
    }

    #[test]
    fn t_goes_over_into_the_normal() {
        near(t_975(29), 2.045, 1e-3);
        near(t_975(31), 2.0395, 1e-4);
        near(t_975(60), 2.0003, 1e-4);
        near(t_975(100_000), Z_975, 1e-4);
        assert!(t_975(0).is_infinite());
    }

    #[test]
    fn wilsons_worked_example() {
        let share = Share::wilson(0.1, 300.0).unwrap();
        near(share.interval[0], 0.071, 5e-4);
        near(share.interval[1], 0.139, 5e-4);
        assert_eq!(Share::wilson(0.1, 0.0), None);
        let none = Share::wilson(0.0, 50.0).unwrap();
        assert!(none.interval[0] == 0.0 && none.interval[1] > 0.05);
    }

    #[test]
    fn the_gamma_function_of_whole_numbers_is_the_factorial() {
        let mut factorial = 0.0_f64;
        for n in 1..50_u32 {
            near(ln_gamma(f64::from(n)), factorial, 1e-8);
            factorial += f64::from(n).ln();
        }
        near(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln(), 1e-9);
    }
}
