//! Will the quota be reached: a forecast of counted tests at the month's end.
//!
//! With `c` tests by day `d` of `D`, the ward's daily rate has a gamma
//! distribution: its prior from past months, updated with what was counted. The
//! rest of the month is then negative binomial. Source: Gelman et al.,
//! *Bayesian Data Analysis*, §2.6 (Poisson model with conjugate prior).

use serde::{Deserialize, Serialize};

use crate::interval::ln_gamma;
use crate::unit::{floor_u64, to_f64};

/// What is known of the daily rate before the month begins.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Prior {
    /// Shape of the gamma distribution: how many tests it is worth.
    pub shape: f64,
    /// Its rate, days: how many days it is worth.
    pub days: f64,
}

/// The prior of a ward without history: 8 a day, worth two tests.
pub const UNKNOWN: Prior = Prior {
    shape: 2.0,
    days: 0.25,
};

/// What is forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress<'a> {
    /// Tests owed.
    pub quota: u64,
    /// Tests counted so far.
    pub counted: u64,
    /// Weights of the days that are over, about 1 each ([`weekday_factors`]).
    pub past: &'a [f64],
    /// Weights of the days to come.
    pub rest: &'a [f64],
    /// The prior.
    pub prior: Prior,
    /// Variance over mean of a day's count; 1 for a Poisson process.
    pub dispersion: f64,
}

/// How a month is likely to end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Projection {
    /// Expected number at the month's end.
    pub expected: u64,
    /// 5 % and 95 % quantile of the number at the month's end.
    pub range: [u64; 2],
    /// Probability that the quota is reached, 0 to 1.
    pub probability: f64,
    /// Expected number of tests that will be missing, rounded up.
    pub shortfall: u64,
    /// Tests a day needed from now on; absent when no day is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed_per_day: Option<f64>,
}

/// Projects a month.
///
/// Over-dispersion φ enters as usual in quasi-Poisson models: counts divided by
/// φ behave like Poisson counts, so evidence counts for 1/φ of what it would,
/// and so do the days to come.
pub fn project(progress: &Progress<'_>) -> Projection {
    let phi = progress.dispersion.max(1.0);
    let (past, rest) = (sum(progress.past), sum(progress.rest));
    let shape = progress.prior.shape + to_f64(progress.counted) / phi;
    let rate = progress.prior.days + past / phi;
    let mean = shape / rate * rest;
    // The gamma mixture of Poisson days, and the days' own over-dispersion.
    let variance = shape / (rate * rate) * rest * rest + phi * mean;
    let future = Future::of(mean, variance);
    let missing = progress.quota.saturating_sub(progress.counted);
    let [low, high] = [0.05, 0.95].map(|p| progress.counted + future.quantile(p));
    let days = to_f64(progress.rest.len() as u64);
    Projection {
        expected: progress.counted + floor_u64(mean.round()),
        range: [low, high],
        probability: (future.at_least(missing) * 1e4).round() / 1e4,
        shortfall: floor_u64(future.shortfall(missing).ceil()),
        needed_per_day: (days > 0.0).then(|| (to_f64(missing) / days * 10.0).ceil() / 10.0),
    }
}

fn sum(weights: &[f64]) -> f64 {
    weights.iter().sum()
}

/// Distribution of the tests to come: probabilities of 0, 1, 2, …
struct Future(Vec<f64>);

/// No month of a ward has more tests to come than this.
const MOST: u64 = 200_000;

impl Future {
    /// Negative binomial with a mean and a variance; Poisson where the variance
    /// is not above the mean.
    fn of(mean: f64, variance: f64) -> Self {
        if mean <= 0.0 {
            return Self(vec![1.0]);
        }
        let excess = (variance - mean).max(mean * 1e-9);
        let size = mean * mean / excess;
        let p = size / (size + mean);
        let ln_p0 = size * p.ln();
        let end = floor_u64(12.0_f64.mul_add(variance.sqrt(), mean)).clamp(50, MOST);
        let probability = |k: u64| {
            let k = to_f64(k);
            let ways = ln_gamma(k + size) - ln_gamma(size) - ln_gamma(k + 1.0);
            (ways + ln_p0 + k * (1.0 - p).ln()).exp()
        };
        Self((0..=end).map(probability).collect())
    }

    fn at_least(&self, k: u64) -> f64 {
        let below = usize::try_from(k).unwrap_or(usize::MAX).min(self.0.len());
        (1.0 - self.0[..below].iter().sum::<f64>()).clamp(0.0, 1.0)
    }

    /// Smallest number that is not passed with probability `p`.
    fn quantile(&self, p: f64) -> u64 {
        let mut sum = 0.0;
        let reaches = |q: &f64| {
            sum += q;
            sum >= p
        };
        self.0.iter().position(reaches).unwrap_or(self.0.len() - 1) as u64
    }

    /// Expected number below `k`.
    fn shortfall(&self, k: u64) -> f64 {
        let short = |(n, p): (usize, &f64)| to_f64(k.saturating_sub(n as u64)) * p;
        self.0.iter().enumerate().map(short).sum()
    }
}

/// A day of a past month: weekday from Monday = 0, tests counted.
pub type Day = (u8, u64);

