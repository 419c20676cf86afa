//! The operator table as data: every edition is kept, the newest is in use.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::Store;
use super::edge::micros;

/// The two texts of an operator table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperatorTexts {
    /// Operators, CSV.
    pub operators_csv: String,
    /// Their address prefixes, CSV.
    pub prefixes_csv: String,
}

impl Store {
    /// Stores a new edition of the operator table and returns its number; the
    /// texts in use already make no new edition.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn set_operator_texts(&self, texts: &OperatorTexts, now: Timestamp) -> Result<i64> {
        let writer = self.writer();
        let same: Option<i64> = writer
            .query_row(
                "SELECT edition FROM (SELECT * FROM operator_tables ORDER BY edition DESC LIMIT 1)
                 WHERE operators_csv = ?1 AND prefixes_csv = ?2",
                params![texts.operators_csv, texts.prefixes_csv],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(edition) = same {
            return Ok(edition);
        }
        writer.execute(
            "INSERT INTO operator_tables (imported_at_us, operators_csv, prefixes_csv)
             VALUES (?1, ?2, ?3)",
            params![micros(now), texts.operators_csv, texts.prefixes_csv],
        )?;
        Ok(writer.last_insert_rowid())
    }

    /// The operator table in use.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn operator_texts(&self) -> Result<Option<OperatorTexts>> {
        self.reader()
            .query_row(
                "SELECT operators_csv, prefixes_csv FROM operator_tables
                 ORDER BY edition DESC LIMIT 1",
                [],
                |row| {
                    Ok(OperatorTexts {
                        operators_csv: row.get(0)?,
                        prefixes_csv: row.get(1)?,
                    })
                },
            )
            .optional()
            .context("reading the operator table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_edition_is_in_use_and_the_same_texts_make_none() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let texts = |operators: &str| OperatorTexts {
            operators_csv: operators.into(),
            prefixes_csv: "p".into(),
        };
        assert_eq!(store.operator_texts().unwrap(), None);
        assert_eq!(store.set_operator_texts(&texts("a"), now).unwrap(), 1);
        assert_eq!(store.set_operator_texts(&texts("b"), now).unwrap(), 2);
        assert_eq!(store.set_operator_texts(&texts("b"), now).unwrap(), 2);
        assert_eq!(store.operator_texts().unwrap(), Some(texts("b")));
    }
}
