//! The directory: District 1's own, and what is wrong with others.

use super::{Plan, in_month, on, plan, to_csv, to_xlsx, under, units};
use crate::area::{Area, parse};
use crate::fixture::DEMONSTRATION;
use crate::sheet::tests::{book, with_macros};
use crate::store::campaign::{Campaign, Terms};
use crate::store::organisation::{Kind, Organisation};

const DISTRICT_1: &str = include_str!("../../../../data/organisations/district-1.csv");

fn areas() -> Vec<Area> {
    parse(DEMONSTRATION).unwrap()
}

fn planned(text: &str, stored: &[Organisation]) -> Plan {
    plan(text.as_bytes(), stored, &areas()).unwrap()
}

fn district_1() -> Vec<Organisation> {
    let plan = planned(DISTRICT_1, &[]);
    assert_eq!(plan.mistakes, []);
    plan.added
}

#[test]
fn district_1_has_ten_wards_in_2024_and_four_stand_alone_in_2025() {
    let all = district_1();
    let wards = |month: &str, root: &str| {
        let there = in_month(&all, month.parse().unwrap());
        let below = under(&there, root).into_iter();
        below
            .filter(|o| o.kind == Kind::Committee && o.area_code.is_some())
            .count()
    };
    assert_eq!((wards("2024-11", "q1"), wards("2025-07", "q1")), (10, 0));
    assert_eq!(wards("2025-07", "hcm"), 4);
    assert_eq!(
        on(&all, "2025-07-01".parse().unwrap())
            .iter()
            .filter(|o| o.code == "q1")
            .count(),
        0
    );
}

#[test]
fn the_units_are_the_recipients_of_the_letter() {
    let terms = Terms {
        organisation: Some("q1".into()),
        also: vec!["q1-mttq".into(), "q1-btg".into()],
        office: Some("q1-vhtt".into()),
        ..Terms::default()
    };
    let campaign = Campaign {
        terms,
        ..Campaign::default()
    };
    let all = district_1();
    let count = |month: &str, kind: Kind| {
        let units = units(&all, &campaign, month.parse().unwrap());
        units.iter().filter(|unit| unit.kind == kind).count()
    };
    let november = Kind::ALL.map(|kind| count("2024-11", kind));
    assert_eq!(november, [10, 11, 1, 5, 0, 1, 0, 0]);
    assert_eq!(count("2025-07", Kind::Committee), 0);
}

#[test]
fn a_list_is_read_back_as_it_was_written() {
    let all = district_1();
    for bytes in [to_csv(&all).unwrap(), to_xlsx(&all).unwrap()] {
        let again = plan(&bytes, &all, &areas()).unwrap();
        assert_eq!(
            (again.mistakes.len(), again.unchanged),
            (0, all.len()),
            "{:?}",
            again.mistakes
        );
        assert!(again.writes().is_empty());
    }
}

#[test]
fn a_change_is_shown_before_and_after() {
    let all = district_1();
    let text = DISTRICT_1.replacen("Phòng Nội vụ Quận 1", "Phòng Nội vụ", 1);
    let plan = planned(&text, &all);
    assert_eq!((plan.changed.len(), plan.unchanged), (1, all.len() - 1));
    assert_eq!(plan.changed[0].before.name, "Phòng Nội vụ Quận 1");
    assert_eq!(plan.changed[0].after.name, "Phòng Nội vụ");
}

#[test]
fn every_mistake_is_named_by_row_and_field() {
    let header = "Mã,Loại,Tên,Viết tắt,Trực thuộc,Mã địa bàn,Có hiệu lực từ,Hết hiệu lực từ,Thư điện tử,Điện thoại\n";
    for (row, field, says) in [
        ("P 1,agency,A,,,,,,,", "code", "\"P 1\""),
        (",agency,A,,,,,,,", "code", "is empty"),
        (
            "p-1,bureau,A,,,,,,,",
            "kind",
            "Tổ công nghệ số cộng đồng (digital_team)",
        ),
        ("p-1,agency,,,,,,,,", "name", "is empty"),
        ("p-1,agency,A,UBND/VHTT,,,,,,", "abbreviation", "UBND/VHTT"),
        ("p-1,agency,A,,p-9,,,,,", "parent", "\"p-9\" is neither"),
        ("p-1,agency,A,,p-1,,,,,", "parent", "below \"p-1\" itself"),
        (
            "p-1,agency,A,,hcm-stttt,,2025-07-01,,,",
            "parent",
            "does not exist in the time",
        ),
        ("p-1,agency,A,,,99999,,,,", "area", "\"99999\" is no area"),
        (
            "p-1,agency,A,,,26734,2025-07-01,,,",
            "area",
            "has no area in its time",
        ),
        (
            "p-1,agency,A,,,,2025-07-01,01/07/2025,,",
            "valid_to",
            "is not after",
        ),
        ("p-1,agency,A,,,,30/02/2024,,,", "valid_from", "30/02/2024"),
        ("p-1,agency,A,,,,,,a@b@c,", "email", "a@b@c"),
        ("p-1,agency,A,,,,,,,283829000", "phone", "dropped its 0"),
        ("p-1,agency,A,,,,,,,hỏi anh Ba", "phone", "3 to 15 digits"),
        (
            "q1-nv,agency,A,,,,2024-01-01,,,",
            "code",
            "in the directory",
        ),
    ] {
        let plan = planned(&format!("{header}{row}\n"), &district_1());
        let [mistake] = plan.mistakes.as_slice() else {
            panic!("{row}: {:?}", plan.mistakes)
        };
        assert_eq!(
            (mistake.row, mistake.field.as_str()),
            (2, field),
            "{mistake}"
        );
        assert!(mistake.what.contains(says), "{mistake}");
    }
    let twice = planned(
        &format!("{header}p-1,agency,A,,,,,,,\np-1,agency,B,,,,,,,\n"),
        &[],
    );
    assert_eq!(twice.mistakes.len(), 1);
    assert!(
        twice.mistakes[0]
            .to_string()
            .starts_with("row 3, code: \"p-1\" stands for \"A\"")
    );
    let ring = planned(
        &format!("{header}a,agency,A,,b,,,,,\nb,agency,B,,a,,,,,\n"),
        &[],
    );
    assert_eq!(ring.mistakes.len(), 2);
}

#[test]
fn fifty_thousand_rows_are_read_and_a_macro_is_not() {
    let list = book(|sheet| {
        for (at, title) in (0..).zip(["Mã", "Loại", "Tên"]) {
            sheet.write_string(0, at, title).unwrap();
        }
        for row in 1..=50_000 {
            sheet
                .write_string(row, 0, format!("s-{}", row.min(49_999)))
                .unwrap();
            sheet.write_string(row, 1, "Trường học").unwrap();
            sheet.write_string(row, 2, format!("Trường {row}")).unwrap();
        }
    });
    let plan = plan(&list, &[], &areas()).unwrap();
    assert_eq!(plan.added.len(), 50_000);
    assert_eq!(plan.mistakes.len(), 1);
    assert_eq!(plan.mistakes[0].row, 50_001);
    let text = format!(
        "{:#}",
        super::plan(&with_macros(&list), &[], &[]).unwrap_err()
    );
    assert!(text.contains(".xlsm"), "{text}");
}
