//! The same ground through the editions of the areas.
//!
//! A ward of today did not exist before July 2025; the ground did. Its tests of
//! any month are found again by their positions; where those have expired, by
//! what was written down before, and else by their cell, which marks the figure
//! as coarse.

use std::collections::BTreeSet;

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::Date;
use metric::EDITION;
use metric::area::{AreaKey, Validity};
use metric::month::Month;
use metric::summary::Draws;
use metric::validity::{Limits, Placement};

use super::cell::{Method, Pool, Rows};
use super::fact::Reading;
use super::kept;
use super::period::Period;
use crate::area::{Area, AreaIndex};
use crate::store::Store;
use crate::store::history::middle;
use crate::store::observation::{Observed, Question};
use crate::summary::{Level, PlaceFigures};

/// The figures of an area's ground for each of some months: its own where it
/// existed, else those of the tests that were made where it lies.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn series(
    store: &Store,
    areas: &AreaIndex,
    method: &Method,
    limits: &Limits,
    area: &Area,
    months: &[Month],
    synthetic: bool,
) -> Result<Vec<PlaceFigures>> {
    let figures = |&month: &Month| {
        let period = Period::month(month);
        if area.validity().contains(month.first_day()) {
            return kept::area(store, method, &area.key, &period, synthetic);
        }
        figures(store, areas, method, limits, area, &period, synthetic)
    };
    months.iter().map(figures).collect()
}

/// The figures of an area's ground in a period in which it had other borders.
///
/// # Errors
///
/// When the store cannot be read.
pub fn figures(
    store: &Store,
    areas: &AreaIndex,
    method: &Method,
    limits: &Limits,
    area: &Area,
    period: &Period,
    synthetic: bool,
) -> Result<PlaceFigures> {
    let ground = Ground::new(area, limits);
    let mut reading = Reading::new(period);
    let mut coarse = false;
    for key in neighbours(areas, area, period) {
        let question = Question {
            instants: period.instants(),
            months: period.months(),
            synthetic,
            area: Some(&key),
            ground: Some(&area.key),
        };
        store.observe(&question, |test| {
            let (inside, by_cell) = ground.holds(&test);
            if inside {
                coarse |= by_cell;
                reading.add(test);
            }
        })?;
    }
    let facts = reading.finish();
    let rows = Rows {
        method,
        operators: &facts.operators,
        pool: &Pool::new(),
        day: period.days().0,
    };
    Ok(PlaceFigures {
        level: Level::Ward,
        place: area.key.to_string(),
        period: period.to_string(),
        synthetic,
        edition: EDITION,
        coarse,
        rows: rows.of(
            &facts.facts.iter().collect::<Vec<_>>(),
            &mut Draws::default(),
        ),
    })
}

/// One area, as if it had always been there.
struct Ground {
    index: AreaIndex,
    day: Date,
    limits: Limits,
}

impl Ground {
    fn new(area: &Area, limits: &Limits) -> Self {
        let day = area.key.valid_from.unwrap_or(Date::MIN);
        Self {
            index: AreaIndex::new(vec![area.clone()]),
            day,
            limits: *limits,
        }
    }

    /// Whether a test lies in it, and whether its cell alone says so.
    fn holds(&self, test: &Observed) -> (bool, bool) {
        if let Some(position) = test.position {
            let placed = self.index.place(&position, self.day, &self.limits);
            return (placed.placement == Placement::Inside, false);
        }
        if let Some(on_ground) = test.on_ground {
            return (on_ground, false);
        }
        let middle = test.cell.and_then(|cell| middle(cell.cast_signed()));
        let inside = middle.is_some_and(|at| {
            let area = self.index.locate(at.latitude(), at.longitude(), self.day);
            area.is_some()
        });
        (inside, true)
    }
}

