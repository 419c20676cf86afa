//! A table in memory, column by column, whatever file it came from.

use std::collections::HashMap;

/// A column that holds whole numbers, texts or truths, each of which may be absent.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Whole numbers, the unit in the column's name.
    Integer(Vec<Option<i64>>),
    /// Texts.
    Text(Texts),
    /// Truths.
    Boolean(Vec<Option<bool>>),
}

/// Texts of a column; equal ones are kept once.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    known: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Number of the text in `known`, from one; 0 is absent.
    rows: Vec<u32>,
}

impl Texts {
    /// Adds a row. An empty text is an absent one: CSV knows no other.
    pub fn push(&mut self, text: Option<&str>) {
        let number = match text {
            None | Some("") => 0,
            Some(text) => self.number(text),
        };
        self.rows.push(number);
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.known.push(text.to_owned());
        // A table with four thousand million different texts does not fit in memory.
        let number = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        let number = *self.rows.get(row)? as usize;
        number.checked_sub(1).map(|at| self.known[at].as_str())
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        let rows = self.len() == other.len();
        rows && (0..self.len()).all(|row| self.get(row) == other.get(row))
    }
}

impl<'a> FromIterator<Option<&'a str>> for Texts {
    fn from_iter<I: IntoIterator<Item = Option<&'a str>>>(rows: I) -> Self {
        let mut texts = Self::default();
        rows.into_iter().for_each(|text| texts.push(text));
        texts
    }
}

/// What a column is, as the data dictionary says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Name, the unit in it.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means, in Vietnamese.
    pub meaning: &'static str,
    /// The same in English.
    pub meaning_en: &'static str,
}

/// Kind of a column.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Whole number.
    Integer,
    /// Text, UTF-8.
    Text,
    /// `true` or `false`.
    Boolean,
}

impl Kind {
    /// An empty column of the kind.
    pub fn empty(self) -> Data {
        match self {
            Self::Integer => Data::Integer(vec![]),
            Self::Text => Data::Text(Texts::default()),
            Self::Boolean => Data::Boolean(vec![]),
        }
    }
}

impl Data {
    /// How many rows there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::Integer(rows) => rows.len(),
            Self::Text(rows) => rows.len(),
            Self::Boolean(rows) => rows.len(),
        }
    }

    /// Whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What stands in a row, as CSV writes it; empty when absent.
    pub fn written(&self, row: usize) -> String {
        match self {
            Self::Integer(rows) => rows.get(row).copied().flatten().map(|n| n.to_string()),
            Self::Boolean(rows) => rows.get(row).copied().flatten().map(|b| b.to_string()),
            Self::Text(rows) => rows.get(row).map(str::to_owned),
        }
        .unwrap_or_default()
    }

    /// Adds a row from its text; `false` when it is none of this kind.
    pub fn read(&mut self, text: &str) -> bool {
        match self {
            Self::Text(rows) => rows.push(Some(text)),
            Self::Integer(rows) if text.is_empty() => rows.push(None),
            Self::Boolean(rows) if text.is_empty() => rows.push(None),
            Self::Integer(rows) => match text.parse::<i64>() {
                // One way to write a number only, so that equal is equal.
                Ok(n) if n.to_string() == text => rows.push(Some(n)),
                _ => return false,
            },
            Self::Boolean(rows) => match text {
                "true" => rows.push(Some(true)),
                "false" => rows.push(Some(false)),
                _ => return false,
            },
        }
        true
    }

    fn same(&self, other: &Self, row: usize) -> bool {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.get(row) == b.get(row),
            (Self::Boolean(a), Self::Boolean(b)) => a.get(row) == b.get(row),
            (Self::Text(a), Self::Text(b)) => a.get(row) == b.get(row),
            _ => false,
        }
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Their data, in the same order and of the same length.
    pub data: Vec<Data>,
}

/// Where two tables differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// Row, the first is 0.
    pub row: usize,
    /// Name of the column.
    pub column: &'static str,
    /// What the one has; empty for absent.
    pub here: String,
    /// What the other has.
    pub there: String,
}

