//! The month's report of each unit: what was done to it, in order.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use metric::area::AreaKey;
use metric::month::Month;
use rusqlite::types::Type;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Store;
use super::audit::{self, Act};
use super::edge::{instant, micros, natural, unreadable};
use super::member::UnitDuty;

/// Where a report stands.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// The unit writes it.
    Draft,
    /// The unit has sent it.
    Submitted,
    /// The office wants it corrected.
    Returned,
    /// The office has taken it.
    Accepted,
}

impl ReportState {
    /// As in columns and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Returned => "returned",
            Self::Accepted => "accepted",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        let all = [Self::Draft, Self::Submitted, Self::Returned, Self::Accepted];
        all.into_iter().find(|state| state.code() == code)
    }
}

/// What a report holds.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReportBody {
    /// What the system knew when it was written.
    pub figures: UnitFigures,
    /// What the unit wrote.
    pub written: Written,
}

/// What the system knows of a unit's month.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct UnitFigures {
    /// Of the ward that the unit governs.
    pub ward: Option<WardFigures>,
    /// Of its members.
    pub duty: UnitDuty,
}

/// What counts for a ward's quota.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WardFigures {
    /// The ward.
    #[schema(value_type = Object)]
    pub area: AreaKey,
    /// Its name.
    pub full_name: String,
    /// Tests owed.
    pub quota: u64,
    /// Tests that count.
    pub counted: u64,
    /// Devices behind them.
    pub devices: u64,
    /// Tests still owed.
    pub shortfall: u64,
}

/// What a unit adds to the figures.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// People who were told of the campaign, where the unit counted them.
    pub people_informed: Option<u64>,
    /// Posts, broadcasts and meetings, where the unit counted them.
    pub announcements: Option<u64>,
    /// What was done.
    pub remarks: String,
    /// What stood in the way.
    pub difficulties: String,
    /// What the unit proposes.
    pub proposals: String,
}

/// Which report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReportKey {
    /// Campaign.
    pub campaign: String,
    /// The month.
    pub month: Month,
    /// Code of the unit.
    pub organisation: String,
    /// Of a simulated month.
    pub synthetic: bool,
}

/// Something that was done to a report.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReportEvent {
    /// Its number, from 1.
    pub number: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// Where the report stands since.
    pub state: ReportState,
    /// Why it was returned.
    pub note: Option<String>,
    /// What it holds.
    #[serde(flatten)]
    pub body: ReportBody,
}

impl Store {
    /// What was done to a report, in order.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn report_events(&self, key: &ReportKey) -> Result<Vec<ReportEvent>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT number, at_us, who, state, note, body FROM unit_report_events
             WHERE campaign_id = ?1 AND month = ?2 AND organisation = ?3 AND synthetic = ?4
             ORDER BY number",
        )?;
        let month = key.month.to_string();
        let key = params![key.campaign, month, key.organisation, key.synthetic];
        let rows = statement.query_map(key, event)?;
        rows.collect::<Result<_, _>>()
            .context("reading a unit's report")
    }

    /// Adds what was done to a report, if `after` is still the number of the
    /// last event (0: there is none); says whether it was.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn add_report_event(
        &self,
        key: &ReportKey,
        after: u64,
        (state, note): (ReportState, Option<&str>),
        body: &ReportBody,
        act: Act<'_>,
    ) -> Result<bool> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let month = key.month.to_string();
        let last: i64 = transaction.query_row(
            "SELECT ifnull(max(number), 0) FROM unit_report_events
             WHERE campaign_id = ?1 AND month = ?2 AND organisation = ?3 AND synthetic = ?4",
            params![key.campaign, month, key.organisation, key.synthetic],
            |row| row.get(0),
        )?;
        if natural(last) != after {
            return Ok(false);
        }
        transaction.execute(
            "INSERT INTO unit_report_events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                key.campaign,
                month,
                key.organisation,
                key.synthetic,
                last + 1,
                micros(act.at),
                act.who,
                state.code(),
                note,
                serde_json::to_string(body)?
            ],
        )?;
        let subject = format!("{}/{month}/{}", key.campaign, key.organisation);
        let detail = json!({"state": state, "number": last + 1, "synthetic": key.synthetic});
        audit::write(&transaction, act, "report.move", &subject, &detail)?;
        transaction.commit().context("storing a unit's report")?;
        Ok(true)
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<ReportEvent> {
    let (state, body): (String, String) = (row.get(3)?, row.get(5)?);
    Ok(ReportEvent {
        number: natural(row.get(0)?),
        at: instant(row.get(1)?)?,
        who: row.get(2)?,
        state: ReportState::from_code(&state).unwrap_or(ReportState::Draft),
        note: row.get(4)?,
        body: serde_json::from_str(&body).map_err(|e| unreadable(Type::Text, e))?,
    })
}
