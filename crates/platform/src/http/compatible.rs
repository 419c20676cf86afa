//! The statistics of i-Speed under their addresses and in their shape, so that
//! what reads those can be pointed here.
//!
//! The shape is what a reader of speedtest.vn's statistics expects: Mbit/s and
//! ms as numbers, lists of months as `categories` with `series` beside them,
//! and `0` where there are too few tests. That zero is theirs, not ours: beside
//! it every place says `state`, which `/api/v1` says too.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use metric::month::Month;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::year_until;
use super::blocking;
use super::problem::Problem;
use crate::area::{Area, AreaIndex};
use crate::centre::Centre;
use crate::quantity::Quantity;
use crate::statistics;
use crate::table::FigureRow;

/// What i-Speed's readers ask.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    /// Year of the newest month.
    #[param(required = true, example = "2024", pattern = "^[0-9]{4}$")]
    year: Option<String>,
    /// The newest month, 1 to 12.
    #[param(required = true, example = "11", pattern = "^(0?[1-9]|1[0-2])$")]
    month: Option<String>,
    /// `ALL` (the default) or an operator's id, in any case.
    isp: Option<String>,
    /// Code of a province; `-1` (the default) is the country.
    city_id: Option<String>,
    /// Ours: of the synthetic tests instead of the real ones.
    #[param(inline, schema_with = super::ask::truth)]
    synthetic: Option<String>,
}

/// What is asked, read.
struct Question {
    month: Month,
    operator: String,
    technology: &'static str,
    province: Option<String>,
    synthetic: bool,
}

impl Question {
    fn of(access: &str, query: Result<Query<Asked>, QueryRejection>) -> Result<Self, Problem> {
        let asked = query.map_err(|e| Problem::query_invalid(e.body_text()))?.0;
        let technology = match access {
            "mobile" => "mobile",
            "ftth" => "fixed",
            _ => return Err(Problem::not_found(&format!("/i-speed/{access}"))),
        };
        let operator = asked.isp.as_deref().unwrap_or("ALL").to_lowercase();
        let province = asked
            .city_id
            .as_deref()
            .filter(|id| !id.is_empty() && *id != "-1");
        Ok(Self {
            month: asked.month()?,
            operator,
            technology,
            province: province.map(str::to_owned),
            synthetic: super::truth_of("synthetic", asked.synthetic.as_deref())?,
        })
    }

    /// Twelve months, the newest last.
    fn year(&self) -> Vec<Month> {
        let first = year_until(self.month);
        let months = std::iter::successors(Some(first), |month| Some(month.next()));
        months.take(12).collect()
    }
}

impl Asked {
    fn month(&self) -> Result<Month, Problem> {
        let number = |name: &str, text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            text.parse::<u16>().map_err(|_| {
                Problem::query_invalid(format!("{name} is {text:?}, expected a number")).field(name)
            })
        };
        let (year, month) = (number("year", &self.year)?, number("month", &self.month)?);
        super::month(&format!("{year:04}-{month:02}"))
    }
}

/// Medians of the provinces, or of the places of one province.
#[utoipa::path(get, path = "/i-speed/{access}/overview-place-map", tag = "i-Speed", params(("access" = String, Path, description = "`mobile` or `ftth`", example = "mobile"), Asked), responses(
    (status = 200, description = "A list of `{code, name, download, upload, latency, samples, state}`", body = [Object]),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "Neither mobile nor ftth", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn places(
    State(centre): State<Arc<Centre>>,
    Path(access): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let question = Question::of(&access, query)?;
    blocking(centre, move |centre| {
        let index = centre.areas();
        let areas = statistics::valid_in(index.areas(), question.month);
        let mut places: BTreeMap<(String, String), Vec<&Area>> = BTreeMap::new();
        for area in areas {
            let province = area.province_code.clone().unwrap_or_default();
            let place = match &question.province {
                None => (province.clone(), province_name(&province)),
                Some(code) if *code == province => (area.key.code.clone(), area.full_name.clone()),
                Some(_) => continue,
            };
            places.entry(place).or_default().push(area);
        }
        let mut list = vec![];
        for ((code, name), areas) in places {
            let row = row(centre, &areas, question.month, &question)?;
            let value = |quantity| value(row.as_ref(), quantity);
            list.push(json!({
                "code": code, "name": name,
                "download": value(Quantity::Download), "upload": value(Quantity::Upload),
                "latency": value(Quantity::IdleRtt),
                "samples": row.as_ref().map_or(0, |row| row.tests), "state": state(row.as_ref()),
            }));
        }
        Ok(Json(Value::Array(list)))
    })
    .await
}

/// Twelve months of the country or a province.
#[utoipa::path(get, path = "/i-speed/{access}/overview-monthly-chart", tag = "i-Speed", params(("access" = String, Path, description = "`mobile` or `ftth`", example = "mobile"), Asked), responses(
    (status = 200, description = "`{categories, series}` with four series: download, upload, latency and, hidden, samples", body = Object),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "Neither mobile nor ftth", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn months(
    State(centre): State<Arc<Centre>>,
    Path(access): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let question = Question::of(&access, query)?;
    blocking(centre, move |centre| {
        let index = centre.areas();
        let province = question.province.clone();
        Ok(Json(year(centre, &index, province.as_deref(), &question)?))
    })
    .await
}

