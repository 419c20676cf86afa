//! `ispeed campaign`: definitions in, and what follows from them.

mod month;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use metric::month::Month;
use platform::Centre;
use platform::campaign::calendar::last_day;
use platform::campaign::{Difference, differences};
use platform::organisation::units;
use platform::statistics::valid_in;
use platform::store::campaign::Campaign;
use serde_json::json;

use crate::centre::{named_campaign, open, print, read};
use crate::cli::{CampaignCommand, StoreArgs};
use crate::organisation::CONSOLE;
use crate::unit_report;

pub(crate) fn campaign(command: &CampaignCommand) -> anyhow::Result<ExitCode> {
    match command {
        CampaignCommand::Import {
            file,
            preview,
            replace,
            store,
        } => import(file, *preview, *replace, store),
        CampaignCommand::List { store } => list(store),
        CampaignCommand::Show { id, month, store } => show(id, *month, store),
        CampaignCommand::Reports {
            id,
            late,
            month,
            store,
        } => unit_report::list(id, *late, month, store),
        CampaignCommand::Report(args) => unit_report::report(args),
        CampaignCommand::Remind {
            id,
            confirm,
            synthetic,
            store,
        } => month::remind(id, *confirm, *synthetic, store),
        CampaignCommand::Progress { id, month, store } => month::progress(id, month, store),
        CampaignCommand::Reconcile { id, month, store } => month::reconcile(id, month, store),
        CampaignCommand::Sheet { id, revoke, store } => month::sheet(id, *revoke, store),
    }
}

fn import(
    file: &Path,
    preview: bool,
    replace: bool,
    store: &StoreArgs,
) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = centre.read_campaign(&read(file)?);
    let campaign = campaign.with_context(|| format!("in {}", file.display()))?;
    let before = centre.store().campaign(&campaign.id)?;
    let changes = before.as_ref().map(|before| differences(before, &campaign));
    if !preview && before.is_some() && !replace {
        let id = &campaign.id;
        bail!("campaign id {id:?} is taken; choose another, or give --replace to change that one");
    }
    if !preview {
        centre.put_campaign(&campaign, CONSOLE)?;
    }
    let value = json!({"id": campaign.id, "areas": campaign.areas.len(), "changes": changes,
                       "imported": !preview});
    print(store, &value, &told(&campaign, changes.as_deref(), preview))
}

fn told(campaign: &Campaign, changes: Option<&[Difference]>, preview: bool) -> String {
    let done = match (preview, changes) {
        (true, None) => "is new and without mistakes; nothing was changed",
        (true, Some(_)) => "would change; nothing was changed",
        (false, None) => "was imported",
        (false, Some(_)) => "was replaced",
    };
    let mut text = format!(
        "Campaign {} with {} areas {done}",
        campaign.id,
        campaign.areas.len()
    );
    for Difference { key, before, after } in changes.unwrap_or_default() {
        text += &format!("\n  {key}: {before} -> {after}");
    }
    text
}

fn list(store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let campaigns = open(store)?.store().campaigns()?;
    let line = |c: &Campaign| format!("{}  {}  {} tests a month", c.id, c.name, c.quota_tests);
    let text: Vec<_> = campaigns.iter().map(line).collect();
    let value = |c: &Campaign| json!({"id": c.id, "name": c.name, "quota": c.quota_tests});
    let values: Vec<_> = campaigns.iter().map(value).collect();
    print(store, &json!({"campaigns": values}), &text.join("\n"))
}

fn show(id: &str, month: Option<Month>, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, id)?;
    let month = month.unwrap_or_else(|| Month::of(centre.now()));
    let (areas, text) = areas(&centre, &campaign, month);
    let organisations = centre.store().organisations()?;
    let units = units(&organisations, &campaign, month);
    let last = last_day(&campaign, month);
    let due = last.map_or_else(
        || "no deadline".into(),
        |day| format!("reports until {day}"),
    );
    let names: Vec<_> = units.iter().map(|unit| format!("  {unit}")).collect();
    let text = format!(
        "{}  {}  {month}: {due}\n{text}\n{} units report:\n{}",
        campaign.id,
        campaign.name,
        units.len(),
        names.join("\n")
    );
    let value = json!({
        "id": campaign.id, "name": campaign.name, "month": month, "rule": campaign.rule,
        "runs": campaign.runs_in(month), "last_day": last, "areas": areas, "units": units,
        "terms": campaign.terms, "legal_bases": campaign.legal_bases,
    });
    print(store, &value, &text)
}

/// The areas of the month with what they owe, as JSON and as text.
fn areas(centre: &Centre, campaign: &Campaign, month: Month) -> (serde_json::Value, String) {
    let index = centre.areas();
    let mut areas = valid_in(index.areas(), month);
    areas.retain(|area| campaign.areas.contains(&area.key));
    let owed = areas
        .iter()
        .map(|area| (area, campaign.quota_of(&area.key)));
    let line = |(area, quota): (&&platform::area::Area, u64)| {
        format!("  {}  {}  {quota} tests", area.key.code, area.full_name)
    };
    let value = |(area, quota): (&&platform::area::Area, u64)| {
        json!({"code": area.key.code, "valid_from": area.key.valid_from,
               "full_name": area.full_name, "quota": quota})
    };
    let lines: Vec<_> = owed.clone().map(line).collect();
    let values: Vec<_> = owed.map(value).collect();
    (values.into(), lines.join("\n"))
}
