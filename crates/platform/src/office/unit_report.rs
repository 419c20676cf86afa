//! The month's report of a unit: pre-filled, written, submitted, returned or
//! accepted; and who is late.

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::Date;
use metric::month::{Month, civil_date};
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::{Refused, Why};
use crate::campaign::calendar::{deadline, last_day};
use crate::centre::Centre;
use crate::organisation;
use crate::statistics;
use crate::store::audit::Act;
use crate::store::campaign::Campaign;
use crate::store::organisation::Organisation;
use crate::store::unit_report::{
    ReportBody, ReportEvent, ReportKey, ReportState, UnitFigures, WardFigures, Written,
};

/// A campaign's month, and whether that of a simulation.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// The campaign.
    pub campaign: &'a Campaign,
    /// The month.
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
}

/// The form of a unit's report.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Form {
    /// The unit.
    pub unit: Organisation,
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Where it stands; absent before the first draft.
    pub state: Option<ReportState>,
    /// Last day on which it is in time.
    #[schema(value_type = Option<String>, required = true, example = "2024-12-09")]
    pub last_day: Option<Date>,
    /// Whether it was first submitted late, or is not there and late by now.
    pub late: bool,
    /// What the system knows now.
    pub figures: UnitFigures,
    /// What the unit wrote last.
    pub written: Written,
    /// What was done to it, in order; the number of the last goes with a change.
    pub history: Vec<ReportEvent>,
}

/// What somebody wants to do with a report.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// The unit keeps what it wrote.
    Save {
        /// Number of the last event that was seen, 0 where there was none.
        after: u64,
        /// What it wrote.
        written: Written,
    },
    /// The unit sends it, with the figures of this moment.
    Submit {
        /// Number of the last event that was seen, 0 where there was none.
        after: u64,
        /// What it wrote.
        written: Written,
    },
    /// The office wants it corrected.
    Return {
        /// Number of the last event that was seen.
        after: u64,
        /// What is to be corrected.
        note: String,
    },
    /// The office takes it.
    Accept {
        /// Number of the last event that was seen.
        after: u64,
    },
}

/// Letters of a field that a unit writes.
const MOST_LETTERS: usize = 5_000;

/// A unit that has to report in a month.
///
/// # Errors
///
/// [`Refused`] where it has not, or the month is not one of the campaign's.
pub fn unit_of(centre: &Centre, sheet: Sheet<'_>, unit: &str) -> Result<Organisation> {
    check_month(centre, sheet)?;
    let organisations = centre.store().organisations()?;
    let units = organisation::units(&organisations, sheet.campaign, sheet.month);
    let found = units.into_iter().find(|o| o.code == unit).cloned();
    found.ok_or_else(|| {
        let Sheet {
            campaign, month, ..
        } = sheet;
        let what = format!(
            "{unit:?} has no report to make for {} in {month}",
            campaign.name
        );
        let remedy = "see the units of the month";
        Refused::new((Why::Unknown, "unknown_unit"), "unit", what, remedy).into()
    })
}

fn check_month(centre: &Centre, sheet: Sheet<'_>) -> Result<()> {
    let Sheet {
        campaign, month, ..
    } = sheet;
    let wrong = |what: String, remedy| {
        let refused = Refused::new((Why::Wrong, "month_invalid"), "month", what, remedy);
        Err(refused.into())
    };
    if month > Month::of(centre.now()) {
        return wrong(
            format!("{month} is in the future"),
            "take a month that has begun",
        );
    }
    if !campaign.runs_in(month) {
        let what = format!("{month} is not a month of {}", campaign.name);
        return wrong(what, "take a month of the campaign");
    }
    Ok(())
}

/// The form of a unit's report, with the figures of this moment.
///
/// # Errors
///
/// [`Refused`] where the actor may not see it or the unit has none; or the
/// store cannot be read.
pub fn form(centre: &Centre, actor: &Actor, sheet: Sheet<'_>, unit: &str) -> Result<Form> {
    actor.may_read_report(unit)?;
    let unit = unit_of(centre, sheet, unit)?;
    let history = centre.store().report_events(&key(sheet, &unit.code))?;
    let last = history.last();
    Ok(Form {
        month: sheet.month,
        synthetic: sheet.synthetic,
        state: last.map(|event| event.state),
        last_day: last_day(sheet.campaign, sheet.month),
        late: late(sheet, &history, centre.now()),
        figures: figures(centre, sheet, &unit)?,
        written: last
            .map(|event| event.body.written.clone())
            .unwrap_or_default(),
        history,
        unit,
    })
}