/// Twelve months of the download in the five cities of the monthly releases.
#[utoipa::path(get, path = "/i-speed/{access}/main-city-monthly-chart", tag = "i-Speed", params(("access" = String, Path, description = "`mobile` or `ftth`", example = "mobile"), Asked), responses(
    (status = 200, description = "`{categories, series}` with five series", body = Object),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "Neither mobile nor ftth", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn cities(
    State(centre): State<Arc<Centre>>,
    Path(access): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let question = Question::of(&access, query)?;
    blocking(centre, move |centre| {
        let index = centre.areas();
        let mut series = vec![];
        for (code, name) in CITIES {
            let mut data = vec![];
            for month in question.year() {
                let areas = of_province(&index, month, Some(code));
                data.push(value(
                    row(centre, &areas, month, &question)?.as_ref(),
                    Quantity::Download,
                ));
            }
            series.push(json!({"name": name, "code": code, "data": data}));
        }
        Ok(Json(
            json!({"categories": categories(&question), "series": series}),
        ))
    })
    .await
}

/// Hà Nội, Hải Phòng, Đà Nẵng, TP. Hồ Chí Minh, Cần Thơ with their codes.
const CITIES: [(&str, &str); 5] = [
    ("01", "Hà Nội"),
    ("31", "Hải Phòng"),
    ("48", "Đà Nẵng"),
    ("79", "TP. Hồ Chí Minh"),
    ("92", "Cần Thơ"),
];

/// Twelve months of every operator, each under `<ISP>_MedianMonthlyChart`.
#[utoipa::path(get, path = "/i-speed/{access}/isp-by-province-chart", tag = "i-Speed", params(("access" = String, Path, description = "`mobile` or `ftth`", example = "mobile"), Asked), responses(
    (status = 200, description = "A chart for each operator with tests", body = Object),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "Neither mobile nor ftth", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn operators(
    State(centre): State<Arc<Centre>>,
    Path(access): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let question = Question::of(&access, query)?;
    blocking(centre, move |centre| {
        let index = centre.areas();
        let mut charts = serde_json::Map::new();
        for operator in centre.operators().operators() {
            let of_operator = Question {
                operator: operator.id.clone(),
                ..question.clone_of()
            };
            let chart = year(centre, &index, question.province.as_deref(), &of_operator)?;
            if chart["series"][3]["data"]
                .as_array()
                .is_some_and(|n| n.iter().any(|n| *n != json!(0)))
            {
                charts.insert(
                    format!("{}_MedianMonthlyChart", operator.id.to_uppercase()),
                    chart,
                );
            }
        }
        Ok(Json(Value::Object(charts)))
    })
    .await
}

impl Question {
    fn clone_of(&self) -> Self {
        Self {
            month: self.month,
            operator: self.operator.clone(),
            technology: self.technology,
            province: self.province.clone(),
            synthetic: self.synthetic,
        }
    }
}

fn year(
    centre: &Centre,
    index: &AreaIndex,
    province: Option<&str>,
    question: &Question,
) -> Result<Value, Problem> {
    let mut rows = vec![];
    for month in question.year() {
        let areas = of_province(index, month, province);
        rows.push(row(centre, &areas, month, question)?);
    }
    let data = |quantity| -> Vec<Value> {
        rows.iter()
            .map(|row| value(row.as_ref(), quantity))
            .collect()
    };
    let samples: Vec<u64> = rows
        .iter()
        .map(|row| row.as_ref().map_or(0, |row| row.tests))
        .collect();
    let states: Vec<_> = rows.iter().map(|row| state(row.as_ref())).collect();
    Ok(
        json!({"categories": categories(question), "states": states, "series": [
            {"name": "Tải xuống", "unit": "Mbps", "data": data(Quantity::Download)},
            {"name": "Tải lên", "unit": "Mbps", "data": data(Quantity::Upload)},
            {"name": "Độ trễ", "unit": "ms", "data": data(Quantity::IdleRtt)},
            {"name": "Số mẫu", "visible": false, "data": samples},
        ]}),
    )
}

fn categories(question: &Question) -> Vec<String> {
    let text = |month: Month| {
        let day = month.first_day();
        format!("{:02}/{}", day.month(), day.year())
    };
    question.year().into_iter().map(text).collect()
}

/// The areas of a province in a month; `None` is the country.
fn of_province<'a>(index: &'a AreaIndex, month: Month, province: Option<&str>) -> Vec<&'a Area> {
    let mut areas = statistics::valid_in(index.areas(), month);
    areas.retain(|area| province.is_none_or(|code| area.province_code.as_deref() == Some(code)));
    areas
}

/// The figures of some areas taken together.
fn row(
    centre: &Centre,
    areas: &[&Area],
    month: Month,
    question: &Question,
) -> Result<Option<FigureRow>, Problem> {
    let rows = statistics::together(centre.store(), areas, month, question.synthetic)?;
    let wanted = |row: &FigureRow| {
        row.operator == question.operator && row.technology == question.technology
    };
    Ok(rows.into_iter().find(wanted))
}

/// A median to two decimals; 0 where it is withheld, as i-Speed writes it.
fn value(row: Option<&FigureRow>, quantity: Quantity) -> Value {
    let median = row.and_then(|row| quantity.figure(&row.figures).median());
    let shown = median.map_or(0.0, |median| {
        (quantity.shown(median) * 100.0).round() / 100.0
    });
    json!(shown)
}

fn state(row: Option<&FigureRow>) -> &'static str {
    let median = row.and_then(|row| row.figures.download_bits_per_second.median());
    if median.is_some() {
        "published"
    } else {
        "withheld"
    }
}

/// Names of the cities that the releases name; of others the code.
fn province_name(code: &str) -> String {
    let known = CITIES.iter().find(|(city, _)| *city == code);
    known.map_or_else(|| code.to_owned(), |(_, name)| (*name).to_owned())
}
