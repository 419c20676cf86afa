//! From bytes of the network to a stored, judged test — or to one clear refusal.
//!
//! The cheap checks come first, the signature before anything is derived. A
//! refusal stores nothing and is counted. The order: size, text, version,
//! members, ranges, position, clock, receipt.

mod answer;
mod check;
mod derive;
mod parse;
pub mod rebuild;
pub mod refused;

use anyhow::Result;
use jiff::Timestamp;
use metric::consistency;
use metric::key::Purpose;
use metric::month::civil_date;
use metric::position::{Position, PositionClaim};
use metric::submission::Submission;
use metric::validity::Limits;
use serde::Deserialize as _;
use serde_json::Value;

use crate::area::AreaIndex;
use crate::operator::OperatorTable;
use crate::store::Store;
use crate::store::rejection::Rejection;
use crate::store::test::{Appended, Entry};
use refused::{Problem, Refused};

/// Largest body of a submission, bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// What a submission is judged by.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    /// The areas.
    pub areas: &'a AreaIndex,
    /// The operators and their addresses.
    pub operators: &'a OperatorTable,
    /// The numbers in the rules.
    pub limits: &'a Limits,
    /// How long positions are kept, days.
    pub position_retention_days: u16,
}

/// Why a submission is not stored.
#[derive(Debug)]
pub enum Failure {
    /// Its sender can know why.
    Refused(Box<Refused>),
    /// The centre is at fault.
    Centre(anyhow::Error),
}

/// Takes a submission in: `Appended::New` is stored durably, `Appended::Known`
/// was before, with the answer of then.
///
/// # Errors
///
/// [`Failure`]; nothing is stored, and a refusal is counted.
pub fn collect(
    store: &Store,
    tables: &Tables<'_>,
    now: Timestamp,
    body: &[u8],
) -> Result<Appended, Failure> {
    let outcome = admit(store, tables, now, body);
    match &outcome {
        Err(Failure::Refused(refused)) => count(store, tables, now, body, refused)?,
        Ok(Appended::Known(_)) => count(store, tables, now, body, &Refused::duplicate())?,
        _ => {}
    }
    outcome
}

/// Counts a submission that was refused before its body was read.
///
/// # Errors
///
/// When the store cannot be written.
pub fn refuse_unread(store: &Store, now: Timestamp, refused: &Refused) -> Result<()> {
    store.count_rejection(&Rejection {
        at: now,
        synthetic: false,
        area: None,
        code: refused.problem.name(),
        why: refused.why,
        field: None,
    })
}

fn admit(
    store: &Store,
    tables: &Tables<'_>,
    now: Timestamp,
    body: &[u8],
) -> Result<Appended, Failure> {
    let submission = parse::submission(body)?;
    let position = check::submission(&submission)?;
    let verified = verify(store, submission, now)?;
    let evidence = derive::Evidence::of(&verified);
    let (derived, facts) = derive::derive(&evidence, position.as_ref(), tables, now);
    let entry = Entry {
        position: position.map(|position| check::held(position, now, tables)),
        verified,
        received_at: now,
        derived,
    };
    let judge = |history| answer::judge(&entry, &facts, history, tables);
    Ok(store.append(&entry, tables.limits, judge)?)
}

/// A test that is stored already is answered as then, so for it alone the
/// receipt's expiry does not matter.
fn verify(
    store: &Store,
    submission: Submission,
    now: Timestamp,
) -> Result<consistency::Verified, Failure> {
    let receipt = &submission.receipt;
    let key = store.key(&receipt.key_id)?;
    let known = store.test_body(receipt.test_id)?.is_some();
    let at = if known { receipt.issued_at } else { now };
    let verified = consistency::verify(submission, |_| key, at);
    verified.map_err(|why| Refused::receipt(why).into())
}

fn count(
    store: &Store,
    tables: &Tables<'_>,
    now: Timestamp,
    body: &[u8],
    refused: &Refused,
) -> Result<()> {
    let small = refused.problem != Problem::BodyTooLarge;
    let claim = small
        .then(|| serde_json::from_slice::<Value>(body).ok())
        .flatten();
    let position = claim.as_ref().and_then(claimed_position);
    let area = position.and_then(|at| {
        tables
            .areas
            .locate(at.latitude(), at.longitude(), civil_date(now))
    });
    store.count_rejection(&Rejection {
        at: now,
        synthetic: claim.map_or(Ok(false), |claim| claims_simulation(store, &claim))?,
        area: area.map(|area| &area.key),
        code: refused.problem.name(),
        why: refused.why,
        field: refused.counted_field.as_deref(),
    })
}

fn claimed_position(claim: &Value) -> Option<Position> {
    let position = PositionClaim::deserialize(&claim["context"]["position"]).ok()?;
    position.check().ok()
}

/// Whether a refused submission names a key for simulation, so that what goes
/// wrong in a simulation is not counted among the tests of people.
fn claims_simulation(store: &Store, claim: &Value) -> Result<bool> {
    let Some(key_id) = claim["receipt"]["key_id"].as_str() else {
        return Ok(false);
    };
    let key = store.key(key_id)?;
    Ok(key.is_some_and(|key| key.purpose == Purpose::Simulation))
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Centre(error)
    }
}

#[cfg(test)]
mod tests;
