//! When a subtest may stop.
//!
//! Mode `full` sees all ten seconds. The adaptive modes see a few, and go on
//! while the line varies so much that the unseen rest could change the result.
//!
//! Source: docs/METHODOLOGY.md, "Stop".

use crate::METHOD;
use crate::forecast::{HORIZON_BINS, forecast, lasting};
use crate::goodput::{Mode, StopReason, ramp_end, spec};

/// When a mode stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Fewest bins from the start of the direction.
    pub least_bins: usize,
    /// Bins at which it stops all the same.
    pub most_bins: usize,
    /// Largest product of the volatility and the share that was not seen.
    pub doubt: f64,
}

/// The rule of mode `accurate`.
pub const ACCURATE: Rule = Rule {
    least_bins: 38,
    most_bins: 80,
    doubt: 0.0625,
};

/// The rule of mode `saver`.
pub const SAVER: Rule = Rule {
    least_bins: 16,
    most_bins: 28,
    doubt: 0.055,
};

/// The rule of mode `full`.
pub const FULL: Rule = Rule {
    least_bins: HORIZON_BINS,
    most_bins: HORIZON_BINS,
    doubt: 0.0,
};

impl Rule {
    /// The rule of a mode.
    pub const fn of(mode: Mode) -> Self {
        match mode {
            Mode::Full => FULL,
            Mode::Accurate => ACCURATE,
            Mode::Saver => SAVER,
        }
    }

    /// Bins at which it stops at the latest, behind a ramp of some length.
    pub const fn last(&self, ramp: usize) -> usize {
        let least = ramp + spec::LEAST_WINDOW_BINS;
        if least > self.most_bins {
            least
        } else {
            self.most_bins
        }
    }
}

/// The first bin count at which the mode stops, and why; `None` while it goes on.
///
/// - Shape: complete bins in order of time. Later bins never move the point.
pub fn stop_point(mode: Mode, bins: &[u64]) -> Option<(usize, StopReason)> {
    stop_point_lasting(mode, bins, lasting(METHOD))
}

/// As [`stop_point`], by what an edition takes for a level that lasts.
pub(crate) fn stop_point_lasting(
    mode: Mode,
    bins: &[u64],
    lasting: usize,
) -> Option<(usize, StopReason)> {
    let start = ramp_end(bins)?;
    let rule = Rule::of(mode);
    let first = rule.least_bins.max(start + spec::LEAST_WINDOW_BINS);
    (first..=bins.len().min(rule.last(start))).find_map(|end| {
        let why = if mode == Mode::Full {
            StopReason::Fixed
        } else if is_settled(&rule, &bins[..start], &bins[start..end], lasting) {
            StopReason::Converged
        } else if end == rule.last(start) {
            StopReason::TimeCap
        } else {
            return None;
        };
        Some((end, why))
    })
}

/// Whether what was not seen can hardly change the result.
fn is_settled(rule: &Rule, ramp: &[u64], window: &[u64], lasting: usize) -> bool {
    forecast(ramp, window, lasting).is_some_and(|seen| seen.unseen * seen.volatility <= rule.doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_steady_line_stops_at_the_first_chance() {
        let bins = [500_000; 100];
        let stop = |mode| stop_point(mode, &bins);
        assert_eq!(stop(Mode::Accurate), Some((38, StopReason::Converged)));
        assert_eq!(stop(Mode::Saver), Some((16, StopReason::Converged)));
        assert_eq!(stop(Mode::Full), Some((100, StopReason::Fixed)));
        assert_eq!(stop_point(Mode::Full, &bins[..99]), None);
    }

    #[test]
    fn a_line_that_varies_is_watched_for_longer() {
        let bins: Vec<u64> = (0..100_u64)
            .map(|i| 200_000 + (i * i * 7_919) % 600_011)
            .collect();
        assert_eq!(
            stop_point(Mode::Saver, &bins),
            Some((28, StopReason::TimeCap))
        );
        let (end, why) = stop_point(Mode::Accurate, &bins).unwrap();
        assert!(end > 60 && why != StopReason::Fixed, "{end} {why:?}");
    }

    #[test]
    fn a_silent_line_does_not_settle() {
        let bins = [vec![500_000; 8], vec![0; 90]].concat();
        assert_eq!(
            stop_point(Mode::Saver, &bins),
            Some((28, StopReason::TimeCap))
        );
    }

    #[test]
    fn a_late_ramp_still_gets_its_window() {
        let bins: Vec<u64> = (0..80_u64).map(|i| i * i * i).collect();
        let (end, _) = stop_point(Mode::Saver, &bins).unwrap();
        assert_eq!(end, 48, "ramp cap 40, and eight bins");
    }

    proptest! {
        #[test]
        fn later_bins_never_move_the_stop(bins in proptest::collection::vec(0_u64..1_000_000, 0..130), cut in 0_usize..130) {
            for mode in Mode::ALL {
                let early = stop_point(mode, &bins[..cut.min(bins.len())]);
                prop_assert!(early.is_none() || early == stop_point(mode, &bins));
            }
        }

        #[test]
        fn scale_does_not_move_the_stop(bins in proptest::collection::vec(0_u64..1_000_000, 60..130)) {
            // A power of two scales floats exactly.
            let scaled: Vec<u64> = bins.iter().map(|b| b * 1024).collect();
            for mode in Mode::ALL {
                prop_assert_eq!(stop_point(mode, &bins), stop_point(mode, &scaled));
            }
        }
    }
}
