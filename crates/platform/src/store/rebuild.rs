//! Judging every stored test again, beside the verdicts in use.
//!
//! A rebuild fills a table of its own, a thousand tests at a time in the order
//! in which they were stored, so that tests come in meanwhile and memory stays
//! bounded; in the end one transaction takes the rest and puts the new table in
//! place of the old one.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use metric::area::AreaKey;
use metric::month::Month;
use metric::position::Position;
use metric::validity::{Limits, Reason};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, Transaction, params};
use uuid::Uuid;

use super::Store;
use super::edge::{date, instant, natural, unreadable};
use super::history::{History, Ledger, Subject, history};
use super::test::{Derived, write_verdict};

/// A test as it is stored, with what is known of it now.
#[derive(Clone, Debug)]
pub struct Stored {
    row: i64,
    /// Its id.
    pub test_id: Uuid,
    /// When it was received.
    pub received_at: Timestamp,
    /// Whether it is of a simulation.
    pub synthetic: bool,
    /// The receipt, JSON.
    pub receipt: String,
    /// What the client saw, JSON.
    pub observed: String,
    /// The circumstances, JSON, without the position.
    pub context: String,
    /// The position, until it expires.
    pub position: Option<Position>,
    /// What its verdict says, for what can no longer be derived.
    pub before: Option<Before>,
}

/// The part of a verdict that outlives the position.
#[derive(Clone, Debug)]
pub struct Before {
    /// The area.
    pub area: Option<AreaKey>,
    /// The cells at resolutions 8 and 9.
    pub cells: Option<[u64; 2]>,
    /// The reasons.
    pub reasons: Vec<Reason>,
}

/// A test that is judged again: derived, but without what other tests say.
#[derive(Clone, Debug)]
pub struct Rederived {
    /// The test.
    pub stored: Stored,
    /// Pseudonym of its device.
    pub device: String,
    /// When it was made.
    pub measured_at: Timestamp,
    /// What follows from it.
    pub derived: Derived,
}

/// What a rebuild changes, as numbers of tests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// Tests judged.
    pub tests: u64,
    /// Tests whose reasons, place or figures differ from before.
    pub changed: u64,
    /// Sets of reasons with the number of tests before and after.
    pub reasons: Vec<(Vec<Reason>, u64, u64)>,
}

/// A rebuild under way.
pub struct Rebuilding<'a> {
    store: &'a Store,
    month: Option<Month>,
    last: i64,
}

impl Store {
    /// Begins a rebuild of everything, or of the tests of one month. What an
    /// earlier one left behind is dropped.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn begin_rebuild(&self, month: Option<Month>) -> Result<Rebuilding<'_>> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        prepare(&transaction, month).context("preparing the rebuild")?;
        transaction.commit()?;
        Ok(Rebuilding {
            store: self,
            month,
            last: 0,
        })
    }

    /// Number of stored tests, in all or of a month.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn tests_stored(&self, month: Option<Month>) -> Result<u64> {
        let reader = self.reader();
        let count = |row: &Row<'_>| Ok(natural(row.get(0)?));
        let count = match month {
            None => reader.query_row("SELECT count(*) FROM tests", [], count),
            Some(month) => {
                let sql = "SELECT count(*) FROM verdicts WHERE month = ?1";
                reader.query_row(sql, [month.to_string()], count)
            }
        };
        count.context("counting the tests")
    }
}

fn prepare(transaction: &Transaction<'_>, month: Option<Month>) -> Result<()> {
    let made: String = transaction.query_row(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'verdicts'",
        [],
        |row| row.get(0),
    )?;
    let make = made
        .replacen("CREATE TABLE verdicts", "CREATE TABLE verdicts_next", 1)
        .replacen("CREATE TABLE \"verdicts\"", "CREATE TABLE verdicts_next", 1);
    transaction.execute_batch("DROP TABLE IF EXISTS verdicts_next")?;
    transaction.execute_batch(&make)?;
    transaction.execute_batch(
        "CREATE INDEX next_by_device ON verdicts_next (device, measured_at_us);
         CREATE INDEX next_that_count ON verdicts_next (device, month) WHERE counts_ward;
         CREATE INDEX next_by_shape ON verdicts_next (trace_shape) WHERE trace_shape IS NOT NULL;",
    )?;
    if let Some(month) = month {
        // What a test at the edge of the month is held against.
        transaction.execute(
            "INSERT INTO verdicts_next SELECT * FROM verdicts
             WHERE month != ?1 AND day >= date(?2, '-1 day') AND day <= date(?3, '+1 day')",
            params![
                month.to_string(),
                month.first_day().to_string(),
                month.last_day().to_string()
            ],
        )?;
    }
    Ok(())
}

