//! Answers that are kept: a question about figures is computed once, not for
//! everybody who asks.
//!
//! A kept answer is given while the store has not changed. After a change it is
//! still given for ten times as long as it took to compute and at most a
//! minute, so that a stream of tests costs a tenth of a core for each question
//! and no more, and a cheap answer is as good as immediate. Everybody who asks
//! the same at the same time waits for one computation. Each answer carries a
//! tag; who has it already gets 304.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use metric::key::sha256_hex;
use metric::month::Month;

use super::problem::Problem;
use crate::centre::Centre;

/// The kept answers by path and query.
#[derive(Debug, Default)]
pub(super) struct Kept {
    slots: Mutex<HashMap<String, Slot>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Answer>>>;

/// Questions that are remembered, and bytes of all answers together; beyond
/// either everything is forgotten, which costs one computation each.
const MOST_QUESTIONS: usize = 2048;
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Longest question.
const MOST_LETTERS: usize = 512;
/// Longest time for which an answer outlives a change of the store.
const LONGEST: SignedDuration = SignedDuration::from_secs(60);
/// Largest answer.
const MOST_ANSWER: usize = 256 * 1024 * 1024;

#[derive(Clone, Debug)]
struct Answer {
    body: Bytes,
    headers: HeaderMap,
    /// Changes of the store that it knows of.
    version: i64,
    computed_at: Timestamp,
    took: SignedDuration,
}

impl Answer {
    fn holds(&self, version: i64, now: Timestamp) -> bool {
        let age = now.duration_since(self.computed_at);
        self.version == version || age < (self.took * 10).min(LONGEST)
    }
}

impl Kept {
    fn slot(&self, question: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_QUESTIONS || bytes(&slots) > MOST_BYTES {
            slots.clear();
        }
        Arc::clone(slots.entry(question.to_owned()).or_default())
    }
}

/// Bytes of all answers; one that is being computed counts as none.
fn bytes(slots: &HashMap<String, Slot>) -> usize {
    let size = |slot: &Slot| {
        let answer = slot.try_lock().ok()?;
        answer.as_ref().map(|answer| answer.body.len())
    };
    slots.values().filter_map(size).sum()
}

/// Gives the kept answer, or computes and keeps it.
pub(super) async fn keep(
    State((kept, centre)): State<(Arc<Kept>, Arc<Centre>)>,
    request: Request,
    next: Next,
) -> Response {
    let question = request
        .uri()
        .path_and_query()
        .map_or("", |path| path.as_str())
        .to_owned();
    if request.method() != Method::GET || question.len() > MOST_LETTERS {
        return next.run(request).await;
    }
    let asked = request.headers().clone();
    let slot = kept.slot(&question);
    let mut slot = slot.lock().await;
    let (version, now) = match centre.store().version() {
        Ok(version) => (version, centre.now()),
        Err(error) => return Problem::from(error).into_response(),
    };
    if let Some(answer) = slot.as_ref().filter(|answer| answer.holds(version, now)) {
        return given(answer, &asked);
    }
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MOST_ANSWER).await else {
        return Problem::from(anyhow::anyhow!(
            "an answer is larger than {MOST_ANSWER} bytes"
        ))
        .into_response();
    };
    let took = centre.now().duration_since(now).max(SignedDuration::ZERO);
    let mut headers = parts.headers;
    describe(&mut headers, &body, lifetime(&question, now));
    let answer = Answer {
        body,
        headers,
        version,
        computed_at: now,
        took,
    };
    let response = given(&answer, &asked);
    *slot = Some(answer);
    response
}

fn describe(headers: &mut HeaderMap, body: &Bytes, lifetime: &'static str) {
    let tag: String = sha256_hex(body).chars().take(32).collect();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{tag}\"")) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
}

fn given(answer: &Answer, asked: &HeaderMap) -> Response {
    let tag = answer.headers.get(header::ETAG);
    if tag.is_some_and(|tag| has(asked, tag)) {
        return (
            StatusCode::NOT_MODIFIED,
            answer.headers.clone(),
            Body::empty(),
        )
            .into_response();
    }
    (answer.headers.clone(), answer.body.clone()).into_response()
}

/// Whether who asks has what the tag names.
pub(super) fn has(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let known = asked.get(header::IF_NONE_MATCH).and_then(text);
    known
        .zip(text(tag))
        .is_some_and(|(tags, tag)| tags == "*" || tags.split(',').any(|asked| same(asked, &tag)))
}

/// RFC 9110 §13.1.2: compared weakly.
fn same(asked: &str, tag: &str) -> bool {
    asked.trim().trim_start_matches("W/") == tag
}

/// How long others may keep the answer: an hour when it is about a month that
/// has been over for eight days, so that no test can arrive any more; else they
/// ask again, which costs a 304.
fn lifetime(question: &str, now: Timestamp) -> &'static str {
    let parts = question.split(['/', '?', '&', '=']);
    let months: Vec<Month> = parts.filter_map(|part| part.parse().ok()).collect();
    let settled = |month: &Month| {
        let end = month.next().start();
        end.is_some_and(|end| now.duration_since(end) > SignedDuration::from_hours(8 * 24))
    };
    if !months.is_empty() && months.iter().all(settled) {
        "public, max-age=3600"
    } else {
        "public, no-cache"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_month_that_is_settled_is_kept_by_others() {
        let now: Timestamp = "2024-12-20T00:00:00Z".parse().unwrap();
        assert_eq!(
            lifetime("/api/v1/areas?month=2024-11", now),
            "public, max-age=3600"
        );
        assert_eq!(
            lifetime("/api/v1/campaigns/c/months/2024-11", now),
            "public, max-age=3600"
        );
        assert_eq!(
            lifetime("/api/v1/areas?month=2024-12", now),
            "public, no-cache"
        );
        assert_eq!(
            lifetime("/x?from=2024-11&to=2024-12", now),
            "public, no-cache"
        );
        assert_eq!(lifetime("/api/v1/operators", now), "public, no-cache");
        let early: Timestamp = "2024-12-05T00:00:00Z".parse().unwrap();
        assert_eq!(
            lifetime("/api/v1/areas?month=2024-11", early),
            "public, no-cache"
        );
    }

    #[test]
    fn an_answer_outlives_a_change_by_ten_times_what_it_cost() {
        let at = |ms| Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms);
        let answer = |took| Answer {
            body: Bytes::new(),
            headers: HeaderMap::new(),
            version: 7,
            computed_at: at(0),
            took: SignedDuration::from_millis(took),
        };
        assert!(answer(0).holds(7, at(1_000_000_000)));
        assert!(!answer(0).holds(8, at(0)));
        assert!(answer(5).holds(8, at(49)) && !answer(5).holds(8, at(50)));
        assert!(answer(20_000).holds(8, at(59_999)) && !answer(20_000).holds(8, at(60_000)));
    }
}
