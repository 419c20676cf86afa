//! Sites: their notices, the public list, and the nearest ones, in our words
//! and in those of Locate.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::rejection::QueryRejection};
use jiff::Timestamp;
use metric::unit::Micros;
use serde::{Deserialize, Serialize};
use wire::locate::{self, Service};
use wire::roster::address::SiteUrl;
use wire::roster::spec;
use wire::roster::standing::{Candidate, Nearest, Reason, Standing};

use super::blocking;
use super::problem::Problem;
use crate::centre::Centre;
use crate::site::{self, Caller};
use crate::store::site::{Probe, Site};

/// How a request came to this process; whoever accepts connections says so.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The client's address.
    pub address: IpAddr,
    /// Whether the connection is encrypted to here or to a proxy of ours.
    pub secure: bool,
}

/// `POST /api/v1/sites/notices`.
pub(super) async fn notice(
    State(centre): State<Arc<Centre>>,
    body: Body,
) -> Result<Json<Standing>, Problem> {
    let body = to_bytes(body, spec::MAX_NOTICE_BYTES).await;
    let body: Bytes = body.map_err(|_| Problem::notice_too_large())?;
    let taken = blocking(centre, move |centre| {
        Ok(site::take(centre.store(), centre.now(), &body))
    });
    let standing = taken.await?.map_err(Problem::notice)?;
    Ok(Json(standing))
}

#[derive(Serialize)]
pub(super) struct SiteList {
    sites: Vec<SiteLine>,
}

/// `GET /api/v1/sites`: every approved site, well or not.
pub(super) async fn list(State(centre): State<Arc<Centre>>) -> Result<Json<SiteList>, Problem> {
    let (sites, now) = known(centre).await?;
    let approved = sites.iter().filter(|site| site.approved_at.is_some());
    let sites = approved.map(|site| SiteLine::of(site, now)).collect();
    Ok(Json(SiteList { sites }))
}

async fn known(centre: Arc<Centre>) -> Result<(Vec<Site>, Timestamp), Problem> {
    blocking(centre, |centre| Ok((centre.store().sites()?, centre.now()))).await
}

#[derive(Serialize)]
struct SiteLine {
    #[serde(flatten)]
    description: wire::roster::notice::Description,
    state: wire::roster::standing::State,
    /// `ok`, or what keeps clients away.
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    utilisation_percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4: Option<ProbeLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6: Option<ProbeLine>,
    key_id: String,
}

#[derive(Serialize)]
struct ProbeLine {
    available: bool,
    probed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_us: Option<Micros>,
}

impl ProbeLine {
    fn of(probe: &Probe) -> Self {
        Self {
            available: probe.outcome.is_ok(),
            probed_at: probe.at,
            rtt_us: probe.outcome.as_ref().ok().copied(),
        }
    }
}

impl SiteLine {
    fn of(site: &Site, now: Timestamp) -> Self {
        let beat = site.heartbeat.as_ref();
        Self {
            description: site.description.clone(),
            state: site.state,
            health: site::trouble(site, now).map_or("ok", site::Trouble::name),
            heartbeat_at: beat.map(|(at, _)| *at),
            utilisation_percent: beat.map(|(_, beat)| beat.utilisation_percent),
            sessions: beat.map(|(_, beat)| beat.sessions),
            version: beat.map(|(_, beat)| beat.version.clone()),
            ipv4: site.ipv4.as_ref().map(ProbeLine::of),
            ipv6: site.ipv6.as_ref().map(ProbeLine::of),
            key_id: site.public_key.id(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Asked {
    province: Option<String>,
}

/// `GET /api/v1/sites/nearest[?province=…]`.
pub(super) async fn nearest(
    State(centre): State<Arc<Centre>>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let asked = query.map_err(|e| Problem::query_invalid(e.body_text()))?.0;
    let caller = caller(&centre, arrival.as_deref(), asked.province);
    let here = here(&centre, arrival.as_deref(), &headers);
    let (sites, now) = known(centre).await?;
    let offered = site::nearest(&sites, &caller, now);
    let mut candidates: Vec<_> = offered.iter().map(|o| o.candidate(&caller)).collect();
    candidates.extend(here);
    candidates.truncate(spec::MAX_CANDIDATES);
    let answer = Nearest {
        candidates,
        asn: caller.asn,
        operator: caller.operator,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

fn caller(centre: &Centre, arrival: Option<&Arrival>, province: Option<String>) -> Caller {
    let operators = centre.operators();
    let found = arrival.and_then(|arrival| operators.of_address(arrival.address.to_canonical()));
    Caller {
        asn: found.map(|found| found.asn),
        operator: found.and_then(|found| Some(found.operator?.id.clone())),
        province,
    }
}

/// The site in this very process, at the address the client came to.
fn here(centre: &Centre, arrival: Option<&Arrival>, headers: &HeaderMap) -> Option<Candidate> {
    let name = centre.own_site()?;
    let secure = arrival.is_some_and(|arrival| arrival.secure);
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let scheme = if secure { "https" } else { "http" };
    let url: SiteUrl = format!("{scheme}://{host}").parse().ok()?;
    Some(Candidate {
        site: name,
        reason: Reason::Here,
        on_net: None,
        city: None,
        exchange: None,
        urls: vec![url],
        ipv4_url: None,
        ipv6_url: None,
    })
}

/// `GET /v2/nearest/{service}` and `GET /v2/priority/nearest/{service}`.
pub(super) async fn locate(
    State(centre): State<Arc<Centre>>,
    arrival: Option<Extension<Arrival>>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(service) = Service::of_path(uri.path()) else {
        let failed = locate::message::Failed::unknown_service(uri.path());
        return foreign((StatusCode::NOT_FOUND, Json(failed)));
    };
    let caller = caller(&centre, arrival.as_deref(), None);
    let here = here(&centre, arrival.as_deref(), &headers);
    let mid = match measurement(&centre, service) {
        Ok(mid) => mid,
        Err(problem) => return foreign(problem),
    };
    let (sites, now) = match known(centre).await {
        Ok(known) => known,
        Err(problem) => return foreign(problem),
    };
    let offered = site::nearest(&sites, &caller, now);
    let mut targets: Vec<_> = offered.iter().map(site::Offered::target).collect();
    targets.extend(here.map(target));
    let question = locate::Question {
        service,
        query: query.as_deref(),
        mid: &mid,
    };
    match locate::nearest(&question, &targets) {
        Some(answer) => foreign(Json(answer)),
        None => foreign(StatusCode::NO_CONTENT),
    }
}

/// Names a measurement, where its service wants one.
fn measurement(centre: &Centre, service: Service) -> Result<String, Problem> {
    if !service.named {
        return Ok(String::new());
    }
    let uuid = uuid::Builder::from_random_bytes(centre.chance()?);
    Ok(uuid.into_uuid().to_string())
}

fn target(here: Candidate) -> locate::Candidate {
    let authority = |secure| {
        let url = here.urls.iter().find(|url| url.is_secure() == secure);
        url.map(|url| url.authority().to_owned())
    };
    locate::Candidate {
        plain: authority(false),
        secure: authority(true),
        country: "VN".into(),
        machine: here.site,
        ..locate::Candidate::default()
    }
}

/// An answer with the header fields that foreign clients expect.
fn foreign(answer: impl IntoResponse) -> Response {
    (locate::spec::HEADERS, answer).into_response()
}
