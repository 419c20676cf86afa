//! Weights that give every operator and every part of the day its due.
//!
//! Who tests and when is not who uses the network and when: officials test in
//! office hours. A figure is therefore also published weighted to the shares of
//! a table that the regulator supplies, beside the unweighted one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::month::VIETNAM;
use crate::sample::WEIGHT_ONE;
use crate::unit::{floor_u64, to_f64};

/// Bands of the day: first hour and the hour after the last, Vietnam's time.
pub const BANDS: [(u8, u8); 5] = [(0, 6), (6, 18), (18, 19), (19, 23), (23, 24)];

/// Number of the band an instant lies in, of [`BANDS`].
pub fn band(at: Timestamp) -> u8 {
    band_of_hour(VIETNAM.to_datetime(at).hour().unsigned_abs())
}

/// Number of the band an hour (0 to 23) lies in.
pub fn band_of_hour(hour: u8) -> u8 {
    let holds = |(first, end): &(u8, u8)| (*first..*end).contains(&hour);
    let at = BANDS.iter().position(holds).unwrap_or(BANDS.len() - 1);
    u8::try_from(at).unwrap_or(0)
}

/// Shares that a sample is weighted to, with their source.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Who says so, and of when.
    pub source: String,
    /// Share of each operator, by id; they need not add up to 1.
    pub operators: BTreeMap<String, f64>,
    /// Share of each band of the day, in the order of [`BANDS`].
    pub bands: [f64; 5],
}

/// A cell of the weighting: number of the operator, number of the band.
pub type Cell = (u32, u8);

/// Highest weight, in times the mean.
pub const CAP: f64 = 5.0;
/// Fewest device-days of a cell that has a weight of its own.
pub const FEWEST: u64 = 10;

/// Weights of cells in units of [`WEIGHT_ONE`], from how many device-days each
/// has and what share it is due.
///
/// - Definition: due share over sample share. A cell with fewer than [`FEWEST`]
///   device-days is merged with the other thin cells of its operator, and if
///   that is too thin still, with those of all operators. A weight is at most
///   [`CAP`] times the mean and at least 1/64 of it.
/// - Cells that are due nothing (an operator that is not in the table) keep the
///   weight one.
/// - Source: Holt & Smith, *JRSS A* 142 (1979); Kish, *Survey Sampling*, §11.7.
pub fn post_stratify(
    cells: &BTreeMap<Cell, u64>,
    due: impl Fn(Cell) -> Option<f64>,
) -> BTreeMap<Cell, u32> {
    let known = |cell: &Cell| due(*cell).is_some();
    let all: u64 = cells.iter().filter(|(c, _)| known(c)).map(|c| c.1).sum();
    let owed: f64 = cells.keys().filter_map(|&cell| due(cell)).sum();
    let mut weights = BTreeMap::new();
    for group in groups(cells, &due) {
        let here: u64 = group.iter().map(|cell| cells[cell]).sum();
        let share: f64 = group.iter().filter_map(|&cell| due(cell)).sum();
        let weight = (share / owed) / (to_f64(here) / to_f64(all));
        weights.extend(group.iter().map(|&cell| (cell, stored(weight))));
    }
    let unknown = cells.keys().filter(|cell| !known(cell));
    weights.extend(unknown.map(|&cell| (cell, WEIGHT_ONE)));
    weights
}

fn stored(weight: f64) -> u32 {
    let capped = if weight.is_finite() {
        weight.min(CAP)
    } else {
        1.0
    };
    let units = floor_u64((capped * f64::from(WEIGHT_ONE)).round());
    u32::try_from(units).unwrap_or(WEIGHT_ONE).max(1)
}

/// Cells that share a weight: each alone, or thin ones together.
fn groups(cells: &BTreeMap<Cell, u64>, due: &impl Fn(Cell) -> Option<f64>) -> Vec<Vec<Cell>> {
    let mut groups: Vec<Vec<Cell>> = vec![];
    let mut thin: BTreeMap<u32, Vec<Cell>> = BTreeMap::new();
    for (&cell, &n) in cells.iter().filter(|(cell, _)| due(**cell).is_some()) {
        if n >= FEWEST {
            groups.push(vec![cell]);
        } else {
            thin.entry(cell.0).or_default().push(cell);
        }
    }
    let size = |group: &Vec<Cell>| group.iter().map(|cell| cells[cell]).sum::<u64>();
    let mut rest = vec![];
    for group in thin.into_values() {
        if size(&group) >= FEWEST {
            groups.push(group);
        } else {
            rest.extend(group);
        }
    }
    if !rest.is_empty() {
        groups.push(rest);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_the_day_in_vietnams_time() {
        let bands: Vec<_> = (0..24).map(band_of_hour).collect();
        assert_eq!(bands[5..7], [0, 1]);
        assert_eq!(bands[17..20], [1, 2, 3]);
        assert_eq!(bands[22..], [3, 4]);
        assert_eq!(band("2024-11-08T11:30:00Z".parse().unwrap()), 2);
    }

    #[test]
    fn a_cell_seen_half_as_often_as_due_counts_double() {
        let cells = BTreeMap::from([((0, 1), 75), ((0, 3), 25)]);
        let weights = post_stratify(&cells, |_| Some(0.5));
        assert_eq!(weights[&(0, 3)], 2 * WEIGHT_ONE);
        assert_eq!(weights[&(0, 1)], 43);
    }

    #[test]
    fn no_weight_is_above_the_cap() {
        let cells = BTreeMap::from([((0, 1), 990), ((0, 3), 10)]);
        let weights = post_stratify(&cells, |(_, band)| Some([0.1, 0.9][usize::from(band == 3)]));
        assert_eq!(weights[&(0, 3)], 5 * WEIGHT_ONE);
    }

    #[test]
    fn thin_cells_share_a_weight_and_the_unknown_keep_theirs() {
        let cells = BTreeMap::from([
            ((0, 0), 5),
            ((0, 4), 6),
            ((0, 1), 89),
            ((1, 1), 3),
            ((9, 1), 40),
        ]);
        let due = |(operator, _): Cell| (operator < 9).then_some(0.2);
        let weights = post_stratify(&cells, due);
        assert_eq!(weights[&(0, 0)], weights[&(0, 4)]);
        assert_ne!(weights[&(0, 0)], weights[&(0, 1)]);
        assert_eq!(weights[&(9, 1)], WEIGHT_ONE);
    }
}