fn key(sheet: Sheet<'_>, unit: &str) -> ReportKey {
    ReportKey {
        campaign: sheet.campaign.id.clone(),
        month: sheet.month,
        organisation: unit.to_owned(),
        synthetic: sheet.synthetic,
    }
}

/// When a report was first submitted.
fn first_submitted(history: &[ReportEvent]) -> Option<Timestamp> {
    let mut sent = history
        .iter()
        .filter(|event| event.state == ReportState::Submitted);
    sent.next().map(|event| event.at)
}

fn late(sheet: Sheet<'_>, history: &[ReportEvent], now: Timestamp) -> bool {
    let sent = first_submitted(history).unwrap_or(now);
    deadline(sheet.campaign, sheet.month).is_some_and(|deadline| sent >= deadline)
}

/// What the system knows of a unit's month.
///
/// # Errors
///
/// When the store cannot be read.
pub fn figures(centre: &Centre, sheet: Sheet<'_>, unit: &Organisation) -> Result<UnitFigures> {
    let Sheet {
        campaign,
        month,
        synthetic,
    } = sheet;
    let owed = campaign.terms.duty_tests_a_day;
    let duty = centre
        .store()
        .unit_duty(&campaign.id, &unit.code, month, owed, synthetic)?;
    let ward = ward(centre, sheet, unit)?;
    Ok(UnitFigures { ward, duty })
}

fn ward(centre: &Centre, sheet: Sheet<'_>, unit: &Organisation) -> Result<Option<WardFigures>> {
    let Some(code) = &unit.area_code else {
        return Ok(None);
    };
    let index = centre.areas();
    let mut valid = statistics::valid_in(index.areas(), sheet.month).into_iter();
    let own = |area: &&crate::area::Area| {
        area.key.code == *code && sheet.campaign.areas.contains(&area.key)
    };
    let Some(area) = valid.rfind(own) else {
        return Ok(None);
    };
    let counts = statistics::counts_of(
        centre.store(),
        area,
        sheet.month,
        sheet.campaign.rule,
        sheet.synthetic,
    )?;
    let quota = sheet.campaign.quota_of(&area.key);
    Ok(Some(WardFigures {
        area: area.key.clone(),
        full_name: area.full_name.clone(),
        quota,
        counted: counts.counted,
        devices: counts.devices,
        shortfall: quota.saturating_sub(counts.counted),
    }))
}

/// Does something with a report, and shows it as it is then.
///
/// # Errors
///
/// [`Refused`] where the actor may not, the report does not stand where the
/// step begins, or somebody else was faster; or the store fails.
pub fn step(
    centre: &Centre,
    actor: &Actor,
    sheet: Sheet<'_>,
    unit: &str,
    step: &Step,
) -> Result<Form> {
    match step {
        Step::Save { .. } | Step::Submit { .. } => actor.may_write_report(unit)?,
        Step::Return { .. } | Step::Accept { .. } => actor.may_judge_reports()?,
    }
    let unit = unit_of(centre, sheet, unit)?;
    let key = key(sheet, &unit.code);
    let history = centre.store().report_events(&key)?;
    let last = history.last();
    let (after, state, note) = moved(last.map(|event| event.state), step)?;
    let body = match step {
        Step::Save { written, .. } | Step::Submit { written, .. } => {
            check_written(written)?;
            if state == ReportState::Submitted {
                check_over(centre, sheet.month)?;
            }
            ReportBody {
                figures: figures(centre, sheet, &unit)?,
                written: written.clone(),
            }
        }
        Step::Return { .. } | Step::Accept { .. } => {
            last.map(|event| event.body.clone()).unwrap_or_default()
        }
    };
    let act = Act {
        who: &actor.name,
        at: centre.now(),
    };
    let done = centre
        .store()
        .add_report_event(&key, after, (state, note), &body, act)?;
    if !done {
        let what = format!("after is {after}, and somebody has changed the report since");
        let remedy = "load it again, and do it again if it is still wanted";
        return Err(Refused::new((Why::Conflict, "report_changed"), "after", what, remedy).into());
    }
    form(centre, actor, sheet, &unit.code)
}

