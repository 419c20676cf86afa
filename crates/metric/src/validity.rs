//! The validity ledger: does a test count, for what, and if not, why.
//!
//! Every received test ends in exactly one [`State`]
//! with every [`Reason`] recorded; nothing is deleted. Rules have editions: a
//! reason applies from the edition that brought it ([`Reason::since`]), so that
//! a month can be judged again as it was. Source: docs/METHODOLOGY.md, "Does a
//! test count?".

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
    /// More than a device's share of a ward's month.
    DeviceCap,
    /// The device said that its position was made up.
    MockLocation,
    /// Too far from the device's test before or after.
    ImpossibleTravel,
    /// The operator that was declared is not the one that was seen; a flag, the
    /// test counts for the one that was seen.
    OperatorMismatch,
    /// In another country's network, or behind one that is not a mobile one.
    RoamingOrVpn,
    /// From an address that no known network has.
    ForeignAddress,
    /// Faster than the technology or the site can be, or the trace of another test.
    Implausible,
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
    /// Counts for everything; there may be a flag.
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
    /// Whether the device has had its share of the ward's month.
    pub over_cap: bool,
    /// Whether the device says its position is made up.
    pub mock_location: bool,
    /// Whether the device would have travelled too fast.
    pub travels: bool,
    /// Whether another operator was declared than was seen.
    pub operator_differs: bool,
    /// Whether the device roams, or is mobile behind a network that is not.
    pub roaming_or_vpn: bool,
    /// Whether its address is a public one that no known network has.
    pub foreign_address: bool,
    /// Whether it is faster than it can be ([`Limits::is_too_fast`]) or has the
    /// trace of another test.
    pub implausible: bool,
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
    /// Most days a device counts on in a ward's month.
    pub max_device_days: u16,
    /// Most tests a device counts with on one of these days.
    pub max_tests_a_day: u16,
    /// Fastest way from one test to the next, km/h.
    pub max_travel_km_per_hour: u16,
    /// Highest rate of each generation, Mbit/s, from 2G to 5G.
    pub max_mbit_per_second: [u32; 4],
    /// Highest rate of a site's own port, Mbit/s; also the ceiling of fixed lines.
    pub max_site_mbit_per_second: u32,
    /// Whether a public address that no known network has is foreign. Turn it
    /// off where the table of prefixes is not that of the whole country.
    pub foreign_addresses: bool,
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
            max_device_days: 10,
            max_tests_a_day: 5,
            max_travel_km_per_hour: 300,
            max_mbit_per_second: [1, 84, 2_000, 10_000],
            max_site_mbit_per_second: 10_000,
            foreign_addresses: true,
        }
    }
}

impl Limits {
    /// Whether a rate is above what the generation (2 to 5; `None` for a fixed
    /// line or when it is not known) or a site can carry.
    ///
    /// Ceilings: EDGE 0.47 Mbit/s (3GPP TS 43.064), DC-HSPA+ 84 (TS 25.306),
    /// LTE category 20 2,000 (TS 36.306), NR 10,000 (more than any phone
    /// announces), each rounded up.
    pub fn is_too_fast(&self, bits_per_second: u64, generation: Option<u8>) -> bool {
        let index = generation.and_then(|g| usize::from(g).checked_sub(2));
        let radio = index.and_then(|at| self.max_mbit_per_second.get(at));
        let most = radio.map_or(self.max_site_mbit_per_second, |radio| {
            self.max_site_mbit_per_second.min(*radio)
        });
        bits_per_second > u64::from(most) * 1_000_000
    }
}

