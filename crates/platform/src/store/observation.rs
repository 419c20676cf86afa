//! Tests as the statistics read them, by period and place.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use metric::area::AreaKey;
use metric::month::Month;
use metric::position::Position;
use rusqlite::types::Type;
use rusqlite::{Row, named_params, params};
use uuid::Uuid;

use super::Store;
use super::edge::{area_columns, date, instant, micros, natural, start, unreadable};
use crate::access::Technology;
use crate::table::Rule;

/// Which tests are asked for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// First instant, and the first one after.
    pub instants: (Timestamp, Timestamp),
    /// First and last month that these touch.
    pub months: (String, String),
    /// Whether the tests of simulations are asked for, or those of people.
    pub synthetic: bool,
    /// Only those of an area, by their own day's borders.
    pub area: Option<&'a AreaKey>,
    /// An area of another edition, to be told how tests lie to it.
    pub ground: Option<&'a AreaKey>,
}

/// One test that counts somewhere.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Its area; none where it lies in none that it counts for.
    pub area: Option<AreaKey>,
    /// Operator's id, or `unknown`.
    pub operator: String,
    /// Technology.
    pub technology: Technology,
    /// Pseudonym of the device.
    pub device: String,
    /// When it was made.
    pub measured_at: Timestamp,
    /// Whether a unit with a duty asked for it.
    pub mobilised: bool,
    /// Whether it counts in figures of an operator.
    pub of_operator: bool,
    /// Download, upload (bit/s), idle and working round trip (µs).
    pub values: [Option<u64>; 4],
    /// Cell of its position at resolution 9.
    pub cell: Option<u64>,
    /// Its position, where the question has a ground and it has not expired.
    pub position: Option<Position>,
    /// Whether it lies in the ground, where that was written down before the
    /// position expired.
    pub on_ground: Option<bool>,
}

impl Store {
    /// Tells `each` every test that counts for figures, in no order.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn observe(&self, question: &Question<'_>, mut each: impl FnMut(Observed)) -> Result<()> {
        let of_area = match question.area {
            Some(_) => "AND area_code = :code AND area_valid_from = :valid_from AND counts_ward",
            None => "AND :code = '' AND :valid_from = ''",
        };
        let (ground, joined) = match question.ground {
            None => ("NULL, NULL, NULL, NULL, NULL", ""),
            Some(_) => (
                "latitude_e7, longitude_e7, accuracy_metres,
                 EXISTS (SELECT 1 FROM placements p WHERE p.test_id = verdicts.test_id),
                 EXISTS (SELECT 1 FROM placements p WHERE p.test_id = verdicts.test_id
                         AND p.area_code = :ground_code AND p.area_valid_from = :ground_from)",
                "LEFT JOIN positions USING (test_id)",
            ),
        };
        let sql = format!(
            "SELECT area_code, area_valid_from, counts_ward, operator, technology, device,
                    measured_at_us, mobilised, counts_operator, download_bits_per_second,
                    upload_bits_per_second, idle_rtt_us, working_rtt_us, h3_res9, {ground}
             FROM verdicts {joined}
             WHERE month >= :first AND month <= :last AND synthetic = :synthetic {of_area}
               AND measured_at_us >= :from AND measured_at_us < :to AND counts_country
               AND :ground_code IS NOT NULL AND :ground_from IS NOT NULL"
        );
        let (code, valid_from) = area_columns(question.area);
        let (ground_code, ground_from) = area_columns(question.ground);
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&sql)?;
        let mut rows = statement.query(named_params! {
            ":first": question.months.0, ":last": question.months.1,
            ":synthetic": question.synthetic, ":code": code, ":valid_from": valid_from,
            ":ground_code": ground_code, ":ground_from": ground_from,
            ":from": micros(question.instants.0), ":to": micros(question.instants.1),
        })?;
        while let Some(row) = rows.next().context("reading tests for figures")? {
            each(observed(row)?);
        }
        Ok(())
    }
}

