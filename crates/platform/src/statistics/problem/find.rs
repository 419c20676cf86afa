//! Finding the areas of a month.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use h3o::{CellIndex, LatLng, Resolution};
use metric::limit::Limit;
use metric::month::{Month, VIETNAM, civil_date};
use metric::problem::{Evidence, Rule, problems};
use metric::sample::{Scale, middle};

use super::sheet::Sheet;
use super::{ProblemArea, State};
use crate::access::{Technology, UNKNOWN_OPERATOR};
use crate::statistics::period::Period;
use crate::store::Store;
use crate::store::observation::{Observed, Question};

/// Tests of one operator and technology in one cell.
#[derive(Default)]
pub(super) struct Heap {
    pub(super) values: Vec<(String, jiff::civil::Date, u64, u16)>,
}

/// Operator and technology.
pub(super) type Kind = (String, Technology);

pub(super) type Heaps = BTreeMap<Kind, BTreeMap<CellIndex, Heap>>;

/// The mobile tests of a month by operator, technology and cell of resolution 9.
pub(super) fn read(store: &Store, month: Month, synthetic: bool) -> Result<Heaps> {
    let period = Period::month(month);
    let question = Question {
        instants: period.instants(),
        months: period.months(),
        synthetic,
        area: None,
        ground: None,
    };
    let mut heaps = Heaps::new();
    store.observe(&question, |test| add(&mut heaps, test))?;
    Ok(heaps)
}

fn add(heaps: &mut Heaps, test: Observed) {
    let known = test.of_operator && test.operator != UNKNOWN_OPERATOR && test.area.is_some();
    let cell = test.cell.and_then(|cell| CellIndex::try_from(cell).ok());
    let (Some(cell), Some(rate)) = (cell.filter(|_| known), test.values[0]) else {
        return;
    };
    let local = VIETNAM.to_datetime(test.measured_at);
    let minute =
        u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
    let heap = heaps.entry((test.operator, test.technology)).or_default();
    let values = &mut heap.entry(cell).or_default().values;
    values.push((test.device, civil_date(test.measured_at), rate, minute));
}

impl Heap {
    pub(super) fn evidence(&self, limit: u64) -> Evidence {
        let mut days: BTreeMap<(&str, jiff::civil::Date), Vec<u64>> = BTreeMap::new();
        for (device, day, rate, _) in &self.values {
            days.entry((device, *day)).or_default().push(*rate);
        }
        let devices: BTreeSet<_> = days.keys().map(|(device, _)| *device).collect();
        let is_slow = |rates: &mut Vec<u64>| middle(rates, Scale::Log).is_some_and(|m| m < limit);
        let device_days = days.len() as u64;
        let slow: Vec<_> = days
            .into_iter()
            .filter_map(|(key, mut rates)| is_slow(&mut rates).then_some(key))
            .collect();
        let slow_devices: BTreeSet<_> = slow.iter().map(|(device, _)| *device).collect();
        let slow_tests = self.values.iter().filter(|(_, _, rate, _)| *rate < limit);
        let mut slow_minutes: Vec<_> = slow_tests.map(|(_, _, _, minute)| *minute).collect();
        slow_minutes.sort_unstable();
        Evidence {
            tests: self.values.len() as u64,
            devices: devices.len() as u64,
            device_days,
            below: slow.len() as u64,
            slow_devices: slow_devices.len() as u64,
            slow_minutes,
        }
    }

    pub(super) fn together<'a>(heaps: impl Iterator<Item = &'a Self>) -> Self {
        Self {
            values: heaps.flat_map(|heap| heap.values.iter().cloned()).collect(),
        }
    }

    pub(super) fn median(&self) -> u64 {
        let mut rates: Vec<_> = self.values.iter().map(|v| v.2).collect();
        middle(&mut rates, Scale::Log).unwrap_or_default()
    }
}

/// Download below which a test of an operator and technology is slow: the
/// minimum that 95 % of tests must reach, as declared or as the regulation says;
/// else that of QCVN 81 and 126 in general. `None` where there is no minimum.
fn limit(limits: &[Limit], (operator, technology): &Kind, month: Month) -> Option<u64> {
    let day = month.first_day();
    let declared = limits.iter().find_map(|limit| {
        let applies = limit.applies(day, operator, technology.code(), "download_bits_per_second");
        limit.threshold().filter(|_| applies)
    });
    declared.or(match technology {
        Technology::G3 => Some(1_000_000),
        Technology::G4 | Technology::MobileOther => Some(5_000_000),
        Technology::G5 => Some(30_000_000),
        Technology::G2 | Technology::Fixed => None,
    })
}

