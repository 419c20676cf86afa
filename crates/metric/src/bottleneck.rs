//! What limited a direction: a window, the sender, the network, or the device
//! that measured.
//!
//! The kernel of the sending end says how long it waited for the receiver's
//! window and for its own buffer; what it sent again and how the round trip
//! grew speak of the network. A device that could not keep up has measured
//! itself: that comes first, because nothing else it says can then be trusted.
//!
//! Source: docs/METHODOLOGY.md, "What limited the test"; RFC 4898 (the counters'
//! meaning); Linux `tcp_chrono` (their origin).

use serde::{Deserialize, Serialize};

use crate::receipt::{ReceiptV1, SubtestRecord, TcpRecord};
use crate::submission::{Observed, ObservedSubtest};
use crate::unit::Micros;

/// Constants of edition 1.
pub mod spec {
    use crate::unit::Micros;

    /// Time the starvation watch sleeps between two ticks.
    pub const TICK: Micros = Micros(50_000);
    /// A tick is late when it comes so much after its time.
    pub const LATE: Micros = Micros(50_000);
    /// A device is starved when so many of 1000 ticks are late, …
    pub const STARVED_LAG_PER_MILLE: u16 = 200;
    /// … or its program used so much of all its processors.
    pub const STARVED_CPU_PER_MILLE: u16 = 900;
    /// A wait is the limit when it takes more than so much of the busy time.
    pub const WAIT_PER_MILLE: u64 = 500;
    /// The network shows when so much was sent again, …
    pub const RETRANSMITTED_PER_MILLE: u64 = 1;
    /// … or when the round trip under load is this much of the least, per mille, …
    pub const RISEN_PER_MILLE: u64 = 1250;
    /// … and at least so much longer.
    pub const RISEN: Micros = Micros(2_000);
}

/// What limited a direction.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// The receiver's window: its memory, or a program that reads too slowly.
    ReceiveWindow,
    /// The sender's buffer or program.
    Sender,
    /// The network between the two.
    Network,
    /// The device that measured could not keep up: the number is not the network's.
    ClientCpu,
    /// Nothing shows.
    Unknown,
}

impl Bottleneck {
    /// The code in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ReceiveWindow => "receive_window",
            Self::Sender => "sender",
            Self::Network => "network",
            Self::ClientCpu => "client_cpu",
            Self::Unknown => "unknown",
        }
    }
}

/// What limited the download: the site's kernel was the sender's. `None` where
/// none was measured.
pub fn download(receipt: Option<&ReceiptV1>, observed: &Observed) -> Option<Bottleneck> {
    let signed = receipt.and_then(|receipt| receipt.download.as_ref());
    let sender = signed.map(accounts).unwrap_or_default();
    Some(judge(observed.download.as_ref()?, signed, &sender))
}

/// What limited the upload: the client's kernel was the sender's, and a browser
/// does not tell of it; the site's still shows how the round trip grew. `None`
/// where none was measured.
pub fn upload(receipt: Option<&ReceiptV1>, observed: &Observed) -> Option<Bottleneck> {
    let signed = receipt.and_then(|receipt| receipt.upload.as_ref());
    let observed = observed.upload.as_ref()?;
    Some(judge(observed, signed, &observed.tcp))
}

/// Whether the device could not keep up in a direction.
pub fn client_limited(observed: &Observed) -> bool {
    let directions = [&observed.download, &observed.upload];
    directions.into_iter().flatten().any(is_starved)
}

/// Whether the device could not keep up.
pub fn is_starved(observed: &ObservedSubtest) -> bool {
    let reached = |share: Option<u16>, most| share.is_some_and(|share| share >= most);
    reached(observed.lag_share_per_mille, spec::STARVED_LAG_PER_MILLE)
        || reached(observed.cpu_share_per_mille, spec::STARVED_CPU_PER_MILLE)
}

fn judge(
    observed: &ObservedSubtest,
    signed: Option<&SubtestRecord>,
    sender: &[TcpRecord],
) -> Bottleneck {
    let total = |field: fn(&TcpRecord) -> u64| {
        let each = sender.iter().map(field);
        each.fold(0_u64, u64::saturating_add)
    };
    let busy = total(|tcp| tcp.busy_us);
    let waited =
        |waited: u64| per_mille(waited, busy).is_some_and(|share| share > spec::WAIT_PER_MILLE);
    let again = per_mille(total(|tcp| tcp.bytes_retransmitted), observed.bytes);
    if is_starved(observed) {
        Bottleneck::ClientCpu
    } else if waited(total(|tcp| tcp.rwnd_limited_us)) {
        Bottleneck::ReceiveWindow
    } else if waited(total(|tcp| tcp.sndbuf_limited_us)) {
        Bottleneck::Sender
    } else if again.is_some_and(|share| share >= spec::RETRANSMITTED_PER_MILLE)
        || has_risen(signed, sender)
    {
        Bottleneck::Network
    } else {
        Bottleneck::Unknown
    }
}

