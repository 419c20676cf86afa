//! Times how fast points find their area: `locate AREAS.geojson [POINTS]`.
//!
//! Points are spread over the bounding boxes of the areas, one box after the
//! other, so crowded areas get as many as large ones. Run it in release.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a stopwatch that is run by hand"
)]

use std::time::Instant;

use anyhow::Context as _;
use geo::BoundingRect as _;
use jiff::civil::Date;
use metric::position::PositionClaim;
use metric::unit::to_f64;
use metric::validity::Limits;
use platform::area::{AreaIndex, parse};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .context("usage: locate AREAS.geojson [POINTS]")?;
    let points = arguments.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let text = std::fs::read_to_string(path)?;
    let began = Instant::now();
    let areas = parse(&text)?;
    println!("{} areas read: {}", areas.len(), ms(began));
    let began = Instant::now();
    let index = AreaIndex::new(areas);
    println!("{} areas indexed: {}", index.areas().len(), ms(began));
    let points: Vec<_> = (0..points).filter_map(|k| point(&index, k)).collect();
    let day = "2025-08-01".parse()?;
    locate(&index, &points, day);
    place(&index, &points, day);
    Ok(())
}

fn ms(began: Instant) -> String {
    format!("{:.0} ms", began.elapsed().as_secs_f64() * 1e3)
}

/// The `k`-th point, latitude and longitude: R2 low-discrepancy sequence in a box.
fn point(index: &AreaIndex, k: u64) -> Option<(f64, f64)> {
    let areas = index.areas();
    let area = areas.get(usize::try_from(k).ok()? % areas.len())?;
    let rect = area.geometry.bounding_rect()?;
    let part = |step: f64| (to_f64(k) * step).fract();
    Some((
        rect.min().y + rect.height() * part(0.569_840_290_998_053),
        rect.min().x + rect.width() * part(0.754_877_666_246_693),
    ))
}

fn locate(index: &AreaIndex, points: &[(f64, f64)], day: Date) {
    let began = Instant::now();
    let found = points
        .iter()
        .filter(|(y, x)| index.locate(*y, *x, day).is_some())
        .count();
    println!("{} points, {found} inside: {}", points.len(), ms(began));
}

fn place(index: &AreaIndex, points: &[(f64, f64)], day: Date) {
    let limits = Limits::default();
    let claims = points
        .iter()
        .map(|&(latitude_degrees, longitude_degrees)| PositionClaim {
            latitude_degrees,
            longitude_degrees,
            accuracy_metres: 20.0,
        });
    let positions: Vec<_> = claims.filter_map(|claim| claim.check().ok()).collect();
    let began = Instant::now();
    let inside = positions
        .iter()
        .filter(|at| index.place(at, day, &limits).area.is_some())
        .count();
    println!(
        "{} positions of 20 m, {inside} placed: {}",
        positions.len(),
        ms(began)
    );
}
