//! Intervals by resampling devices.
//!
//! The device is the unit of inference: what is drawn again and again, with
//! replacement, are whole devices with all their days. A draw is a count for
//! each device, so that nothing is sorted again: the values stay in order, and a
//! quantile of a draw is found by adding counts until they reach its rank. Eight
//! draws go side by side, which a compiler turns into vector instructions.

use crate::chance::Chance;
use crate::interval::{Z_975, normal_cdf, t_975};
use crate::sample::{Sample, Unit, rank};
use crate::unit::{floor_u64, to_f64};

/// Number of resamples.
pub const RESAMPLES: usize = 1_000;

/// From this number of devices on, intervals are computed by linearisation
/// ([`Sample`]-wide variance between devices), which 1,000 draws would only
/// repeat with noise.
pub const MOST_DEVICES: usize = 4_096;

/// Draws that go side by side.
const LANES: usize = 8;

/// Where chance begins: the same for every sample, so that a figure depends on
/// its tests alone.
const SEED: u64 = 0x0069_7370_6565_6421;

/// How often each of some devices is in each of [`RESAMPLES`] draws.
///
/// Depends on the number of devices alone, so it can be kept for all samples
/// of as many.
#[derive(Clone, Debug)]
pub struct Resamples {
    devices: usize,
    /// Of each group of draws, of each device: its count in each draw.
    counts: Vec<[u8; LANES]>,
}

impl Resamples {
    /// The draws for some devices: as many devices, with replacement.
    pub fn of(devices: usize) -> Self {
        let groups = RESAMPLES.div_ceil(LANES);
        let mut counts = vec![[0_u8; LANES]; groups * devices];
        for (group, counts) in counts.chunks_mut(devices.max(1)).enumerate() {
            (0..LANES).for_each(|lane| draw(counts, lane, group * LANES + lane));
        }
        Self { devices, counts }
    }

    /// Number of devices.
    pub const fn devices(&self) -> usize {
        self.devices
    }

    fn groups(&self) -> impl Iterator<Item = &[[u8; LANES]]> {
        self.counts.chunks(self.devices.max(1))
    }
}

/// Draws as many devices as there are, with replacement, into one lane.
fn draw(counts: &mut [[u8; LANES]], lane: usize, number: usize) {
    let mut chance = Chance::of(&[SEED, number as u64]);
    for _ in 0..counts.len() {
        let count = &mut counts[below(&mut chance, counts.len())][lane];
        *count = count.saturating_add(1);
    }
}

/// A number below `n`, by multiplication (Lemire 2019, without rejection: the
/// bias is below n·2⁻⁶⁴).
fn below(chance: &mut Chance, n: usize) -> usize {
    let wide = u128::from(chance.next()) * n as u128;
    usize::try_from(wide >> 64).unwrap_or(0)
}

/// Positions in a sample, of the lower and the upper end of each interval.
pub type Ends<const Q: usize> = [[usize; 2]; Q];

/// 95 % intervals of quantiles (per mille, ascending) as positions in the
/// sample's order of values; `None` for an empty sample or draws for another
/// number of devices.
///
/// - Method: percentiles of the draws, at `Φ(−√(D/(D−1))·t)` instead of 2.5 %
///   ("expanded percentiles"): a draw from D devices varies less than the
///   devices themselves by (D−1)/D, and its spread is not known exactly.
/// - Source: Efron & Tibshirani, *An Introduction to the Bootstrap*, §13;
///   Hesterberg, *The American Statistician* 69 (2015), §3.2.
pub fn quantile_ends<const Q: usize>(
    sample: &Sample,
    resamples: &Resamples,
    per_mille: [u16; Q],
) -> Option<Ends<Q>> {
    if sample.is_empty() || resamples.devices != sample.devices() {
        return None;
    }
    let mut drawn = [(); Q].map(|()| vec![0_u32; sample.len() + 1]);
    let sizes = weights(sample);
    for (group, counts) in resamples.groups().enumerate() {
        let lanes = LANES.min(RESAMPLES - group * LANES);
        let ranks = ranks(&sizes, counts, per_mille);
        let found = positions(sample.units(), counts, &ranks);
        for (histogram, found) in drawn.iter_mut().zip(&found) {
            for &at in &found[..lanes] {
                histogram[usize::try_from(at).unwrap_or(0)] += 1;
            }
        }
    }
    let tail = tail_draws(sample.devices());
    Some(drawn.map(|histogram| ends(&histogram, tail, sample.len())))
}

/// Sum of the weights of each device.
fn weights(sample: &Sample) -> Vec<u32> {
    let mut weights = vec![0_u32; sample.devices()];
    for unit in sample.units() {
        weights[unit.device as usize] += unit.weight;
    }
    weights
}

/// The rank of each quantile in each draw.
fn ranks<const Q: usize>(
    sizes: &[u32],
    counts: &[[u8; LANES]],
    per_mille: [u16; Q],
) -> [[i32; LANES]; Q] {
    let mut totals = [0_u64; LANES];
    for (size, counts) in sizes.iter().zip(counts) {
        for (total, &count) in totals.iter_mut().zip(counts) {
            *total += u64::from(*size) * u64::from(count);
        }
    }
    per_mille.map(|p| totals.map(|total| i32::try_from(rank(total, p)).unwrap_or(i32::MAX)))
}

