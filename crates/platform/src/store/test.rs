//! Tests: append-only, idempotent by id, and only from a [`Verified`] submission.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use metric::EDITION;
use metric::area::AreaKey;
use metric::consistency::Verified;
use metric::key::Purpose;
use metric::month::{Month, civil_date};
use metric::position::Position;
use metric::unit::{BitRate, Micros};
use metric::validity::{Limits, Reason, Use, counts_for, state};
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params, params};
use uuid::Uuid;

use super::edge::{area_columns, integer, micros};
use super::history::{History, Ledger, Subject, history};
use super::{Store, series};
use crate::access::{OperatorSource, Technology};

/// A test on its way in. It holds a [`Verified`] submission, which only
/// `metric::consistency::verify` makes.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was signed and said.
    pub verified: Verified,
    /// When the centre received it.
    pub received_at: Timestamp,
    /// Where it was made, and until when that is kept.
    pub position: Option<Held>,
    /// What follows from it.
    pub derived: Derived,
}

/// A position and the end of its life.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// The position.
    pub position: Position,
    /// First instant at which it is no longer kept.
    pub expires_at: Timestamp,
}

/// What follows from a test before the rules are applied.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Area of its position, valid on its day.
    pub area: Option<AreaKey>,
    /// Operator's id, or `unknown`.
    pub operator: String,
    /// How the operator is known.
    pub operator_source: OperatorSource,
    /// Autonomous system of the address, where known.
    pub asn: Option<u32>,
    /// Technology.
    pub technology: Technology,
    /// H3 cells of its position at resolutions 8 and 9.
    pub cells: Option<[u64; 2]>,
    /// Download, where it gave an estimate.
    pub download: Option<BitRate>,
    /// Upload, where it gave an estimate.
    pub upload: Option<BitRate>,
    /// Median round-trip delay before load, where one was measured.
    pub idle_rtt: Option<Micros>,
    /// Median round-trip delay under load, where one was measured.
    pub working_rtt: Option<Micros>,
    /// Whether a unit with a duty asked for the test.
    pub mobilised: bool,
    /// The shape of its trace ([`metric::validity::trace_shape`]).
    pub trace_shape: Option<u64>,
}

/// What the rules say of a test, and the answer to its sender.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Every reason against it.
    pub reasons: Vec<Reason>,
    /// The answer, JSON.
    pub body: String,
}

/// What became of a test; both hold the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It is stored now.
    New(String),
    /// It was stored before; the answer is the one given then.
    Known(String),
}

impl Entry {
    fn measured_at(&self) -> Timestamp {
        self.verified.receipt().started_at
    }

    fn synthetic(&self) -> bool {
        self.verified.purpose() == Purpose::Simulation
    }

    fn device(&self) -> &str {
        &self.verified.submission().context.device
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            test_id: self.verified.receipt().test_id,
            device: self.device(),
            measured_at: self.measured_at(),
            synthetic: self.synthetic(),
            position: self.position.map(|held| held.position),
            derived: &self.derived,
        }
    }
}

impl Store {
    /// Stores a test, once. In one transaction it looks whether the id is
    /// known, asks `judge`, which is told what earlier tests say of it, and writes test, position and verdict; so of
    /// two repeats that arrive together one counts.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is.
    pub fn append(
        &self,
        entry: &Entry,
        limits: &Limits,
        judge: impl FnOnce(History) -> Result<Judged>,
    ) -> Result<Appended> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let id = entry.verified.receipt().test_id;
        if let Some(body) = body(&transaction, id)? {
            return Ok(Appended::Known(body));
        }
        let past = history(&transaction, Ledger::Verdicts, &entry.subject(), limits)?;
        let judged = judge(past)?;
        write(&transaction, entry, &judged).with_context(|| format!("storing test {id}"))?;
        transaction.commit()?;
        Ok(Appended::New(judged.body))
    }

    /// The answer given to a test; `None` when it is not known here.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn test_body(&self, id: Uuid) -> Result<Option<String>> {
        body(&self.reader(), id)
    }

    /// Deletes the positions whose time is over; returns how many.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn expire_positions(&self, now: Timestamp) -> Result<usize> {
        self.writer()
            .execute(
                "DELETE FROM positions WHERE expires_at_us <= ?1",
                [micros(now)],
            )
            .context("deleting expired positions")
    }
}

