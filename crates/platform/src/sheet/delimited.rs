//! CSV as spreadsheets write it.

use anyhow::{Context as _, Result, ensure};

use super::{Cell, MOST_COLUMNS, MOST_ROWS, Rows};

/// Every record with the line it begins in. A byte-order mark and `;` or tabs
/// as separator are taken too.
pub(super) fn rows(bytes: &[u8]) -> Result<Rows> {
    let text = std::str::from_utf8(bytes).context(
        "it is neither an .xlsx workbook nor UTF-8 text; save it as .xlsx or as CSV in UTF-8",
    )?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(text))
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut rows = vec![];
    for record in reader.records() {
        let record = record.context("it is no CSV")?;
        let line = record.position().map_or(0, csv::Position::line);
        ensure!(
            rows.len() < MOST_ROWS as usize,
            "the file has more than {MOST_ROWS} rows; split it"
        );
        ensure!(
            record.len() <= MOST_COLUMNS as usize,
            "row {line} has {} columns, at most {MOST_COLUMNS} are read",
            record.len()
        );
        rows.push((line, record.iter().map(cell).collect()));
    }
    Ok(rows)
}

/// The separator that the first lines hold most of.
fn separator(text: &str) -> u8 {
    let head: String = text.lines().take(5).collect();
    let count = |separator: u8| head.bytes().filter(|byte| *byte == separator).count();
    let mut best = b',';
    for separator in [b';', b'\t'] {
        if count(separator) > count(best) {
            best = separator;
        }
    }
    best
}

fn cell(text: &str) -> Cell {
    match text.trim() {
        "" => Cell::Empty,
        formula if formula.starts_with(['=', '@']) => Cell::Formula(formula.to_owned()),
        _ => Cell::Text(text.to_owned()),
    }
}
