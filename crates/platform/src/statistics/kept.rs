//! Figures of all places of a period, kept in the store; one place again when a
//! test came.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use metric::EDITION;
use metric::area::AreaKey;
use metric::summary::Draws;

use super::cell::{Method, Pool, Rows, anovas, pooled};
use super::fact::{Fact, Facts, Reading};
use super::period::Period;
use crate::area::Area;
use crate::store::Store;
use crate::store::figure::FigureKey;
use crate::store::observation::Observed;
use crate::summary::{COUNTRY, Level, PlaceFigures, PlaceRow};

/// A place whose figures are asked for, with its tests.
struct Place<'a> {
    level: Level,
    place: String,
    facts: Vec<&'a Fact>,
}

/// Computes the figures of every place with tests in a period, on `threads`
/// threads. `progress` is told how many of how many places are done.
///
/// # Errors
///
/// When the store cannot be read.
pub fn compute(
    store: &Store,
    areas: &[Area],
    method: &Method,
    period: &Period,
    synthetic: bool,
    threads: usize,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<PlaceFigures>> {
    let facts = Facts::read(store, period, synthetic, None)?;
    let pool = pool(&facts);
    store.keep_correlations(&period.to_string(), synthetic, &write_pool(&pool)?)?;
    let places = places(&facts, areas);
    let rows = rows(method, &facts, &pool, period);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut draws = Draws::default();
        let mut done = vec![];
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = places.get(at) else { break };
            done.push((at, place.figures(&rows, period, synthetic, &mut draws)));
            progress(at + 1, places.len());
        }
        done
    };
    let mut figures: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut figures = work();
        figures.extend(
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_default()),
        );
        figures
    });
    figures.sort_by_key(|(at, _)| *at);
    Ok(figures.into_iter().map(|(_, figures)| figures).collect())
}

/// Computes and keeps the figures of a period; returns how many places have any.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn keep(
    store: &Store,
    areas: &[Area],
    method: &Method,
    period: &Period,
    synthetic: bool,
    threads: usize,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<usize> {
    let figures = compute(store, areas, method, period, synthetic, threads, progress)?;
    let text = period.to_string();
    store.forget_figures(&text, synthetic)?;
    let bodies = figures.iter().map(|figures| {
        let body = serde_json::to_string(figures).unwrap_or_default();
        (key(&text, synthetic, figures.level, &figures.place), body)
    });
    store.keep_figures(EDITION, bodies)?;
    Ok(figures.len())
}

const fn key<'a>(period: &'a str, synthetic: bool, level: Level, place: &'a str) -> FigureKey<'a> {
    FigureKey {
        period,
        synthetic,
        level: level.code(),
        place,
    }
}

/// The figures of an area in a period.
///
/// The kept ones; or computed now and kept, when there are none or a test came
/// since. Correlations are those of the last
/// [`keep`], so that one test does not move every ward.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn area(
    store: &Store,
    method: &Method,
    area: &AreaKey,
    period: &Period,
    synthetic: bool,
) -> Result<PlaceFigures> {
    let (text, place) = (period.to_string(), area.to_string());
    let key = key(&text, synthetic, Level::Ward, &place);
    if let Some((body, false)) = store.kept_figure(&key, EDITION)? {
        return serde_json::from_str(&body).context("reading a kept figure");
    }
    let figures = area_now(store, method, area, period, synthetic)?;
    let body = serde_json::to_string(&figures)?;
    store.keep_figures(EDITION, std::iter::once((key, body)))?;
    Ok(figures)
}

/// The figures of an area in a period, computed now and not kept.
///
/// # Errors
///
/// When the store cannot be read.
pub fn area_now(
    store: &Store,
    method: &Method,
    area: &AreaKey,
    period: &Period,
    synthetic: bool,
) -> Result<PlaceFigures> {
    let facts = Facts::read(store, period, synthetic, Some(area))?;
    let kept = store.correlations(&period.to_string(), synthetic)?;
    let pool = kept.map_or_else(|| Ok(Pool::new()), |body| read_pool(&body))?;
    let rows = rows(method, &facts, &pool, period);
    let place = Place {
        level: Level::Ward,
        place: area.to_string(),
        facts: facts.facts.iter().collect(),
    };
    Ok(place.figures(&rows, period, synthetic, &mut Draws::default()))
}

