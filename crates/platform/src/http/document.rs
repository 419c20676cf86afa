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
use crate::office::actor::Actor;
use crate::office::paper::{Made, document, kit_file};
use crate::office::unit_report::Sheet;

pub(super) fn routes() -> Router<Arc<Centre>> {
    let month = "/api/v1/office/campaigns/{id}/months/{month}";
    let unit = format!("{month}/units/{{unit}}");
    Router::new()
        .route(&format!("{month}/documents/{{file}}"), get(paper))
        .route(&format!("{unit}/documents/{{file}}"), get(paper))
        .route(&format!("{month}/kit/{{file}}"), get(kit))
        .route(&format!("{unit}/kit/{{file}}"), get(kit))
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

/// Which file: of a campaign's month, or of a unit in it.
#[derive(Deserialize)]
struct Of {
    id: String,
    month: String,
    unit: Option<String>,
    file: String,
}

/// `GET …/documents/{file}`: `letter`, `launch` or `report` of a campaign,
/// `report` or `bulletin` of a unit with a ward, as `.pdf`, `.docx` or `.xlsx`.
async fn paper(
    State(centre): State<Arc<Centre>>,
    Path(of): Path<Of>,
    (asked, fields): (Asks, Fields),
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let given = given(fields)?.office();
    set(centre, &headers, of, asked, |centre, actor, sheet, file| {
        document(centre, actor, sheet, file, given)
    })
    .await
}

/// `GET …/kit/{file}`: a file of the kit of a campaign, or of a unit's ward.
async fn kit(
    State(centre): State<Arc<Centre>>,
    Path(of): Path<Of>,
    (asked, fields): (Asks, Fields),
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let link = given(fields)?.link.unwrap_or_default();
    set(
        centre,
        &headers,
        of,
        asked,
        move |centre, actor, sheet, file| kit_file(centre, actor, sheet, file, &link),
    )
    .await
}

/// Makes a file when it is its turn. The last argument of `make` is the unit,
/// if it is of one, and the name of the file.
async fn set(
    centre: Arc<Centre>,
    headers: &HeaderMap,
    of: Of,
    asked: Asks,
    make: impl FnOnce(&Centre, &Actor, Sheet<'_>, (Option<&str>, &str)) -> anyhow::Result<Made>
    + Send
    + 'static,
) -> Result<Response, Problem> {
    let (month, unit, file) = ((of.id, of.month), of.unit, of.file);
    let name = file.clone();
    let turn = SETTING.acquire().await;
    let made = of_month(
        centre,
        headers,
        month,
        asked,
        move |centre, actor, sheet| make(centre, actor, sheet, (unit.as_deref(), &file)),
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
