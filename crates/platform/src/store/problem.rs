//! Problem areas and their history.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::Store;
use super::edge::{instant, micros};

/// A problem area as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProblemRow {
    /// Its id.
    pub problem_id: String,
    /// Whether it is of simulations.
    pub synthetic: bool,
    /// Operator's id.
    pub operator: String,
    /// Code of the technology.
    pub technology: String,
    /// Its state.
    pub state: String,
    /// Cells, months and evidence, JSON.
    pub body: String,
}

/// Something that happened to a problem area.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EventRow {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: String,
    /// In somebody's words; empty for none.
    pub note: String,
    /// The evidence then, JSON.
    pub body: String,
}

impl Store {
    /// Writes a problem area, new or changed, with what happened.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is.
    pub fn write_problem(&self, problem: &ProblemRow, event: &EventRow) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction.execute(
            "INSERT INTO problems VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET state = ?5, body = ?6",
            params![
                problem.problem_id,
                problem.synthetic,
                problem.operator,
                problem.technology,
                problem.state,
                problem.body
            ],
        )?;
        transaction.execute(
            "INSERT INTO problem_events VALUES (?1,
                (SELECT count(*) + 1 FROM problem_events WHERE problem_id = ?1), ?2, ?3, ?4, ?5)",
            params![
                problem.problem_id,
                micros(event.at),
                event.event,
                event.note,
                event.body
            ],
        )?;
        transaction.commit().context("storing a problem area")
    }

    /// The problem areas, by id.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn problems(&self, synthetic: bool) -> Result<Vec<ProblemRow>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT problem_id, synthetic, operator, technology, state, body
             FROM problems WHERE synthetic = ?1 ORDER BY problem_id",
        )?;
        let rows = statement.query_map([synthetic], problem)?;
        rows.collect::<Result<_, _>>()
            .context("reading problem areas")
    }

    /// A problem area; `None` when there is none of that id.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn problem(&self, id: &str) -> Result<Option<ProblemRow>> {
        let sql = "SELECT problem_id, synthetic, operator, technology, state, body
                   FROM problems WHERE problem_id = ?1";
        let reader = self.reader();
        let found = reader.query_row(sql, [id], problem).optional();
        found.context("reading a problem area")
    }

    /// What happened to a problem area, in order.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn problem_events(&self, id: &str) -> Result<Vec<EventRow>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT at_us, event, note, body FROM problem_events
             WHERE problem_id = ?1 ORDER BY number",
        )?;
        let rows = statement.query_map([id], |row| {
            Ok(EventRow {
                at: instant(row.get(0)?)?,
                event: row.get(1)?,
                note: row.get(2)?,
                body: row.get(3)?,
            })
        })?;
        rows.collect::<Result<_, _>>()
            .context("reading the history of a problem area")
    }
}

fn problem(row: &Row<'_>) -> rusqlite::Result<ProblemRow> {
    Ok(ProblemRow {
        problem_id: row.get(0)?,
        synthetic: row.get(1)?,
        operator: row.get(2)?,
        technology: row.get(3)?,
        state: row.get(4)?,
        body: row.get(5)?,
    })
}
