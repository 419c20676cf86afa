//! The words of a document as a file that an office can edit: TOML with named
//! fields in braces, filled from the month's figures and the office's own.

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::fields::Fields;

/// A template.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What kind of document it makes.
    pub kind: Kind,
    /// Type name of a report, as `BÁO CÁO`; title of a bulletin.
    #[serde(default)]
    pub name: String,
    /// Abstract ("trích yếu"), with "V/v" where it is a letter.
    pub r#abstract: String,
    /// Addressees.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Who receives a copy.
    #[serde(default)]
    pub copies: Vec<String>,
    /// The body.
    pub body: Vec<Piece>,
    /// Annexes.
    #[serde(default)]
    pub annexes: Vec<AnnexPiece>,
}

/// Kinds of documents.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Công văn.
    Letter,
    /// A document with a type name.
    Report,
    /// A page without number and signature.
    Bulletin,
}

/// A piece of a body: one of text, heading, basis, table, figures.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// A paragraph; `**` parts what is bold.
    pub text: Option<String>,
    /// A heading.
    pub heading: Option<String>,
    /// A legal basis, in italics.
    pub basis: Option<String>,
    /// Name of a table.
    pub table: Option<String>,
    /// Columns of names of drawings.
    pub figures: Option<Vec<Vec<String>>>,
    /// Once for each row of a list.
    pub each: Option<String>,
    /// Only where this holds.
    pub when: Option<String>,
}

/// An annex of a template.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnexPiece {
    /// Its title.
    pub title: String,
    /// Whether it lies on its side.
    #[serde(default)]
    pub landscape: bool,
    /// What it holds.
    pub body: Vec<Piece>,
}

/// The templates that come with the program: file name and content.
pub const BUILT_IN: [(&str, &str); 5] = [
    (
        "reminder-letter.toml",
        include_str!("../../../../data/templates/reminder-letter.toml"),
    ),
    (
        "launch-letter.toml",
        include_str!("../../../../data/templates/launch-letter.toml"),
    ),
    (
        "unit-report.toml",
        include_str!("../../../../data/templates/unit-report.toml"),
    ),
    (
        "consolidated-report.toml",
        include_str!("../../../../data/templates/consolidated-report.toml"),
    ),
    (
        "bulletin.toml",
        include_str!("../../../../data/templates/bulletin.toml"),
    ),
];

/// Text of the built-in template of a file name; empty where there is none.
pub fn built_in(name: &str) -> &'static str {
    let found = BUILT_IN.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, text)| text)
}

impl Template {
    /// Reads a template; its text is brought to NFC.
    ///
    /// # Errors
    ///
    /// Names the key at fault, its value and what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        let text: String = text.nfc().collect();
        let template: Self = toml::from_str(&text).context("reading the template")?;
        for (at, piece) in (1..).zip(&template.body) {
            piece.check().with_context(|| format!("body {at}"))?;
        }
        for (annex, at, piece) in annexed(&template.annexes) {
            let place = || format!("annex {annex}, body {at}");
            piece.check().with_context(place)?;
        }
        Ok(template)
    }
}

/// The pieces of all annexes with the numbers of annex and piece.
fn annexed(annexes: &[AnnexPiece]) -> impl Iterator<Item = (usize, usize, &Piece)> {
    (1..).zip(annexes).flat_map(|(annex, of)| {
        let pieces = (1..).zip(&of.body);
        pieces.map(move |(at, piece)| (annex, at, piece))
    })
}

impl Piece {
    fn check(&self) -> Result<()> {
        let given = [
            self.text.is_some(),
            self.heading.is_some(),
            self.basis.is_some(),
            self.table.is_some(),
            self.figures.is_some(),
        ];
        let given = given.iter().filter(|given| **given).count();
        ensure!(
            given == 1,
            "has {given} of text, heading, basis, table and figures, expected one"
        );
        Ok(())
    }
}

/// A text with its fields filled in; `{{` and `}}` are braces.
///
/// # Errors
///
/// Names the field that is not known, is absent, or is not closed.
pub fn fill(text: &str, fields: &Fields) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else if let Some(after) = from.strip_prefix('{') {
            let Some((name, after)) = after.split_once('}') else {
                bail!("{from:?} opens a field that is not closed, expected for example {{quota}}");
            };
            out.push_str(&fields.get(name.trim())?);
            rest = after;
        } else {
            bail!("{rest:?} closes a field that was not opened; write }}}} for a brace");
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let mut fields = Fields::default();
        fields.set("quota", "300");
        fields.lacks("deadline_day", "the campaign has no deadline_day");
        fields
    }

    #[test]
    fn fields_are_filled_and_braces_kept() {
        let filled = fill("tối thiểu { quota } mẫu {{x}}", &fields()).unwrap();
        assert_eq!(filled, "tối thiểu 300 mẫu {x}");
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (text, says) in [
            ("{chi_tieu}", "no field {chi_tieu}; known: quota"),
            ("{deadline_day}", "the campaign has no deadline_day"),
            ("{quota", "not closed"),
            ("quota}", "not opened"),
        ] {
            let error = format!("{:#}", fill(text, &fields()).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn every_built_in_template_reads() {
        for (name, text) in BUILT_IN {
            Template::parse(text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }

    #[test]
    fn a_piece_is_one_thing() {
        let text = "kind = \"letter\"\nabstract = \"V/v\"\n[[body]]\ntext = \"a\"\ntable = \"b\"\n";
        let error = format!("{:#}", Template::parse(text).unwrap_err());
        assert!(error.contains("body 1: has 2 of text"), "{error}");
    }

    #[test]
    fn letters_are_composed() {
        let text = "kind = \"letter\"\nabstract = \"V/v u\u{31b}\u{309}\"\nbody = []\n";
        assert_eq!(Template::parse(text).unwrap().r#abstract, "V/v ử");
    }
}
