//! Figures as drawings.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use metric::month::{Month, VIETNAM};

use super::area::find;
use super::ask::Wanted;
use super::described::{
    Kind, OfCampaign, OfDrawnMonths, OfMonth, OfNetwork, OfPicture, OfQuantity,
};
use super::problem::Problem;
use super::{blocking, compare, map};
use crate::centre::Centre;
use crate::chart::{self as draw};
use crate::chart::{
    Caption, Choropleth, Comparison, Distribution, HeatMap, MapArea, Point, QuotaMonth, Series,
    SeriesChart,
};
use crate::quantity::Quantity;
use crate::statistics::{self, forecast::project_area};
use crate::store::publication::Moment;
use crate::store::verdict::AreaMonth;
use crate::table::{AreaSummary, FigureRow};

/// A drawing of an area's month.
#[utoipa::path(get, path = "/api/v1/areas/{code}/charts/{kind}", tag = "charts",
    params(("code" = String, Path, description = "Code of the area", example = "26740"),
           ("kind" = String, Path, description = "`distribution.svg`, `operators.svg`, `hours.svg`, `quota.svg` or `series.svg`", example = "operators.svg"),
           OfDrawnMonths, OfNetwork, OfQuantity, OfPicture, Kind), responses(
    (status = 200, description = "The drawing", content_type = "image/svg+xml", body = String),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area or drawing", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn area(
    State(centre): State<Arc<Centre>>,
    Path((code, kind)): Path<(String, String)>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(query)?;
    blocking(centre, move |centre| {
        let drawing = match kind.as_str() {
            "distribution.svg" => distribution(centre, &code, &wanted),
            "operators.svg" => operators(centre, &code, &wanted),
            "hours.svg" => hours(centre, &code, &wanted),
            "quota.svg" => quota(centre, &code, &wanted),
            "series.svg" => series(centre, code, &wanted),
            _ => Err(Problem::not_found(&format!(
                "/api/v1/areas/{code}/charts/{kind}"
            ))),
        };
        Ok(svg(drawing?))
    })
    .await
}

/// The map of a month's areas.
#[utoipa::path(get, path = "/api/v1/charts/map.svg", tag = "charts", params(OfMonth, OfCampaign, OfNetwork, OfQuantity, OfPicture, Kind), responses(
    (status = 200, description = "The drawing", content_type = "image/svg+xml", body = String),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such campaign", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn choropleth(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(query)?;
    blocking(centre, move |centre| Ok(svg(wards(centre, &wanted)?))).await
}

fn svg(drawing: String) -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml")], drawing).into_response()
}

/// What stands around a drawing.
fn caption(
    wanted: &Wanted,
    quantity: Quantity,
    what: &str,
    place: &str,
    when: &str,
) -> Result<Caption, Problem> {
    let operator = match wanted.operator() {
        "all" => "mọi nhà mạng",
        "unknown" => "không rõ nhà mạng",
        operator => operator,
    };
    let technology = match wanted.technology()? {
        "mobile" => "di động",
        "mobile_other" => "di động, không rõ thế hệ",
        "fixed" => "cố định",
        technology => technology,
    };
    Ok(Caption {
        title: format!("{}{what}", quantity.title()),
        subtitle: [place, when, technology, operator]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · "),
        source: format!("Nguồn: ispeed, quy tắc bản {}", metric::EDITION),
        synthetic: wanted.synthetic()?,
    })
}

fn month_text(month: Month) -> String {
    let day = month.first_day();
    format!("tháng {}/{}", day.month(), day.year())
}

pub(super) fn short_month(month: Month) -> String {
    let day = month.first_day();
    format!("{}/{}", day.month(), day.year())
}

/// The national target of a mobile download (QĐ 36/QĐ-TTg, to 2025).
fn target(wanted: &Wanted, quantity: Quantity) -> Result<Option<(String, f64)>, Problem> {
    let mobile = wanted.technology()? == "mobile" || wanted.technology()? == "4g";
    Ok((mobile && quantity == Quantity::Download).then(|| ("mục tiêu 40".into(), 40.0)))
}

/// The tests of the place, operator and technology asked for, and its name.
fn moments(
    centre: &Centre,
    code: &str,
    wanted: &Wanted,
) -> Result<(AreaSummary, Vec<Moment>), Problem> {
    let month = wanted.month()?;
    let index = centre.areas();
    let area = find(&index, code, month)?;
    let scope = AreaMonth {
        area: area.key.clone(),
        month,
        synthetic: wanted.synthetic()?,
    };
    let (operator, technology) = (wanted.operator(), wanted.technology()?);
    let mut moments = centre.store().moments(&scope)?;
    moments.retain(|moment| {
        let of_operator = operator == "all" || moment.operator == operator;
        let all_mobile = technology == "mobile" && moment.technology != "fixed";
        of_operator && (all_mobile || moment.technology == technology)
    });
    Ok((area.into(), moments))
}

