//! Bad files, each named by row and field, and lists out and in again.

use rust_xlsxwriter::{Format, Formula, Workbook, Worksheet};

use super::{Column, Sheet};
use crate::import::{Mistake, Reading};

const COLUMNS: [Column; 3] = [
    Column {
        key: "code",
        title: "Mã",
        names: &["mã đơn vị"],
        required: true,
    },
    Column {
        key: "name",
        title: "Tên",
        names: &[],
        required: true,
    },
    Column {
        key: "since",
        title: "Từ ngày",
        names: &[],
        required: false,
    },
];

/// A workbook of one sheet.
pub(crate) fn book(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().unwrap()
}

fn read(bytes: &[u8]) -> Reading<[String; 3]> {
    let sheet = Sheet::read(bytes, &COLUMNS).unwrap();
    Reading::of(sheet.rows().map(|mut row| {
        let fields = [
            row.required("code"),
            row.required("name"),
            row.day("since").map(|day| day.to_string()),
        ];
        let mistakes = row.into_mistakes();
        let fields = fields.map(Option::unwrap_or_default);
        mistakes.is_empty().then_some(fields).ok_or(mistakes)
    }))
}

fn refused(bytes: &[u8]) -> String {
    format!("{:#}", Sheet::read(bytes, &COLUMNS).unwrap_err())
}

fn header(sheet: &mut Worksheet, row: u32) {
    for (at, title) in (0..).zip(["Mã đơn vị", "Tên", "Từ ngày"]) {
        sheet.write_string(row, at, title).unwrap();
    }
}

#[test]
fn a_header_is_found_below_titles_and_a_row_keeps_its_number() {
    let bytes = book(|sheet| {
        let bold = Format::new().set_bold();
        sheet.merge_range(0, 0, 0, 2, "DANH SÁCH", &bold).unwrap();
        header(sheet, 3);
        sheet.write_string(5, 0, "p-1").unwrap();
        sheet
            .write_string(5, 1, "Phường  Bê\u{301}n Nghé ")
            .unwrap();
        sheet.write_string(5, 2, "08/11/2024").unwrap();
        sheet.write_string(6, 0, "p-2").unwrap();
    });
    let reading = read(&bytes);
    let want = ["p-1", "Phường Bến Nghé", "2024-11-08"].map(String::from);
    assert_eq!(reading.rows, [want]);
    assert_eq!(
        reading.mistakes,
        [Mistake::new(7, "name", "is empty, expected a value")]
    );
}

#[test]
fn dates_are_cells_or_texts_and_a_day_that_is_not_there_is_named() {
    let bytes = book(|sheet| {
        header(sheet, 0);
        let day = Format::new().set_num_format("dd/mm/yyyy");
        for row in 1..=4 {
            sheet.write_string(row, 0, "p").unwrap();
            sheet.write_string(row, 1, "n").unwrap();
        }
        sheet
            .write_number_with_format(1, 2, 45_604.0, &day)
            .unwrap();
        sheet.write_string(2, 2, "2024-11-08").unwrap();
        sheet.write_string(3, 2, "31/02/2024").unwrap();
        sheet.write_string(4, 2, "08/11/24").unwrap();
    });
    let reading = read(&bytes);
    let days: Vec<_> = reading.rows.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(days, ["2024-11-08", "2024-11-08"]);
    let wrong: Vec<_> = reading
        .mistakes
        .iter()
        .map(|m| (m.row, m.field.as_str()))
        .collect();
    assert_eq!(wrong, [(4, "since"), (5, "since")]);
    assert!(reading.mistakes[0].what.contains("31/02/2024"));
}

#[test]
fn formulas_and_merged_cells_are_mistakes_of_their_cells() {
    let bytes = book(|sheet| {
        header(sheet, 0);
        sheet.write_string(1, 0, "p-1").unwrap();
        sheet
            .write_formula(1, 1, Formula::new("=A2").set_result("x"))
            .unwrap();
        let plain = Format::new();
        sheet.merge_range(2, 0, 3, 0, "p-2", &plain).unwrap();
        sheet.write_string(2, 1, "n").unwrap();
        sheet.write_string(3, 1, "m").unwrap();
    });
    let said: Vec<_> = read(&bytes)
        .mistakes
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[0].starts_with("row 2, name: B2 holds a formula"),
        "{said:?}"
    );
    assert!(
        said[1].starts_with("row 3, code: the cell is merged"),
        "{said:?}"
    );
    assert!(
        said[2].starts_with("row 4, code: the cell is merged"),
        "{said:?}"
    );
}

#[test]
fn other_files_are_refused_with_a_remedy() {
    let plain = book(|sheet| header(sheet, 0));
    assert!(refused(b"\xd0\xcf\x11\xe0\xa1\xb1").contains("save it as .xlsx"));
    assert!(refused(b"PK\x03\x04 not a zip").contains("save it again as .xlsx"));
    assert!(refused(&plain[..plain.len() / 2]).contains("save it again as .xlsx"));
    assert!(refused("Mã,Tên\nđ".as_bytes().strip_suffix(&[0x91]).unwrap()).contains("UTF-8"));
    assert!(refused(b"").contains("no header"));
    assert!(refused("Mã,Ngày\np,1\n".as_bytes()).contains("\"Tên\" (name)"));
    assert!(refused(&vec![b'x'; super::MOST_BYTES + 1]).contains("split it"));
    assert!(refused(&with_macros(&plain)).contains("macros"));
}

/// The workbook with a part that holds macros.
pub(crate) fn with_macros(book: &[u8]) -> Vec<u8> {
    use std::io::{Cursor, Write as _};
    let mut archive = zip::ZipWriter::new_append(Cursor::new(book.to_vec())).unwrap();
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("xl/vbaProject.bin", options).unwrap();
    archive.write_all(b"Sub Auto_Open()").unwrap();
    archive.finish().unwrap().into_inner()
}

#[test]
fn a_far_cell_costs_no_memory_and_is_named() {
    let bytes = book(|sheet| {
        header(sheet, 0);
        sheet.write_string(1_048_575, 16_383, "x").unwrap();
    });
    assert!(refused(&bytes).contains("cell XFD1048576 is filled"));
}

#[test]
fn a_csv_may_have_other_separators_and_a_formula_in_it_is_a_mistake() {
    let reading = read("\u{feff}Mã;Tên\np-1;=cmd|' /C calc'!A0\np-2;\"a;b\"\n".as_bytes());
    assert_eq!(reading.rows[0][1], "a;b");
    assert_eq!(
        (reading.mistakes[0].row, reading.mistakes[0].field.as_str()),
        (2, "name")
    );
}
