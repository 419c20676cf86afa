//! Sender and reflector over a simulated link, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use metric::delay::UdpProbes;
use metric::unit::Micros;
use proptest::prelude::*;

use super::message::Key;
use super::reflector::{self, Arrival, Reflector};
use super::sender::{self, Sender, Series, SeriesId};
use super::timestamp::{ErrorEstimate, NtpTime};

/// One direction: percent of packets lost and doubled, delay and its jitter.
#[derive(Clone, Copy, Debug)]
struct Way {
    lost: u32,
    doubled: u32,
    delay: u64,
    jitter: u64,
}

const CLEAN: Way = Way {
    lost: 0,
    doubled: 0,
    delay: 5000,
    jitter: 0,
};

/// A packet under way: when it arrives, an order among equals, which way, octets.
type OnWay = (u64, u64, usize, Vec<u8>);

/// A link with a sender at one end and a reflector at the other.
struct Link {
    now: Micros,
    sender: Sender,
    reflector: Reflector,
    ways: [Way; 2],
    on_way: BinaryHeap<Reverse<OnWay>>,
    seed: u64,
    /// Packets of which no copy survived, each way.
    truth: [u32; 2],
}

impl Link {
    fn new(ways: [Way; 2], seed: u64, key: Option<&Key>) -> Self {
        let sender = Sender::new(sender::Config {
            ssid: 77,
            key: key.cloned(),
            stateful: true,
            ..sender::Config::default()
        });
        let config = reflector::Config {
            key: key.cloned(),
            ..reflector::Config::default()
        };
        Self {
            now: Micros(0),
            sender,
            reflector: Reflector::new(config, ErrorEstimate(1)),
            ways,
            on_way: BinaryHeap::new(),
            seed: seed | 1,
            truth: [0, 0],
        }
    }

    /// A time of day that is an hour ahead at the reflector.
    fn time(&self, ahead: u64) -> NtpTime {
        let us = self.now.0 + ahead;
        let nanos = u32::try_from(us % 1_000_000 * 1000).unwrap();
        NtpTime::of_unix(1_700_000_000 + us / 1_000_000, nanos)
    }

    fn chance(&mut self, below: u64) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn put(&mut self, way: usize, packet: &[u8]) {
        let Way {
            lost,
            doubled,
            delay,
            jitter,
        } = self.ways[way];
        if self.chance(100) < u64::from(lost) {
            self.truth[way] += 1;
            return;
        }
        let copies = 1 + u64::from(self.chance(100) < u64::from(doubled));
        for copy in 0..copies {
            let at = self.now.0 + delay + self.chance(jitter + 1) + copy;
            let order = self.on_way.len() as u64;
            self.on_way.push(Reverse((at, order, way, packet.to_vec())));
        }
    }

    fn arrive(&mut self, way: usize, mut packet: Vec<u8>) {
        if way == 1 {
            let _ = self.sender.handle_datagram(&packet, self.now);
            return;
        }
        let hour = 3_600_000_000;
        let arrival = Arrival {
            from: SocketAddr::from(([192, 0, 2, 1], 5000)),
            received: self.time(hour),
            ttl: None,
        };
        let sent = self.time(hour + 20);
        let answered = self
            .reflector
            .reflect(&mut packet, arrival, sent, self.now, |_| true);
        answered.unwrap();
        self.put(1, &packet);
    }

    /// Runs until nothing is due and nothing on its way.
    fn run(&mut self) {
        loop {
            let arrival = self.on_way.peek().map(|Reverse((at, ..))| Micros(*at));
            let Some(next) = arrival.into_iter().chain(self.sender.next_wakeup()).min() else {
                return;
            };
            self.now = Micros(self.now.0.max(next.0));
            while self
                .on_way
                .peek()
                .is_some_and(|Reverse((at, ..))| *at <= self.now.0)
            {
                let Reverse((_, _, way, packet)) = self.on_way.pop().unwrap();
                self.arrive(way, packet);
            }
            if let Some(packet) = self.sender.poll_transmit(self.now, self.time(0)) {
                self.put(0, &packet);
            }
            self.sender.handle_timeout(self.now);
        }
    }

    fn series(&mut self, count: u32, interval: u64) -> SeriesId {
        let series = Series {
            count,
            interval: Micros(interval),
            packet_len: 200,
        };
        let id = self.sender.begin(series, self.now);
        self.run();
        id
    }
}

fn lossy(forward: u32, backward: u32) -> [Way; 2] {
    let way = |lost| Way { lost, ..CLEAN };
    [way(forward), way(backward)]
}

