//! What an office does with a campaign: members and their duty, the month's
//! reports, progress, accounts, reminders.
//!
//! The rules stand here, between the store and whoever asks (command line and
//! HTTP), so that both obey the same.

pub mod account;
pub mod actor;
pub mod calendar;
pub mod member;
pub mod paper;
pub mod progress;
pub mod push;
pub mod reconcile;
pub mod reminder;
pub mod roster;
pub mod secret;
pub mod slot;
pub mod unit_report;

use std::fmt;

/// A wish that cannot be granted: a person's mistake, and not the program's.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Refused {
    /// Of which kind.
    #[serde(skip)]
    pub why: Why,
    /// A name for programs.
    pub name: &'static str,
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong, with the value.
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Kinds of refusals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// What is named does not exist, or not for whoever asks.
    Unknown,
    /// It does not fit what is stored.
    Conflict,
    /// Whoever asks may not.
    Forbidden,
    /// A value is wrong.
    Wrong,
    /// Nobody has signed in.
    SignedOut,
    /// Tried too often.
    TooOften,
}

impl Refused {
    pub(crate) fn new(
        (why, name): (Why, &'static str),
        field: &'static str,
        what: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        let what = what.into();
        Self {
            why,
            name,
            field,
            what,
            remedy,
        }
    }
}

/// A list that cannot be read as a whole, as a refusal that says why.
pub(crate) fn unreadable(error: anyhow::Error) -> anyhow::Error {
    let what = format!("{error:#}");
    let remedy = "send a list as CSV (UTF-8) or XLSX";
    Refused::new((Why::Wrong, "list_unreadable"), "file", what, remedy).into()
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.field, self.what, self.remedy)
    }
}

impl std::error::Error for Refused {}