/// Every reason against a test by an edition of the rules, in the order of
/// [`Reason`]; empty when none.
pub fn judge(facts: &Facts, limits: &Limits, edition: u16) -> Vec<Reason> {
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
        (facts.over_cap, Reason::DeviceCap),
        (facts.mock_location, Reason::MockLocation),
        (facts.travels, Reason::ImpossibleTravel),
        (facts.operator_differs, Reason::OperatorMismatch),
        (facts.roaming_or_vpn, Reason::RoamingOrVpn),
        (facts.foreign_address, Reason::ForeignAddress),
        (facts.implausible, Reason::Implausible),
    ];
    let against = rules.into_iter().filter(|(applies, _)| *applies);
    let against = against.map(|(_, reason)| reason);
    against.filter(|reason| reason.since() <= edition).collect()
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 15] = [
        Self::Incomplete,
        Self::TooOld,
        Self::FromFuture,
        Self::NotMobile,
        Self::Unlocated,
        Self::Outside,
        Self::Repeat,
        Self::ClientLimited,
        Self::DeviceCap,
        Self::MockLocation,
        Self::ImpossibleTravel,
        Self::OperatorMismatch,
        Self::RoamingOrVpn,
        Self::ForeignAddress,
        Self::Implausible,
    ];

    /// Edition of the rules that brought it.
    pub const fn since(self) -> u16 {
        match self {
            Self::Incomplete
            | Self::TooOld
            | Self::FromFuture
            | Self::NotMobile
            | Self::Unlocated
            | Self::Outside
            | Self::Repeat => 1,
            Self::ClientLimited
            | Self::DeviceCap
            | Self::MockLocation
            | Self::ImpossibleTravel
            | Self::OperatorMismatch
            | Self::RoamingOrVpn
            | Self::ForeignAddress
            | Self::Implausible => 2,
        }
    }

    /// Whether a test with this reason is out for a use.
    pub const fn bars(self, r#use: Use) -> bool {
        let quota = matches!(r#use, Use::Quota | Use::QuotaRaw);
        match self {
            Self::Incomplete | Self::TooOld | Self::FromFuture | Self::Implausible => true,
            Self::NotMobile => quota,
            Self::Unlocated | Self::Outside | Self::MockLocation | Self::ImpossibleTravel => {
                quota || matches!(r#use, Use::Ward)
            }
            Self::Repeat | Self::DeviceCap => !matches!(r#use, Use::QuotaRaw),
            Self::OperatorMismatch => false,
            Self::RoamingOrVpn | Self::ForeignAddress => matches!(r#use, Use::Operator),
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
            Self::DeviceCap => "device_cap",
            Self::MockLocation => "mock_location",
            Self::ImpossibleTravel => "impossible_travel",
            Self::OperatorMismatch => "operator_mismatch",
            Self::RoamingOrVpn => "roaming_or_vpn",
            Self::ForeignAddress => "foreign_address",
            Self::Implausible => "implausible",
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
    if reasons.contains(&Reason::Incomplete) {
        return State::Incomplete;
    }
    match counts_for(reasons).len() {
        0 => State::Excluded,
        n if n == Use::ALL.len() => State::Accepted,
        _ => State::Limited,
    }
}

/// Whether the next test of a device is above its share of a ward's month.
///
/// `tests_of_days` holds, for each day with tests of this device that count
/// there, how many; `today` is how many of them are of the same day as the test.
pub const fn over_cap(days: u64, today: u64, limits: &Limits) -> bool {
    let new_day = today == 0;
    today >= limits.max_tests_a_day as u64 || (new_day && days >= limits.max_device_days as u64)
}

/// Whether a device would have to travel faster than the limit between two
/// tests. Their accuracy is taken off the way, so that two vague positions
/// close in time are no journey.
pub fn travels(metres: f64, accuracy_metres: u32, apart: SignedDuration, limits: &Limits) -> bool {
    let way = metres - f64::from(accuracy_metres);
    let fastest = f64::from(limits.max_travel_km_per_hour) / 3.6;
    way > fastest * apart.as_secs_f64().abs().max(1.0)
}

/// The shape of a trace, to know a copy by.
///
/// A hash of its bins relative to the highest. `None` for a trace that has too little shape to be known by: fewer
/// than 20 bins, or fewer than 12 different heights of 4,096.
///
/// Measured traces differ in every bin; equal shapes are copies, scaled or not.
pub fn trace_shape(bins_bytes: &[u64]) -> Option<u64> {
    let highest = bins_bytes.iter().copied().max().filter(|&h| h > 0)?;
    let height = |&bin: &u64| u128::from(bin) * 4095 / u128::from(highest);
    let heights: Vec<u128> = bins_bytes.iter().map(height).collect();
    let different: std::collections::BTreeSet<_> = heights.iter().collect();
    if heights.len() < 20 || different.len() < 12 {
        return None;
    }
    let text: Vec<String> = heights.iter().map(u128::to_string).collect();
    let digest = crate::key::sha256_hex(text.join(",").as_bytes());
    u64::from_str_radix(digest.get(..16)?, 16).ok()
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
            over_cap: false,
            mock_location: false,
            travels: false,
            operator_differs: false,
            roaming_or_vpn: false,
            foreign_address: false,
            implausible: false,
        }
    }

    #[track_caller]
    fn check(facts: Facts, want: &[Reason], want_state: State) {
        let reasons = judge(&facts, &Limits::default(), crate::EDITION);
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
    fn each_rule_of_edition_2_gives_its_reason() {
        let f = facts();
        let over_cap = Facts {
            over_cap: true,
            ..f
        };
        check(over_cap, &[Reason::DeviceCap], State::Limited);
        let mock = Facts {
            mock_location: true,
            ..f
        };
        check(mock, &[Reason::MockLocation], State::Limited);
        let travels = Facts { travels: true, ..f };
        check(travels, &[Reason::ImpossibleTravel], State::Limited);
        let vpn = Facts {
            roaming_or_vpn: true,
            ..f
        };
        check(vpn, &[Reason::RoamingOrVpn], State::Limited);
        let foreign = Facts {
            foreign_address: true,
            ..f
        };
        check(foreign, &[Reason::ForeignAddress], State::Limited);
        let implausible = Facts {
            implausible: true,
            ..f
        };
        check(implausible, &[Reason::Implausible], State::Excluded);
        let flagged = Facts {
            operator_differs: true,
            ..f
        };
        check(flagged, &[Reason::OperatorMismatch], State::Accepted);
    }

    #[test]
    fn an_older_edition_knows_nothing_of_newer_rules() {
        let both = Facts {
            repeats: true,
            over_cap: true,
            ..facts()
        };
        let by = |edition| judge(&both, &Limits::default(), edition);
        assert_eq!(by(1), [Reason::Repeat]);
        assert_eq!(by(2), [Reason::Repeat, Reason::DeviceCap]);
    }

    #[test]
    fn a_device_has_ten_days_and_five_tests_on_each() {
        let limits = Limits::default();
        let over = |days, today| over_cap(days, today, &limits);
        assert!(!over(0, 0) && !over(9, 0) && over(10, 0));
        assert!(!over(10, 4) && over(3, 5));
    }

    #[test]
    fn three_hundred_kilometres_an_hour_is_a_train_and_more_is_not() {
        let limits = Limits::default();
        let after = SignedDuration::from_mins;
        assert!(!travels(149_000.0, 0, after(30), &limits));
        assert!(travels(151_000.0, 0, after(30), &limits));
        assert!(travels(151_000.0, 0, after(-30), &limits));
        assert!(
            !travels(180.0, 100, after(0), &limits),
            "two vague positions"
        );
    }

    #[test]
    fn a_copied_trace_is_known_scaled_or_not_and_a_flat_one_is_not() {
        let trace: Vec<u64> = (0..40).map(|i| 500_000 + i * i * 731 % 90_000).collect();
        let louder: Vec<u64> = trace.iter().map(|bin| bin * 3).collect();
        let mut other = trace.clone();
        other[7] += 9_000;
        assert!(trace_shape(&trace).is_some());
        assert_eq!(trace_shape(&trace), trace_shape(&louder));
        assert_ne!(trace_shape(&trace), trace_shape(&other));
        assert_eq!(trace_shape(&[600_000; 120]), None);
        assert_eq!(trace_shape(&[]), None);
    }

    #[test]
    fn no_technology_is_faster_than_its_radio() {
        let limits = Limits::default();
        let fast = |mbit: u64, generation| limits.is_too_fast(mbit * 1_000_000, generation);
        assert!(fast(85, Some(3)) && !fast(84, Some(3)));
        assert!(fast(2_001, Some(4)) && !fast(2_001, Some(5)));
        assert!(fast(10_001, None) && !fast(940, None));
    }

    #[test]
    fn codes_are_the_serialized_names() {
        for reason in Reason::ALL {
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason.code());
        }
    }
}
