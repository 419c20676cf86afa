//! Editions of the estimator, side by side, so that one can be replayed over
//! what was measured by another.

use crate::METHOD;
use crate::goodput::{self, Estimate, Mode, StopReason};

/// An edition of the estimator that this program has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Edition(u16);

impl Edition {
    /// The editions this program has, oldest first.
    pub const KNOWN: &[u16] = &[1, 2, 3];

    /// The one that tests are measured by now.
    pub const CURRENT: Self = Self(METHOD);

    /// The edition of a number.
    ///
    /// # Errors
    ///
    /// [`UnknownEdition`] when this program does not have it.
    pub fn of(number: u16) -> Result<Self, UnknownEdition> {
        if Self::KNOWN.contains(&number) {
            Ok(Self(number))
        } else {
            Err(UnknownEdition(number))
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Where a mode stops, as this edition has it.
    pub fn stop_point(self, mode: Mode, bins: &[u64]) -> Option<(usize, StopReason)> {
        goodput::stop_point_of(self.0, mode, bins)
    }

    /// The estimate of a direction, as this edition has it.
    pub fn estimate(self, mode: Mode, bins: &[u64], stopped: bool) -> Option<Estimate> {
        goodput::estimate_of(self.0, mode, bins, stopped)
    }
}

/// An edition that this program does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("edition {0} of the method is not known here; known: {known:?}", known = Edition::KNOWN)]
pub struct UnknownEdition(pub u16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_edition_is_had_and_no_other() {
        for &number in Edition::KNOWN {
            assert_eq!(Edition::of(number).map(Edition::number), Ok(number));
        }
        assert_eq!(Edition::KNOWN.last(), Some(&METHOD));
        let unknown = Edition::of(METHOD + 1).unwrap_err();
        assert!(unknown.to_string().contains("known: [1"), "{unknown}");
        assert!(Edition::of(0).is_err());
    }
}
