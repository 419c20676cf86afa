//! How many questions a network may ask: a bucket of tokens for each prefix.
//!
//! Submissions are not limited here, because a refused one is a lost test and
//! a mobile operator puts thousands of people behind one prefix. Nothing is
//! logged and no address is known: only its prefix gets this far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use metric::prefix::Prefix;

use super::problem::Problem;
use crate::centre::Centre;
use crate::config::ApiLimits;

/// The buckets of all networks.
#[derive(Debug)]
pub(super) struct Limiter {
    limits: ApiLimits,
    buckets: Mutex<HashMap<Prefix, Bucket>>,
}

/// Networks that are remembered at most; full buckets say nothing and go first.
const MOST: usize = 100_000;

impl Limiter {
    pub(super) fn new(limits: ApiLimits) -> Self {
        Self {
            limits,
            buckets: Mutex::new(HashMap::new()),
        }
    }

    /// Takes a token of a network; `Err` holds the seconds until there is one.
    fn take(&self, prefix: Prefix, now: Timestamp) -> Result<(), f64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST && !buckets.contains_key(&prefix) {
            let limits = &self.limits;
            buckets.retain(|_, bucket| !bucket.is_full(limits, now));
            if buckets.len() >= MOST {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(prefix);
        let bucket = bucket.or_insert_with(|| Bucket::full(&self.limits, now));
        bucket.take(&self.limits, now)
    }
}

/// Tokens of one network, and when they were counted.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    fn full(limits: &ApiLimits, now: Timestamp) -> Self {
        Self {
            tokens: f64::from(limits.burst),
            at: now,
        }
    }

    fn filled(&self, limits: &ApiLimits, now: Timestamp) -> f64 {
        let passed = now.duration_since(self.at).as_secs_f64().max(0.0);
        let tokens = passed.mul_add(f64::from(limits.requests_per_second), self.tokens);
        tokens.min(f64::from(limits.burst))
    }

    fn is_full(&self, limits: &ApiLimits, now: Timestamp) -> bool {
        self.filled(limits, now) >= f64::from(limits.burst)
    }

    fn take(&mut self, limits: &ApiLimits, now: Timestamp) -> Result<(), f64> {
        let tokens = self.filled(limits, now);
        (self.tokens, self.at) = (tokens, now.max(self.at));
        if tokens < 1.0 {
            return Err((1.0 - tokens) / f64::from(limits.requests_per_second.max(1)));
        }
        self.tokens = tokens - 1.0;
        Ok(())
    }
}

/// Answers 429 to a network that asks too much. A request without a prefix
/// comes from inside the program and is not limited.
pub(super) async fn limit(
    State((limiter, centre)): State<(Arc<Limiter>, Arc<Centre>)>,
    request: Request,
    next: Next,
) -> Response {
    let prefix = request.extensions().get::<Prefix>().copied();
    let asks = request.method() == Method::GET || request.method() == Method::HEAD;
    if let Some(prefix) = prefix.filter(|_| asks)
        && let Err(seconds) = limiter.take(prefix, centre.now())
    {
        return too_many(seconds);
    }
    next.run(request).await
}

fn too_many(seconds: f64) -> Response {
    let seconds = metric::unit::floor_u64(seconds.ceil()).max(1);
    let mut response = Problem::too_many_requests(seconds).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    const LIMITS: ApiLimits = ApiLimits {
        requests_per_second: 2,
        burst: 4,
    };

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_then_the_rate_and_each_network_has_its_own() {
        let limiter = Limiter::new(LIMITS);
        let (one, other) = (prefix("203.0.113.0/24"), prefix("198.51.100.0/24"));
        let at = |ms: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms);
        assert!((0..4).all(|_| limiter.take(one, at(0)).is_ok()));
        assert_eq!(limiter.take(one, at(0)), Err(0.5));
        assert!(limiter.take(other, at(0)).is_ok());
        assert_eq!(limiter.take(one, at(250)), Err(0.25));
        assert!(limiter.take(one, at(500)).is_ok());
        assert!(limiter.take(one, at(500)).is_err());
        assert!((0..4).all(|_| limiter.take(one, at(9_000_000)).is_ok()));
        assert!(
            limiter.take(one, at(9_000_000)).is_err(),
            "no more than a burst is saved"
        );
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let limiter = Limiter::new(LIMITS);
        let network = prefix("203.0.113.0/24");
        let late = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1000);
        assert!((0..4).all(|_| limiter.take(network, late).is_ok()));
        assert!(limiter.take(network, Timestamp::UNIX_EPOCH).is_err());
        assert!(limiter.take(network, late).is_err());
    }
}
