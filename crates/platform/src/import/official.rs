//! Official counts for each area and month, from CSV or a workbook, by a
//! mapping of their columns.

use std::io::Cursor;

use anyhow::{Context as _, Result, bail, ensure};
use calamine::{Data, Reader as _};
use metric::month::Month;
use serde::Deserialize;

use super::{Mistake, Reading};

/// Which column is what. TOML.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Who published the numbers, and where: shown wherever they are.
    pub source: String,
    /// Sheet of a workbook; the first where none is named.
    pub sheet: Option<String>,
    /// Row of the header, from 1.
    #[serde(default = "first")]
    pub header_row: u32,
    /// Month of all rows, where no column holds it.
    pub month: Option<String>,
    /// Names of columns in the header.
    pub columns: Columns,
}

const fn first() -> u32 {
    1
}

/// Names of columns.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Code of the area.
    pub area: String,
    /// Number of tests.
    pub tests: String,
    /// Month: `2024-11`, `11/2024` or a date.
    pub month: Option<String>,
    /// Operator's id, where the numbers are of one.
    pub operator: Option<String>,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    ///
    /// Names the key at fault and what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        let mapping: Self = toml::from_str(text).context("reading the mapping")?;
        ensure!(
            !mapping.source.trim().is_empty(),
            "source is empty; say who published the numbers and where"
        );
        ensure!(
            mapping.header_row > 0,
            "header_row is 0; rows are counted from 1"
        );
        match (&mapping.month, &mapping.columns.month) {
            (Some(month), None) => {
                let month: Result<Month, _> = month.parse();
                month.context("month")?;
            }
            (None, Some(_)) => {}
            (None, None) => bail!("no month: give month = \"2024-11\" or columns.month"),
            (Some(_), Some(_)) => bail!("month and columns.month are both given; keep one"),
        }
        Ok(mapping)
    }
}

/// A count of an area and a month.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OfficialCount {
    /// Row of the file.
    pub row: u64,
    /// Code of the area.
    pub area_code: String,
    /// The month.
    pub month: Month,
    /// Operator's id, or `all`.
    pub operator: String,
    /// Tests.
    pub tests: u64,
}

/// Reads the counts of a CSV or, by its first bytes, of an XLSX.
///
/// # Errors
///
/// When the file cannot be read as either, or lacks a column of the mapping.
pub fn official(bytes: &[u8], mapping: &Mapping) -> Result<Reading<OfficialCount>> {
    let rows = if bytes.starts_with(b"PK") {
        workbook(bytes, mapping)?
    } else {
        delimited(bytes)?
    };
    let at = mapping.header_row as usize - 1;
    let header = rows
        .get(at)
        .with_context(|| format!("header_row is {}, the file has {} rows", at + 1, rows.len()))?;
    let header: Vec<String> = header
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let find = |name: &str| {
        let found = header
            .iter()
            .position(|known| *known == name.trim().to_lowercase());
        found.with_context(|| {
            format!(
                "row {} has no column {name:?}; it has {}",
                at + 1,
                header.join(", ")
            )
        })
    };
    let columns = Places {
        area: find(&mapping.columns.area)?,
        tests: find(&mapping.columns.tests)?,
        month: mapping.columns.month.as_deref().map(find).transpose()?,
        operator: mapping.columns.operator.as_deref().map(find).transpose()?,
    };
    let body = rows.iter().enumerate().skip(at + 1);
    let filled = body.filter(|(_, row)| row.iter().any(|cell| !cell.trim().is_empty()));
    Ok(Reading::of(filled.map(|(at, row)| {
        count(at as u64 + 1, row, &columns, mapping)
    })))
}

/// Numbers of columns.
struct Places {
    area: usize,
    tests: usize,
    month: Option<usize>,
    operator: Option<usize>,
}

