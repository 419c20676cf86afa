//! The pages as pixels: ink where Decree 30/2020 has it, and none elsewhere.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::papers::papers;
use super::{Play, Ward};

/// Pixels to an inch.
const DPI: f64 = 100.0;
/// Darker than this is ink.
const INK: u8 = 160;

/// Where a kind of page may have ink; millimetres from the edges.
#[derive(Clone, Copy)]
struct Margins {
    top: f64,
    bottom: f64,
    left: f64,
    right: f64,
    /// How far the text reaches into a margin at most: the decree's range.
    spare: f64,
}

/// Annex I of the decree: 20–25 mm at top and bottom, 30–35 left, 15–20 right.
const DECREE: Margins = Margins {
    top: 20.0,
    bottom: 20.0,
    left: 30.0,
    right: 15.0,
    spare: 5.0,
};
/// Bulletins and posters are no documents of the decree.
const SHEET: Margins = Margins {
    top: 15.0,
    bottom: 15.0,
    left: 15.0,
    right: 15.0,
    spare: 60.0,
};

impl Play {
    /// Every page of every PDF.
    pub(super) fn layout(&self, wards: &[Ward]) -> anyhow::Result<()> {
        let mut looked = 0;
        let papers = papers(wards);
        let files = papers.iter().map(|paper| (paper.file.clone(), DECREE));
        let posters = wards.iter().map(|ward| {
            let file = format!("bo-tai-lieu-{}/poster.pdf", ward.code);
            (file, SHEET)
        });
        for (file, margins) in files.chain(posters) {
            let bulletin = file.starts_with("ban-tin");
            let margins = if bulletin { SHEET } else { margins };
            if !file.ends_with(".pdf") {
                continue;
            }
            let Some(pages) = pages(&self.folder.join(&file))? else {
                let how = "skipped: pdftoppm is not on the PATH (Debian: poppler-utils)";
                self.say("layout", how);
                return Ok(());
            };
            for (at, page) in (1..).zip(&pages) {
                page.check(margins)
                    .with_context(|| format!("{file}, page {at}"))?;
            }
            ensure!(
                !bulletin || pages.len() == 1,
                "{file} has {} pages",
                pages.len()
            );
            looked += pages.len();
        }
        self.say(
            "layout",
            &format!("{looked} pages of A4 keep their margins"),
        );
        Ok(())
    }
}

/// A page in grey.
struct Page {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

/// The pages of a PDF; `None` where poppler is not installed.
fn pages(path: &Path) -> anyhow::Result<Option<Vec<Page>>> {
    let mut pdftoppm = Command::new("pdftoppm");
    pdftoppm.args(["-gray", "-r", &DPI.to_string()]).arg(path);
    let bytes = match pdftoppm.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        output => output?.stdout,
    };
    let mut rest = &bytes[..];
    let mut pages = vec![];
    while !rest.is_empty() {
        let (page, after) = Page::read(rest).with_context(|| path.display().to_string())?;
        pages.push(page);
        rest = after;
    }
    ensure!(!pages.is_empty(), "{} has no pages", path.display());
    Ok(Some(pages))
}

impl Page {
    /// The first page of some in the portable grey format (`P5`), and the rest.
    fn read(bytes: &[u8]) -> anyhow::Result<(Self, &[u8])> {
        let mut rest = bytes;
        let mut word = || {
            let end = rest.iter().position(u8::is_ascii_whitespace)?;
            let (word, after) = rest.split_at(end);
            rest = &after[1..];
            std::str::from_utf8(word).ok()
        };
        let kind = word().context("no header")?;
        ensure!(kind == "P5", "{kind:?} is no grey picture");
        let mut number = || word().and_then(|word| word.parse::<usize>().ok());
        let (width, height) = (
            number().context("no width")?,
            number().context("no height")?,
        );
        ensure!(number() == Some(255), "not a byte for each pixel");
        let (grey, rest) = rest.split_at_checked(width * height).context("cut off")?;
        let grey = grey.to_vec();
        let page = Self {
            width,
            height,
            grey,
        };
        Ok((page, rest))
    }

