//! `ispeed campaign reports` and `report`: the month's reports of the units.

use std::process::ExitCode;

use platform::office::actor::Actor;
use platform::office::unit_report::{Form, Standing, Step, form, standings, step};
use platform::store::unit_report::{UnitFigures, Written};
use serde_json::json;

use crate::centre::{named_campaign, open, print};
use crate::cli::{MonthArg, StoreArgs, UnitReportArgs};

pub(crate) fn list(
    id: &str,
    late: bool,
    month: &MonthArg,
    store: &StoreArgs,
) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, id)?;
    let sheet = month.of(&campaign);
    let mut found = standings(&centre, sheet)?;
    found.units.retain(|unit| unit.late || !late);
    let lines: Vec<_> = found.units.iter().map(line).collect();
    print(store, &json!(found), &lines.join("\n"))
}

fn line(unit: &Standing) -> String {
    let state = unit.state.map_or("not begun", |state| state.code());
    let late = if unit.late { "  LATE" } else { "" };
    format!("{}  {state}{late}  {}", unit.unit, unit.name)
}

pub(crate) fn report(args: &UnitReportArgs) -> anyhow::Result<ExitCode> {
    let centre = open(&args.store)?;
    let campaign = named_campaign(&centre, &args.id)?;
    let sheet = args.month.of(&campaign);
    let actor = Actor::console();
    let mut shown = form(&centre, &actor, sheet, &args.unit)?;
    if let Some(wanted) = wanted(args, &shown) {
        shown = step(&centre, &actor, sheet, &args.unit, &wanted)?;
    }
    print(&args.store, &json!(shown), &told(&shown))
}

/// What is to be done, after what is there.
fn wanted(args: &UnitReportArgs, shown: &Form) -> Option<Step> {
    let after = shown.history.last().map_or(0, |event| event.number);
    if let Some(note) = args.note.clone() {
        return Some(Step::Return { after, note });
    }
    let written = written(args, &shown.written);
    match (args.save, args.submit, args.accept) {
        (true, ..) => Some(Step::Save { after, written }),
        (_, true, _) => Some(Step::Submit { after, written }),
        (.., true) => Some(Step::Accept { after }),
        _ => None,
    }
}

/// What was written before, with what the flags say over it.
fn written(args: &UnitReportArgs, before: &Written) -> Written {
    let text =
        |flag: &Option<String>, before: &String| flag.clone().unwrap_or_else(|| before.clone());
    Written {
        people_informed: args.people_informed.or(before.people_informed),
        announcements: args.announcements.or(before.announcements),
        remarks: text(&args.remarks, &before.remarks),
        difficulties: text(&args.difficulties, &before.difficulties),
        proposals: text(&args.proposals, &before.proposals),
    }
}

fn told(form: &Form) -> String {
    let state = form.state.map_or("not begun", |state| state.code());
    let due = form
        .last_day
        .map_or_else(|| "no deadline".into(), |day| format!("due {day}"));
    let late = if form.late { ", late" } else { "" };
    let mut text = format!("{}  {}: {state}, {due}{late}\n", form.unit, form.month);
    text += &figures(&form.figures);
    for event in &form.history {
        let note = event
            .note
            .as_ref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        text += &format!(
            "\n  {}  {}  {}{note}",
            event.at,
            event.state.code(),
            event.who
        );
    }
    text
}

fn figures(figures: &UnitFigures) -> String {
    let duty = figures.duty;
    let ward = figures.ward.as_ref().map(|ward| {
        format!(
            "{}: {} of {} tests, {} devices, {} short\n",
            ward.full_name, ward.counted, ward.quota, ward.devices, ward.shortfall
        )
    });
    format!(
        "{}{} members, {} of them active, {} days of duty, {} tests",
        ward.unwrap_or_default(),
        duty.members,
        duty.active,
        duty.member_days,
        duty.tests
    )
}
