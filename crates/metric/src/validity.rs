//! The validity ledger: does a test count, for what, and if not, why.
//!
//! Edition 1 of the rules. Every received test ends in exactly one [`State`]
//! with every [`Reason`] recorded; nothing is deleted. Source:
//! docs/METHODOLOGY.md, "Does a test count?".

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Why a test does not count for something.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A direction is missing or shorter than its stop rule allows.
    Incomplete,
    /// Received too long after it was made.
    TooOld,
    /// Dated ahead of the time of its receipt.
    FromFuture,
    /// Not made over a mobile network.
    NotMobile,
    /// No position, one too vague, or one on a border.
    Unlocated,
    /// Outside every area known here.
    Outside,
    /// The same device, operator and technology a moment ago at the same place.
    Repeat,
    /// The device could not keep up, so the number is its own and not the network's.
    ClientLimited,
}

/// What a test may count for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// A quota that counts every test, as i-Speed does.
    QuotaRaw,
    /// A quota that leaves repeats out.
    Quota,
    /// Figures of a ward.
    Ward,
    /// Figures of an operator.
    Operator,
    /// Figures of the country.
    Country,
}

/// The state of a test, from its reasons.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Counts for everything.
    Accepted,
    /// Counts for some uses.
    Limited,
    /// Counts for nothing.
    Excluded,
    /// Was not finished.
    Incomplete,
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether both directions gave an estimate.
    pub complete: bool,
    /// When the test was made, by the site's clock.
    pub measured_at: Timestamp,
    /// When the centre received it, by the centre's clock.
    pub received_at: Timestamp,
    /// Whether it was made over a mobile network.
    pub mobile: bool,
    /// Where it lies.
    pub placement: Placement,
    /// Whether a test that counts stands close by in time and place.
    pub repeats: bool,
    /// Whether the device could not keep up ([`crate::bottleneck`]).
    pub client_limited: bool,
}

/// How a position relates to the areas.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Placement {
    /// Not known well enough.
    Unlocated,
    /// In no area.
    Outside,
    /// In one area.
    Inside,
}

/// The numbers in the rules; configuration, with these defaults.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longest time between measuring and receiving, days.
    pub max_age_days: u16,
    /// Furthest a test may be dated ahead, seconds.
    pub max_ahead_seconds: u16,
    /// Worst accuracy of a position, metres.
    pub max_accuracy_metres: u32,
    /// Least share of the accuracy disc inside one area, per cent.
    pub min_inside_percent: u8,
    /// Two tests closer in time than this, minutes, …
    pub repeat_minutes: u16,
    /// … and closer in place than this, metres, are repeats.
    pub repeat_metres: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_age_days: 7,
            max_ahead_seconds: 120,
            max_accuracy_metres: 100,
            min_inside_percent: 80,
            repeat_minutes: 15,
            repeat_metres: 100,
        }
    }
}