/// The areas of a period whose boxes touch that of an area.
fn neighbours(areas: &AreaIndex, area: &Area, period: &Period) -> Vec<AreaKey> {
    use geo::{BoundingRect as _, Intersects as _};
    let (first, end) = period.days();
    let days = Validity {
        from: Some(first),
        to: Some(end),
    };
    let here = area.geometry.bounding_rect();
    let near = |other: &&Area| {
        let there = other.geometry.bounding_rect();
        other.validity().overlaps(&days)
            && here
                .zip(there)
                .is_some_and(|(here, there)| here.intersects(&there))
    };
    areas
        .areas()
        .iter()
        .filter(near)
        .map(|area| area.key.clone())
        .collect()
}

/// Writes down, for positions whose time is over, in which area of every
/// edition they lie.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn seal(store: &Store, areas: &AreaIndex, limits: &Limits, now: Timestamp) -> Result<()> {
    let starts = areas
        .areas()
        .iter()
        .map(|area| area.key.valid_from.unwrap_or(Date::MIN));
    let days: BTreeSet<Date> = starts.collect();
    let mut placements = vec![];
    for (test, position, own) in store.expiring(now)? {
        for &day in &days {
            let placed = areas.place(&position, day, limits);
            let area = placed
                .area
                .filter(|_| placed.placement == Placement::Inside);
            if let Some(area) = area.filter(|area| area.key.to_string() != own) {
                placements.push((test, area.key.clone()));
            }
        }
    }
    store.place(&placements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{BEN_NGHE, Place, at, draft, moved, position, signed};
    use crate::statistics::valid_in;

    fn sai_gon(place: &Place) -> Area {
        let areas = place.areas.areas().iter();
        let day = "2025-07-01".parse().unwrap();
        let mut here = areas.filter(|a| a.validity().contains(day));
        here.find(|a| a.name == "Sài Gòn").cloned().unwrap()
    }

    fn tests_of(figures: &PlaceFigures) -> u64 {
        figures.row("all", "mobile").map_or(0, |row| row.tests)
    }

    fn months(place: &Place) -> Vec<PlaceFigures> {
        let method = Method::of_edition().unwrap();
        let months: Vec<Month> = ["2024-11", "2026-01"].map(|m| m.parse().unwrap()).into();
        let area = sai_gon(place);
        series(
            &place.store,
            &place.areas,
            &method,
            &place.limits,
            &area,
            &months,
            false,
        )
        .unwrap()
    }

    /// Three tests in Bến Nghé, which is now in Sài Gòn; one in another ward.
    fn measured() -> Place {
        let place = Place::new();
        for n in 1..=3 {
            place.collect(&signed(draft(n))).unwrap();
        }
        let mut elsewhere = draft(4);
        elsewhere.context.position = Some(position((10.7640, 106.6890)));
        place.collect(&signed(elsewhere)).unwrap();
        let later = at("2026-01-10T02:00:00Z");
        let body = signed(moved(draft(5), later));
        let now = later + jiff::SignedDuration::from_secs(60);
        place.collect_at(now, &body).unwrap();
        place
    }

    #[test]
    fn ten_wards_for_ever_and_four_now_and_one_ground() {
        let place = measured();
        let wards = |month: &str| valid_in(place.areas.areas(), month.parse().unwrap()).len();
        assert_eq!((wards("2024-11"), wards("2026-01")), (10, 4));
        let months = months(&place);
        assert_eq!((tests_of(&months[0]), tests_of(&months[1])), (3, 1));
        assert!(!months[0].coarse && !months[1].coarse);
    }

    #[test]
    fn what_is_sealed_before_it_expires_is_not_coarse() {
        let place = measured();
        let later = at("2026-12-01T00:00:00Z");
        seal(&place.store, &place.areas, &place.limits, later).unwrap();
        place.store.expire_positions(later).unwrap();
        let months = months(&place);
        assert_eq!((tests_of(&months[0]), months[0].coarse), (3, false));
    }

    #[test]
    fn without_a_position_the_cell_says_where_and_the_figure_is_coarse() {
        let place = measured();
        place
            .store
            .expire_positions(at("2026-12-01T00:00:00Z"))
            .unwrap();
        let months = months(&place);
        assert_eq!((tests_of(&months[0]), months[0].coarse), (3, true));
        assert!(
            sai_gon(&place)
                .validity()
                .contains("2026-01-01".parse().unwrap())
        );
        let _ = BEN_NGHE;
    }
}
