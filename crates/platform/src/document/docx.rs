//! A document as DOCX: text, tables and pictures in the same places as in the
//! PDF, for an office that goes on typing.

use anyhow::{Context as _, Result};

use super::fonts::Typefaces;
use super::model::{
    Annex, Block, Cell, Column, Document, Foot, Head, Official, Picture, SYNTHETIC, Table, Title,
    listed, roman,
};
use super::number::date_line;
use super::ooxml::{Letters, Look, page_number, paragraph, picture, row, run, runs, table};
use super::package::{self, Package};
use super::pdf::{MOTTO, NATION, reference};

/// The document as DOCX; the bytes follow from it and the machine's typeface.
///
/// # Errors
///
/// When a picture cannot be drawn.
pub fn write(document: &Document) -> Result<Vec<u8>> {
    let mut writer = Writer {
        page: Page::of(document),
        typefaces: Typefaces::here(),
        pictures: vec![],
    };
    let body = writer.whole(document)?;
    let synthetic = document.synthetic;
    package::zip(&Package {
        title: &document.title(),
        author: document.issuer(),
        body: &body,
        header: &paragraph(CENTRED, &page_number(Letters::of(13))),
        footer: synthetic.then(|| {
            let words = run(SYNTHETIC, Letters::of(12).bold().red());
            paragraph(CENTRED, &words)
        }),
        pictures: &writer.pictures,
    })
}

/// Twentieths of a point in a millimetre.
const MM: f64 = 1440.0 / 25.4;
const A4: [u32; 2] = [11906, 16838];

/// A page's size and margins, in twentieths of a point.
#[derive(Clone, Copy)]
struct Page {
    size: [u32; 2],
    /// Top, right, bottom, left.
    margins: [u32; 4],
}

impl Page {
    const OFFICIAL: Self = Self {
        size: A4,
        margins: [1134, 851, 1134, 1701],
    };
    const PLAIN: Self = Self {
        size: A4,
        margins: [851, 851, 851, 851],
    };

    const fn of(document: &Document) -> Self {
        match document.head {
            Head::Official(_) => Self::OFFICIAL,
            Head::Plain { .. } => Self::PLAIN,
        }
    }

    const fn turned(self, landscape: bool) -> Self {
        let [width, height] = self.size;
        Self {
            size: if landscape {
                [height, width]
            } else {
                [width, height]
            },
            ..self
        }
    }

    const fn width(self) -> u32 {
        self.size[0] - self.margins[1] - self.margins[3]
    }

    fn section(self, synthetic: bool) -> String {
        let [width, height] = self.size;
        let [top, right, bottom, left] = self.margins;
        let turned = if width > height {
            r#" w:orient="landscape""#
        } else {
            ""
        };
        let footer = if synthetic {
            r#"<w:footerReference w:type="default" r:id="footer"/><w:footerReference w:type="first" r:id="footer"/>"#
        } else {
            ""
        };
        format!(
            r#"<w:sectPr><w:headerReference w:type="default" r:id="header"/>{footer}<w:type w:val="nextPage"/><w:pgSz w:w="{width}" w:h="{height}"{turned}/><w:pgMar w:top="{top}" w:right="{right}" w:bottom="{bottom}" w:left="{left}" w:header="510" w:footer="454" w:gutter="0"/><w:pgNumType w:start="1"/><w:titlePg/></w:sectPr>"#
        )
    }
}

const CENTRED: Look = Look {
    align: "center",
    ..PLAIN
};
const PLAIN: Look = Look {
    align: "left",
    before: 0,
    after: 0,
    first_line: 0,
    left: 0,
    hanging: 0,
    right: 0,
    keep_next: false,
    keep_lines: false,
    ruled: false,
    page_break: false,
};
/// First line 1.27 cm, 6 pt between paragraphs.
const BODY: Look = Look {
    align: "both",
    after: 120,
    first_line: 720,
    ..PLAIN
};

