//! What is said of a sample: its figure with an interval beside every number,
//! its grade, and shares. Edition 2 of figures.
//!
//! Source: docs/METHODOLOGY.md §4.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::correlation::design_effect;
use crate::figure::{Figure, Grade, Why};
use crate::interval::{Share, t_975};
use crate::resample::{
    MOST_DEVICES, Resamples, mean_ends, mean_ends_linear, quantile_ends, quantile_ends_linear,
};
use crate::sample::{Sample, Scale, middle};
use crate::statistic::{mean, standard_deviation};
use crate::unit::{floor_u64, to_f64};

/// The numbers behind floors and grades; configuration, with these defaults.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Floors {
    /// Fewest device-days of a published figure.
    pub min_device_days: u32,
    /// Widest interval of a published median, per cent of it to either side.
    pub max_half_width_percent: u16,
    /// Grade A: fewest independent tests, …
    pub a_n_effective: u32,
    /// … devices, …
    pub a_devices: u32,
    /// … and bands of the day.
    pub a_bands: u8,
    /// Grade B: widest interval, per cent to either side.
    pub b_half_width_percent: u16,
    /// Grade C: fewest independent tests.
    pub c_n_effective: u32,
}

impl Default for Floors {
    fn default() -> Self {
        Self {
            min_device_days: 30,
            max_half_width_percent: 50,
            a_n_effective: 200,
            a_devices: 60,
            a_bands: 3,
            b_half_width_percent: 25,
            c_n_effective: 30,
        }
    }
}

/// Resamples by number of devices, kept while many samples are described.
#[derive(Debug, Default)]
pub struct Draws {
    kept: HashMap<usize, Resamples>,
    /// The last one that was too large to keep.
    last: Option<Resamples>,
}

/// Largest number of devices whose resamples are kept: about 25 MB in all.
const MOST_KEPT: usize = 224;

impl Draws {
    /// The resamples for some devices.
    pub fn of(&mut self, devices: usize) -> &Resamples {
        if devices <= MOST_KEPT {
            let entry = self.kept.entry(devices);
            return entry.or_insert_with(|| Resamples::of(devices));
        }
        if self.last.as_ref().is_none_or(|l| l.devices() != devices) {
            self.last = None;
        }
        self.last.get_or_insert_with(|| Resamples::of(devices))
    }
}

/// The quantiles of a figure, per mille.
const QUANTILES: [u16; 5] = [50, 250, 500, 750, 950];
/// Which of them is the median.
const MEDIAN: usize = 2;

/// Fewest devices for an interval by resampling alone.
pub const FEWEST_DEVICES: usize = 30;

/// The numbers of a sample before it is decided whether they are published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Described {
    /// The quantiles 5, 25, 50, 75 and 95 %.
    pub quantiles: [u64; 5],
    /// Their 95 % intervals.
    pub intervals: [Option<[u64; 2]>; 5],
    /// Arithmetic mean.
    pub mean: u64,
    /// Its 95 % interval.
    pub mean_interval: Option<[u64; 2]>,
    /// Independent tests that would say as much.
    pub n_effective: f64,
}

impl Described {
    /// The numbers of a sample, with the correlation `rho` of values of one
    /// device; `None` for an empty one.
    pub fn of(sample: &Sample, scale: Scale, rho: f64, draws: &mut Draws) -> Option<Self> {
        let quantiles = all(QUANTILES.map(|p| sample.quantile(p)))?;
        let n_effective = to_f64(sample.len() as u64) / design_effect(sample, rho);
        let plain = plain(sample, draws);
        let stretched = stretched(sample, scale, &quantiles, plain);
        let holds = |q: usize| fewest(QUANTILES[q]) <= n_effective;
        Some(Self {
            quantiles,
            intervals: std::array::from_fn(|q| stretched.map(|s| s.0[q]).filter(|_| holds(q))),
            mean: floor_u64(sample.mean()?),
            mean_interval: stretched.map(|s| s.1),
            n_effective,
        })
    }

