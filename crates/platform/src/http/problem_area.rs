//! Problem areas, as far as they may be public: a list, an evidence sheet, a
//! picture, and the files that operators are given.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use geo::{BoundingRect as _, Intersects as _};
use jiff::Timestamp;
use metric::figure::FLOOR_DEVICE_DAYS;
use metric::problem::Evidence;
use serde::Serialize;

use super::ask::Wanted;
use super::blocking;
use super::described::{Kind, OfPicture};
use super::problem::Problem;
use crate::centre::Centre;
use crate::chart::{self as draw, Caption, ProblemMap, Surroundings};
use crate::statistics::problem::sheet::{Beside, Hours, Served};
use crate::statistics::problem::{self, BeforeAfter, ProblemArea, hand_over};
use crate::store::problem::EventRow;
use crate::table::AreaSummary;

/// The problem areas of every month.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ProblemAreas {
    /// Those with enough device-days to be published, by id.
    problem_areas: Vec<Line>,
    /// How many are known and have too few.
    withheld: usize,
}

/// One of them. Times of day of single tests stay at the centre.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProblemArea)]
struct Line {
    /// Id, for life.
    problem_id: String,
    /// Operator.
    operator: String,
    /// Technology.
    technology: String,
    /// `opened`, `handed_over`, `answered`, `re_measured` or `closed`.
    state: String,
    /// H3 cells, hexadecimal, ascending.
    cells: Vec<String>,
    /// Middle of the cells: latitude and longitude, degrees.
    centre: [f64; 2],
    /// The area that holds the middle, in the month in which it was found last.
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<AreaSummary>,
    /// Months in which it was found, ascending.
    months: Vec<String>,
    /// Download below which a device-day is slow, bit/s.
    limit_bits_per_second: u64,
    /// Median download in the month in which it was found last, bit/s.
    median_bits_per_second: u64,
    /// Tests then.
    tests: u64,
    /// Device-days then.
    device_days: u64,
    /// Slow device-days then.
    below: u64,
    /// 95 % interval of the share of slow device-days.
    below_interval: [f64; 2],
}

impl Line {
    fn of(centre: &Centre, area: &ProblemArea) -> Self {
        Self {
            area: home(centre, area),
            problem_id: area.problem_id.clone(),
            operator: area.operator.clone(),
            technology: area.technology.clone(),
            state: area.state.code().into(),
            cells: area.cells.clone(),
            centre: area.centre,
            months: area.months.iter().map(ToString::to_string).collect(),
            limit_bits_per_second: area.limit_bits_per_second,
            median_bits_per_second: area.median_bits_per_second,
            tests: area.evidence.tests,
            device_days: area.evidence.device_days,
            below: area.evidence.below,
            below_interval: interval(&area.evidence),
        }
    }
}

fn interval(evidence: &Evidence) -> [f64; 2] {
    evidence.share().map_or([0.0, 1.0], |share| share.interval)
}

fn home(centre: &Centre, area: &ProblemArea) -> Option<AreaSummary> {
    let (month, [latitude, longitude]) = (area.months.last()?, area.centre);
    let index = centre.areas();
    let home = index.locate(latitude, longitude, month.first_day());
    home.map(AreaSummary::from)
}

/// The evidence sheet of one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProblemSheet)]
pub(super) struct Sheet {
    /// The area itself.
    #[serde(flatten)]
    line: Line,
    /// Whether it is of simulated tests.
    synthetic: bool,
    /// Bands of the day, in the month in which it was found last.
    hours: Vec<Hours>,
    /// Every operator in the cells then, by the same technology, its own first.
    operators: Vec<Beside>,
    /// Tests of its own operator in the cells then, by technology.
    technologies: Vec<Served>,
    /// What happened to it, in order.
    history: Vec<Event>,
    /// What was compared when it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    before_after: Option<Comparison>,
}

/// Something that happened; the words of those who did it stay at the centre.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProblemEvent)]
struct Event {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `opened`, `found_again`, `handed_over`, `answered`, `re_measured` or `closed`.
    event: String,
}

/// Before and after.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProblemComparison)]
struct Comparison {
    /// Month of re-measuring.
    month: String,
    /// When it was a problem.
    before: Side,
    /// In that month.
    after: Side,
    /// Whether the two intervals of the share of slow device-days are apart.
    improved: bool,
}

/// One side of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProblemSide)]
struct Side {
    /// Device-days.
    device_days: u64,
    /// Slow ones; absent below the floor of device-days.
    #[serde(skip_serializing_if = "Option::is_none")]
    below: Option<u64>,
    /// 95 % interval of their share; absent below the floor.
    #[serde(skip_serializing_if = "Option::is_none")]
    below_interval: Option<[f64; 2]>,
}

impl From<&Evidence> for Side {
    fn from(evidence: &Evidence) -> Self {
        let enough = evidence.device_days >= FLOOR_DEVICE_DAYS;
        Self {
            device_days: evidence.device_days,
            below: enough.then_some(evidence.below),
            below_interval: enough.then(|| interval(evidence)),
        }
    }
}

