//! XLSX, read cell by cell, so that a workbook that claims a million rows costs
//! what it holds.

use std::collections::BTreeMap;
use std::io::Cursor;

use anyhow::{Context as _, Result, bail, ensure};
use calamine::{DataRef, Dimensions, ExcelDateTime, Reader as _, Xlsx};
use jiff::civil::Date;

use super::{Cell, MOST_COLUMNS, MOST_ROWS, Rows};

/// Bytes of all parts of a workbook, unpacked.
const MOST_UNPACKED: u128 = 256 * 1024 * 1024;

/// The cells of the first sheet that has any.
pub(super) fn rows(bytes: &[u8]) -> Result<Rows> {
    check(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes))
        .context("it is no .xlsx workbook, or a damaged one; open it and save it again as .xlsx")?;
    for name in book.sheet_names() {
        let merged = book.merge_cells_by_sheet_name(&name).unwrap_or_default();
        let rows = sheet(&mut book, &name, &merged)?;
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    bail!("the workbook is empty")
}

/// Refuses macros and what would unpack to too much.
fn check(bytes: &[u8]) -> Result<()> {
    let archive = zip::ZipArchive::new(Cursor::new(bytes));
    let archive =
        archive.context("it begins like a workbook and is none; save it again as .xlsx")?;
    let unpacked = archive.decompressed_size().unwrap_or(0);
    ensure!(
        unpacked <= MOST_UNPACKED,
        "the workbook unpacks to {unpacked} bytes, at most {MOST_UNPACKED} are read"
    );
    let mut names = archive.file_names_raw();
    let macros = names.any(|name| name.to_ascii_lowercase().ends_with(b"vbaproject.bin"));
    ensure!(
        !macros,
        "the workbook holds macros (.xlsm); save it as .xlsx, which has none"
    );
    Ok(())
}

fn sheet(book: &mut Xlsx<Cursor<&[u8]>>, name: &str, merged: &[Dimensions]) -> Result<Rows> {
    let mut rows: BTreeMap<u32, Vec<Cell>> = BTreeMap::new();
    let mut reader = book.worksheet_cells_reader(name)?;
    while let Some(record) = reader.next_cell_with_formula_metadata()? {
        let (row, column) = record.pos;
        let cell = match record.formula {
            Some(_) => Cell::Formula(format!("{} holds a formula", place(row, column))),
            None => cell(&record.value),
        };
        if cell != Cell::Empty {
            put(&mut rows, (row, column), cell)?;
        }
    }
    for range in merged {
        mark(&mut rows, range);
    }
    Ok(rows
        .into_iter()
        .map(|(row, cells)| (u64::from(row) + 1, cells))
        .collect())
}

fn put(rows: &mut BTreeMap<u32, Vec<Cell>>, (row, column): (u32, u32), cell: Cell) -> Result<()> {
    let name = place(row, column);
    ensure!(
        row < MOST_ROWS,
        "cell {name} is filled; at most {MOST_ROWS} rows are read, so split the list"
    );
    ensure!(
        column < MOST_COLUMNS,
        "cell {name} is filled; at most {MOST_COLUMNS} columns are read, so delete what is beside the list"
    );
    let cells = rows.entry(row).or_default();
    let wanted = column as usize + 1;
    if cells.len() < wanted {
        cells.resize(wanted, Cell::Empty);
    }
    cells[column as usize] = cell;
    Ok(())
}

/// Marks the cells of a merged range in rows that hold something. A range of
/// one row is a title or a wide cell: its first cell keeps its text.
fn mark(rows: &mut BTreeMap<u32, Vec<Cell>>, range: &Dimensions) {
    let (top, left) = range.start;
    let (bottom, right) = range.end;
    for row in top..=bottom.min(top.saturating_add(MOST_ROWS)) {
        let Some(cells) = rows.get_mut(&row) else {
            continue;
        };
        for column in left..=right.min(MOST_COLUMNS - 1) {
            let title = row == top && column == left && top == bottom;
            let column = column as usize;
            if cells.len() <= column {
                cells.resize(column + 1, Cell::Empty);
            }
            if !title {
                cells[column] = Cell::Merged;
            }
        }
    }
}

fn cell(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Text(number.to_string()),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::String(text) => text_cell(text),
        DataRef::SharedString(text) => text_cell(text),
        DataRef::Bool(truth) => Cell::Text(truth.to_string()),
        DataRef::DateTime(at) => day(at),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::Text(text.clone()),
        DataRef::Error(error) => Cell::Broken(format!("{error}")),
    }
}

fn text_cell(text: &str) -> Cell {
    if text.trim().is_empty() {
        return Cell::Empty;
    }
    Cell::Text(text.to_owned())
}

fn day(at: &ExcelDateTime) -> Cell {
    let (year, month, day, ..) = at.to_ymd_hms_milli();
    let date = || {
        let [month, day] = [month, day].map(i8::try_from);
        Date::new(i16::try_from(year).ok()?, month.ok()?, day.ok()?).ok()
    };
    let date = at.is_datetime().then(date).flatten();
    date.map_or_else(|| Cell::Broken("a time without a day".into()), Cell::Day)
}

/// `B3`.
fn place(row: u32, column: u32) -> String {
    let column = u16::try_from(column).unwrap_or(u16::MAX);
    rust_xlsxwriter::utility::row_col_to_cell(row, column)
}
