//! The month as an Excel workbook: numbers as numbers, the total as formulas
//! with their values. The bytes follow from the numbers alone.

use anyhow::Result;
use metric::month::Month;
use metric::unit::to_f64;
use rust_xlsxwriter::utility::row_col_to_cell;
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Workbook,
    Worksheet,
};

use super::layout::{Cell, Column, SYNTHETIC, columns, rows, total};
use crate::table::{MonthTable, Rule};

/// The table as a workbook: title lines, a header, a row for each area, a total.
///
/// # Errors
///
/// When the workbook cannot be written, which memory alone can cause.
pub fn write(table: &MonthTable) -> Result<Vec<u8>> {
    let columns = columns();
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(table)?);
    let sheet = workbook.add_worksheet();
    sheet.set_name(if table.synthetic {
        SYNTHETIC
    } else {
        "Tổng hợp"
    })?;
    sheet.set_landscape().set_print_fit_to_pages(1, 0);
    titles(sheet, table)?;
    header(sheet, &columns)?;
    body(sheet, table, &columns)?;
    Ok(workbook.save_to_buffer()?)
}

/// Rows, from zero.
const TITLE: u32 = 0;
const MONTH: u32 = 1;
const BANNER: u32 = 2;
const NOTE: u32 = 3;
const HEADER: u32 = 5;
const FIRST: u32 = 6;

/// Columns that stay in sight: number, code, name.
const FROZEN_COLUMNS: u16 = 3;

fn properties(table: &MonthTable) -> Result<DocProperties> {
    let day = table.month.first_day();
    // Excel's calendar begins in 1900.
    let year = u16::try_from(day.year())?.max(1900);
    let created = ExcelDateTime::from_ymd(year, day.month().unsigned_abs(), 1)?;
    let title = format!("{} {}", table.name, table.month);
    Ok(DocProperties::new()
        .set_title(title)
        .set_creation_datetime(&created))
}

fn titles(sheet: &mut Worksheet, table: &MonthTable) -> Result<()> {
    let title = Format::new().set_bold().set_font_size(14);
    let name = format!("KẾT QUẢ ĐO INTERNET BĂNG RỘNG DI ĐỘNG – {}", table.name);
    sheet.write_with_format(TITLE, 0, name, &title)?;
    sheet.write_with_format(MONTH, 0, month(table.month), &Format::new().set_bold())?;
    if table.synthetic {
        let banner = title.set_font_color(Color::Red);
        sheet.write_with_format(BANNER, 0, SYNTHETIC, &banner)?;
    }
    sheet.write_with_format(NOTE, 0, note(table), &Format::new().set_italic())?;
    Ok(())
}

fn month(month: Month) -> String {
    let day = month.first_day();
    format!("Tháng {} năm {}", day.month(), day.year())
}

fn note(table: &MonthTable) -> String {
    let rule = match table.rule {
        Rule::Raw => "Được tính: mọi phép đo hợp lệ",
        Rule::Qualified => "Được tính: phép đo hợp lệ, không trùng lặp",
    };
    let borders = if table.approximate {
        "; ranh giới gần đúng, không phải ranh giới chính thức"
    } else {
        ""
    };
    let quota = table.quota;
    format!("{rule}; chỉ tiêu {quota} mẫu/tháng/phường{borders}.")
}

fn header(sheet: &mut Worksheet, columns: &[Column]) -> Result<()> {
    let style = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_align(FormatAlign::Center)
        .set_align(FormatAlign::VerticalCenter)
        .set_background_color(Color::RGB(0x00DC_E6F1))
        .set_border(FormatBorder::Thin);
    for (at, column) in (0..).zip(columns) {
        sheet.set_column_width(at, column.width)?;
        sheet.write_with_format(HEADER, at, &column.header, &style)?;
    }
    sheet.set_row_height(HEADER, 60)?;
    sheet.set_freeze_panes(FIRST, FROZEN_COLUMNS)?;
    Ok(())
}

fn body(sheet: &mut Worksheet, table: &MonthTable, columns: &[Column]) -> Result<()> {
    let rows = rows(table, columns);
    let plain = Format::new().set_border(FormatBorder::Thin);
    for (at, row) in (FIRST..).zip(&rows) {
        for (column, value) in (0..).zip(row) {
            cell(sheet, (at, column), value, &plain)?;
        }
    }
    let end = FIRST + u32::try_from(rows.len())?;
    let bold = plain.set_bold();
    let values = total(table, columns, &rows);
    for ((at, column), value) in (0..).zip(columns).zip(&values) {
        if column.summed && end > FIRST {
            sum(sheet, (end, at), value, &bold)?;
        } else {
            cell(sheet, (end, at), value, &bold)?;
        }
    }
    Ok(())
}

fn cell(sheet: &mut Worksheet, at: (u32, u16), value: &Cell, style: &Format) -> Result<()> {
    let (row, column) = at;
    match value {
        Cell::Empty => sheet.write_blank(row, column, style)?,
        Cell::Text(text) => sheet.write_with_format(row, column, text, style)?,
        Cell::Count(count) => sheet.write_with_format(row, column, to_f64(*count), style)?,
        Cell::Quantity(quantity) => {
            let style = style.clone().set_num_format("0.00");
            sheet.write_with_format(row, column, *quantity, &style)?
        }
    };
    Ok(())
}

/// The sum of the column above, with its value for readers that do not compute.
fn sum(sheet: &mut Worksheet, at: (u32, u16), value: &Cell, style: &Format) -> Result<()> {
    let (row, column) = at;
    let Cell::Count(value) = value else {
        return Ok(());
    };
    let (from, to) = (
        row_col_to_cell(FIRST, column),
        row_col_to_cell(row - 1, column),
    );
    let formula = Formula::new(format!("=SUM({from}:{to})")).set_result(value.to_string());
    sheet.write_with_format(row, column, formula, style)?;
    Ok(())
}
