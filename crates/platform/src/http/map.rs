//! The areas as GeoJSON with their figures, for maps.

use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use geo::{LineString, MultiPolygon, Polygon, Simplify as _};
use serde_json::{Value, json};

use super::ask::Wanted;
use super::blocking;
use super::described::{Kind, OfCampaign, OfMonth, OfNetwork};
use super::problem::Problem;
use crate::area::Area;
use crate::centre::Centre;
use crate::statistics;
use crate::table::{AreaSummary, FigureRow, FigureTable};

/// How far a simplified border may lie from the real one: about 5 m, or about
/// 200 m where so many areas are asked for that a district is a few pixels.
const TOLERANCE_DEGREES: f64 = 5e-5;
const COARSE_DEGREES: f64 = 2e-3;
const MANY_AREAS: usize = 250;

/// Borders, simplified for display, with the figures of a month. Within 5 m of the real
/// ones; within 200 m where more than 250 areas are asked for.
#[utoipa::path(get, path = "/api/v1/map", params(OfMonth, OfCampaign, OfNetwork, Kind), tag = "figures", responses(
    (status = 200, description = "A GeoJSON FeatureCollection (RFC 7946); each feature has the members of an area, and `figures` where there are tests", content_type = "application/geo+json", body = Object),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such campaign", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn map(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(query)?;
    let (month, synthetic) = (wanted.month()?, wanted.synthetic()?);
    wanted.technology()?;
    blocking(centre, move |centre| {
        let index = centre.areas();
        let areas = areas(centre, &index, &wanted)?;
        let many = areas.len() > MANY_AREAS;
        let tolerance = if many { COARSE_DEGREES } else { TOLERANCE_DEGREES };
        let mut features = vec![];
        for area in areas {
            let table = statistics::figures(centre.store(), area, month, synthetic)?;
            features.push(feature(area, row(&table, &wanted)?, tolerance)?);
        }
        let document = json!({"type": "FeatureCollection", "month": month, "synthetic": synthetic, "features": features});
        Ok(([(header::CONTENT_TYPE, "application/geo+json")], document.to_string()).into_response())
    })
    .await
}

/// The areas of a month, of one campaign where one is named.
pub(super) fn areas<'a>(
    centre: &Centre,
    index: &'a crate::area::AreaIndex,
    wanted: &Wanted,
) -> Result<Vec<&'a Area>, Problem> {
    let mut areas = statistics::valid_in(index.areas(), wanted.month()?);
    if let Some(id) = &wanted.campaign {
        let campaign = centre.store().campaign(id)?;
        let campaign = campaign.ok_or_else(|| Problem::unknown_campaign(id))?;
        areas.retain(|area| campaign.areas.contains(&area.key));
    }
    Ok(areas)
}

/// The row of the operator and the technology asked for.
pub(super) fn row<'a>(
    table: &'a FigureTable,
    wanted: &Wanted,
) -> Result<Option<&'a FigureRow>, Problem> {
    let (operator, technology) = (wanted.operator(), wanted.technology()?);
    let found = table.figures.iter();
    let mut found = found.filter(|row| row.operator == operator && row.technology == technology);
    Ok(found.next())
}

fn feature(area: &Area, row: Option<&FigureRow>, tolerance: f64) -> Result<Value, Problem> {
    let mut properties =
        serde_json::to_value(AreaSummary::from(area)).context("writing an area")?;
    properties["figures"] = serde_json::to_value(row).context("writing figures")?;
    Ok(json!({
        "type": "Feature",
        "id": area.key.to_string(),
        "properties": properties,
        "geometry": {"type": "MultiPolygon", "coordinates": coordinates(&simplified(&area.geometry, tolerance))},
    }))
}

/// The border with fewer corners. A ring that would lose its area stays as it is.
fn simplified(border: &MultiPolygon<f64>, tolerance: f64) -> MultiPolygon<f64> {
    let ring = |ring: &LineString<f64>| {
        let fewer = ring.simplify(tolerance);
        if fewer.0.len() < 4 {
            ring.clone()
        } else {
            fewer
        }
    };
    let polygon = |polygon: &Polygon<f64>| {
        let holes = polygon.interiors().iter().map(ring).collect();
        Polygon::new(ring(polygon.exterior()), holes)
    };
    MultiPolygon::new(border.iter().map(polygon).collect())
}

/// Positions to about 0.1 m.
fn coordinates(border: &MultiPolygon<f64>) -> Value {
    let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
    let ring = |ring: &LineString<f64>| -> Value {
        ring.coords()
            .map(|c| json!([round(c.x), round(c.y)]))
            .collect()
    };
    let polygon = |polygon: &Polygon<f64>| -> Value {
        std::iter::once(polygon.exterior())
            .chain(polygon.interiors())
            .map(ring)
            .collect()
    };
    border.iter().map(polygon).collect()
}
