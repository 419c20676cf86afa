//! A campaign's month: progress, reconciliation, reminders, the shared sheet.

use std::process::ExitCode;

use anyhow::Context as _;
use platform::office::progress::{self, WardProgress};
use platform::office::push::{self, Nudge, Pushed};
use platform::office::reconcile::{self, Reconciled};
use platform::office::reminder::{Reminder, Sent, due, send};
use platform::office::secret;
use platform::store::audit::Act;
use serde_json::json;

use crate::centre::{named_campaign, open, print};
use crate::cli::{MonthArg, StoreArgs};
use crate::organisation::CONSOLE;
use crate::push::deliver;

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
    let nudges = push::due(&centre, &campaign, at, synthetic)?;
    if !confirm {
        let text = format!(
            "{}{} are due; give --confirm to send them",
            foreseen(&reminders, &nudges),
            reminders.len() + nudges.len()
        );
        let value = json!({"due": reminders, "devices": nudges, "sent": false});
        return print(store, &value, &text);
    }
    let devices = match &centre.config().push {
        Some(settings) => {
            let private = settings.allow_private;
            push::send(&centre, &nudges, at, |request| deliver(request, private))?
        }
        None => Pushed::default(),
    };
    // Where only devices are reminded, no mail server is needed.
    let mail = match &centre.config().mail {
        None if reminders.is_empty() && centre.config().push.is_some() => Sent::default(),
        mail => {
            let missing = "no [centre.mail] in the configuration; see deploy/ispeed.toml";
            send(&centre, mail.as_ref().context(missing)?, &reminders, at)?
        }
    };
    let text = sent(&mail, &devices);
    let mut value = json!(mail);
    value["devices"] = json!(devices);
    print(store, &value, &text)?;
    let all = mail.failed.is_empty() && devices.failed.is_empty();
    Ok(if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn foreseen(reminders: &[Reminder], nudges: &[Nudge]) -> String {
    let mail = |reminder: &Reminder| {
        let to = if reminder.to.is_some() {
            ""
        } else {
            "  (no address known)"
        };
        format!("  {}  {}{to}\n", reminder.whom, reminder.subject)
    };
    let device = |nudge: &Nudge| format!("  {}  on the device: {}\n", nudge.whom, nudge.text);
    let lines: String = reminders.iter().map(mail).collect();
    lines + &nudges.iter().map(device).collect::<String>()
}

fn sent(mail: &Sent, devices: &Pushed) -> String {
    let mut text = format!(
        "{} sent, {} without an address, {} to devices, {} devices gone, {} not taken",
        mail.sent,
        mail.without_address.len(),
        devices.sent,
        devices.gone.len(),
        mail.failed.len() + devices.failed.len()
    );
    for (whom, why) in mail.failed.iter().chain(&devices.failed) {
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