/// Areas of problem cells at resolution 9, then at 8 of what is left.
pub(super) fn find(heaps: &Heaps, limits: &[Limit], month: Month, rule: &Rule) -> Vec<ProblemArea> {
    let mut cells: Vec<(&Kind, CellIndex, u64, &Heap)> = vec![];
    for (kind, heaps) in heaps {
        let Some(limit) = limit(limits, kind, month) else {
            continue;
        };
        cells.extend(heaps.iter().map(|(cell, heap)| (kind, *cell, limit, heap)));
    }
    let evidence: Vec<_> = cells
        .iter()
        .map(|(_, _, limit, heap)| heap.evidence(*limit))
        .collect();
    let fine = problems(&evidence, rule);
    let mut found: BTreeMap<(&Kind, u64), BTreeMap<CellIndex, Heap>> = BTreeMap::new();
    let mut coarse: BTreeMap<(&Kind, u64, CellIndex), Vec<&Heap>> = BTreeMap::new();
    for ((kind, cell, limit, heap), is_problem) in cells.into_iter().zip(fine) {
        if is_problem {
            let heaps = found.entry((kind, limit)).or_default();
            heaps.insert(cell, Heap::together(std::iter::once(heap)));
        } else if let Some(parent) = cell.parent(Resolution::Eight) {
            coarse.entry((kind, limit, parent)).or_default().push(heap);
        }
    }
    let coarse: Vec<_> = coarse
        .into_iter()
        .map(|(key, heaps)| (key, Heap::together(heaps.into_iter())))
        .collect();
    let evidence: Vec<_> = coarse
        .iter()
        .map(|((_, limit, _), heap)| heap.evidence(*limit))
        .collect();
    let wide = problems(&evidence, rule);
    let mut areas: Vec<_> = found
        .into_iter()
        .flat_map(|((kind, limit), cells)| merged(kind, limit, month, cells))
        .collect();
    let mut found: BTreeMap<(&Kind, u64), BTreeMap<CellIndex, Heap>> = BTreeMap::new();
    for (((kind, limit, cell), heap), is_problem) in coarse.into_iter().zip(wide) {
        if is_problem {
            found.entry((kind, limit)).or_default().insert(cell, heap);
        }
    }
    areas.extend(
        found
            .into_iter()
            .flat_map(|((kind, limit), cells)| merged(kind, limit, month, cells)),
    );
    areas
}

/// Neighbouring cells as one area each.
fn merged(
    kind: &Kind,
    limit: u64,
    month: Month,
    mut cells: BTreeMap<CellIndex, Heap>,
) -> Vec<ProblemArea> {
    let mut areas = vec![];
    while let Some((first, heap)) = cells.pop_first() {
        let mut members = vec![(first, heap)];
        let mut at = 0;
        while let Some(cell) = members.get(at).map(|(cell, _)| *cell) {
            for near in cell.grid_disk::<Vec<_>>(1) {
                members.extend(cells.remove_entry(&near));
            }
            at += 1;
        }
        areas.push(area(kind, limit, month, &members));
    }
    areas
}

fn area(
    (operator, technology): &Kind,
    limit: u64,
    month: Month,
    members: &[(CellIndex, Heap)],
) -> ProblemArea {
    let heap = Heap::together(members.iter().map(|(_, heap)| heap));
    let mut cells: Vec<_> = members.iter().map(|(cell, _)| cell.to_string()).collect();
    cells.sort_unstable();
    let n = metric::unit::to_f64(members.len() as u64);
    let middle = |of: fn(LatLng) -> f64| {
        let sum: f64 = members
            .iter()
            .map(|(cell, _)| of(LatLng::from(*cell)))
            .sum();
        (sum / n * 1e5).round() / 1e5
    };
    let first = cells.first().cloned().unwrap_or_default();
    ProblemArea {
        problem_id: format!(
            "{month}-{operator}-{}-{}",
            technology.code(),
            first.trim_end_matches('f')
        ),
        operator: operator.clone(),
        technology: technology.code().to_owned(),
        state: State::Opened,
        cells,
        months: vec![month],
        limit_bits_per_second: limit,
        evidence: heap.evidence(limit),
        median_bits_per_second: heap.median(),
        centre: [middle(LatLng::lat), middle(LatLng::lng)],
        sheet: Sheet::default(),
    }
}

