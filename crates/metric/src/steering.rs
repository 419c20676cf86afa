//! Where one more test helps most.

use crate::unit::to_f64;

/// A part of a ward's tests: operator, band of the day, place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stratum {
    /// Share that it is due, in any unit.
    pub due: f64,
    /// Device-days it has.
    pub device_days: u64,
}

/// How much the variance of a figure weighted to due shares shrinks with one
/// more device-day in each part, as a share of the whole; highest is best.
///
/// - Order: that of the strata.
/// - Definition: with variance `Σ w²/n`, a test more takes off
///   `w²/n − w²/(n+1)`; a part without tests counts as half a test.
/// - Source: Neyman allocation (Cochran, *Sampling Techniques*, §5.5), one test
///   at a time.
pub fn gains(strata: &[Stratum]) -> Vec<f64> {
    let due: f64 = strata.iter().map(|s| s.due).sum();
    let variance = |share: f64, n: f64| share * share / n;
    let n = |s: &Stratum| to_f64(s.device_days).max(0.5);
    let whole: f64 = strata.iter().map(|s| variance(s.due / due, n(s))).sum();
    let gain = |s: &Stratum| {
        let share = s.due / due;
        (variance(share, n(s)) - variance(share, to_f64(s.device_days) + 1.0)) / whole
    };
    let gains = strata.iter().map(gain);
    gains
        .map(|gain| if gain.is_finite() { gain } else { 0.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_part_that_is_due_much_comes_first() {
        let of = |due, device_days| Stratum { due, device_days };
        let gains = gains(&[of(0.5, 100), of(0.2, 2), of(0.3, 0), of(0.05, 0)]);
        let mut order: Vec<usize> = (0..4).collect();
        order.sort_by(|a, b| gains[*b].total_cmp(&gains[*a]));
        assert_eq!(order, [2, 1, 3, 0]);
        assert!(gains.iter().all(|gain| (0.0..=1.0).contains(gain)));
    }

    #[test]
    fn nothing_due_is_no_gain() {
        assert_eq!(gains(&[]).len(), 0);
        let nothing = Stratum {
            due: 0.0,
            device_days: 0,
        };
        assert!(gains(&[nothing])[0].abs() < 1e-12);
    }
}
