//! GeoJSON polygons (RFC 7946 §3.1) to and from `geo`, with every check named.

use geo::{Coord, LineString, MultiPolygon, Polygon};
use metric::position::PositionClaim;
use serde_json::{Value, json};

use super::problem::Review;

/// Fewest positions of a ring: a triangle and its first corner again.
const MIN_RING: usize = 4;

/// Reads a `Polygon` or `MultiPolygon`; notes what is wrong with it.
pub(super) fn read(geometry: &Value, review: &mut Review<'_>) -> Option<MultiPolygon<f64>> {
    let coordinates = &geometry["coordinates"];
    let field = "geometry.coordinates";
    match geometry["type"].as_str() {
        Some("Polygon") => Some(vec![polygon(field, coordinates, review)?]),
        Some("MultiPolygon") => list(field, coordinates, review, polygon),
        _ => {
            let remedy = "expected a geometry of type Polygon or MultiPolygon";
            let (field, value) = if geometry.is_null() {
                ("geometry", geometry)
            } else {
                ("geometry.type", &geometry["type"])
            };
            review.note(field, value, remedy);
            None
        }
    }
    .map(MultiPolygon::new)
}

/// Writes a `MultiPolygon`.
pub(super) fn write(geometry: &MultiPolygon<f64>) -> String {
    let ring =
        |ring: &LineString<f64>| -> Vec<[f64; 2]> { ring.coords().map(|c| [c.x, c.y]).collect() };
    let polygon = |p: &Polygon<f64>| -> Vec<Vec<[f64; 2]>> {
        std::iter::once(p.exterior())
            .chain(p.interiors())
            .map(ring)
            .collect()
    };
    let coordinates: Vec<_> = geometry.iter().map(polygon).collect();
    json!({"type": "MultiPolygon", "coordinates": coordinates}).to_string()
}

fn polygon(field: &str, value: &Value, review: &mut Review<'_>) -> Option<Polygon<f64>> {
    let mut rings = list(field, value, review, ring)?.into_iter();
    let outer = rings.next()?;
    Some(Polygon::new(outer, rings.collect()))
}

/// Reads every member of a list that must not be empty; `None` when one fails,
/// after all have been looked at.
fn list<T>(
    field: &str,
    value: &Value,
    review: &mut Review<'_>,
    read: impl Fn(&str, &Value, &mut Review<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(members) = value.as_array().filter(|members| !members.is_empty()) else {
        review.note(
            field,
            value,
            "the geometry is empty: export the feature with its boundary",
        );
        return None;
    };
    let read_all: Vec<_> = members
        .iter()
        .enumerate()
        .map(|(at, member)| read(&format!("{field}[{at}]"), member, review))
        .collect();
    read_all.into_iter().collect()
}

fn ring(field: &str, value: &Value, review: &mut Review<'_>) -> Option<LineString<f64>> {
    let positions = value.as_array().map_or(&[] as &[Value], Vec::as_slice);
    if positions.len() < MIN_RING {
        let remedy = format!(
            "a ring has {} positions, expected at least {MIN_RING}: three corners and the first again",
            positions.len()
        );
        review.note(field, value, remedy);
        return None;
    }
    let coords = coords(field, positions, review)?;
    if coords.first() != coords.last() {
        let remedy = "the ring is open: its last position must repeat the first";
        review.note(field, &json!([positions.first(), positions.last()]), remedy);
        return None;
    }
    Some(LineString::new(coords))
}

/// The positions of a ring; the first bad one is noted, because the others of
/// the ring are mostly bad in the same way.
fn coords(field: &str, positions: &[Value], review: &mut Review<'_>) -> Option<Vec<Coord<f64>>> {
    let read: Result<Vec<_>, _> = positions
        .iter()
        .enumerate()
        .map(|(at, position)| coord(position).map_err(|remedy| (at, position, remedy)))
        .collect();
    read.map_err(|(at, value, remedy)| review.note(&format!("{field}[{at}]"), value, remedy))
        .ok()
}

/// One position: longitude, latitude, and possibly a height, which is dropped.
fn coord(position: &Value) -> Result<Coord<f64>, &'static str> {
    let number = |at: usize| {
        position
            .get(at)
            .and_then(Value::as_f64)
            .filter(|n| n.is_finite())
    };
    let (Some(x), Some(y)) = (number(0), number(1)) else {
        return Err("expected two finite numbers [longitude, latitude]");
    };
    if (-180.0..=180.0).contains(&x) && (-90.0..=90.0).contains(&y) {
        Ok(Coord { x, y })
    } else if is_swapped(x, y) {
        Err("latitude and longitude are swapped: GeoJSON writes [longitude, latitude]")
    } else {
        Err("outside WGS 84: export in degrees (EPSG:4326), [longitude, latitude]")
    }
}

/// Whether the two numbers are a place in Vietnam once they change places.
fn is_swapped(x: f64, y: f64) -> bool {
    let swapped = PositionClaim {
        latitude_degrees: x,
        longitude_degrees: y,
        accuracy_metres: 1.0,
    };
    swapped.check().is_ok()
}
