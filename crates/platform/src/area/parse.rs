//! Reading a GeoJSON `FeatureCollection` of areas.

use anyhow::Context as _;
use geo::MultiPolygon;
use jiff::civil::Date;
use metric::area::AreaKey;
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::problem::{AreaError, Problem, Review};
use super::{Area, geometry};

/// Reads areas from a GeoJSON `FeatureCollection` of polygons in WGS 84.
///
/// Properties: `code` and `name` are required; `full_name` (else the name),
/// `type`, `district_code`, `province_code`, `valid_from`, `valid_to` (the
/// first day no longer valid) and `approximate` are optional; others are ignored.
///
/// # Errors
///
/// [`AreaError`] with every problem of the file. Of a ring only the first bad
/// position is named.
pub fn parse(geojson: &str) -> Result<Vec<Area>, AreaError> {
    let features = features(geojson).map_err(|problem| AreaError {
        problems: vec![*problem],
    })?;
    let mut problems = vec![];
    let mut found = vec![];
    for (index, text) in features.into_iter().enumerate() {
        found.extend(feature(index, text, &mut problems).map(|area| (index, area)));
    }
    note_overlaps(&found, &mut problems);
    if problems.is_empty() {
        Ok(found.into_iter().map(|(_, area)| area).collect())
    } else {
        Err(AreaError { problems })
    }
}

/// The outer shape; features stay text, so that only one at a time is taken apart.
#[derive(Deserialize)]
struct Collection<'a> {
    r#type: String,
    #[serde(borrow)]
    features: Vec<&'a RawValue>,
}

fn features(geojson: &str) -> Result<Vec<&RawValue>, Box<Problem>> {
    let text = geojson.trim_start_matches('\u{feff}');
    let problem = |field: &str, value: String, remedy: String| {
        Box::new(Problem {
            feature: None,
            code: None,
            field: field.into(),
            value,
            remedy,
        })
    };
    let collection: Collection<'_> = serde_json::from_str(text).map_err(|error| {
        let remedy = match error.classify() {
            Category::Data => format!("expected a GeoJSON FeatureCollection: {error}"),
            _ => format!("not JSON: {error}"),
        };
        problem("", String::new(), remedy)
    })?;
    if collection.r#type != "FeatureCollection" {
        let value = format!("{:?}", collection.r#type);
        return Err(problem(
            "type",
            value,
            "expected \"FeatureCollection\"".into(),
        ));
    }
    if collection.features.is_empty() {
        let remedy = "expected at least one area".into();
        return Err(problem("features", "[]".into(), remedy));
    }
    Ok(collection.features)
}

fn feature(index: usize, text: &RawValue, problems: &mut Vec<Problem>) -> Option<Area> {
    let before = problems.len();
    let value: Value = serde_json::from_str(text.get())
        .map_err(|error| problems.push(unreadable(index, &error)))
        .ok()?;
    let properties = &value["properties"];
    let mut review = Review {
        feature: Some(index),
        code: properties["code"]
            .as_str()
            .filter(|c| !c.trim().is_empty())
            .map(Into::into),
        problems,
    };
    if value["type"] != "Feature" {
        review.note("type", &value["type"], "expected \"Feature\"");
        return None;
    }
    let area = described(properties, &value["geometry"], &mut review);
    area.filter(|_| problems.len() == before)
}

/// A feature whose text is JSON by its form, with a number that none can hold.
fn unreadable(index: usize, error: &serde_json::Error) -> Problem {
    Problem {
        feature: Some(index),
        code: None,
        field: String::new(),
        value: String::new(),
        remedy: format!("expected finite numbers; counted from the start of the feature: {error}"),
    }
}

