//! CSV with a header: fields by name, mistakes with row and field.

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::Mistake;

/// The rows of a CSV.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl Table {
    /// Reads a CSV; a byte-order mark and `;` as separator are taken too.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes)
            .context("it is not UTF-8; save it as UTF-8 and try again")?;
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
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let header: Vec<String> = reader
            .headers()?
            .iter()
            .map(|name| name.to_lowercase())
            .collect();
        let mut rows = vec![];
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push((line, record));
        }
        Ok(Self { header, rows })
    }

    /// Which of some names the header has.
    pub(super) fn has(&self, name: &str) -> bool {
        self.header.iter().any(|known| known == name)
    }

    /// Refuses a header that lacks a name.
    pub(super) fn needs(&self, names: &[&str]) -> Result<()> {
        match names.iter().find(|name| !self.has(name)) {
            Some(missing) => bail!(
                "the header has no {missing:?}; it is {}",
                self.header.join(",")
            ),
            None => Ok(()),
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(row, record)| Row {
            row: *row,
            header: &self.header,
            record,
            mistakes: vec![],
        })
    }
}

/// A row; what is wrong with it gathers in `mistakes`.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) row: u64,
    header: &'a [String],
    record: &'a csv::StringRecord,
    mistakes: Vec<Mistake>,
}

impl<'a> Row<'a> {
    /// The text of a field; `None` where there is no column or no text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let at = self.header.iter().position(|known| known == name)?;
        let text = self.record.get(at)?;
        let absent = text.is_empty() || text == "N/A" || text == "null" || text == "NULL";
        (!absent).then_some(text)
    }

    pub(super) fn mistake(&mut self, field: &str, what: impl Into<String>) {
        self.mistakes.push(Mistake::new(self.row, field, what));
    }

    /// A number that is not negative, times `scale`, rounded down.
    pub(super) fn scaled(&mut self, name: &str, scale: f64) -> Option<u64> {
        let text = self.text(name)?;
        match text.parse::<f64>() {
            Ok(value) if (0.0..1e12).contains(&(value * scale)) => {
                Some(metric::unit::floor_u64(value * scale))
            }
            _ => {
                self.mistake(
                    name,
                    format!("{text:?}, expected a number that is not negative"),
                );
                None
            }
        }
    }

    /// A time as `2024-11-08 09:00[:00]` in a zone, or RFC 3339.
    pub(super) fn time(&mut self, name: &str, offset_hours: i8) -> Option<Timestamp> {
        let Some(text) = self.text(name) else {
            self.mistake(name, "there is no time");
            return None;
        };
        let time = instant(text, offset_hours);
        if time.is_none() {
            self.mistake(
                name,
                format!("{text:?}, expected a time as 2024-11-08 09:00:00"),
            );
        }
        time
    }

    /// The value, where nothing was wrong.
    pub(super) fn checked<T>(self, value: Option<T>) -> Result<T, Vec<Mistake>> {
        match value {
            Some(value) if self.mistakes.is_empty() => Ok(value),
            _ => Err(self.mistakes),
        }
    }
}

/// An instant from its text.
pub(super) fn instant(text: &str, offset_hours: i8) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let text = text.replacen(' ', "T", 1);
    let civil: DateTime = text.parse().ok()?;
    Offset::from_hours(offset_hours)
        .ok()?
        .to_timestamp(civil)
        .ok()
}