fn observed(row: &Row<'_>) -> rusqlite::Result<Observed> {
    let technology = row.get_ref(4)?.as_str().unwrap_or_default();
    let technology =
        Technology::from_code(technology).ok_or_else(|| unreadable(Type::Text, std::fmt::Error))?;
    let measured = |i: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(i)?.map(natural));
    let counts_ward: bool = row.get(2)?;
    let area = || {
        Ok::<_, rusqlite::Error>(AreaKey {
            code: row.get(0)?,
            valid_from: date(row.get_ref(1)?.as_str().unwrap_or_default())?,
        })
    };
    Ok(Observed {
        area: counts_ward.then(area).transpose()?,
        operator: row.get(3)?,
        technology,
        device: row.get(5)?,
        measured_at: instant(row.get(6)?)?,
        mobilised: row.get(7)?,
        of_operator: row.get(8)?,
        values: [measured(9)?, measured(10)?, measured(11)?, measured(12)?],
        cell: measured(13)?,
        position: position(row)?,
        on_ground: match row.get::<_, Option<bool>>(17)? {
            Some(true) => row.get(18)?,
            Some(false) | None => None,
        },
    })
}

fn position(row: &Row<'_>) -> rusqlite::Result<Option<Position>> {
    let Some(latitude_e7) = row.get(14)? else {
        return Ok(None);
    };
    Ok(Some(Position {
        latitude_e7,
        longitude_e7: row.get(15)?,
        accuracy_metres: row.get(16)?,
    }))
}

impl Store {
    /// Tests of an area that count by a rule, by day, from one month to another.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn daily_counts(
        &self,
        area: &AreaKey,
        months: (Month, Month),
        synthetic: bool,
        rule: Rule,
    ) -> Result<Vec<(Date, u64)>> {
        let column = super::verdict::column(rule);
        let sql = format!(
            "SELECT day, count(*) FROM verdicts
             WHERE area_code = ?1 AND area_valid_from = ?2 AND month >= ?3 AND month <= ?4
               AND synthetic = ?5 AND {column} GROUP BY day ORDER BY day"
        );
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&sql)?;
        let key = params![
            area.code,
            start(area.valid_from),
            months.0.to_string(),
            months.1.to_string(),
            synthetic
        ];
        let rows = statement.query_map(key, |row| {
            let day = date(row.get_ref(0)?.as_str().unwrap_or_default())?;
            Ok((day, natural(row.get(1)?)))
        })?;
        let days = rows.map(|row| row.map(|(day, n)| day.map(|day| (day, n))));
        let days: Vec<Option<_>> = days.collect::<Result<_, _>>().context("counting by day")?;
        Ok(days.into_iter().flatten().collect())
    }

    /// Positions that are over, with the test's own area: what has to be placed
    /// in other editions before they are deleted.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn expiring(&self, now: Timestamp) -> Result<Vec<(Uuid, Position, String)>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT test_id, latitude_e7, longitude_e7, accuracy_metres,
                    area_code || '@' || area_valid_from
             FROM positions JOIN verdicts USING (test_id) WHERE expires_at_us <= ?1",
        )?;
        let rows = statement.query_map([micros(now)], |row| {
            let id = Uuid::from_slice(row.get_ref(0)?.as_blob().unwrap_or_default());
            let position = Position {
                latitude_e7: row.get(1)?,
                longitude_e7: row.get(2)?,
                accuracy_metres: row.get(3)?,
            };
            Ok((
                id.map_err(|e| unreadable(Type::Blob, e))?,
                position,
                row.get(4)?,
            ))
        })?;
        rows.collect::<Result<_, _>>()
            .context("reading expiring positions")
    }

    /// Writes down in which areas of other editions tests lie.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn place(&self, placements: &[(Uuid, AreaKey)]) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        for (test, area) in placements {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO placements VALUES (?1, ?2, ?3, 0)")?
                .execute(params![
                    test.as_bytes().as_slice(),
                    area.code,
                    start(area.valid_from)
                ])?;
        }
        transaction.commit().context("writing placements")
    }
}
