//! The sender: series of test packets in one session, and what became of each.

use metric::delay::UdpProbes;
use metric::unit::Micros;

use super::message::{Key, Layout, Malformed, ReflectedPacket, SenderPacket};
use super::timestamp::{ErrorEstimate, NtpTime, span};
use super::{spec, tlv};

/// What is known of the other end, and how long it is waited for.
#[derive(Clone, Debug)]
pub struct Config {
    /// Session identifier; 0 where none was issued.
    pub ssid: u16,
    /// Authenticated mode, with this secret.
    pub key: Option<Key>,
    /// Whether the reflector counts for itself; without that, loss has no direction.
    pub stateful: bool,
    /// When an unanswered packet is lost.
    pub waiting_time: Micros,
    /// How wrong our clock may be.
    pub error: ErrorEstimate,
}

/// A series: packets at even distances, of one sample.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Series {
    /// Packets at most.
    pub count: u32,
    /// Time between two.
    pub interval: Micros,
    /// Length of a packet, octets; at least that of the base.
    pub packet_len: usize,
}

/// Names a series of a [`Sender`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SeriesId(usize);

/// What became of a packet. Numbers are the reflector's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Waiting,
    Answered {
        rtt: Micros,
        number: u32,
    },
    /// Answered after it was given up: lost, but not on the way.
    Late {
        number: u32,
    },
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    series: usize,
    sent: Micros,
    timestamp: NtpTime,
    outcome: Outcome,
}

/// What an answer was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// The first answer to a packet, in time, with its round trip.
    Answered(Micros),
    /// It came after the waiting time.
    Late,
    /// The packet had been answered before.
    Repeated,
    /// Not an answer to anything of this session.
    Stray,
}

/// Sends series of packets and keeps what became of each. Time is given as
/// microseconds since an origin of the caller's choice.
#[derive(Debug)]
pub struct Sender {
    config: Config,
    records: Vec<Record>,
    series: usize,
    running: Option<(Series, u32, Micros)>,
    /// Every record before this one is settled.
    settled: usize,
    /// The reflector's numbers of answers beyond the first to a packet.
    repeated: Vec<u32>,
}