fn count(
    number: u64,
    row: &[String],
    places: &Places,
    mapping: &Mapping,
) -> Result<OfficialCount, Vec<Mistake>> {
    let mut mistakes = vec![];
    let cell = |at: usize| row.get(at).map_or("", |cell| cell.trim());
    let mut wrong = |field: &str, what: String| mistakes.push(Mistake::new(number, field, what));
    let area_code = cell(places.area).trim_end_matches(".0").to_owned();
    if area_code.is_empty() || !area_code.chars().all(|c| c.is_ascii_alphanumeric()) {
        wrong(
            &mapping.columns.area,
            format!("{area_code:?}, expected the code of an area"),
        );
    }
    let written = cell(places.tests);
    let tests = whole(written);
    if tests.is_none() {
        wrong(
            &mapping.columns.tests,
            format!("{written:?}, expected a whole number that is not negative"),
        );
    }
    let written = places
        .month
        .map_or_else(|| mapping.month.as_deref().unwrap_or_default(), cell);
    let month = month_of(written);
    if month.is_none() {
        let field = mapping.columns.month.as_deref().unwrap_or("month");
        wrong(
            field,
            format!("{written:?}, expected a month as 2024-11 or 11/2024"),
        );
    }
    let operator = places.operator.map_or("all", cell).to_lowercase();
    match (tests, month) {
        (Some(tests), Some(month)) if mistakes.is_empty() => {
            let operator = if operator.is_empty() {
                "all".into()
            } else {
                operator
            };
            Ok(OfficialCount {
                row: number,
                area_code,
                month,
                operator,
                tests,
            })
        }
        _ => Err(mistakes),
    }
}

/// A whole number as spreadsheets write it: `300`, `300.0`, `1.234` with dots
/// of thousands.
fn whole(text: &str) -> Option<u64> {
    let text = text.strip_suffix(".0").unwrap_or(text);
    let groups: Vec<&str> = text.split('.').collect();
    let thousands = groups.len() > 1
        && groups[1..].iter().all(|group| group.len() == 3)
        && groups[0].len() <= 3;
    let digits = if thousands {
        groups.concat()
    } else {
        text.to_owned()
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn month_of(text: &str) -> Option<Month> {
    if let Ok(month) = text.parse() {
        return Some(month);
    }
    if let Some((month, year)) = text.split_once('/').filter(|(_, year)| year.len() == 4) {
        return format!("{year}-{month:0>2}").parse().ok();
    }
    text.get(..7).filter(|_| text.len() >= 10)?.parse().ok()
}

fn delimited(bytes: &[u8]) -> Result<Vec<Vec<String>>> {
    let text = std::str::from_utf8(bytes)
        .context("it is neither a workbook nor UTF-8 text; save it as XLSX or as CSV in UTF-8")?;
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.matches(';').count() > first.matches(',').count() {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let rows = reader
        .records()
        .map(|record| Ok(record?.iter().map(str::to_owned).collect()));
    rows.collect()
}

fn workbook(bytes: &[u8], mapping: &Mapping) -> Result<Vec<Vec<String>>> {
    let mut book: calamine::Xlsx<_> =
        calamine::Xlsx::new(Cursor::new(bytes)).context("it is no XLSX workbook")?;
    let names = book.sheet_names();
    let sheet = match &mapping.sheet {
        Some(sheet) => sheet.clone(),
        None => names
            .first()
            .cloned()
            .context("the workbook has no sheet")?,
    };
    ensure!(
        names.contains(&sheet),
        "the workbook has no sheet {sheet:?}; it has {}",
        names.join(", ")
    );
    let range = book.worksheet_range(&sheet)?;
    let skipped = range.start().map_or(0, |(row, _)| row as usize);
    let left = range.start().map_or(0, |(_, column)| column as usize);
    let padded = |row: &[Data]| {
        let cells = row.iter().map(ToString::to_string);
        std::iter::repeat_n(String::new(), left)
            .chain(cells)
            .collect()
    };
    let empty = std::iter::repeat_n(vec![], skipped);
    Ok(empty.chain(range.rows().map(padded)).collect())
}