/// Whether the round trip grew under the load: the site's series where there is
/// one, else the sender's last account.
fn has_risen(signed: Option<&SubtestRecord>, sender: &[TcpRecord]) -> bool {
    let site: Vec<TcpRecord> = signed.map(accounts).unwrap_or_default();
    let every = || site.iter().chain(sender);
    let Some(least) = every()
        .map(|tcp| tcp.min_rtt_us)
        .filter(|&rtt| rtt > 0)
        .min()
    else {
        return false;
    };
    let series = signed.map_or(&[][..], |record| &record.srtt_us);
    let mut under_load = match series {
        [] => every().map(|tcp| tcp.srtt_us).collect(),
        series => series.to_vec(),
    };
    under_load.sort_unstable();
    let Some(&median) = under_load.get(under_load.len() / 2) else {
        return false;
    };
    let (median, least) = (u64::from(median), u64::from(least));
    median >= least + spec::RISEN.0 && 1000 * median >= spec::RISEN_PER_MILLE * least
}

fn accounts(record: &SubtestRecord) -> Vec<TcpRecord> {
    record
        .streams
        .iter()
        .filter_map(|stream| stream.tcp)
        .collect()
}

/// A share in thousandths, rounded down; `None` of nothing.
fn per_mille(part: u64, whole: u64) -> Option<u64> {
    let share = u128::from(part) * 1000 / u128::from((whole > 0).then_some(whole)?);
    u64::try_from(share).ok()
}

/// Counts ticks that come late, while a direction runs.
///
/// The watch asks to be woken after [`spec::TICK`], again and again; a device
/// that is busy wakes it later, and then the ticks it slept through are late too.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lag {
    ticks: u64,
    late: u64,
}

impl Lag {
    /// The watch has slept so long instead of one tick.
    pub fn slept(&mut self, slept: Micros) {
        self.ticks += (slept.0 / spec::TICK.0).max(1);
        let whole = slept.0.div_ceil(spec::TICK.0);
        self.late += whole.saturating_sub(1 + spec::LATE.0 / spec::TICK.0);
    }

