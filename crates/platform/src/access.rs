//! The access a test was made over: technology, and how its operator is known.

use metric::submission::Generation;

/// Technology of an access, as figures are cut by it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Technology {
    /// GSM family.
    G2,
    /// UMTS family.
    G3,
    /// LTE.
    G4,
    /// NR.
    G5,
    /// Mobile, generation not known.
    MobileOther,
    /// A fixed line, or not known to be mobile.
    Fixed,
}

impl Technology {
    /// Every technology.
    pub const ALL: [Self; 6] = [
        Self::G2,
        Self::G3,
        Self::G4,
        Self::G5,
        Self::MobileOther,
        Self::Fixed,
    ];

    /// The technology of a test.
    pub const fn of(mobile: bool, declared: Option<Generation>) -> Self {
        match (mobile, declared) {
            (false, _) => Self::Fixed,
            (true, None) => Self::MobileOther,
            (true, Some(Generation::G2)) => Self::G2,
            (true, Some(Generation::G3)) => Self::G3,
            (true, Some(Generation::G4)) => Self::G4,
            (true, Some(Generation::G5)) => Self::G5,
        }
    }

    /// The code in tables and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::G2 => "2g",
            Self::G3 => "3g",
            Self::G4 => "4g",
            Self::G5 => "5g",
            Self::MobileOther => "mobile_other",
            Self::Fixed => "fixed",
        }
    }

    /// The technology of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.code() == code)
    }
}

/// How the operator of a test is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperatorSource {
    /// From the address the test came from.
    Address,
    /// From what the person or the device said.
    Declared,
    /// Not at all.
    Unknown,
}

impl OperatorSource {
    /// The code in tables.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Declared => "declared",
            Self::Unknown => "unknown",
        }
    }
}

/// The operator of a test whose operator is not known.
pub const UNKNOWN_OPERATOR: &str = "unknown";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_counts_only_on_a_mobile_network() {
        assert_eq!(
            Technology::of(false, Some(Generation::G5)),
            Technology::Fixed
        );
        assert_eq!(Technology::of(true, None), Technology::MobileOther);
    }

    #[test]
    fn codes_read_back() {
        for technology in Technology::ALL {
            assert_eq!(Technology::from_code(technology.code()), Some(technology));
        }
    }
}
