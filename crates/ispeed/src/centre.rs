//! Commands that work on the centre's store: areas, operators.

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::civil::Date;
use metric::month::civil_date;
use platform::Centre;
use platform::area::Area;
use platform::store::campaign::Campaign;
use serde_json::{Value, json};

use crate::cli::{AreaCommand, OperatorCommand, StoreArgs};
use crate::config;

/// Opens the store of a folder.
pub(crate) fn open(store: &StoreArgs) -> anyhow::Result<Centre> {
    let rehearsed = store.clock;
    let clock = move || rehearsed.unwrap_or_else(net::wall_clock);
    Ok(Centre::open(config::centre(store)?, clock)?.with_chance(chance))
}

/// Chance from the system.
pub(crate) fn chance(bytes: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(bytes).map_err(std::io::Error::other)
}

pub(crate) fn area(command: &AreaCommand) -> anyhow::Result<ExitCode> {
    match command {
        AreaCommand::Import {
            file,
            preview,
            store,
        } => import_areas(file, *preview, store),
        AreaCommand::Locate {
            latitude,
            longitude,
            at,
            store,
        } => locate(*latitude, *longitude, *at, store),
        AreaCommand::List { at, store } => list_areas(*at, store),
    }
}

fn import_areas(file: &Path, preview: bool, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let geojson = read(file)?;
    let count = platform::area::parse(&geojson)?.len();
    if preview {
        let text = format!(
            "{}: {count} areas, no mistakes; nothing was changed",
            file.display()
        );
        return print(store, &json!({"areas": count, "imported": false}), &text);
    }
    let import = open(store)?.import_areas(&geojson)?;
    let replaced: Vec<_> = import.replaced.iter().map(ToString::to_string).collect();
    let mut text = format!("Imported {count} areas as edition {}", import.edition);
    if !replaced.is_empty() {
        text += &format!("; {} approximate ones made way", replaced.len());
    }
    let value =
        json!({"areas": count, "imported": true, "edition": import.edition, "replaced": replaced});
    print(store, &value, &text)
}

fn locate(lat: f64, lon: f64, at: Option<Date>, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let day = at.unwrap_or_else(|| civil_date(net::wall_clock()));
    let areas = open(store)?.areas();
    let Some(area) = areas.locate(lat, lon, day) else {
        print(
            store,
            &json!({"day": day.to_string()}),
            &format!("No area holds {lat}, {lon} on {day}"),
        )?;
        return Ok(ExitCode::FAILURE);
    };
    print(
        store,
        &json!({"day": day.to_string(), "area": describe(area)}),
        &line(area),
    )
}

fn list_areas(at: Option<Date>, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let areas = open(store)?.areas();
    let listed = areas
        .areas()
        .iter()
        .filter(|a| at.is_none_or(|day| a.validity().contains(day)));
    let listed: Vec<_> = listed.collect();
    let text: Vec<_> = listed.iter().map(|area| line(area)).collect();
    let values: Vec<_> = listed.iter().map(|area| describe(area)).collect();
    print(store, &json!({"areas": values}), &text.join("\n"))
}

fn describe(area: &Area) -> Value {
    json!({
        "code": area.key.code, "valid_from": area.key.valid_from, "valid_to": area.valid_to,
        "name": area.name, "full_name": area.full_name, "approximate": area.approximate,
    })
}

fn line(area: &Area) -> String {
    let day = |day: Option<Date>| day.map_or_else(|| "…".into(), |day| day.to_string());
    let marked = if area.approximate {
        "  (approximate)"
    } else {
        ""
    };
    let (from, to) = (day(area.key.valid_from), day(area.valid_to));
    format!(
        "{}  {}  [{from}, {to}){marked}",
        area.key.code, area.full_name
    )
}

pub(crate) fn operator(command: &OperatorCommand) -> anyhow::Result<ExitCode> {
    match command {
        OperatorCommand::Import {
            operators,
            prefixes,
            store,
        } => {
            let edition = open(store)?.import_operators(&read(operators)?, &read(prefixes)?)?;
            print(
                store,
                &json!({"edition": edition}),
                &format!("Imported operators as edition {edition}"),
            )
        }
        OperatorCommand::Locate { address, store } => {
            let operators = open(store)?.operators();
            let Some(found) = operators.of_address(*address) else {
                print(
                    store,
                    &json!({}),
                    &format!("{address} is in no known prefix"),
                )?;
                return Ok(ExitCode::FAILURE);
            };
            let id = found.operator.map(|operator| operator.id.clone());
            let text = format!(
                "AS{}  {}",
                found.asn,
                id.as_deref().unwrap_or("operator not known")
            );
            print(
                store,
                &json!({"asn": found.asn, "operator": id, "mobile_only": found.mobile_only}),
                &text,
            )
        }
    }
}

/// A text file, with its path in every error.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => bail!(
            "{} is not UTF-8; save it as UTF-8 and try again",
            path.display()
        ),
    }
}

/// Text for people, or JSON.
pub(crate) fn print(store: &StoreArgs, value: &Value, text: &str) -> anyhow::Result<ExitCode> {
    say(store.json, value, text)
}

/// The same for a command that has no store.
pub(crate) fn say(json: bool, value: &Value, text: &str) -> anyhow::Result<ExitCode> {
    if json {
        tell(&format!("{value:#}\n"))?;
    } else {
        tell(&format!("{text}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes an answer to standard output. A reader that has seen enough and
/// closed it (`| head`) is no failure.
pub(crate) fn tell(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("writing to standard output"),
    }
}

/// A campaign that has to be there.
pub(crate) fn named_campaign(centre: &Centre, id: &str) -> anyhow::Result<Campaign> {
    let campaigns = centre.store().campaigns()?;
    let known: Vec<_> = campaigns.iter().map(|c| c.id.clone()).collect();
    let found = campaigns.into_iter().find(|c| c.id == id);
    found.with_context(|| format!("no campaign has the id {id:?}; known: {}", known.join(", ")))
}
