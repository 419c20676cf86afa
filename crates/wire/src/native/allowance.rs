//! What a direction may still carry.

use metric::budget::{Budget, running_rate};
use metric::unit::BitRate;

use super::message::Caps;

/// The bytes that all streams of a direction may move together.
///
/// Streams reserve before they move and give back what they did not use, so
/// the sum never passes the cap. What the rate has granted once is not taken
/// away when the line slows down: that would end a direction at its dip.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    budget: Option<Budget>,
    most: u64,
    granted: u64,
    taken: u64,
}

impl Allowance {
    /// The allowance at the start of a direction.
    pub fn new(caps: &Caps) -> Self {
        let granted = caps.budget.map_or(u64::MAX, |b| b.cap_bytes(BitRate(0)));
        Self {
            budget: caps.budget,
            most: caps.subtest_bytes,
            granted: granted.min(caps.subtest_bytes),
            taken: 0,
        }
    }

    /// Takes the rate into account: complete bins of the direction, in order
    /// of time.
    pub fn see(&mut self, bins: &[u64]) {
        let cap = |budget: Budget| budget.cap_bytes(running_rate(bins)).min(self.most);
        self.granted = self.granted.max(self.budget.map_or(0, cap));
    }

    /// Reserves up to `wanted` bytes; returns how many may be moved.
    pub fn reserve(&mut self, wanted: u64) -> u64 {
        let given = wanted.min(self.left());
        self.taken += given;
        given
    }

    /// Gives back what was reserved and not moved.
    pub const fn give_back(&mut self, unused: u64) {
        self.taken = self.taken.saturating_sub(unused);
    }

    /// Bytes that may still be moved.
    pub const fn left(&self) -> u64 {
        self.granted.saturating_sub(self.taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metric::budget::Budgets;
    use metric::unit::Micros;
    use proptest::prelude::*;

    fn caps(budget: Option<Budget>) -> Caps {
        Caps {
            subtest_us: Micros(16_000_000),
            subtest_bytes: 80_000_000,
            session_us: Micros(120_000_000),
            budget,
        }
    }

    /// Bytes that pass, and bins it takes, until the allowance is used up; the
    /// line carries `rate(bin)` bytes a bin.
    fn used_up(budget: Option<Budget>, rate: impl Fn(usize) -> u64) -> (u64, usize) {
        let mut allowance = Allowance::new(&caps(budget));
        let mut bins: Vec<u64> = vec![];
        while allowance.left() > 0 && bins.len() < 400 {
            let moved = allowance.reserve(rate(bins.len()));
            bins.push(moved);
            allowance.see(&bins);
        }
        (bins.iter().sum(), bins.len())
    }

    #[test]
    fn a_slow_cellular_line_ends_at_25_megabytes() {
        // 40 Mbit/s are 500 kB a bin.
        let cellular = Budgets::default().cellular;
        assert_eq!(used_up(Some(cellular), |_| 500_000), (25_000_000, 50));
    }

    #[test]
    fn a_fast_cellular_line_ends_after_a_second_and_a_half() {
        // 320 Mbit/s are 4 MB a bin.
        let cellular = Budgets::default().cellular;
        assert_eq!(used_up(Some(cellular), |_| 4_000_000), (60_000_000, 15));
    }

    #[test]
    fn the_site_s_own_cap_holds_over_any_budget() {
        let fixed = Budgets::default().fixed;
        assert_eq!(used_up(Some(fixed), |_| 9_000_000).0, 80_000_000);
        assert_eq!(used_up(None, |_| 9_000_000).0, 80_000_000);
    }

    #[test]
    fn a_dip_takes_nothing_away() {
        let cellular = Budgets::default().cellular;
        let dip = |bin| if bin < 9 { 4_000_000 } else { 100_000 };
        assert_eq!(used_up(Some(cellular), dip).0, 60_000_000);
    }

    proptest! {
        #[test]
        fn no_order_of_reserving_passes_the_cap(
            steps in proptest::collection::vec((0_u64..5_000_000, 0_u64..100), 1..200),
            metered in any::<bool>(),
        ) {
            let Budgets { metered: small, cellular, .. } = Budgets::default();
            let budget = if metered { small } else { cellular };
            let mut allowance = Allowance::new(&caps(Some(budget)));
            let mut moved = 0;
            for (wanted, used_percent) in steps {
                let given = allowance.reserve(wanted);
                let used = given * used_percent / 100;
                allowance.give_back(given - used);
                moved += used;
                allowance.see(&[wanted]);
                prop_assert!(moved <= budget.most_bytes.min(80_000_000));
                prop_assert!(given <= wanted);
            }
        }
    }
}
