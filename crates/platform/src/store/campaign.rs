//! Campaigns: who measures where, and how many tests each area owes a month.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use metric::area::AreaKey;
use metric::month::Month;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Store;
use super::audit::{self, Act};
use super::edge::{date, integer, natural, start, unreadable};
use crate::table::Rule;

/// A campaign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Campaign {
    /// Id, as in addresses.
    pub id: String,
    /// Name.
    pub name: String,
    /// Tests each area owes a month.
    pub quota_tests: u64,
    /// Which tests count.
    pub rule: Rule,
    /// Day of the following month before which units report.
    pub deadline_day: Option<u8>,
    /// The documents it rests on.
    pub legal_bases: Vec<LegalBasis>,
    /// Its areas, of every period.
    pub areas: Vec<AreaKey>,
    /// What areas owe that owe another number than `quota_tests`.
    pub quotas: BTreeMap<AreaKey, u64>,
    /// The rest of it.
    pub terms: Terms,
}

impl Default for Campaign {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            quota_tests: 300,
            rule: Rule::Qualified,
            deadline_day: None,
            legal_bases: vec![],
            areas: vec![],
            quotas: BTreeMap::new(),
            terms: Terms::default(),
        }
    }
}

impl Campaign {
    /// Tests an area owes a month.
    pub fn quota_of(&self, area: &AreaKey) -> u64 {
        self.quotas.get(area).copied().unwrap_or(self.quota_tests)
    }

    /// Whether the campaign runs in a month.
    pub fn runs_in(&self, month: Month) -> bool {
        let Terms {
            first_month,
            last_month,
            ..
        } = self.terms;
        first_month.is_none_or(|first| first <= month)
            && last_month.is_none_or(|last| month <= last)
    }
}

/// The rest of a campaign; every member may be absent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Terms {
    /// First month; open where absent.
    pub first_month: Option<Month>,
    /// Last month; open where absent.
    pub last_month: Option<Month>,
    /// Edition of the areas against which the definition was checked.
    pub area_edition: Option<i64>,
    /// Tests a member owes a day, wherever made.
    pub duty_tests_a_day: u32,
    /// What becomes of a deadline on a day off.
    pub closed: Closed,
    /// Days off beside weekends and the fixed holidays.
    pub holidays: Vec<Date>,
    /// Code of the organisation whose campaign it is: units are those below.
    pub organisation: Option<String>,
    /// Codes of organisations elsewhere that report too, with those below them.
    pub also: Vec<String>,
    /// Code of the office that gathers the reports.
    pub office: Option<String>,
    /// What it is to reach.
    pub goals: Vec<Goal>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            first_month: None,
            last_month: None,
            area_edition: None,
            duty_tests_a_day: 1,
            closed: Closed::Next,
            holidays: vec![],
            organisation: None,
            also: vec![],
            office: None,
            goals: vec![],
        }
    }
}

/// What becomes of a deadline on a day off.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// The next working day (Civil Code 2015, article 148.5).
    Next,
    /// The working day before.
    Previous,
    /// It stays.
    Keep,
}

/// A figure that a campaign is to reach.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// `download_bits_per_second` or another quantity.
    pub metric: String,
    /// Technology, or `mobile`.
    pub technology: String,
    /// The least that its median is to be.
    pub at_least: u64,
    /// Which document asks for it.
    pub source: String,
}

/// A document a campaign rests on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LegalBasis {
    /// Number and sign.
    pub number: String,
    /// Day of issue.
    pub date: Date,
    /// Who issued it.
    pub issuer: String,
    /// What it is about.
    pub r#abstract: String,
}

impl Store {
    /// Stores a campaign, new or in place of the one with its id.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is.
    pub fn put_campaign(&self, campaign: &Campaign, act: Act<'_>) -> Result<()> {
        let doing = || format!("storing campaign {}", campaign.id);
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        write(&transaction, campaign).with_context(doing)?;
        let detail = json!({"name": campaign.name, "quota_tests": campaign.quota_tests,
                            "areas": campaign.areas.len()});
        audit::write(&transaction, act, "campaign.put", &campaign.id, &detail)?;
        transaction.commit().with_context(doing)
    }