    /// Late ticks in thousandths; `None` before the first.
    pub fn share_per_mille(self) -> Option<u16> {
        u16::try_from(per_mille(self.late, self.ticks)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tcp() -> TcpRecord {
        TcpRecord {
            min_rtt_us: 20_000,
            srtt_us: 21_000,
            bytes_retransmitted: 0,
            busy_us: 1_000_000,
            rwnd_limited_us: 0,
            sndbuf_limited_us: 0,
        }
    }

    /// The golden receipt with this account of its download, and no upload.
    fn signed(tcp: TcpRecord) -> ReceiptV1 {
        let golden = include_str!("../../../testdata/receipt/v1.json");
        let mut receipt: ReceiptV1 = serde_json::from_str(golden).unwrap();
        let record = receipt.download.as_mut().unwrap();
        record.streams.truncate(1);
        record.streams[0].tcp = Some(tcp);
        record.srtt_us.fill(tcp.srtt_us);
        receipt.upload = None;
        receipt
    }

    fn both(subtest: ObservedSubtest) -> Observed {
        Observed {
            download: Some(subtest.clone()),
            upload: Some(subtest),
            ..Observed::default()
        }
    }

    fn seen() -> ObservedSubtest {
        serde_json::from_str(
            r#"{"bin_us": 100000, "bins_bytes": [1000000], "stop_reason": "fixed",
                "bytes": 1000000, "duration_us": 100000}"#,
        )
        .unwrap()
    }

    #[track_caller]
    fn check(tcp: TcpRecord, observed: &ObservedSubtest, want: Bottleneck) {
        let own = both(ObservedSubtest {
            tcp: vec![tcp],
            ..observed.clone()
        });
        assert_eq!(download(Some(&signed(tcp)), &own), Some(want));
        assert_eq!(upload(None, &own), Some(want));
    }

    #[test]
    fn each_limit_has_its_evidence() {
        let t = tcp();
        let rwnd_limited_us = 500_001;
        let starved = |lag, cpu| ObservedSubtest {
            lag_share_per_mille: lag,
            cpu_share_per_mille: cpu,
            ..seen()
        };
        check(t, &seen(), Bottleneck::Unknown);
        check(
            TcpRecord {
                rwnd_limited_us: 501_000,
                ..t
            },
            &seen(),
            Bottleneck::ReceiveWindow,
        );
        check(
            TcpRecord {
                rwnd_limited_us: 500_000,
                ..t
            },
            &seen(),
            Bottleneck::Unknown,
        );
        check(
            TcpRecord {
                sndbuf_limited_us: 501_000,
                ..t
            },
            &seen(),
            Bottleneck::Sender,
        );
        check(
            TcpRecord {
                bytes_retransmitted: 1_000,
                ..t
            },
            &seen(),
            Bottleneck::Network,
        );
        check(
            TcpRecord {
                bytes_retransmitted: 999,
                ..t
            },
            &seen(),
            Bottleneck::Unknown,
        );
        check(
            TcpRecord {
                srtt_us: 25_000,
                ..t
            },
            &seen(),
            Bottleneck::Network,
        );
        check(
            TcpRecord {
                srtt_us: 24_999,
                ..t
            },
            &seen(),
            Bottleneck::Unknown,
        );
        check(
            TcpRecord {
                rwnd_limited_us,
                ..t
            },
            &starved(Some(200), None),
            Bottleneck::ClientCpu,
        );
        check(t, &starved(Some(199), Some(899)), Bottleneck::Unknown);
        check(t, &starved(None, Some(900)), Bottleneck::ClientCpu);
    }

    #[test]
    fn a_short_path_needs_more_than_a_ratio() {
        let quick = TcpRecord {
            min_rtt_us: 30,
            srtt_us: 900,
            ..tcp()
        };
        check(quick, &seen(), Bottleneck::Unknown);
    }

    #[test]
    fn where_nobody_tells_nothing_is_known() {
        let blind = both(seen());
        assert_eq!(download(None, &blind), Some(Bottleneck::Unknown));
        assert_eq!(upload(None, &blind), Some(Bottleneck::Unknown));
        assert_eq!(download(None, &Observed::default()), None);
        let idle = TcpRecord {
            busy_us: 0,
            rwnd_limited_us: 5,
            ..tcp()
        };
        check(idle, &seen(), Bottleneck::Unknown);
    }

    #[test]
    fn one_starved_direction_marks_the_test() {
        let mut observed = Observed {
            download: Some(seen()),
            ..Observed::default()
        };
        assert!(!client_limited(&observed));
        let starved = ObservedSubtest {
            lag_share_per_mille: Some(1000),
            ..seen()
        };
        observed.upload = Some(starved);
        assert!(client_limited(&observed));
    }

    #[test]
    fn codes_are_the_serialized_names() {
        use Bottleneck::{ClientCpu, Network, ReceiveWindow, Sender, Unknown};
        for bottleneck in [ReceiveWindow, Sender, Network, ClientCpu, Unknown] {
            assert_eq!(serde_json::to_value(bottleneck).unwrap(), bottleneck.code());
        }
    }

    #[test]
    fn a_tick_is_late_by_more_than_fifty_milliseconds() {
        let share = |slept: &[u64]| {
            let mut lag = Lag::default();
            slept.iter().for_each(|&ms| lag.slept(Micros(ms * 1000)));
            lag.share_per_mille()
        };
        assert_eq!(share(&[]), None);
        assert_eq!(share(&[50; 20]), Some(0));
        assert_eq!(share(&[100; 20]), Some(0), "late by fifty, not by more");
        assert_eq!(share(&[50, 50, 50, 101]), Some(200), "one of five ticks");
        assert_eq!(share(&[300]), Some(666), "250, 200, 150 and 100 ms late");
    }

    proptest! {
        #[test]
        fn a_share_is_a_share(slept in proptest::collection::vec(0_u64..100_000_000, 1..50)) {
            let mut lag = Lag::default();
            slept.iter().for_each(|&slept| lag.slept(Micros(slept)));
            prop_assert!(lag.share_per_mille().is_some_and(|share| share <= 1000));
        }

        #[test]
        fn absurd_accounts_are_no_reason_to_panic(busy_us in any::<u64>(), rwnd_limited_us in any::<u64>(), bytes_retransmitted in any::<u64>(), srtt_us in any::<u32>(), min_rtt_us in any::<u32>(), bytes in any::<u64>()) {
            let tcp = TcpRecord { busy_us, rwnd_limited_us, bytes_retransmitted, srtt_us, min_rtt_us, sndbuf_limited_us: rwnd_limited_us };
            let own = both(ObservedSubtest { tcp: vec![tcp; 3], bytes, ..seen() });
            let _ = (download(Some(&signed(tcp)), &own), upload(Some(&signed(tcp)), &own));
        }
    }
}