fn values(moments: &[Moment], quantity: Quantity) -> impl Iterator<Item = (&Moment, f64)> {
    let at = Quantity::ALL
        .iter()
        .position(|known| *known == quantity)
        .unwrap_or(0);
    moments
        .iter()
        .filter_map(move |moment| Some((moment, quantity.shown(moment.values[at]?))))
}

fn distribution(centre: &Centre, code: &str, wanted: &Wanted) -> Result<String, Problem> {
    let (quantity, month) = (wanted.quantity()?, wanted.month()?);
    let (area, moments) = moments(centre, code, wanted)?;
    let row = figures(centre, code, wanted)?;
    let data = Distribution {
        caption: caption(
            wanted,
            quantity,
            ": phân bố các lần đo",
            &area.full_name,
            &month_text(month),
        )?,
        unit: quantity.unit().into(),
        median: row.map_or(draw::Estimate::Withheld, |row| {
            quantity.estimate(quantity.figure(&row.figures))
        }),
        // Single tests are shown where their figure is.
        values: Vec::new(),
        limit: target(wanted, quantity)?,
    };
    let shown = data.median != draw::Estimate::Withheld;
    let values = values(&moments, quantity)
        .map(|(_, value)| value)
        .filter(|_| shown)
        .collect();
    Ok(draw::distribution(
        &Distribution { values, ..data },
        wanted.size()?,
    ))
}

fn figures(centre: &Centre, code: &str, wanted: &Wanted) -> Result<Option<FigureRow>, Problem> {
    let month = wanted.month()?;
    let index = centre.areas();
    let table = statistics::figures(
        centre.store(),
        find(&index, code, month)?,
        month,
        wanted.synthetic()?,
    )?;
    Ok(map::row(&table, wanted)?.cloned())
}

fn operators(centre: &Centre, code: &str, wanted: &Wanted) -> Result<String, Problem> {
    let (quantity, month) = (wanted.quantity()?, wanted.month()?);
    let rows = compare::ranked(compare::operators(centre, code, wanted)?, quantity);
    let index = centre.areas();
    let place = find(&index, code, month)?;
    let brands = centre.operators();
    let name = |id: &str| {
        let known = brands.operators().iter().find(|operator| operator.id == id);
        known.map_or_else(
            || {
                if id == "unknown" {
                    "Không rõ".into()
                } else {
                    id.to_owned()
                }
            },
            |o| o.brand.clone(),
        )
    };
    let row = |row: &compare::ComparedRow| {
        let figure = quantity.figure(&row.figures.figures);
        draw::Compared {
            name: name(&row.figures.operator),
            tests: row.figures.tests,
            estimate: quantity.estimate(figure),
            middle: quarters(figure).map(|ends| ends.map(|end| quantity.shown(end))),
            tier: row.tier,
        }
    };
    let data = Comparison {
        caption: caption(
            wanted,
            quantity,
            " theo nhà mạng, trung vị",
            &place.full_name,
            &month_text(month),
        )?,
        unit: quantity.unit().into(),
        rows: rows.iter().map(row).collect(),
    };
    Ok(draw::operators(&data, wanted.size()?))
}

const fn quarters(figure: &metric::figure::Figure) -> Option<[u64; 2]> {
    match figure {
        metric::figure::Figure::Published { p25, p75, .. } => Some([*p25, *p75]),
        metric::figure::Figure::Withheld { .. } => None,
    }
}

/// Fewest devices behind a cell of the week.
const DEVICES_OF_A_CELL: usize = 3;

fn hours(centre: &Centre, code: &str, wanted: &Wanted) -> Result<String, Problem> {
    let (quantity, month) = (wanted.quantity()?, wanted.month()?);
    let (area, moments) = moments(centre, code, wanted)?;
    let mut week: Vec<Vec<(&str, f64)>> = vec![vec![]; 7 * 24];
    for (moment, value) in values(&moments, quantity) {
        let local = VIETNAM.to_datetime(moment.measured_at);
        let day = usize::from(
            local
                .date()
                .weekday()
                .to_monday_zero_offset()
                .unsigned_abs(),
        );
        week[day * 24 + usize::from(local.hour().unsigned_abs())].push((&moment.device, value));
    }
    let cell = |day: usize, hour: usize| middle(&week[day * 24 + hour]);
    let data = HeatMap {
        caption: caption(
            wanted,
            quantity,
            " theo giờ và ngày trong tuần, trung vị",
            &area.full_name,
            &month_text(month),
        )?,
        unit: quantity.unit().into(),
        cells: std::array::from_fn(|day| std::array::from_fn(|hour| cell(day, hour))),
    };
    Ok(draw::heat_map(&data, wanted.size()?))
}

