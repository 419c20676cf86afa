//! The few elements that the charts are made of.

use std::fmt::Write as _;

use super::palette::{ALARM, INK, Marker, SOFT, Style};
use super::{Caption, Size};

/// A drawing under way.
#[derive(Debug)]
pub(super) struct Svg {
    pub(super) width: f64,
    height: f64,
    title: String,
    description: String,
    body: String,
}

/// How a text is anchored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The lines above a plot, broken to its width.
struct Head {
    letters: f64,
    title: Vec<String>,
    subtitle: Vec<String>,
}

impl Head {
    fn of(width: f64, caption: &Caption) -> Self {
        let letters = if width < 500.0 { 13.0 } else { 16.0 };
        let subtitle = if caption.synthetic {
            format!("SỐ LIỆU MÔ PHỎNG · {}", caption.subtitle)
        } else {
            caption.subtitle.clone()
        };
        Self {
            letters,
            title: broken(&caption.title, letters * 1.08, width - 24.0),
            subtitle: broken(&subtitle, 12.6, width - 24.0),
        }
    }
}

/// Height of the lines above a plot.
pub(super) fn head(size: Size, caption: &Caption) -> f64 {
    let head = Head::of(size.width(), caption);
    let lines = |lines: &[String]| metric::unit::to_f64(lines.len() as u64);
    18.0 + lines(&head.title) * (head.letters + 3.0) + lines(&head.subtitle) * 15.0
}