fn body(connection: &Connection, id: Uuid) -> Result<Option<String>> {
    connection
        .prepare_cached("SELECT body FROM tests WHERE test_id = ?1")?
        .query_row([id.as_bytes().as_slice()], |row| row.get(0))
        .optional()
        .context("looking a test up")
}

fn write(transaction: &Transaction<'_>, entry: &Entry, judged: &Judged) -> Result<()> {
    write_test(transaction, entry, judged)?;
    let submission = entry.verified.submission();
    let synthetic = entry.synthetic();
    series::write(
        transaction,
        synthetic,
        &submission.receipt,
        &submission.observed,
    )?;
    write_position(transaction, entry)?;
    super::figure::mark_stale(transaction, &entry.subject())?;
    super::member::duty::count(transaction, &entry.subject(), &judged.reasons)?;
    write_verdict(
        transaction,
        Ledger::Verdicts,
        &entry.subject(),
        EDITION,
        &judged.reasons,
    )
}

fn write_test(transaction: &Transaction<'_>, entry: &Entry, judged: &Judged) -> Result<()> {
    let submission = entry.verified.submission();
    let mut context = submission.context.clone();
    context.position = None; // it lives in its own table, and expires
    transaction
        .prepare_cached("INSERT INTO tests VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![
            submission.receipt.test_id.as_bytes().as_slice(),
            micros(entry.received_at),
            submission.receipt.key_id,
            entry.synthetic(),
            serde_json::to_string(&submission.receipt)?,
            serde_json::to_string(&submission.observed)?,
            serde_json::to_string(&context)?,
            judged.body,
        ])?;
    Ok(())
}

fn write_position(transaction: &Transaction<'_>, entry: &Entry) -> Result<()> {
    let Some(held) = entry.position else {
        return Ok(());
    };
    transaction
        .prepare_cached("INSERT INTO positions VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            entry.verified.receipt().test_id.as_bytes().as_slice(),
            held.position.latitude_e7,
            held.position.longitude_e7,
            held.position.accuracy_metres,
            micros(held.expires_at),
        ])?;
    Ok(())
}

/// Writes what follows from a test, by an edition of the rules.
pub(super) fn write_verdict(
    connection: &Connection,
    ledger: Ledger,
    subject: &Subject<'_>,
    edition: u16,
    reasons: &[Reason],
) -> Result<()> {
    let (at, derived) = (subject.measured_at, subject.derived);
    let (area_code, area_valid_from) = area_columns(derived.area.as_ref());
    let counts = counts_for(reasons);
    let cell = |i: usize| derived.cells.map(|cells| integer(cells[i]));
    connection
        .prepare_cached(&insert_verdict(ledger))?
        .execute(named_params! {
            ":test_id": subject.test_id.as_bytes().as_slice(),
            ":edition": edition,
            ":synthetic": subject.synthetic,
            ":measured_at_us": micros(at),
            ":day": civil_date(at).to_string(),
            ":month": Month::of(at).to_string(),
            ":area_code": area_code,
            ":area_valid_from": area_valid_from,
            ":operator": derived.operator,
            ":operator_source": derived.operator_source.code(),
            ":asn": derived.asn,
            ":technology": derived.technology.code(),
            ":mobile": derived.technology != Technology::Fixed,
            ":h3_res8": cell(0),
            ":h3_res9": cell(1),
            ":device": subject.device,
            ":state": serde_json::to_value(state(reasons))?.as_str(),
            ":reasons": serde_json::to_string(reasons)?,
            ":counts_quota_raw": counts.contains(&Use::QuotaRaw),
            ":counts_quota": counts.contains(&Use::Quota),
            ":counts_ward": counts.contains(&Use::Ward),
            ":counts_operator": counts.contains(&Use::Operator),
            ":counts_country": counts.contains(&Use::Country),
            ":download_bits_per_second": derived.download.map(|rate| integer(rate.0)),
            ":upload_bits_per_second": derived.upload.map(|rate| integer(rate.0)),
            ":idle_rtt_us": derived.idle_rtt.map(|rtt| integer(rtt.0)),
            ":working_rtt_us": derived.working_rtt.map(|rtt| integer(rtt.0)),
            ":mobilised": derived.mobilised,
            ":trace_shape": derived.trace_shape.map(u64::cast_signed),
        })?;
    Ok(())
}

