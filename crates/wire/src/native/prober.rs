//! Round-trip probes on the latency connection.

use std::collections::VecDeque;

use metric::delay::Delay;
use metric::unit::Micros;

/// Sends a probe every `interval` and keeps the time of each. Time is given as
/// microseconds since an origin of the caller's choice.
#[derive(Debug)]
pub struct Prober {
    interval: Micros,
    waiting_time: Micros,
    next_send: Micros,
    remaining: u32,
    sequence: u32,
    in_flight: VecDeque<(u32, Micros)>,
}

impl Prober {
    /// A stream of `count` probes, one every `interval`, from `now` on.
    ///
    /// A probe without an answer after `waiting_time` is [`Delay::Undefined`].
    pub const fn new(count: u32, interval: Micros, waiting_time: Micros, now: Micros) -> Self {
        Self {
            interval,
            waiting_time,
            next_send: now,
            remaining: count,
            sequence: 0,
            in_flight: VecDeque::new(),
        }
    }

    /// The probe due at `now`, if any. A sender that comes late leaves at least
    /// half an interval to the next probe; it does not send a burst.
    pub fn poll_transmit(&mut self, now: Micros) -> Option<[u8; 4]> {
        if self.remaining == 0 || now < self.next_send {
            return None;
        }
        let sequence = self.sequence;
        self.in_flight.push_back((sequence, now));
        self.sequence += 1;
        self.remaining -= 1;
        self.next_send =
            Micros((self.next_send.0 + self.interval.0).max(now.0 + self.interval.0 / 2));
        Some(sequence.to_be_bytes())
    }

    /// Takes an answer. One to an unknown probe, or one that came too late, is `None`.
    pub fn handle_message(&mut self, message: &[u8], now: Micros) -> Option<Delay> {
        let sequence = u32::from_be_bytes(message.try_into().ok()?);
        let at = self.in_flight.iter().position(|(s, _)| *s == sequence)?;
        let (_, sent) = self.in_flight.remove(at)?;
        Some(Delay::Defined(Micros(now.0.saturating_sub(sent.0))))
    }

    /// A probe given up at `now`, if any.
    pub fn poll_timeout(&mut self, now: Micros) -> Option<Delay> {
        let &(_, sent) = self.in_flight.front()?;
        (now.0 >= sent.0 + self.waiting_time.0).then(|| {
            self.in_flight.pop_front();
            Delay::Undefined
        })
    }

    /// Sends no more; what is in flight may still be answered.
    pub const fn stop(&mut self) {
        self.remaining = 0;
    }

    /// When to call again; `None` once the stream is over.
    pub fn next_wakeup(&self) -> Option<Micros> {
        let send = (self.remaining > 0).then_some(self.next_send);
        let expiry = self.in_flight.front();
        let expiry = expiry.map(|(_, sent)| Micros(sent.0 + self.waiting_time.0));
        [send, expiry].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metric::delay::Probes;

    /// A link in virtual time: fixed round trip, loses every `lose`-th probe.
    fn run(count: u32, rtt: Micros, lose: u32) -> Probes {
        let mut prober = Prober::new(count, Micros(50_000), Micros(3_000_000), Micros(0));
        let mut on_link: VecDeque<(Micros, [u8; 4])> = VecDeque::new();
        let mut probes = Probes::default();
        let mut now = Micros(0);
        let first = |link: &VecDeque<(Micros, [u8; 4])>| link.front().map(|(at, _)| *at);
        while let Some(wakeup) = first(&on_link)
            .into_iter()
            .chain(prober.next_wakeup())
            .min()
        {
            now = now.max(wakeup);
            if let Some(probe) = prober.poll_transmit(now) {
                let lost = (u32::from_be_bytes(probe) + 1).is_multiple_of(lose);
                on_link.extend((!lost).then_some((Micros(now.0 + rtt.0), probe)));
            }
            while first(&on_link).is_some_and(|at| at <= now) {
                let (_, answer) = on_link.pop_front().unwrap();
                probes.push(prober.handle_message(&answer, now).unwrap());
            }
            if let Some(lost) = prober.poll_timeout(now) {
                probes.push(lost);
            }
        }
        probes
    }

    #[test]
    fn thirty_seconds_with_loss_run_in_no_time() {
        let probes = run(600, Micros(10_000), 10);
        assert_eq!((probes.sent, probes.received), (600, 540));
        assert!(probes.rtt_us.iter().all(|&rtt| rtt == 10_000));
    }

    #[test]
    fn answers_nobody_asked_for_are_dropped() {
        let mut prober = Prober::new(1, Micros(1), Micros(1), Micros(0));
        assert_eq!(prober.handle_message(&[0, 0, 0, 9], Micros(5)), None);
        assert_eq!(
            prober.handle_message(b"too long to be one", Micros(5)),
            None
        );
        let probe = prober.poll_transmit(Micros(5)).unwrap();
        assert!(prober.handle_message(&probe, Micros(8)).is_some());
        assert_eq!(prober.handle_message(&probe, Micros(9)), None);
    }

    #[test]
    fn a_late_sender_sends_no_burst() {
        let mut prober = Prober::new(100, Micros(50), Micros(1000), Micros(0));
        assert!(prober.poll_transmit(Micros(500)).is_some());
        assert!(prober.poll_transmit(Micros(500)).is_none());
        assert!(prober.poll_transmit(Micros(525)).is_some());
    }
}