    /// A campaign by its id.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn campaign(&self, id: &str) -> Result<Option<Campaign>> {
        let found = self
            .reader()
            .query_row(&format!("{SELECT} WHERE campaign_id = ?1"), [id], read)
            .optional()?;
        found.map(|campaign| self.with_areas(campaign)).transpose()
    }

    /// Every campaign, by id.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn campaigns(&self) -> Result<Vec<Campaign>> {
        let found = {
            let reader = self.reader();
            let mut statement = reader.prepare_cached(&format!("{SELECT} ORDER BY campaign_id"))?;
            let rows = statement.query_map([], read)?;
            rows.collect::<Result<Vec<_>, _>>()?
        };
        found.into_iter().map(|c| self.with_areas(c)).collect()
    }

    /// The campaign that an area belongs to; the first by id where it belongs
    /// to several.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn campaign_of(&self, area: &AreaKey) -> Result<Option<Campaign>> {
        let sql = format!(
            "{SELECT} WHERE campaign_id = (SELECT min(campaign_id) FROM campaign_areas
                                           WHERE code = ?1 AND valid_from = ?2)"
        );
        let key = params![area.code, start(area.valid_from)];
        let found = self.reader().query_row(&sql, key, read).optional()?;
        found.map(|campaign| self.with_areas(campaign)).transpose()
    }

    /// The months of a campaign that have tests, newest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn campaign_months(&self, id: &str) -> Result<Vec<String>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT DISTINCT month FROM campaign_areas
             JOIN verdicts ON area_code = code AND area_valid_from = valid_from
             WHERE campaign_id = ?1 ORDER BY month DESC",
        )?;
        let months = statement.query_map([id], |row| row.get(0))?;
        months
            .collect::<Result<_, _>>()
            .context("reading the months of a campaign")
    }

    fn with_areas(&self, campaign: Campaign) -> Result<Campaign> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT code, valid_from, quota_tests FROM campaign_areas WHERE campaign_id = ?1
             ORDER BY code, valid_from",
        )?;
        let areas = statement.query_map([&campaign.id], |row| {
            let key = AreaKey {
                code: row.get(0)?,
                valid_from: date(&row.get::<_, String>(1)?)?,
            };
            Ok((key, row.get::<_, Option<i64>>(2)?))
        })?;
        let areas: Vec<_> = areas.collect::<Result<_, _>>()?;
        let own = |(key, quota): &(AreaKey, Option<i64>)| Some((key.clone(), natural((*quota)?)));
        Ok(Campaign {
            quotas: areas.iter().filter_map(own).collect(),
            areas: areas.into_iter().map(|(key, _)| key).collect(),
            ..campaign
        })
    }
}

fn write(transaction: &Transaction<'_>, campaign: &Campaign) -> Result<()> {
    transaction.execute(
        "INSERT INTO campaigns VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (campaign_id) DO UPDATE SET name = excluded.name,
           quota_tests = excluded.quota_tests, rule = excluded.rule,
           deadline_day = excluded.deadline_day, legal_bases = excluded.legal_bases,
           terms = excluded.terms",
        params![
            campaign.id,
            campaign.name,
            integer(campaign.quota_tests),
            rule_code(campaign.rule),
            campaign.deadline_day,
            serde_json::to_string(&campaign.legal_bases)?,
            serde_json::to_string(&campaign.terms)?,
        ],
    )?;
    transaction.execute(
        "DELETE FROM campaign_areas WHERE campaign_id = ?1",
        [&campaign.id],
    )?;
    for area in &campaign.areas {
        let own = campaign.quotas.get(area).copied().map(integer);
        transaction.execute(
            "INSERT INTO campaign_areas VALUES (?1, ?2, ?3, ?4)",
            params![campaign.id, area.code, start(area.valid_from), own],
        )?;
    }
    Ok(())
}

const SELECT: &str = "SELECT campaign_id, name, quota_tests, rule, deadline_day, legal_bases, terms
                      FROM campaigns";

fn read(row: &Row<'_>) -> rusqlite::Result<Campaign> {
    let (legal_bases, terms): (String, String) = (row.get(5)?, row.get(6)?);
    Ok(Campaign {
        id: row.get(0)?,
        name: row.get(1)?,
        quota_tests: natural(row.get(2)?),
        rule: if row.get::<_, String>(3)? == rule_code(Rule::Raw) {
            Rule::Raw
        } else {
            Rule::Qualified
        },
        deadline_day: row.get(4)?,
        legal_bases: serde_json::from_str(&legal_bases).map_err(|e| unreadable(Type::Text, e))?,
        terms: serde_json::from_str(&terms).map_err(|e| unreadable(Type::Text, e))?,
        ..Campaign::default()
    })
}

const fn rule_code(rule: Rule) -> &'static str {
    match rule {
        Rule::Raw => "raw",
        Rule::Qualified => "qualified",
    }
}
