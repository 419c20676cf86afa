//! Lists that people keep in spreadsheets: CSV and XLSX in, every mistake named
//! by row and field; CSV and XLSX out.
//!
//! A header is looked for below whatever titles stand above it, by names in
//! Vietnamese or English. What a program cannot know the value of (formulas,
//! merged cells, errors) is a mistake and never a guess.

mod delimited;
mod row;
#[cfg(test)]
pub(crate) mod tests;
mod workbook;
pub(crate) mod write;

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization as _;

use crate::import::Mistake;

pub(crate) use row::Row;

/// Largest file, bytes.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Rows and columns that are read at most; a list of people has fewer.
const MOST_ROWS: u32 = 100_000;
const MOST_COLUMNS: u32 = 64;
/// The header stands in one of the first rows.
const HEADER_WITHIN: usize = 20;

/// A column that a list may have: its name here, and every name in headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// As in mistakes and in code.
    pub(crate) key: &'static str,
    /// As in exported headers.
    pub(crate) title: &'static str,
    /// Other names, in small letters.
    pub(crate) names: &'static [&'static str],
    /// Whether a list cannot do without it.
    pub(crate) required: bool,
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Nothing.
    Empty,
    /// Text as it was written.
    Text(String),
    Number(f64),
    Day(Date),
    /// A formula; its value is whatever the last program thought.
    Formula(String),
    /// Part of a merged range.
    Merged,
    /// `#REF!` and its kin.
    Broken(String),
}

/// The rows of a file: each with its number as a person counts.
type Rows = Vec<(u64, Vec<Cell>)>;

/// A list with a known header.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// Number of each column by key.
    places: BTreeMap<&'static str, usize>,
    rows: Rows,
}

impl Sheet {
    /// Reads a CSV or, by its first bytes, a workbook.
    ///
    /// # Errors
    ///
    /// When the file is of another kind, holds macros, is too large or lacks a
    /// required column; says what to do.
    pub(crate) fn read(bytes: &[u8], columns: &[Column]) -> Result<Self> {
        ensure!(
            bytes.len() <= MOST_BYTES,
            "the file has {} bytes, at most {MOST_BYTES} are read; split it",
            bytes.len()
        );
        let rows = match bytes {
            [b'P', b'K', ..] => workbook::rows(bytes)?,
            [0xd0, 0xcf, 0x11, 0xe0, ..] => {
                bail!(
                    "this is an old or encrypted workbook (.xls); save it as .xlsx without password"
                )
            }
            _ => delimited::rows(bytes)?,
        };
        Self::of(rows, columns)
    }

    fn of(mut rows: Rows, columns: &[Column]) -> Result<Self> {
        let best = rows
            .iter()
            .take(HEADER_WITHIN)
            .map(|(_, cells)| places(cells, columns));
        let (at, places) = best
            .enumerate()
            .max_by_key(|(at, places)| (places.len(), usize::MAX - at))
            .unwrap_or_default();
        let missing = columns.iter().filter(|column| column.required);
        let missing: Vec<_> = missing
            .filter(|column| !places.contains_key(column.key))
            .map(|column| format!("{:?} ({})", column.title, column.key))
            .collect();
        ensure!(
            missing.is_empty(),
            "no header with the columns {} in the first {HEADER_WITHIN} rows; \
             write it above the first row of the list",
            missing.join(", ")
        );
        let body = rows.split_off(at + 1).into_iter();
        let filled = |cells: &[Cell]| cells.iter().any(|cell| !blank(cell));
        let rows = body.filter(|(_, cells)| filled(cells)).collect();
        Ok(Self { places, rows })
    }

    /// Its rows in order, without empty ones.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows
            .iter()
            .map(|(row, cells)| Row::new(*row, cells, &self.places))
    }
}

/// Which columns a row names, were it the header; the first of two wins.
fn places(cells: &[Cell], columns: &[Column]) -> BTreeMap<&'static str, usize> {
    let mut places = BTreeMap::new();
    for (at, cell) in cells.iter().enumerate() {
        let Cell::Text(text) = cell else { continue };
        let name = tidy(text).to_lowercase();
        let known = |c: &&Column| {
            c.key == name || c.title.to_lowercase() == name || c.names.contains(&name.as_str())
        };
        if let Some(column) = columns.iter().find(known) {
            places.entry(column.key).or_insert(at);
        }
    }
    places
}

fn blank(cell: &Cell) -> bool {
    match cell {
        Cell::Empty => true,
        Cell::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// Composed (NFC), without space around it and with single spaces inside.
pub(crate) fn tidy(text: &str) -> String {
    let composed: String = text.nfc().collect();
    let words: Vec<_> = composed.split_whitespace().collect();
    words.join(" ")
}

/// Every mistake in the order of the file.
pub(crate) fn sorted(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    mistakes.sort_by_key(|mistake| mistake.row);
    mistakes
}
