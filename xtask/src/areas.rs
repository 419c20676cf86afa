//! Draws the demonstration wards of District 1: Voronoi cells of hand-written
//! points inside a hand-drawn outline.
//!
//! They show the shape of the data without taking anybody's map; each says
//! `"approximate": true`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

/// Folder of the inputs and of the result.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/areas")
}

/// Name of the result in [`folder`].
pub const RESULT: &str = "district-1.demo.geojson";

/// Writes the demonstration wards.
///
/// # Errors
///
/// When an input cannot be read or the result cannot be written.
pub fn run() -> Result<()> {
    let path = folder().join(RESULT);
    fs::write(&path, drawn()?).with_context(|| format!("writing {}", path.display()))
}

/// The demonstration wards as GeoJSON, from the inputs in [`folder`].
///
/// # Errors
///
/// When an input cannot be read or understood.
pub fn drawn() -> Result<String> {
    let outline = outline(&read("district-1.outline.csv")?)?;
    let seeds = seeds(&read("district-1.seeds.csv")?)?;
    collection(&seeds, &outline)
}

fn read(name: &str) -> Result<String> {
    let path = folder().join(name);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// A point: degrees east and north.
type Point = [f64; 2];

/// The point that stands for a ward.
struct Seed {
    code: String,
    name: String,
    full_name: String,
    point: Point,
    valid_from: String,
    valid_to: String,
}

impl Seed {
    /// Whether two wards exist at the same time.
    fn meets(&self, other: &Self) -> bool {
        (&self.valid_from, &self.valid_to) == (&other.valid_from, &other.valid_to)
    }
}

/// Rows below a header, each with its line number.
fn rows(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let lines = text.lines().enumerate().skip(1);
    lines.map(|(at, line)| (at + 1, line.split(',').collect()))
}

fn outline(text: &str) -> Result<Vec<Point>> {
    rows(text)
        .map(|(line, row)| {
            match row[..] {
                [latitude, longitude] => point(latitude, longitude),
                _ => anyhow::bail!("expected latitude,longitude"),
            }
            .with_context(|| format!("outline, line {line}"))
        })
        .collect()
}

fn seeds(text: &str) -> Result<Vec<Seed>> {
    rows(text)
        .map(|(line, row)| seed(&row).with_context(|| format!("seeds, line {line}")))
        .collect()
}

fn seed(row: &[&str]) -> Result<Seed> {
    let [
        code,
        name,
        full_name,
        latitude,
        longitude,
        valid_from,
        valid_to,
    ] = *row
    else {
        anyhow::bail!("expected 7 columns, found {}", row.len());
    };
    Ok(Seed {
        code: code.into(),
        name: name.into(),
        full_name: full_name.into(),
        point: point(latitude, longitude)?,
        valid_from: valid_from.into(),
        valid_to: valid_to.into(),
    })
}

fn point(latitude: &str, longitude: &str) -> Result<Point> {
    Ok([longitude.parse()?, latitude.parse()?])
}

/// One feature a line, so that a change shows as one line.
fn collection(seeds: &[Seed], outline: &[Point]) -> Result<String> {
    let mut text = String::from("{\"type\":\"FeatureCollection\",\"features\":[\n");
    for (at, seed) in seeds.iter().enumerate() {
        let others = seeds.iter().filter(|other| other.meets(seed));
        let ring = ring(&cell(seed.point, others.map(|other| other.point), outline));
        ensure!(
            ring.len() >= 4,
            "ward {} has no cell: is its point outside?",
            seed.code
        );
        let comma = if at + 1 < seeds.len() { "," } else { "" };
        writeln!(text, "{}{comma}", feature(seed, &ring))?;
    }
    text.push_str("]}\n");
    Ok(text)
}

fn feature(seed: &Seed, ring: &[Point]) -> Value {
    let day = |text: &str| Some(text).filter(|text| !text.is_empty()).map(String::from);
    let id = format!("{}@{}", seed.code, seed.valid_from);
    let mut properties = Map::new();
    properties.insert("code".into(), json!(seed.code));
    properties.insert("name".into(), json!(seed.name));
    properties.insert("full_name".into(), json!(seed.full_name));
    properties.insert("type".into(), json!("phuong"));
    if !seed.valid_to.is_empty() {
        properties.insert("district_code".into(), json!("760"));
    }
    properties.insert("province_code".into(), json!("79"));
    properties.insert("valid_from".into(), json!(day(&seed.valid_from)));
    properties.insert("valid_to".into(), json!(day(&seed.valid_to)));
    properties.insert("approximate".into(), json!(true));
    let geometry = json!({"type": "Polygon", "coordinates": [ring]});
    json!({"type": "Feature", "id": id, "properties": properties, "geometry": geometry})
}

/// The part of the outline that is nearer to `seed` than to any other point.
fn cell(seed: Point, others: impl Iterator<Item = Point>, outline: &[Point]) -> Vec<Point> {
    let cut = others
        .filter(|other| *other != seed)
        .fold(outline.to_vec(), |cell, other| clip(&cell, seed, other));
    without_spikes(cut)
}

/// cos² of 10.775°: a degree of longitude is that much shorter than one of latitude.
const EAST_WEIGHT: f64 = 0.965_05;

/// Cuts away what is nearer to `other` than to `seed` (Sutherland–Hodgman with
/// one half-plane).
fn clip(cell: &[Point], seed: Point, other: Point) -> Vec<Point> {
    let side = |p: Point| {
        let across = |axis: usize| {
            (p[axis] - f64::midpoint(seed[axis], other[axis])) * (other[axis] - seed[axis])
        };
        EAST_WEIGHT * across(0) + across(1)
    };
    let mut kept = vec![];
    for (at, &from) in cell.iter().enumerate() {
        let to = cell[(at + 1) % cell.len()];
        let (here, there) = (side(from), side(to));
        if here <= 0.0 {
            kept.push(from);
        }
        if (here < 0.0 && there > 0.0) || (here > 0.0 && there < 0.0) {
            let share = here / (here - there);
            kept.push([0, 1].map(|axis| from[axis] + share * (to[axis] - from[axis])));
        }
    }
    kept
}

/// Takes out corners at which the border turns back on itself: a cut through a
/// hollow of the outline leaves such a line without width.
fn without_spikes(mut cell: Vec<Point>) -> Vec<Point> {
    let folded = |cell: &[Point]| {
        let n = cell.len();
        (0..n).find(|&at| turns_back(cell[(at + n - 1) % n], cell[at], cell[(at + 1) % n]))
    };
    while let Some(at) = folded(&cell) {
        cell.remove(at);
    }
    cell
}

/// Whether the border turns back at a corner, or stands still there.
fn turns_back(before: Point, at: Point, after: Point) -> bool {
    let [ax, ay] = [at[0] - before[0], at[1] - before[1]];
    let [bx, by] = [after[0] - at[0], after[1] - at[1]];
    let same_place = bx.hypot(by) < 1e-10;
    same_place || ((ax * by - ay * bx).abs() < 1e-12 && ax * bx + ay * by < 0.0)
}

/// A closed ring of the corners, rounded to 10⁻⁶ degrees (about 10 cm), which
/// makes the corners that neighbours share the same.
fn ring(cell: &[Point]) -> Vec<Point> {
    let rounded = |degrees: f64| (degrees * 1e6).round() / 1e6;
    let mut ring: Vec<Point> = cell.iter().map(|corner| corner.map(rounded)).collect();
    ring.dedup();
    ring.extend(ring.first().copied());
    ring.dedup();
    ring
}
