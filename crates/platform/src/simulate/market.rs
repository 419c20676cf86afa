//! Who serves the devices and how fast: shares, differences, addresses.
//!
//! The numbers are plausible, not measured. Addresses come from the project's
//! own table or, for operators without a range there, from the documentation
//! prefixes (RFC 5737).

use std::net::{IpAddr, Ipv4Addr};

use metric::prefix::Prefix;
use metric::submission::Generation;

use metric::chance::Chance;

/// An operator of the simulation.
pub(super) struct Player {
    /// Id in `data/operators.csv`.
    pub(super) id: &'static str,
    /// Share of the mobile devices.
    share: f64,
    /// Share of its devices with 5G.
    share_5g: f64,
    /// Its rates against the market's.
    factor: f64,
    /// Networks its devices come from: first address and length.
    networks: &'static [(Ipv4Addr, u32)],
}

impl Player {
    /// A client network of this operator.
    pub(super) fn prefix(&self, chance: &mut Chance) -> Prefix {
        let (network, length) = self.networks[chance.index(self.networks.len())];
        let host = u32::try_from(chance.next() >> 32).unwrap_or(0);
        let address = network.to_bits() | host.checked_shr(length).unwrap_or(0);
        Prefix::of(IpAddr::V4(Ipv4Addr::from_bits(address)))
    }
}

/// Operators of mobile networks.
const PLAYERS: [Player; 5] = [
    Player {
        id: "viettel",
        share: 0.45,
        share_5g: 0.35,
        factor: 1.15,
        networks: &[
            (Ipv4Addr::new(27, 64, 0, 0), 12),
            (Ipv4Addr::new(171, 224, 0, 0), 11),
        ],
    },
    Player {
        id: "vinaphone",
        share: 0.25,
        share_5g: 0.25,
        factor: 1.05,
        networks: &[
            (Ipv4Addr::new(14, 160, 0, 0), 11),
            (Ipv4Addr::new(113, 160, 0, 0), 11),
        ],
    },
    Player {
        id: "mobifone",
        share: 0.22,
        share_5g: 0.20,
        factor: 0.9,
        networks: &[(Ipv4Addr::new(203, 0, 113, 0), 24)],
    },
    Player {
        id: "vietnamobile",
        share: 0.05,
        share_5g: 0.0,
        factor: 0.5,
        networks: &[(Ipv4Addr::new(198, 51, 100, 0), 24)],
    },
    Player {
        id: "itel",
        share: 0.03,
        share_5g: 0.1,
        factor: 0.8,
        networks: &[(Ipv4Addr::new(192, 0, 2, 0), 24)],
    },
];

/// Operators of the fixed lines behind Wi-Fi.
pub(super) const FIXED: Player = Player {
    id: "fpt",
    share: 1.0,
    share_5g: 0.0,
    factor: 1.0,
    networks: &[
        (Ipv4Addr::new(42, 112, 0, 0), 13),
        (Ipv4Addr::new(1, 52, 0, 0), 14),
    ],
};

/// Devices of one operator and technology.
pub(super) struct Group {
    pub(super) operator: &'static Player,
    pub(super) technology: Generation,
    /// Share of all devices.
    pub(super) share: f64,
}

/// What a law is about.
#[derive(Clone, Copy)]
pub(super) enum Law {
    Download,
    Upload,
    IdleRtt,
}

/// Deviation of the logarithm of upload against download.
pub(super) const UPLOAD_LOG_SD: f64 = 0.25;
/// Deviation of the logarithm of the idle delay between tests.
pub(super) const RTT_LOG_SD: f64 = 0.2;

/// The law of rates and delays in one ward: a mixture of log-normal groups.
pub(super) struct Market {
    /// Median download of an operator with factor 1 on 4G.
    base: f64,
    log_sd: f64,
}

impl Market {
    /// The market whose median download over all groups is `median`, bit/s.
    pub(super) fn new(median: f64, log_sd: f64) -> Self {
        let unscaled = Self { base: 1.0, log_sd };
        let base = median / unscaled.median(Law::Download);
        Self { base, log_sd }
    }

