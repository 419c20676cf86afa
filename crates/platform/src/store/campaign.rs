//! Campaigns: who measures where, and how many tests each area owes a month.

use anyhow::{Context as _, Result};
use metric::area::AreaKey;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use super::Store;
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
}

/// A document a campaign rests on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LegalBasis {
    /// Number and sign.
    pub number: String,
    /// Day of issue.
    pub date: jiff::civil::Date,
    /// Who issued it.
    pub issuer: String,
    /// What it is about.
    pub r#abstract: String,
}

impl Store {
    /// Stores a new campaign.
    ///
    /// # Errors
    ///
    /// When the id is taken or the store cannot be written; then nothing is.
    pub fn add_campaign(&self, campaign: &Campaign) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction.execute(
            "INSERT INTO campaigns VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                campaign.id,
                campaign.name,
                integer(campaign.quota_tests),
                rule_code(campaign.rule),
                campaign.deadline_day,
                serde_json::to_string(&campaign.legal_bases)?,
            ],
        )?;
        for area in &campaign.areas {
            transaction.execute(
                "INSERT INTO campaign_areas VALUES (?1, ?2, ?3)",
                params![campaign.id, area.code, start(area.valid_from)],
            )?;
        }
        transaction
            .commit()
            .with_context(|| format!("storing campaign {}", campaign.id))
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
            "SELECT code, valid_from FROM campaign_areas WHERE campaign_id = ?1
             ORDER BY code, valid_from",
        )?;
        let areas = statement.query_map([&campaign.id], |row| {
            Ok(AreaKey {
                code: row.get(0)?,
                valid_from: date(&row.get::<_, String>(1)?)?,
            })
        })?;
        let areas = areas.collect::<Result<_, _>>()?;
        Ok(Campaign { areas, ..campaign })
    }
}

const SELECT: &str = "SELECT campaign_id, name, quota_tests, rule, deadline_day, legal_bases
                      FROM campaigns";

fn read(row: &Row<'_>) -> rusqlite::Result<Campaign> {
    let legal_bases: String = row.get(5)?;
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
        areas: vec![],
    })
}

const fn rule_code(rule: Rule) -> &'static str {
    match rule {
        Rule::Raw => "raw",
        Rule::Qualified => "qualified",
    }
}