struct Writer {
    page: Page,
    typefaces: &'static Typefaces,
    /// As PNG.
    pictures: Vec<Vec<u8>>,
}

impl Writer {
    fn whole(&mut self, document: &Document) -> Result<String> {
        let mut out = match &document.head {
            Head::Official(head) => self.official(head),
            Head::Plain {
                issuer,
                title,
                subtitle,
            } => masthead(issuer, title, subtitle),
        };
        match (&document.foot, document.body.split_last()) {
            (Some(foot), Some((Block::Paragraph(last), before))) => {
                // The last paragraph goes to the next page with the signature.
                let look = Look {
                    keep_next: true,
                    keep_lines: true,
                    ..BODY
                };
                out += &self.blocks(before)?;
                out += &paragraph(look, &runs(last, Letters::of(14)));
                out += &self.foot(foot);
            }
            (Some(foot), _) => out += &(self.blocks(&document.body)? + &self.foot(foot)),
            (None, _) => out += &self.blocks(&document.body)?,
        }
        let whole = self.page;
        let mut section = whole.section(document.synthetic);
        let reference = reference(document);
        for (number, annex) in (1..).zip(&document.annexes) {
            out += &format!("<w:p><w:pPr>{section}</w:pPr></w:p>");
            self.page = whole.turned(annex.landscape);
            section = self.page.section(document.synthetic);
            out += &self.annex(number, annex, &reference)?;
        }
        Ok(out + &section)
    }

    fn official(&self, head: &Official) -> String {
        let right = mm(96.0);
        let left = self.page.width() - right;
        let about = match &head.title {
            Title::Letter(about) => {
                let look = Look {
                    before: 120,
                    ..CENTRED
                };
                paragraph(look, &run(about, Letters::of(12)))
            }
            Title::Named(..) => String::new(),
        };
        let number = format!("Số: {}", head.number);
        let number = paragraph(CENTRED, &run(&number, Letters::of(13)));
        let date = date_line(&head.place, head.date);
        let date = paragraph(CENTRED, &run(&date, Letters::of(13).italic()));
        let rows = [
            row(
                &[(left, self.issuer(head, left)), (right, self.motto(right))],
                false,
                false,
            ),
            row(&[(left, number + &about), (right, date)], false, false),
        ];
        let mut out = table(&[left, right], false, &rows);
        if let Title::Named(name, about) = &head.title {
            out += &self.named(name, about);
        }
        out + &addressees(&listed(&head.recipients), self.typefaces)
    }

    fn issuer(&self, head: &Official, width: u32) -> String {
        let parent = head.parent.as_ref().map(|parent| parent.to_uppercase());
        let parent = parent.map(|parent| paragraph(CENTRED, &run(&parent, Letters::of(12))));
        let issuer = head.issuer.to_uppercase();
        let words = paragraph(CENTRED, &run(&issuer, Letters::of(12).bold()));
        let length = self.typefaces.width(&issuer, 12.0, true) * 20.0;
        let line = line(width, length.min(f64::from(width)) * 0.4);
        parent.unwrap_or_default() + &words + &line
    }

    fn motto(&self, width: u32) -> String {
        let nation = paragraph(CENTRED, &run(NATION, Letters::of(12).bold()));
        let motto = paragraph(CENTRED, &run(MOTTO, Letters::of(13).bold()));
        let length = self.typefaces.width(MOTTO, 13.0, true) * 20.0;
        nation + &motto + &line(width, length)
    }

    fn named(&self, name: &str, about: &str) -> String {
        let bold = Letters::of(14).bold();
        let first = Look {
            before: 280,
            ..CENTRED
        };
        let width = self.page.width();
        let length = self.typefaces.width(about, 14.0, true) * 20.0;
        let rule = line(width, length.min(f64::from(width)) * 0.4);
        paragraph(first, &run(&name.to_uppercase(), bold))
            + &paragraph(CENTRED, &run(about, bold))
            + &rule
    }

