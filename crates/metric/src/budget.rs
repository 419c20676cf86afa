//! How much data a direction may carry, by kind of connection.
//!
//! A test costs the person data. What it may cost is fixed by what they said
//! of their connection, told before the test, enforced by the site, and told
//! again after it. The same law runs in the web application; both are held to
//! `testdata/method/budget.json`.
//!
//! Source: docs/METHODOLOGY.md, "Data".

use serde::{Deserialize, Serialize};

use crate::bins::BIN;
use crate::goodput::Mode;
use crate::submission::Network;
use crate::unit::{BitRate, Micros};

/// Kind of a connection as far as its data are concerned.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// The person pays for data, or asked to save them.
    Metered,
    /// Mobile broadband.
    Cellular,
    /// Wi-Fi or cable.
    Fixed,
}

impl Connection {
    /// The kind that was stated; `None` when nothing was. That data are to be
    /// saved weighs more than what carries them.
    pub const fn stated(network: Option<Network>, metered: bool) -> Option<Self> {
        match network {
            _ if metered => Some(Self::Metered),
            Some(Network::Mobile) => Some(Self::Cellular),
            Some(Network::Wifi | Network::Ethernet) => Some(Self::Fixed),
            None => None,
        }
    }
}

/// Most bytes of a direction: `bytes`, and from some rate on what that rate
/// carries in a span, as far as `most_bytes`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Bytes that a direction may carry at any rate.
    pub bytes: u64,
    /// Rate from which on the span counts.
    pub from_bits_per_second: BitRate,
    /// Span whose bytes a faster direction may carry.
    pub span_us: Micros,
    /// Bytes that no direction may exceed.
    pub most_bytes: u64,
}

impl Budget {
    /// Most bytes of a direction that runs at `rate`.
    pub fn cap_bytes(&self, rate: BitRate) -> u64 {
        if rate < self.from_bits_per_second {
            return self.bytes;
        }
        bytes_in(rate, self.span_us)
            .max(self.bytes)
            .min(self.most_bytes)
    }
}

/// The budgets of a site.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budgets {
    /// For metered connections.
    pub metered: Budget,
    /// For mobile broadband.
    pub cellular: Budget,
    /// For fixed lines.
    pub fixed: Budget,
}

impl Default for Budgets {
    fn default() -> Self {
        let budget = |megabytes: u64, from_megabits: u64, span_us, most_megabytes: u64| Budget {
            bytes: megabytes * 1_000_000,
            from_bits_per_second: BitRate(from_megabits * 1_000_000),
            span_us: Micros(span_us),
            most_bytes: most_megabytes * 1_000_000,
        };
        Self {
            metered: budget(10, 0, 0, 10),
            cellular: budget(25, 50, 1_500_000, 100),
            fixed: budget(250, 1000, 2_500_000, 1000),
        }
    }
}

impl Budgets {
    /// The budget of a test that was drawn for the audit, on a fixed line: what
    /// the fastest may have, so that the whole window is measured.
    pub const fn of_audit(&self) -> Budget {
        Budget {
            bytes: self.fixed.most_bytes,
            ..self.fixed
        }
    }

    /// The budget of a test; `None` for mode `full` where nothing was stated,
    /// which keeps its fixed length.
    ///
    /// An adaptive mode on a connection of which nothing is known has the
    /// budget of a fixed line.
    pub fn of(&self, mode: Mode, connection: Option<Connection>) -> Option<Budget> {
        match (connection, mode) {
            (Some(Connection::Metered), _) => Some(self.metered),
            (Some(Connection::Cellular), _) => Some(self.cellular),
            (None, Mode::Full) => None,
            (Some(Connection::Fixed) | None, _) => Some(self.fixed),
        }
    }
}

/// The rate at which a direction runs: the mean over the last complete
/// second, or over what there is of one.
///
/// - Shape: complete bins in order of time; zero without any.
pub fn running_rate(bins: &[u64]) -> BitRate {
    let last = &bins[bins.len().saturating_sub(RATE_BINS)..];
    let bytes = last.iter().fold(0_u64, |sum, &b| sum.saturating_add(b));
    BitRate::over(bytes, Micros(last.len() as u64 * BIN.0)).unwrap_or(BitRate(0))
}

/// Bytes that a direction is expected to carry at `rate`, not knowing how
/// steady the line is: what people are told before a test.
pub fn expected_bytes(mode: Mode, rate: BitRate, budget: Option<Budget>) -> u64 {
    let bytes = bytes_in(rate, usual_span(mode));
    budget.map_or(bytes, |budget| bytes.min(budget.cap_bytes(rate)))
}

