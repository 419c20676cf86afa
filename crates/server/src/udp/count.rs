//! What became of packets: what was not answered is part of the result.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Answered.
    Answered,
    /// No packet of the protocol.
    Malformed,
    /// Longer than any that is taken.
    TooLong,
    /// The keyed hash is missing or wrong.
    Unauthenticated,
    /// The session was not issued here, or is over.
    NotIssued,
    /// From a port that may answer the answer.
    Loop,
    /// Beyond the rate of its prefix.
    PrefixRate,
    /// Beyond the rate of the reflector.
    TotalRate,
    /// Not as was granted: too fast, too long, too late (IRTT).
    NotGranted,
    /// The kernel did not take the answer.
    NotSent,
}

impl Outcome {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Answered, "answered"),
        (Self::Malformed, "malformed"),
        (Self::TooLong, "too_long"),
        (Self::Unauthenticated, "unauthenticated"),
        (Self::NotIssued, "not_issued"),
        (Self::Loop, "loop"),
        (Self::PrefixRate, "prefix_rate"),
        (Self::TotalRate, "total_rate"),
        (Self::NotGranted, "not_granted"),
        (Self::NotSent, "not_sent"),
    ];
}

/// Packets by what became of them.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; Outcome::ALL.len()]);

impl Counts {
    pub(super) fn add(&self, outcome: Outcome, packets: u64) {
        self.0[outcome as usize].fetch_add(packets, Ordering::Relaxed);
    }

    /// Packets of which this became.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }

    /// Every count that is not zero, as text.
    pub fn summary(&self) -> String {
        let counted = Outcome::ALL
            .iter()
            .map(|&(outcome, name)| (name, self.of(outcome)));
        let parts: Vec<_> = counted
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_place() {
        let counts = Counts::default();
        for (at, (outcome, _)) in Outcome::ALL.into_iter().enumerate() {
            counts.add(outcome, at as u64);
        }
        for (at, (outcome, _)) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(counts.of(outcome), at as u64);
        }
        assert!(counts.summary().starts_with("malformed 1, too_long 2"));
    }
}