impl Sender {
    /// A session in which nothing is sent yet.
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            records: Vec::new(),
            series: 0,
            running: None,
            settled: 0,
            repeated: Vec::new(),
        }
    }

    /// Begins a series at `now`; one that runs ends.
    pub const fn begin(&mut self, series: Series, now: Micros) -> SeriesId {
        self.running = Some((series, series.count, now));
        self.series += 1;
        SeriesId(self.series)
    }

    /// Sends no more; what is on its way may still be answered.
    pub const fn stop(&mut self) {
        self.running = None;
    }

    /// The packet due at `now`, if any; `time` is the time of day. A sender
    /// that comes late leaves at least half an interval to the next packet; it
    /// does not send a burst.
    pub fn poll_transmit(&mut self, now: Micros, time: NtpTime) -> Option<Vec<u8>> {
        let (series, remaining, next) = self.running?;
        if remaining == 0 || now < next {
            return None;
        }
        let sequence = u32::try_from(self.records.len()).ok()?;
        self.records.push(Record {
            series: self.series,
            sent: now,
            timestamp: time,
            outcome: Outcome::Waiting,
        });
        let due = (next.0 + series.interval.0).max(now.0 + series.interval.0 / 2);
        self.running = Some((series, remaining - 1, Micros(due)));
        Some(self.packet(sequence, time, series.packet_len))
    }

    fn packet(&self, sequence: u32, time: NtpTime, packet_len: usize) -> Vec<u8> {
        let base = SenderPacket {
            sequence,
            timestamp: time.0,
            error: self.config.error,
            ssid: self.config.ssid,
        };
        let mut packet = base.encode(self.config.key.as_ref());
        let rest = packet_len.saturating_sub(packet.len());
        packet.extend(tlv::padding(rest, sequence.wrapping_mul(0x9e37_79b9)));
        packet
    }

    /// Takes an answer that the kernel received at `now`.
    ///
    /// The round trip leaves out the time that the packet spent in the
    /// reflector, by the reflector's own two timestamps, where these can be.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is no packet of this mode.
    pub fn handle_datagram(&mut self, bytes: &[u8], now: Micros) -> Result<Event, Malformed> {
        let answer = ReflectedPacket::decode(bytes, self.config.key.as_ref())?;
        let Some(record) = self.record_of(&answer) else {
            return Ok(Event::Stray);
        };
        let number = answer.sequence;
        Ok(match record.outcome {
            Outcome::Waiting => {
                let whole = Micros(now.0.saturating_sub(record.sent.0));
                let inside = span(answer.received, answer.timestamp, answer.error);
                let outside = inside.and_then(|inside| whole.0.checked_sub(inside.0));
                let rtt = outside.map_or(whole, Micros);
                record.outcome = Outcome::Answered { rtt, number };
                Event::Answered(rtt)
            }
            Outcome::Lost => {
                record.outcome = Outcome::Late { number };
                Event::Late
            }
            Outcome::Answered { number: first, .. } | Outcome::Late { number: first } => {
                // Two numbers: the packet was doubled on its way there.
                if number != first && self.repeated.len() <= self.records.len() {
                    self.repeated.push(number);
                }
                Event::Repeated
            }
        })
    }

    /// The record that an answer is to: number, time and session have to agree.
    fn record_of(&mut self, answer: &ReflectedPacket) -> Option<&mut Record> {
        // A reflector that knows no identifiers leaves zeros (RFC 8972 §3).
        let ours = answer.ssid == self.config.ssid || answer.ssid == 0;
        let at = usize::try_from(answer.sender_sequence).ok()?;
        let record = self.records.get_mut(at).filter(|_| ours)?;
        (record.timestamp.0 == answer.sender_timestamp).then_some(record)
    }

    /// Gives up every packet whose time is over at `now`.
    pub fn handle_timeout(&mut self, now: Micros) {
        while let Some(record) = self.records.get_mut(self.settled) {
            if record.outcome == Outcome::Waiting {
                if now.0 < record.sent.0 + self.config.waiting_time.0 {
                    return;
                }
                record.outcome = Outcome::Lost;
            }
            self.settled += 1;
        }
    }

    /// When to call again; `None` when nothing is due and nothing on its way.
    pub fn next_wakeup(&self) -> Option<Micros> {
        let send = self.running.filter(|(_, remaining, _)| *remaining > 0);
        let send = send.map(|(_, _, next)| next);
        let mut rest = self.records.get(self.settled..).unwrap_or_default().iter();
        let waiting = rest.find(|record| record.outcome == Outcome::Waiting);
        let expiry = waiting.map(|r| Micros(r.sent.0 + self.config.waiting_time.0));
        [send, expiry].into_iter().flatten().min()
    }

    /// Whether the running series has sent all its packets, or none runs.
    pub fn is_sent(&self) -> bool {
        self.running.is_none_or(|(_, remaining, _)| remaining == 0)
    }

    /// The sample of a series. Packets still on their way are not counted.
    pub fn sample(&self, series: SeriesId) -> UdpProbes {
        let mut probes = UdpProbes::default();
        for record in self.records.iter().filter(|r| r.series == series.0) {
            match record.outcome {
                Outcome::Waiting => continue,
                Outcome::Answered { rtt, .. } => {
                    probes.received += 1;
                    probes.rtt_us.push(u32::try_from(rtt.0).unwrap_or(u32::MAX));
                }
                Outcome::Late { .. } | Outcome::Lost => {}
            }
            probes.sent += 1;
        }
        if self.config.stateful && probes.sent > 0 {
            let [forward, backward] = self.lost(series.0);
            probes.lost_forward = Some(forward);
            probes.lost_backward = Some(backward);
        }
        probes
    }

    /// Packets of a series lost on the way there and on the way back.
    ///
    /// Between two answers that came in order, the reflector's numbers say how
    /// many packets reached it: those it numbered and nobody saw were lost on
    /// the way back, the other lost ones on the way there. Behind the last
    /// answer nothing is known.
    fn lost(&self, series: usize) -> [u32; 2] {
        let mut seen = self.seen();
        seen.sort_unstable();
        let seen_between = |low: i64, high: u32| {
            let below = |limit: i64| seen.partition_point(|&n| i64::from(n) < limit);
            below(i64::from(high)).saturating_sub(below(low + 1))
        };
        let (mut forward, mut backward) = (0, 0);
        let (mut last, mut gap) = (-1_i64, Vec::new());
        for record in &self.records {
            let number = match record.outcome {
                Outcome::Waiting => continue,
                Outcome::Lost => {
                    gap.push(record.series);
                    continue;
                }
                Outcome::Answered { number, .. } | Outcome::Late { number } => number,
            };
            // One that was overtaken marks no place.
            if i64::from(number) <= last {
                continue;
            }
            let numbered = usize::try_from(i64::from(number) - last - 1).unwrap_or(0);
            let unseen = numbered.saturating_sub(seen_between(last, number));
            let [there, back] = divide(&gap, unseen, series);
            forward += there;
            backward += back;
            gap.clear();
            last = i64::from(number);
        }
        [forward, backward]
    }

    /// Every number of the reflector that was seen.
    fn seen(&self) -> Vec<u32> {
        let first = self
            .records
            .iter()
            .filter_map(|record| match record.outcome {
                Outcome::Answered { number, .. } | Outcome::Late { number } => Some(number),
                Outcome::Waiting | Outcome::Lost => None,
            });
        let mut seen: Vec<_> = first.chain(self.repeated.iter().copied()).collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    }
}

