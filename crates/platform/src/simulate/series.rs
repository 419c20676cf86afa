//! Bytes per bin of a direction, drawn so that the method finds a given rate.

use metric::bins::BIN;
use metric::forecast::HORIZON_BINS;
use metric::goodput::{self, StopReason};
use metric::receipt::{Counted, Stop, StreamRecord, SubtestRecord, TcpRecord};
use metric::submission::ObservedSubtest;
use metric::unit::{Micros, floor_u64, to_f64};

use metric::chance::Chance;

/// Connections of a direction.
const STREAMS: u64 = 4;

/// Bins at a receiver, ten seconds with a ramp and a last one that is not over, in
/// which the method finds
/// `bits_per_second`.
pub(super) fn bins(bits_per_second: f64, chance: &mut Chance) -> Vec<u64> {
    let shape = shape(chance);
    let bins =
        |level: f64| -> Vec<u64> { shape.iter().map(|part| floor_u64(part * level)).collect() };
    let level = bits_per_second / 8.0 * to_f64(BIN.0) / 1e6;
    let found = goodput::estimate(goodput::Mode::Full, &bins(level), false);
    let found = found.map_or(bits_per_second, |e| to_f64(e.goodput.0.max(1)));
    bins(level * bits_per_second / found)
}

/// A ramp of 0.8 to 1.6 s, then noise about 1 that remembers half of itself.
fn shape(chance: &mut Chance) -> Vec<f64> {
    let ramp = chance.between(8, 16);
    let spread = chance.within(0.03, 0.15);
    let length = u32::try_from(HORIZON_BINS + 1).unwrap_or(0);
    let mut noise = 0.0;
    let mut part = |at: u32| {
        noise = 0.5 * noise + spread * chance.normal();
        let grown = f64::from(at + 1) / f64::from(ramp);
        grown.min(1.0).powf(1.5) * f64::exp(noise)
    };
    (0..length).map(&mut part).collect()
}

/// What the client reports of bins it saw or was told.
pub(super) fn observed(bins: &[u64], stop_reason: StopReason) -> ObservedSubtest {
    let estimate = goodput::estimate(goodput::Mode::Full, bins, false);
    ObservedSubtest {
        bin_us: BIN,
        bins_bytes: bins.to_vec(),
        stop_reason,
        goodput_bits_per_second: estimate.map(|e| e.goodput),
        interval_bits_per_second: estimate.and_then(|e| e.interval),
        p90_bits_per_second: estimate.map(|e| e.p90),
        mean_bits_per_second: estimate.map(|e| e.mean),
        bytes: bins.iter().sum(),
        duration_us: Micros(bins.len() as u64 * BIN.0),
        ramp_us: estimate.map(|e| e.ramp),
        startup_left_us: None,
        lag_share_per_mille: None,
        cpu_share_per_mille: None,
        tcp: vec![],
    }
}

/// The same bytes as the sender sees them acknowledged: a part of each bin
/// comes one bin later.
pub(super) fn acknowledged(received: &[u64], chance: &mut Chance) -> Vec<u64> {
    let share = chance.within(0.1, 0.4);
    let mut late = 0;
    let mut bins: Vec<u64> = vec![];
    for &bytes in received {
        let next = floor_u64(to_f64(bytes) * share);
        bins.push(bytes - next + late);
        late = next;
    }
    bins.push(late);
    bins
}

/// The site's record of a direction.
pub(super) fn record(
    counted: Counted,
    bins_bytes: Vec<u64>,
    stop: Stop,
    rtt_us: f64,
    chance: &mut Chance,
) -> SubtestRecord {
    let loaded = rtt_us * chance.within(1.2, 2.5);
    let srtt_us: Vec<u32> = bins_bytes
        .iter()
        .map(|_| whole(loaded * chance.factor(0.1)))
        .collect();
    let loss = chance.within(0.0, 0.004);
    let retransmitted = |bytes: &u64| floor_u64(to_f64(*bytes) * loss * chance.unit());
    let retransmitted_bytes: Vec<u64> = bins_bytes.iter().map(retransmitted).collect();
    let duration = Micros(bins_bytes.len() as u64 * BIN.0 - chance.whole(0.0, 60_000.0));
    let tcp = TcpRecord {
        min_rtt_us: whole(rtt_us * 0.9),
        srtt_us: whole(loaded),
        bytes_retransmitted: retransmitted_bytes.iter().sum::<u64>() / STREAMS,
        busy_us: duration.0,
        rwnd_limited_us: 0,
        sndbuf_limited_us: 0,
    };
    SubtestRecord {
        counted,
        duration_us: duration,
        bin_us: BIN,
        arrived_bytes: vec![],
        srtt_us,
        retransmitted_bytes,
        startup_left_us: None,
        stop,
        streams: streams(bins_bytes.iter().sum(), tcp),
        bins_bytes,
    }
}

fn streams(bytes: u64, tcp: TcpRecord) -> Vec<StreamRecord> {
    let stream = |at: u64| StreamRecord {
        bytes: bytes / STREAMS + u64::from(at < bytes % STREAMS),
        congestion: Some("bbr".into()),
        tcp: Some(tcp),
    };
    (0..STREAMS).map(stream).collect()
}

/// A span as the whole number of microseconds that formats hold.
pub(super) fn whole(us: f64) -> u32 {
    u32::try_from(floor_u64(us)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_finds_the_rate_that_was_drawn() {
        for (seed, rate) in [(1, 200e3), (2, 5.5e6), (3, 40e6), (4, 900e6)] {
            let bins = bins(rate, &mut Chance::of(&[seed]));
            let found = goodput::estimate(goodput::Mode::Full, &bins, false)
                .unwrap()
                .goodput
                .0;
            assert!(
                (to_f64(found) / rate - 1.0).abs() < 0.005,
                "{rate}: {found}"
            );
        }
    }

    #[test]
    fn acknowledging_later_keeps_the_sum() {
        let received = bins(40e6, &mut Chance::of(&[5]));
        let seen = acknowledged(&received, &mut Chance::of(&[6]));
        assert_eq!(seen.iter().sum::<u64>(), received.iter().sum::<u64>());
        assert_eq!(seen.len(), received.len() + 1);
    }
}
