//! The daily duty: one number for each member and day, and what remains in sum.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use metric::month::{Month, civil_date};
use metric::validity::Reason;
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::store::Store;
use crate::store::edge::{micros, natural};
use crate::store::history::Subject;

/// The duty of a member in a month: whether it was done, day by day.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Duty {
    /// The days on which enough tests were made.
    #[schema(value_type = Vec<String>)]
    pub done: Vec<Date>,
    /// Tests of all days.
    pub tests: u64,
}

/// The duty of a unit in a month, in sums.
#[derive(
    Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, serde::Deserialize, utoipa::ToSchema,
)]
pub struct UnitDuty {
    /// Members who have agreed to be counted, and erased ones who had days.
    pub members: u64,
    /// Members with any day done.
    pub active: u64,
    /// Pairs of member and day on which the duty was done.
    pub member_days: u64,
    /// Tests of members, wherever made.
    pub tests: u64,
}

impl Store {
    /// The duty of each member of a unit in a month, by member id; `owed` tests
    /// make a day done.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn duties(
        &self,
        campaign: &str,
        unit: &str,
        month: Month,
        owed: u32,
        synthetic: bool,
    ) -> Result<BTreeMap<String, Duty>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT member_id, day, tests FROM member_days JOIN members USING (member_id)
             WHERE campaign_id = ?1 AND organisation = ?2 AND substr(day, 1, 7) = ?3 AND synthetic = ?4
             ORDER BY member_id, day",
        )?;
        let key = params![campaign, unit, month.to_string(), synthetic];
        let rows = statement.query_map(key, |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, natural(row.get(2)?)))
        })?;
        let mut duties: BTreeMap<String, Duty> = BTreeMap::new();
        for row in rows {
            let (member, day, tests): (String, String, u64) = row?;
            let duty = duties.entry(member).or_default();
            duty.tests += tests;
            if tests >= u64::from(owed) {
                duty.done.push(day.parse().context("a day of duty")?);
            }
        }
        Ok(duties)
    }

    /// The duty of a unit in a month.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn unit_duty(
        &self,
        campaign: &str,
        unit: &str,
        month: Month,
        owed: u32,
        synthetic: bool,
    ) -> Result<UnitDuty> {
        let duties = self.duties(campaign, unit, month, owed, synthetic)?;
        let days = duties.values().map(|duty| duty.done.len() as u64);
        let [members, erased, erased_days, erased_tests] =
            self.standing(campaign, unit, month, synthetic)?;
        Ok(UnitDuty {
            members: members + erased,
            active: days.clone().filter(|days| *days > 0).count() as u64 + erased,
            member_days: days.sum::<u64>() + erased_days,
            tests: duties.values().map(|duty| duty.tests).sum::<u64>() + erased_tests,
        })
    }

    /// Members that are counted now; of the erased, members, days and tests.
    fn standing(
        &self,
        campaign: &str,
        unit: &str,
        month: Month,
        synthetic: bool,
    ) -> Result<[u64; 4]> {
        let sql = "SELECT (SELECT count(*) FROM members WHERE campaign_id = ?1 AND organisation = ?2
                           AND EXISTS (SELECT 1 FROM consents WHERE member_id = members.member_id
                                       AND purpose = 'duty' AND withdrawn_at_us IS NULL)),
                          ifnull(sum(members), 0), ifnull(sum(member_days), 0), ifnull(sum(tests), 0)
                   FROM erased_days WHERE campaign_id = ?1 AND organisation = ?2 AND month = ?3
                   AND synthetic = ?4";
        let key = params![campaign, unit, month.to_string(), synthetic];
        let reader = self.reader();
        let read = |row: &rusqlite::Row<'_>| {
            let column = |at| row.get(at).map(natural);
            Ok([column(0)?, column(1)?, column(2)?, column(3)?])
        };
        reader
            .query_row(sql, key, read)
            .context("reading a unit's duty")
    }

    /// The days of a member, of all months: for the member's own export alone.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn days_of_member(&self, member_id: &str) -> Result<Vec<(String, u64)>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT day, tests FROM member_days WHERE member_id = ?1 ORDER BY day",
        )?;
        let rows =
            statement.query_map([member_id], |row| Ok((row.get(0)?, natural(row.get(1)?))))?;
        rows.collect::<Result<_, _>>()
            .context("reading a member's days")
    }
}

/// Counts a test for the duty of whom its device belongs to, in the transaction
/// that stores it: wherever it was made, if it was made in full and after the
/// member agreed.
pub(in crate::store) fn count(
    connection: &Connection,
    subject: &Subject<'_>,
    reasons: &[Reason],
) -> Result<()> {
    if reasons.contains(&Reason::Incomplete) {
        return Ok(());
    }
    let day = civil_date(subject.measured_at).to_string();
    connection
        .prepare_cached(
            "INSERT INTO member_days
             SELECT member_id, ?2, ?3, 1 FROM members WHERE device = ?1
             AND EXISTS (SELECT 1 FROM consents WHERE member_id = members.member_id
                         AND purpose = 'duty' AND given_at_us <= ?4
                         AND (withdrawn_at_us IS NULL OR withdrawn_at_us > ?4))
             ON CONFLICT DO UPDATE SET tests = tests + 1",
        )?
        .execute(params![
            subject.device,
            subject.synthetic,
            day,
            micros(subject.measured_at)
        ])?;
    Ok(())
}