    fn check(&self, margins: Margins) -> anyhow::Result<()> {
        let size = [self.width, self.height].map(millimetres);
        let landscape = size[0] > size[1];
        let a4 = if landscape {
            [297.0, 210.0]
        } else {
            [210.0, 297.0]
        };
        let near = |at: usize| (size[at] - a4[at]).abs() < 0.6;
        ensure!(near(0) && near(1), "{size:?} mm is no A4");
        let mut body = Extent::default();
        for (at, grey) in self.grey.iter().enumerate() {
            if *grey < INK {
                let place = [at % self.width, at / self.width].map(millimetres);
                if margins.hold(place, size) {
                    body.take(place);
                } else {
                    let [x, y] = place;
                    let furniture = margins.furniture(place, size);
                    ensure!(
                        furniture,
                        "ink at {x:.1} mm from the left, {y:.1} mm from the top"
                    );
                }
            }
        }
        ensure!(body.pixels > 1000, "the page is empty");
        if !landscape {
            let edges = [
                ("left", body.low[0], margins.left),
                ("right", size[0] - body.high[0], margins.right),
                ("top", body.low[1], margins.top),
            ];
            for (name, ink, margin) in edges {
                let room = margin - 0.3..=margin + margins.spare + 0.3;
                ensure!(room.contains(&ink), "{name}: the ink begins at {ink:.1} mm");
            }
        }
        Ok(())
    }
}

impl Margins {
    /// Whether a place is inside the margins; half a pixel is nobody's.
    fn hold(self, [x, y]: [f64; 2], [width, height]: [f64; 2]) -> bool {
        let across = x >= self.left - 0.3 && x <= width - self.right + 0.3;
        across && y >= self.top - 0.3 && y <= height - self.bottom + 0.3
    }

    /// Whether the page's number or mark may be there: in the middle of the
    /// text, above or below it.
    fn furniture(self, [x, y]: [f64; 2], [width, height]: [f64; 2]) -> bool {
        let middle = f64::midpoint(self.left, width - self.right);
        let off = (x - middle).abs();
        let number = off < 5.0 && (9.0..self.top).contains(&y);
        let mark = off < 32.0 && y > height - self.bottom && y < height - 5.0;
        number || mark
    }
}

/// Where the ink of a page is, in millimetres.
struct Extent {
    low: [f64; 2],
    high: [f64; 2],
    pixels: usize,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            low: [f64::INFINITY; 2],
            high: [0.0; 2],
            pixels: 0,
        }
    }
}

impl Extent {
    fn take(&mut self, place: [f64; 2]) {
        for (axis, at) in place.into_iter().enumerate() {
            self.low[axis] = self.low[axis].min(at);
            self.high[axis] = self.high[axis].max(at);
        }
        self.pixels += 1;
    }
}

#[expect(clippy::cast_precision_loss, reason = "pixels of a page")]
fn millimetres(pixels: usize) -> f64 {
    pixels as f64 * 25.4 / DPI
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 827;
    const HEIGHT: usize = 1169;

    /// A page whose text fills its margins, and a spot of ink somewhere else.
    fn page(spot: Option<[f64; 2]>) -> Page {
        let size = [WIDTH, HEIGHT].map(millimetres);
        let ink = |at: usize| {
            let place = [at % WIDTH, at / WIDTH].map(millimetres);
            let near =
                spot.is_some_and(|spot| (0..2).all(|axis| (place[axis] - spot[axis]).abs() < 0.5));
            let text = DECREE.hold(place, size) && at.is_multiple_of(3);
            if near || text { 0 } else { 255 }
        };
        Page {
            width: WIDTH,
            height: HEIGHT,
            grey: (0..WIDTH * HEIGHT).map(ink).collect(),
        }
    }

    #[test]
    fn ink_in_a_margin_is_found_unless_it_is_number_or_mark() {
        page(None).check(DECREE).unwrap();
        let middle = f64::midpoint(30.0, 195.0);
        for allowed in [[middle, 13.0], [middle + 20.0, 285.0]] {
            page(Some(allowed)).check(DECREE).unwrap();
        }
        for wrong in [
            [25.0, 100.0],
            [200.0, 100.0],
            [middle + 9.0, 13.0],
            [middle, 5.0],
            [40.0, 285.0],
        ] {
            let error = page(Some(wrong)).check(DECREE).unwrap_err().to_string();
            assert!(error.starts_with("ink at "), "{error}");
        }
    }

    #[test]
    fn an_empty_page_and_another_paper_are_found() {
        let mut empty = page(None);
        empty.grey.fill(255);
        let error = empty.check(DECREE).unwrap_err().to_string();
        assert_eq!(error, "the page is empty");
        let mut letter = page(None);
        letter.height = 1100;
        letter.grey.truncate(WIDTH * 1100);
        let error = letter.check(DECREE).unwrap_err().to_string();
        assert!(error.contains("is no A4"), "{error}");
    }

    #[test]
    fn pages_are_read_one_after_the_other() {
        let bytes = b"P5\n2 1\n255\n\x00\xffP5\n1 1\n255\n\x07";
        let (first, rest) = Page::read(bytes).unwrap();
        assert_eq!((first.width, first.grey), (2, vec![0, 255]));
        let (second, rest) = Page::read(rest).unwrap();
        assert_eq!((second.height, second.grey, rest.len()), (1, vec![7], 0));
        assert!(Page::read(b"P5\n2 2\n255\n\x00").is_err());
    }
}
