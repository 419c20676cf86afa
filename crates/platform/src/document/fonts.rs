//! Typefaces: the machine's where it has the ones the decree wants or their
//! metric twins, else the engine's own serif. None is in the repository.

use std::sync::OnceLock;

use fontdb::{Database, Family, Query, Stretch, Style, Weight};
use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

/// What documents are set in: the decree's typeface, then fonts of its measure.
const SERIF: [&str; 3] = ["Times New Roman", "Liberation Serif", "Tinos"];

/// What charts, posters and posts are set in.
const SANS: [&str; 5] = [
    "Arial",
    "Liberation Sans",
    "Arimo",
    "DejaVu Sans",
    "Noto Sans",
];

/// The serif that the engine brings.
const OWN: &str = "Libertinus Serif";

/// Letters without which no Vietnamese can be set.
const NEEDED: [char; 6] = ['ữ', 'ệ', 'Ử', 'Đ', 'ơ', 'ẵ'];

/// The typefaces of this machine.
pub(super) struct Typefaces {
    /// Family of the documents.
    pub(super) serif: String,
    /// Family of posters; the serif where there is none.
    pub(super) sans: String,
    pub(super) book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

impl Typefaces {
    /// Those of this machine, looked for once.
    pub(super) fn here() -> &'static Self {
        static HERE: OnceLock<Typefaces> = OnceLock::new();
        HERE.get_or_init(|| {
            let mut machine = Database::new();
            machine.load_system_fonts();
            Self::of(&machine)
        })
    }

    /// Those of a collection, and the engine's own.
    fn of(machine: &Database) -> Self {
        let mut fonts = vec![];
        let mut first = |families: &[&str]| {
            let found = families
                .iter()
                .find_map(|family| family_of(machine, family));
            found.map(|(family, faces)| {
                fonts.extend(faces);
                family
            })
        };
        let serif = first(&SERIF).unwrap_or_else(|| OWN.into());
        let sans = first(&SANS).unwrap_or_else(|| serif.clone());
        fonts.extend(own());
        Self {
            serif,
            sans,
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
        }
    }

    pub(super) fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    /// How wide a text is at a size, in points; what has no glyph is left out.
    pub(super) fn width(&self, text: &str, points: f64, bold: bool) -> f64 {
        use typst::text::{FontStretch, FontStyle, FontVariant, FontWeight};
        let weight = if bold {
            FontWeight::BOLD
        } else {
            FontWeight::REGULAR
        };
        let variant = FontVariant::new(FontStyle::Normal, weight, FontStretch::NORMAL);
        let index = self.book.select(&self.serif.to_lowercase(), variant);
        let Some(font) = index.and_then(|index| self.font(index)) else {
            return 0.0;
        };
        let advance = |c: char| font.x_advance(font.ttf().glyph_index(c)?.0);
        let ems: f64 = text.chars().filter_map(advance).map(|em| em.get()).sum();
        ems * points
    }
}

/// The faces of a family that can set Vietnamese: upright, bold, italic, both.
fn family_of(machine: &Database, family: &str) -> Option<(String, Vec<Font>)> {
    let looks = [
        (Weight::NORMAL, Style::Normal),
        (Weight::BOLD, Style::Normal),
        (Weight::NORMAL, Style::Italic),
        (Weight::BOLD, Style::Italic),
    ];
    let face = |(weight, style): (Weight, Style)| face(machine, family, weight, style);
    let faces: Vec<_> = looks.into_iter().filter_map(face).collect();
    let sets = |font: &Font| {
        let covers = |c: &char| font.info().coverage.contains(u32::from(*c));
        NEEDED.iter().all(covers)
    };
    let whole = faces.len() == looks.len() && faces.iter().all(sets);
    let name = faces.first()?.info().family.clone();
    whole.then_some((name, faces))
}

fn face(machine: &Database, family: &str, weight: Weight, style: Style) -> Option<Font> {
    let id = machine.query(&Query {
        families: &[Family::Name(family)],
        weight,
        stretch: Stretch::Normal,
        style,
    })?;
    // The nearest face is not enough: bold must not be set as upright.
    let info = machine.face(id)?;
    let exact = info.weight == weight && (info.style == style);
    let read = |data: &[u8], index| Font::new(Bytes::new(data.to_vec()), index);
    machine.with_face_data(id, read).flatten().filter(|_| exact)
}

fn own() -> impl Iterator<Item = Font> {
    typst_assets::fonts().flat_map(|data| Font::iter(Bytes::new(data)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_fonts_has_the_engines_serif() {
        let none = Typefaces::of(&Database::new());
        assert_eq!(none.serif, OWN);
        assert_eq!(none.sans, OWN);
        assert!(none.width("Độc lập", 13.0, true) > 40.0);
    }

    #[test]
    fn whatever_is_found_sets_vietnamese() {
        let here = Typefaces::here();
        let index = here.book.select_family(&here.serif.to_lowercase()).next();
        let font = here.font(index.unwrap()).unwrap();
        for c in NEEDED {
            assert!(font.info().coverage.contains(u32::from(c)), "{c}");
        }
    }
}
