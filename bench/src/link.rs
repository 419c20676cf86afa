//! One direction of a link, as a function of time: packets and `now` in,
//! packets and truth out. No clock, no socket.
//!
//! A packet passes the policer, waits in the queue (drop-tail, bytes), is sent
//! by the bottleneck at the rate of the moment, may be lost, and arrives after
//! the delay and the jitter, never before the one ahead of it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::pace::{Cross, Pace, Rate};
use crate::random::Random;

/// Nanoseconds since the link was made.
pub(crate) type Nanos = u64;

pub(crate) const SECOND: Nanos = 1_000_000_000;
pub(crate) const MILLISECOND: Nanos = 1_000_000;

/// Truth is kept per 100 ms.
pub(crate) const SLOT: Nanos = 100 * MILLISECOND;

/// What a varying link could carry is asked over this time.
pub(crate) const HORIZON: Nanos = 10 * SECOND;

/// A packet of at least this size carries data; smaller ones acknowledge.
const DATA_BYTES: u64 = 600;

/// A direction has begun when so much data has crossed.
const BEGUN_BYTES: u64 = 20_000;

/// Loss after the bottleneck, as on a radio or a dirty line.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Loss {
    /// Share of the packets, 0 to 1.
    pub(crate) ratio: f64,
    /// Mean length of a run of losses, packets; 1 is loss without memory
    /// (Gilbert 1960 otherwise).
    pub(crate) burst: f64,
}

/// One direction.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Spec {
    pub(crate) rate: Rate,
    /// One way.
    pub(crate) delay_us: u64,
    /// Each packet waits up to this longer, uniformly.
    pub(crate) jitter_us: u64,
    pub(crate) loss: Loss,
    pub(crate) queue_bytes: u64,
    /// Traffic of others that shares the bottleneck.
    pub(crate) cross: Option<Cross>,
}

/// What happened to a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It will arrive.
    Accepted,
    /// The policer had no token for it.
    Policed,
    /// The queue was full.
    Overflow,
    /// It was sent and lost.
    Lost,
}

/// What is known about a direction afterwards. Vectors are per 100 ms, from 0.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Truth {
    /// When 20 kB of data had crossed.
    pub(crate) begun: Option<Nanos>,
    /// When the last data crossed.
    pub(crate) ended: Nanos,
    /// Bytes the link could carry in the ten seconds from `begun`.
    pub(crate) could_carry_bytes: Option<u64>,
    /// Bytes that came out.
    pub(crate) delivered: Vec<u64>,
    /// Bytes the model wanted to come out.
    pub(crate) due: Vec<u64>,
    /// Bytes the link could carry, if it was filled from `begun` on.
    pub(crate) capacity: Vec<u64>,
    /// Nanoseconds in which the bottleneck was busy, seen from the far end.
    pub(crate) busy: Vec<u64>,
    pub(crate) policed: u64,
    pub(crate) overflow: u64,
    pub(crate) lost: u64,
}

/// A direction that runs.
#[derive(Debug)]
pub(crate) struct Link {
    spec: Spec,
    pace: Pace,
    cross: Option<crate::pace::Others>,
    loss: Random,
    jitter: Random,
    losing: bool,
    /// In the queue or being sent: when it is gone, bytes.
    queue: VecDeque<(Nanos, u64)>,
    queued_bytes: u64,
    /// On the way: when it arrives, the packet.
    flying: VecDeque<(Nanos, Vec<u8>)>,
    last_due: Nanos,
    data_bytes: u64,
    truth: Truth,
}

impl Link {
    pub(crate) fn new(spec: Spec, seed: u64) -> Self {
        Self {
            pace: Pace::new(spec.rate.clone(), seed),
            cross: spec.cross.map(|cross| cross.with(seed)),
            loss: Random::new(seed, 2),
            jitter: Random::new(seed, 3),
            losing: false,
            queue: VecDeque::new(),
            queued_bytes: 0,
            flying: VecDeque::new(),
            last_due: 0,
            data_bytes: 0,
            truth: Truth::default(),
            spec,
        }
    }

    /// Takes a packet that arrives at `now`; times must not go backwards.
    pub(crate) fn push(&mut self, packet: Vec<u8>, now: Nanos) -> Fate {
        self.advance(now);
        let bytes = packet.len() as u64;
        if !self.pace.police(bytes, now) {
            self.truth.policed += 1;
            return Fate::Policed;
        }
        let Some(sent) = self.enqueue(bytes, now) else {
            self.truth.overflow += 1;
            return Fate::Overflow;
        };
        if self.is_lost() {
            self.truth.lost += 1;
            return Fate::Lost;
        }
        let wait = self.jitter.uniform() * self.spec.jitter_us as f64 * 1e3;
        let due = sent + self.spec.delay_us * 1000 + wait as u64;
        self.last_due = self.last_due.max(due);
        add(&mut self.truth.due, self.last_due, bytes);
        self.flying.push_back((self.last_due, packet));
        Fate::Accepted
    }

