//! The calendar of a campaign's reports: when each month's are due, when units
//! are reminded, who has reported and who is late.

use anyhow::Result;
use jiff::ToSpan as _;
use jiff::civil::Date;
use metric::month::{Month, civil_date};
use serde::Serialize;
use utoipa::ToSchema;

use super::actor::Actor;
use super::unit_report::{Sheet, Standing, standings};
use crate::campaign::calendar::{REMINDERS, last_day};
use crate::centre::Centre;
use crate::store::campaign::{Campaign, Closed};
use crate::store::unit_report::ReportState;

/// Months that the calendar goes back.
const BACK: usize = 12;

/// A campaign's months and their deadlines.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Calendar {
    /// Id of the campaign.
    pub campaign: String,
    /// Day of the following month before which reports are due.
    pub deadline_day: Option<u8>,
    /// What is done where the last day is no working day.
    pub closed: Closed,
    /// Today, Vietnam's time.
    #[schema(value_type = String, format = Date)]
    pub today: Date,
    /// The months, newest first.
    pub months: Vec<DueMonth>,
}

/// A month's deadline and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DueMonth {
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Last day on which a report is in time.
    #[schema(value_type = Option<String>, required = true, example = "2024-12-09")]
    pub last_day: Option<Date>,
    /// Days on which units without a report are reminded.
    #[schema(value_type = Vec<String>)]
    pub reminders: Vec<Date>,
    /// Units that report.
    pub units: usize,
    /// Units whose report was sent or accepted.
    pub reported: usize,
    /// Units that were late, or are by now.
    pub late: Vec<Standing>,
}

/// The calendar of a campaign as an actor may see it: a coordinator's holds the
/// own unit alone.
///
/// # Errors
///
/// When the store cannot be read.
pub fn calendar(
    centre: &Centre,
    actor: &Actor,
    campaign: &Campaign,
    synthetic: bool,
) -> Result<Calendar> {
    let months = months(campaign, Month::of(centre.now()));
    let line = |month: Month| {
        let sheet = Sheet {
            campaign,
            month,
            synthetic,
        };
        line(centre, actor, sheet)
    };
    Ok(Calendar {
        campaign: campaign.id.clone(),
        deadline_day: campaign.deadline_day,
        closed: campaign.terms.closed,
        today: civil_date(centre.now()),
        months: months.into_iter().map(line).collect::<Result<_>>()?,
    })
}

/// The campaign's months up to one, newest first.
fn months(campaign: &Campaign, newest: Month) -> Vec<Month> {
    let before = |month: &Month| {
        let day = month.first_day().checked_sub(1.month()).ok()?;
        format!("{:04}-{:02}", day.year(), day.month()).parse().ok()
    };
    let back = std::iter::successors(Some(newest), before).take(BACK + 1);
    back.filter(|month| campaign.runs_in(*month)).collect()
}

fn line(centre: &Centre, actor: &Actor, sheet: Sheet<'_>) -> Result<DueMonth> {
    let mut units = standings(centre, sheet)?.units;
    units.retain(|unit| actor.may_read_report(&unit.unit).is_ok());
    let sent = |unit: &&Standing| {
        matches!(
            unit.state,
            Some(ReportState::Submitted | ReportState::Accepted)
        )
    };
    let last = last_day(sheet.campaign, sheet.month);
    let reminded = |days: &i8| last?.checked_add(i64::from(*days).days()).ok();
    Ok(DueMonth {
        month: sheet.month,
        last_day: last,
        reminders: REMINDERS.iter().filter_map(reminded).collect(),
        units: units.len(),
        reported: units.iter().filter(sent).count(),
        late: units.into_iter().filter(|unit| unit.late).collect(),
    })
}