    /// The median.
    pub const fn median(&self) -> u64 {
        self.quantiles[MEDIAN]
    }

    /// The 95 % interval of the median.
    pub const fn median_interval(&self) -> Option<[u64; 2]> {
        self.intervals[MEDIAN]
    }

    /// Half width of the interval of the median on its longer side, as a share
    /// of the median; `None` without an interval.
    pub fn half_width(&self) -> Option<f64> {
        let [low, high] = self.median_interval()?.map(to_f64);
        let median = to_f64(self.median()).max(1.0);
        Some((high - median).max(median - low) / median)
    }
}

fn all<T: Copy, const N: usize>(values: [Option<T>; N]) -> Option<[T; N]> {
    let first = values.first().copied().flatten()?;
    let mut found = [first; N];
    for (to, from) in found.iter_mut().zip(values) {
        *to = from?;
    }
    Some(found)
}

/// Intervals of the quantiles and of the mean.
type Intervals = ([[u64; 2]; 5], [u64; 2]);

/// By resampling devices, or by linearisation where there are very many.
fn plain(sample: &Sample, draws: &mut Draws) -> Option<Intervals> {
    if sample.devices() < 2 {
        return None;
    }
    let (quantiles, mean) = if sample.devices() > MOST_DEVICES {
        (
            quantile_ends_linear(sample, QUANTILES)?,
            mean_ends_linear(sample)?,
        )
    } else {
        let resamples = draws.of(sample.devices());
        let ends = quantile_ends(sample, resamples, QUANTILES)?;
        let values = ends.map(|ends| ends.map(|at| sample.units()[at].value));
        (values, mean_ends(sample, resamples)?)
    };
    let [low, high] = mean;
    Some((quantiles, [floor_u64(low), floor_u64(high.ceil())]))
}

/// Below [`FEWEST_DEVICES`] devices the interval of the median also holds the t
/// interval of the devices' medians, and the other intervals are widened by as
/// much.
fn stretched(
    sample: &Sample,
    scale: Scale,
    quantiles: &[u64; 5],
    plain: Option<Intervals>,
) -> Option<Intervals> {
    let (mut intervals, mut mean_interval) = plain?;
    if sample.devices() >= FEWEST_DEVICES {
        return plain;
    }
    let (drawn, t) = (intervals[MEDIAN], t_interval(sample, scale)?);
    let hull = [drawn[0].min(t[0]), drawn[1].max(t[1])];
    let factor = (width(scale, hull) / width(scale, drawn)).max(1.0);
    let factor = if factor.is_finite() { factor } else { 1.0 };
    let mean = floor_u64(sample.mean()?);
    for (interval, &about) in intervals.iter_mut().zip(quantiles) {
        *interval = widened(scale, *interval, about, factor);
    }
    mean_interval = widened(scale, mean_interval, mean, factor);
    intervals[MEDIAN] = hull;
    Some((intervals, mean_interval))
}

fn width(scale: Scale, [low, high]: [u64; 2]) -> f64 {
    scale.of(high) - scale.of(low)
}

fn widened(scale: Scale, [low, high]: [u64; 2], about: u64, factor: f64) -> [u64; 2] {
    let middle = scale.of(about);
    let out = |x: u64| scale.back((scale.of(x) - middle).mul_add(factor, middle));
    [out(low).min(low), out(high).max(high)]
}

/// t interval of the devices' medians where they are spread evenly (on the
/// logarithm for rates and delays); `None` below two devices.
pub fn t_interval(sample: &Sample, scale: Scale) -> Option<[u64; 2]> {
    let of_device = |values: &mut Vec<u64>| Some(scale.of(middle(values, scale)?));
    let mut devices = sample.by_device();
    let medians: Vec<f64> = devices.iter_mut().filter_map(of_device).collect();
    let centre = mean(&medians)?;
    let error = standard_deviation(&medians, centre)? / to_f64(medians.len() as u64).sqrt();
    let half = t_975(medians.len() - 1) * error;
    Some([
        scale.back(centre - half),
        scale.back(centre + half).saturating_add(1),
    ])
}

