//! `ispeed report`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use platform::document::facts::Facts;
use platform::{report, statistics};
use serde_json::json;

use crate::centre::{named_campaign, open, say};
use crate::cli::{FiguresArgs, Format, MonthArgs};

pub(crate) fn month(args: &MonthArgs) -> anyhow::Result<ExitCode> {
    let centre = open(&args.store)?;
    let campaign = named_campaign(&centre, &args.campaign).context("--campaign")?;
    let areas = centre.areas();
    let table = statistics::month_table(
        centre.store(),
        &campaign,
        areas.areas(),
        args.month,
        args.synthetic,
    )?;
    let bytes = match args.format {
        Format::Csv => report::csv::write(&table)?,
        Format::Xlsx => report::xlsx::write(&table)?,
        Format::Json => serde_json::to_vec_pretty(&table)?,
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?
        }
        None => std::io::stdout().write_all(&bytes)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What documents say of the whole campaign.
pub(crate) fn figures(args: &FiguresArgs) -> anyhow::Result<ExitCode> {
    let centre = open(&args.store)?;
    let of = &args.of;
    let facts = Facts::gather(&centre, &of.campaign, of.month, of.synthetic, None)?;
    let value = json!({
        "campaign": facts.table.campaign,
        "month": facts.table.month,
        "synthetic": facts.table.synthetic,
        "figures": facts.together,
    });
    let text = serde_json::to_string_pretty(&value)?;
    say(args.store.json, &value, &text)
}