/// What stands in neither direction.
fn undecided(sample: &UdpProbes) -> u32 {
    let known = sample.lost_forward.unwrap() + sample.lost_backward.unwrap();
    sample.sent - sample.received - known
}

#[test]
fn thirty_seconds_of_loss_both_ways_are_told_apart() {
    let mut link = Link::new(lossy(10, 4), 1, None);
    let id = link.series(1500, 20_000);
    let sample = link.sender.sample(id);
    assert_eq!(sample.sent, 1500);
    assert!(link.now > Micros(30_000_000));
    assert!(
        link.truth[0] > 100 && link.truth[1] > 30,
        "{:?}",
        link.truth
    );
    let late = undecided(&sample);
    assert!(late <= 2, "only what follows the last answer is undecided");
    let lost = [sample.lost_forward.unwrap(), sample.lost_backward.unwrap()];
    assert!(lost[0] + lost[1] + late == link.truth[0] + link.truth[1]);
    assert!(link.truth[0] - lost[0] <= late && link.truth[1] - lost[1] <= late);
    assert!(
        sample.rtt_us.iter().all(|rtt| rtt.abs_diff(9_980) <= 1),
        "the reflector's 20 µs are left out"
    );
}

#[test]
fn two_reflectors_clocks_need_not_agree_and_a_key_changes_nothing() {
    let key = Key::new(b"secret").unwrap();
    let mut link = Link::new(lossy(3, 3), 2, Some(&key));
    let id = link.series(200, 50_000);
    let sample = link.sender.sample(id);
    assert_eq!(sample.sent, 200);
    assert!(sample.rtt_us.iter().all(|rtt| rtt.abs_diff(9_980) <= 1));
}

#[test]
fn every_series_keeps_its_own_losses() {
    let mut link = Link::new(lossy(0, 0), 3, None);
    let clean = link.series(20, 50_000);
    link.ways = lossy(50, 0);
    let there = link.series(100, 50_000);
    let lost_there = link.truth[0];
    link.ways = lossy(0, 50);
    let back = link.series(100, 50_000);
    link.ways = lossy(0, 0);
    link.series(1, 50_000);
    let of = |id| link.sender.sample(id);
    assert_eq!(
        (of(clean).lost_forward, of(clean).lost_backward),
        (Some(0), Some(0))
    );
    let (there, back) = (of(there), of(back));
    // Of the gap between the two, nobody knows whose losses were whose.
    assert_eq!(there.lost_backward, Some(0));
    assert!(lost_there - there.lost_forward.unwrap() <= undecided(&there));
    assert_eq!(back.lost_forward, Some(0));
    assert!(link.truth[1] - back.lost_backward.unwrap() <= undecided(&back));
}

#[test]
fn doubled_packets_are_answered_once_and_are_no_loss() {
    let doubled = Way {
        doubled: 30,
        ..CLEAN
    };
    let mut link = Link::new([doubled, doubled], 4, None);
    let id = link.series(300, 20_000);
    let sample = link.sender.sample(id);
    assert_eq!((sample.sent, sample.received), (300, 300));
    assert_eq!(
        (sample.lost_forward, sample.lost_backward),
        (Some(0), Some(0))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_the_link_does_the_counts_agree(
        forward in 0_u32..60, backward in 0_u32..60, doubled in 0_u32..20, jitter in 0_u64..200_000, seed: u64,
    ) {
        let way = |lost| Way { lost, doubled, delay: 10_000, jitter };
        let mut link = Link::new([way(forward), way(backward)], seed, None);
        let id = link.series(100, 20_000);
        let sample = link.sender.sample(id);
        prop_assert_eq!(sample.sent, 100);
        prop_assert!(sample.is_consistent());
        prop_assert!(sample.rtt_us.iter().all(|&rtt| (19_900..=420_100).contains(&rtt)));
    }

    #[test]
    fn without_doubles_and_overtaking_the_directions_are_exact(
        forward in 0_u32..40, backward in 0_u32..40, seed: u64,
    ) {
        let mut link = Link::new(lossy(forward, backward), seed, None);
        let id = link.series(200, 20_000);
        let sample = link.sender.sample(id);
        let open = undecided(&sample);
        prop_assert!(link.truth[0] - sample.lost_forward.unwrap() <= open);
        prop_assert!(link.truth[1] - sample.lost_backward.unwrap() <= open);
    }

    #[test]
    fn any_answer_is_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let mut link = Link::new([CLEAN; 2], 9, None);
        link.series(5, 20_000);
        let _ = link.sender.handle_datagram(&bytes, link.now);
    }
}
