//! Problem areas: found in a month's tests, followed through the months.

mod find;
pub mod hand_over;
pub mod sheet;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use h3o::{CellIndex, Resolution};
use jiff::Timestamp;
use metric::limit::Limit;
use metric::month::Month;
use metric::problem::{Evidence, Rule};
use serde::{Deserialize, Serialize};

use crate::access::Technology;
use crate::store::Store;
use crate::store::problem::{EventRow, ProblemRow};
use find::{Heap, Heaps, Kind, find, read};
use sheet::Sheet;

/// What happened to a problem area, and so the state it is in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Found.
    Opened,
    /// Given to the operator.
    HandedOver,
    /// The operator answered.
    Answered,
    /// Measured again since.
    ReMeasured,
    /// Closed, with before and after.
    Closed,
}

impl State {
    /// The code in tables and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::HandedOver => "handed_over",
            Self::Answered => "answered",
            Self::ReMeasured => "re_measured",
            Self::Closed => "closed",
        }
    }
}

/// A problem area.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ProblemArea {
    /// Id, for life.
    pub problem_id: String,
    /// Operator that it belongs to.
    pub operator: String,
    /// Technology.
    pub technology: String,
    /// State.
    pub state: State,
    /// Its H3 cells, hexadecimal, ascending; all of one resolution.
    pub cells: Vec<String>,
    /// Months in which it was found, ascending.
    pub months: Vec<Month>,
    /// Download below which a test is slow, bit/s.
    pub limit_bits_per_second: u64,
    /// What was measured in the month in which it was found last.
    pub evidence: Evidence,
    /// Median download then, bit/s.
    pub median_bits_per_second: u64,
    /// Middle of its cells, degrees: no place of a person.
    pub centre: [f64; 2],
    /// Hours, operators and technologies then; empty for one that was found
    /// before there were sheets.
    #[serde(default)]
    pub sheet: Sheet,
}

/// What closing an area compares.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct BeforeAfter {
    /// When it was a problem.
    pub before: Evidence,
    /// In the month of re-measuring.
    pub after: Evidence,
    /// That month.
    pub month: Month,
    /// Whether the two intervals of the share of slow device-days are apart.
    pub improved: bool,
}

/// What the ids of simulated areas begin with.
const SYNTHETIC: &str = "sim-";

/// Finds the problem areas of a month, opens the new ones, follows the others,
/// and returns those that were found.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn detect(
    store: &Store,
    limits: &[Limit],
    month: Month,
    synthetic: bool,
    now: Timestamp,
) -> Result<Vec<ProblemArea>> {
    let heaps = read(store, month, synthetic)?;
    let mut found = find(&heaps, limits, month, &Rule::default());
    for area in &mut found {
        area.sheet = Sheet::of(&heaps, area);
        if synthetic {
            // Or one of a simulation could take the id of a real one.
            area.problem_id.insert_str(0, SYNTHETIC);
        }
    }
    let known = list(store, synthetic)?;
    let mut taken = BTreeSet::new();
    let mut areas = vec![];
    // What was closed stays closed when its month is looked at again.
    found.retain(|area| !known.iter().any(|old| old.was_closed_as(area)));
    for mut area in found {
        let same = known
            .iter()
            .find(|old| !taken.contains(&old.problem_id) && old.is_same(&area));
        if let Some(old) = same {
            taken.insert(old.problem_id.clone());
            area.follows(old);
        }
        let event = if same.is_some() {
            "found_again"
        } else {
            State::Opened.code()
        };
        write(store, &area, synthetic, now, event, "", &area.evidence)?;
        areas.push(area);
    }
    let quiet = known.iter().filter(|old| !taken.contains(&old.problem_id));
    for old in quiet.filter(|old| matches!(old.state, State::HandedOver | State::Answered)) {
        let after = evidence_in(&heaps, old);
        if after.is_enough(&Rule::default()) {
            let area = ProblemArea {
                state: State::ReMeasured,
                ..old.clone()
            };
            write(
                store,
                &area,
                synthetic,
                now,
                State::ReMeasured.code(),
                "",
                &after,
            )?;
        }
    }
    Ok(areas)
}