/// Position of each quantile in each draw: how many values come before the
/// counts reach its rank.
fn positions<const Q: usize>(
    units: &[Unit],
    counts: &[[u8; LANES]],
    ranks: &[[i32; LANES]; Q],
) -> [[i32; LANES]; Q] {
    let mut below = [0_i32; LANES];
    let mut found = [[0_i32; LANES]; Q];
    for unit in units {
        let counts = counts[unit.device as usize];
        let weight = i32::try_from(unit.weight).unwrap_or(i32::MAX);
        for lane in 0..LANES {
            below[lane] += i32::from(counts[lane]) * weight;
        }
        for q in 0..Q {
            for lane in 0..LANES {
                found[q][lane] += i32::from(below[lane] < ranks[q][lane]);
            }
        }
    }
    found
}

/// How many draws lie outside each end of the interval.
fn tail_draws(devices: usize) -> u32 {
    let draws = to_f64(RESAMPLES as u64) * tail(devices);
    u32::try_from(floor_u64(draws)).unwrap_or(0)
}

/// Share of the draws outside each end: `Φ(−√(D/(D−1))·t)`.
fn tail(devices: usize) -> f64 {
    if devices < 2 {
        return 0.0;
    }
    let d = to_f64(devices as u64);
    normal_cdf(-(d / (d - 1.0)).sqrt() * t_975(devices - 1))
}

/// The positions that leave `tail` draws outside on each side.
fn ends(histogram: &[u32], tail: u32, len: usize) -> [usize; 2] {
    let low = beyond(histogram.iter().enumerate(), tail);
    let high = beyond(histogram.iter().enumerate().rev(), tail);
    [low.min(len - 1), high.min(len - 1)]
}

/// The first position at which more than `tail` draws have been seen.
fn beyond<'a>(counts: impl Iterator<Item = (usize, &'a u32)>, tail: u32) -> usize {
    let mut seen = 0;
    let mut counts = counts;
    let reaches = |(_, count): &(usize, &u32)| {
        seen += **count;
        seen > tail
    };
    counts.find(reaches).map_or(0, |(at, _)| at)
}

/// 95 % interval of the weighted mean over the same draws, by expanded
/// percentiles too; `None` as with [`quantile_ends`].
pub fn mean_ends(sample: &Sample, resamples: &Resamples) -> Option<[f64; 2]> {
    if sample.is_empty() || resamples.devices != sample.devices() {
        return None;
    }
    let mut sums = vec![0.0; sample.devices()];
    for unit in sample.units() {
        sums[unit.device as usize] += to_f64(unit.value) * f64::from(unit.weight);
    }
    let sizes: Vec<_> = weights(sample).into_iter().map(f64::from).collect();
    let groups = resamples.groups();
    let mut means: Vec<f64> = groups
        .flat_map(|counts| means(&sums, &sizes, counts))
        .collect();
    means.truncate(RESAMPLES);
    means.sort_unstable_by(f64::total_cmp);
    let tail = tail_draws(sample.devices()) as usize;
    Some([means[tail], means[RESAMPLES - 1 - tail]])
}

fn means(sums: &[f64], sizes: &[f64], counts: &[[u8; LANES]]) -> [f64; LANES] {
    let (mut sum, mut size) = ([0.0; LANES], [0.0; LANES]);
    for ((s, n), counts) in sums.iter().zip(sizes).zip(counts) {
        for lane in 0..LANES {
            let count = f64::from(counts[lane]);
            sum[lane] += s * count;
            size[lane] += n * count;
        }
    }
    std::array::from_fn(|lane| sum[lane] / size[lane])
}

/// 95 % intervals of quantiles by linearisation: the variance of the share at
/// or below the quantile, between devices, turned back into values.
///
/// - Source: Woodruff, *JASA* 47 (1952); Särndal, Swensson & Wretman,
///   *Model Assisted Survey Sampling*, §5.11.
pub fn quantile_ends_linear<const Q: usize>(
    sample: &Sample,
    per_mille: [u16; Q],
) -> Option<[[u64; 2]; Q]> {
    let mut intervals = [[0; 2]; Q];
    for (interval, p) in intervals.iter_mut().zip(per_mille) {
        *interval = woodruff(sample, p)?;
    }
    Some(intervals)
}

fn woodruff(sample: &Sample, per_mille: u16) -> Option<[u64; 2]> {
    let quantile = sample.quantile(per_mille)?;
    let se = ratio_error(sample, |value| f64::from(u8::from(value <= quantile)))?;
    let p = f64::from(per_mille) / 1000.0;
    let at = |share: f64| {
        let weight = to_f64(sample.weight()) * share.clamp(0.0, 1.0);
        sample.quantile_at(floor_u64(weight).max(1))
    };
    Some([at(p - Z_975 * se)?, at(p + Z_975 * se)?])
}

