//! Numbers of others, each import with its provenance.

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use metric::area::AreaKey;
use metric::month::Month;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::Store;
use super::edge::{area_columns, instant, integer, micros, natural, start};

/// Where an import comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// `official`, `ndt7`, `librespeed` or `ookla`.
    pub kind: &'static str,
    /// Name of the file.
    pub file_name: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Who published it, and where.
    pub provenance: String,
    /// The mapping of columns, as it was given; empty where there is none.
    pub mapping: String,
}

/// A count on its way into the store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlacedCount {
    /// Row of the file.
    pub row: u64,
    /// The area.
    pub area: AreaKey,
    /// The month.
    pub month: Month,
    /// Operator's id, or `all`.
    pub operator: String,
    /// Tests.
    pub tests: u64,
}

/// A test of another tool on its way into the store.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedTest {
    /// Row of the file.
    pub row: u64,
    /// When it was made.
    pub measured_at: Timestamp,
    /// Its area.
    pub area: Option<AreaKey>,
    /// Operator's id, or `unknown`.
    pub operator: String,
    /// Whether it was made over a mobile network, where known.
    pub mobile: Option<bool>,
    /// Download and upload, bit/s; round-trip delay, µs.
    pub values: [Option<u64>; 3],
}

/// A source as it is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Number of the source.
    pub id: i64,
    /// Kind.
    pub kind: String,
    /// Name of the file.
    pub file_name: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// When it was taken in.
    pub imported_at: Timestamp,
    /// Who published it, and where.
    pub provenance: String,
    /// Rows.
    pub rows: u64,
}

/// An official count beside ours.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct OfficialCount {
    /// Number of the source.
    pub source: i64,
    /// Who published it, and where.
    pub provenance: String,
    /// Operator's id, or `all`.
    pub operator: String,
    /// Tests.
    pub tests: u64,
}

impl Store {
    /// Stores official counts, all or none; returns the number of the source.
    ///
    /// # Errors
    ///
    /// When the same file was imported before, or a row says the same twice.
    pub fn import_counts(
        &self,
        source: &Source,
        counts: &[PlacedCount],
        now: Timestamp,
    ) -> Result<i64> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let id = add(&transaction, source, counts.len(), now)?;
        let mut insert = transaction
            .prepare_cached("INSERT INTO official_counts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        for count in counts {
            let (code, from) = (&count.area.code, start(count.area.valid_from));
            let (row, month) = (integer(count.row), count.month.to_string());
            let stored = insert.execute(params![
                id,
                row,
                code,
                from,
                month,
                count.operator,
                integer(count.tests)
            ]);
            stored.with_context(|| {
                format!(
                    "row {}: {} in {month} stands twice in the file",
                    count.row, count.area
                )
            })?;
        }
        drop(insert);
        transaction.commit()?;
        Ok(id)
    }

    /// Stores tests of another tool, all or none; returns the number of the source.
    ///
    /// # Errors
    ///
    /// When the same file was imported before.
    pub fn import_tests(
        &self,
        source: &Source,
        tests: &[PlacedTest],
        now: Timestamp,
    ) -> Result<i64> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let id = add(&transaction, source, tests.len(), now)?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO foreign_tests VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        for test in tests {
            let (code, from) = area_columns(test.area.as_ref());
            let [download, upload, rtt] = test.values.map(|value| value.map(integer));
            let month = Month::of(test.measured_at).to_string();
            let at = micros(test.measured_at);
            let row = integer(test.row);
            insert.execute(params![
                id,
                row,
                at,
                month,
                code,
                from,
                test.operator,
                test.mobile,
                download,
                upload,
                rtt
            ])?;
        }
        drop(insert);
        transaction.commit()?;
        Ok(id)
    }

    /// Every source, newest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn import_sources(&self) -> Result<Vec<Listed>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT source_id, kind, file_name, sha256, imported_at_us, provenance, rows
             FROM import_sources ORDER BY source_id DESC",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Listed {
                id: row.get(0)?,
                kind: row.get(1)?,
                file_name: row.get(2)?,
                sha256: row.get(3)?,
                imported_at: instant(row.get(4)?)?,
                provenance: row.get(5)?,
                rows: natural(row.get(6)?),
            })
        })?;
        rows.collect::<Result<_, _>>()
            .context("reading the imports")
    }

    /// The official counts of an area and a month, by source and operator.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn official_counts(&self, area: &AreaKey, month: Month) -> Result<Vec<OfficialCount>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT source_id, provenance, operator, tests
             FROM official_counts JOIN import_sources USING (source_id)
             WHERE area_code = ?1 AND area_valid_from = ?2 AND month = ?3
             ORDER BY source_id, operator",
        )?;
        let (code, from) = area_columns(Some(area));
        let rows = statement.query_map(params![code, from, month.to_string()], |row| {
            Ok(OfficialCount {
                source: row.get(0)?,
                provenance: row.get(1)?,
                operator: row.get(2)?,
                tests: natural(row.get(3)?),
            })
        })?;
        rows.collect::<Result<_, _>>()
            .context("reading official counts")
    }
}

/// Adds a source; the same file is refused.
fn add(transaction: &Transaction<'_>, source: &Source, rows: usize, now: Timestamp) -> Result<i64> {
    let known = "SELECT source_id FROM import_sources WHERE kind = ?1 AND sha256 = ?2";
    let known: Option<i64> = transaction
        .query_row(known, params![source.kind, source.sha256], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        bail!("this file was imported before, as source {id}; nothing was changed");
    }
    let Source {
        kind,
        file_name,
        sha256,
        provenance,
        mapping,
    } = source;
    transaction.execute(
        "INSERT INTO import_sources (kind, file_name, sha256, imported_at_us, provenance, mapping, rows)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![kind, file_name, sha256, micros(now), provenance, mapping, integer(rows as u64)],
    )?;
    Ok(transaction.last_insert_rowid())
}