fn compared(events: &[EventRow]) -> Option<Comparison> {
    let closed = events.iter().rfind(|event| event.event == "closed")?;
    let closed: BeforeAfter = serde_json::from_str(&closed.body).ok()?;
    Some(Comparison {
        month: closed.month.to_string(),
        before: Side::from(&closed.before),
        after: Side::from(&closed.after),
        improved: closed.improved,
    })
}

/// `GET /api/v1/problem-areas[?synthetic=true]`.
#[utoipa::path(get, path = "/api/v1/problem-areas", tag = "problem areas", params(Kind), responses(
    (status = 200, description = "The problem areas, and how many are withheld", body = ProblemAreas),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<ProblemAreas>, Problem> {
    let synthetic = Wanted::of(query)?.synthetic()?;
    blocking(centre, move |centre| {
        let areas = problem::list(centre.store(), synthetic)?;
        let (enough, few): (Vec<_>, Vec<_>) = areas.into_iter().partition(is_public);
        Ok(Json(ProblemAreas {
            problem_areas: enough.iter().map(|area| Line::of(centre, area)).collect(),
            withheld: few.len(),
        }))
    })
    .await
}

const fn is_public(area: &ProblemArea) -> bool {
    area.evidence.device_days >= FLOOR_DEVICE_DAYS
}

/// A problem area that is public, whether it is of a simulation, and its history.
fn public(centre: &Centre, id: &str) -> Result<(ProblemArea, bool, Vec<EventRow>), Problem> {
    let row = centre.store().problem(id)?;
    let row = row.ok_or_else(|| Problem::unknown_problem_area(id))?;
    let (area, events) = problem::show(centre.store(), id)?;
    if is_public(&area) {
        Ok((area, row.synthetic, events))
    } else {
        Err(Problem::unknown_problem_area(id))
    }
}

/// `GET /api/v1/problem-areas/{id}`: the evidence sheet.
#[utoipa::path(get, path = "/api/v1/problem-areas/{id}", tag = "problem areas", params(("id" = String, Path, description = "Id of the problem area")), responses(
    (status = 200, description = "The evidence sheet", body = Sheet),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such problem area, or too little is known of it", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn one(
    State(centre): State<Arc<Centre>>,
    Path(id): Path<String>,
) -> Result<Json<Sheet>, Problem> {
    blocking(centre, move |centre| {
        let (area, synthetic, events) = public(centre, &id)?;
        let event = |row: &EventRow| Event {
            at: row.at,
            event: row.event.clone(),
        };
        Ok(Json(Sheet {
            line: Line::of(centre, &area),
            synthetic,
            before_after: compared(&events),
            history: events.iter().map(event).collect(),
            hours: area.sheet.hours,
            operators: area.sheet.operators,
            technologies: area.sheet.technologies,
        }))
    })
    .await
}

/// The picture, and what the operator is given.
#[utoipa::path(get, path = "/api/v1/problem-areas/{id}/{file}", tag = "problem areas",
    params(("id" = String, Path, description = "Id of the problem area"),
           ("file" = String, Path, description = "`map.svg`, `hand-over.csv` or `hand-over.geojson`", example = "map.svg"),
           OfPicture), responses(
    (status = 200, description = "The file", content((String = "image/svg+xml"), (String = "text/csv"), (Object = "application/geo+json"))),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such problem area or file", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn file(
    State(centre): State<Arc<Centre>>,
    Path((id, file)): Path<(String, String)>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let size = Wanted::of(query)?.size()?;
    blocking(centre, move |centre| {
        let (area, synthetic, _) = public(centre, &id)?;
        let (kind, text) = match file.as_str() {
            "map.svg" => ("image/svg+xml", picture(centre, &area, synthetic, size)),
            "hand-over.csv" => ("text/csv; charset=utf-8", hand_over::csv(&area)),
            "hand-over.geojson" => ("application/geo+json", hand_over::geojson(&area)),
            _ => {
                let path = format!("/api/v1/problem-areas/{id}/{file}");
                return Err(Problem::not_found(&path));
            }
        };
        Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
    })
    .await
}