type Moved<'a> = (u64, ReportState, Option<&'a str>);

/// Where a step leads, if it may begin where the report stands.
fn moved(from: Option<ReportState>, step: &Step) -> Result<Moved<'_>> {
    use ReportState::{Accepted, Draft, Returned, Submitted};
    let (after, to, note, name) = match step {
        Step::Save { after, .. } => (*after, Draft, None, "saved"),
        Step::Submit { after, .. } => (*after, Submitted, None, "submitted"),
        Step::Return { after, note } => (*after, Returned, Some(note.trim()), "returned"),
        Step::Accept { after } => (*after, Accepted, None, "accepted"),
    };
    let fits = match to {
        Draft | Submitted => matches!(from, None | Some(Draft | Returned)),
        Returned => matches!(from, Some(Submitted | Accepted)),
        Accepted => from == Some(Submitted),
    };
    if !fits {
        let stands = from.map_or("not begun", ReportState::code);
        let what = format!("the report is {stands} and cannot be {name}");
        let remedy = "a submitted report is changed after the office has returned it";
        return Err(Refused::new((Why::Conflict, "report_state"), "step", what, remedy).into());
    }
    // What is saved again after it came back is still being corrected.
    let to = if to == Draft && from == Some(Returned) {
        Returned
    } else {
        to
    };
    if note.is_some_and(str::is_empty) {
        let what = "is empty";
        let remedy = "say what the unit is to correct";
        return Err(Refused::new((Why::Wrong, "note_missing"), "note", what, remedy).into());
    }
    Ok((after, to, note))
}

fn check_written(written: &Written) -> Result<()> {
    for (field, text) in [
        ("written.remarks", &written.remarks),
        ("written.difficulties", &written.difficulties),
        ("written.proposals", &written.proposals),
    ] {
        let letters = text.chars().count();
        let controls = text.chars().any(|c| c.is_control() && c != '\n');
        if letters > MOST_LETTERS || controls {
            let what = format!("{letters} letters, expected at most {MOST_LETTERS} of plain text");
            let remedy = "shorten it, or send the rest as a letter";
            return Err(Refused::new((Why::Wrong, "text_invalid"), field, what, remedy).into());
        }
    }
    Ok(())
}

fn check_over(centre: &Centre, month: Month) -> Result<()> {
    if civil_date(centre.now()) > month.last_day() {
        return Ok(());
    }
    let what = format!("{month} is not over, so its figures are not final");
    let remedy = "save it now, and submit it after the last day";
    Err(Refused::new((Why::Wrong, "month_not_over"), "month", what, remedy).into())
}

/// Where a unit's report stands.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Standing {
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// Where its report stands; absent before the first draft.
    pub state: Option<ReportState>,
    /// When it was first submitted.
    #[schema(value_type = Option<String>, required = true, format = DateTime)]
    pub submitted_at: Option<Timestamp>,
    /// Whether it was late, or is by now.
    pub late: bool,
}

/// The reports of all units in a month.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Standings {
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Last day on which a report is in time.
    #[schema(value_type = Option<String>, required = true, example = "2024-12-09")]
    pub last_day: Option<Date>,
    /// One line for each unit.
    pub units: Vec<Standing>,
}

/// Where the reports of all units stand.
///
/// # Errors
///
/// [`Refused`] where the month is not one of the campaign's; or the store
/// cannot be read.
pub fn standings(centre: &Centre, sheet: Sheet<'_>) -> Result<Standings> {
    check_month(centre, sheet)?;
    let organisations = centre.store().organisations()?;
    let units = organisation::units(&organisations, sheet.campaign, sheet.month);
    let line = |unit: &&Organisation| {
        let history = centre.store().report_events(&key(sheet, &unit.code))?;
        Ok(Standing {
            unit: unit.code.clone(),
            name: unit.name.clone(),
            state: history.last().map(|event| event.state),
            submitted_at: first_submitted(&history),
            late: late(sheet, &history, centre.now()),
        })
    };
    Ok(Standings {
        month: sheet.month,
        synthetic: sheet.synthetic,
        last_day: last_day(sheet.campaign, sheet.month),
        units: units.iter().map(line).collect::<Result<_>>()?,
    })
}
