//! Who acts, and what each role may do.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Refused, Why};

/// What an account is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The office: sees everything, judges reports, makes accounts.
    Office,
    /// A unit's coordinator: sees and writes what is the unit's own.
    Coordinator,
    /// Reads progress and reports, and changes nothing.
    Reader,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Office, Self::Coordinator, Self::Reader];

    /// As in columns and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Office => "office",
            Self::Coordinator => "coordinator",
            Self::Reader => "reader",
        }
    }

    /// The role of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }
}

/// Who acts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Actor {
    /// Address of the account, or `console`.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// The coordinator's unit.
    pub unit: Option<String>,
}

impl Actor {
    /// Whoever works at the machine itself.
    pub fn console() -> Self {
        Self {
            name: "console".into(),
            role: Role::Office,
            unit: None,
        }
    }

    fn owns(&self, unit: &str) -> bool {
        self.role == Role::Coordinator && self.unit.as_deref() == Some(unit)
    }

    /// Reports: the office and readers see all, a coordinator the unit's own.
    ///
    /// # Errors
    ///
    /// [`Refused`] where it may not.
    pub fn may_read_report(&self, unit: &str) -> Result<()> {
        allow(
            self.role != Role::Coordinator || self.owns(unit),
            "unit",
            unit,
        )
    }

    /// Writing a report: the unit itself, and the office for it.
    ///
    /// # Errors
    ///
    /// [`Refused`] where it may not.
    pub fn may_write_report(&self, unit: &str) -> Result<()> {
        allow(self.role == Role::Office || self.owns(unit), "unit", unit)
    }

    /// Returning and accepting reports, making accounts and links of any unit.
    ///
    /// # Errors
    ///
    /// [`Refused`] where it may not.
    pub fn may_judge_reports(&self) -> Result<()> {
        allow(self.role == Role::Office, "step", "it")
    }

    /// Members, by number or name: the unit's own coordinator and the office.
    ///
    /// # Errors
    ///
    /// [`Refused`] where it may not.
    pub fn may_see_members(&self, unit: &str) -> Result<()> {
        allow(self.role == Role::Office || self.owns(unit), "unit", unit)
    }

    /// What concerns all units.
    ///
    /// # Errors
    ///
    /// [`Refused`] where it may not.
    pub fn may_administer(&self) -> Result<()> {
        allow(self.role == Role::Office, "role", "this")
    }
}

fn allow(may: bool, field: &'static str, what: &str) -> Result<()> {
    if may {
        return Ok(());
    }
    let remedy = "sign in with an account that may, or ask the office";
    let what = format!("{what:?} is not this account's to see or change");
    Err(Refused::new((Why::Forbidden, "forbidden"), field, what, remedy).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_may_what_it_may_and_nothing_else() {
        let actor = |role, unit: Option<&str>| Actor {
            name: "a".into(),
            role,
            unit: unit.map(str::to_owned),
        };
        let may = |actor: &Actor, unit: &str| {
            [
                actor.may_read_report(unit).is_ok(),
                actor.may_write_report(unit).is_ok(),
                actor.may_judge_reports().is_ok(),
                actor.may_see_members(unit).is_ok(),
                actor.may_administer().is_ok(),
            ]
        };
        assert_eq!(may(&Actor::console(), "p-1"), [true; 5]);
        let coordinator = actor(Role::Coordinator, Some("p-1"));
        assert_eq!(may(&coordinator, "p-1"), [true, true, false, true, false]);
        assert_eq!(may(&coordinator, "p-2"), [false; 5]);
        assert_eq!(may(&actor(Role::Coordinator, None), ""), [false; 5]);
        assert_eq!(
            may(&actor(Role::Reader, None), "p-1"),
            [true, false, false, false, false]
        );
        assert_eq!(
            may(&actor(Role::Reader, Some("p-1")), "p-1")[1..],
            [false; 4]
        );
    }
}