/// The median of an hour of the week; `None` below the floor of devices.
fn middle(tests: &[(&str, f64)]) -> Option<f64> {
    let devices: std::collections::BTreeSet<_> = tests.iter().map(|(device, _)| device).collect();
    let mut values: Vec<_> = tests.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.get(values.len().saturating_sub(1) / 2).copied();
    middle.filter(|_| devices.len() >= DEVICES_OF_A_CELL)
}

fn quota(centre: &Centre, code: &str, wanted: &Wanted) -> Result<String, Problem> {
    let (month, synthetic) = (wanted.month()?, wanted.synthetic()?);
    let index = centre.areas();
    let area = find(&index, code, month)?;
    let table = statistics::quota(centre.store(), area, month, synthetic)?;
    let scope = AreaMonth {
        area: area.key.clone(),
        month,
        synthetic,
    };
    let by_day = centre.store().counted_by_day(&scope, table.rule)?;
    let gone = days_gone(month, centre.now());
    let mut total = 0;
    let counted = (1..=gone).map(|day| {
        total += by_day.get(&day).copied().unwrap_or(0);
        total
    });
    let mut caption = caption(
        wanted,
        Quantity::Download,
        "",
        &area.full_name,
        &month_text(month),
    )?;
    caption.title = "Tiến độ chỉ tiêu".into();
    let today = metric::month::civil_date(centre.now());
    let forecast = table.quota.filter(|_| today <= month.last_day());
    let forecast = forecast.map(|quota| {
        let (store, rule) = (centre.store(), table.rule);
        project_area(store, &area.key, month, quota, rule, today, synthetic)
    });
    let data = QuotaMonth {
        caption,
        quota: table.quota.unwrap_or(0),
        days: month.days(),
        counted: counted.collect(),
        projection: forecast.transpose()?.map(fan),
    };
    Ok(draw::quota(&data, wanted.size()?))
}

fn fan(forecast: metric::projection::Projection) -> draw::Projection {
    let [low, high] = forecast.range.map(metric::unit::to_f64);
    draw::Projection {
        low,
        expected: metric::unit::to_f64(forecast.expected),
        high,
        reached: forecast.probability,
    }
}

/// Days of a month that are over or under way.
fn days_gone(month: Month, now: jiff::Timestamp) -> u8 {
    let today = metric::month::civil_date(now);
    if today > month.last_day() {
        month.days()
    } else if today < month.first_day() {
        0
    } else {
        today.day().unsigned_abs()
    }
}

fn series(centre: &Centre, code: String, wanted: &Wanted) -> Result<String, Problem> {
    let quantity = wanted.quantity()?;
    let table = compare::series_of(centre, code.clone(), wanted)?;
    let estimate = |row: Option<&FigureRow>| {
        row.map_or(draw::Estimate::Withheld, |row| {
            quantity.estimate(quantity.figure(&row.figures))
        })
    };
    let point = |(month, row): (Month, Option<&FigureRow>)| Point {
        label: short_month(month),
        estimate: estimate(row),
    };
    let points: Vec<_> = table.points().map(point).collect();
    let months: Vec<_> = table
        .points()
        .map(|(month, _)| short_month(month))
        .collect();
    let when = format!(
        "{}–{}",
        months.first().map_or("", String::as_str),
        months.last().map_or("", String::as_str)
    );
    let index = centre.areas();
    let last = wanted.months()?.last().copied();
    let place = last.and_then(|month| {
        find(&index, &code, month)
            .ok()
            .map(|area| area.full_name.clone())
    });
    let data = SeriesChart {
        caption: caption(
            wanted,
            quantity,
            " theo tháng, trung vị",
            place.as_deref().unwrap_or(&code),
            &when,
        )?,
        unit: quantity.unit().into(),
        series: vec![Series {
            name: quantity.title().into(),
            points,
        }],
        limit: target(wanted, quantity)?,
    };
    Ok(draw::series(&data, wanted.size()?))
}

fn wards(centre: &Centre, wanted: &Wanted) -> Result<String, Problem> {
    let (quantity, month, synthetic) = (wanted.quantity()?, wanted.month()?, wanted.synthetic()?);
    let index = centre.areas();
    let mut areas = vec![];
    for area in map::areas(centre, &index, wanted)? {
        let table = statistics::figures(centre.store(), area, month, synthetic)?;
        let row = map::row(&table, wanted)?;
        let median = row.and_then(|row| quantity.figure(&row.figures).median());
        areas.push(MapArea {
            name: area.name.clone(),
            border: area.geometry.clone(),
            value: median.map(|median| quantity.shown(median)),
        });
    }
    let data = Choropleth {
        caption: caption(
            wanted,
            quantity,
            " theo địa bàn, trung vị",
            "",
            &month_text(month),
        )?,
        unit: quantity.unit().into(),
        breaks: quantity.breaks().to_vec(),
        areas,
    };
    Ok(draw::choropleth(&data, wanted.size()?))
}
