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
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Audited {
    /// Its number.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// `console`, or the address of an account.
    pub who: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// The particulars, JSON.
    pub detail: serde_json::Value,
}

impl Store {
    /// The newest entries of the trail, newest first; of one subject where one
    /// is named.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn audit_trail(&self, subject: Option<&str>, most: u32) -> Result<Vec<Audited>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT number, at_us, who, action, subject, detail FROM audit
             WHERE ?1 IS NULL OR subject = ?1 ORDER BY number DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![subject, most], audited)?;
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
