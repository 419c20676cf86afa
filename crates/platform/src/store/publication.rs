//! What open data is made of: every test of a month with what follows from it.
//! Exact positions and addresses are not even read.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use metric::area::AreaKey;
use metric::month::Month;
use metric::validity::Reason;
use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::Store;
use super::edge::{area_columns, date, instant, natural, unreadable};
use super::verdict::AreaMonth;
use crate::table::Rule;

/// A test on its way to publication; what it still holds that is personal
/// (device, instant, cell) is coarsened before it leaves.
#[derive(Clone, Debug)]
pub struct MonthTest {
    /// Pseudonym of the device in the store.
    pub device: String,
    /// When it was made.
    pub measured_at: Timestamp,
    /// Its area; `None` when it lies in none.
    pub area: Option<AreaKey>,
    /// H3 cell of resolution 8; `None` without a position.
    pub cell: Option<u64>,
    /// Operator's id, or `unknown`.
    pub operator: String,
    /// How the operator is known.
    pub operator_source: String,
    /// Autonomous system, where known.
    pub asn: Option<u32>,
    /// Code of the technology.
    pub technology: String,
    /// State by the rules.
    pub state: String,
    /// Every reason against it.
    pub reasons: Vec<Reason>,
    /// Whether it counts for the quota with repeats, the quota without them,
    /// ward, operator and country.
    pub counts: [bool; 5],
    /// Download and upload, bit/s; idle and working round-trip delay, µs.
    pub values: [Option<u64>; 4],
    /// Public part of the receipt: site, protocol, mode, key.
    pub receipt: [String; 4],
    /// Edition of the methodology it was measured by.
    pub method: u16,
}

impl Store {
    /// Hands every test of a month to `take`, in the order of their ids.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or `take` fails.
    pub fn each_test_of(
        &self,
        month: Month,
        synthetic: bool,
        mut take: impl FnMut(MonthTest) -> Result<()>,
    ) -> Result<()> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT device, measured_at_us, area_code, area_valid_from, h3_res8, operator,
                    operator_source, asn, technology, state, reasons, counts_quota_raw,
                    counts_quota, counts_ward, counts_operator, counts_country,
                    download_bits_per_second, upload_bits_per_second, idle_rtt_us, working_rtt_us,
                    receipt ->> '$.site', receipt ->> '$.protocol', receipt ->> '$.mode',
                    receipt ->> '$.key_id', receipt ->> '$.method'
             FROM verdicts JOIN tests USING (test_id)
             WHERE month = ?1 AND verdicts.synthetic = ?2 ORDER BY test_id",
        )?;
        let mut rows = statement.query(params![month.to_string(), synthetic])?;
        while let Some(row) = rows.next()? {
            let test = read(row).with_context(|| format!("reading the tests of {month}"))?;
            take(test)?;
        }
        Ok(())
    }

    /// Tests of a month, for a progress bar.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn tests_in(&self, month: Month, synthetic: bool) -> Result<u64> {
        let count = "SELECT count(*) FROM verdicts WHERE month = ?1 AND synthetic = ?2";
        let key = params![month.to_string(), synthetic];
        let count = self.reader().query_row(count, key, |row| row.get(0))?;
        Ok(natural(count))
    }

    /// The months that have tests, newest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn months(&self, synthetic: bool) -> Result<Vec<Month>> {
        let reader = self.reader();
        let sql = "SELECT DISTINCT month FROM verdicts WHERE synthetic = ?1 ORDER BY month DESC";
        let mut statement = reader.prepare_cached(sql)?;
        let months = statement.query_map([synthetic], |row| row.get::<_, String>(0))?;
        let read = |month: rusqlite::Result<String>| Ok(month?.parse()?);
        months.map(read).collect()
    }
}

/// A test of an area as a chart needs it.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When it was made.
    pub measured_at: Timestamp,
    /// Pseudonym of the device.
    pub device: String,
    /// Operator's id, or `unknown`.
    pub operator: String,
    /// Code of the technology.
    pub technology: String,
    /// Download and upload, bit/s; idle round-trip delay, µs.
    pub values: [Option<u64>; 3],
}

impl Store {
    /// The tests that count for the figures of an area, with their times.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn moments(&self, scope: &AreaMonth) -> Result<Vec<Moment>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT measured_at_us, device, operator, technology, download_bits_per_second,
                    upload_bits_per_second, idle_rtt_us
             FROM verdicts WHERE area_code = ?1 AND area_valid_from = ?2 AND month = ?3
                AND synthetic = ?4 AND counts_ward",
        )?;
        let (code, from) = area_columns(Some(&scope.area));
        let key = params![code, from, scope.month.to_string(), scope.synthetic];
        let rows = statement.query_map(key, moment)?;
        let rows = rows.collect::<rusqlite::Result<_>>();
        rows.with_context(|| format!("reading the tests of {}", scope.area))
    }

    /// Tests that count for a quota by the day of the month.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn counted_by_day(&self, scope: &AreaMonth, rule: Rule) -> Result<BTreeMap<u8, u64>> {
        let column = match rule {
            Rule::Raw => "counts_quota_raw",
            Rule::Qualified => "counts_quota",
        };
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&format!(
            "SELECT CAST(substr(day, 9) AS INTEGER), count(*) FROM verdicts
             WHERE area_code = ?1 AND area_valid_from = ?2 AND month = ?3 AND synthetic = ?4
                AND {column} GROUP BY 1"
        ))?;
        let (code, from) = area_columns(Some(&scope.area));
        let key = params![code, from, scope.month.to_string(), scope.synthetic];
        let rows = statement.query_map(key, |row| Ok((row.get(0)?, natural(row.get(1)?))))?;
        let rows = rows.collect::<rusqlite::Result<_>>();
        rows.with_context(|| format!("counting the days of {}", scope.area))
    }
}

fn moment(row: &Row<'_>) -> rusqlite::Result<Moment> {
    let value = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(natural));
    Ok(Moment {
        measured_at: instant(row.get(0)?)?,
        device: row.get(1)?,
        operator: row.get(2)?,
        technology: row.get(3)?,
        values: [value(4)?, value(5)?, value(6)?],
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<MonthTest> {
    let code: String = row.get(2)?;
    let valid_from = date(&row.get::<_, String>(3)?)?;
    let reasons: String = row.get(10)?;
    let value = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(natural));
    Ok(MonthTest {
        device: row.get(0)?,
        measured_at: instant(row.get(1)?)?,
        area: (!code.is_empty()).then_some(AreaKey { code, valid_from }),
        cell: value(4)?,
        operator: row.get(5)?,
        operator_source: row.get(6)?,
        asn: row.get(7)?,
        technology: row.get(8)?,
        state: row.get(9)?,
        reasons: serde_json::from_str(&reasons).map_err(|e| unreadable(Type::Text, e))?,
        counts: [
            row.get(11)?,
            row.get(12)?,
            row.get(13)?,
            row.get(14)?,
            row.get(15)?,
        ],
        values: [value(16)?, value(17)?, value(18)?, value(19)?],
        receipt: [row.get(20)?, row.get(21)?, row.get(22)?, row.get(23)?],
        method: row.get(24)?,
    })
}
