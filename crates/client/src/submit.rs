//! Handing a test to the collector.

use hyper::StatusCode;
use metric::submission::{Context, Submission, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::http::Base;
use crate::run::Outcome;

/// Where tests are submitted.
const TESTS_PATH: &str = "/api/v1/tests";

/// What the collector made of a test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Acknowledged {
    /// The test.
    pub test_id: uuid::Uuid,
    /// `accepted`, `limited`, `excluded` or `incomplete`.
    pub state: String,
    /// Why it does not count for everything.
    pub reasons: Vec<String>,
    /// The rest of the answer, as it came.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// How the collector answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Stored just now.
    Stored(Acknowledged),
    /// Stored before; the first one stands.
    Known(Acknowledged),
}

impl Answer {
    /// What the collector says of the test.
    pub const fn acknowledged(&self) -> &Acknowledged {
        match self {
            Self::Stored(known) | Self::Known(known) => known,
        }
    }
}

/// The submission of a test; `None` without a receipt.
pub fn submission(outcome: &Outcome, context: Context) -> Option<Submission> {
    Some(Submission {
        submission: Version::V1,
        receipt: outcome.receipt.clone()?,
        nonce: outcome.session.nonce.clone(),
        observed: outcome.observed.clone(),
        context,
    })
}

/// Submits a test once.
///
/// # Errors
///
/// [`Error::Refused`] when trying again will not help; anything else may pass.
pub async fn submit(centre: &Base, submission: &Submission) -> Result<Answer, Error> {
    let (status, known) = centre.post(TESTS_PATH, None, submission).await?;
    Ok(if status == StatusCode::CREATED {
        Answer::Stored(known)
    } else {
        Answer::Known(known)
    })
}