/// The rows of some tests taken together as those of one place, whatever they
/// were read from.
pub(super) fn rows_of(method: &Method, period: &Period, tests: Vec<Observed>) -> Vec<PlaceRow> {
    let mut reading = Reading::new(period);
    for test in tests {
        reading.add(test);
    }
    let (facts, pool) = (reading.finish(), Pool::new());
    let all: Vec<_> = facts.facts.iter().collect();
    rows(method, &facts, &pool, period).of(&all, &mut Draws::default())
}

/// The kept figures of a place, whatever its level; `None` where none are kept.
///
/// # Errors
///
/// When the store cannot be read.
pub fn kept(
    store: &Store,
    level: Level,
    place: &str,
    period: &Period,
    synthetic: bool,
) -> Result<Option<PlaceFigures>> {
    let text = period.to_string();
    let found = store.kept_figure(&key(&text, synthetic, level, place), EDITION)?;
    let read = |(body, _): (String, bool)| serde_json::from_str(&body);
    found.map(read).transpose().context("reading a kept figure")
}

fn rows<'a>(method: &'a Method, facts: &'a Facts, pool: &'a Pool, period: &Period) -> Rows<'a> {
    Rows {
        method,
        operators: &facts.operators,
        pool,
        day: period.days().0,
    }
}

impl Place<'_> {
    fn figures(
        &self,
        rows: &Rows<'_>,
        period: &Period,
        synthetic: bool,
        draws: &mut Draws,
    ) -> PlaceFigures {
        PlaceFigures {
            level: self.level,
            place: self.place.clone(),
            period: period.to_string(),
            synthetic,
            edition: EDITION,
            coarse: false,
            rows: rows.of(&self.facts, draws),
        }
    }
}

/// The country, then provinces, districts and wards: the largest first, so that
/// no thread is left with one in the end.
fn places<'a>(facts: &'a Facts, areas: &[Area]) -> Vec<Place<'a>> {
    let mut places = vec![Place {
        level: Level::Country,
        place: COUNTRY.to_owned(),
        facts: facts.facts.iter().collect(),
    }];
    let known: BTreeMap<&AreaKey, &Area> = areas.iter().map(|area| (&area.key, area)).collect();
    let by_area = facts.by_area();
    for (level, code) in [
        (
            Level::Province,
            (|area| area.province_code.as_deref()) as fn(&Area) -> Option<&str>,
        ),
        (Level::District, |area| area.district_code.as_deref()),
    ] {
        let mut groups: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
        for (key, facts) in &by_area {
            if let Some(code) = known.get(key).and_then(|area| code(area)) {
                groups.entry(code).or_default().extend(facts);
            }
        }
        places.extend(groups.into_iter().map(|(code, facts)| Place {
            level,
            place: code.to_owned(),
            facts,
        }));
    }
    places.extend(by_area.into_iter().map(|(key, facts)| Place {
        level: Level::Ward,
        place: key.to_string(),
        facts,
    }));
    places
}

/// The sums of variance of all wards together.
fn pool(facts: &Facts) -> Pool {
    let wards = facts.by_area();
    wards
        .iter()
        .fold(Pool::new(), |pool, (_, facts)| pooled(pool, anovas(facts)))
}

fn write_pool(pool: &Pool) -> Result<String> {
    Ok(serde_json::to_string(&pool.iter().collect::<Vec<_>>())?)
}

fn read_pool(body: &str) -> Result<Pool> {
    let entries: Vec<_> = serde_json::from_str(body).context("reading pooled correlations")?;
    Ok(entries.into_iter().collect())
}
