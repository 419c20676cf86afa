//! `ispeed import`: numbers of others, checked first, stored when confirmed.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use metric::key::sha256_hex;
use platform::import::{Mapping, Mistake, Tool, foreign, official, place};
use platform::store::import::Source;
use serde_json::json;

use crate::centre::{open, read, say};
use crate::cli::{ForeignArgs, ImportArgs, ImportCommand, StoreArgs};

pub(crate) fn import(command: &ImportCommand) -> anyhow::Result<ExitCode> {
    match command {
        ImportCommand::Official {
            file,
            mapping,
            import,
        } => counts(file, mapping, import),
        ImportCommand::Ndt7(args) => tests(Tool::Ndt7, args),
        ImportCommand::Librespeed(args) => tests(Tool::LibreSpeed, args),
        ImportCommand::Ookla(args) => tests(Tool::Ookla, args),
        ImportCommand::List { store } => list(store),
    }
}

fn counts(file: &Path, mapping: &Path, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let text = read(mapping)?;
    let parsed = Mapping::parse(&text).with_context(|| format!("in {}", mapping.display()))?;
    let bytes = bytes(file)?;
    let counts = official(&bytes, &parsed).with_context(|| format!("in {}", file.display()))?;
    let centre = open(&args.store)?;
    let counts = place::counts(counts, &centre.areas(), centre.now());
    if !counts.mistakes.is_empty() || !args.confirm {
        return preview(args, file, counts.rows.len(), &counts.mistakes);
    }
    let source = source("official", file, &bytes, parsed.source, text)?;
    let id = centre
        .store()
        .import_counts(&source, &counts.rows, centre.now())?;
    stored(args, file, counts.rows.len(), id)
}

fn tests(tool: Tool, args: &ForeignArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        !args.source.trim().is_empty(),
        "--source is empty; say where the file comes from"
    );
    let bytes = bytes(&args.file)?;
    let tests = foreign(tool, &bytes, args.offset);
    let tests = tests.with_context(|| format!("in {}", args.file.display()))?;
    if !tests.mistakes.is_empty() || !args.import.confirm {
        return preview(&args.import, &args.file, tests.rows.len(), &tests.mistakes);
    }
    let centre = open(&args.import.store)?;
    let placed = place::tests(tests.rows, &centre.areas(), &centre.operators());
    let source = source(
        tool.code(),
        &args.file,
        &bytes,
        args.source.clone(),
        String::new(),
    )?;
    let id = centre
        .store()
        .import_tests(&source, &placed, centre.now())?;
    stored(&args.import, &args.file, placed.len(), id)
}

fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("reading {}", file.display()))
}

fn source(
    kind: &'static str,
    file: &Path,
    bytes: &[u8],
    provenance: String,
    mapping: String,
) -> anyhow::Result<Source> {
    let name = file.file_name().context("the file has no name")?;
    Ok(Source {
        kind,
        file_name: name.to_string_lossy().into_owned(),
        sha256: sha256_hex(bytes),
        provenance,
        mapping,
    })
}

/// What is in the file and what is wrong with it; nothing is stored.
fn preview(
    args: &ImportArgs,
    file: &Path,
    rows: usize,
    mistakes: &[Mistake],
) -> anyhow::Result<ExitCode> {
    let mut text = format!(
        "{}: {rows} rows can be taken, {} mistakes; nothing was changed",
        file.display(),
        mistakes.len()
    );
    for mistake in mistakes {
        text += &format!("\n  {mistake}");
    }
    if mistakes.is_empty() {
        text += "\nGive --confirm to store them";
    }
    let value = json!({"rows": rows, "mistakes": mistakes, "imported": false});
    say(args.store.json, &value, &text)?;
    Ok(if mistakes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn stored(args: &ImportArgs, file: &Path, rows: usize, id: i64) -> anyhow::Result<ExitCode> {
    let text = format!("{}: {rows} rows stored as source {id}", file.display());
    say(
        args.store.json,
        &json!({"rows": rows, "mistakes": [], "imported": true, "source": id}),
        &text,
    )
}

fn list(store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let sources = open(store)?.store().import_sources()?;
    let line = |s: &platform::store::import::Listed| {
        format!(
            "{}  {}  {}  {} rows  {}  {}",
            s.id, s.kind, s.imported_at, s.rows, s.file_name, s.provenance
        )
    };
    let text: Vec<_> = sources.iter().map(line).collect();
    let value = |s: &platform::store::import::Listed| {
        json!({"source": s.id, "kind": s.kind, "file": s.file_name, "sha256": s.sha256,
               "imported_at": s.imported_at.to_string(), "provenance": s.provenance, "rows": s.rows})
    };
    let values: Vec<_> = sources.iter().map(value).collect();
    say(store.json, &json!({"sources": values}), &text.join("\n"))
}
