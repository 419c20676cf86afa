//! The demonstration wards that are committed are those the generator draws.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::fs;

use xtask::areas;

fn committed() -> String {
    fs::read_to_string(areas::folder().join(areas::RESULT)).unwrap_or_default()
}

#[test]
fn the_committed_file_is_what_the_generator_makes() {
    assert!(
        committed() == areas::drawn().unwrap(),
        "data/areas is stale: run `cargo xtask areas`"
    );
}

/// Corners as text, so that they compare digit by digit.
fn edges(feature: &serde_json::Value) -> Vec<(String, String)> {
    let ring = feature["geometry"]["coordinates"][0].as_array().unwrap();
    let corner = |at: usize| ring[at].to_string();
    (1..ring.len())
        .map(|at| (corner(at - 1), corner(at)))
        .collect()
}

#[test]
fn neighbours_share_their_border_to_the_last_digit() {
    let file: serde_json::Value = serde_json::from_str(&committed()).unwrap();
    for period in [serde_json::Value::Null, "2025-07-01".into()] {
        let features = file["features"].as_array().unwrap().iter();
        let wards: Vec<_> = features
            .filter(|f| f["properties"]["valid_from"] == period)
            .collect();
        let mut seen: BTreeMap<_, i32> = BTreeMap::new();
        for (from, to) in wards.iter().flat_map(|ward| edges(ward)) {
            *seen.entry((from, to)).or_default() += 1;
        }
        let shared = seen
            .keys()
            .filter(|(a, b)| seen.contains_key(&(b.clone(), a.clone())));
        assert!(seen.values().all(|&times| times == 1), "two wards overlap");
        assert!(
            shared.count() >= 2 * (wards.len() - 1),
            "too few shared borders"
        );
        assert_eq!(ends_of_outline(&seen), 0, "the outer borders make no ring");
    }
}

/// Corners where the borders that nobody shares do not continue.
fn ends_of_outline(seen: &BTreeMap<(String, String), i32>) -> usize {
    let outer: Vec<_> = seen
        .keys()
        .filter(|(a, b)| !seen.contains_key(&(b.clone(), a.clone())))
        .collect();
    outer
        .iter()
        .filter(|(_, end)| outer.iter().filter(|(start, _)| start == end).count() != 1)
        .count()
}
