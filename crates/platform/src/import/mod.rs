//! Numbers of others: official counts, and tests of other tools.
//!
//! Each import is a source of its own with its provenance (file, SHA-256, who
//! publishes it, when it was taken in) and stands in tables of its own; no
//! figure, quota or open data of ours counts any of it. A file is read in full
//! before anything is stored: what is wrong is listed by row and field, and
//! with one mistake nothing is taken.

mod ndt7;
mod official;
pub mod place;
mod rows;
mod telemetry;

#[cfg(test)]
mod tests;

use std::fmt;

use anyhow::{Result, bail};
use jiff::Timestamp;
use metric::prefix::Prefix;

use crate::mistakes;

pub use official::{Columns, Mapping, OfficialCount, official};

/// Something wrong in a file.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Mistake {
    /// Row as a person counts: the first line or row of the file is 1.
    pub row: u64,
    /// Field at fault, as the file names it.
    pub field: String,
    /// What is wrong, with the value, and what is expected.
    pub what: String,
}

impl Mistake {
    pub(crate) fn new(row: u64, field: &str, what: impl Into<String>) -> Self {
        Self {
            row,
            field: field.to_owned(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}, {}: {}", self.row, self.field, self.what)
    }
}

/// What a file holds: rows that can be taken, and what is wrong with the others.
#[derive(Clone, Debug)]
pub struct Reading<T> {
    /// The rows that can be taken.
    pub rows: Vec<T>,
    /// What is wrong, in the order of the file.
    pub mistakes: Vec<Mistake>,
}

impl<T> Reading<T> {
    pub(crate) fn of(results: impl IntoIterator<Item = Result<T, Vec<Mistake>>>) -> Self {
        let mut reading = Self {
            rows: vec![],
            mistakes: vec![],
        };
        for result in results {
            match result {
                Ok(row) => reading.rows.push(row),
                Err(mistakes) => reading.mistakes.extend(mistakes),
            }
        }
        reading
    }

    /// The rows, where nothing is wrong.
    ///
    /// # Errors
    ///
    /// Lists what is wrong, one to a line.
    pub fn without_mistakes(self) -> Result<Vec<T>> {
        if self.mistakes.is_empty() {
            return Ok(self.rows);
        }
        struct List(Vec<Mistake>);
        impl fmt::Display for List {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                mistakes::write(f, &self.0)
            }
        }
        bail!("nothing was imported:\n{}", List(self.mistakes))
    }
}

/// A tool whose tests can be taken in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tool {
    /// Archive of an ndt7 server: one JSON object for each direction.
    Ndt7,
    /// Telemetry of LibreSpeed as CSV.
    LibreSpeed,
    /// CSV of Ookla's app (rates in kbit/s) or command line (bytes a second).
    Ookla,
}

impl Tool {
    /// Its name in the store.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ndt7 => "ndt7",
            Self::LibreSpeed => "librespeed",
            Self::Ookla => "ookla",
        }
    }
}

/// A test of another tool. An address is a prefix from the first moment on; a
/// position is used to find the area and then dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignTest {
    /// Row of the file.
    pub row: u64,
    /// When it was made, by the tool's clock.
    pub measured_at: Timestamp,
    /// Download, bit/s, as the tool counts it.
    pub download_bits_per_second: Option<u64>,
    /// Upload, bit/s.
    pub upload_bits_per_second: Option<u64>,
    /// Round-trip delay as the tool defines it, µs.
    pub rtt_us: Option<u64>,
    /// Network of the client.
    pub prefix: Option<Prefix>,
    /// Degrees north and east.
    pub position: Option<(f64, f64)>,
    /// Whether it was made over a mobile network, where the tool says so.
    pub mobile: Option<bool>,
}

/// Reads a file of a tool. `offset_hours` is the zone of times that name none.
///
/// # Errors
///
/// When the file is of another kind altogether; single rows are [`Mistake`]s.
pub fn foreign(tool: Tool, bytes: &[u8], offset_hours: i8) -> Result<Reading<ForeignTest>> {
    match tool {
        Tool::Ndt7 => ndt7::read(bytes),
        Tool::LibreSpeed => telemetry::librespeed(bytes, offset_hours),
        Tool::Ookla => telemetry::ookla(bytes, offset_hours),
    }
}