    /// The next packet that has arrived by `now`, with the time it was due.
    pub(crate) fn pop(&mut self, now: Nanos) -> Option<(Nanos, Vec<u8>)> {
        self.next_wakeup().filter(|due| *due <= now)?;
        let (due, packet) = self.flying.pop_front()?;
        let bytes = packet.len() as u64;
        add(&mut self.truth.delivered, now, bytes);
        if bytes >= DATA_BYTES {
            self.data_bytes += bytes;
            self.truth.ended = now;
            if self.data_bytes >= BEGUN_BYTES {
                self.truth.begun.get_or_insert(now);
            }
        }
        Some((due, packet))
    }

    /// When the next packet arrives.
    pub(crate) fn next_wakeup(&self) -> Option<Nanos> {
        self.flying.front().map(|(due, _)| *due)
    }

    /// The truth up to `now`.
    pub(crate) fn truth(mut self, now: Nanos) -> Truth {
        let from = self.truth.begun.unwrap_or(0);
        let end = |slot| (slot + 1) * SLOT;
        let mut before = 0;
        for slot in 0..now / SLOT {
            let carried = self.carries(from, end(slot));
            self.truth.capacity.push(carried - before);
            before = carried;
        }
        let begun = self.truth.begun;
        self.truth.could_carry_bytes = begun.map(|from| self.carries(from, from + HORIZON));
        self.truth
    }

    /// Bytes that someone who fills the link from `from` on gets through
    /// until `to`; others' traffic is taken off in full.
    pub(crate) fn carries(&mut self, from: Nanos, to: Nanos) -> u64 {
        let all = self.pace.carries(from, to);
        let others = self.spec.cross.map(|cross| cross.with(self.pace.seed()));
        all.saturating_sub(others.map_or(0, |others| others.bytes(from, to)))
    }

    /// Lets the queue drain and others' packets in, up to `now`. Others never
    /// yield: a full queue does not stop them, so what is left is known.
    fn advance(&mut self, now: Nanos) {
        while let Some(at) = self
            .cross
            .as_mut()
            .and_then(|others| others.next_until(now))
        {
            self.drain(at);
            self.admit(Cross::PACKET_BYTES, at);
        }
        self.drain(now);
    }

    fn drain(&mut self, now: Nanos) {
        while let Some((_, bytes)) = self.queue.front().filter(|(gone, _)| *gone <= now) {
            self.queued_bytes -= bytes;
            self.queue.pop_front();
        }
    }

    /// When the bottleneck will have sent it, if the queue has room.
    fn enqueue(&mut self, bytes: u64, now: Nanos) -> Option<Nanos> {
        let room = self.queued_bytes + bytes <= self.spec.queue_bytes;
        room.then(|| self.admit(bytes, now))
    }

    fn admit(&mut self, bytes: u64, now: Nanos) -> Nanos {
        let (from, gone) = self.pace.send(bytes, now);
        self.queue.push_back((gone, bytes));
        self.queued_bytes += bytes;
        let delay = self.spec.delay_us * 1000;
        spread(&mut self.truth.busy, from + delay, gone + delay);
        gone
    }

    fn is_lost(&mut self) -> bool {
        let Loss { ratio, burst } = self.spec.loss;
        if ratio <= 0.0 {
            return false;
        }
        let begins = ratio / (1.0 - ratio) / burst;
        let chance = match (burst > 1.0, self.losing) {
            (false, _) => ratio,
            (true, false) => begins,
            (true, true) => 1.0 - 1.0 / burst,
        };
        self.losing = self.loss.uniform() < chance;
        self.losing
    }
}

fn slot(at: Nanos) -> usize {
    usize::try_from(at / SLOT).unwrap_or(usize::MAX)
}

fn add(slots: &mut Vec<u64>, at: Nanos, amount: u64) {
    let slot = slot(at);
    if slots.len() <= slot {
        slots.resize(slot + 1, 0);
    }
    slots[slot] += amount;
}

/// Adds the time from `from` to `to` to the slots it falls into.
fn spread(slots: &mut Vec<u64>, mut from: Nanos, to: Nanos) {
    while from < to {
        let until = ((from / SLOT + 1) * SLOT).min(to);
        add(slots, from, until - from);
        from = until;
    }
}

#[cfg(test)]
mod tests;
