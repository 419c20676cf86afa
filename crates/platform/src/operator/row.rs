//! Rows of a table in CSV, and what may be wrong with them.

use std::collections::BTreeMap;
use std::fmt;

use crate::mistakes;

/// A table that was refused, with every problem of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableError {
    /// Every problem, in the order of the lines; never empty.
    pub problems: Vec<RowProblem>,
}

/// One problem of a table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RowProblem {
    /// The table at fault.
    pub table: Source,
    /// Line in the file, counted from 1.
    pub line: u64,
    /// Column at fault; empty when it is the whole row.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// What is expected.
    pub expected: String,
}

/// One of the two tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The operators.
    Operators,
    /// The address ranges.
    Prefixes,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        mistakes::write(f, &self.problems)
    }
}

impl std::error::Error for TableError {}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = match self.table {
            Source::Operators => "operators",
            Source::Prefixes => "prefixes",
        };
        write!(f, "{table}, line {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", column {}: {:?}", self.column, self.value)?;
        }
        write!(f, ": {}", self.expected)
    }
}

/// A row by the names of its columns.
pub(super) struct Row {
    table: Source,
    pub(super) line: u64,
    columns: BTreeMap<String, String>,
}

impl Row {
    /// A column, trimmed; empty where the table has none of that name.
    pub(super) fn text(&self, column: &str) -> &str {
        self.columns.get(column).map_or("", |text| text.trim())
    }

    /// A column that must read as `T`.
    pub(super) fn read<T>(
        &self,
        column: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, RowProblem> {
        read(self.text(column)).ok_or_else(|| self.problem(column, expected))
    }

    /// A problem with one column.
    pub(super) fn problem(&self, column: &str, expected: impl Into<String>) -> RowProblem {
        RowProblem {
            table: self.table,
            line: self.line,
            column: column.into(),
            value: self.text(column).into(),
            expected: expected.into(),
        }
    }
}

/// The rows of a table that must have some columns; others are allowed.
pub(super) fn rows(
    table: Source,
    text: &str,
    required: &[&str],
) -> Result<Vec<Result<Row, RowProblem>>, RowProblem> {
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    let names: Vec<String> = header.iter().map(|name| name.trim().to_string()).collect();
    if let Some(missing) = required
        .iter()
        .find(|name| !names.iter().any(|n| n == *name))
    {
        return Err(RowProblem {
            table,
            line: 1,
            column: (*missing).into(),
            value: String::new(),
            expected: "the header needs this column".into(),
        });
    }
    Ok(reader
        .records()
        .map(|record| row(table, &names, record))
        .collect())
}

fn row(
    table: Source,
    names: &[String],
    record: csv::Result<csv::StringRecord>,
) -> Result<Row, RowProblem> {
    let record = record.map_err(|error| RowProblem {
        table,
        line: error.position().map_or(0, csv::Position::line),
        column: String::new(),
        value: String::new(),
        expected: format!("not a row of this table: {error}"),
    })?;
    let columns = names.iter().cloned().zip(record.iter().map(Into::into));
    Ok(Row {
        table,
        line: record.position().map_or(0, csv::Position::line),
        columns: columns.collect(),
    })
}