    fn foot(&self, foot: &Foot) -> String {
        let left = mm(76.0);
        let right = self.page.width() - left;
        let copies = copies(&listed(&foot.copies));
        let signed = signature(foot);
        let rows = [row(&[(left, copies), (right, signed)], false, false)];
        let gap = Look {
            keep_next: true,
            ..PLAIN
        };
        paragraph(gap, "") + &table(&[left, right], false, &rows) + &tiny()
    }

    fn annex(&mut self, number: usize, annex: &Annex, reference: &str) -> Result<String> {
        let title = annex.title.to_uppercase();
        let head = [
            paragraph(
                CENTRED,
                &run(
                    &format!("Phụ lục {}", roman(number)),
                    Letters::of(14).bold(),
                ),
            ),
            paragraph(CENTRED, &run(&title, Letters::of(13).bold())),
            paragraph(
                Look {
                    after: 120,
                    ..CENTRED
                },
                &run(reference, Letters::of(13).italic()),
            ),
        ];
        Ok(head.concat() + &self.blocks(&annex.body)?)
    }

    fn blocks(&mut self, blocks: &[Block]) -> Result<String> {
        blocks.iter().map(|block| self.block(block)).collect()
    }

    fn block(&mut self, block: &Block) -> Result<String> {
        Ok(match block {
            Block::Paragraph(list) => paragraph(BODY, &runs(list, Letters::of(14))),
            Block::Basis(text) => paragraph(BODY, &run(text, Letters::of(14).italic())),
            Block::Heading(text) => {
                let look = Look {
                    keep_next: true,
                    before: 60,
                    ..BODY
                };
                paragraph(look, &run(text, Letters::of(14).bold()))
            }
            Block::Table(of) => self.table(of) + &tiny(),
            Block::Figures(list) => self.figures(list)? + &tiny(),
        })
    }

    fn table(&self, of: &Table) -> String {
        let points = if of.columns.len() > 8 { 10 } else { 12 };
        let shares: u32 = of.columns.iter().map(|c| u32::from(c.width)).sum();
        let width = |share: u16| self.page.width() * u32::from(share) / shares.max(1);
        let widths: Vec<_> = of.columns.iter().map(|c| width(c.width)).collect();
        let header = of.columns.iter().zip(&widths).map(|(column, width)| {
            let words = run(&column.header, Letters::of(points).bold());
            (*width, paragraph(CENTRED, &words))
        });
        let mut rows = vec![row(&header.collect::<Vec<_>>(), true, true)];
        let plain = Letters::of(points);
        rows.extend(of.rows.iter().map(|line| cells(line, of, &widths, plain)));
        rows.extend(
            of.total
                .iter()
                .map(|line| cells(line, of, &widths, plain.bold())),
        );
        table(&widths, true, &rows)
    }

    fn figures(&mut self, columns: &[Vec<Picture>]) -> Result<String> {
        let count = u32::try_from(columns.len().max(1))?;
        let width = self.page.width() / count;
        let room = width - if count > 1 { 120 } else { 0 };
        let mut drawn = vec![];
        for column in columns {
            let mut content = String::new();
            for of in column {
                content += &paragraph(CENTRED, &self.picture(of, room)?);
            }
            drawn.push((width, content));
        }
        let widths = vec![width; columns.len()];
        Ok(table(&widths, false, &[row(&drawn, false, false)]))
    }

    fn picture(&mut self, of: &Picture, room: u32) -> Result<String> {
        let png = super::picture::png(&of.svg, f64::from(room) / 20.0)?;
        let [width, height] = pixels(&png).context("reading a picture's size")?;
        // EMU: 635 to a twentieth of a point.
        let across = u64::from(room) * 635;
        let size = [across, across * u64::from(height) / u64::from(width.max(1))];
        self.pictures.push(png);
        Ok(picture(self.pictures.len() - 1, &of.described, size))
    }
}