fn described(properties: &Value, shape: &Value, review: &mut Review<'_>) -> Option<Area> {
    let code = required(properties, "code", review);
    let name = required(properties, "name", review);
    let full_name = optional(properties, "full_name", review);
    let kind = optional(properties, "type", review).unwrap_or_default();
    let district_code = optional(properties, "district_code", review);
    let province_code = optional(properties, "province_code", review);
    let (valid_from, valid_to) = validity(properties, review);
    let approximate = flag(properties, "approximate", review);
    let geometry = geometry::read(shape, review);
    let (code, name) = (code?, name?);
    Some(Area {
        key: AreaKey { code, valid_from },
        valid_to,
        full_name: full_name.unwrap_or_else(|| name.clone()),
        name,
        kind,
        district_code,
        province_code,
        approximate,
        geometry: geometry?,
    })
}

fn required(properties: &Value, key: &str, review: &mut Review<'_>) -> Option<String> {
    let field = format!("properties.{key}");
    match &properties[key] {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().into()),
        value @ Value::Number(_) => {
            let remedy = "write it as text: a number loses its leading zeros";
            review.note(&field, value, remedy);
            None
        }
        value => {
            review.note(&field, value, format!("every area needs a {key}"));
            None
        }
    }
}

fn optional(properties: &Value, key: &str, review: &mut Review<'_>) -> Option<String> {
    match &properties[key] {
        Value::String(text) => Some(text.trim().into()).filter(|text: &String| !text.is_empty()),
        Value::Null => None,
        value => {
            review.note(
                &format!("properties.{key}"),
                value,
                "expected text, or null",
            );
            None
        }
    }
}

fn flag(properties: &Value, key: &str, review: &mut Review<'_>) -> bool {
    let value = &properties[key];
    if !value.is_null() && !value.is_boolean() {
        review.note(
            &format!("properties.{key}"),
            value,
            "expected true or false",
        );
    }
    value.as_bool().unwrap_or(false)
}

/// Both ends of the validity, with the order checked.
fn validity(properties: &Value, review: &mut Review<'_>) -> (Option<Date>, Option<Date>) {
    let from = date(properties, "valid_from", review);
    let to = date(properties, "valid_to", review);
    if let (Some(from), Some(to)) = (from, to)
        && to <= from
    {
        let remedy = format!(
            "not after valid_from {from}: give the first day on which it is no longer valid"
        );
        review.note("properties.valid_to", &properties["valid_to"], remedy);
    }
    (from, to)
}

fn date(properties: &Value, key: &str, review: &mut Review<'_>) -> Option<Date> {
    let text = optional(properties, key, review)?;
    let date = written_date(&text);
    if date.is_none() {
        let remedy = "expected a day as YYYY-MM-DD, or null where it is open";
        review.note(&format!("properties.{key}"), &properties[key], remedy);
    }
    date
}

/// A day in exactly the form `YYYY-MM-DD`.
pub(crate) fn written_date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// Notes codes that name two areas on the same day.
fn note_overlaps(found: &[(usize, Area)], problems: &mut Vec<Problem>) {
    let mut sorted: Vec<_> = found.iter().collect();
    sorted.sort_by(|a, b| (&a.1.key, a.0).cmp(&(&b.1.key, b.0)));
    for pair in sorted.windows(2) {
        let [(first, one), (second, two)] = pair else {
            continue;
        };
        if one.key.code != two.key.code || !one.validity().overlaps(&two.validity()) {
            continue;
        }
        let remedy = if one.key == two.key {
            format!("code and valid_from are those of feature {first}: remove one of the two")
        } else {
            format!("overlapping validity with feature {first}: end that area when this one begins")
        };
        problems.push(Problem {
            feature: Some(*second),
            code: Some(two.key.code.clone()),
            field: "properties.valid_from".into(),
            value: two
                .key
                .valid_from
                .map_or_else(|| "null".into(), |day| format!("\"{day}\"")),
            remedy,
        });
    }
}

/// The geometry of an area as a store keeps it.
pub(super) fn stored_geometry(key: &AreaKey, json: &str) -> anyhow::Result<MultiPolygon<f64>> {
    let value = serde_json::from_str(json).with_context(|| format!("geometry of area {key}"))?;
    let mut problems = vec![];
    let mut review = Review {
        feature: None,
        code: None,
        problems: &mut problems,
    };
    geometry::read(&value, &mut review)
        .ok_or(AreaError { problems })
        .with_context(|| format!("geometry of area {key}"))
}
