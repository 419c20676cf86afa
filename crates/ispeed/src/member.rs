//! `ispeed member`: rosters, links, the daily duty.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use platform::office::actor::Actor;
use platform::office::member::{Line, UnitMembers, Wish, enrol, of_unit, unit_link, unit_name};
use platform::office::roster;
use platform::store::audit::Act;
use serde_json::json;

use crate::centre::{named_campaign, open, print};
use crate::cli::{ListArgs, MemberCommand, MonthArg, StoreArgs};
use crate::organisation::{CONSOLE, outcome, status};

pub(crate) fn member(command: &MemberCommand) -> anyhow::Result<ExitCode> {
    match command {
        MemberCommand::Import { campaign, list } => import(&campaign.id, list),
        MemberCommand::Export {
            file,
            campaign,
            store,
        } => export(file, &campaign.id, store),
        MemberCommand::Link {
            unit,
            revoke,
            campaign,
            store,
        } => link(unit, *revoke, &campaign.id, store),
        MemberCommand::Join {
            code,
            device,
            consent,
            email,
            store,
        } => {
            let wish = Wish {
                code: code.clone(),
                device: device.clone(),
                consents: consent.clone(),
                email: email.clone(),
            };
            let welcome = enrol(&open(store)?, &wish)?;
            let text = format!(
                "Member {}; the token, told this once:\n{}",
                welcome.number, welcome.token
            );
            print(store, &json!(welcome), &text)
        }
        MemberCommand::List {
            unit,
            month,
            campaign,
            store,
        } => list(unit, month, &campaign.id, store),
        MemberCommand::Erase {
            unit,
            number,
            confirm,
            campaign,
            store,
        } => erase((unit, *number), *confirm, &campaign.id, store),
    }
}

fn import(campaign: &str, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let name = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("reading {name}"))?;
    let centre = open(&args.store)?;
    let campaign = named_campaign(&centre, campaign)?;
    let console = Actor::console();
    let plan = roster::import(&centre, &console, &campaign, &bytes, args.confirm);
    let plan = plan.with_context(|| format!("in {name}"))?;
    let mut value = serde_json::to_value(&plan)?;
    value["imported"] = json!(args.confirm && plan.mistakes.is_empty());
    let text = format!(
        "{name}: {} new, {} changed, {} unchanged in {} units, {} mistakes\n{}",
        plan.added,
        plan.changed,
        plan.unchanged,
        plan.units.len(),
        plan.mistakes.len(),
        outcome(&plan.mistakes, args.confirm)
    );
    print(&args.store, &value, &text)?;
    Ok(status(&plan.mistakes))
}

fn export(file: &Path, campaign: &str, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, campaign)?;
    let members = centre.store().all_members(&campaign.id)?;
    let bytes = match file.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => roster::to_csv(&members)?,
        Some("xlsx") => roster::to_xlsx(&members)?,
        _ => bail!(
            "{}: expected a name that ends in .csv or .xlsx",
            file.display()
        ),
    };
    std::fs::write(file, bytes).with_context(|| format!("writing {}", file.display()))?;
    let listed = members.iter().filter(|m| m.staff_code.is_some()).count();
    let text = format!(
        "{}: {listed} members; {} came by a link and are numbered only",
        file.display(),
        members.len() - listed
    );
    print(store, &json!({"members": listed}), &text)
}

fn link(unit: &str, revoke: bool, campaign: &str, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, campaign)?;
    if revoke {
        let act = Act {
            who: CONSOLE,
            at: centre.now(),
        };
        let ended = centre.store().revoke_unit_codes(&campaign.id, unit, act)?;
        let text = format!("{ended} links of {unit} were ended; its members stay");
        return print(store, &json!({"unit": unit, "ended": ended}), &text);
    }
    let code = unit_link(&centre, &campaign, unit, CONSOLE)?;
    let name = unit_name(&centre, unit)?;
    let value = json!({"unit": unit, "name": name, "code": code, "path": format!("/j/{code}")});
    print(store, &value, &format!("{name}: /j/{code}"))
}

fn list(
    unit: &str,
    month: &MonthArg,
    campaign: &str,
    store: &StoreArgs,
) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, campaign)?;
    let found = of_unit(&centre, &campaign, unit, month.month, month.synthetic)?;
    print(store, &json!(found), &told(&found))
}

fn told(found: &UnitMembers) -> String {
    let total = found.total;
    let line = |line: &Line| {
        let name = line
            .name
            .as_deref()
            .or(line.staff_code.as_deref())
            .unwrap_or("-");
        let (days, tests) = (line.duty.done.len(), line.duty.tests);
        let joined = match &line.path {
            Some(path) => format!("  has not joined: {path}"),
            None if line.joined => String::new(),
            None => "  has not joined".into(),
        };
        format!(
            "  {}  {name}  {days} days  {tests} tests{joined}\n",
            line.number
        )
    };
    let lines: String = found.members.iter().map(line).collect();
    format!(
        "{}  {}: {} members, {} active, {} days of duty, {} tests\n{lines}",
        found.unit, found.month, total.members, total.active, total.member_days, total.tests
    )
}

fn erase(
    (unit, number): (&str, u64),
    confirm: bool,
    campaign: &str,
    store: &StoreArgs,
) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let campaign = named_campaign(&centre, campaign)?;
    let members = centre.store().members(&campaign.id, unit)?;
    let Some(member) = members.iter().find(|member| member.number == number) else {
        bail!(
            "{unit} has no member {number} in {}; see ispeed member list",
            campaign.id
        );
    };
    if confirm {
        let act = Act {
            who: CONSOLE,
            at: centre.now(),
        };
        centre.store().erase_member(&member.member_id, act)?;
    }
    let done = if confirm {
        "was erased; the unit's sums stay"
    } else {
        "would be erased; give --confirm"
    };
    let value = json!({"unit": unit, "number": number, "erased": confirm});
    print(store, &value, &format!("Member {number} of {unit} {done}"))
}