/// Fewest independent values between which a quantile can lie with 95 %: its
/// smaller tail must hold one of them with 97.5 %, `(1−p)ⁿ ≤ 2.5 %`. 72 for 5 %.
fn fewest(per_mille: u16) -> f64 {
    let tail = f64::from(per_mille.min(1000 - per_mille)) / 1000.0;
    (0.025_f64.ln() / (1.0 - tail).ln()).ceil()
}

/// A sample with its counts, as it is published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Tests behind the values.
    pub tests: u64,
    /// Devices behind them.
    pub devices: u64,
    /// Device-days.
    pub device_days: u64,
    /// Independent tests that would say as much, rounded down.
    pub n_effective: u64,
    /// Bands of the day with tests, of [`crate::weight::BANDS`].
    pub bands: u8,
    /// Quantiles, mean and their intervals; or withheld.
    pub figure: Figure,
    /// Shares of the device-days below some thresholds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<Below>,
}

/// Share of the device-days with a value below a threshold.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Below {
    /// The threshold, in the unit of the metric.
    pub threshold: u64,
    /// The share, with Wilson's interval on the effective number of tests.
    #[serde(flatten)]
    pub share: Share,
}

/// What stands beside a sample when it is summarised.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Tests that were collapsed into it.
    pub tests: u64,
    /// Bands of the day with tests.
    pub bands: u8,
    /// How values are spread.
    pub scale: Scale,
    /// Correlation of values of one device.
    pub rho: f64,
    /// Thresholds of shares, in the unit of the metric.
    pub thresholds: &'a [u64],
    /// Floors and grades.
    pub floors: &'a Floors,
}

/// The summary of a sample. Nothing is resampled below the floor.
pub fn summarise(sample: &Sample, about: &About<'_>, draws: &mut Draws) -> Summary {
    let enough = sample.len() >= about.floors.min_device_days as usize;
    let described = enough.then(|| Described::of(sample, about.scale, about.rho, draws));
    let n = sample.len() as u64;
    let deff = design_effect(sample, about.rho);
    let (figure, below) = match described.flatten() {
        None => (withheld(n, Why::TooFew), vec![]),
        Some(described) => publish(sample, &described, about),
    };
    Summary {
        tests: about.tests,
        devices: sample.devices() as u64,
        device_days: n,
        n_effective: floor_u64(to_f64(n) / deff),
        bands: about.bands,
        figure,
        below,
    }
}

const fn withheld(n: u64, why: Why) -> Figure {
    Figure::Withheld { n, why: Some(why) }
}

fn publish(sample: &Sample, described: &Described, about: &About<'_>) -> (Figure, Vec<Below>) {
    let n = sample.len() as u64;
    match grade(sample, described, about) {
        Err(why) => (withheld(n, why), vec![]),
        Ok(grade) => (
            published(n, described, grade),
            below(sample, described.n_effective, about.thresholds),
        ),
    }
}

/// The grade of a sample that has enough device-days, or why it is withheld.
fn grade(sample: &Sample, described: &Described, about: &About<'_>) -> Result<Grade, Why> {
    let floors = about.floors;
    let percent = described.half_width().map_or(f64::INFINITY, |h| h * 100.0);
    let n = described.n_effective;
    if percent > f64::from(floors.max_half_width_percent) {
        Err(Why::TooWide)
    } else if n >= f64::from(floors.a_n_effective)
        && sample.devices() >= floors.a_devices as usize
        && about.bands >= floors.a_bands
    {
        Ok(Grade::A)
    } else if percent <= f64::from(floors.b_half_width_percent) {
        Ok(Grade::B)
    } else if n >= f64::from(floors.c_n_effective) {
        Ok(Grade::C)
    } else {
        Err(Why::Dependent)
    }
}

