//! The few elements of WordprocessingML (ECMA-376) that documents are made of.

use std::fmt::Write as _;

use super::model::Run;

/// How a paragraph looks; lengths in twentieths of a point.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    pub(super) align: &'static str,
    pub(super) before: u32,
    pub(super) after: u32,
    pub(super) first_line: u32,
    pub(super) left: u32,
    pub(super) hanging: u32,
    pub(super) right: u32,
    pub(super) keep_next: bool,
    pub(super) keep_lines: bool,
    /// A line under the paragraph.
    pub(super) ruled: bool,
    /// Begins a page.
    pub(super) page_break: bool,
}

/// How letters look; size in half points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letters {
    pub(super) size: u32,
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) red: bool,
}

impl Letters {
    pub(super) const fn of(points: u32) -> Self {
        Self {
            size: points * 2,
            bold: false,
            italic: false,
            red: false,
        }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) const fn italic(self) -> Self {
        Self {
            italic: true,
            ..self
        }
    }

    pub(super) const fn red(self) -> Self {
        Self { red: true, ..self }
    }
}

/// A paragraph around runs.
pub(super) fn paragraph(look: Look, runs: &str) -> String {
    format!("<w:p><w:pPr>{}</w:pPr>{runs}</w:p>", properties(look))
}

/// The properties of a paragraph, in the order of the standard.
pub(super) fn properties(look: Look) -> String {
    let mut out = String::new();
    let mut flag = |on: bool, name: &str| {
        if on {
            let _ = write!(out, "<w:{name}/>");
        }
    };
    flag(look.keep_next, "keepNext");
    flag(look.keep_lines, "keepLines");
    flag(look.page_break, "pageBreakBefore");
    if look.ruled {
        out +=
            r#"<w:pBdr><w:bottom w:val="single" w:sz="5" w:space="1" w:color="000000"/></w:pBdr>"#;
    }
    let _ = write!(
        out,
        r#"<w:spacing w:before="{}" w:after="{}"/>"#,
        look.before, look.after
    );
    let indent = if look.hanging > 0 {
        format!(r#"w:hanging="{}""#, look.hanging)
    } else {
        format!(r#"w:firstLine="{}""#, look.first_line)
    };
    let _ = write!(
        out,
        r#"<w:ind w:left="{}" w:right="{}" {indent}/>"#,
        look.left, look.right
    );
    let align = if look.align.is_empty() {
        "left"
    } else {
        look.align
    };
    let _ = write!(out, r#"<w:jc w:val="{align}"/>"#);
    out
}

/// A run of text.
pub(super) fn run(text: &str, letters: Letters) -> String {
    format!(
        r#"<w:r><w:rPr>{}</w:rPr><w:t xml:space="preserve">{}</w:t></w:r>"#,
        look_of(letters),
        escaped(text)
    )
}

/// Runs of which some are bold.
pub(super) fn runs(list: &[Run], letters: Letters) -> String {
    let run = |of: &Run| {
        let bold = letters.bold || of.bold;
        run(&of.text, Letters { bold, ..letters })
    };
    list.iter().map(run).collect()
}

/// The number of the page.
pub(super) fn page_number(letters: Letters) -> String {
    let look = look_of(letters);
    let part = |inside: &str| format!("<w:r><w:rPr>{look}</w:rPr>{inside}</w:r>");
    [
        part(r#"<w:fldChar w:fldCharType="begin"/>"#),
        part(r#"<w:instrText xml:space="preserve"> PAGE </w:instrText>"#),
        part(r#"<w:fldChar w:fldCharType="separate"/>"#),
        part("<w:t>2</w:t>"),
        part(r#"<w:fldChar w:fldCharType="end"/>"#),
    ]
    .concat()
}

fn look_of(letters: Letters) -> String {
    let mut out = String::new();
    if letters.bold {
        out += "<w:b/><w:bCs/>";
    }
    if letters.italic {
        out += "<w:i/><w:iCs/>";
    }
    let colour = if letters.red { "B00020" } else { "000000" };
    let size = letters.size;
    let _ = write!(
        out,
        r#"<w:color w:val="{colour}"/><w:sz w:val="{size}"/><w:szCs w:val="{size}"/>"#
    );
    out
}

/// A picture in the line, by its relation; lengths in EMU, 12,700 to a point.
pub(super) fn picture(number: usize, described: &str, [width, height]: [u64; 2]) -> String {
    let (id, described) = (number + 1, escaped(described));
    format!(
        r#"<w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{width}" cy="{height}"/><wp:docPr id="{id}" name="Hình {id}" descr="{described}"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="{id}" name="Hình {id}"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="picture{number}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="{width}" cy="{height}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"#
    )
}

/// A table; widths of its columns in twentieths of a point.
pub(super) fn table(widths: &[u32], lined: bool, rows: &[String]) -> String {
    let total: u32 = widths.iter().sum();
    let grid: String = widths
        .iter()
        .map(|width| format!(r#"<w:gridCol w:w="{width}"/>"#))
        .collect();
    let lines = if lined { LINES } else { "" };
    let side = if lined { 60 } else { 0 };
    format!(
        r#"<w:tbl><w:tblPr><w:tblW w:w="{total}" w:type="dxa"/>{lines}<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="{side}" w:type="dxa"/><w:right w:w="{side}" w:type="dxa"/></w:tblCellMar></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{}</w:tbl>"#,
        rows.concat()
    )
}

const LINES: &str = r#"<w:tblBorders><w:top w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:left w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:bottom w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:right w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:insideH w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:insideV w:val="single" w:sz="4" w:space="0" w:color="000000"/></w:tblBorders>"#;

/// A row of cells, each with its width and content; a header repeats on every page.
pub(super) fn row(cells: &[(u32, String)], header: bool, middle: bool) -> String {
    let repeated = if header { "<w:tblHeader/>" } else { "" };
    let upright = if middle {
        r#"<w:vAlign w:val="center"/>"#
    } else {
        ""
    };
    let cell = |(width, content): &(u32, String)| {
        format!(
            r#"<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{upright}</w:tcPr>{content}</w:tc>"#
        )
    };
    let cells: String = cells.iter().map(cell).collect();
    format!("<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{cells}</w:tr>")
}

/// Text inside XML. Control characters, which XML does not know, are left out.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element() {
        let out = run("<w:p> & \"x\"\u{1}", Letters::of(14));
        assert!(
            out.contains("&lt;w:p&gt; &amp; &quot;x&quot;</w:t>"),
            "{out}"
        );
    }
}
