//! A document as PDF.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use typst::layout::PagedDocument;

use super::engine;
use super::fonts::Typefaces;
use super::model::{
    Annex, Block, Cell, Document, Foot, Head, Official, Picture, Run, SYNTHETIC, Table, Title,
    listed, roman,
};
use super::number::date_line;

/// The document as PDF; the bytes follow from it and the machine's typeface.
///
/// # Errors
///
/// When the engine refuses it, with what it says.
pub fn write(document: &Document) -> Result<Vec<u8>> {
    engine::pdf(&pages(document)?)
}

/// The typeface that documents are set in on this machine.
pub fn typeface() -> &'static str {
    &Typefaces::here().serif
}

/// The document on its pages.
pub(super) fn pages(document: &Document) -> Result<PagedDocument> {
    let mut pictures = Pictures::default();
    let data = json!({
        "title": document.title(),
        "issuer": document.issuer(),
        "synthetic": document.synthetic,
        "synthetic_words": SYNTHETIC,
        "head": head(&document.head),
        "body": pictures.blocks(&document.body),
        "foot": document.foot.as_ref().map(foot),
        "annexes": annexes(document, &mut pictures),
    });
    engine::set(LAYOUT, data, pictures.files)
}

const LAYOUT: &str = include_str!("../../layouts/decree.typ");

/// The words of the republic on every official document.
pub(super) const NATION: &str = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM";
pub(super) const MOTTO: &str = "Độc lập - Tự do - Hạnh phúc";

fn head(head: &Head) -> Value {
    match head {
        Head::Official(head) => official(head),
        Head::Plain {
            issuer,
            title,
            subtitle,
        } => json!({"kind": "plain", "issuer": issuer, "title": title, "subtitle": subtitle}),
    }
}

fn official(head: &Official) -> Value {
    let (about, type_name, named_about) = match &head.title {
        Title::Letter(about) => (Some(about), None, None),
        Title::Named(name, about) => (None, Some(name), Some(about)),
    };
    json!({
        "kind": "official",
        "nation": NATION,
        "motto": MOTTO,
        "parent": head.parent.as_ref().map(|parent| parent.to_uppercase()),
        "issuer": head.issuer.to_uppercase(),
        "number": head.number.to_string(),
        "date_line": date_line(&head.place, head.date),
        "about": about,
        "type_name": type_name.map(|name| name.to_uppercase()),
        "named_about": named_about,
        "recipients": listed(&head.recipients),
    })
}

fn foot(foot: &Foot) -> Value {
    json!({
        "copies": listed(&foot.copies),
        "authority": foot.authority.as_ref().map(|authority| authority.to_uppercase()),
        "title": foot.title.to_uppercase(),
        "name": foot.name,
    })
}

/// What an annex says under its title.
pub(super) fn reference(document: &Document) -> String {
    match &document.head {
        Head::Official(head) => {
            let kind = match &head.title {
                Title::Letter(_) => "Công văn".to_owned(),
                Title::Named(name, _) => capitalised(name),
            };
            let date = date_line(head.issuer.as_str(), head.date);
            let day = date.split_once(", ").map_or("", |(_, day)| day);
            format!(
                "(Kèm theo {kind} số {} {day} của {})",
                head.number, head.issuer
            )
        }
        Head::Plain { title, .. } => format!("(Kèm theo {title})"),
    }
}

/// `BÁO CÁO` as `Báo cáo`.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + &letters.as_str().to_lowercase()
}

fn annexes(document: &Document, pictures: &mut Pictures) -> Vec<Value> {
    let reference = reference(document);
    let mut annex = |(number, annex): (usize, &Annex)| {
        json!({
            "number": roman(number),
            "title": annex.title.to_uppercase(),
            "reference": reference,
            "landscape": annex.landscape,
            "body": pictures.blocks(&annex.body),
        })
    };
    (1..).zip(&document.annexes).map(&mut annex).collect()
}

/// The pictures of a document, as files beside its data.
#[derive(Default)]
struct Pictures {
    files: BTreeMap<String, Vec<u8>>,
}

impl Pictures {
    fn blocks(&mut self, blocks: &[Block]) -> Vec<Value> {
        blocks.iter().map(|block| self.block(block)).collect()
    }

    fn block(&mut self, block: &Block) -> Value {
        match block {
            Block::Paragraph(list) => json!({"kind": "paragraph", "runs": runs(list)}),
            Block::Basis(text) => json!({"kind": "basis", "text": text}),
            Block::Heading(text) => json!({"kind": "heading", "text": text}),
            Block::Table(of) => json!({"kind": "table", "table": table(of)}),
            Block::Figures(list) => {
                let mut column = |of: &Vec<Picture>| -> Value {
                    of.iter().map(|picture| self.picture(picture)).collect()
                };
                let columns: Vec<_> = list.iter().map(&mut column).collect();
                json!({"kind": "figures", "columns": columns})
            }
        }
    }

    fn picture(&mut self, picture: &Picture) -> Value {
        let file = format!("picture-{}.svg", self.files.len());
        self.files.insert(file.clone(), picture.svg.clone().into());
        json!({"file": file, "described": picture.described})
    }
}

fn runs(runs: &[Run]) -> Value {
    runs.iter()
        .map(|run| json!({"text": run.text, "bold": run.bold}))
        .collect()
}

fn table(table: &Table) -> Value {
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|column| json!({"header": column.header, "width": column.width}))
        .collect();
    let rows: Vec<_> = table.rows.iter().map(|row| cells(row, table)).collect();
    let total = table.total.as_ref().map(|total| cells(total, table));
    json!({"columns": columns, "rows": rows, "total": total})
}

fn cells(row: &[Cell], table: &Table) -> Value {
    row.iter()
        .zip(&table.columns)
        .map(|(cell, column)| json!({"shown": cell.shown(), "align": cell.align(column)}))
        .collect()
}
