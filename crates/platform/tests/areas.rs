//! Areas against whole files: refused ones, the demonstration, and real
//! boundaries where they are at hand beside the repository.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail, and says what it left out"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use geo::{Coord, Intersects as _, LineString, Point, Polygon};
use jiff::civil::{Date, date};
use platform::area::{Area, AreaIndex, parse};
use proptest::prelude::*;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder of test input beside the repository; `None`, with a note, without it.
fn beside(folder: &str) -> Option<PathBuf> {
    let path = repository().join("../shared/data").join(folder);
    if !path.exists() {
        eprintln!("not checked: no test input {folder} beside the repository");
        return None;
    }
    Some(path)
}

/// Refused files of `testdata/area`, and what is said about each.
const REFUSED: &[(&str, &str)] = &[
    (
        "bad-approximate",
        "feature 0 (code 26740): properties.approximate is \"yes\": expected true or false",
    ),
    (
        "bad-date",
        "feature 0 (code 26740): properties.valid_from is \"01/07/2025\": expected a day as YYYY-MM-DD, or null where it is open",
    ),
    (
        "duplicate-code",
        "feature 2 (code 26740): properties.valid_from is null: code and valid_from are those of feature 0: remove one of the two",
    ),
    (
        "empty-geometry",
        "feature 0 (code 26740): geometry.coordinates is []: the geometry is empty: export the feature with its boundary",
    ),
    (
        "empty-name",
        "feature 0 (code 26740): properties.name is \" \": every area needs a name",
    ),
    (
        "end-before-start",
        "feature 0 (code 26740): properties.valid_to is \"2025-07-01\": not after valid_from 2025-07-01: give the first day on which it is no longer valid",
    ),
    (
        "endless-number",
        "feature 0: expected finite numbers; counted from the start of the feature: number out of range at line 1 column 106",
    ),
    (
        "line",
        "feature 0 (code 26740): geometry.type is \"LineString\": expected a geometry of type Polygon or MultiPolygon",
    ),
    (
        "missing-code",
        "feature 0: properties.code is missing or null: every area needs a code",
    ),
    (
        "no-features",
        "file: features is []: expected at least one area",
    ),
    (
        "no-geometry",
        "feature 0 (code 26740): geometry is missing or null: expected a geometry of type Polygon or MultiPolygon",
    ),
    (
        "not-a-collection",
        "file: expected a GeoJSON FeatureCollection: missing field `features` at line 1 column 64",
    ),
    (
        "not-a-feature",
        "feature 1 (code 26740): type is \"Point\": expected \"Feature\"",
    ),
    (
        "not-finite",
        "feature 0 (code 26740): geometry.coordinates[0][1] is [106.71,null]: expected two finite numbers [longitude, latitude]",
    ),
    (
        "not-json",
        "file: not JSON: expected value at line 1 column 1",
    ),
    (
        "numeric-code",
        "feature 0: properties.code is 26740: write it as text: a number loses its leading zeros",
    ),
    (
        "open-ring",
        "feature 0 (code 26740): geometry.coordinates[0] is [[106.7,10.77],[106.7,10.78]]: the ring is open: its last position must repeat the first",
    ),
    (
        "outside-wgs84",
        "feature 0 (code 26740): geometry.coordinates[0][0] is [685500.5,1191200.2]: outside WGS 84: export in degrees (EPSG:4326), [longitude, latitude]",
    ),
    (
        "overlapping-validity",
        "feature 1 (code 26740): properties.valid_from is \"2025-06-01\": overlapping validity with feature 0: end that area when this one begins",
    ),
    (
        "several",
        "feature 0: properties.code is \"\": every area needs a code\nfeature 0: properties.name is missing or null: every area needs a name\nfeature 1 (code 1): properties.valid_to is \"soon\": expected a day as YYYY-MM-DD, or null where it is open\nfeature 1 (code 1): geometry.coordinates[0] is [[106.7,10.7]]: a ring has 1 positions, expected at least 4: three corners and the first again",
    ),
    (
        "short-ring",
        "feature 0 (code 26740): geometry.coordinates[0] is [[106.7,10.77],[106.71,10.77],[106.7,10.77]]: a ring has 3 positions, expected at least 4: three corners and the first again",
    ),
    (
        "swapped",
        "feature 0 (code 26740): geometry.coordinates[0][0] is [10.77,106.7]: latitude and longitude are swapped: GeoJSON writes [longitude, latitude]",
    ),
    (
        "topology",
        "file: type is \"Topology\": expected \"FeatureCollection\"",
    ),
];

#[test]
fn each_bad_file_is_refused_with_its_reason() {
    for (name, want) in REFUSED {
        let path = repository().join(format!("testdata/area/invalid-{name}.geojson"));
        let error = parse(&fs::read_to_string(path).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), *want, "{name}");
    }
}