fn insert_verdict(ledger: Ledger) -> String {
    let table = ledger.table();
    format!(
        "INSERT INTO {table} VALUES (
    :test_id, :edition, :synthetic, :measured_at_us, :day, :month, :area_code, :area_valid_from,
    (SELECT edition FROM areas WHERE code = :area_code AND valid_from = :area_valid_from),
    :operator, :operator_source, :asn, :technology, :mobile, :h3_res8, :h3_res9, :device,
    :state, :reasons, :counts_quota_raw, :counts_quota, :counts_ward, :counts_operator,
    :counts_country, :download_bits_per_second, :upload_bits_per_second, :idle_rtt_us,
    :working_rtt_us, :mobilised, :trace_shape)"
    )
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::fixture::{Place, draft, moved, signed};

    #[test]
    fn a_stored_test_is_never_changed_or_deleted() {
        let place = Place::new();
        place.collect(&signed(draft(1))).unwrap();
        let writer = place.store.writer();
        for sql in ["UPDATE tests SET body = ''", "DELETE FROM tests"] {
            let error = writer.execute(sql, []).unwrap_err().to_string();
            assert!(error.contains("append-only"), "{error}");
        }
    }

    #[test]
    fn a_position_stands_in_one_table_and_an_address_in_none() {
        let place = Place::new();
        place.collect(&signed(draft(1))).unwrap();
        let reader = place.store.reader();
        let text: String = reader
            .query_row(
                "SELECT receipt || observed || context || body FROM tests",
                [],
                |row| row.get(0),
            )
            .unwrap();
        for secret in [
            "latitude",
            "10.77",
            "106.7",
            "203.0.113.1",
            crate::fixture::NONCE,
        ] {
            assert!(!text.contains(secret), "{secret}");
        }
        let latitude: i32 = reader
            .query_row("SELECT latitude_e7 FROM positions", [], |row| row.get(0))
            .unwrap();
        assert_eq!(latitude, 107_798_000);
    }

    #[test]
    fn what_was_not_measured_is_null_and_not_zero() {
        let place = Place::new();
        let mut half = draft(1);
        half.receipt.upload = None;
        half.observed.upload = None;
        half.observed.idle = None;
        place.collect(&signed(half)).unwrap();
        let nulls: u32 = place
            .store
            .reader()
            .query_row(
                "SELECT (upload_bits_per_second IS NULL) + (idle_rtt_us IS NULL)
                      + (working_rtt_us IS NULL) + (download_bits_per_second IS NULL)
                 FROM verdicts",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(nulls, 3);
    }

    #[test]
    fn of_tests_that_arrive_together_one_is_new_and_one_counts() {
        let place = Place::new();
        let later = draft(1).receipt.started_at - SignedDuration::from_mins(1);
        let mut repeat = moved(draft(2), later);
        repeat.context.device = draft(1).context.device;
        let bodies = [signed(draft(1)), signed(repeat)];
        let submit = |i: usize| {
            let body = &bodies[i % 2];
            place.collect(body).unwrap()
        };
        let submit = &submit;
        let new = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|i| scope.spawn(move || matches!(submit(i), Appended::New(_))))
                .collect();
            let done = threads.into_iter().map(|thread| thread.join().unwrap());
            done.filter(|new| *new).count()
        });
        assert_eq!(new, 2);
        let counts: (u32, u32) = place
            .store
            .reader()
            .query_row(
                "SELECT sum(counts_quota_raw), sum(counts_quota) FROM verdicts",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(counts, (2, 1));
    }
}
