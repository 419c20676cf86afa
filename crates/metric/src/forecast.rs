//! What a line will have carried after ten seconds, from its first few.
//!
//! The estimand of every mode is the same: the mean rate of the first
//! [`HORIZON_BINS`] bins of a direction. What was seen of them is known; what
//! is to come is forecast from the window, and the interval speaks of that
//! part alone, so that it closes as the ten seconds pass (the finite population
//! correction of sampling theory: Cochran, *Sampling Techniques*, §2.6).
//!
//! A browser, a site and the centre must find the same. Everything is made of
//! the four operations and the square root, which IEEE 754 rounds exactly, in
//! this order; bins are whole numbers.

use crate::unit::to_f64;

/// Bins whose mean rate is asked for: ten seconds.
pub const HORIZON_BINS: usize = 100;

/// Bins that tell the level at an end of the window.
const EDGE_BINS: usize = 5;
/// Share of the last level's distance to the mean that lasts: on a radio whose
/// rate remembers itself for seconds it is worth something, on noise it costs
/// little.
const PERSISTENCE: f64 = 0.3;
/// Bins before a change of level, at least.
const LEVEL_BINS: usize = 4;
/// A change of level is at least so much of the mean …
const CHANGE: f64 = 0.25;
/// … between two parts which by themselves vary by less than this.
const CALM: f64 = 0.08;

/// Bins for which the level after a change has to have lasted to be the level
/// of all that is to come: others' traffic that comes and goes does so within
/// a second, a boost that has ended stays so. Edition 2 asked for fewer.
pub(crate) const fn lasting(edition: u16) -> usize {
    if edition <= 2 { LEVEL_BINS } else { 10 }
}

/// What follows from a ramp and a window behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forecast {
    /// Mean bytes per bin over the horizon.
    pub(crate) mean: f64,
    /// Standard deviation of the window's bins over their mean.
    pub(crate) volatility: f64,
    /// Share of the horizon that is still to come, 0 to 1.
    pub(crate) unseen: f64,
    /// Share of the horizon that the ramp did not fill: the line may have been
    /// slower then and nobody would know.
    pub(crate) unfilled: f64,
}

/// Forecast from the bins of the ramp and those after it, in order of time.
///
/// `None` when the window has fewer than two bins or carried nothing.
/// - Definition: `(Σ max(b, L₀) over the ramp + Σ window + unseen · F) / H`,
///   where `L₀` is the level of the first bins of the window (the line could
///   carry that from the start), and `F` the rate to come: the window's mean,
///   drawn a little to its last level; or, after a change of level between two
///   calm parts (a boost that ended), the level after it, once it has lasted
///   for `lasting` bins.
/// - Source: docs/METHODOLOGY.md, "Estimate".
pub(crate) fn forecast(ramp: &[u64], window: &[u64], lasting: usize) -> Option<Forecast> {
    let bins: Vec<f64> = window.iter().map(|&b| to_f64(b)).collect();
    let count = length(&bins);
    let total = sum(&bins);
    let mean = total / count;
    if bins.len() < 2 || total <= 0.0 {
        return None;
    }
    let squares = bins.iter().fold(0.0, |s, b| s + (b - mean) * (b - mean));
    let edge = bins.len().min(EDGE_BINS);
    let first = sum(&bins[..edge]) / to_f64(edge as u64);
    let last = sum(&bins[bins.len() - edge..]) / to_f64(edge as u64);
    let (coming, deviation) = change(&bins, mean, squares, lasting).unwrap_or_else(|| {
        let coming = mean + PERSISTENCE * (last - mean);
        (coming, (squares / (count - 1.0)).sqrt())
    });
    let short = ramp
        .iter()
        .fold(0.0, |s, &b| s + (first - to_f64(b)).max(0.0));
    let before = ramp.iter().fold(0.0, |s, &b| s + to_f64(b).max(first));
    let unseen = HORIZON_BINS.saturating_sub(ramp.len() + window.len());
    let seen = to_f64((ramp.len() + window.len()) as u64);
    let unseen = to_f64(unseen as u64);
    Some(Forecast {
        mean: (before + total + unseen * coming) / (seen + unseen),
        volatility: deviation / mean,
        unseen: unseen / to_f64(HORIZON_BINS as u64),
        unfilled: if first > 0.0 {
            short / first / to_f64(HORIZON_BINS as u64)
        } else {
            0.0
        },
    })
}

