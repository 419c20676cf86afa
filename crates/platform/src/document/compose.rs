//! From template, office and figures to a document.

use anyhow::{Context as _, Result, bail};
use unicode_normalization::UnicodeNormalization as _;

use super::facts::Facts;
use super::fields::Fields;
use super::model::{Annex, Block, Document, Foot, Head, Official, Picture, Run, Title, runs};
use super::office::Office;
use super::tables;
use super::template::{Kind, Piece, Template, fill};

/// The document that a template makes of an office's fields and a month.
///
/// # Errors
///
/// Names the office's field that is missing or wrong; the template's place and
/// the field, list, table, drawing or condition there that is not known.
pub fn compose(template: &Template, office: &Office, facts: &Facts) -> Result<Document> {
    let maker = Maker {
        facts,
        fields: Fields::of(facts, office),
    };
    // What the office did not say comes before what the template says with it.
    let (head, foot) = (maker.head(template, office)?, maker.foot(template, office)?);
    let mut body = maker.pieces(&template.body, "body")?;
    if template.kind != Kind::Bulletin {
        end(&mut body);
    }
    let mut annexes = vec![];
    for (number, annex) in (1..).zip(&template.annexes) {
        let place = format!("annex {number}, body");
        annexes.push(Annex {
            title: maker.text(&annex.title, &format!("annex {number}, title"))?,
            landscape: annex.landscape,
            body: maker.pieces(&annex.body, &place)?,
        });
    }
    Ok(Document {
        head,
        body,
        foot,
        annexes,
        synthetic: facts.table.synthetic,
    })
}

struct Maker<'a> {
    facts: &'a Facts,
    fields: Fields,
}