/// 95 % interval of the weighted mean by linearisation.
pub fn mean_ends_linear(sample: &Sample) -> Option<[f64; 2]> {
    let (mean, se) = (sample.mean()?, ratio_error(sample, to_f64)?);
    Some([(mean - Z_975 * se).max(0.0), mean + Z_975 * se])
}

/// Standard error of the weighted mean of `f`, from the residuals of whole
/// devices; `None` below two devices.
fn ratio_error(sample: &Sample, f: impl Fn(u64) -> f64) -> Option<f64> {
    let d = to_f64(sample.devices() as u64);
    let weight = to_f64(sample.weight());
    let weighted = |unit: &Unit| f(unit.value) * f64::from(unit.weight);
    let mean = sample.units().iter().map(weighted).sum::<f64>() / weight;
    let mut residuals = vec![0.0; sample.devices()];
    for unit in sample.units() {
        residuals[unit.device as usize] += (f(unit.value) - mean) * f64::from(unit.weight);
    }
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    (d >= 2.0).then(|| (d / (d - 1.0) * squares).sqrt() / weight)
}

impl Sample {
    /// The value at which the weights reach `rank`; the last one beyond.
    fn quantile_at(&self, rank: u64) -> Option<u64> {
        let mut below = 0;
        let reaches = |unit: &&Unit| {
            below += u64::from(unit.weight);
            below >= rank
        };
        let found = self.units().iter().find(reaches);
        found.or_else(|| self.units().last()).map(|unit| unit.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::tests::sample;
    use proptest::prelude::*;

    const FIVE: [u16; 5] = [50, 250, 500, 750, 950];

    /// The same draws the slow way: values laid out, sorted, read off.
    fn slowly(sample: &Sample, resamples: &Resamples, per_mille: u16) -> [usize; 2] {
        let mut found: Vec<usize> = vec![];
        for draw in 0..RESAMPLES {
            let counts = &resamples.counts[draw / LANES * sample.devices()..];
            let mut laid_out = vec![];
            for (at, unit) in sample.units().iter().enumerate() {
                let times = counts[unit.device as usize][draw % LANES];
                laid_out.extend(std::iter::repeat_n(at, usize::from(times)));
            }
            let rank = (laid_out.len() * usize::from(per_mille)).div_ceil(1000);
            found.push(laid_out[rank.max(1) - 1]);
        }
        found.sort_unstable();
        let tail = tail_draws(sample.devices()) as usize;
        [found[tail], found[RESAMPLES - 1 - tail]]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn counting_is_the_same_as_laying_out(values in proptest::collection::vec((0_u64..1_000, 0_u32..12), 2..60)) {
            let sample = sample(&values);
            let resamples = Resamples::of(sample.devices());
            let ends = quantile_ends(&sample, &resamples, FIVE).unwrap();
            for (q, ends) in FIVE.into_iter().zip(ends) {
                prop_assert_eq!(ends, slowly(&sample, &resamples, q));
            }
        }
    }

    #[test]
    fn a_draw_holds_as_many_devices() {
        for devices in [1, 2, 30, 300] {
            let resamples = Resamples::of(devices);
            for counts in resamples.groups() {
                for lane in 0..LANES {
                    let sum: usize = counts.iter().map(|c| usize::from(c[lane])).sum();
                    assert_eq!(sum, devices);
                }
            }
        }
    }

    #[test]
    fn one_device_says_nothing_of_others() {
        let alone = sample(&[(10, 1), (20, 1), (30, 1)]);
        let ends = quantile_ends(&alone, &Resamples::of(1), [500]).unwrap();
        assert_eq!(ends, [[1, 1]]);
        assert_eq!(quantile_ends_linear(&alone, [500]), None);
    }

    #[test]
    fn both_ways_agree_where_both_can_be_gone() {
        let mut chance = Chance::of(&[5]);
        let mut values = vec![];
        for device in 0..2_000 {
            let own = chance.normal() * 0.5;
            for _ in 0..chance.between(1, 4) {
                let x = own + chance.normal() * 0.7;
                values.push((floor_u64(4e7 * x.exp()), device));
            }
        }
        let sample = sample(&values);
        let resamples = Resamples::of(2_000);
        let drawn = quantile_ends(&sample, &resamples, FIVE).unwrap();
        let linear = quantile_ends_linear(&sample, FIVE).unwrap();
        for (drawn, linear) in drawn.into_iter().zip(linear) {
            let [low, high] = drawn.map(|at| to_f64(sample.units()[at].value));
            let off = |a: f64, b: u64| (a / to_f64(b) - 1.0).abs();
            assert!(off(low, linear[0]) < 0.02 && off(high, linear[1]) < 0.02);
        }
        let drawn = mean_ends(&sample, &resamples).unwrap();
        let linear = mean_ends_linear(&sample).unwrap();
        for end in 0..2 {
            assert!((drawn[end] / linear[end] - 1.0).abs() < 0.02);
        }
    }
}
