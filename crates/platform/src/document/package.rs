//! The parts of a DOCX in their archive (Open Packaging Conventions).

use std::io::{Cursor, Write as _};

use anyhow::Result;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::ooxml::escaped;

/// What a DOCX is made of; all but the pictures is WordprocessingML.
pub(super) struct Package<'a> {
    pub(super) title: &'a str,
    pub(super) author: &'a str,
    pub(super) body: &'a str,
    /// Of every page but the first of a section.
    pub(super) header: &'a str,
    /// Of every page.
    pub(super) footer: Option<String>,
    /// PNG.
    pub(super) pictures: &'a [Vec<u8>],
}

/// The archive. It holds no time, so that the same parts give the same bytes.
pub(super) fn zip(package: &Package<'_>) -> Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    let how = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    for (name, content) in parts(package) {
        archive.start_file(name, how)?;
        archive.write_all(&content)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn parts(package: &Package<'_>) -> Vec<(String, Vec<u8>)> {
    let footed = package.footer.is_some();
    let part = |name: &str, content: String| (name.to_owned(), content.into_bytes());
    let mut parts = vec![
        part("[Content_Types].xml", content_types(footed)),
        part("_rels/.rels", RELATIONS.into()),
        part("docProps/core.xml", properties(package)),
        part("word/document.xml", document(package.body)),
        part("word/styles.xml", STYLES.into()),
        part("word/settings.xml", SETTINGS.into()),
        part("word/header.xml", around("hdr", package.header)),
        part(
            "word/_rels/document.xml.rels",
            relations(package.pictures.len(), footed),
        ),
    ];
    if let Some(footer) = &package.footer {
        parts.push(part("word/footer.xml", around("ftr", footer)));
    }
    let pictures = package.pictures.iter().enumerate();
    parts.extend(pictures.map(|(n, png)| (format!("word/media/picture{n}.png"), png.clone())));
    parts
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const SPACES: &str = r#"xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture""#;

fn document(body: &str) -> String {
    format!("{XML}<w:document {SPACES}><w:body>{body}</w:body></w:document>")
}

fn around(kind: &str, content: &str) -> String {
    format!("{XML}<w:{kind} {SPACES}>{content}</w:{kind}>")
}

fn properties(package: &Package<'_>) -> String {
    let (title, author) = (escaped(package.title), escaped(package.author));
    format!(
        r#"{XML}<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>vi-VN</dc:language></cp:coreProperties>"#
    )
}

fn content_types(footed: bool) -> String {
    let footer = if footed {
        r#"<Override PartName="/word/footer.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"/>"#
    } else {
        ""
    };
    format!(
        r#"{XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/><Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/><Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/><Override PartName="/word/settings.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.settings+xml"/><Override PartName="/word/header.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml"/>{footer}</Types>"#
    )
}

const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="document" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/><Relationship Id="core" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>"#;

fn relations(pictures: usize, footed: bool) -> String {
    let to = |id: &str, kind: &str, target: &str| {
        format!(
            r#"<Relationship Id="{id}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/>"#
        )
    };
    let mut all = vec![
        to("styles", "styles", "styles.xml"),
        to("settings", "settings", "settings.xml"),
        to("header", "header", "header.xml"),
    ];
    if footed {
        all.push(to("footer", "footer", "footer.xml"));
    }
    all.extend((0..pictures).map(|n| {
        let (id, target) = (format!("picture{n}"), format!("media/picture{n}.png"));
        to(&id, "image", &target)
    }));
    format!(
        r#"{XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>"#,
        all.concat()
    )
}

const STYLES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="Times New Roman" w:cs="Times New Roman"/><w:sz w:val="28"/><w:szCs w:val="28"/><w:lang w:val="vi-VN" w:eastAsia="vi-VN" w:bidi="ar-SA"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr><w:spacing w:before="0" w:after="0" w:line="240" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults><w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style></w:styles>"#;

const SETTINGS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:settings xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat></w:settings>"#;