impl Maker<'_> {
    fn head(&self, template: &Template, office: &Office) -> Result<Head> {
        let about = self.text(&template.r#abstract, "abstract")?;
        let name = self.text(&template.name, "name")?;
        let example = "\"Ủy ban nhân dân Quận 1\"";
        let issuer = office
            .needed("issuer", office.issuer.as_ref(), example)?
            .clone();
        let title = match template.kind {
            Kind::Bulletin => {
                return Ok(Head::Plain {
                    issuer,
                    title: name,
                    subtitle: about,
                });
            }
            Kind::Letter => Title::Letter(about),
            Kind::Report => Title::Named(name, about),
        };
        let recipients = office.recipients.as_ref().unwrap_or(&template.recipients);
        Ok(Head::Official(Box::new(Official {
            parent: office.parent.clone(),
            number: office.number()?,
            place: office
                .needed("place", office.place.as_ref(), "\"Quận 1\"")?
                .clone(),
            date: office.date()?,
            issuer,
            title,
            recipients: self.lines(recipients, "recipients")?,
        })))
    }

    fn foot(&self, template: &Template, office: &Office) -> Result<Option<Foot>> {
        if template.kind == Kind::Bulletin {
            return Ok(None);
        }
        let copies = office.copies.as_ref().unwrap_or(&template.copies);
        let title = office.needed("title", office.title.as_ref(), "\"PHÓ CHỦ TỊCH\"")?;
        Ok(Some(Foot {
            copies: self.lines(copies, "copies")?,
            authority: office.authority.clone(),
            title: title.clone(),
            name: office.name.clone(),
        }))
    }

    fn lines(&self, lines: &[String], place: &str) -> Result<Vec<String>> {
        let line = |(at, line): (usize, &String)| self.text(line, &format!("{place} {at}"));
        (1..).zip(lines).map(line).collect()
    }

    fn text(&self, text: &str, place: &str) -> Result<String> {
        filled(text, &self.fields).with_context(|| place.to_owned())
    }

    fn pieces(&self, pieces: &[Piece], place: &str) -> Result<Vec<Block>> {
        let mut blocks = vec![];
        for (at, piece) in (1..).zip(pieces) {
            let made = self.piece(piece).with_context(|| format!("{place} {at}"))?;
            blocks.extend(made);
        }
        Ok(blocks)
    }

    fn piece(&self, piece: &Piece) -> Result<Vec<Block>> {
        if let Some(condition) = &piece.when
            && !self.holds(condition)?
        {
            return Ok(vec![]);
        }
        match &piece.each {
            None => Ok(vec![self.block(piece, &self.fields)?]),
            Some(list) => {
                let rows = self.list(list)?;
                rows.iter()
                    .map(|fields| self.block(piece, fields))
                    .collect()
            }
        }
    }

    fn block(&self, piece: &Piece, fields: &Fields) -> Result<Block> {
        if let Some(text) = &piece.text {
            return Ok(Block::Paragraph(runs(&filled(text, fields)?)));
        }
        if let Some(heading) = &piece.heading {
            return Ok(Block::Heading(filled(heading, fields)?));
        }
        if let Some(basis) = &piece.basis {
            return Ok(Block::Basis(filled(basis, fields)?));
        }
        if let Some(table) = &piece.table {
            return Ok(Block::Table(tables::named(table, self.facts)?));
        }
        let column = |names: &Vec<String>| -> Result<Vec<Picture>> {
            names.iter().map(|name| self.picture(name)).collect()
        };
        let columns: Result<_> = piece.figures.iter().flatten().map(column).collect();
        Ok(Block::Figures(columns?))
    }

    /// The fields of each row of a list.
    fn list(&self, name: &str) -> Result<Vec<Fields>> {
        let table = &self.facts.table;
        let row = |row| self.fields.with_row(row, table.quota);
        Ok(match name {
            "areas" => table.rows.iter().map(row).collect(),
            "short" => self.facts.rows(false).map(row).collect(),
            "reached" => self.facts.rows(true).map(row).collect(),
            "bases" => {
                let bases = self.facts.legal_bases.iter();
                bases.map(|basis| self.fields.with_basis(basis)).collect()
            }
            _ => bail!("list {name:?} is not known; known: areas, short, reached, bases"),
        })
    }

    /// Whether a condition holds: one of ours, or that a field has a value.
    fn holds(&self, condition: &str) -> Result<bool> {
        let total = &self.facts.table.total;
        let unit = self.facts.unit.as_ref().map(|unit| unit.row.reached);
        Ok(match condition {
            "some_short" => total.reached_areas < total.areas,
            "none_short" => total.reached_areas == total.areas,
            "some_reached" => total.reached_areas > 0,
            "none_reached" => total.reached_areas == 0,
            "unit_reached" => unit == Some(true),
            "unit_short" => unit == Some(false),
            "approximate" => self.facts.table.approximate,
            "synthetic" => self.facts.table.synthetic,
            name => self.fields.has(name).with_context(|| {
                format!("condition {name:?} is not known; known: {CONDITIONS}, or a field")
            })?,
        })
    }

    fn picture(&self, name: &str) -> Result<Picture> {
        let Some(unit) = &self.facts.unit else {
            bail!("figure {name:?} is about one ward, and the document is not");
        };
        let found = unit.pictures.iter().find(|(known, _)| *known == name);
        let known: Vec<_> = unit.pictures.iter().map(|(name, _)| *name).collect();
        let unknown = || format!("figure {name:?} is not known; known: {}", known.join(", "));
        Ok(found.with_context(unknown)?.1.clone())
    }
}

const CONDITIONS: &str = "some_short, none_short, some_reached, none_reached, unit_reached, \
                          unit_short, approximate, synthetic";

fn filled(text: &str, fields: &Fields) -> Result<String> {
    Ok(fill(text, fields)?.nfc().collect())
}

/// Writes the end mark behind the last paragraph.
fn end(body: &mut Vec<Block>) {
    if let Some(Block::Paragraph(list)) = body.last_mut()
        && let Some(last) = list.last_mut()
    {
        let kept = last.text.trim_end_matches(['/', '.', ' ', ';']).len();
        last.text.truncate(kept);
        last.text.push_str("./.");
        return;
    }
    body.push(Block::Paragraph(vec![Run {
        text: "./.".into(),
        bold: false,
    }]));
}
