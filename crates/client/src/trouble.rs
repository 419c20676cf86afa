//! Why a part of a test that was begun is missing.

use crate::Error;

/// What went wrong, cut by what the person can do about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Trouble {
    /// Nothing came any more: the line died. Measure where the signal is better.
    Offline,
    /// The connections were cut: the site restarted, or something on the way
    /// cuts them. Measure again.
    Cut,
    /// Something on the way answers in the site's place: a captive portal, a
    /// proxy. Sign in there, or use another network.
    Blocked,
    /// The site refused, broke the protocol, or said what cannot be true. Use
    /// another site.
    SiteError,
    /// This device slept in the middle, so its clock says nothing. Keep it awake.
    Interrupted,
}

impl Trouble {
    /// The code in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Cut => "cut",
            Self::Blocked => "blocked",
            Self::SiteError => "site_error",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        match error {
            Error::Network(_) => Self::Cut,
            Error::Silent(_) => Self::Offline,
            Error::Blocked(_) => Self::Blocked,
            _ => Self::SiteError,
        }
    }
}
