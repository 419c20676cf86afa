//! The list of organisations, in and out.

use anyhow::Result;
use jiff::civil::Date;

use crate::import::{Mistake, Reading};
use crate::sheet::{Column, Row, Sheet, write};
use crate::store::organisation::{Contact, Kind, Organisation};

const COLUMNS: [Column; 12] = [
    column("code", "Mã", &["ma", "mã đơn vị"], true),
    column(
        "valid_from",
        "Có hiệu lực từ",
        &["từ ngày", "hiệu lực từ"],
        false,
    ),
    column(
        "valid_to",
        "Hết hiệu lực từ",
        &["đến ngày", "hết hiệu lực"],
        false,
    ),
    column("kind", "Loại", &["loại đơn vị", "loai"], true),
    column("name", "Tên", &["tên đơn vị", "tên cơ quan", "ten"], true),
    column("abbreviation", "Viết tắt", &["chữ viết tắt"], false),
    column(
        "parent",
        "Trực thuộc",
        &["mã cơ quan chủ quản", "cấp trên"],
        false,
    ),
    column("area", "Mã địa bàn", &["mã phường", "area_code"], false),
    column(
        "person",
        "Đầu mối",
        &["người liên hệ", "cán bộ đầu mối"],
        false,
    ),
    column("email", "Thư điện tử", &["e-mail", "thư"], false),
    column("phone", "Điện thoại", &["số điện thoại"], false),
    column("address", "Địa chỉ", &[], false),
];

const fn column(
    key: &'static str,
    title: &'static str,
    names: &'static [&'static str],
    required: bool,
) -> Column {
    Column {
        key,
        title,
        names,
        required,
    }
}

/// The organisations of a file with their rows.
pub(super) fn read(bytes: &[u8]) -> Result<Reading<(u64, Organisation)>> {
    let sheet = Sheet::read(bytes, &COLUMNS).map_err(crate::office::unreadable)?;
    Ok(Reading::of(sheet.rows().map(organisation)))
}

fn organisation(mut row: Row<'_>) -> Result<(u64, Organisation), Vec<Mistake>> {
    let number = row.number;
    let code = row
        .required("code")
        .filter(|code| coded(&mut row, "code", code));
    let kind = kind(&mut row);
    let name = row.required("name");
    let (valid_from, valid_to) = validity(&mut row);
    let abbreviation = row.text("abbreviation");
    let abbreviation = abbreviation.filter(|text| short(&mut row, text));
    let parent = row
        .text("parent")
        .filter(|code| coded(&mut row, "parent", code));
    let area_code = row.text("area");
    let contact = contact(&mut row);
    let mistakes = row.into_mistakes();
    match (code, kind, name) {
        (Some(code), Some(kind), Some(name)) if mistakes.is_empty() => {
            let organisation = Organisation {
                code,
                valid_from,
                valid_to,
                kind,
                name,
                abbreviation,
                parent,
                area_code,
                contact,
            };
            Ok((number, organisation))
        }
        _ => Err(mistakes),
    }
}

fn coded(row: &mut Row<'_>, field: &str, code: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=32).contains(&code.len()) && code.chars().all(plain);
    if !fits {
        row.mistake(
            field,
            format!("{code:?}, expected 1 to 32 of a-z, 0-9 and -"),
        );
    }
    fits
}

fn kind(row: &mut Row<'_>) -> Option<Kind> {
    let text = row.required("kind")?;
    let kind = Kind::named(&text);
    if kind.is_none() {
        let known = Kind::ALL.map(|kind| format!("{} ({})", kind.label(), kind.code()));
        row.mistake(
            "kind",
            format!("{text:?}, expected one of {}", known.join("; ")),
        );
    }
    kind
}

fn validity(row: &mut Row<'_>) -> (Option<Date>, Option<Date>) {
    let (from, to) = (row.day("valid_from"), row.day("valid_to"));
    if let Some((from, to)) = from.zip(to).filter(|(from, to)| to <= from) {
        row.mistake("valid_to", format!("{to} is not after valid_from {from}"));
    }
    (from, to)
}

fn short(row: &mut Row<'_>, text: &str) -> bool {
    let fits = text.chars().count() <= 16
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '.');
    if !fits {
        let expected = "expected at most 16 letters, digits, - and . as in UBND-VHTT";
        row.mistake("abbreviation", format!("{text:?}, {expected}"));
    }
    fits
}

fn contact(row: &mut Row<'_>) -> Contact {
    Contact {
        person: row.text("person"),
        email: email(row),
        phone: phone(row),
        address: row.text("address"),
    }
}

/// An address for e-mail, checked as the mail library does.
pub(crate) fn email(row: &mut Row<'_>) -> Option<String> {
    let text = row.text("email")?;
    if text.parse::<lettre::Address>().is_err() || !text.contains('.') {
        row.mistake(
            "email",
            format!("{text:?}, expected an address as ten@quan1.example.vn"),
        );
        return None;
    }
    Some(text)
}

fn phone(row: &mut Row<'_>) -> Option<String> {
    let text = row.text("phone")?;
    let plain = |c: char| c.is_ascii_digit() || " .-+()".contains(c);
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let fits = text.chars().all(plain) && (3..=15).contains(&digits);
    if !fits {
        row.mistake(
            "phone",
            format!("{text:?}, expected 3 to 15 digits, as 028 3829 0000"),
        );
    }
    let lost = (9..=10).contains(&digits) && digits == text.len() && !text.starts_with(['0', '1']);
    if lost {
        let why = "the spreadsheet dropped its 0; format the column as text and write it again";
        row.mistake("phone", format!("{text:?}: {why}"));
    }
    (fits && !lost).then_some(text)
}

/// The directory as CSV that [`super::plan`] reads.
///
/// # Errors
///
/// When memory fails.
pub fn to_csv(organisations: &[Organisation]) -> Result<Vec<u8>> {
    write::csv(&COLUMNS, &lines(organisations))
}

/// The directory as a workbook that [`super::plan`] reads.
///
/// # Errors
///
/// When memory fails.
pub fn to_xlsx(organisations: &[Organisation]) -> Result<Vec<u8>> {
    write::xlsx("Danh bạ", &COLUMNS, &lines(organisations))
}

fn lines(organisations: &[Organisation]) -> Vec<Vec<String>> {
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let line = |o: &Organisation| {
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            o.code.clone(),
            day(o.valid_from),
            day(o.valid_to),
            o.kind.label().to_owned(),
            o.name.clone(),
            or_empty(&o.abbreviation),
            or_empty(&o.parent),
            or_empty(&o.area_code),
            or_empty(&o.contact.person),
            or_empty(&o.contact.email),
            or_empty(&o.contact.phone),
            or_empty(&o.contact.address),
        ]
    };
    organisations.iter().map(line).collect()
}