/// Where it lies, with the borders around it.
fn picture(centre: &Centre, area: &ProblemArea, synthetic: bool, size: draw::Size) -> String {
    let cells = area.outlines();
    let month = area.months.last().copied();
    let index = centre.areas();
    let around = cells.bounding_rect().map(draw::surroundings);
    let valid = month.map(|month| crate::statistics::valid_in(index.areas(), month));
    let near = valid.into_iter().flatten().filter(|ward| {
        let rect = ward.geometry.bounding_rect();
        rect.zip(around).is_some_and(|(a, b)| a.intersects(&b))
    });
    let borders = near.map(|ward| Surroundings {
        name: ward.full_name.clone(),
        border: ward.geometry.clone(),
    });
    let operators = centre.operators();
    let brand = operators.operators().iter().find(|o| o.id == area.operator);
    let brand = brand.map_or(area.operator.as_str(), |operator| operator.brand.as_str());
    let months: Vec<_> = area
        .months
        .iter()
        .map(|m| super::chart::short_month(*m))
        .collect();
    draw::problem_map(
        &ProblemMap {
            caption: Caption {
                title: format!("Vùng yếu của {brand}, {}", area.technology.to_uppercase()),
                subtitle: format!("thấy trong tháng {}", months.join(", ")),
                source: format!("Nguồn: ispeed, quy tắc bản {}", metric::EDITION),
                synthetic,
            },
            cells,
            borders: borders.collect(),
            below: [area.evidence.below, area.evidence.device_days],
            interval: interval(&area.evidence),
            limit_bits_per_second: area.limit_bits_per_second,
        },
        size,
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use metric::problem::Evidence;
    use serde_json::json;

    use super::super::tests::{Http, bytes, is_problem};
    use super::*;
    use crate::statistics::problem::State as Step;
    use crate::statistics::problem::sheet;
    use crate::store::problem::{EventRow, ProblemRow};

    fn area(id: &str, device_days: u64) -> ProblemArea {
        ProblemArea {
            problem_id: id.into(),
            operator: "viettel".into(),
            technology: "4g".into(),
            state: Step::Opened,
            cells: vec!["8965b566883ffff".into()],
            months: vec!["2024-11".parse().unwrap()],
            limit_bits_per_second: 5_000_000,
            evidence: Evidence {
                tests: device_days,
                devices: 9,
                device_days,
                below: 20,
                slow_devices: 7,
                slow_minutes: vec![480, 1200],
            },
            median_bits_per_second: 4_100_000,
            centre: [10.78, 106.7],
            sheet: sheet::Sheet::default(),
        }
    }

    fn keep(http: &Http, area: &ProblemArea) {
        let body = serde_json::to_string(area).unwrap();
        let row = ProblemRow {
            problem_id: area.problem_id.clone(),
            synthetic: false,
            operator: area.operator.clone(),
            technology: area.technology.clone(),
            state: area.state.code().into(),
            body,
        };
        let event = EventRow {
            at: "2024-12-01T00:00:00Z".parse().unwrap(),
            event: "opened".into(),
            note: String::new(),
            body: "{}".into(),
        };
        http.store().write_problem(&row, &event).unwrap();
    }

    #[tokio::test]
    async fn an_area_of_few_is_counted_and_not_told() {
        let http = Http::new();
        keep(&http, &area("many", FLOOR_DEVICE_DAYS));
        keep(&http, &area("few", FLOOR_DEVICE_DAYS - 1));
        let (status, body) = http.get("/api/v1/problem-areas").await;
        assert_eq!((status, &body["withheld"]), (StatusCode::OK, &json!(1)));
        let told = body["problem_areas"].as_array().unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["problem_id"], "many");
        assert_eq!(told[0]["below"], 20);
        assert!(told[0].get("slow_minutes").is_none());
        let (_, synthetic) = http.get("/api/v1/problem-areas?synthetic=true").await;
        assert_eq!(synthetic, json!({"problem_areas": [], "withheld": 0}));
        let wrong = http.get("/api/v1/problem-areas?synthetic=2").await;
        is_problem(&wrong, 400, "query_invalid");
    }

    #[tokio::test]
    async fn a_sheet_has_its_picture_and_files_and_no_words_of_people() {
        let http = Http::new();
        keep(&http, &area("many", FLOOR_DEVICE_DAYS));
        keep(&http, &area("few", FLOOR_DEVICE_DAYS - 1));
        let (status, sheet) = http.get("/api/v1/problem-areas/many").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(sheet["problem_id"], "many");
        assert_eq!(sheet["area"]["name"], "Bến Nghé");
        assert_eq!(
            sheet["history"],
            json!([{"at": "2024-12-01T00:00:00Z", "event": "opened"}])
        );
        assert!(sheet.get("slow_minutes").is_none() && sheet.get("before_after").is_none());
        for (file, says) in [
            ("map.svg?size=phone", "Vùng yếu của Viettel, 4G"),
            ("hand-over.csv", "many,viettel,4g,8965b566883ffff,2024-11,"),
            ("hand-over.geojson", "\"MultiPolygon\""),
        ] {
            let path = format!("/api/v1/problem-areas/many/{file}");
            let request = Request::get(&path).body(Body::empty()).unwrap();
            let answer = bytes(http.call(request).await).await;
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.contains(says), "{file}: {answer}");
        }
        for path in ["few", "nobody", "few/map.svg"] {
            let answer = http.get(&format!("/api/v1/problem-areas/{path}")).await;
            is_problem(&answer, 404, "unknown_problem_area");
        }
        let wrong = http.get("/api/v1/problem-areas/many/else.svg").await;
        is_problem(&wrong, 404, "not_found");
    }
}
