//! Questions asked of the verdicts: counts of a quota, and observations for figures.

use anyhow::{Context as _, Result};
use metric::area::AreaKey;
use metric::month::Month;
use metric::validity::Reason;
use rusqlite::types::Type;
use rusqlite::{Params, Row};

use super::Store;
use super::edge::{natural, start, unreadable};
use crate::access::Technology;
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

/// One test as a row of area statistics.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Operator's id, or `unknown`.
    pub operator: String,
    /// Technology.
    pub technology: Technology,
    /// Pseudonym of the device: the unit of inference.
    pub device: String,
    /// Day in Vietnam's time.
    pub day: String,
    /// Download, bit/s.
    pub download: Option<u64>,
    /// Upload, bit/s.
    pub upload: Option<u64>,
    /// Idle round-trip delay, µs.
    pub idle_rtt: Option<u64>,
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

    /// The tests that count for figures of an area.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn observations(&self, scope: &AreaMonth) -> Result<Vec<Observation>> {
        let sql = format!(
            "SELECT operator, technology, device, day, download_bits_per_second,
                    upload_bits_per_second, idle_rtt_us
             FROM verdicts WHERE {SCOPE} AND counts_ward"
        );
        self.rows(&sql, scope, observation)
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

const fn column(rule: Rule) -> &'static str {
    match rule {
        Rule::Raw => "counts_quota_raw",
        Rule::Qualified => "counts_quota",
    }
}

fn observation(row: &Row<'_>) -> rusqlite::Result<Observation> {
    let technology: String = row.get(1)?;
    let measured = |i: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(i)?.map(natural));
    Ok(Observation {
        operator: row.get(0)?,
        technology: Technology::from_code(&technology)
            .ok_or_else(|| unreadable(Type::Text, std::fmt::Error))?,
        device: row.get(2)?,
        day: row.get(3)?,
        download: measured(4)?,
        upload: measured(5)?,
        idle_rtt: measured(6)?,
    })
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
