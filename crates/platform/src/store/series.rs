//! The series of tests, for replaying other editions of the estimator.

use anyhow::{Context as _, Result};
use metric::month::Month;
use metric::receipt::ReceiptV1;
use metric::series::Series;
use metric::submission::Observed;
use rusqlite::{Connection, Row, named_params, params};
use uuid::Uuid;

use super::Store;

/// Which tests.
#[derive(Clone, Copy, Debug)]
pub struct Which {
    /// Of this month; of all where `None`.
    pub month: Option<Month>,
    /// The synthetic ones instead of the real ones.
    pub synthetic: bool,
}

/// The series of one test.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The test.
    pub test_id: Uuid,
    /// Edition it was measured by.
    pub method: u16,
    /// Mode it was measured in.
    pub mode: String,
    /// Whether its site drew it for the audit.
    pub audit: bool,
    /// [`Series`], encoded.
    pub series: Vec<u8>,
}

/// Series read at a time: a megabyte or so.
const BATCH: i64 = 500;

impl Store {
    /// Hands over the series of tests in order of their ids, which is that of
    /// time, a batch in memory at once; the reader is free between batches.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or what `each` fails with.
    pub fn each_series(
        &self,
        which: Which,
        mut each: impl FnMut(Stored) -> Result<()>,
    ) -> Result<()> {
        let mut after = vec![];
        loop {
            let batch = self.series_after(which, &after)?;
            let Some(last) = batch.last() else {
                return Ok(());
            };
            after = last.test_id.as_bytes().to_vec();
            batch.into_iter().try_for_each(&mut each)?;
        }
    }

    fn series_after(&self, which: Which, after: &[u8]) -> Result<Vec<Stored>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT test_id, method, mode, audit, series FROM series
             WHERE test_id > :after AND synthetic = :synthetic
               AND (:month IS NULL OR month = :month)
             ORDER BY test_id LIMIT :batch",
        )?;
        let batch = statement.query_map(
            named_params! {
                ":after": after,
                ":synthetic": which.synthetic,
                ":month": which.month.map(|month| month.to_string()),
                ":batch": BATCH,
            },
            read,
        )?;
        let batch = batch.collect::<Result<_, _>>();
        batch.context("reading the series of tests")
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        test_id: Uuid::from_bytes(row.get(0)?),
        method: row.get(1)?,
        mode: row.get(2)?,
        audit: row.get(3)?,
        series: row.get(4)?,
    })
}

#[cfg(test)]
impl Store {
    /// Overwrites every series with bytes that are none.
    pub(crate) fn damage_series(&self) {
        let damaged = self
            .writer()
            .execute("UPDATE series SET series = x'01'", []);
        assert_eq!(damaged.unwrap(), 1);
    }
}

/// Writes the series of a test.
pub(super) fn write(
    connection: &Connection,
    synthetic: bool,
    receipt: &ReceiptV1,
    observed: &Observed,
) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO series VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            receipt.test_id.as_bytes().as_slice(),
            synthetic,
            Month::of(receipt.started_at).to_string(),
            receipt.method,
            receipt.mode,
            receipt.audit,
            Series::of(receipt, observed).encode(),
        ])?;
    Ok(())
}

/// Writes the series of tests that were stored before there were any.
pub(super) fn fill(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare(
        "SELECT synthetic, receipt, observed FROM tests
         WHERE test_id NOT IN (SELECT test_id FROM series)",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (receipt, observed): (String, String) = (row.get(1)?, row.get(2)?);
        let receipt = serde_json::from_str(&receipt).context("a stored receipt")?;
        let observed = serde_json::from_str(&observed).context("what a stored test observed")?;
        write(connection, row.get(0)?, &receipt, &observed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Place, draft, signed};

    fn all(store: &Store, month: Option<&str>) -> Vec<Stored> {
        let which = Which {
            month: month.map(|month| month.parse().unwrap()),
            synthetic: false,
        };
        let mut all = vec![];
        let read = store.each_series(which, |stored| {
            all.push(stored);
            Ok(())
        });
        read.unwrap();
        all
    }

    #[test]
    fn a_test_is_stored_with_its_series() {
        let place = Place::new();
        let test = draft(1);
        place.collect(&signed(test.clone())).unwrap();
        let [stored] = &all(&place.store, Some("2024-11"))[..] else {
            panic!("one series");
        };
        let series = Series::decode(&stored.series).unwrap();
        assert_eq!(series, Series::of(&test.receipt, &test.observed));
        assert_eq!(
            series.download.unwrap().bins_bytes,
            test.observed.download.unwrap().bins_bytes
        );
        assert_eq!((stored.mode.as_str(), stored.audit), ("full", false));
        assert!(all(&place.store, Some("2024-12")).is_empty());
    }

    #[test]
    fn an_older_store_gets_its_series() {
        let place = Place::new();
        place.collect(&signed(draft(1))).unwrap();
        let before = all(&place.store, None);
        let writer = place.store.writer();
        writer.execute("DELETE FROM series", []).unwrap();
        fill(&writer).unwrap();
        fill(&writer).unwrap();
        drop(writer);
        let after = all(&place.store, None);
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].series, before[0].series);
    }
}
