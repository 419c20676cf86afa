//! Figures beside one another: months of an area, areas of a month, operators
//! of an area.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use metric::comparison::{Compared, tiers};
use metric::month::Month;
use serde::Serialize;
use utoipa::ToSchema;

use super::area::find;
use super::ask::Wanted;
use super::described::{Kind, OfCampaign, OfMonth, OfNetwork, OfQuantity, OfSeries};
use super::problem::Problem;
use super::{blocking, map};
use crate::centre::Centre;
use crate::quantity::Quantity;
use crate::statistics;
use crate::table::{AreaSummary, FigureRow};

/// Months of an area.
#[derive(Serialize, ToSchema)]
pub(super) struct SeriesTable {
    code: String,
    operator: String,
    technology: String,
    synthetic: bool,
    points: Vec<SeriesPoint>,
}

/// A month of a series.
#[derive(Serialize, ToSchema)]
pub(super) struct SeriesPoint {
    #[schema(value_type = String, example = "2024-11")]
    month: Month,
    /// The area that had the code in that month; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<AreaSummary>,
    /// Absent where there are no tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<FigureRow>,
}

/// The months of an area. A code that was given to another area in between says
/// so: each point names the area it is about.
#[utoipa::path(get, path = "/api/v1/areas/{code}/series", tag = "figures",
    params(("code" = String, Path, description = "Code of the area", example = "26740"), OfSeries, OfNetwork, Kind), responses(
    (status = 200, description = "A point for each month", body = SeriesTable),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No area had the code in any of the months", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn series(
    State(centre): State<Arc<Centre>>,
    Path(code): Path<String>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<SeriesTable>, Problem> {
    let wanted = Wanted::of(query)?;
    blocking(centre, move |centre| {
        Ok(Json(series_of(centre, code, &wanted)?))
    })
    .await
}

/// The series of a code; an error where no month knows it.
pub(super) fn series_of(
    centre: &Centre,
    code: String,
    wanted: &Wanted,
) -> Result<SeriesTable, Problem> {
    let (months, synthetic) = (wanted.months()?, wanted.synthetic()?);
    let technology = wanted.technology()?.to_owned();
    let index = centre.areas();
    let mut points = vec![];
    for &month in &months {
        let area = find(&index, &code, month).ok();
        let table = area.map(|area| statistics::figures(centre.store(), area, month, synthetic));
        let table = table.transpose()?;
        let figures = table
            .as_ref()
            .map(|table| map::row(table, wanted))
            .transpose()?
            .flatten()
            .cloned();
        points.push(SeriesPoint {
            month,
            area: area.map(AreaSummary::from),
            figures,
        });
    }
    if points.iter().all(|point| point.area.is_none()) {
        let last = months.last().copied();
        return Err(Problem::unknown_area(
            &code,
            last.unwrap_or_else(|| months[0]),
        ));
    }
    Ok(SeriesTable {
        code,
        operator: wanted.operator().to_owned(),
        technology,
        synthetic,
        points,
    })
}

impl SeriesTable {
    pub(super) fn points(&self) -> impl Iterator<Item = (Month, Option<&FigureRow>)> {
        self.points
            .iter()
            .map(|point| (point.month, point.figures.as_ref()))
    }
}

/// Areas or operators in tiers.
#[derive(Serialize, ToSchema)]
pub(super) struct ComparisonTable {
    #[schema(value_type = String, example = "2024-11")]
    month: Month,
    synthetic: bool,
    metric: &'static str,
    technology: String,
    /// Best first; what is withheld last.
    rows: Vec<ComparedRow>,
}

/// A row of a comparison.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct ComparedRow {
    /// The area it is about.
    pub(super) area: AreaSummary,
    /// Tier, 1 for the best; rows of one tier do not differ beyond chance.
    /// Absent where the figure is withheld or has no interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tier: Option<u32>,
    /// The figures.
    pub(super) figures: FigureRow,
}

