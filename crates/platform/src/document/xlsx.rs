//! The tables of a document as an Excel workbook, numbers as numbers: its
//! annexes, each on a sheet, or the tables of its body where it has none.

use anyhow::{Context as _, Result};
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
};

use super::model::{Annex, Block, Cell, Document, SYNTHETIC, Table, roman};
use super::pdf::reference;

/// The tables as a workbook.
///
/// # Errors
///
/// When the document has no table.
pub fn write(document: &Document) -> Result<Vec<u8>> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    let properties = DocProperties::new().set_title(document.title());
    workbook.set_properties(&properties.set_creation_datetime(&created));
    for (number, annex) in (1..).zip(&document.annexes) {
        let name = format!("Phụ lục {}", roman(number));
        sheet(&mut workbook, document, &name, annex)?;
    }
    if document.annexes.is_empty() {
        let whole = Annex {
            title: document.title(),
            landscape: false,
            body: document.body.clone(),
        };
        tables(&whole)
            .next()
            .context("the document has no table to write as XLSX")?;
        sheet(&mut workbook, document, "Số liệu", &whole)?;
    }
    Ok(workbook.save_to_buffer()?)
}

fn tables(annex: &Annex) -> impl Iterator<Item = &Table> {
    annex.body.iter().filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    })
}

fn sheet(workbook: &mut Workbook, document: &Document, name: &str, annex: &Annex) -> Result<()> {
    let sheet = workbook.add_worksheet();
    sheet.set_name(name)?.set_print_fit_to_pages(1, 0);
    let bold = Format::new().set_bold().set_font_size(14);
    sheet.write_with_format(0, 0, annex.title.to_uppercase(), &bold)?;
    sheet.write_with_format(1, 0, reference(document), &Format::new().set_italic())?;
    if document.synthetic {
        let red = bold.set_font_color(Color::Red);
        sheet.write_with_format(2, 0, SYNTHETIC, &red)?;
    }
    let mut row = 4;
    for table in tables(annex) {
        row = write_table(sheet, row, table)? + 1;
    }
    Ok(())
}

/// Writes a table from a row on; gives the row after it.
fn write_table(sheet: &mut Worksheet, at: u32, table: &Table) -> Result<u32> {
    let plain = Format::new().set_border(FormatBorder::Thin);
    let bold = plain.clone().set_bold();
    let header = bold.clone().set_text_wrap().set_align(FormatAlign::Center);
    for (column, of) in (0..).zip(&table.columns) {
        sheet.set_column_width(column, of.width.max(8))?;
        sheet.write_with_format(at, column, &of.header, &header)?;
    }
    let mut row = at + 1;
    for line in &table.rows {
        cells(sheet, row, line, &plain)?;
        row += 1;
    }
    if let Some(line) = &table.total {
        cells(sheet, row, line, &bold)?;
        row += 1;
    }
    Ok(row)
}

fn cells(sheet: &mut Worksheet, row: u32, line: &[Cell], style: &Format) -> Result<()> {
    for (column, cell) in (0..).zip(line) {
        match cell {
            Cell::Empty => sheet.write_blank(row, column, style)?,
            Cell::Text(text) => sheet.write_with_format(row, column, text, style)?,
            Cell::Withheld => sheet.write_with_format(row, column, cell.shown(), style)?,
            Cell::Count(count) => {
                let count = metric::unit::to_f64(*count);
                sheet.write_with_format(row, column, count, style)?
            }
            Cell::Quantity(value, _) => {
                let style = style.clone().set_num_format("0.00");
                sheet.write_with_format(row, column, *value, &style)?
            }
        };
    }
    Ok(())
}