impl Rebuilding<'_> {
    /// The next tests in the order in which they were stored; none at the end.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn next(&mut self, most: u32) -> Result<Vec<Stored>> {
        let reader = self.store.reader();
        self.read(&reader, most)
    }

    fn read(&mut self, connection: &Connection, most: u32) -> Result<Vec<Stored>> {
        let of_month = match self.month {
            None => "",
            Some(_) => "AND month = ?3",
        };
        let sql = format!(
            "SELECT tests.rowid, test_id, received_at_us, tests.synthetic, receipt, observed, context,
                    latitude_e7, longitude_e7, accuracy_metres,
                    area_code, area_valid_from, h3_res8, h3_res9, reasons
             FROM tests LEFT JOIN positions USING (test_id) LEFT JOIN verdicts USING (test_id)
             WHERE tests.rowid > ?1 AND ?3 IS NOT NULL {of_month} ORDER BY tests.rowid LIMIT ?2"
        );
        let month = self
            .month
            .map_or_else(String::new, |month| month.to_string());
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![self.last, most, month], stored)?;
        let rows: Vec<_> = rows
            .collect::<Result<_, _>>()
            .context("reading the tests")?;
        self.last = rows.last().map_or(self.last, |stored| stored.row);
        Ok(rows)
    }

    /// Judges tests and writes their verdicts beside those in use.
    ///
    /// `judge` is told what the tests that were judged before say.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn write(
        &self,
        batch: &[Rederived],
        edition: u16,
        limits: &Limits,
        judge: impl FnMut(&Rederived, History) -> Vec<Reason>,
    ) -> Result<()> {
        let mut writer = self.store.writer();
        let transaction = writer.transaction()?;
        self.write_within(&transaction, batch, edition, limits, judge)?;
        Ok(transaction.commit()?)
    }

    fn write_within(
        &self,
        transaction: &Transaction<'_>,
        batch: &[Rederived],
        edition: u16,
        limits: &Limits,
        mut judge: impl FnMut(&Rederived, History) -> Vec<Reason>,
    ) -> Result<()> {
        let ledger = match self.month {
            None => Ledger::Next,
            Some(_) => Ledger::NextMonth,
        };
        for test in batch {
            let subject = test.subject();
            let past = history(transaction, ledger, &subject, limits)?;
            let reasons = judge(test, past);
            write_verdict(transaction, ledger, &subject, edition, &reasons)?;
        }
        Ok(())
    }

    /// What the new verdicts change.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn changes(&self) -> Result<Changes> {
        let reader = self.store.reader();
        let month = self
            .month
            .map_or_else(String::new, |month| month.to_string());
        let counts = "SELECT count(*), count(CASE WHEN
                old.reasons IS NOT new.reasons OR old.area_code IS NOT new.area_code
                OR old.area_valid_from IS NOT new.area_valid_from OR old.operator IS NOT new.operator
                OR old.technology IS NOT new.technology
                OR old.download_bits_per_second IS NOT new.download_bits_per_second
                OR old.upload_bits_per_second IS NOT new.upload_bits_per_second THEN 1 END)
             FROM verdicts_next new LEFT JOIN verdicts old USING (test_id)
             WHERE ?1 = '' OR new.month = ?1";
        let pair = |row: &Row<'_>| Ok((natural(row.get(0)?), natural(row.get(1)?)));
        let (tests, changed) = reader.query_row(counts, [&month], pair)?;
        let by_reason = "SELECT reasons, sum(before), sum(after) FROM (
                SELECT reasons, count(*) AS before, 0 AS after FROM verdicts
                WHERE ?1 = '' OR month = ?1 GROUP BY reasons
                UNION ALL
                SELECT reasons, 0, count(*) FROM verdicts_next
                WHERE ?1 = '' OR month = ?1 GROUP BY reasons)
             GROUP BY reasons ORDER BY reasons";
        let mut statement = reader.prepare(by_reason)?;
        let rows = statement.query_map([&month], |row| {
            Ok((reasons(row, 0)?, natural(row.get(1)?), natural(row.get(2)?)))
        })?;
        let reasons = rows
            .collect::<Result<_, _>>()
            .context("comparing verdicts")?;
        Ok(Changes {
            tests,
            changed,
            reasons,
        })
    }

    /// Puts the new verdicts to use, with tests that came in meanwhile.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then the old verdicts stay in use.
    pub fn finish(
        mut self,
        edition: u16,
        limits: &Limits,
        rederive: impl Fn(Stored) -> Result<Rederived>,
        mut judge: impl FnMut(&Rederived, History) -> Vec<Reason>,
    ) -> Result<()> {
        let mut writer = self.store.writer();
        let transaction = writer.transaction()?;
        loop {
            let rest = self.read(&transaction, BATCH)?;
            if rest.is_empty() {
                break;
            }
            let rest = rest
                .into_iter()
                .map(&rederive)
                .collect::<Result<Vec<_>>>()?;
            self.write_within(&transaction, &rest, edition, limits, &mut judge)?;
        }
        swap(&transaction, self.month).context("putting the new verdicts to use")?;
        Ok(transaction.commit()?)
    }

    /// Drops the new verdicts.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn abandon(self) -> Result<()> {
        let writer = self.store.writer();
        writer.execute_batch("DROP TABLE IF EXISTS verdicts_next")?;
        Ok(())
    }
}

