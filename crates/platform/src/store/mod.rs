//! The embedded store: one directory, one SQLite file, all the SQL.
//!
//! Every call blocks; the HTTP layer runs them on threads of their own. One
//! connection writes and another one reads, so a report never waits for a
//! submission. Tests are append-only and idempotent by id; what is derived from
//! them can be rebuilt. `schema/` tells the life of a row.

pub mod account;
pub mod area;
pub mod audit;
pub mod campaign;
mod edge;
pub mod figure;
pub mod history;
pub mod import;
pub mod key;
pub mod member;
pub mod observation;
pub mod operator;
pub mod organisation;
pub mod problem;
pub mod publication;
pub mod rebuild;
pub mod reconcile;
pub mod rejection;
mod schema;
pub mod series;
pub mod site;
pub mod test;
pub mod unit_report;
pub mod verdict;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, TransactionBehavior};

/// The store of a centre.
#[derive(Debug)]
pub struct Store {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    /// Asks for nothing but whether somebody wrote, so it is never long busy.
    watcher: Mutex<Connection>,
}

impl Store {
    /// Opens the store in a directory, makes it where there is none, and brings
    /// its schema up to date.
    ///
    /// # Errors
    ///
    /// When the directory cannot be used, the file is damaged, or its schema is
    /// newer than this program.
    pub fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("making the data directory {}", directory.display()))?;
        let file = directory.join("ispeed.db");
        let doing = || {
            format!(
                "opening the store {}: restore the file from a copy if it is damaged, \
                 or start a newer program if it was written by one",
                file.display()
            )
        };
        let mut writer = connect(&file).with_context(doing)?;
        schema::migrate(&mut writer).with_context(doing)?;
        let reader = connect(&file).with_context(doing)?;
        reader.pragma_update(None, "query_only", true)?;
        let watcher = connect(&file).with_context(doing)?;
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
            watcher: Mutex::new(watcher),
        })
    }

    /// Newest editions of the areas and of the operator table; 0 when there is none.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn editions(&self) -> Result<[i64; 2]> {
        let newest = "SELECT (SELECT ifnull(max(edition), 0) FROM area_editions),
                             (SELECT ifnull(max(edition), 0) FROM operator_tables)";
        let editions = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?]);
        Ok(self.reader().query_row(newest, [], editions)?)
    }

    /// From now on a commit does not wait for the disk: after a power cut the
    /// last ones may be missing, and none is half there. For what can be made
    /// again, as a simulated month can.
    ///
    /// # Errors
    ///
    /// When the store is not to be had.
    pub fn without_waiting(&self) -> Result<()> {
        Ok(self.writer().pragma_update(None, "synchronous", "NORMAL")?)
    }

    /// A number that changes when this process or another one has written
    /// (SQLite's `data_version`, of a connection that writes nothing).
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn version(&self) -> Result<i64> {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(watcher.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// The connection that writes. A panic elsewhere rolled its transaction
    /// back, so a poisoned lock is as good as any.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(file: &Path) -> Result<Connection> {
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A transaction that reads before it writes must not find that another
    // process wrote in between.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_opens_again() {
        let directory = tempfile::tempdir().unwrap();
        Store::open(directory.path()).unwrap();
        Store::open(directory.path()).unwrap();
    }

    #[test]
    fn what_anybody_writes_is_a_new_version_and_reading_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let [here, elsewhere] = [(); 2].map(|()| Store::open(directory.path()).unwrap());
        let mut last = here.version().unwrap();
        for writer in [&elsewhere, &here] {
            assert_eq!(here.version().unwrap(), last);
            writer
                .writer()
                .execute_batch("CREATE TABLE IF NOT EXISTS t (n); INSERT INTO t VALUES (1)")
                .unwrap();
            assert_ne!(here.version().unwrap(), last);
            last = here.version().unwrap();
        }
    }

    #[test]
    fn a_damaged_file_is_one_clear_error() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(
            directory.path().join("ispeed.db"),
            "no database ".repeat(100),
        )
        .unwrap();
        let error = Store::open(directory.path()).unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("ispeed.db") && text.contains("not a database"),
            "{text}"
        );
    }

    #[test]
    fn a_newer_schema_is_one_clear_error() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store
            .writer()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        drop(store);
        let text = format!("{:#}", Store::open(directory.path()).unwrap_err());
        assert!(
            text.contains("version 99") && text.contains("newer program"),
            "{text}"
        );
    }

    #[test]
    fn the_reader_cannot_write() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        assert!(
            store
                .reader()
                .execute("DELETE FROM rejections", [])
                .is_err()
        );
    }
}
