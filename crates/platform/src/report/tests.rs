//! The files read back, against the database.

use std::io::Cursor;

use calamine::{Data, Range, Reader as _, Xlsx};
use metric::area::AreaKey;

use super::{csv, xlsx};
use crate::fixture::{Place, draft, signed, signed_by, simulation_key};
use crate::store::verdict::AreaMonth;
use crate::table::{MonthTable, Rule};

/// Three tests that count in Bến Nghé, one that does not, one forged.
fn measured() -> Place {
    let place = Place::new();
    for n in 1..=3 {
        place.collect(&signed(draft(n))).unwrap();
    }
    let mut wifi = draft(4);
    wifi.context.network = Some(metric::submission::Network::Wifi);
    place.collect(&signed(wifi)).unwrap();
    let mut forged = draft(5);
    forged.nonce = "x".into();
    place.collect(&signed(forged)).unwrap_err();
    place
}

fn sheet(table: &MonthTable) -> (String, Range<Data>) {
    let bytes = xlsx::write(table).unwrap();
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let name = book.sheet_names()[0].clone();
    let range = book.worksheet_range(&name).unwrap();
    (name, range)
}

fn column(range: &Range<Data>, header: &str) -> usize {
    let headers = range.rows().nth(5).unwrap();
    let found = headers.iter().position(|cell| *cell == *header);
    found.unwrap_or_else(|| panic!("no column {header}"))
}

#[test]
fn the_totals_of_the_workbook_are_those_of_the_database() {
    let place = measured();
    let table = place.november(false);
    let (name, range) = sheet(&table);
    assert_eq!(name, "Tổng hợp");
    let last = range.rows().next_back().unwrap();
    let total = |header: &str| last[column(&range, header)].to_string();
    let counts = |area: AreaKey| {
        let scope = AreaMonth {
            area,
            month: table.month,
            synthetic: false,
        };
        place.store.quota_counts(&scope, Rule::Qualified).unwrap()
    };
    let keys = place.areas.areas().iter().map(|area| area.key.clone());
    let counts: Vec<_> = keys.map(counts).collect();
    let raw: u64 = counts.iter().map(|counts| counts.raw).sum();
    let qualified: u64 = counts.iter().map(|counts| counts.qualified).sum();
    assert_eq!((raw, qualified), (3, 3));
    assert_eq!(total("Toàn bộ"), raw.to_string());
    assert_eq!(total("Được tính"), qualified.to_string());
    assert_eq!(total("Chỉ tiêu"), "20");
    assert_eq!(total("Còn thiếu"), "18");
    assert_eq!(total("Đạt"), "1/10");
    assert_eq!(total("Không tính: Không phải mạng di động"), "1");
    assert_eq!(total("Không tính: Biên nhận không hợp lệ"), "1");
    assert_eq!(total("Phường"), "Tổng cộng");
}

#[test]
fn a_row_is_a_ward_with_numbers_as_numbers() {
    let (_, range) = sheet(&measured().november(false));
    let row = range
        .rows()
        .find(|row| row[2] == *"Phường Bến Nghé")
        .unwrap();
    let cell = |header: &str| &row[column(&range, header)];
    assert_eq!(*cell("Mã"), *"26740");
    assert_eq!(*cell("Được tính"), Data::Float(3.0));
    assert_eq!(*cell("Đạt"), *"Đạt");
    assert_eq!(*cell("Tải xuống: trung vị (Mbit/s)"), *"chưa đủ mẫu");
    assert_eq!(*cell("Ghi chú"), *"Ranh giới gần đúng");
}

#[test]
fn a_simulation_says_so_in_both_files() {
    let place = Place::new();
    let mut synthetic = draft(1);
    synthetic.receipt.site = "simulation".into();
    place
        .collect(&signed_by(synthetic, &simulation_key()))
        .unwrap();
    let table = place.november(true);
    assert_eq!(table.total.counted, 1);
    let (name, range) = sheet(&table);
    assert_eq!(name, "SỐ LIỆU MÔ PHỎNG");
    assert_eq!(range.rows().nth(2).unwrap()[0], *"SỐ LIỆU MÔ PHỎNG");
    let text = String::from_utf8(csv::write(&table).unwrap()).unwrap();
    assert!(text.contains("SỐ LIỆU MÔ PHỎNG"));
}

#[test]
fn the_csv_opens_in_a_spreadsheet_and_says_the_same() {
    let table = measured().november(false);
    let text = String::from_utf8(csv::write(&table).unwrap()).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap();
    assert!(text.starts_with("STT,Mã,Phường,Chỉ tiêu,Được tính,"));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 12);
    let last = lines[11];
    assert!(last.starts_with(",,Tổng cộng,20,3,3,3,,18,1/10,"), "{last}");
}

#[test]
fn speeds_are_written_in_mbit_per_second_with_a_dot() {
    let place = Place::new();
    for n in 1..=30 {
        place.collect(&signed(draft(n))).unwrap();
    }
    let text = String::from_utf8(csv::write(&place.november(false)).unwrap()).unwrap();
    let row = text.lines().find(|line| line.contains("Bến Nghé")).unwrap();
    let speeds = ",48.00,48.00,48.00,20.00,20.00,20.00,24.00,24.00,24.00,";
    assert!(row.contains(speeds), "{row}");
}

#[test]
fn the_bytes_follow_from_the_numbers() {
    let table = measured().november(false);
    assert_eq!(xlsx::write(&table).unwrap(), xlsx::write(&table).unwrap());
}

#[test]
fn a_month_before_excels_calendar_is_a_workbook_too() {
    let month = MonthTable {
        month: "1020-04".parse().unwrap(),
        ..Place::new().november(false)
    };
    assert_eq!(sheet(&month).0, "Tổng hợp");
}
