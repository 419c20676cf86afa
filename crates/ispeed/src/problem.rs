//! `ispeed problem`: problem areas, from finding to closing.

use std::process::ExitCode;

use anyhow::Context as _;
use metric::problem::Evidence;
use platform::statistics::Method;
use platform::statistics::problem::{
    ProblemArea, State, advance, close, detect, hand_over, list, show,
};
use serde_json::{Value, json};

use crate::centre::{open, print};
use crate::cli::{HandOverFormat, ProblemCommand};

pub(crate) fn problem(command: &ProblemCommand) -> anyhow::Result<ExitCode> {
    match command {
        ProblemCommand::Detect {
            month,
            synthetic,
            store,
        } => {
            let centre = open(store)?;
            let limits = Method::of_edition()?.limits;
            let areas = detect(centre.store(), &limits, *month, *synthetic, centre.now())?;
            print(store, &json!({"problems": areas}), &lines(&areas))
        }
        ProblemCommand::List { synthetic, store } => {
            let areas = list(open(store)?.store(), *synthetic)?;
            print(store, &json!({"problems": areas}), &lines(&areas))
        }
        ProblemCommand::Show { id, store } => {
            let (area, events) = show(open(store)?.store(), id)?;
            let history: Vec<Value> = events
                .iter()
                .map(|e| json!({"at": e.at, "event": e.event, "note": e.note, "evidence": parsed(&e.body)}))
                .collect();
            let told = events
                .iter()
                .map(|e| format!("  {}  {}  {}", e.at, e.event, e.note));
            let text = format!("{}\n{}", line(&area), told.collect::<Vec<_>>().join("\n"));
            print(store, &json!({"problem": area, "history": history}), &text)
        }
        ProblemCommand::HandOver {
            id,
            format,
            output,
            note,
            store,
        } => {
            let centre = open(store)?;
            let area = advance(centre.store(), id, State::HandedOver, note, centre.now())?;
            let document = document(&area, *format);
            match output {
                Some(path) => {
                    let wrote = std::fs::write(path, &document);
                    wrote.with_context(|| format!("writing {}", path.display()))?;
                    let text = format!("Handed over {id}: {}", path.display());
                    print(store, &json!({"problem": area, "file": path}), &text)
                }
                None => print(
                    store,
                    &json!({"problem": area, "document": document}),
                    document.trim_end(),
                ),
            }
        }
        ProblemCommand::Answer { id, note, store } => {
            let centre = open(store)?;
            let area = advance(centre.store(), id, State::Answered, note, centre.now())?;
            print(store, &json!({"problem": area}), &line(&area))
        }
        ProblemCommand::Close {
            id,
            month,
            note,
            store,
        } => {
            let centre = open(store)?;
            let done = close(centre.store(), id, *month, note, centre.now())?;
            let (before, after) = (share(&done.before), share(&done.after));
            let verdict = if done.improved {
                "improved"
            } else {
                "no improvement that this sample shows"
            };
            let text = format!(
                "Closed {id}: below the limit {before} before, {after} in {month}; {verdict}"
            );
            print(store, &serde_json::to_value(&done)?, &text)
        }
    }
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or(Value::Null)
}

fn lines(areas: &[ProblemArea]) -> String {
    if areas.is_empty() {
        return "No problem area".into();
    }
    areas.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(area: &ProblemArea) -> String {
    let [latitude, longitude] = area.centre;
    format!(
        "{}  {:?}  {} cells about {latitude:.4}, {longitude:.4}  {} tests of {} devices, below the limit {}",
        area.problem_id,
        area.state,
        area.cells.len(),
        area.evidence.tests,
        area.evidence.devices,
        share(&area.evidence)
    )
}

fn share(evidence: &Evidence) -> String {
    evidence.share().map_or_else(
        || "–".into(),
        |share| {
            let [low, high] = share.interval.map(|x| x * 100.0);
            format!("{:.0} % [{low:.0}, {high:.0}]", share.ratio * 100.0)
        },
    )
}

fn document(area: &ProblemArea, format: HandOverFormat) -> String {
    match format {
        HandOverFormat::Geojson => hand_over::geojson(area),
        HandOverFormat::Csv => hand_over::csv(area),
    }
}