/// Every reason against a test, in the order of [`Reason`]; empty when none.
pub fn judge(facts: &Facts, limits: &Limits) -> Vec<Reason> {
    let age = facts.received_at.duration_since(facts.measured_at);
    let oldest = SignedDuration::from_hours(24 * i64::from(limits.max_age_days));
    let ahead = SignedDuration::from_secs(-i64::from(limits.max_ahead_seconds));
    let rules = [
        (!facts.complete, Reason::Incomplete),
        (age > oldest, Reason::TooOld),
        (age < ahead, Reason::FromFuture),
        (!facts.mobile, Reason::NotMobile),
        (facts.placement == Placement::Unlocated, Reason::Unlocated),
        (facts.placement == Placement::Outside, Reason::Outside),
        (facts.repeats, Reason::Repeat),
        (facts.client_limited, Reason::ClientLimited),
    ];
    let against = rules.into_iter().filter(|(applies, _)| *applies);
    against.map(|(_, reason)| reason).collect()
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::TooOld,
        Self::FromFuture,
        Self::NotMobile,
        Self::Unlocated,
        Self::Outside,
        Self::Repeat,
        Self::ClientLimited,
    ];

    /// Whether a test with this reason is out for a use.
    pub const fn bars(self, r#use: Use) -> bool {
        let quota = matches!(r#use, Use::Quota | Use::QuotaRaw);
        match self {
            Self::Incomplete | Self::TooOld | Self::FromFuture => true,
            Self::NotMobile => quota,
            Self::Unlocated | Self::Outside => quota || matches!(r#use, Use::Ward),
            Self::Repeat => !matches!(r#use, Use::QuotaRaw),
            Self::ClientLimited => matches!(r#use, Use::Ward | Use::Operator | Use::Country),
        }
    }

    /// The code in tables, problems and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::TooOld => "too_old",
            Self::FromFuture => "from_future",
            Self::NotMobile => "not_mobile",
            Self::Unlocated => "unlocated",
            Self::Outside => "outside",
            Self::Repeat => "repeat",
            Self::ClientLimited => "client_limited",
        }
    }
}

impl Use {
    /// Every use.
    pub const ALL: [Self; 5] = [
        Self::QuotaRaw,
        Self::Quota,
        Self::Ward,
        Self::Operator,
        Self::Country,
    ];
}

/// What a test with these reasons counts for, in the order of [`Use`].
pub fn counts_for(reasons: &[Reason]) -> Vec<Use> {
    let allowed = |r#use: &Use| !reasons.iter().any(|reason| reason.bars(*r#use));
    Use::ALL.into_iter().filter(allowed).collect()
}

/// The state of a test with these reasons.
pub fn state(reasons: &[Reason]) -> State {
    if reasons.is_empty() {
        State::Accepted
    } else if reasons.contains(&Reason::Incomplete) {
        State::Incomplete
    } else if counts_for(reasons).is_empty() {
        State::Excluded
    } else {
        State::Limited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            complete: true,
            measured_at: "2024-11-08T02:00:00Z".parse().unwrap(),
            received_at: "2024-11-08T02:01:00Z".parse().unwrap(),
            mobile: true,
            placement: Placement::Inside,
            repeats: false,
            client_limited: false,
        }
    }

    #[track_caller]
    fn check(facts: Facts, want: &[Reason], want_state: State) {
        let reasons = judge(&facts, &Limits::default());
        assert_eq!((reasons.as_slice(), state(&reasons)), (want, want_state));
    }

    #[test]
    fn an_honest_mobile_test_counts_for_everything() {
        check(facts(), &[], State::Accepted);
        assert_eq!(counts_for(&[]), Use::ALL);
    }

    #[test]
    fn each_rule_gives_its_reason() {
        let at = |text: &str| text.parse().unwrap();
        let f = facts();
        check(
            Facts {
                complete: false,
                ..f
            },
            &[Reason::Incomplete],
            State::Incomplete,
        );
        check(
            Facts {
                received_at: at("2024-11-15T02:00:01Z"),
                ..f
            },
            &[Reason::TooOld],
            State::Excluded,
        );
        check(
            Facts {
                received_at: at("2024-11-15T02:00:00Z"),
                ..f
            },
            &[],
            State::Accepted,
        );
        check(
            Facts {
                received_at: at("2024-11-08T01:57:59Z"),
                ..f
            },
            &[Reason::FromFuture],
            State::Excluded,
        );
        check(
            Facts {
                received_at: at("2024-11-08T01:58:00Z"),
                ..f
            },
            &[],
            State::Accepted,
        );
        check(
            Facts { mobile: false, ..f },
            &[Reason::NotMobile],
            State::Limited,
        );
        check(
            Facts {
                placement: Placement::Unlocated,
                ..f
            },
            &[Reason::Unlocated],
            State::Limited,
        );
        check(
            Facts {
                placement: Placement::Outside,
                ..f
            },
            &[Reason::Outside],
            State::Limited,
        );
        check(
            Facts { repeats: true, ..f },
            &[Reason::Repeat],
            State::Limited,
        );
        check(
            Facts {
                client_limited: true,
                ..f
            },
            &[Reason::ClientLimited],
            State::Limited,
        );
    }

    #[test]
    fn a_repeat_counts_only_where_everything_does() {
        assert_eq!(counts_for(&[Reason::Repeat]), [Use::QuotaRaw]);
        assert_eq!(
            counts_for(&[Reason::ClientLimited]),
            [Use::QuotaRaw, Use::Quota]
        );
        assert_eq!(
            counts_for(&[Reason::NotMobile]),
            [Use::Ward, Use::Operator, Use::Country]
        );
        assert_eq!(
            counts_for(&[Reason::Unlocated]),
            [Use::Operator, Use::Country]
        );
    }

    #[test]
    fn codes_are_the_serialized_names() {
        for reason in Reason::ALL {
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason.code());
        }
    }
}