#[cfg(test)]
mod tests {
    use metric::chance::Chance;

    use super::*;

    /// A city of cells with tests of one operator; some are slow.
    fn city(slow: &[usize], seed: u64) -> (Heaps, Vec<CellIndex>) {
        let middle = LatLng::new(10.78, 106.70)
            .unwrap()
            .to_cell(Resolution::Nine);
        let cells = middle.grid_disk::<Vec<_>>(6);
        let mut chance = Chance::of(&[seed]);
        let mut heaps = Heaps::new();
        let kind = heaps.entry(("viettel".into(), Technology::G4)).or_default();
        for (at, cell) in cells.iter().enumerate() {
            let share = if slow.contains(&at) { 0.5 } else { 0.03 };
            for device in 0..14 {
                let rate = if chance.happens(share) {
                    2_000_000
                } else {
                    40_000_000
                };
                let day = "2024-11-01".parse().unwrap();
                let minute = u16::try_from(chance.between(360, 1_380)).unwrap();
                let heap = kind.entry(*cell).or_default();
                heap.values
                    .push((format!("{at}-{device}"), day, rate, minute));
            }
        }
        (heaps, cells)
    }

    fn november() -> Month {
        "2024-11".parse().unwrap()
    }

    #[test]
    fn planted_problem_areas_are_found_and_few_others() {
        let planted: Vec<usize> = (0..7).chain([60, 90]).collect();
        let (mut recalled, mut found_cells, mut wrong) = (0, 0, 0);
        for seed in 0..20 {
            let (heaps, cells) = city(&planted, seed);
            let areas = find(&heaps, &[], november(), &Rule::default());
            let fine = areas
                .iter()
                .filter(|a| a.resolution() == Some(Resolution::Nine));
            let found: BTreeSet<_> = fine.flat_map(ProblemArea::cells).collect();
            recalled += planted
                .iter()
                .filter(|at| found.contains(&cells[**at]))
                .count();
            found_cells += found.len();
            wrong += found
                .iter()
                .filter(|c| !planted.iter().any(|at| cells[*at] == **c))
                .count();
        }
        let recall = metric::unit::to_f64(recalled as u64) / 180.0;
        assert!(recall > 0.70, "recall {recall}");
        assert!(
            wrong * 10 <= found_cells,
            "{wrong} of {found_cells} are false"
        );
    }

    #[test]
    fn neighbours_are_one_area_and_strangers_are_not() {
        // The first seven cells of a disk are a middle with its six neighbours.
        let (heaps, _) = city(&[0, 1, 2, 3, 4, 5, 6, 90], 3);
        let areas = find(&heaps, &[], november(), &Rule::default());
        let mut sizes: Vec<_> = areas.iter().map(|a| a.cells.len()).collect();
        sizes.sort_unstable();
        assert!(sizes.last().is_some_and(|most| *most >= 5), "{sizes:?}");
        assert!(areas.len() <= 3, "{sizes:?}");
    }

    #[test]
    fn an_area_keeps_its_id_while_it_moves_a_cell() {
        let (heaps, _) = city(&[0, 1, 2], 1);
        let first = find(&heaps, &[], november(), &Rule::default()).remove(0);
        let neighbour = first.cells().first().unwrap().grid_disk::<Vec<_>>(1)[3];
        let moved = ProblemArea {
            cells: vec![neighbour.to_string()],
            ..first.clone()
        };
        let other = ProblemArea {
            operator: "mobifone".into(),
            ..first.clone()
        };
        assert!(first.is_same(&moved));
        let closed = ProblemArea {
            state: State::Closed,
            ..first.clone()
        };
        assert!(!closed.is_same(&moved) && closed.was_closed_as(&moved));
        let later = ProblemArea {
            months: vec!["2024-12".parse().unwrap()],
            ..moved.clone()
        };
        assert!(!closed.was_closed_as(&later) && !first.was_closed_as(&moved));
        assert!(!first.is_same(&other));
        let feature = first.feature();
        assert_eq!(feature["geometry"]["type"], "MultiPolygon");
        assert_eq!(
            feature["geometry"]["coordinates"].as_array().unwrap().len(),
            first.cells.len()
        );
    }
}
