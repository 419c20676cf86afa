//! The texts that a document must hold: its template's, filled with what the
//! store answers.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;
use toml::Table;

use super::said::day;
use super::truth::{Cell, Truth, days, whole};

/// Fields that are given by hand, by the names of an office's file.
#[derive(Clone, Default)]
pub(super) struct Given(pub(super) BTreeMap<String, String>);

impl Given {
    /// An office's file, and what stands above it.
    pub(super) fn of(file: &str, above: &[(&str, &str)]) -> anyhow::Result<Self> {
        let file: Table = file.parse()?;
        let own = file.get("fields").and_then(toml::Value::as_table);
        let all = file.iter().chain(own.into_iter().flatten());
        let texts =
            all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        let mut given: BTreeMap<_, _> = texts.collect();
        let above = above
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        given.extend(above);
        Ok(Self(given))
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Number and sign; a number has two digits at least.
    fn number(&self) -> String {
        let (number, sign) = self.get("number").split_once('/').unwrap_or_default();
        match number.parse::<u32>() {
            Ok(number) => format!("{number:02}/{sign}"),
            Err(_) => format!("/{sign}"),
        }
    }

    fn day(&self) -> String {
        match self.get("date") {
            "" => "ngày tháng năm".into(),
            date => day(date),
        }
    }
}

/// How a document is written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Form {
    /// In words and tables.
    Paper,
    /// The tables of its annexes alone, numbers as numbers.
    Workbook,
}

/// What a document is of.
pub(super) struct Of<'a> {
    pub(super) truth: &'a Truth,
    pub(super) ward: Option<usize>,
    pub(super) given: &'a Given,
    pub(super) form: Form,
}

/// Every text of a document.
pub(super) fn expected(template: &Table, of: &Of<'_>) -> anyhow::Result<Vec<String>> {
    let mut fields = of.truth.fields(of.ward);
    fields.extend(of.given.0.clone());
    let mut pieces = vec![];
    if of.form == Form::Paper {
        pieces.extend(head(template, of, &fields)?);
        pieces.extend(body(template, of, &fields)?);
    }
    for (number, annex) in (1..).zip(list(template, "annexes")) {
        let annex = annex.as_table().context("an annex is no table")?;
        pieces.extend((of.form == Form::Paper).then(|| format!("Phụ lục {}", "I".repeat(number))));
        pieces.push(filled(text(annex, "title"), &fields)?.to_uppercase());
        pieces.push(reference(template, of));
        pieces.extend(body(annex, of, &fields)?);
    }
    Ok(pieces)
}

fn reference(template: &Table, of: &Of<'_>) -> String {
    let kind = match text(template, "kind") {
        "letter" => "Công văn",
        _ => "Báo cáo",
    };
    let (number, day) = (of.given.number(), of.given.day());
    format!(
        "(Kèm theo {kind} số {number} {day} của {})",
        of.given.get("issuer")
    )
}

type Fields = BTreeMap<String, String>;

fn head(template: &Table, of: &Of<'_>, fields: &Fields) -> anyhow::Result<Vec<String>> {
    let given = of.given;
    let about = filled(text(template, "abstract"), fields)?;
    let name = filled(text(template, "name"), fields)?;
    if text(template, "kind") == "bulletin" {
        return Ok(vec![given.get("issuer").into(), name, about]);
    }
    let mut pieces = vec![
        given.get("parent").to_uppercase(),
        given.get("issuer").to_uppercase(),
        format!("Số: {}", given.number()),
        format!("{}, {}", given.get("place"), given.day()),
        format!("{name} {about}"),
        given.get("title").to_uppercase(),
        given.get("authority").to_uppercase(),
        given.get("name").to_owned(),
    ];
    for name in ["recipients", "copies"] {
        for line in list(template, name).iter().filter_map(toml::Value::as_str) {
            pieces.push(filled(line, fields)?);
        }
    }
    Ok(pieces)
}