const fn published(n: u64, described: &Described, grade: Grade) -> Figure {
    let [p5, p25, median, p75, p95] = described.quantiles;
    let [
        p5_interval,
        p25_interval,
        median_interval,
        p75_interval,
        p95_interval,
    ] = described.intervals;
    Figure::Published {
        n,
        median,
        median_interval,
        mean: described.mean,
        p5,
        p25,
        p75,
        p95,
        mean_interval: described.mean_interval,
        p5_interval,
        p25_interval,
        p75_interval,
        p95_interval,
        n_effective: Some(whole(described.n_effective)),
        grade: Some(grade),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of tests, rounded down"
)]
const fn whole(n: f64) -> u64 {
    n as u64
}

fn below(sample: &Sample, n_effective: f64, thresholds: &[u64]) -> Vec<Below> {
    let all = to_f64(sample.weight());
    let share = |&threshold: &u64| {
        let under = sample.units().iter().take_while(|u| u.value < threshold);
        let weight: u64 = under.map(|unit| u64::from(unit.weight)).sum();
        let share = Share::wilson(to_f64(weight) / all, n_effective)?;
        Some(Below { threshold, share })
    };
    thresholds.iter().filter_map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::sample::tests::sample;

    fn about(floors: &Floors) -> About<'_> {
        About {
            tests: 0,
            bands: 4,
            scale: Scale::Log,
            rho: 0.4,
            thresholds: &[10_000_000, 40_000_000],
            floors,
        }
    }

    /// Devices with days of a log-normal rate about 40 Mbit/s.
    fn ward(devices: u32, days: u32, log_sd: f64, rho: f64, seed: u64) -> Sample {
        let mut chance = Chance::of(&[seed, 17]);
        let mut values = vec![];
        for device in 0..devices {
            let own = chance.normal() * rho.sqrt();
            for _ in 0..days {
                let x = own + chance.normal() * (1.0 - rho).sqrt();
                values.push((floor_u64(4e7 * (log_sd * x).exp()), device));
            }
        }
        sample(&values)
    }

    fn summary(sample: &Sample) -> Summary {
        summarise(sample, &about(&Floors::default()), &mut Draws::default())
    }

    #[test]
    fn below_the_floor_is_withheld_and_its_counts_are_not() {
        let summary = summary(&ward(29, 1, 0.8, 0.0, 1));
        assert_eq!((summary.devices, summary.device_days), (29, 29));
        assert_eq!(summary.figure, withheld(29, Why::TooFew));
        assert!(summary.below.is_empty());
    }

    #[test]
    fn a_wide_interval_is_withheld() {
        let wide = summary(&ward(10, 4, 1.4, 0.8, 3));
        assert_eq!(wide.figure, withheld(40, Why::TooWide));
        let alone = summary(&ward(1, 40, 0.3, 0.0, 3));
        assert_eq!(alone.figure, withheld(40, Why::TooWide));
    }

    #[test]
    fn grades_follow_tests_devices_and_width() {
        let grade_of = |sample: &Sample| match summary(sample).figure {
            Figure::Published { grade, .. } => grade,
            Figure::Withheld { .. } => None,
        };
        assert_eq!(grade_of(&ward(300, 1, 0.8, 0.0, 1)), Some(Grade::A));
        assert_eq!(grade_of(&ward(50, 3, 0.6, 0.2, 1)), Some(Grade::B));
        assert_eq!(grade_of(&ward(40, 2, 0.9, 0.3, 1)), Some(Grade::C));
    }

    #[test]
    fn every_number_of_a_large_sample_has_its_interval() {
        let Figure::Published {
            median,
            median_interval: Some([low, high]),
            mean,
            mean_interval: Some([mean_low, mean_high]),
            p5,
            p5_interval: Some([p5_low, p5_high]),
            p95,
            p95_interval: Some([p95_low, p95_high]),
            p25_interval: Some(_),
            p75_interval: Some(_),
            ..
        } = summary(&ward(300, 1, 0.8, 0.0, 1)).figure
        else {
            panic!("withheld");
        };
        assert!(low <= median && median <= high && p5_low <= p5 && p5 <= p5_high);
        assert!(mean_low <= mean && mean <= mean_high && p95_low <= p95 && p95 <= p95_high);
    }

    #[test]
    fn a_tail_that_holds_no_test_has_no_interval() {
        assert!((fewest(50) - 72.0).abs() < 1e-9 && (fewest(950) - 72.0).abs() < 1e-9);
        let Figure::Published {
            p5_interval,
            p25_interval,
            ..
        } = summary(&ward(50, 1, 0.5, 0.0, 2)).figure
        else {
            panic!("withheld");
        };
        assert!(p5_interval.is_none() && p25_interval.is_some());
    }

    #[test]
    fn few_devices_are_never_narrower_than_the_draws() {
        for seed in 0..8 {
            let sample = ward(12, 4, 0.7, 0.3, seed);
            let mut draws = Draws::default();
            let plain = plain(&sample, &mut draws).unwrap();
            let described = Described::of(&sample, Scale::Log, 0.3, &mut draws).unwrap();
            let [low, high] = described.median_interval().unwrap();
            let t = t_interval(&sample, Scale::Log).unwrap();
            assert!(low <= plain.0[MEDIAN][0] && high >= plain.0[MEDIAN][1]);
            assert!(low <= t[0] && high >= t[1]);
        }
    }

    #[test]
    fn half_widths_are_those_of_the_reference() {
        // 95 % half widths of independent tests, σ the log-sd: n = 300.
        for (log_sd, up, down) in [(0.6, 0.09, 0.08), (0.8, 0.12, 0.107), (1.0, 0.152, 0.132)] {
            let (mut ups, mut downs) = (0.0, 0.0);
            for seed in 0..40 {
                let sample = ward(300, 1, log_sd, 0.0, 100 + seed);
                let d = Described::of(&sample, Scale::Log, 0.0, &mut Draws::default()).unwrap();
                let [low, high] = d.median_interval().unwrap().map(to_f64);
                // About the middle on the log scale, so that a lucky median does not matter.
                let half = (high / low).sqrt();
                ups += half - 1.0;
                downs += 1.0 - 1.0 / half;
            }
            assert!(
                (ups / 40.0 / up - 1.0).abs() < 0.1,
                "{log_sd}: +{}",
                ups / 40.0
            );
            assert!(
                (downs / 40.0 / down - 1.0).abs() < 0.1,
                "{log_sd}: -{}",
                downs / 40.0
            );
        }
    }

    #[test]
    fn invented_tests_move_the_mean_and_hardly_the_median() {
        let mut values: Vec<_> = (0..285)
            .map(|n| {
                let p = (f64::from(n) + 0.5) / 285.0;
                let rate = 4e7 * (0.9 * crate::interval::normal_quantile(p)).exp();
                (floor_u64(rate), u32::try_from(n).unwrap())
            })
            .collect();
        let honest = sample(&values);
        values.extend((0..15).map(|n| (500_000_000, 1_000 + n)));
        let gamed = sample(&values);
        let moved = |a: f64, b: f64| b / a;
        let medians = [&honest, &gamed].map(|s| to_f64(s.quantile(500).unwrap()));
        let means = [&honest, &gamed].map(|s| s.mean().unwrap());
        // 40.1 → 42.5 and 59.9 → 81.9 Mbit/s in the reference.
        assert!((moved(medians[0], medians[1]) - 1.06).abs() < 0.02);
        assert!((moved(means[0], means[1]) - 1.37).abs() < 0.04);
    }
}
