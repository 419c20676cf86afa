//! `ispeed organisation`: the directory, in, out and shown.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::civil::Date;
use metric::month::civil_date;
use platform::import::Mistake;
use platform::organisation::{Plan, on, to_csv, to_xlsx, under};
use platform::store::organisation::Organisation;
use serde_json::json;

use crate::centre::{open, print};
use crate::cli::{ListArgs, OrganisationCommand, StoreArgs};

/// Who changes what a command changes.
pub(crate) const CONSOLE: &str = "console";
/// Lines of a preview for people; JSON holds all.
const SHOWN: usize = 20;

pub(crate) fn organisation(command: &OrganisationCommand) -> anyhow::Result<ExitCode> {
    match command {
        OrganisationCommand::Import(args) => import(args),
        OrganisationCommand::Export { file, store } => export(file, store),
        OrganisationCommand::List { at, under, store } => list(*at, under.as_deref(), store),
    }
}

fn import(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let name = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("reading {name}"))?;
    let confirm = args.confirm.then_some(CONSOLE);
    let plan = open(&args.store)?.import_organisations(&bytes, confirm);
    let plan = plan.with_context(|| format!("in {name}"))?;
    let done = args.confirm && plan.mistakes.is_empty();
    let mut value = serde_json::to_value(&plan)?;
    value["imported"] = json!(done);
    let text = format!(
        "{name}: {}\n{}",
        counts(&plan),
        outcome(&plan.mistakes, args.confirm)
    );
    print(&args.store, &value, &(changes(&plan) + &text))?;
    Ok(status(&plan.mistakes))
}

fn counts(plan: &Plan) -> String {
    format!(
        "{} new, {} changed, {} unchanged, {} mistakes",
        plan.added.len(),
        plan.changed.len(),
        plan.unchanged,
        plan.mistakes.len()
    )
}

fn changes(plan: &Plan) -> String {
    let added = plan.added.iter().map(|o| format!("  + {o}\n"));
    let changed = plan
        .changed
        .iter()
        .map(|c| format!("  ~ {} -> {}\n", c.before, c.after));
    first(added.chain(changed), plan.added.len() + plan.changed.len())
}

/// The first lines, and how many more there are.
fn first(lines: impl Iterator<Item = String>, all: usize) -> String {
    let mut text: String = lines.take(SHOWN).collect();
    if all > SHOWN {
        text += &format!("  … and {} more\n", all - SHOWN);
    }
    text
}

/// What became of a list, and what is wrong with it.
pub(crate) fn outcome(mistakes: &[Mistake], confirm: bool) -> String {
    let lines = mistakes.iter().map(|mistake| format!("  {mistake}\n"));
    let said = first(lines, mistakes.len());
    match (mistakes.is_empty(), confirm) {
        (true, true) => "Stored".into(),
        (true, false) => "Nothing was changed; give --confirm to store it".into(),
        (false, _) => format!("{said}Nothing was changed; correct the list and try again"),
    }
}

pub(crate) fn status(mistakes: &[Mistake]) -> ExitCode {
    if mistakes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn export(file: &Path, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let organisations = open(store)?.store().organisations()?;
    let bytes = match file.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => to_csv(&organisations)?,
        Some("xlsx") => to_xlsx(&organisations)?,
        _ => bail!(
            "{}: expected a name that ends in .csv or .xlsx",
            file.display()
        ),
    };
    std::fs::write(file, bytes).with_context(|| format!("writing {}", file.display()))?;
    let text = format!("{}: {} organisations", file.display(), organisations.len());
    print(store, &json!({"organisations": organisations.len()}), &text)
}

fn list(at: Option<Date>, root: Option<&str>, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let day = at.unwrap_or_else(|| civil_date(net::wall_clock()));
    let all = open(store)?.store().organisations()?;
    let mut there = on(&all, day);
    if let Some(root) = root {
        there = under(&there, root);
        if there.is_empty() {
            bail!("--under {root}: no organisation has this code on {day}");
        }
    }
    let lines = tree(&there);
    let value = json!({"day": day.to_string(), "organisations": there});
    print(store, &value, &lines.join("\n"))
}

/// The organisations as lines, each below its parent.
fn tree(organisations: &[&Organisation]) -> Vec<String> {
    let codes: BTreeSet<_> = organisations.iter().map(|o| o.code.as_str()).collect();
    let is_root = |o: &&&Organisation| {
        o.parent
            .as_deref()
            .is_none_or(|parent| !codes.contains(parent))
    };
    let mut lines = vec![];
    for root in organisations.iter().filter(is_root) {
        branch(root, 0, organisations, &mut lines);
    }
    lines
}

fn branch(of: &Organisation, depth: usize, all: &[&Organisation], lines: &mut Vec<String>) {
    let area = of
        .area_code
        .as_ref()
        .map(|code| format!("  [{code}]"))
        .unwrap_or_default();
    let indent = "  ".repeat(depth);
    lines.push(format!(
        "{indent}{}  {}  ({}){area}",
        of.code,
        of.name,
        of.kind.label()
    ));
    let children = all
        .iter()
        .filter(|o| o.parent.as_deref() == Some(of.code.as_str()));
    for child in children {
        branch(child, depth + 1, all, lines);
    }
}
