//! Lists on their way out: the same columns as on the way in.

use anyhow::{Context as _, Result};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook};

use super::Column;

/// A list as CSV (RFC 4180), UTF-8 with the mark that makes spreadsheets show
/// Vietnamese.
///
/// # Errors
///
/// When a row cannot be written, which memory alone can cause.
pub(crate) fn csv(columns: &[Column], rows: &[Vec<String>]) -> Result<Vec<u8>> {
    let mut file = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    file.write_record(columns.iter().map(|column| column.title))?;
    for row in rows {
        file.write_record(row)?;
    }
    file.into_inner().context("writing the CSV")
}

/// A list as a workbook of texts, so that no code loses its zeros.
///
/// # Errors
///
/// When the workbook cannot be written, which memory alone can cause.
pub(crate) fn xlsx(name: &str, columns: &[Column], rows: &[Vec<String>]) -> Result<Vec<u8>> {
    let mut book = Workbook::new();
    book.set_properties(
        &DocProperties::new().set_creation_datetime(&ExcelDateTime::from_timestamp(0)?),
    );
    let sheet = book.add_worksheet();
    sheet.set_name(name)?;
    let (bold, text) = (Format::new().set_bold(), Format::new().set_num_format("@"));
    for (at, column) in (0..).zip(columns) {
        sheet.set_column_width(at, if column.key == "name" { 48 } else { 18 })?;
        sheet.write_string_with_format(0, at, column.title, &bold)?;
    }
    for (number, row) in (1..).zip(rows) {
        for (at, value) in (0..).zip(row) {
            sheet.write_string_with_format(number, at, value, &text)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(book.save_to_buffer()?)
}
