//! The typesetting engine (typst), fed with one of our layouts, a document as
//! data and its pictures. Texts go in as data, never as markup, so that
//! nothing in them can be an instruction.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime};
use typst::layout::PagedDocument;
use typst::syntax::{FileId, Source, VirtualPath};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};
use typst_pdf::PdfOptions;

use super::fonts::Typefaces;

/// What the engine sees: a layout, `document.json` and pictures.
struct Desk {
    library: LazyHash<Library>,
    typefaces: &'static Typefaces,
    layout: Source,
    files: BTreeMap<String, Bytes>,
}

/// Sets a document.
///
/// `pictures` are files by name, SVG or PNG.
pub(crate) fn set(
    layout: &str,
    mut data: Value,
    pictures: BTreeMap<String, Vec<u8>>,
) -> Result<PagedDocument> {
    let typefaces = Typefaces::here();
    data["serif"] = typefaces.serif.clone().into();
    data["sans"] = typefaces.sans.clone().into();
    let desk = Desk::new(typefaces, layout, &data, pictures)?;
    let compiled = typst::compile(&desk).output;
    // A centre runs for months: what the last few documents did not need goes.
    typst::comemo::evict(4);
    compiled
        .map_err(|mistakes| complaint(&desk, &mistakes))
        .context("setting a document")
}

/// The pages as PDF; the same pages give the same bytes.
pub(crate) fn pdf(pages: &PagedDocument) -> Result<Vec<u8>> {
    match typst_pdf::pdf(pages, &PdfOptions::default()) {
        Ok(bytes) => Ok(bytes),
        Err(mistakes) => bail!("writing PDF: {}", messages(&mistakes)),
    }
}

/// The first page as PNG, so many pixels to a point.
pub(crate) fn png(pages: &PagedDocument, pixels: f32) -> Result<Vec<u8>> {
    let page = pages.pages.first().context("a picture without a page")?;
    let drawn = typst_render::render(page, pixels);
    drawn.encode_png().context("writing PNG")
}

impl Desk {
    fn new(
        typefaces: &'static Typefaces,
        layout: &str,
        data: &Value,
        pictures: BTreeMap<String, Vec<u8>>,
    ) -> Result<Self> {
        let mut files: BTreeMap<_, _> = pictures
            .into_iter()
            .map(|(name, bytes)| (name, Bytes::new(bytes)))
            .collect();
        files.insert(DATA.into(), Bytes::new(serde_json::to_vec(data)?));
        Ok(Self {
            library: LazyHash::new(Library::default()),
            typefaces,
            layout: Source::new(id(LAYOUT), layout.into()),
            files,
        })
    }
}

/// Names of the files that layouts read.
const LAYOUT: &str = "layout.typ";
const DATA: &str = "document.json";

fn id(name: &str) -> FileId {
    FileId::new(None, VirtualPath::new(name))
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.typefaces.book
    }

    fn main(&self) -> FileId {
        self.layout.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let path = id.vpath().as_rootless_path();
        let found = (id == self.layout.id()).then(|| self.layout.clone());
        found.ok_or_else(|| FileError::NotFound(path.into()))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let path = id.vpath().as_rootless_path();
        let name = path.to_string_lossy();
        let found = self.files.get(name.as_ref()).cloned();
        found.ok_or_else(|| FileError::NotFound(path.into()))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.typefaces.font(index)
    }

    /// No document knows what day it is; its date is a field.
    fn today(&self, _offset: Option<i64>) -> Option<Datetime> {
        None
    }
}

fn complaint(desk: &Desk, mistakes: &[SourceDiagnostic]) -> anyhow::Error {
    let place = mistakes.first().and_then(|mistake| {
        let range = desk.layout.range(mistake.span)?;
        desk.layout.lines().byte_to_line(range.start)
    });
    let line = place.map_or_else(String::new, |line| format!(" (layout, line {})", line + 1));
    anyhow::anyhow!("{}{line}", messages(mistakes))
}

fn messages(mistakes: &[SourceDiagnostic]) -> String {
    let messages: Vec<_> = mistakes.iter().map(|m| m.message.as_str()).collect();
    messages.join("; ")
}
