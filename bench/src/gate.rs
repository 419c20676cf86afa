//! Which runs count. Fixed before any was looked at: it asks only what the
//! emulator did, never what a client said.

use crate::emulate::Log;
use crate::link::{MILLISECOND, Nanos, SLOT, Truth};

/// The rule, as it is printed.
pub(crate) const RULE: &str = "a run is void when, from the first data to the last, \
the emulator handed a packet over more than 5 ms late in more than 1 % of the 100-ms slots, \
or, in slots in which a queue was never empty, delivered less than 90 % of what the link carries";

const LATE: Nanos = 5 * MILLISECOND;
const LATE_SHARE: f64 = 0.01;
const CARRIED_SHARE: f64 = 0.90;

/// Why a run is void, if it is.
pub(crate) fn void(log: &Log) -> Option<String> {
    let late = late_share(log);
    if late > LATE_SHARE {
        return Some(format!("emulator late in {:.1} % of slots", late * 100.0));
    }
    for (name, truth) in [("download", &log.download), ("upload", &log.upload)] {
        let carried = carried(truth);
        if carried < CARRIED_SHARE {
            return Some(format!(
                "emulator carried {:.1} % in {name}",
                carried * 100.0
            ));
        }
    }
    None
}

/// Share of the slots under data in which a packet was late.
pub(crate) fn late_share(log: &Log) -> f64 {
    let directions = [&log.download, &log.upload];
    let begun = directions.iter().filter_map(|truth| truth.begun).min();
    let ended = directions.iter().map(|truth| truth.ended).max();
    let (Some(begun), Some(ended)) = (begun, ended) else {
        return 0.0;
    };
    let slots = log.late.iter().zip(0..);
    let under_data = slots.filter(|(_, slot)| (begun / SLOT..=ended / SLOT).contains(slot));
    let (late, all) = under_data.fold((0_u32, 0_u32), |(late, all), (by, _)| {
        (late + u32::from(*by > LATE), all + 1)
    });
    f64::from(late) / f64::from(all.max(1))
}

/// Delivered of what was due, in slots in which the bottleneck never rested.
fn carried(truth: &Truth) -> f64 {
    let slots = truth.busy.iter().zip(&truth.due).zip(&truth.delivered);
    let full = slots.filter(|((busy, _), _)| **busy >= SLOT);
    let (due, delivered) = full.fold((0, 0), |(due, delivered), ((_, d), o)| {
        (due + d, delivered + o)
    });
    if due == 0 {
        1.0
    } else {
        delivered as f64 / due as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(late: Vec<u64>, delivered: u64) -> Log {
        let truth = Truth {
            begun: Some(0),
            ended: late.len() as u64 * SLOT,
            due: vec![1000],
            delivered: vec![delivered],
            busy: vec![SLOT],
            ..Truth::default()
        };
        Log {
            late,
            download: truth,
            ..Log::default()
        }
    }

    #[test]
    fn an_emulator_in_time_counts() {
        assert_eq!(void(&log(vec![LATE; 200], 900)), None);
        let mut late = vec![0; 200];
        late[..2].fill(LATE + 1);
        assert_eq!(void(&log(late, 1000)), None);
    }

    #[test]
    fn a_late_emulator_is_void() {
        let mut late = vec![0; 200];
        late[..3].fill(LATE + 1);
        assert!(void(&log(late, 1000)).unwrap().contains("late"));
    }

    #[test]
    fn a_link_that_did_not_carry_is_void() {
        assert!(void(&log(vec![0; 200], 899)).unwrap().contains("carried"));
    }
}
