//! Questions asked of the verdicts: counts of a quota, and observations for figures.

use anyhow::{Context as _, Result};
use metric::area::AreaKey;
use metric::month::Month;
use metric::validity::Reason;
use rusqlite::types::Type;
use rusqlite::{Params, Row};

use super::Store;
use super::edge::{natural, start, unreadable};
use crate::table::Rule;

/// What every question about a place is about.
#[derive(Clone, Debug)]
pub struct AreaMonth {
    /// The area.
    pub area: AreaKey,
    /// The month, in Vietnam's time.
    pub month: Month,
    /// Whether the tests of simulations are asked for, or those of people.
    pub synthetic: bool,
}

/// Tests that count for a quota, by both rules.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct QuotaCounts {
    /// With repeats, as i-Speed counts.
    pub raw: u64,
    /// Without repeats.
    pub qualified: u64,
    /// Devices behind the tests of the asked rule.
    pub devices: u64,
}

impl Store {
    /// How many tests count for a quota.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn quota_counts(&self, scope: &AreaMonth, rule: Rule) -> Result<QuotaCounts> {
        let sql = format!(
            "SELECT count(CASE WHEN counts_quota_raw THEN 1 END), count(CASE WHEN counts_quota THEN 1 END),
                    count(DISTINCT CASE WHEN {} THEN device END)
             FROM verdicts WHERE {SCOPE}",
            column(rule)
        );
        let counts = self.rows(&sql, scope, |row| {
            Ok(QuotaCounts {
                raw: natural(row.get(0)?),
                qualified: natural(row.get(1)?),
                devices: natural(row.get(2)?),
            })
        })?;
        Ok(counts.first().copied().unwrap_or_default())
    }

    /// The tests that do not count by a rule: sets of reasons, and how many
    /// tests have each.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn not_counted(&self, scope: &AreaMonth, rule: Rule) -> Result<Vec<(Vec<Reason>, u64)>> {
        let sql = format!(
            "SELECT reasons, count(*) FROM verdicts
             WHERE {SCOPE} AND NOT {} GROUP BY reasons",
            column(rule)
        );
        self.rows(&sql, scope, |row| {
            let text: String = row.get(0)?;
            let reasons = serde_json::from_str(&text).map_err(|e| unreadable(Type::Text, e))?;
            Ok((reasons, natural(row.get(1)?)))
        })
    }

    /// SHA-256 over every verdict, or those of a month, in the order of the ids:
    /// two ledgers with the same are the same.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn ledger_sha256(&self, month: Option<Month>) -> Result<String> {
        let reader = self.reader();
        let month = month.map_or_else(String::new, |month| month.to_string());
        let mut statement = reader
            .prepare("SELECT * FROM verdicts WHERE ?1 = '' OR month = ?1 ORDER BY test_id")?;
        let columns = statement.column_count();
        let mut rows = statement.query([month])?;
        let mut digest = metric::key::Digest::default();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|i| Ok(format!("{:?}", row.get_ref(i)?)));
            let values: Vec<String> = values.collect::<Result<_>>()?;
            digest.add(values.join("|").as_bytes());
            digest.add(b"\n");
        }
        Ok(digest.hex())
    }

    fn rows<T>(
        &self,
        sql: &str,
        scope: &AreaMonth,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(sql)?;
        let rows = statement.query_map(scope.key(), read)?;
        rows.collect::<Result<_, _>>()
            .with_context(|| format!("reading the tests of {} in {}", scope.area, scope.month))
    }
}

impl AreaMonth {
    fn key(&self) -> impl Params + use<> {
        (
            self.area.code.clone(),
            start(self.area.valid_from),
            self.month.to_string(),
            self.synthetic,
        )
    }
}

const SCOPE: &str = "area_code = ?1 AND area_valid_from = ?2 AND month = ?3 AND synthetic = ?4";

pub(super) const fn column(rule: Rule) -> &'static str {
    match rule {
        Rule::Raw => "counts_quota_raw",
        Rule::Qualified => "counts_quota",
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::Place;

    #[test]
    fn questions_use_their_indexes() {
        let place = Place::new();
        let reader = place.store.reader();
        let plan = |sql: &str| -> String {
            let sql = format!("EXPLAIN QUERY PLAN {sql}");
            let mut statement = reader.prepare(&sql).unwrap();
            let values = vec!["1"; statement.parameter_count()];
            let values = rusqlite::params_from_iter(values);
            let rows = statement.query_map(values, |row| row.get::<_, String>(3));
            rows.unwrap().map(|step| step.unwrap() + "; ").collect()
        };
        for (sql, index) in [
            (
                format!("SELECT count(*) FROM verdicts WHERE {}", super::SCOPE),
                "verdicts_by_area",
            ),
            (
                "SELECT 1 FROM verdicts WHERE device = 'd' AND measured_at_us > 1".into(),
                "verdicts_by_device",
            ),
            (
                "DELETE FROM positions WHERE expires_at_us < 1".into(),
                "positions_by_expiry",
            ),
        ] {
            let plan = plan(&sql);
            assert!(plan.contains(index), "{plan}");
        }
    }
}
