//! A campaign's month: progress, reconciliation, reminders, the shared sheet.

use std::process::ExitCode;

use anyhow::Context as _;
use platform::office::progress::{self, WardProgress};
use platform::office::reconcile::{self, Reconciled};
use platform::office::reminder::{Reminder, Sent, due, send};
use platform::office::secret;
use platform::store::audit::Act;
use serde_json::json;

use crate::centre::{named_campaign, open, print};
use crate::cli::{MonthArg, StoreArgs};
use crate::organisation::CONSOLE;

pub(super) fn remind(
    id: &str,
    confirm: bool,
    synthetic: bool,
    store: &StoreArgs,
) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, id)?;
    let at = centre.now();
    let reminders = due(&centre, &campaign, at, synthetic)?;
    if !confirm {
        let line = |reminder: &Reminder| {
            let to = if reminder.to.is_some() {
                ""
            } else {
                "  (no address known)"
            };
            format!("  {}  {}{to}\n", reminder.whom, reminder.subject)
        };
        let lines: String = reminders.iter().map(line).collect();
        let text = format!(
            "{lines}{} are due; give --confirm to send them",
            reminders.len()
        );
        return print(store, &json!({"due": reminders, "sent": false}), &text);
    }
    let mail = centre.config().mail.as_ref();
    let mail = mail.context("no [centre.mail] in the configuration; see deploy/ispeed.toml")?;
    let done = send(&centre, mail, &reminders, at)?;
    print(store, &json!(done), &sent(&done))?;
    Ok(if done.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn sent(done: &Sent) -> String {
    let mut text = format!(
        "{} sent, {} without an address, {} not taken",
        done.sent,
        done.without_address.len(),
        done.failed.len()
    );
    for (whom, why) in &done.failed {
        text += &format!("\n  {whom}: {why}");
    }
    text
}

pub(super) fn progress(id: &str, month: &MonthArg, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, id)?;
    let sheet = month.of(&campaign);
    let wards = progress::progress(&centre, sheet)?;
    let units = progress::units(&centre, sheet)?;
    let lines: Vec<_> = wards.wards.iter().map(ward).collect();
    let value = json!({"wards": wards, "units": units});
    print(store, &value, &lines.join("\n"))
}

fn ward(ward: &WardProgress) -> String {
    let projection = ward.projection;
    let needed = projection
        .needed_per_day
        .map(|n| format!(", {n:.1} a day needed"));
    format!(
        "{}  {}  {} of {} ({} devices); ends at {} ({}-{}), {:.0} % likely to reach it{}",
        ward.area.code,
        ward.area.full_name,
        ward.counts.counted,
        ward.quota,
        ward.counts.devices,
        projection.expected,
        projection.range[0],
        projection.range[1],
        projection.probability * 100.0,
        needed.unwrap_or_default()
    )
}

pub(super) fn reconcile(id: &str, month: &MonthArg, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, id)?;
    let sheet = month.of(&campaign);
    let counts = reconcile::reconcile(&centre, sheet)?;
    let mut lines: Vec<_> = counts.iter().map(reconciled).collect();
    if lines.is_empty() {
        lines.push(format!(
            "No official counts of {}; see ispeed import official",
            month.month
        ));
    }
    print(store, &json!({"counts": counts}), &lines.join("\n"))
}

fn reconciled(count: &Reconciled) -> String {
    let mut text = format!(
        "{}  {}: official {} ({}), ours {}, difference {:+}",
        count.area.code,
        count.area.full_name,
        count.official,
        count.provenance,
        count.ours,
        count.difference
    );
    for step in &count.steps {
        text += &format!("\n    {:+}  {}: {}", step.tests, step.by, step.text);
    }
    text + &format!("\n    {:+}  unexplained", count.unexplained)
}

pub(super) fn sheet(id: &str, revoke: bool, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, id)?;
    if revoke {
        let act = Act {
            who: CONSOLE,
            at: centre.now(),
        };
        let ended = centre.store().revoke_sheet_links(&campaign.id, act)?;
        let text = format!("{ended} addresses of the table were ended");
        return print(store, &json!({"ended": ended}), &text);
    }
    let path = secret::sheet_path(&centre, &campaign, CONSOLE)?;
    print(
        store,
        &json!({"campaign": campaign.id, "path": path}),
        &path,
    )
}