/// Divides the lost packets of a gap, given by their series, of which the
/// reflector numbered `unseen`: how many of `series` were lost there and back.
/// In a gap across series that lost both ways nobody knows whose were whose.
fn divide(gap: &[usize], unseen: usize, series: usize) -> [u32; 2] {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mine = gap.iter().filter(|&&of| of == series).count();
    let back = unseen.min(gap.len());
    if back == 0 {
        [count(mine), 0]
    } else if back == gap.len() {
        [0, count(mine)]
    } else if mine == gap.len() {
        [count(mine - back), count(back)]
    } else {
        [0, 0]
    }
}

/// Length of a packet that has to hold nothing but the base.
pub const fn shortest(key: Option<&Key>) -> usize {
    Layout::of(key).base_len
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ssid: 0,
            key: None,
            stateful: false,
            waiting_time: spec::WAITING_TIME,
            error: ErrorEstimate(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: Series = Series {
        count: 3,
        interval: Micros(50),
        packet_len: 60,
    };

    fn sender(stateful: bool) -> Sender {
        Sender::new(Config {
            ssid: 5,
            stateful,
            waiting_time: Micros(1000),
            ..Config::default()
        })
    }

    fn answer(sender_sequence: u32, sequence: u32, timestamp: u64) -> Vec<u8> {
        let mut bytes = vec![0; 44];
        let packet = ReflectedPacket {
            sequence,
            sender_sequence,
            sender_timestamp: timestamp,
            ssid: 5,
            error: ErrorEstimate(1),
            ..ReflectedPacket::default()
        };
        packet.write(&mut bytes, None);
        bytes
    }

    #[test]
    fn a_packet_is_as_long_as_asked() {
        let mut sender = sender(true);
        sender.begin(SERIES, Micros(0));
        assert_eq!(
            sender.poll_transmit(Micros(0), NtpTime(9)).unwrap().len(),
            60
        );
        let short = Series {
            packet_len: 0,
            ..SERIES
        };
        sender.begin(short, Micros(0));
        let packet = sender.poll_transmit(Micros(0), NtpTime(9)).unwrap();
        assert_eq!(packet.len(), spec::OPEN_LEN);
    }

    #[test]
    fn a_late_sender_sends_no_burst() {
        let mut sender = sender(true);
        sender.begin(SERIES, Micros(0));
        assert!(sender.poll_transmit(Micros(500), NtpTime(1)).is_some());
        assert!(sender.poll_transmit(Micros(500), NtpTime(1)).is_none());
        assert_eq!(sender.next_wakeup(), Some(Micros(525)));
    }

    #[test]
    fn only_answers_to_what_was_sent_count() {
        let mut sender = sender(true);
        let series = sender.begin(SERIES, Micros(0));
        sender.poll_transmit(Micros(0), NtpTime(9));
        let mut take = |bytes: &[u8], at| sender.handle_datagram(bytes, Micros(at));
        assert_eq!(take(&answer(1, 0, 9), 10), Ok(Event::Stray), "never sent");
        assert_eq!(take(&answer(0, 0, 8), 10), Ok(Event::Stray), "another time");
        assert_eq!(take(&[0; 20], 10), Err(Malformed::TooShort(20)));
        assert_eq!(take(&answer(0, 0, 9), 30), Ok(Event::Answered(Micros(30))));
        assert_eq!(take(&answer(0, 0, 9), 31), Ok(Event::Repeated));
        assert_eq!(sender.sample(series).rtt_us, [30]);
    }

    #[test]
    fn time_in_the_reflector_is_left_out_where_it_can_be() {
        let mut sender = sender(true);
        sender.begin(SERIES, Micros(0));
        let one_ms = (1_u64 << 32) / 1000 + 1;
        let mut rtt = |at: u64, inside: u64| {
            sender.poll_transmit(Micros(at), NtpTime(9));
            let mut bytes = vec![0; 44];
            let packet = ReflectedPacket {
                sender_sequence: u32::try_from(at / 5000).unwrap(),
                sender_timestamp: 9,
                timestamp: inside,
                error: ErrorEstimate(1),
                ..ReflectedPacket::default()
            };
            packet.write(&mut bytes, None);
            sender.handle_datagram(&bytes, Micros(at + 1500)).unwrap()
        };
        assert_eq!(rtt(0, one_ms), Event::Answered(Micros(500)));
        assert_eq!(
            rtt(5000, 2 * one_ms),
            Event::Answered(Micros(1500)),
            "longer than all"
        );
        assert_eq!(
            rtt(10_000, u64::MAX),
            Event::Answered(Micros(1500)),
            "backwards"
        );
    }

    #[test]
    fn a_late_answer_is_lost_but_not_on_the_way() {
        let mut sender = sender(true);
        let series = sender.begin(SERIES, Micros(0));
        for k in 0..3 {
            sender.poll_transmit(Micros(50 * k), NtpTime(9));
        }
        sender.handle_timeout(Micros(1010));
        assert_eq!(
            sender.handle_datagram(&answer(0, 0, 9), Micros(1020)),
            Ok(Event::Late)
        );
        let answered = sender.handle_datagram(&answer(2, 1, 9), Micros(1030));
        assert_eq!(answered, Ok(Event::Answered(Micros(930))));
        sender.handle_timeout(Micros(2000));
        assert_eq!(sender.next_wakeup(), None);
        let sample = sender.sample(series);
        assert_eq!((sample.sent, sample.received), (3, 1));
        assert_eq!(
            (sample.lost_forward, sample.lost_backward),
            (Some(1), Some(0))
        );
    }

    #[test]
    fn without_a_count_there_is_no_direction() {
        let mut sender = sender(false);
        let series = sender.begin(SERIES, Micros(0));
        sender.poll_transmit(Micros(0), NtpTime(9));
        sender.handle_timeout(Micros(1000));
        let sample = sender.sample(series);
        assert_eq!((sample.sent, sample.received), (1, 0));
        assert_eq!((sample.lost_forward, sample.lost_backward), (None, None));
    }

    #[test]
    fn a_gap_is_divided_only_where_that_is_known() {
        assert_eq!(divide(&[1, 1, 2], 0, 1), [2, 0]);
        assert_eq!(divide(&[1, 1, 2], 3, 2), [0, 1]);
        assert_eq!(divide(&[1, 1], 1, 1), [1, 1]);
        assert_eq!(divide(&[1, 2], 1, 1), [0, 0]);
        assert_eq!(divide(&[1, 2], 9, 1), [0, 1]);
    }
}