    /// Every group with devices.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group> {
        let of = |operator: &'static Player| {
            let of_5g = operator.share * operator.share_5g;
            [
                (Generation::G4, operator.share - of_5g),
                (Generation::G5, of_5g),
            ]
            .map(|(technology, share)| Group {
                operator,
                technology,
                share,
            })
        };
        PLAYERS
            .iter()
            .flat_map(of)
            .filter(|group| group.share > 0.0)
    }

    /// The group that a point of `[0, 1)` falls to, in proportion to the shares.
    pub(super) fn group_at(&self, point: f64) -> Option<Group> {
        let mut left = point;
        self.groups().find(|group| {
            left -= group.share;
            left < 0.0
        })
    }

    /// Median of one group, bit/s or µs.
    pub(super) fn median_of(&self, group: &Group, law: Law) -> f64 {
        let is_5g = group.technology == Generation::G5;
        let download = self.base * group.operator.factor * if is_5g { 2.6 } else { 1.0 };
        match law {
            Law::Download => download,
            Law::Upload => download * if is_5g { 0.3 } else { 0.45 },
            Law::IdleRtt => {
                if is_5g {
                    19_000.0
                } else {
                    32_000.0
                }
            }
        }
    }

    /// Median over all groups: where the mixture's distribution reaches ½.
    pub(super) fn median(&self, law: Law) -> f64 {
        let log_sd = match law {
            Law::Download => self.log_sd,
            Law::Upload => self.log_sd.hypot(UPLOAD_LOG_SD),
            Law::IdleRtt => RTT_LOG_SD,
        };
        let below = |x: f64| -> f64 {
            let part = |g: Group| g.share * normal_cdf((x / self.median_of(&g, law)).ln() / log_sd);
            self.groups().map(part).sum()
        };
        let medians = || self.groups().map(|group| self.median_of(&group, law));
        let (mut low, mut high) = (
            medians().fold(f64::MAX, f64::min),
            medians().fold(0.0, f64::max),
        );
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if below(middle) < 0.5 {
                low = middle;
            } else {
                high = middle;
            }
        }
        f64::midpoint(low, high)
    }
}

/// Distribution function of the standard normal; absolute error below 7.5·10⁻⁸.
///
/// Source: Abramowitz & Stegun, formula 26.2.17.
fn normal_cdf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [
        1.330_274_429,
        -1.821_255_978,
        1.781_477_937,
        -0.356_563_782,
        0.319_381_530,
    ];
    let polynomial = series.iter().fold(0.0, |sum, c| (sum + c) * t);
    let tail = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt() * polynomial;
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (x, want) in [
            (0.0, 0.5),
            (1.0, 0.841_344_7),
            (-1.96, 0.024_997_9),
            (3.0, 0.998_650_1),
        ] {
            assert!((normal_cdf(x) - want).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn the_market_has_the_median_asked_for() {
        let market = Market::new(40e6, 0.8);
        assert!((market.median(Law::Download) / 40e6 - 1.0).abs() < 1e-9);
        let shares: f64 = market.groups().map(|group| group.share).sum();
        assert!((shares - 1.0).abs() < 1e-9);
    }

    #[test]
    fn addresses_are_in_the_project_table_or_for_documentation() {
        let table = crate::operator::OperatorTable::parse(
            include_str!("../../../../data/operators.csv"),
            include_str!("../../../../data/prefixes.csv"),
        )
        .unwrap();
        let mut chance = Chance::of(&[1]);
        for player in PLAYERS.iter().chain([&FIXED]) {
            assert!(table.by_name(player.id).is_some(), "{}", player.id);
            for _ in 0..50 {
                let prefix = player.prefix(&mut chance);
                let documentation = ["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"];
                let found = table.of_address(prefix.network()).and_then(|a| a.operator);
                let listed = found.is_some_and(|operator| operator.id == player.id);
                assert!(
                    listed || documentation.contains(&prefix.to_string().as_str()),
                    "{prefix}"
                );
            }
        }
    }
}
