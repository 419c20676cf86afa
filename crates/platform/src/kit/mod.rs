//! What a unit tells people with: a short link, its QR code, a poster, a post
//! and words, made from the month's figures.

mod qr;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

pub use qr::{Level, Qr};

use crate::document::engine;
use crate::document::facts::Facts;
use crate::document::fields::Fields;
use crate::document::model::SYNTHETIC;
use crate::document::office::Office;
use crate::document::template::fill;

/// What a kit is to be like.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where the code leads.
    pub link: String,
    /// Width of the printed code, mm.
    pub size_mm: f64,
    /// How much of the code may be dirty or covered.
    pub level: Level,
    /// PNG or SVG in the middle of the code.
    pub logo: Option<Vec<u8>>,
}

/// A file of a kit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The page of a ward, or of a campaign where no ward is named, below the
/// address of a centre.
pub fn short_link(centre: &str, facts: &Facts) -> String {
    let centre = centre.trim_end_matches('/');
    match &facts.unit {
        Some(unit) => format!("{centre}/areas/{}", unit.row.area.code),
        None => format!("{centre}/wards?campaign={}", facts.table.campaign),
    }
}

/// The words that come with the program, for an office to edit.
pub const WORDS: &str = include_str!("../../../../data/templates/kit.toml");

/// The files of a kit.
///
/// # Errors
///
/// Names what is wrong with link, size, logo, or a field of the words.
pub fn make(words: &str, office: &Office, facts: &Facts, wanted: &Wanted) -> Result<Vec<File>> {
    let qr = Qr::of(&wanted.link, wanted.level, wanted.logo.clone())?;
    qr.fits(wanted.size_mm)?;
    let words = Words::of(words, office, facts, &wanted.link)?;
    let data = data(&words, facts, wanted);
    let picture = || BTreeMap::from([("qr.svg".to_owned(), qr.svg().into_bytes())]);
    let poster = engine::set(POSTER, data.clone(), picture())?;
    let post = engine::set(POST, data, picture())?;
    let file = |name, bytes| File { name, bytes };
    Ok(vec![
        file("qr.svg", qr.svg().into_bytes()),
        file("qr.png", pixels(&qr, wanted.size_mm)?),
        file("poster.pdf", engine::pdf(&poster)?),
        file("post.png", engine::png(&post, 2.0)?),
        file("post.pdf", engine::pdf(&post)?),
        file("zalo.txt", words.text(&words.zalo)),
        file("facebook.txt", words.text(&words.facebook)),
        file("loudspeaker.txt", words.text(&words.loudspeaker)),
    ])
}

const POSTER: &str = include_str!("../../layouts/poster.typ");
const POST: &str = include_str!("../../layouts/post.typ");

/// The code as PNG for print at 300 dpi; a module is a whole number of pixels.
fn pixels(qr: &Qr, size_mm: f64) -> Result<Vec<u8>> {
    let modules = metric::unit::to_f64(qr.modules() as u64);
    let to_module = (size_mm / 25.4 * 300.0 / modules).ceil().max(1.0);
    let picture = BTreeMap::from([("qr.svg".to_owned(), qr.svg().into_bytes())]);
    let pages = engine::set(CODE, json!({"modules": modules}), picture)?;
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    engine::png(&pages, to_module as f32)
}

const CODE: &str = r#"#let d = json("document.json")
#set page(width: d.modules * 1pt, height: d.modules * 1pt, margin: 0pt)
#image("qr.svg", width: 100%)
"#;

/// The words of a kit, their fields filled in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    /// Large, on poster and post.
    title: String,
    /// Under it.
    call: String,
    /// How to do it, in steps.
    steps: Vec<String>,
    /// How the month stands.
    standing: String,
    zalo: String,
    facebook: String,
    loudspeaker: String,
    #[serde(skip)]
    synthetic: bool,
}

/// Words of a ward, and of a whole campaign.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordsFile {
    ward: Words,
    campaign: Words,
}

impl Words {
    fn of(text: &str, office: &Office, facts: &Facts, link: &str) -> Result<Self> {
        let text: String = text.nfc().collect();
        let file: WordsFile = toml::from_str(&text).context("reading the words of the kit")?;
        let mut fields = Fields::of(facts, office);
        fields.set("link", link);
        let mut words = if facts.unit.is_some() {
            file.ward
        } else {
            file.campaign
        };
        words.synthetic = facts.table.synthetic;
        words.filled(&fields)
    }

    fn filled(mut self, fields: &Fields) -> Result<Self> {
        let texts = [
            ("title", &mut self.title),
            ("call", &mut self.call),
            ("standing", &mut self.standing),
            ("zalo", &mut self.zalo),
            ("facebook", &mut self.facebook),
            ("loudspeaker", &mut self.loudspeaker),
        ];
        for (name, text) in texts {
            *text = fill(text, fields).context(name)?.trim().to_owned();
        }
        for (at, step) in (1..).zip(&mut self.steps) {
            *step = fill(step, fields).with_context(|| format!("steps {at}"))?;
        }
        Ok(self)
    }

    /// A text on its own, marked where it is from simulated figures.
    fn text(&self, text: &str) -> Vec<u8> {
        let mark = if self.synthetic {
            format!("[{SYNTHETIC}]\n")
        } else {
            String::new()
        };
        format!("{mark}{text}\n").into_bytes()
    }
}

fn data(words: &Words, facts: &Facts, wanted: &Wanted) -> Value {
    let (counted, quota) = match &facts.unit {
        Some(unit) => (unit.row.counts.counted, unit.quota),
        None => (
            facts.table.total.counted,
            facts.table.quota * facts.table.total.areas,
        ),
    };
    let share = metric::unit::to_f64(counted) / metric::unit::to_f64(quota.max(1));
    json!({
        "title": words.title,
        "call": words.call,
        "steps": words.steps,
        "standing": words.standing,
        "share": share.min(1.0),
        "link": wanted.link,
        "size_mm": wanted.size_mm,
        "synthetic": facts.table.synthetic,
        "synthetic_words": SYNTHETIC,
    })
}
