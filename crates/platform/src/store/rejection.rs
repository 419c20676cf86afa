//! Counters of what was not stored: nothing personal, only day, place and reason.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use metric::area::AreaKey;
use metric::month::{Month, civil_date};
use rusqlite::params;

use super::Store;
use super::edge::{area_columns, natural, start};
use super::verdict::AreaMonth;

/// One refusal, to be counted.
#[derive(Clone, Debug)]
pub struct Rejection<'a> {
    /// When it was refused.
    pub at: Timestamp,
    /// Whether it named a key for simulation.
    pub synthetic: bool,
    /// Area of the position it claimed, where it claimed one.
    pub area: Option<&'a AreaKey>,
    /// Name of the problem.
    pub code: &'static str,
    /// Which check failed, where the problem has several.
    pub why: Option<&'static str>,
    /// Member at fault; only names that our formats define.
    pub field: Option<&'a str>,
}

impl Store {
    /// Counts a refusal.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn count_rejection(&self, rejection: &Rejection<'_>) -> Result<()> {
        let (area_code, area_valid_from) = area_columns(rejection.area);
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction
            .prepare_cached(
                "INSERT INTO rejections (day, month, synthetic, area_code, area_valid_from,
                                         code, why, field, count)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1)
                 ON CONFLICT DO UPDATE SET count = count + 1",
            )?
            .execute(params![
                civil_date(rejection.at).to_string(),
                Month::of(rejection.at).to_string(),
                rejection.synthetic,
                area_code,
                area_valid_from,
                rejection.code,
                rejection.why.unwrap_or_default(),
                rejection.field.unwrap_or_default(),
            ])
            .context("counting a refusal")?;
        Ok(transaction.commit()?)
    }

    /// What was refused in a month, by the problem's name.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn rejections(&self, month: Month, synthetic: bool) -> Result<BTreeMap<String, u64>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT code, sum(count) FROM rejections
             WHERE month = ?1 AND synthetic = ?2 GROUP BY code",
        )?;
        let rows = statement.query_map(params![month.to_string(), synthetic], pair)?;
        rows.collect::<Result<_, _>>().context("reading refusals")
    }

    /// What was refused in a month among submissions that claimed a position in
    /// an area, by the problem's name.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn area_rejections(&self, scope: &AreaMonth) -> Result<BTreeMap<String, u64>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT code, sum(count) FROM rejections
             WHERE month = ?1 AND synthetic = ?2 AND area_code = ?3 AND area_valid_from = ?4
             GROUP BY code",
        )?;
        let key = params![
            scope.month.to_string(),
            scope.synthetic,
            scope.area.code,
            start(scope.area.valid_from)
        ];
        let rows = statement.query_map(key, pair)?;
        rows.collect::<Result<_, _>>()
            .context("reading refusals of an area")
    }
}

fn pair(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, u64)> {
    Ok((row.get(0)?, natural(row.get(1)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_add_up_by_code_and_place() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let area = AreaKey {
            code: "26740".into(),
            valid_from: None,
        };
        let one = Rejection {
            at: "2024-10-31T17:00:00Z".parse().unwrap(),
            synthetic: false,
            area: Some(&area),
            code: "receipt_invalid",
            why: Some("nonce"),
            field: Some("nonce"),
        };
        store.count_rejection(&one).unwrap();
        store.count_rejection(&one).unwrap();
        let elsewhere = Rejection {
            area: None,
            why: Some("signature"),
            ..one
        };
        store.count_rejection(&elsewhere).unwrap();
        let november: Month = "2024-11".parse().unwrap();
        let all = store.rejections(november, false).unwrap();
        assert_eq!(all, BTreeMap::from([("receipt_invalid".into(), 3)]));
        assert!(store.rejections(november, true).unwrap().is_empty());
        let scope = AreaMonth {
            area,
            month: november,
            synthetic: false,
        };
        let here = store.area_rejections(&scope).unwrap();
        assert_eq!(here, BTreeMap::from([("receipt_invalid".into(), 2)]));
    }
}
