//! How many tests count, by one way of counting or another.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use metric::area::AreaKey;
use rusqlite::params;

use super::Store;
use super::edge::{micros, natural, start};
use super::verdict::{AreaMonth, column};
use crate::table::Rule;

/// A way of counting the tests of an area and a month.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Way {
    /// The area.
    pub area: AreaKey,
    /// The area of the same code in another time, by whose borders is counted.
    pub twin: Option<AreaKey>,
    /// Which tests count.
    pub rule: Rule,
    /// First instant of the month, and of the next.
    pub instants: (Timestamp, Timestamp),
    /// Whether the month is cut in UTC.
    pub utc: bool,
}

impl Store {
    /// Tests that count by a way of counting.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn count_by(&self, way: &Way, synthetic: bool) -> Result<u64> {
        let column = column(way.rule);
        let place = match way.twin {
            None => "area_code = ?1 AND area_valid_from = ?2",
            Some(_) => {
                "test_id IN (SELECT test_id FROM placements
                             WHERE area_code = ?1 AND area_valid_from = ?2)"
            }
        };
        let sql = format!(
            "SELECT count(*) FROM verdicts WHERE {place} AND {column} AND synthetic = ?3
             AND measured_at_us >= ?4 AND measured_at_us < ?5"
        );
        let key = way.twin.as_ref().unwrap_or(&way.area);
        let (first, next) = way.instants;
        let values = params![
            key.code,
            start(key.valid_from),
            synthetic,
            micros(first),
            micros(next)
        ];
        let tests = self.reader().query_row(&sql, values, |row| row.get(0));
        tests.map(natural).context("counting another way")
    }

    /// Pairs of device and day with a test that counts without repeats, and the
    /// devices.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn device_days(&self, scope: &AreaMonth) -> Result<(u64, u64)> {
        let sql =
            "SELECT count(DISTINCT device || '@' || day), count(DISTINCT device) FROM verdicts
                   WHERE area_code = ?1 AND area_valid_from = ?2 AND month = ?3 AND synthetic = ?4
                   AND counts_quota";
        let AreaMonth {
            area,
            month,
            synthetic,
        } = scope;
        let values = params![
            area.code,
            start(area.valid_from),
            month.to_string(),
            synthetic
        ];
        let reader = self.reader();
        let read = |row: &rusqlite::Row<'_>| Ok((natural(row.get(0)?), natural(row.get(1)?)));
        reader
            .query_row(sql, values, read)
            .context("counting days of devices")
    }
}
