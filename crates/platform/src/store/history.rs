//! What a new test is held against: tests of the same device that are judged.

use anyhow::{Context as _, Result};
use h3o::{CellIndex, LatLng};
use jiff::{SignedDuration, Timestamp};
use metric::month::{Month, civil_date};
use metric::position::Position;
use metric::validity::{Limits, over_cap, travels};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::edge::{area_columns, instant, micros, natural};
use super::test::Derived;

/// What the tests before say of a new one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct History {
    /// One that counts stands close by in time and place.
    pub repeats: bool,
    /// The device has had its share of the ward's month.
    pub over_cap: bool,
    /// The device would have travelled too fast.
    pub travels: bool,
    /// Another test has the same trace.
    pub copied: bool,
}

/// A test that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its id.
    pub test_id: Uuid,
    /// Pseudonym of its device.
    pub device: &'a str,
    /// When it was made.
    pub measured_at: Timestamp,
    /// Whether it is of a simulation.
    pub synthetic: bool,
    /// Where it was made, where that is (still) known.
    pub position: Option<Position>,
    /// What follows from it.
    pub derived: &'a Derived,
}

/// The table of verdicts a question goes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ledger {
    /// The one in use.
    Verdicts,
    /// The one that a rebuild of everything is filling.
    Next,
    /// The one that a rebuild of a month is filling; other months stay.
    NextMonth,
}

impl Ledger {
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Verdicts => "verdicts",
            Self::Next | Self::NextMonth => "verdicts_next",
        }
    }
}

/// Everything that earlier tests say of a new one.
pub(super) fn history(
    connection: &Connection,
    ledger: Ledger,
    subject: &Subject<'_>,
    limits: &Limits,
) -> Result<History> {
    let looking = "looking at the device's other tests";
    let read = || -> Result<History> {
        Ok(History {
            repeats: repeats(connection, ledger, subject, limits)?,
            over_cap: is_over_cap(connection, ledger, subject, limits)?,
            travels: travelled(connection, ledger, subject, limits)?,
            copied: copied(connection, ledger, subject)?,
        })
    };
    read().context(looking)
}

