//! The month as CSV (RFC 4180), UTF-8 with the mark that makes spreadsheets
//! show Vietnamese; decimals with a dot.

use anyhow::{Context as _, Result};
use csv::Writer;

use super::layout::{Cell, columns, rows, total};
use crate::table::MonthTable;

/// The table as CSV: a header, a row for each area, a total.
///
/// # Errors
///
/// When a row cannot be written, which memory alone can cause.
pub fn write(table: &MonthTable) -> Result<Vec<u8>> {
    let columns = columns();
    let rows = rows(table, &columns);
    let total = total(table, &columns, &rows);
    let mut file = Writer::from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    file.write_record(columns.iter().map(|column| &column.header))?;
    for row in rows.iter().chain([&total]) {
        file.write_record(row.iter().map(cell))?;
    }
    file.into_inner().context("writing the CSV")
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => count.to_string(),
        Cell::Quantity(quantity) => format!("{quantity:.2}"),
    }
}

const BYTE_ORDER_MARK: &str = "\u{feff}";
