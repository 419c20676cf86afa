//! `ispeed report`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use platform::{report, statistics};

use crate::centre::{named_campaign, open};
use crate::cli::{Format, MonthArgs};

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
