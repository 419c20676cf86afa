//! Who is to be reminded, and which reminders went out.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension as _, params};

use super::{Member, SELECT, member};
use crate::store::Store;
use crate::store::edge::micros;

impl Store {
    /// The members of a campaign who agreed to be counted and to be reminded,
    /// have an address, and have not done a day's duty.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn unreminded(
        &self,
        campaign: &str,
        day: Date,
        owed: u32,
        synthetic: bool,
    ) -> Result<Vec<Member>> {
        let agreed = |purpose: &str| {
            format!(
                "EXISTS (SELECT 1 FROM consents WHERE member_id = members.member_id
                         AND purpose = '{purpose}' AND withdrawn_at_us IS NULL)"
            )
        };
        let sql = format!(
            "{SELECT} WHERE campaign_id = ?1 AND email IS NOT NULL AND {} AND {}
             AND ?3 > ifnull((SELECT tests FROM member_days WHERE member_id = members.member_id
                              AND day = ?2 AND synthetic = ?4), 0)
             ORDER BY organisation, number",
            agreed("duty"),
            agreed("reminder_email")
        );
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&sql)?;
        let key = params![campaign, day.to_string(), owed, synthetic];
        let rows = statement.query_map(key, member)?;
        rows.collect::<Result<_, _>>()
            .context("reading whom to remind")
    }

    /// Whether a reminder went out.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn is_reminded(&self, kind: &str, subject: &str, day: Date) -> Result<bool> {
        let sql = "SELECT 1 FROM reminders WHERE kind = ?1 AND subject = ?2 AND day = ?3";
        let key = params![kind, subject, day.to_string()];
        Ok(self
            .reader()
            .query_row(sql, key, |_| Ok(()))
            .optional()?
            .is_some())
    }

    /// Writes down that a reminder goes out; says whether it is the first.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn note_reminder(
        &self,
        kind: &str,
        subject: &str,
        day: Date,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "INSERT OR IGNORE INTO reminders VALUES (?1, ?2, ?3, ?4)";
        let key = params![kind, subject, day.to_string(), micros(at)];
        Ok(self.writer().execute(sql, key)? > 0)
    }

    /// Strikes out a reminder that did not go out after all.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn forget_reminder(&self, kind: &str, subject: &str, day: Date) -> Result<()> {
        let sql = "DELETE FROM reminders WHERE kind = ?1 AND subject = ?2 AND day = ?3";
        self.writer()
            .execute(sql, params![kind, subject, day.to_string()])?;
        Ok(())
    }
}