/// The areas of a month, or with `code` the operators of one area, in tiers:
/// two rows of one tier do not differ beyond chance.
#[utoipa::path(get, path = "/api/v1/compare", tag = "figures",
    params(OfMonth, OfCampaign, OfNetwork, OfQuantity, Kind, ("code" = Option<String>, Query, description = "Compare the operators of this area instead of areas", example = "26740")), responses(
    (status = 200, description = "The rows, best first", body = ComparisonTable),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such campaign or area", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn compare(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Wanted>, QueryRejection>,
    code: Result<Query<Code>, QueryRejection>,
) -> Result<Json<ComparisonTable>, Problem> {
    let wanted = Wanted::of(query)?;
    let code = code
        .map_err(|e| Problem::query_invalid(e.body_text()))?
        .0
        .code;
    let (month, synthetic) = (wanted.month()?, wanted.synthetic()?);
    let (quantity, technology) = (wanted.quantity()?, wanted.technology()?.to_owned());
    blocking(centre, move |centre| {
        let rows = match code {
            Some(code) => operators(centre, &code, &wanted)?,
            None => areas(centre, &wanted)?,
        };
        let rows = ranked(rows, quantity);
        Ok(Json(ComparisonTable {
            month,
            synthetic,
            metric: quantity.name(),
            technology,
            rows,
        }))
    })
    .await
}

/// The area whose operators are compared.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Code {
    code: Option<String>,
}

fn areas(centre: &Centre, wanted: &Wanted) -> Result<Vec<ComparedRow>, Problem> {
    let index = centre.areas();
    let (month, synthetic) = (wanted.month()?, wanted.synthetic()?);
    let mut rows = vec![];
    for area in map::areas(centre, &index, wanted)? {
        let table = statistics::figures(centre.store(), area, month, synthetic)?;
        let row = map::row(&table, wanted)?;
        rows.extend(row.map(|row| ComparedRow {
            area: table.area.clone(),
            tier: None,
            figures: row.clone(),
        }));
    }
    Ok(rows)
}

/// A row for each operator of an area, with the technology asked for.
pub(super) fn operators(
    centre: &Centre,
    code: &str,
    wanted: &Wanted,
) -> Result<Vec<ComparedRow>, Problem> {
    let (month, synthetic, technology) =
        (wanted.month()?, wanted.synthetic()?, wanted.technology()?);
    let index = centre.areas();
    let area = find(&index, code, month)?;
    let table = statistics::figures(centre.store(), area, month, synthetic)?;
    let one = |row: &&FigureRow| row.technology == technology && row.operator != "all";
    let rows = table.figures.iter().filter(one);
    Ok(rows
        .map(|row| ComparedRow {
            area: table.area.clone(),
            tier: None,
            figures: row.clone(),
        })
        .collect())
}

/// The rows with their tiers, best first, what is withheld last.
pub(super) fn ranked(mut rows: Vec<ComparedRow>, quantity: Quantity) -> Vec<ComparedRow> {
    let compared = |row: &ComparedRow| {
        let figure = quantity.figure(&row.figures.figures);
        Some(Compared {
            median: figure.median()?,
            interval: figure.median_interval()?,
        })
    };
    let known: Vec<(usize, Compared)> = rows
        .iter()
        .enumerate()
        .filter_map(|(at, row)| Some((at, compared(row)?)))
        .collect();
    let places: Vec<Compared> = known.iter().map(|(_, compared)| *compared).collect();
    for ((at, _), tier) in known.iter().zip(tiers(&places, quantity.more_is_better())) {
        rows[*at].tier = Some(tier);
    }
    rows.sort_by_key(|row| {
        let median = quantity.figure(&row.figures.figures).median();
        let worth = median.map(|median| {
            if quantity.more_is_better() {
                u64::MAX - median
            } else {
                median
            }
        });
        (
            worth.is_none(),
            worth,
            row.area.code.clone(),
            row.figures.operator.clone(),
        )
    });
    rows
}
