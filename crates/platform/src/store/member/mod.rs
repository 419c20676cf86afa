//! Members of units, what they agreed to, and their daily duty.

pub mod consent;
pub mod duty;
pub mod enrol;
mod push;
mod reminder;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::Serialize;

use super::Store;
use super::edge::{instant, natural};

pub use consent::{Consent, Purpose};
pub use duty::{Duty, UnitDuty};
pub use enrol::{Newcomer, Rostered};

/// A member, as the office's own program knows it. Its device is not in it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// Random id.
    pub member_id: String,
    /// Campaign.
    pub campaign: String,
    /// Code of the unit.
    pub organisation: String,
    /// Number within the unit.
    pub number: u64,
    /// `link` or `roster`.
    pub source: String,
    /// The roster's own code.
    pub staff_code: Option<String>,
    /// Name, from a roster.
    pub name: Option<String>,
    /// Where reminders go.
    pub email: Option<String>,
    /// In the personal link, until the member has used it.
    pub personal_code: Option<String>,
    /// Whether a device belongs to it.
    pub has_device: bool,
    /// In e-mails.
    #[serde(skip)]
    pub opt_out: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub enrolled_at: Timestamp,
}

const SELECT: &str =
    "SELECT member_id, campaign_id, organisation, number, source, staff_code, name,
    email, personal_code, device IS NOT NULL, opt_out, enrolled_at_us FROM members";

impl Store {
    /// The members of a unit in a campaign, by number.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn members(&self, campaign: &str, organisation: &str) -> Result<Vec<Member>> {
        let reader = self.reader();
        let sql = format!("{SELECT} WHERE campaign_id = ?1 AND organisation = ?2 ORDER BY number");
        let mut statement = reader.prepare_cached(&sql)?;
        let rows = statement.query_map(params![campaign, organisation], member)?;
        rows.collect::<Result<_, _>>().context("reading members")
    }

    /// Every member of a campaign, by unit and number.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn all_members(&self, campaign: &str) -> Result<Vec<Member>> {
        let reader = self.reader();
        let sql = format!("{SELECT} WHERE campaign_id = ?1 ORDER BY organisation, number");
        let mut statement = reader.prepare_cached(&sql)?;
        let rows = statement.query_map(params![campaign], member)?;
        rows.collect::<Result<_, _>>().context("reading members")
    }

    /// The member who shows a token.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn member_of_token(&self, token_sha256: &str) -> Result<Option<Member>> {
        let reader = self.reader();
        let sql = format!("{SELECT} WHERE token_sha256 = ?1");
        Ok(reader.query_row(&sql, [token_sha256], member).optional()?)
    }

    /// The member of an id.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn member(&self, member_id: &str) -> Result<Option<Member>> {
        let reader = self.reader();
        let sql = format!("{SELECT} WHERE member_id = ?1");
        Ok(reader.query_row(&sql, [member_id], member).optional()?)
    }

    /// The device of a member: for the member's own export alone.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn member_device(&self, member_id: &str) -> Result<Option<String>> {
        let sql = "SELECT device FROM members WHERE member_id = ?1";
        let device = self
            .reader()
            .query_row(sql, [member_id], |row| row.get(0))
            .optional()?;
        Ok(device.flatten())
    }
}

fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        member_id: row.get(0)?,
        campaign: row.get(1)?,
        organisation: row.get(2)?,
        number: natural(row.get(3)?),
        source: row.get(4)?,
        staff_code: row.get(5)?,
        name: row.get(6)?,
        email: row.get(7)?,
        personal_code: row.get(8)?,
        has_device: row.get(9)?,
        opt_out: row.get(10)?,
        enrolled_at: instant(row.get(11)?)?,
    })
}
