//! The audit trail: every change made by hand, written in the transaction of
//! the change itself.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::Store;
use super::edge::{instant, micros};

/// Who makes a change, and when.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// `console`, or the address of an account.
    pub who: &'a str,
    /// When.
    pub at: Timestamp,
}

/// An entry of the trail.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Audited {
    /// Its number.
    pub number: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `console`, or the address of an account.
    pub who: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// The particulars, JSON.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// Which entries of the trail; each part that is absent leaves none out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trail<'a> {
    /// Whose address holds this.
    pub who: Option<&'a str>,
    /// Whose action holds this, as `roster`.
    pub action: Option<&'a str>,
    /// Whose subject holds this.
    pub subject: Option<&'a str>,
    /// Older than the entry of this number.
    pub before: Option<i64>,
}

impl Store {
    /// The newest entries of the trail among those asked for, newest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn audit_trail(&self, asked: Trail<'_>, most: u32) -> Result<Vec<Audited>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT number, at_us, who, action, subject, detail FROM audit
             WHERE (?1 IS NULL OR instr(who, ?1)) AND (?2 IS NULL OR instr(action, ?2))
               AND (?3 IS NULL OR instr(subject, ?3)) AND (?4 IS NULL OR number < ?4)
             ORDER BY number DESC LIMIT ?5",
        )?;
        let key = params![asked.who, asked.action, asked.subject, asked.before, most];
        let rows = statement.query_map(key, audited)?;
        rows.collect::<Result<_, _>>()
            .context("reading the audit trail")
    }
}

fn audited(row: &Row<'_>) -> rusqlite::Result<Audited> {
    let detail: String = row.get(5)?;
    Ok(Audited {
        number: row.get(0)?,
        at: instant(row.get(1)?)?,
        who: row.get(2)?,
        action: row.get(3)?,
        subject: row.get(4)?,
        detail: serde_json::from_str(&detail).unwrap_or_default(),
    })
}

/// Writes an entry; part of the change's transaction.
pub(super) fn write(
    connection: &Connection,
    act: Act<'_>,
    action: &str,
    subject: &str,
    detail: &serde_json::Value,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO audit (at_us, who, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            micros(act.at),
            act.who,
            action,
            subject,
            detail.to_string()
        ])?;
    Ok(())
}
