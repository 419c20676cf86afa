//! What is wrong with a file of areas.

use std::fmt;

use serde_json::Value;

use crate::mistakes;

/// A file of areas that was refused, with everything that is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AreaError {
    /// Every problem, in the order of the file; never empty.
    pub problems: Vec<Problem>,
}

/// One problem: where, what stands there, and what should.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Feature at fault, counted from 0; `None` when it is the file.
    pub feature: Option<usize>,
    /// Code of that feature, where it has one.
    pub code: Option<String>,
    /// Path of the member at fault, as `geometry.coordinates[0][2]`; empty for the whole.
    pub field: String,
    /// What stands there, as JSON, shortened; empty where that says nothing.
    pub value: String,
    /// What is expected instead, and how to get there.
    pub remedy: String,
}

/// Characters of a value that are printed.
const VALUE_CHARS: usize = 60;

impl fmt::Display for AreaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        mistakes::write(f, &self.problems)
    }
}

impl std::error::Error for AreaError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.feature, &self.code) {
            (Some(index), Some(code)) => write!(f, "feature {index} (code {code})")?,
            (Some(index), None) => write!(f, "feature {index}")?,
            (None, _) => f.write_str("file")?,
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        if !self.value.is_empty() {
            write!(f, " is {}", self.value)?;
        }
        write!(f, ": {}", self.remedy)
    }
}

/// Collects the problems of one feature.
pub(super) struct Review<'a> {
    pub(super) feature: Option<usize>,
    pub(super) code: Option<String>,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Review<'_> {
    /// Notes that `value` at `field` will not do.
    pub(super) fn note(&mut self, field: &str, value: &Value, remedy: impl Into<String>) {
        self.problems.push(Problem {
            feature: self.feature,
            code: self.code.clone(),
            field: field.into(),
            value: shortened(value),
            remedy: remedy.into(),
        });
    }
}

/// A value as JSON, cut to a length that fits a line; a missing one is empty.
fn shortened(value: &Value) -> String {
    if value.is_null() {
        return "missing or null".into();
    }
    let text = value.to_string();
    if text.chars().count() <= VALUE_CHARS {
        return text;
    }
    text.chars().take(VALUE_CHARS).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_twenty_problems_are_printed() {
        let problem = Problem {
            feature: Some(3),
            code: Some("26740".into()),
            field: "properties.name".into(),
            value: "\"\"".into(),
            remedy: "give the name".into(),
        };
        let line = "feature 3 (code 26740): properties.name is \"\": give the name";
        assert_eq!(problem.to_string(), line);
        let error = AreaError {
            problems: vec![problem; 23],
        };
        let text = error.to_string();
        assert_eq!(text.lines().count(), 21);
        assert!(text.ends_with("\n… and 3 more"));
    }
}