/// The problem areas, by id.
///
/// # Errors
///
/// When the store cannot be read.
pub fn list(store: &Store, synthetic: bool) -> Result<Vec<ProblemArea>> {
    store.problems(synthetic)?.iter().map(parse).collect()
}

/// One problem area with its history.
///
/// # Errors
///
/// When there is none of that id, or the store cannot be read.
pub fn show(store: &Store, id: &str) -> Result<(ProblemArea, Vec<EventRow>)> {
    let row = store.problem(id)?;
    let row = row.with_context(|| format!("no problem area {id:?}; see ispeed problem list"))?;
    Ok((parse(&row)?, store.problem_events(id)?))
}

/// Records that an area was given to its operator, or that the operator answered.
///
/// # Errors
///
/// When there is none of that id, it is closed, or the store cannot be written.
pub fn advance(
    store: &Store,
    id: &str,
    to: State,
    note: &str,
    now: Timestamp,
) -> Result<ProblemArea> {
    ensure!(
        matches!(to, State::HandedOver | State::Answered),
        "an area is only handed over or answered by hand; re-measuring is found, closing compares"
    );
    let (area, synthetic) = open(store, id)?;
    let area = ProblemArea { state: to, ..area };
    write(
        store,
        &area,
        synthetic,
        now,
        to.code(),
        note,
        &area.evidence,
    )?;
    Ok(area)
}

/// Closes an area with what was measured in it in a month, before and after.
///
/// # Errors
///
/// When there is none of that id, it is closed, or too little was measured there
/// in that month.
pub fn close(
    store: &Store,
    id: &str,
    month: Month,
    note: &str,
    now: Timestamp,
) -> Result<BeforeAfter> {
    let (area, synthetic) = open(store, id)?;
    let after = evidence_in(&read(store, month, synthetic)?, &area);
    let rule = Rule::default();
    ensure!(
        after.is_enough(&rule),
        "{} tests of {} devices were made there in {month}; closing needs {} of {}",
        after.tests,
        after.devices,
        rule.min_tests,
        rule.min_devices
    );
    let interval = |evidence: &Evidence| evidence.share().map(|share| share.interval);
    let apart = interval(&after).zip(interval(&area.evidence));
    let comparison = BeforeAfter {
        improved: apart.is_some_and(|(after, before)| after[1] < before[0]),
        before: area.evidence.clone(),
        after,
        month,
    };
    let area = ProblemArea {
        state: State::Closed,
        ..area
    };
    write(
        store,
        &area,
        synthetic,
        now,
        State::Closed.code(),
        note,
        &comparison,
    )?;
    Ok(comparison)
}

fn open(store: &Store, id: &str) -> Result<(ProblemArea, bool)> {
    let row = store.problem(id)?;
    let row = row.with_context(|| format!("no problem area {id:?}; see ispeed problem list"))?;
    let area = parse(&row)?;
    if area.state == State::Closed {
        bail!("problem area {id} is closed");
    }
    Ok((area, row.synthetic))
}

fn parse(row: &ProblemRow) -> Result<ProblemArea> {
    serde_json::from_str(&row.body)
        .with_context(|| format!("reading problem area {}", row.problem_id))
}

fn write(
    store: &Store,
    area: &ProblemArea,
    synthetic: bool,
    at: Timestamp,
    event: &str,
    note: &str,
    body: &impl Serialize,
) -> Result<()> {
    let row = ProblemRow {
        problem_id: area.problem_id.clone(),
        synthetic,
        operator: area.operator.clone(),
        technology: area.technology.clone(),
        state: area.state.code().to_owned(),
        body: serde_json::to_string(area)?,
    };
    let event = EventRow {
        at,
        event: event.to_owned(),
        note: note.to_owned(),
        body: serde_json::to_string(body)?,
    };
    store.write_problem(&row, &event)
}