/// Rate that an announcement assumes when it knows no better.
pub const ASSUMED: BitRate = BitRate(40_000_000);

/// How long a direction of a mode usually takes, as the bench saw it.
const fn usual_span(mode: Mode) -> Micros {
    match mode {
        Mode::Full => Micros(10_200_000),
        Mode::Accurate => Micros(4_200_000),
        Mode::Saver => Micros(2_200_000),
    }
}

fn bytes_in(rate: BitRate, span: Micros) -> u64 {
    let bytes = u128::from(rate.0) * u128::from(span.0) / 8_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

const RATE_BINS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const STATED: [(Option<Network>, bool); 5] = [
        (None, false),
        (None, true),
        (Some(Network::Mobile), false),
        (Some(Network::Mobile), true),
        (Some(Network::Wifi), false),
    ];

    fn worked() -> Vec<Value> {
        let rates = [2, 40, 49, 50, 133, 134, 300, 600, 999, 1_000, 2_000, 9_000];
        let mut cases = vec![];
        for (network, metered) in STATED {
            for mode in Mode::ALL {
                let budget = Budgets::default().of(mode, Connection::stated(network, metered));
                for rate in rates.map(|megabits| BitRate(megabits * 1_000_000)) {
                    cases.push(json!({
                        "network": network, "metered": metered, "mode": mode,
                        "bits_per_second": rate,
                        "cap_bytes": budget.map(|budget| budget.cap_bytes(rate)),
                        "expected_bytes": expected_bytes(mode, rate, budget),
                    }));
                }
            }
        }
        cases
    }

    #[test]
    fn golden_vectors_hold() {
        let golden = include_str!("../../../testdata/method/budget.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        assert!(
            golden == Value::Array(worked()),
            "the budgets changed: that takes an entry in METHODOLOGY.md"
        );
    }

    #[test]
    fn the_table_of_the_methodology() {
        let cap = |connection, megabits: u64| {
            let budget = Budgets::default().of(Mode::Accurate, Some(connection));
            budget.map(|b| b.cap_bytes(BitRate(megabits * 1_000_000)) / 1_000_000)
        };
        assert_eq!(cap(Connection::Metered, 5_000), Some(10));
        assert_eq!(cap(Connection::Cellular, 49), Some(25));
        assert_eq!(cap(Connection::Cellular, 200), Some(37));
        assert_eq!(cap(Connection::Cellular, 5_000), Some(100));
        assert_eq!(cap(Connection::Fixed, 999), Some(250));
        assert_eq!(cap(Connection::Fixed, 2_000), Some(625));
        assert_eq!(cap(Connection::Fixed, 9_000), Some(1000));
    }

    #[test]
    fn a_full_test_of_an_unstated_connection_has_no_budget() {
        let of = |mode, connection| Budgets::default().of(mode, connection);
        assert_eq!(of(Mode::Full, None), None);
        assert_eq!(of(Mode::Saver, None), Some(Budgets::default().fixed));
        let metered = Connection::stated(Some(Network::Wifi), true);
        assert_eq!(of(Mode::Full, metered), Some(Budgets::default().metered));
    }

    #[test]
    fn the_running_rate_is_that_of_the_last_second() {
        assert_eq!(running_rate(&[]), BitRate(0));
        assert_eq!(running_rate(&[125_000]), BitRate(10_000_000));
        let bins = [vec![1_000_000; 30], vec![125_000; 10]].concat();
        assert_eq!(running_rate(&bins), BitRate(10_000_000));
    }

    fn budgets() -> impl Strategy<Value = Budget> {
        let Budgets {
            metered,
            cellular,
            fixed,
        } = Budgets::default();
        proptest::sample::select(vec![metered, cellular, fixed])
    }

    proptest! {
        #[test]
        fn a_faster_line_is_never_allowed_less(budget in budgets(), a in any::<u64>(), b in any::<u64>()) {
            let (slow, fast) = (a.min(b), a.max(b));
            prop_assert!(budget.cap_bytes(BitRate(slow)) <= budget.cap_bytes(BitRate(fast)));
        }

        #[test]
        fn no_rate_is_allowed_more_than_the_most(budget in budgets(), rate in any::<u64>()) {
            let cap = budget.cap_bytes(BitRate(rate));
            prop_assert!(budget.bytes <= cap && cap <= budget.most_bytes);
        }
    }
}
