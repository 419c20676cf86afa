//! A document in its parts, as the annexes of Decree 30/2020 name them.

use jiff::civil::Date;

use super::number::Number;
use crate::chart::{number, written};

/// A document, ready for any of the writers.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What stands at its top.
    pub head: Head,
    /// What it says.
    pub body: Vec<Block>,
    /// What stands at its end; a bulletin has none.
    pub foot: Option<Foot>,
    /// Annexes, numbered I, II, …
    pub annexes: Vec<Annex>,
    /// Whether its numbers are those of a simulation; every page says so.
    pub synthetic: bool,
}

/// The top of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Head {
    /// The decree's: motto, issuer, number, date, abstract, addressees.
    Official(Box<Official>),
    /// A name and a title alone, as on a bulletin.
    Plain {
        /// Who publishes it.
        issuer: String,
        /// Its title.
        title: String,
        /// A line under the title.
        subtitle: String,
    },
}

/// The decree's top of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Official {
    /// The body above the issuer, where there is one.
    pub parent: Option<String>,
    /// The body that issues the document.
    pub issuer: String,
    /// Number and sign.
    pub number: Number,
    /// Name of the unit where the issuer sits.
    pub place: String,
    /// Day of issue; left blank where it is not known yet.
    pub date: Option<Date>,
    /// Type and abstract.
    pub title: Title,
    /// Addressees, without bullets and marks; may be empty.
    pub recipients: Vec<String>,
}

/// Type and abstract of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Title {
    /// A letter (công văn) has no type name; its abstract begins with "V/v".
    Letter(String),
    /// Any other: its type name, as `BÁO CÁO`, and its abstract.
    Named(String, String),
}

/// The end of a document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Foot {
    /// Who receives a copy ("Nơi nhận"), without bullets and marks.
    pub copies: Vec<String>,
    /// In whose name is signed, as `TM. ỦY BAN NHÂN DÂN` or `KT. CHỦ TỊCH`.
    pub authority: Option<String>,
    /// Title of who signs.
    pub title: String,
    /// Name of who signs; left blank where it is not given.
    pub name: Option<String>,
}

/// A piece of the body.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph with its first line indented; `**` parts what is bold.
    Paragraph(Vec<Run>),
    /// A legal basis, in italics.
    Basis(String),
    /// A heading, bold.
    Heading(String),
    /// A table.
    Table(Table),
    /// Columns of equal width, with pictures below one another.
    Figures(Vec<Vec<Picture>>),
}

/// A stretch of text of one look.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// The text.
    pub text: String,
    /// Whether it is bold.
    pub bold: bool,
}

/// A drawing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picture {
    /// The drawing as SVG.
    pub svg: String,
    /// What it shows, for who cannot see it.
    pub described: String,
}

/// An annex, with pages of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Annex {
    /// Its title.
    pub title: String,
    /// Whether it lies on its side.
    pub landscape: bool,
    /// What it holds.
    pub body: Vec<Block>,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// The last row, bold, where there is one; as long as `columns`.
    pub total: Option<Vec<Cell>>,
}

/// A column of a table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    /// What it holds.
    pub header: String,
    /// Its share of the width.
    pub width: u16,
    /// Where its cells stand.
    pub align: Align,
}

/// Where text stands between two sides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Align {
    /// At the left.
    Left,
    /// In the middle.
    Center,
    /// At the right.
    Right,
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing to say.
    Empty,
    /// Words.
    Text(String),
    /// A count.
    Count(u64),
    /// A measured value in the unit that people read.
    Quantity(f64, &'static str),
    /// A figure that is not given for want of tests.
    Withheld,
}

impl Cell {
    /// As it is printed.
    pub fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(count) => number(metric::unit::to_f64(*count), 0),
            Self::Quantity(value, unit) => written(*value, unit),
            Self::Withheld => WITHHELD.into(),
        }
    }

    /// Where it stands in its column.
    pub(super) const fn align(&self, column: &Column) -> &'static str {
        match (self, column.align) {
            (Self::Withheld, _) | (_, Align::Center) => "center",
            (_, Align::Left) => "left",
            (_, Align::Right) => "right",
        }
    }
}

/// What stands where a figure is withheld.
pub(super) const WITHHELD: &str = "chưa đủ mẫu";

/// What every page of a document from simulated figures says.
pub const SYNTHETIC: &str = "SỐ LIỆU MÔ PHỎNG";

impl Document {
    /// What it is called: type, number and abstract in a line.
    pub fn title(&self) -> String {
        match &self.head {
            Head::Official(head) => head.title.line(),
            Head::Plain { title, .. } => title.clone(),
        }
    }

    /// Who issues it.
    pub fn issuer(&self) -> &str {
        match &self.head {
            Head::Official(head) => &head.issuer,
            Head::Plain { issuer, .. } => issuer,
        }
    }
}

impl Title {
    fn line(&self) -> String {
        match self {
            Self::Letter(about) => about.clone(),
            Self::Named(name, about) => format!("{name} {about}"),
        }
    }
}

/// The runs of a text in which `**` parts what is bold.
pub fn runs(text: &str) -> Vec<Run> {
    let parts = text.split("**").enumerate();
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(at, part)| Run {
            text: part.to_owned(),
            bold: at % 2 == 1,
        })
        .collect()
}

/// The lines of a list as documents end them: each but the last with ";".
pub(super) fn listed(lines: &[String]) -> Vec<String> {
    let last = lines.len().saturating_sub(1);
    let ended = |(at, line): (usize, &String)| {
        let line = line.trim_end_matches([';', '.', ' ']);
        format!("{line}{}", if at == last { "." } else { ";" })
    };
    lines.iter().enumerate().map(ended).collect()
}

/// A number in Roman numerals, as annexes have them; 1 to 39.
pub(super) fn roman(number: usize) -> String {
    const ONES: [&str; 10] = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"];
    format!("{}{}", "X".repeat(number / 10), ONES[number % 10])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_stars_part_what_is_bold() {
        let run = |text: &str, bold| Run {
            text: text.into(),
            bold,
        };
        assert_eq!(
            runs("ít **300 mẫu** nhé"),
            [run("ít ", false), run("300 mẫu", true), run(" nhé", false)]
        );
        assert_eq!(runs(""), []);
    }

    #[test]
    fn the_last_line_of_a_list_ends_it() {
        let lines = ["Như trên;", "UBND Quận 1", "Lưu: VT."].map(str::to_owned);
        assert_eq!(listed(&lines), ["Như trên;", "UBND Quận 1;", "Lưu: VT."]);
    }

    #[test]
    fn annexes_are_numbered_in_roman() {
        assert_eq!([1, 4, 9, 14].map(roman), ["I", "IV", "IX", "XIV"]);
    }
}