impl Frame {
    /// A table without rows.
    pub fn empty(columns: &'static [Column]) -> Self {
        let data = columns.iter().map(|column| column.kind.empty()).collect();
        Self { columns, data }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.data.first().map_or(0, Data::len)
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&Data> {
        let at = self.columns.iter().position(|column| column.name == name)?;
        self.data.get(at)
    }

    /// The whole number in a row of a column.
    pub fn integer(&self, name: &str, row: usize) -> Option<i64> {
        match self.column(name)? {
            Data::Integer(rows) => rows.get(row).copied().flatten(),
            _ => None,
        }
    }

    /// The text in a row of a column.
    pub fn text(&self, name: &str, row: usize) -> Option<&str> {
        match self.column(name)? {
            Data::Text(rows) => rows.get(row),
            _ => None,
        }
    }

    /// The truth in a row of a column.
    pub fn boolean(&self, name: &str, row: usize) -> Option<bool> {
        match self.column(name)? {
            Data::Boolean(rows) => rows.get(row).copied().flatten(),
            _ => None,
        }
    }

    /// Adds a row; `cells` come in the order of the columns.
    ///
    /// # Panics
    ///
    /// When the cells are not those of the columns, which a test of each table
    /// would show.
    pub fn push(&mut self, cells: &[Cell<'_>]) {
        assert_eq!(cells.len(), self.data.len(), "one cell for each column");
        for ((data, cell), column) in self.data.iter_mut().zip(cells).zip(self.columns) {
            match (data, cell) {
                (Data::Integer(rows), Cell::Integer(n)) => rows.push(*n),
                (Data::Boolean(rows), Cell::Boolean(b)) => rows.push(*b),
                (Data::Text(rows), Cell::Text(text)) => rows.push(*text),
                (data, cell) => panic!("{}: {cell:?} in {data:?}", column.name),
            }
        }
    }

    /// The rows in another order: `order` names them, the first first.
    pub fn reordered(&self, order: &[usize]) -> Self {
        let pick = |data: &Data| match data {
            Data::Integer(rows) => Data::Integer(order.iter().map(|at| rows[*at]).collect()),
            Data::Boolean(rows) => Data::Boolean(order.iter().map(|at| rows[*at]).collect()),
            Data::Text(rows) => Data::Text(order.iter().map(|at| rows.get(*at)).collect()),
        };
        Self {
            columns: self.columns,
            data: self.data.iter().map(pick).collect(),
        }
    }

    /// Where the two differ, at most `most` places; rows that one of them lacks
    /// differ in their first column.
    pub fn differences(
        &self,
        other: &Self,
        only: impl Fn(usize, &str) -> bool,
        most: usize,
    ) -> Vec<Difference> {
        let mut found = vec![];
        for row in 0..self.rows().max(other.rows()) {
            let both = row < self.rows() && row < other.rows();
            for (at, column) in self.columns.iter().enumerate() {
                let same = self.data[at].same(&other.data[at], row);
                let looked_at = only(row, column.name) || (!both && at == 0);
                if same && both || !looked_at {
                    continue;
                }
                if found.len() == most {
                    return found;
                }
                found.push(Difference {
                    row,
                    column: column.name,
                    here: self.data[at].written(row),
                    there: other.data[at].written(row),
                });
                if !both {
                    break;
                }
            }
        }
        found
    }
}

/// A cell of a row that is added.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// Whole number.
    Integer(Option<i64>),
    /// Text.
    Text(Option<&'a str>),
    /// Truth.
    Boolean(Option<bool>),
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column {
            name: "n",
            kind: Kind::Integer,
            meaning: "",
            meaning_en: "",
        },
        Column {
            name: "t",
            kind: Kind::Text,
            meaning: "",
            meaning_en: "",
        },
    ];

    fn frame(rows: &[(i64, &str)]) -> Frame {
        let mut frame = Frame::empty(COLUMNS);
        for (n, t) in rows {
            frame.push(&[Cell::Integer(Some(*n)), Cell::Text(Some(t))]);
        }
        frame
    }

    #[test]
    fn a_difference_is_found_where_it_is() {
        let (a, b) = (frame(&[(1, "a"), (2, "b")]), frame(&[(1, "a"), (2, "c")]));
        let found = a.differences(&b, |_, _| true, 10);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].row, found[0].column), (1, "t"));
        assert_eq!(
            (found[0].here.as_str(), found[0].there.as_str()),
            ("b", "c")
        );
        assert!(a.differences(&b, |_, name| name == "n", 10).is_empty());
        assert_eq!(a.differences(&frame(&[(1, "a")]), |_, _| true, 10).len(), 1);
    }

    #[test]
    fn one_number_is_written_in_one_way() {
        let mut data = Kind::Integer.empty();
        assert!(data.read("12") && data.read(""));
        for bad in ["+1", "01", "1.0", "-0", " 1", "x"] {
            assert!(!data.read(bad), "{bad}");
        }
        assert_eq!(data, Data::Integer(vec![Some(12), None]));
    }
}