/// Width and height of a PNG.
fn pixels(png: &[u8]) -> Option<[u32; 2]> {
    let number = |at: usize| {
        let bytes = png.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    Some([number(16)?, number(20)?])
}

fn cells(line: &[Cell], of: &Table, widths: &[u32], letters: Letters) -> String {
    let cell = |((cell, column), width): ((&Cell, &Column), &u32)| {
        let look = Look {
            align: cell.align(column),
            ..PLAIN
        };
        (*width, paragraph(look, &run(&cell.shown(), letters)))
    };
    let cells: Vec<_> = line.iter().zip(&of.columns).zip(widths).map(cell).collect();
    row(&cells, false, true)
}

/// A line of a length in the middle of a column.
fn line(column: u32, length: f64) -> String {
    let side = rounded((f64::from(column) - length).max(0.0) / 2.0);
    let look = Look {
        left: side,
        right: side,
        ruled: true,
        after: 100,
        ..CENTRED
    };
    paragraph(look, &run("\u{a0}", Letters::of(1)))
}

/// The least that parts two tables, or ends a page with one.
fn tiny() -> String {
    paragraph(PLAIN, &run("\u{a0}", Letters::of(3)))
}

fn addressees(recipients: &[String], typefaces: &Typefaces) -> String {
    let plain = Letters::of(14);
    let around = |before, after| Look {
        before,
        after,
        ..CENTRED
    };
    match recipients {
        [] => tiny(),
        [only] => paragraph(around(240, 240), &run(&format!("Kính gửi: {only}"), plain)),
        several => {
            let lead = mm(25.4);
            let colon = lead + rounded(typefaces.width("Kính gửi:", 14.0, false) * 20.0) - 80;
            let first = Look {
                left: lead,
                before: 240,
                ..PLAIN
            };
            let each = Look {
                left: colon + mm(4.0),
                hanging: mm(4.0),
                after: 40,
                ..PLAIN
            };
            let line = |to: &String| paragraph(each, &run(&format!("- {to}"), plain));
            let lines: String = several.iter().map(line).collect();
            paragraph(first, &run("Kính gửi:", plain)) + &lines + &tiny()
        }
    }
}

fn copies(copies: &[String]) -> String {
    let head = paragraph(PLAIN, &run("Nơi nhận:", Letters::of(12).bold().italic()));
    let look = Look {
        left: 142,
        hanging: 142,
        ..PLAIN
    };
    let line = |copy: &String| paragraph(look, &run(&format!("- {copy}"), Letters::of(11)));
    head + &copies.iter().map(line).collect::<String>()
}

fn signature(foot: &Foot) -> String {
    let bold = Letters::of(14).bold();
    let line = |text: &str| paragraph(CENTRED, &run(text, bold));
    let authority = foot
        .authority
        .as_ref()
        .map(|text| line(&text.to_uppercase()));
    // Room to sign: five lines of 14 pt, a little less than 26 mm.
    let room = paragraph(CENTRED, &run("", bold)).repeat(5);
    let name = foot.name.as_ref().map(|name| line(name));
    authority.unwrap_or_default()
        + &line(&foot.title.to_uppercase())
        + &room
        + &name.unwrap_or_default()
}

fn masthead(issuer: &str, title: &str, subtitle: &str) -> String {
    let rule = Look {
        ruled: true,
        after: 80,
        ..CENTRED
    };
    [
        paragraph(CENTRED, &run(issuer, Letters::of(12))),
        paragraph(CENTRED, &run(title, Letters::of(19).bold())),
        paragraph(rule, &run(subtitle, Letters::of(13).italic())),
    ]
    .concat()
}

fn mm(length: f64) -> u32 {
    rounded(length * MM)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths on a page: small and not negative"
)]
fn rounded(length: f64) -> u32 {
    length.round().max(0.0) as u32
}
