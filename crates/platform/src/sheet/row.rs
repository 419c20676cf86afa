//! A row of a list: fields by key, and what is wrong with them.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Cell, tidy};
use crate::import::Mistake;

/// A row; what is wrong with it gathers in it.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// As a person counts: the first row of the file is 1.
    pub(crate) number: u64,
    cells: &'a [Cell],
    places: &'a BTreeMap<&'static str, usize>,
    mistakes: Vec<Mistake>,
}

/// Letters of a field.
const MOST_LETTERS: usize = 300;

impl<'a> Row<'a> {
    pub(super) const fn new(
        number: u64,
        cells: &'a [Cell],
        places: &'a BTreeMap<&'static str, usize>,
    ) -> Self {
        Self {
            number,
            cells,
            places,
            mistakes: vec![],
        }
    }

    fn cell(&self, key: &str) -> &'a Cell {
        let at = self.places.get(key);
        at.and_then(|at| self.cells.get(*at))
            .unwrap_or(&Cell::Empty)
    }

    /// Notes what is wrong with a field.
    pub(crate) fn mistake(&mut self, field: &str, what: impl Into<String>) {
        self.mistakes.push(Mistake::new(self.number, field, what));
    }

    /// The text of a field, composed and trimmed; `None` where it is empty or
    /// wrong.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        let text = match self.cell(key) {
            Cell::Empty => return None,
            Cell::Text(text) => tidy(text),
            Cell::Number(number) => written(*number),
            Cell::Day(day) => day.to_string(),
            Cell::Formula(formula) => {
                self.mistake(key, format!("{formula}; paste the value instead"));
                return None;
            }
            Cell::Merged => {
                self.mistake(key, "the cell is merged with others; unmerge and fill each");
                return None;
            }
            Cell::Broken(error) => {
                self.mistake(key, format!("{error}; write the value"));
                return None;
            }
        };
        self.sound(key, text)
    }

    fn sound(&mut self, key: &'static str, text: String) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        let letters = text.chars().count();
        if letters > MOST_LETTERS {
            self.mistake(key, format!("{letters} letters, at most {MOST_LETTERS}"));
        } else if text.chars().any(char::is_control) {
            self.mistake(
                key,
                format!("{text:?} holds a control character; delete it"),
            );
        } else if text.starts_with(['=', '@']) {
            let why = "which spreadsheets take for a formula; write the value";
            self.mistake(key, format!("{text:?} begins with {:?}, {why}", &text[..1]));
        } else {
            return Some(text);
        }
        None
    }

    /// A text that has to be there.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<String> {
        let before = self.mistakes.len();
        let text = self.text(key);
        if text.is_none() && self.mistakes.len() == before {
            self.mistake(key, "is empty, expected a value");
        }
        text
    }

    /// A day: a date cell, `2024-11-08` or `08/11/2024`.
    pub(crate) fn day(&mut self, key: &'static str) -> Option<Date> {
        if let Cell::Day(day) = self.cell(key) {
            return Some(*day);
        }
        let text = self.text(key)?;
        let day = day_of(&text);
        if day.is_none() {
            let expected = "expected a day that exists, as 08/11/2024 or 2024-11-08";
            self.mistake(key, format!("{text:?}, {expected}"));
        }
        day
    }

    /// What is wrong so far.
    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }
}

/// A number as a person would write it: codes and telephone numbers are whole.
fn written(number: f64) -> String {
    if number.fract().abs() < f64::EPSILON && number.abs() < 1e15 {
        format!("{number:.0}")
    } else {
        number.to_string()
    }
}

/// A day from its text.
pub(crate) fn day_of(text: &str) -> Option<Date> {
    if let Ok(day) = text.parse() {
        return Some(day);
    }
    let mut parts = text.split(['/', '.', '-']);
    let mut next = || parts.next().map(str::trim);
    let (day, month, year) = (next()?, next()?, next()?);
    let whole = year.len() == 4 && parts.next().is_none();
    whole.then(|| Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok())?
}