/// The pieces of a body whose conditions hold, those of a list for each row.
fn body(part: &Table, of: &Of<'_>, fields: &Fields) -> anyhow::Result<Vec<String>> {
    let mut pieces = vec![];
    for piece in list(part, "body").iter().filter_map(toml::Value::as_table) {
        if !holds(text(piece, "when"), of, fields) {
            continue;
        }
        if let Some(name) = piece.get("table").and_then(toml::Value::as_str) {
            pieces.extend(table(&of.truth.table(name, of.ward), of.form));
            if ["figures", "operators", "unit_operators"].contains(&name) {
                pieces.push("Khoảng 95%".into());
            }
        }
        if piece.contains_key("figures") {
            pieces.extend(
                of.ward
                    .map(|ward| charts(of.truth, ward))
                    .unwrap_or_default(),
            );
        }
        if of.form == Form::Workbook {
            continue;
        }
        for key in ["text", "heading", "basis"] {
            for fields in rows(text(piece, "each"), of, fields) {
                pieces.push(filled(text(piece, key), &fields)?);
            }
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    Ok(pieces)
}

fn holds(condition: &str, of: &Of<'_>, fields: &Fields) -> bool {
    let short = of.truth.short().count();
    let reached = of.ward.map(|ward| of.truth.rows()[ward]["reached"] == true);
    match condition {
        "" => true,
        "some_short" => short > 0,
        "none_short" => short == 0,
        "unit_short" => reached == Some(false),
        "unit_reached" => reached == Some(true),
        "approximate" => of.truth.month["approximate"] == true,
        field => fields.get(field).is_some_and(|value| !value.is_empty()),
    }
}

/// The fields of each row of a list; those of the document where there is none.
fn rows(list: &str, of: &Of<'_>, fields: &Fields) -> Vec<Fields> {
    let with = |row: &Value| {
        let mut fields = fields.clone();
        fields.extend(of.truth.of_ward(row));
        fields
    };
    match list {
        "areas" => of.truth.rows().iter().map(with).collect(),
        "short" => of.truth.short().map(with).collect(),
        _ => vec![fields.clone()],
    }
}

fn table(rows: &[Vec<Cell>], form: Form) -> Vec<String> {
    let cell = |cell: &Cell| match form {
        Form::Paper => cell.written.clone(),
        Form::Workbook => cell.held.clone(),
    };
    let line = |row: &Vec<Cell>| row.iter().map(cell).collect::<Vec<_>>().join(" ");
    rows.iter().map(line).collect()
}

/// What the charts of a ward's bulletin say beside their scales.
fn charts(truth: &Truth, ward: usize) -> Vec<String> {
    let month = truth.month["month"].as_str().unwrap_or_default();
    let (year, number) = month.split_once('-').unwrap_or_default();
    let row = &truth.rows()[ward];
    let name = |row: &Value| row["area"]["name"].as_str().unwrap_or_default().to_owned();
    let campaign = truth.month["name"].as_str().unwrap_or_default();
    let full_name = row["area"]["full_name"].as_str().unwrap_or_default();
    let mut pieces = vec![
        format!("{} trong {campaign}", name(row)),
        format!("{campaign} · tháng {number}/{year} · di động"),
        format!("{full_name} · tháng {number}/{year} · di động"),
        format!("Nguồn: ispeed, quy tắc bản {}", truth.edition),
        format!("chỉ tiêu {}", super::said::count(truth.quota())),
        super::said::count(whole(&row["counted"])) + " chấm: nhịp đều để đạt chỉ tiêu",
        "dưới 40 Mbit/s 40 đến dưới 80 80 đến dưới 120 120 đến dưới 160 160 đến dưới 200 \
         từ 200 trở lên"
            .into(),
    ];
    let last = days(year.parse().unwrap_or(0), number.parse().unwrap_or(0));
    let days: Vec<_> = (5..=last).step_by(5).map(|day| day.to_string()).collect();
    pieces.push(days.join(" ") + " ngày trong tháng");
    let quantity = super::said::QUANTITIES[0];
    for row in truth.rows() {
        pieces.push(format!(
            "{} {}",
            name(row),
            quantity.written(&row[quantity.json])
        ));
    }
    let compared = truth.compared(ward);
    let withheld = compared
        .iter()
        .all(|line| line.ends_with(super::said::WITHHELD));
    let note = if withheld {
        "Chưa nhà mạng nào đủ mẫu để công bố"
    } else {
        "vạch: 95 %; thanh nhạt: nửa giữa số lần đo"
    };
    pieces.push(note.into());
    pieces.extend(compared);
    pieces
}

/// The words of a ward's kit by their file.
pub(super) fn kit(
    words: &Table,
    truth: &Truth,
    ward: usize,
    link: &str,
) -> anyhow::Result<BTreeMap<&'static str, Vec<String>>> {
    let words = words.get("ward").and_then(toml::Value::as_table);
    let words = words.context("kit.toml has no [ward]")?;
    let mut fields = truth.fields(Some(ward));
    fields.insert("link".into(), link.into());
    let mut files = BTreeMap::new();
    for (key, file) in [
        ("zalo", "zalo.txt"),
        ("facebook", "facebook.txt"),
        ("loudspeaker", "loudspeaker.txt"),
    ] {
        files.insert(file, vec![filled(text(words, key), &fields)?]);
    }
    let mut drawn = vec![link.to_owned()];
    for key in ["title", "call", "standing"] {
        drawn.push(filled(text(words, key), &fields)?);
    }
    let steps = list(words, "steps");
    let steps = (1..).zip(steps.iter().filter_map(toml::Value::as_str));
    let numbered = |dot: &str| -> anyhow::Result<Vec<String>> {
        let step = |(n, step): (u32, &str)| Ok(format!("{n}{dot} {}", filled(step, &fields)?));
        steps.clone().map(step).collect()
    };
    files.insert("poster.pdf", [drawn.clone(), numbered("")?].concat());
    files.insert("post.pdf", [drawn, numbered(".")?].concat());
    Ok(files)
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table
        .get(key)
        .and_then(toml::Value::as_str)
        .unwrap_or_default()
}

fn list<'a>(table: &'a Table, key: &str) -> &'a [toml::Value] {
    let found = table.get(key).and_then(toml::Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// A text with its fields filled in, without the marks of bold and its last stop.
fn filled(text: &str, fields: &Fields) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').context("a field is not closed")?;
        let value = fields
            .get(name)
            .with_context(|| format!("no field {name}"))?;
        out += before;
        out += value;
        rest = after;
    }
    out += rest;
    let out = out.replace("**", "");
    Ok(out.trim_end_matches(['.', '/', ';', ' ', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_filled_and_the_end_left_open() {
        let fields = Fields::from([("quota".to_owned(), "300".to_owned())]);
        assert_eq!(
            filled("**{quota} mẫu**/tháng.", &fields).unwrap(),
            "300 mẫu/tháng"
        );
        assert!(filled("{chi_tieu}", &fields).is_err());
    }

    #[test]
    fn a_number_and_a_day_are_written_as_the_decree_has_them() {
        let file = "number = \"/BC-UBND\"\n[fields]\nlink = \"a\"";
        let blank = Given::of(file, &[]).unwrap();
        assert_eq!(
            (blank.number().as_str(), blank.day().as_str()),
            ("/BC-UBND", "ngày tháng năm")
        );
        let given = Given::of(file, &[("number", "5/BC-UBND"), ("date", "2024-12-05")]).unwrap();
        assert_eq!(given.number(), "05/BC-UBND");
        assert_eq!(given.day(), "ngày 05 tháng 12 năm 2024");
    }
}
