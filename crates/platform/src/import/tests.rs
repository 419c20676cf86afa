//! Each kind of file: what is read of a good one, and what is said of a bad one.

use std::io::Cursor;

use super::*;
use crate::fixture::Place;

fn data(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/import");
    std::fs::read(folder.join(name)).unwrap()
}

fn mapping() -> Mapping {
    Mapping::parse(&String::from_utf8(data("official.toml")).unwrap()).unwrap()
}

#[track_caller]
fn says<T: fmt::Debug>(reading: Reading<T>, row: u64, field: &str, what: &str) {
    let there =
        |m: &Mistake| m.row == row && m.field.eq_ignore_ascii_case(field) && m.what.contains(what);
    assert!(
        reading.mistakes.iter().any(there),
        "{row} {field} {what}: {:#?}",
        reading.mistakes
    );
    let error = reading.without_mistakes().unwrap_err().to_string();
    assert!(error.starts_with("nothing was imported"), "{error}");
}

#[test]
fn official_counts_are_read_from_csv_and_from_a_workbook() {
    let from_csv = official(&data("official.csv"), &mapping()).unwrap();
    assert_eq!(from_csv.mistakes, []);
    let counts: Vec<_> = from_csv
        .rows
        .iter()
        .map(|c| (c.area_code.as_str(), c.tests, c.operator.as_str()))
        .collect();
    assert_eq!(
        counts,
        [
            ("26740", 312, "all"),
            ("26743", 1204, "all"),
            ("26734", 0, "viettel")
        ]
    );
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (at, line) in (0..).zip(String::from_utf8(data("official.csv")).unwrap().lines()) {
        for (column, cell) in (0..).zip(line.split(',')) {
            match cell.parse::<f64>() {
                Ok(number) if at > 0 && column > 0 => sheet.write(at, column, number).unwrap(),
                _ => sheet.write(at, column, cell).unwrap(),
            };
        }
    }
    let book = book.save_to_buffer().unwrap();
    assert_eq!(official(&book, &mapping()).unwrap().rows, from_csv.rows);
    let mut wrong = mapping();
    wrong.sheet = Some("Khác".into());
    let error = official(&book, &wrong).unwrap_err().to_string();
    assert!(error.contains("no sheet \"Khác\""), "{error}");
}

#[test]
fn what_is_wrong_with_official_counts_is_named_by_row_and_field() {
    let reading = || official(&data("invalid-official.csv"), &mapping()).unwrap();
    says(reading(), 3, "Số mẫu", "\"nhiều\"");
    says(reading(), 4, "Số mẫu", "\"-5\"");
    says(reading(), 5, "Tháng", "13/2024");
    says(reading(), 6, "Mã", "code of an area");
    let place = Place::new();
    says(
        place::counts(reading(), &place.areas, then()),
        2,
        "area",
        "\"99999\"",
    );
    let error = official(b"a,b\n1,2\n", &mapping()).unwrap_err().to_string();
    assert!(error.contains("no column \"Mã\""), "{error}");
    assert!(official(b"PK\x03\x04 no workbook", &mapping()).is_err());
}

/// After the months of the files.
fn then() -> Timestamp {
    crate::fixture::at("2025-01-01T00:00:00Z")
}

#[test]
fn a_count_of_a_month_that_has_not_begun_is_a_mistake() {
    let read = official(&data("official.csv"), &mapping()).unwrap();
    let before = crate::fixture::at("2024-10-01T00:00:00Z");
    let placed = place::counts(read, &Place::new().areas, before);
    assert!(placed.rows.is_empty());
    says(placed, 2, "month", "2024-11 is in the future");
}

#[test]
fn a_mapping_says_who_published_and_which_month() {
    for (name, says) in [
        ("invalid-mapping-no-month.toml", "no month"),
        ("invalid-mapping-no-source.toml", "source"),
        ("invalid-mapping-unknown-key.toml", "columnz"),
    ] {
        let text = String::from_utf8(data(name)).unwrap();
        let error = format!("{:#}", Mapping::parse(&text).unwrap_err());
        assert!(error.contains(says), "{name}: {error}");
    }
}

#[test]
fn an_ndt7_archive_gives_the_throughput_of_m_lab() {
    let reading = foreign(Tool::Ndt7, &data("ndt7.jsonl"), 7).unwrap();
    assert_eq!(reading.mistakes, []);
    let [down, up] = reading.rows.as_slice() else {
        panic!("{reading:?}")
    };
    // 60,000,000 bytes in 10 s; 12,500,000 in 10 s.
    assert_eq!(down.download_bits_per_second, Some(48_000_000));
    assert_eq!(
        (down.upload_bits_per_second, down.rtt_us),
        (None, Some(21_000))
    );
    assert_eq!(up.upload_bits_per_second, Some(10_000_000));
    assert_eq!(down.prefix.unwrap().to_string(), "203.0.113.0/24");
    assert_eq!(
        down.measured_at.to_string(),
        "2024-11-08T02:00:00.123456789Z"
    );
    let reading = || foreign(Tool::Ndt7, &data("invalid-ndt7.jsonl"), 7).unwrap();
    says(reading(), 1, "StartTime", "yesterday");
    says(reading(), 2, "(line)", "no JSON");
    says(reading(), 3, "Download", "is this an ndt7 result");
    says(
        reading(),
        4,
        "Download.ServerMeasurements.TCPInfo",
        "BytesAcked",
    );
    assert!(foreign(Tool::Ndt7, b"", 7).is_err());
}