/// What a month measured in the cells of an area, of its operator and technology.
fn evidence_in(heaps: &Heaps, area: &ProblemArea) -> Evidence {
    let technology = Technology::from_code(&area.technology);
    let kind = technology.map(|technology| (area.operator.clone(), technology));
    let here = kind.map_or_else(Heap::default, |kind| area.heap(heaps, &kind));
    here.evidence(area.limit_bits_per_second)
}

impl ProblemArea {
    /// Its cells; one that is no cell is left out.
    pub fn cells(&self) -> BTreeSet<CellIndex> {
        self.cells
            .iter()
            .filter_map(|cell| cell.parse().ok())
            .collect()
    }

    /// The tests of one operator and technology in its cells.
    fn heap(&self, heaps: &Heaps, kind: &Kind) -> Heap {
        let cells = self.cells();
        let inside = |cell: &CellIndex| {
            let parent = cell.parent(Resolution::Eight);
            cells.contains(cell) || parent.is_some_and(|parent| cells.contains(&parent))
        };
        let here = heaps.get(kind).into_iter().flatten();
        let here = here.filter(|(cell, _)| inside(cell));
        Heap::together(here.map(|(_, heap)| heap))
    }

    /// Whether another is the same area in another month: same operator and
    /// technology, not closed, and cells that share a cell or are neighbours.
    fn is_same(&self, other: &Self) -> bool {
        let of_eight = |area: &Self| -> BTreeSet<_> {
            let cells = area.cells().into_iter();
            cells
                .filter_map(|cell| cell.parent(Resolution::Eight))
                .collect()
        };
        let near: BTreeSet<_> = self
            .cells()
            .into_iter()
            .flat_map(|c| c.grid_disk::<Vec<_>>(1))
            .collect();
        let touch = other.cells().iter().any(|cell| near.contains(cell));
        let mixed = self.resolution() != other.resolution()
            && !of_eight(self).is_disjoint(&of_eight(other));
        self.operator == other.operator
            && self.technology == other.technology
            && self.state != State::Closed
            && (touch || mixed)
    }

    /// Whether it is closed, and another is what was found of it before that.
    fn was_closed_as(&self, other: &Self) -> bool {
        let before = other.months.iter().all(|month| self.months.contains(month));
        let open = Self {
            state: State::Opened,
            ..self.clone()
        };
        self.state == State::Closed && before && open.is_same(other)
    }

    fn resolution(&self) -> Option<Resolution> {
        self.cells().first().map(|cell| cell.resolution())
    }

    /// Takes over the life of the area that it was before.
    fn follows(&mut self, old: &Self) {
        self.problem_id.clone_from(&old.problem_id);
        self.state = old.state;
        let mut months = [old.months.as_slice(), &self.months].concat();
        months.sort_unstable();
        months.dedup();
        self.months = months;
    }

    /// Its hexagons.
    pub fn outlines(&self) -> geo::MultiPolygon<f64> {
        self.cells()
            .into_iter()
            .map(crate::chart::outline)
            .collect()
    }

    /// The area as a GeoJSON feature: its hexagons and what is said of it.
    pub fn feature(&self) -> serde_json::Value {
        let ring = |cell: &CellIndex| -> Vec<Vec<[f64; 2]>> {
            let corners = cell.boundary();
            let mut ring: Vec<_> = corners.iter().map(|c| [c.lng(), c.lat()]).collect();
            ring.extend(ring.first().copied());
            vec![ring]
        };
        let polygons: Vec<_> = self.cells().iter().map(ring).collect();
        let share = self.evidence.share();
        serde_json::json!({
            "type": "Feature", "id": self.problem_id,
            "geometry": {"type": "MultiPolygon", "coordinates": polygons},
            "properties": {
                "problem_id": self.problem_id, "operator": self.operator,
                "technology": self.technology, "state": self.state, "months": self.months,
                "limit_bits_per_second": self.limit_bits_per_second,
                "median_bits_per_second": self.median_bits_per_second,
                "tests": self.evidence.tests, "devices": self.evidence.devices,
                "device_days": self.evidence.device_days, "below": self.evidence.below,
                "below_ratio": share.map(|s| s.ratio), "below_interval": share.map(|s| s.interval),
            },
        })
    }
}
