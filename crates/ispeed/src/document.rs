//! `ispeed document` and `ispeed kit`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use platform::document::facts::Facts;
use platform::document::office::Office;
use platform::document::template::{BUILT_IN, Template, built_in};
use platform::document::{compose, docx, pdf, xlsx};
use platform::kit;
use serde_json::json;

use crate::centre::{open, print, read, say};
use crate::cli::{DocumentArgs, DocumentCommand, DocumentFormat, KitArgs, MonthOf, OfficeArgs};

pub(crate) fn document(command: &DocumentCommand) -> anyhow::Result<ExitCode> {
    match command {
        DocumentCommand::Letter(args) => write(args, None, "reminder-letter.toml"),
        DocumentCommand::Launch(args) => write(args, None, "launch-letter.toml"),
        DocumentCommand::Report { unit: None, args } => {
            write(args, None, "consolidated-report.toml")
        }
        DocumentCommand::Report {
            unit: Some(unit),
            args,
        } => write(args, Some(unit), "unit-report.toml"),
        DocumentCommand::Bulletin { unit, args } => write(args, Some(unit), "bulletin.toml"),
        DocumentCommand::Templates { output } => templates(output),
    }
}

fn write(args: &DocumentArgs, unit: Option<&str>, template: &str) -> anyhow::Result<ExitCode> {
    let template = match &args.template {
        None => Template::parse(built_in(template))?,
        Some(path) => Template::parse(&read(path)?).with_context(|| path.display().to_string())?,
    };
    let office = office(&args.office)?;
    let facts = gather(&args.of, unit, args)?;
    let document = compose(&template, &office, &facts)?;
    let bytes = match args.format {
        DocumentFormat::Pdf => pdf::write(&document)?,
        DocumentFormat::Docx => docx::write(&document)?,
        DocumentFormat::Xlsx => xlsx::write(&document)?,
    };
    let Some(path) = &args.output else {
        std::io::stdout().write_all(&bytes)?;
        return Ok(ExitCode::SUCCESS);
    };
    let wrote = std::fs::write(path, bytes);
    wrote.with_context(|| format!("writing {}", path.display()))?;
    let typeface = match args.format {
        DocumentFormat::Pdf => pdf::typeface(),
        DocumentFormat::Docx | DocumentFormat::Xlsx => "of whoever opens it",
    };
    let text = format!("Wrote {} (typeface: {typeface})", path.display());
    let value = json!({"file": path, "typeface": typeface, "title": document.title()});
    print(&args.store, &value, &text)
}

fn gather(of: &MonthOf, unit: Option<&str>, args: &DocumentArgs) -> anyhow::Result<Facts> {
    let centre = open(&args.store)?;
    Facts::gather(&centre, &of.campaign, of.month, of.synthetic, unit)
}

fn office(args: &OfficeArgs) -> anyhow::Result<Office> {
    let given = Office {
        parent: args.parent.clone(),
        issuer: args.issuer.clone(),
        number: args.number.clone(),
        place: args.place.clone(),
        date: args.date.clone(),
        authority: args.authority.clone(),
        title: args.title.clone(),
        name: args.signer.clone(),
        ..Office::default()
    };
    let Some(path) = &args.office else {
        return Ok(given);
    };
    let file = Office::parse(&read(path)?).with_context(|| path.display().to_string())?;
    Ok(given.or(file))
}

fn templates(folder: &Path) -> anyhow::Result<ExitCode> {
    let made = std::fs::create_dir_all(folder);
    made.with_context(|| format!("making {}", folder.display()))?;
    let mut written = vec![];
    for (name, text) in BUILT_IN.into_iter().chain([("kit.toml", kit::WORDS)]) {
        let path = folder.join(name);
        if !path.exists() {
            let wrote = std::fs::write(&path, text);
            wrote.with_context(|| format!("writing {}", path.display()))?;
            written.push(name);
        }
    }
    let text = format!("Wrote {} templates to {}", written.len(), folder.display());
    say(false, &json!({}), &text)
}

pub(crate) fn kit(args: &KitArgs) -> anyhow::Result<ExitCode> {
    let centre = open(&args.store)?;
    let of = &args.of;
    let unit = args.unit.as_deref();
    let facts = Facts::gather(&centre, &of.campaign, of.month, of.synthetic, unit)?;
    let address = args.centre.as_deref().unwrap_or_default();
    let link = args.link.clone();
    let logo = args
        .logo
        .as_ref()
        .map(|path| std::fs::read(path).with_context(|| format!("--logo {}", path.display())));
    let wanted = kit::Wanted {
        link: link.unwrap_or_else(|| kit::short_link(address, &facts)),
        size_mm: args.qr_size,
        level: args.qr_level,
        logo: logo.transpose()?,
    };
    let words = args.words.as_ref().map(|path| read(path)).transpose()?;
    let words = words.as_deref().unwrap_or(kit::WORDS);
    let files = kit::make(words, &Office::default(), &facts, &wanted)?;
    let made = std::fs::create_dir_all(&args.output);
    made.with_context(|| format!("making {}", args.output.display()))?;
    for file in &files {
        let path = args.output.join(file.name);
        let wrote = std::fs::write(&path, &file.bytes);
        wrote.with_context(|| format!("writing {}", path.display()))?;
    }
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    let text = format!(
        "Wrote {} to {}; the code leads to {}",
        names.join(", "),
        args.output.display(),
        wanted.link
    );
    print(
        &args.store,
        &json!({"files": names, "link": wanted.link}),
        &text,
    )
}