/// Tests that are read and written at once.
pub const BATCH: u32 = 1_000;

fn swap(transaction: &Transaction<'_>, month: Option<Month>) -> Result<()> {
    if let Some(month) = month {
        let month = month.to_string();
        transaction.execute("DELETE FROM verdicts WHERE month = ?1", [&month])?;
        transaction.execute(
            "INSERT INTO verdicts SELECT * FROM verdicts_next WHERE month = ?1",
            [&month],
        )?;
        transaction.execute_batch("DROP TABLE verdicts_next")?;
    } else {
        let indexes = indexes(transaction)?;
        transaction.execute_batch(
            "DROP TABLE verdicts;
             DROP INDEX next_by_device; DROP INDEX next_that_count; DROP INDEX next_by_shape;
             ALTER TABLE verdicts_next RENAME TO verdicts;",
        )?;
        transaction.execute_batch(&indexes.join(";"))?;
    }
    transaction.execute_batch("DELETE FROM figures; DELETE FROM correlations;")?;
    Ok(())
}

/// What made the indexes of the verdicts, so that they are made again.
fn indexes(transaction: &Transaction<'_>) -> Result<Vec<String>> {
    let mut statement = transaction.prepare(
        "SELECT sql FROM sqlite_master
         WHERE type = 'index' AND tbl_name = 'verdicts' AND sql IS NOT NULL ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Rederived {
    fn subject(&self) -> Subject<'_> {
        Subject {
            test_id: self.stored.test_id,
            device: &self.device,
            measured_at: self.measured_at,
            synthetic: self.stored.synthetic,
            position: self.stored.position,
            derived: &self.derived,
        }
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let exact = row.get::<_, Option<i32>>(7)?.is_some();
    let position = || {
        Ok::<_, rusqlite::Error>(Position {
            latitude_e7: row.get(7)?,
            longitude_e7: row.get(8)?,
            accuracy_metres: row.get(9)?,
        })
    };
    Ok(Stored {
        row: row.get(0)?,
        test_id: Uuid::from_slice(row.get_ref(1)?.as_blob().unwrap_or_default())
            .map_err(|e| unreadable(Type::Blob, e))?,
        received_at: instant(row.get(2)?)?,
        synthetic: row.get(3)?,
        receipt: row.get(4)?,
        observed: row.get(5)?,
        context: row.get(6)?,
        position: exact.then(position).transpose()?,
        before: before(row)?,
    })
}

fn before(row: &Row<'_>) -> rusqlite::Result<Option<Before>> {
    let Some(code) = row.get::<_, Option<String>>(10)? else {
        return Ok(None);
    };
    let valid_from = date(&row.get::<_, String>(11)?)?;
    let cells: [Option<i64>; 2] = [row.get(12)?, row.get(13)?];
    let cells = match cells {
        [Some(a), Some(b)] => Some([natural(a), natural(b)]),
        _ => None,
    };
    Ok(Some(Before {
        area: (!code.is_empty()).then_some(AreaKey { code, valid_from }),
        cells,
        reasons: reasons(row, 14)?,
    }))
}

fn reasons(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<Reason>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| unreadable(Type::Text, e))
}