/// Weight of each weekday, from Monday, with a mean of 1 over a week.
///
/// A weekday's mean over the mean of all, drawn towards 1 as if a week of
/// average days had been seen too, so that one empty Sunday is not taken for a
/// law.
pub fn weekday_factors(days: &[Day]) -> [f64; 7] {
    let all: u64 = days.iter().map(|day| day.1).sum();
    if all == 0 {
        return [1.0; 7];
    }
    let mean = to_f64(all) / to_f64(days.len() as u64);
    let mut factors = [1.0; 7];
    for (weekday, factor) in (0_u8..).zip(&mut factors) {
        let here = || days.iter().filter(|day| day.0 == weekday);
        let (n, sum) = (here().count() as u64, here().map(|day| day.1).sum());
        *factor = (to_f64(sum) / mean + 1.0) / (to_f64(n) + 1.0);
    }
    let scale = 7.0 / factors.iter().sum::<f64>();
    factors.map(|factor| factor * scale)
}

/// Variance over mean of daily counts about their weekday means, at least 1.
///
/// Pearson's statistic over its degrees of freedom (McCullagh & Nelder,
/// *Generalized Linear Models*, §6.2.4). 1 below ten days.
pub fn dispersion(days: &[Day], factors: &[f64; 7]) -> f64 {
    let weight = |day: &Day| factors[usize::from(day.0 % 7)];
    let all: u64 = days.iter().map(|day| day.1).sum();
    let rate = to_f64(all) / days.iter().map(weight).sum::<f64>();
    if days.len() < 10 || all == 0 {
        return 1.0;
    }
    let pearson = |day: &Day| {
        let mean = rate * weight(day);
        (to_f64(day.1) - mean).powi(2) / mean
    };
    let statistic: f64 = days.iter().map(pearson).sum();
    (statistic / to_f64(days.len() as u64 - 1)).max(1.0)
}

/// Prior from a ward's past months, each as tests a day.
///
/// The mean is that of the months; the shape follows from how much they differ,
/// between 2 (they say little) and 40. [`UNKNOWN`] without history.
pub fn prior(monthly_rates: &[f64]) -> Prior {
    let n = to_f64(monthly_rates.len() as u64);
    let mean = monthly_rates.iter().sum::<f64>() / n;
    if monthly_rates.is_empty() || mean <= 0.0 {
        return UNKNOWN;
    }
    let squares: f64 = monthly_rates.iter().map(|r| (r - mean).powi(2)).sum();
    let variance = if n > 1.0 {
        squares / (n - 1.0)
    } else {
        mean * mean / 4.0
    };
    let shape = (mean * mean / variance.max(f64::MIN_POSITIVE)).clamp(2.0, 40.0);
    Prior {
        shape,
        days: shape / mean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plain case: Poisson days without weekday factors, 10 of 30 gone.
    fn plain(counted: u64) -> Projection {
        project(&Progress {
            quota: 300,
            counted,
            past: &[1.0; 10],
            rest: &[1.0; 20],
            prior: UNKNOWN,
            dispersion: 1.0,
        })
    }

    #[test]
    fn the_checks_of_the_plain_case() {
        for (counted, want) in [(100, 0.48), (110, 0.88), (90, 0.10), (60, 0.00)] {
            let p = plain(counted).probability;
            assert!((p - want).abs() <= 0.006, "{counted}: {p}, not {want}");
        }
        assert_eq!(plain(100).range, [261, 340]);
    }

    #[test]
    fn what_is_needed_and_what_will_be_missing() {
        let projection = plain(100);
        assert_eq!(projection.needed_per_day, Some(10.0));
        assert!((290..310).contains(&projection.expected));
        assert!(projection.shortfall > 0 && plain(140).shortfall <= 1);
    }

    #[test]
    fn a_month_that_is_over_is_what_it_is() {
        let over = |counted| {
            project(&Progress {
                quota: 300,
                counted,
                past: &[1.0; 30],
                rest: &[],
                prior: UNKNOWN,
                dispersion: 1.0,
            })
        };
        let (short, reached) = (over(290), over(300));
        assert_eq!((short.range, short.shortfall), ([290, 290], 10));
        assert!(short.probability < 1e-9 && reached.probability > 1.0 - 1e-9);
        assert_eq!(short.needed_per_day, None);
    }

    #[test]
    fn over_dispersion_widens_the_range_and_keeps_the_middle() {
        let of = |dispersion| {
            project(&Progress {
                quota: 300,
                counted: 100,
                past: &[1.0; 10],
                rest: &[1.0; 20],
                prior: UNKNOWN,
                dispersion,
            })
        };
        let (plain, wide) = (of(1.0), of(4.0));
        assert!(wide.range[0] < plain.range[0] && wide.range[1] > plain.range[1]);
        assert!(wide.expected.abs_diff(plain.expected) < 20);
    }

    #[test]
    fn weekends_that_were_quiet_are_expected_to_be() {
        let days: Vec<Day> = (0..28_u8)
            .map(|day| (day % 7, if day % 7 >= 5 { 4 } else { 12 }))
            .collect();
        let factors = weekday_factors(&days);
        assert!(factors[6] < 0.6 && factors[0] > 1.1);
        assert!((factors.iter().sum::<f64>() - 7.0).abs() < 1e-9);
        assert!((dispersion(&days, &factors) - 1.0).abs() < 0.5);
        assert_eq!(
            weekday_factors(&[]).map(f64::to_bits),
            [1.0_f64.to_bits(); 7]
        );
    }

    #[test]
    fn steady_months_say_more_than_one() {
        let (steady, once) = (prior(&[10.0, 10.5, 9.5]), prior(&[10.0]));
        assert!(steady.shape > once.shape);
        assert!((steady.shape / steady.days - 10.0).abs() < 1e-9);
        assert_eq!(prior(&[]), UNKNOWN);
    }
}
