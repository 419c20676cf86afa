//! Documents and kits over HTTP, for whoever is signed in. Who may what stands
//! in `office::paper`.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::Asked;
use super::office::{of_month, private};
use super::problem::Problem;
use crate::centre::Centre;
use crate::document::office::Office;
use crate::office::paper::{Made, document, kit_file};

pub(super) fn routes() -> Router<Arc<Centre>> {
    let month = "/api/v1/office/campaigns/{id}/months/{month}";
    let unit = format!("{month}/units/{{unit}}");
    Router::new()
        .route(&format!("{month}/documents/{{file}}"), get(of_campaign))
        .route(&format!("{unit}/documents/{{file}}"), get(of_unit))
        .route(&format!("{month}/kit/{{file}}"), get(kit_of_campaign))
        .route(&format!("{unit}/kit/{{file}}"), get(kit_of_unit))
        .layer(axum::middleware::map_response(private))
}

/// Documents that are set at once; each takes a core for a moment.
static SETTING: Semaphore = Semaphore::const_new(1);

/// The fields that are given by hand; absent ones are the directory's.
#[derive(Deserialize)]
struct Given {
    parent: Option<String>,
    issuer: Option<String>,
    number: Option<String>,
    place: Option<String>,
    date: Option<String>,
    authority: Option<String>,
    title: Option<String>,
    signer: Option<String>,
    /// Where the code of a kit leads.
    link: Option<String>,
}

impl Given {
    /// An empty field of a form is no field.
    fn office(self) -> Office {
        let said = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Office {
            parent: said(self.parent),
            issuer: said(self.issuer),
            number: said(self.number),
            place: said(self.place),
            date: said(self.date),
            authority: said(self.authority),
            title: said(self.title),
            name: said(self.signer),
            ..Office::default()
        }
    }
}

type Asks = Result<Query<Asked>, QueryRejection>;
type Fields = Result<Query<Given>, QueryRejection>;

/// `GET …/documents/{file}`: `letter`, `launch` or `report`, as `.pdf`, `.docx`
/// or `.xlsx`.
async fn of_campaign(
    State(centre): State<Arc<Centre>>,
    Path((id, month, file)): Path<(String, String, String)>,
    (asked, fields): (Asks, Fields),
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of = (id, month, None, file);
    paper(centre, of, asked, fields, headers).await
}

/// `GET …/units/{unit}/documents/{file}`: `report` or `bulletin` of a ward.
async fn of_unit(
    State(centre): State<Arc<Centre>>,
    Path((id, month, unit, file)): Path<(String, String, String, String)>,
    (asked, fields): (Asks, Fields),
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of = (id, month, Some(unit), file);
    paper(centre, of, asked, fields, headers).await
}

/// `GET …/kit/{file}`: a file of the campaign's kit.
async fn kit_of_campaign(
    State(centre): State<Arc<Centre>>,
    Path((id, month, file)): Path<(String, String, String)>,
    (asked, fields): (Asks, Fields),
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of = (id, month, None, file);
    kit(centre, of, asked, fields, headers).await
}

/// `GET …/units/{unit}/kit/{file}`: a file of a ward's kit.
async fn kit_of_unit(
    State(centre): State<Arc<Centre>>,
    Path((id, month, unit, file)): Path<(String, String, String, String)>,
    (asked, fields): (Asks, Fields),
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of = (id, month, Some(unit), file);
    kit(centre, of, asked, fields, headers).await
}

/// Campaign, month, unit, name of the file.
type Of = (String, String, Option<String>, String);

async fn paper(
    centre: Arc<Centre>,
    (id, month, unit, file): Of,
    asked: Asks,
    fields: Fields,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let given = given(fields)?.office();
    let turn = SETTING.acquire().await;
    let name = file.clone();
    let made = of_month(
        centre,
        &headers,
        (id, month),
        asked,
        move |centre, actor, sheet| document(centre, actor, sheet, (unit.as_deref(), &file), given),
    );
    let made = made.await?;
    drop(turn);
    Ok(answer(made, &name))
}

async fn kit(
    centre: Arc<Centre>,
    (id, month, unit, file): Of,
    asked: Asks,
    fields: Fields,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let link = given(fields)?.link.unwrap_or_default();
    let turn = SETTING.acquire().await;
    let name = file.clone();
    let made = of_month(
        centre,
        &headers,
        (id, month),
        asked,
        move |centre, actor, sheet| kit_file(centre, actor, sheet, (unit.as_deref(), &file), &link),
    );
    let made = made.await?;
    drop(turn);
    Ok(answer(made, &name))
}

fn given(fields: Fields) -> Result<Given, Problem> {
    let Query(given) = fields.map_err(|e| Problem::query_invalid(e.body_text()))?;
    Ok(given)
}

/// The file, which our own pages alone may show in a frame.
fn answer(made: Made, name: &str) -> Response {
    let mut response = made.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(made.kind));
    let framed = HeaderValue::from_static("frame-ancestors 'self'");
    headers.insert(header::CONTENT_SECURITY_POLICY, framed);
    let shown = HeaderValue::try_from(format!("inline; filename=\"{name}\""));
    if let Ok(shown) = shown {
        headers.insert(header::CONTENT_DISPOSITION, shown);
    }
    response
}