/// A text in lines that are no wider than `room`, broken at spaces.
fn broken(text: &str, letters: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line)
                if text_width(line, letters) + text_width(word, letters) + letters <= room =>
            {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Height of the line below a plot.
pub(super) const FOOT: f64 = 22.0;

impl Svg {
    /// A drawing with its caption; `height` is that of the whole.
    pub(super) fn new(size: Size, height: f64, caption: &Caption, description: String) -> Self {
        let mut svg = Self {
            width: size.width(),
            height,
            title: caption.title.clone(),
            description,
            body: String::new(),
        };
        svg.head(caption);
        svg
    }

    fn head(&mut self, caption: &Caption) {
        let head = Head::of(self.width, caption);
        let mut y = 5.0;
        for line in head.title {
            y += head.letters + 3.0;
            self.letters(12.0, y, Anchor::Start, head.letters, INK, true, &line);
        }
        let (bold, colour) = if caption.synthetic {
            (true, ALARM)
        } else {
            (false, SOFT)
        };
        y += 4.0;
        for line in head.subtitle {
            y += 15.0;
            self.letters(12.0, y, Anchor::Start, 12.0, colour, bold, &line);
        }
        let last = self.height - 7.0;
        self.letters(
            12.0,
            last,
            Anchor::Start,
            10.5,
            SOFT,
            false,
            &caption.source,
        );
    }

    pub(super) fn rect(&mut self, at: [f64; 2], size: [f64; 2], attributes: &str) {
        let [x, y, w, h] = [at[0], at[1], size[0].max(0.0), size[1].max(0.0)].map(short);
        self.element(&format!(
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" {attributes}/>"#
        ));
    }

    /// A rectangle outside of which elements with this `clip-path` are not drawn.
    pub(super) fn clip(&mut self, id: &str, at: [f64; 2], size: [f64; 2]) {
        let [x, y, w, h] = [at[0], at[1], size[0], size[1]].map(short);
        self.element(&format!(
            r#"<clipPath id="{id}"><rect x="{x}" y="{y}" width="{w}" height="{h}"/></clipPath>"#
        ));
    }

    pub(super) fn line(&mut self, from: [f64; 2], to: [f64; 2], attributes: &str) {
        let [x1, y1, x2, y2] = [from[0], from[1], to[0], to[1]].map(short);
        self.element(&format!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {attributes}/>"#
        ));
    }

    pub(super) fn path(&mut self, d: &str, attributes: &str) {
        self.element(&format!(r#"<path d="{d}" {attributes}/>"#));
    }

    /// A line of plain text, 12 units high.
    pub(super) fn text(&mut self, at: [f64; 2], anchor: Anchor, colour: &str, text: &str) {
        self.letters(at[0], at[1], anchor, 12.0, colour, false, text);
    }

    /// A line of small text, 10 units high.
    pub(super) fn small(&mut self, at: [f64; 2], anchor: Anchor, colour: &str, text: &str) {
        self.letters(at[0], at[1], anchor, 10.0, colour, false, text);
    }

    /// A line of small text that keeps a white rim over what is behind it.
    pub(super) fn label(&mut self, at: [f64; 2], anchor: Anchor, text: &str) {
        let rim = r##"stroke="#FFFFFF" stroke-width="3" stroke-linejoin="round""##;
        self.written(at, anchor, 11.0, rim, text);
        self.written(at, anchor, 11.0, "", text);
    }

    #[expect(clippy::too_many_arguments, reason = "one for each property of a text")]
    fn letters(
        &mut self,
        x: f64,
        y: f64,
        anchor: Anchor,
        size: f64,
        colour: &str,
        bold: bool,
        text: &str,
    ) {
        let weight = if bold { r#" font-weight="700""# } else { "" };
        let look = format!(r#"fill="{colour}"{weight}"#);
        self.written([x, y], anchor, size, &look, text);
    }

    fn written(&mut self, at: [f64; 2], anchor: Anchor, size: f64, look: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let ([x, y], text) = (at.map(short), escaped(text));
        self.element(&format!(
            r#"<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" {look}>{text}</text>"#
        ));
    }

    /// A point of a series.
    pub(super) fn marker(&mut self, [x, y]: [f64; 2], style: Style) {
        let r = 4.5;
        let d = match style.marker {
            Marker::Circle => {
                let (left, d) = (short(x - r), short(2.0 * r));
                let (y, r) = (short(y), short(r));
                format!("M{left},{y}a{r},{r} 0 1,0 {d},0a{r},{r} 0 1,0 -{d},0z")
            }
            Marker::Square => closed(&[[-r, -r], [r, -r], [r, r], [-r, r]], x, y),
            Marker::Triangle => closed(&[[0.0, -r], [r, r], [-r, r]], x, y),
            Marker::Diamond => closed(
                &[
                    [0.0, -r - 1.0],
                    [r + 1.0, 0.0],
                    [0.0, r + 1.0],
                    [-r - 1.0, 0.0],
                ],
                x,
                y,
            ),
            Marker::Down => closed(&[[0.0, r], [r, -r], [-r, -r]], x, y),
            Marker::Cross => closed(&CROSS, x, y),
        };
        let look = format!(
            r##"fill="{}" stroke="#FFFFFF" stroke-width="1""##,
            style.colour
        );
        self.path(&d, &look);
    }

    fn element(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// The whole document.
    pub(super) fn finish(self) -> String {
        let Self {
            title,
            description,
            body,
            ..
        } = &self;
        let (w, h) = (short(self.width), short(self.height));
        let (title, description) = (escaped(title), escaped(description));
        let mut out = String::new();
        let _ = writeln!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" font-family="Noto Sans, DejaVu Sans, Arial, sans-serif">"#
        );
        let _ = writeln!(
            out,
            "<title>{title}</title>\n<desc>{description}</desc>\n{DEFINITIONS}"
        );
        let _ = write!(out, r##"<rect width="{w}" height="{h}" fill="#FFFFFF"/>"##);
        let _ = write!(out, "\n{body}</svg>\n");
        out
    }
}

/// What is withheld is hatched, in colour and in print.
const DEFINITIONS: &str = r##"<defs><pattern id="withheld" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#F2F2F2"/><line x1="0" y1="0" x2="0" y2="6" stroke="#8A949B" stroke-width="1.5"/></pattern></defs>"##;

const CROSS: [[f64; 2]; 12] = [
    [-1.7, -4.8],
    [1.7, -4.8],
    [1.7, -1.7],
    [4.8, -1.7],
    [4.8, 1.7],
    [1.7, 1.7],
    [1.7, 4.8],
    [-1.7, 4.8],
    [-1.7, 1.7],
    [-4.8, 1.7],
    [-4.8, -1.7],
    [-1.7, -1.7],
];

fn closed(corners: &[[f64; 2]], x: f64, y: f64) -> String {
    let points: Vec<_> = corners.iter().map(|[dx, dy]| [x + dx, y + dy]).collect();
    format!("{}z", polyline(&points))
}

/// The points joined by lines; the `d` of a path.
pub(super) fn polyline(points: &[[f64; 2]]) -> String {
    let mut d = String::new();
    for (at, [x, y]) in points.iter().enumerate() {
        let command = if at == 0 { 'M' } else { 'L' };
        let _ = write!(d, "{command}{},{}", short(*x), short(*y));
    }
    d
}

/// A coordinate with at most two decimals.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// About how wide a text is, in units, at a height of letters.
pub(super) fn text_width(text: &str, letters: f64) -> f64 {
    metric::unit::to_f64(text.chars().count() as u64) * letters * 0.56
}
