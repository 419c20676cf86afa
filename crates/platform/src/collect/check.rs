//! Ranges that the types cannot hold, and the agreement of the clocks.

use jiff::{SignedDuration, Timestamp};
use metric::position::Position;
use metric::submission::{Observed, OutOfRange, Submission};

use super::Tables;
use super::refused::{Problem, Refused};
use crate::store::test::Held;

/// Checks everything that needs no key, and gives the position.
pub(super) fn submission(submission: &Submission) -> Result<Option<Position>, Refused> {
    amounts(&submission.observed)?;
    let out =
        |problem| move |e: OutOfRange| Refused::new(problem, Some(e.field.clone()), e.to_string());
    submission
        .observed
        .check()
        .map_err(out(Problem::MalformedBody))?;
    submission
        .context
        .check()
        .map_err(out(Problem::ContextInvalid))?;
    let position = position(submission)?;
    clock(submission)?;
    Ok(position)
}

/// The position and the end of its life.
pub(super) fn held(position: Position, now: Timestamp, tables: &Tables<'_>) -> Held {
    let span = SignedDuration::from_hours(24 * i64::from(tables.position_retention_days));
    Held {
        position,
        expires_at: now.saturating_add(span).unwrap_or(Timestamp::MAX),
    }
}

/// No list is made as long as a number in the body says, and no sum overflows.
fn amounts(observed: &Observed) -> Result<(), Refused> {
    let probes = [
        ("idle", &observed.idle),
        ("working_download", &observed.working_download),
        ("working_upload", &observed.working_upload),
    ];
    for (name, probes) in probes {
        let sent = probes.as_ref().map_or(0, |probes| probes.sent);
        at_most(format!("observed.{name}.sent"), u64::from(sent), MAX_PROBES)?;
    }
    let subtests = [
        ("download", &observed.download),
        ("upload", &observed.upload),
    ];
    for (name, subtest) in subtests {
        let bytes = subtest.as_ref().map_or(0, |subtest| subtest.bytes);
        at_most(format!("observed.{name}.bytes"), bytes, MAX_BYTES)?;
    }
    Ok(())
}

fn at_most(field: String, value: u64, most: u64) -> Result<(), Refused> {
    if value <= most {
        return Ok(());
    }
    let detail = format!("{field} is {value}, expected at most {most}");
    Err(Refused::new(Problem::MalformedBody, Some(field), detail))
}

fn position(submission: &Submission) -> Result<Option<Position>, Refused> {
    let position = submission.context.position.map(|claim| claim.check());
    position.transpose().map_err(|e| {
        let field = format!("context.position.{}", e.field);
        let detail = format!("context.position.{e}");
        Refused::new(Problem::PositionImpossible, Some(field), detail)
    })
}

fn clock(submission: &Submission) -> Result<(), Refused> {
    let (said, seen) = (
        submission.context.measured_at,
        submission.receipt.started_at,
    );
    if said.duration_since(seen).abs() <= MAX_SKEW {
        return Ok(());
    }
    let detail = format!("context.measured_at is {said}, the receipt began at {seen}");
    let field = Some("context.measured_at".into());
    Err(Refused::new(Problem::ClockSkewed, field, detail))
}

/// Furthest the device's corrected clock may be from the site's.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Most probes of one kind: a session of 120 s, a probe a millisecond.
const MAX_PROBES: u64 = 120_000;

/// Most bytes of one direction: 2^50, far above the sites' caps.
const MAX_BYTES: u64 = 1 << 50;