#[test]
fn librespeed_s_telemetry_is_mbit_per_second_in_vietnam_s_time() {
    let reading = foreign(Tool::LibreSpeed, &data("librespeed.csv"), 7).unwrap();
    assert_eq!(reading.mistakes, []);
    let first = &reading.rows[0];
    assert_eq!(
        (first.download_bits_per_second, first.upload_bits_per_second),
        (Some(48_210_000), Some(21_000_000))
    );
    assert_eq!(
        (first.rtt_us, first.measured_at.to_string().as_str()),
        (Some(24_500), "2024-11-08T02:00:00Z")
    );
    assert_eq!(reading.rows[1].rtt_us, None, "an absent delay is absent");
    let reading = || foreign(Tool::LibreSpeed, &data("invalid-librespeed.csv"), 7).unwrap();
    says(reading(), 2, "dl", "\"fast\"");
    says(reading(), 3, "timestamp", "no time");
    says(reading(), 4, "ip", "no address");
    let error = foreign(Tool::LibreSpeed, b"a,b\n1,2\n", 7)
        .unwrap_err()
        .to_string();
    assert!(error.contains("\"timestamp\""), "{error}");
}

#[test]
fn ookla_s_two_exports_differ_in_their_unit() {
    let app = foreign(Tool::Ookla, &data("ookla-app.csv"), 7).unwrap();
    assert_eq!(app.mistakes, []);
    let first = &app.rows[0];
    assert_eq!(
        (first.download_bits_per_second, first.mobile),
        (Some(48_210_000), Some(true))
    );
    assert_eq!(first.position, Some((10.7798, 106.7035)));
    assert_eq!(
        (app.rows[1].position, app.rows[1].mobile),
        (None, Some(false))
    );
    let line = foreign(Tool::Ookla, &data("ookla-cli.csv"), 7).unwrap();
    assert_eq!(line.rows[0].download_bits_per_second, Some(174_330_872));
    says(
        foreign(Tool::Ookla, &data("invalid-ookla.csv"), 7).unwrap(),
        2,
        "lat",
        "no position",
    );
    let no_time = b"\"server id\",\"download\",\"upload\"\n1,2,3\n";
    assert!(
        foreign(Tool::Ookla, no_time, 7)
            .unwrap_err()
            .to_string()
            .contains("time")
    );
    let no_unit = b"date,download,upload\n2024-11-08,2,3\n";
    assert!(
        foreign(Tool::Ookla, no_unit, 7)
            .unwrap_err()
            .to_string()
            .contains("unit")
    );
}

#[test]
fn an_import_is_kept_once_with_its_provenance_and_touches_no_figure() {
    use crate::store::import::Source;
    let place = Place::new();
    let now = Timestamp::UNIX_EPOCH;
    let source = |kind| Source {
        kind,
        file_name: "a.csv".into(),
        sha256: "00".into(),
        provenance: "VNNIC".into(),
        mapping: String::new(),
    };
    let read = official(&data("official.csv"), &mapping()).unwrap();
    let counts = place::counts(read, &place.areas, then())
        .without_mistakes()
        .unwrap();
    let id = place
        .store
        .import_counts(&source("official"), &counts, now)
        .unwrap();
    let again = place
        .store
        .import_counts(&source("official"), &counts, now)
        .unwrap_err();
    assert!(format!("{again:#}").contains(&format!("as source {id}")));
    let mut twice = counts.clone();
    twice.push(counts[0].clone());
    let other = Source {
        sha256: "01".into(),
        ..source("official")
    };
    let error = place.store.import_counts(&other, &twice, now).unwrap_err();
    assert!(format!("{error:#}").contains("stands twice"));
    assert_eq!(
        place.store.import_sources().unwrap().len(),
        1,
        "all or none"
    );
    let kept = place
        .store
        .official_counts(&counts[0].area, counts[0].month)
        .unwrap();
    assert_eq!((kept[0].tests, kept[0].provenance.as_str()), (312, "VNNIC"));

    let read = foreign(Tool::Ookla, &data("ookla-app.csv"), 7)
        .unwrap()
        .without_mistakes()
        .unwrap();
    let tests = place::tests(read, &place.areas, &place.operators);
    assert_eq!(
        (
            tests[0].area.as_ref().unwrap().code.as_str(),
            tests[0].operator.as_str()
        ),
        ("26740", "viettel")
    );
    let before = serde_json::to_value(place.november(false)).unwrap();
    place
        .store
        .import_tests(&source("ookla"), &tests, now)
        .unwrap();
    assert_eq!(serde_json::to_value(place.november(false)).unwrap(), before);
    assert_eq!(place.store.import_sources().unwrap().len(), 2);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        for tool in [Tool::Ndt7, Tool::LibreSpeed, Tool::Ookla] {
            drop(foreign(tool, &bytes, 7));
        }
        drop(official(&bytes, &mapping()));
        drop(Cursor::new(bytes));
    }
}