/// Whether a test of the same device, operator and technology that counts lies
/// closer than the limits in time and in place. Among mobile tests those that
/// count for a ward are those of its quota; a fixed line is in no quota, but
/// may not fill the figures of a ward by repeating itself either.
fn repeats(
    connection: &Connection,
    ledger: Ledger,
    subject: &Subject<'_>,
    limits: &Limits,
) -> Result<bool> {
    let Some(here) = subject.position else {
        return Ok(false);
    };
    let at = micros(subject.measured_at);
    let span = micros_of(SignedDuration::from_mins(i64::from(limits.repeat_minutes)));
    let sql = format!(
        "SELECT latitude_e7, longitude_e7, accuracy_metres
         FROM {} JOIN positions USING (test_id)
         WHERE device = ?1 AND measured_at_us > ?2 AND measured_at_us < ?3
           AND operator = ?4 AND technology = ?5 AND synthetic = ?6 AND counts_ward",
        ledger.table()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let key = params![
        subject.device,
        at.saturating_sub(span),
        at.saturating_add(span),
        subject.derived.operator,
        subject.derived.technology.code(),
        subject.synthetic,
    ];
    let near = statement.query_map(key, |row| position(row, 0))?;
    for there in near {
        if here.distance_metres(&there?) < f64::from(limits.repeat_metres) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Days with tests of the device that count in the same ward and month, and how
/// many of them are of the same day.
fn is_over_cap(
    connection: &Connection,
    ledger: Ledger,
    subject: &Subject<'_>,
    limits: &Limits,
) -> Result<bool> {
    let (code, valid_from) = area_columns(subject.derived.area.as_ref());
    if code.is_empty() {
        return Ok(false);
    }
    let sql = format!(
        "SELECT count(DISTINCT day), count(CASE WHEN day = ?6 THEN 1 END)
         FROM {} WHERE device = ?1 AND month = ?2 AND counts_ward
           AND area_code = ?3 AND area_valid_from = ?4 AND synthetic = ?5",
        ledger.table()
    );
    let key = params![
        subject.device,
        Month::of(subject.measured_at).to_string(),
        code,
        valid_from,
        subject.synthetic,
        civil_date(subject.measured_at).to_string(),
    ];
    let counts = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (days, today): (i64, i64) = connection.prepare_cached(&sql)?.query_row(key, counts)?;
    Ok(over_cap(natural(days), natural(today), limits))
}

/// Whether the way from the device's last located test, or to its next one, is
/// too long for the time.
fn travelled(
    connection: &Connection,
    ledger: Ledger,
    subject: &Subject<'_>,
    limits: &Limits,
) -> Result<bool> {
    let Some(here) = subject.position else {
        return Ok(false);
    };
    for side in [
        "< ?2 ORDER BY measured_at_us DESC",
        ">= ?2 ORDER BY measured_at_us",
    ] {
        let Some((there, then)) = neighbour(connection, ledger, subject, side)? else {
            continue;
        };
        let vague = here.accuracy_metres.saturating_add(there.accuracy_metres);
        let apart = then.duration_since(subject.measured_at);
        if travels(here.distance_metres(&there), vague, apart, limits) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The device's nearest located test on one side in time.
fn neighbour(
    connection: &Connection,
    ledger: Ledger,
    subject: &Subject<'_>,
    side: &str,
) -> Result<Option<(Position, Timestamp)>> {
    let sql = format!(
        "SELECT latitude_e7, longitude_e7, accuracy_metres, h3_res9, measured_at_us
         FROM {} LEFT JOIN positions USING (test_id)
         WHERE device = ?1 AND synthetic = ?3 AND h3_res9 IS NOT NULL AND measured_at_us {side}
         LIMIT 1",
        ledger.table()
    );
    let key = params![
        subject.device,
        micros(subject.measured_at),
        subject.synthetic
    ];
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row(key, |row| {
        let exact = row.get::<_, Option<i32>>(0)?.is_some();
        let there = if exact {
            Some(position(row, 0)?)
        } else {
            middle(row.get(3)?)
        };
        Ok((there, instant(row.get(4)?)?))
    });
    let found = found.optional()?;
    Ok(found.and_then(|(there, then)| Some((there?, then))))
}

fn position(row: &Row<'_>, column: usize) -> rusqlite::Result<Position> {
    Ok(Position {
        latitude_e7: row.get(column)?,
        longitude_e7: row.get(column + 1)?,
        accuracy_metres: row.get(column + 2)?,
    })
}

/// The middle of a cell of resolution 9, as vague as the cell is wide; `None`
/// for a number that is no cell.
pub(crate) fn middle(cell: i64) -> Option<Position> {
    let cell = CellIndex::try_from(u64::try_from(cell).ok()?).ok()?;
    let at = LatLng::from(cell);
    let claim = metric::position::PositionClaim {
        latitude_degrees: at.lat(),
        longitude_degrees: at.lng(),
        accuracy_metres: CELL_RADIUS_METRES,
    };
    claim.check().ok()
}

/// Radius of a cell of resolution 9 (edges of 200 m at most).
const CELL_RADIUS_METRES: f64 = 200.0;

/// Whether another test has the same trace.
fn copied(connection: &Connection, ledger: Ledger, subject: &Subject<'_>) -> Result<bool> {
    let Some(shape) = subject.derived.trace_shape else {
        return Ok(false);
    };
    let others = match ledger {
        Ledger::NextMonth => {
            "UNION ALL SELECT 1 FROM verdicts
             WHERE trace_shape = ?1 AND test_id != ?2 AND month != ?3"
        }
        Ledger::Verdicts | Ledger::Next => "",
    };
    let sql = format!(
        "SELECT 1 FROM {} WHERE trace_shape = ?1 AND test_id != ?2 AND ?3 != '' {others} LIMIT 1",
        ledger.table()
    );
    let month = Month::of(subject.measured_at).to_string();
    let key = params![
        shape.cast_signed(),
        subject.test_id.as_bytes().as_slice(),
        month
    ];
    Ok(connection.prepare_cached(&sql)?.exists(key)?)
}

fn micros_of(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