#[test]
fn no_bad_file_is_forgotten() {
    let files = fs::read_dir(repository().join("testdata/area")).unwrap();
    let mut found: Vec<_> = files
        .filter_map(|file| file.unwrap().file_name().into_string().ok())
        .filter_map(|name| {
            Some(
                name.strip_prefix("invalid-")?
                    .strip_suffix(".geojson")?
                    .to_string(),
            )
        })
        .collect();
    let mut listed: Vec<_> = REFUSED
        .iter()
        .map(|(name, _)| (*name).to_string())
        .collect();
    found.sort();
    listed.sort();
    assert_eq!(found, listed);
}

fn demonstration() -> AreaIndex {
    let path = repository().join("data/areas/district-1.demo.geojson");
    AreaIndex::new(parse(&fs::read_to_string(path).unwrap()).unwrap())
}

fn outline() -> Polygon<f64> {
    let path = repository().join("data/areas/district-1.outline.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let corners = reader.deserialize::<(f64, f64)>().map(Result::unwrap);
    let corners: LineString<f64> = corners.map(|(y, x)| Coord { x, y }).collect();
    Polygon::new(corners, vec![])
}

/// Wards that hold a point on a day, borders included.
fn holders(index: &AreaIndex, point: Point<f64>, day: Date) -> usize {
    let valid = index
        .areas()
        .iter()
        .filter(|area| area.validity().contains(day));
    valid
        .filter(|area| area.geometry.intersects(&point))
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Corners are rounded to 10⁻⁶ degrees, so points nearer than that to a
    /// border or to the outline are left out.
    #[test]
    fn demonstration_wards_tile_their_outline(x in 106.68..106.711_f64, y in 10.753..10.796_f64) {
        let (index, outline) = (demonstration(), outline());
        let near = [(-2e-6, 0.0), (2e-6, 0.0), (0.0, -2e-6), (0.0, 2e-6), (0.0, 0.0)];
        let around = near.map(|(dx, dy)| Point::new(x + dx, y + dy));
        let inside = around.map(|p| outline.intersects(&p));
        prop_assume!(inside.iter().all(|&i| i == inside[0]));
        for (day, wards) in [(date(2024, 11, 8), 10), (date(2025, 7, 1), 4)] {
            let valid = index.areas().iter().filter(|area| area.validity().contains(day));
            prop_assert_eq!(valid.count(), wards);
            let held = around.map(|p| holders(&index, p, day));
            if !inside[0] {
                prop_assert_eq!(held[4], 0);
                prop_assert!(index.locate(y, x, day).is_none());
            } else if held.iter().all(|&h| h == held[0]) {
                prop_assert_eq!(held[4], 1);
                prop_assert!(index.locate(y, x, day).is_some());
            } else {
                prop_assert!(held.iter().all(|&h| h >= 1));
            }
        }
    }
}

#[test]
fn demonstration_wards_say_that_they_are_approximate() {
    assert!(demonstration().areas().iter().all(|area| area.approximate));
}

#[test]
fn real_boundaries_are_read() {
    let Some(folder) = beside("boundaries") else {
        return;
    };
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let areas =
            parse(&text(&path)).unwrap_or_else(|error| panic!("{}:\n{error}", path.display()));
        assert!(areas.len() >= 4, "{}", path.display());
        if path.extension().is_some_and(|ending| ending == "gz") {
            assert_eq!(areas.len(), 3331);
        }
    }
}

/// The text of a file, unpacked where it is compressed.
fn text(path: &Path) -> String {
    if path.extension().is_some_and(|ending| ending == "gz") {
        let unpacked = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
        String::from_utf8(unpacked.stdout).unwrap()
    } else {
        fs::read_to_string(path).unwrap()
    }
}

#[test]
fn landmarks_lie_in_their_wards_in_both_periods() {
    let Some(folder) = beside("") else {
        return;
    };
    let areas = |name: &str| -> Vec<Area> {
        parse(&text(&folder.join(format!("boundaries/{name}.geojson")))).unwrap()
    };
    let mut all = areas("hcmc_wards_until_2025-06-30");
    all.extend(areas("hcmc_wards_from_2025-07-01"));
    let index = AreaIndex::new(all);
    let mut reader = csv::Reader::from_path(folder.join("landmarks.csv")).unwrap();
    for row in reader
        .deserialize::<BTreeMap<String, String>>()
        .map(Result::unwrap)
    {
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        for (day, column) in [
            (date(2025, 6, 30), "expected_code_until_2025-06-30"),
            (date(2025, 7, 1), "expected_code_from_2025-07-01"),
        ] {
            let found = index.locate(number("lat"), number("lon"), day);
            let code = found.map_or("", |area| area.key.code.as_str());
            assert_eq!(code, row[column], "{} on {day}", row["name"]);
        }
    }
}