/// The level after a change, and the deviation about the two levels; `None`
/// where the window shows no change of level.
fn change(bins: &[f64], mean: f64, squares: f64, lasting: usize) -> Option<(f64, f64)> {
    let count = length(bins);
    let total = sum(bins);
    let (mut before, mut best) = (0.0, (0.0, 0.0, 0.0));
    for (at, bin) in (1_u64..).zip(bins) {
        before += bin;
        let left = to_f64(at);
        let right = count - left;
        let inside = at >= LEVEL_BINS as u64 && right >= to_f64(lasting as u64);
        if inside {
            let after = (total - before) / right;
            let apart = before / left - after;
            let between = left * right / count * (apart * apart);
            if between > best.0 {
                best = (between, apart.abs(), after);
            }
        }
    }
    let (between, apart, after) = best;
    let within = ((squares - between).max(0.0) / count).sqrt();
    (apart > CHANGE * mean && within < CALM * mean).then_some((after, within))
}

fn length(bins: &[f64]) -> f64 {
    to_f64(bins.len() as u64)
}

/// From the front, because the order of additions is part of the law.
fn sum(bins: &[f64]) -> f64 {
    bins.iter().fold(0.0, |sum, bin| sum + bin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::METHOD;

    fn mean(ramp: &[u64], window: &[u64]) -> f64 {
        forecast(ramp, window, lasting(METHOD)).unwrap().mean
    }

    #[track_caller]
    fn near(got: f64, want: f64) {
        assert!((got / want - 1.0).abs() < 1e-9, "{got} is not {want}");
    }

    #[test]
    fn a_steady_line_is_forecast_exactly() {
        let forecast = forecast(&[100, 200, 400], &[1000; 20], 10).unwrap();
        near(forecast.mean, 1000.0);
        assert!(forecast.volatility == 0.0);
        near(forecast.unseen, 0.77);
        near(forecast.unfilled, 0.023);
    }

    #[test]
    fn a_boost_that_ended_is_not_the_line() {
        // 3 s at twice the rate, seen for 4 s: ten seconds hold 3 × 2 + 7 × 1.
        let window = [vec![2000; 22], vec![1000; 10]].concat();
        near(mean(&[2000; 8], &window), 1300.0);
    }

    #[test]
    fn others_who_stopped_for_a_moment_are_not_the_line() {
        let window = [vec![1000; 12], vec![2000; 8]].concat();
        let of = |edition| forecast(&[1000; 8], &window, lasting(edition)).unwrap();
        assert!(of(2).mean > 1700.0, "edition 2 took the last level");
        assert!(of(3).mean < 1600.0 && of(3).volatility > of(2).volatility);
    }

    #[test]
    fn what_the_ramp_carried_above_the_level_counts() {
        // A policer's bucket: the first bins carry more than the rate.
        near(mean(&[3000, 3000, 0, 0], &[1000; 36]), 1040.0);
    }

    #[test]
    fn all_seen_is_nothing_to_guess() {
        let window: Vec<u64> = (0..92).map(|i| 500 + i * 7).collect();
        let forecast = forecast(&[0; 8], &window, 10).unwrap();
        assert!(forecast.unseen == 0.0);
    }

    #[test]
    fn silence_has_no_forecast() {
        assert_eq!(forecast(&[1], &[0; 20], 10), None);
        assert_eq!(forecast(&[1], &[5], 10), None);
        assert_eq!(forecast(&[], &[], 10), None);
    }
}
