//! The text of what the play made: PDF by poppler, DOCX and XLSX from their own
//! files, page numbers and the mark of a simulation held and taken off.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use calamine::{Data, Reader as _};

use super::numbers::Read;

/// What everything from simulated figures says.
const SIMULATED: &str = "SỐ LIỆU MÔ PHỎNG";

/// The text of a file by the end of its name; `None` for a PDF where poppler is
/// not installed.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<Read>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = path.extension().unwrap_or_default().to_string_lossy();
    let pages = match end.as_ref() {
        "pdf" => match pdf(path)? {
            Some(text) => {
                let pages = plain_pages(&text, name.starts_with("ban-tin"));
                pages.with_context(|| name.to_string())?
            }
            None => return Ok(None),
        },
        "docx" => vec![docx(path).with_context(|| name.to_string())?],
        "xlsx" => xlsx(path)?,
        "txt" => vec![marked(&std::fs::read_to_string(path)?, &name)?],
        _ => bail!("{name}: nobody reads such a file here"),
    };
    Ok(Some(Read {
        name: name.into(),
        pages,
    }))
}

/// The text in the order in which it was set, cell by cell.
fn pdf(path: &Path) -> anyhow::Result<Option<String>> {
    let mut pdftotext = Command::new("pdftotext");
    match pdftotext.arg("-raw").arg(path).arg("-").output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        output => Ok(Some(String::from_utf8(output?.stdout)?)),
    }
}

/// The pages without their numbers and marks, which must be there: a number from
/// the second page on, body and annexes on their own, the mark on each.
fn plain_pages(text: &str, charts: bool) -> anyhow::Result<Vec<String>> {
    let pages = text.split('\u{c}').filter(|page| !page.is_empty());
    let mut number = 0;
    let mut plain = vec![];
    for (at, page) in (1..).zip(pages) {
        let mut lines: Vec<&str> = page
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        ensure!(lines.len() > 1, "page {at} is empty");
        let annex = lines[0].starts_with("Phụ lục ") && lines[0].len() < 20;
        number = if annex { 1 } else { number + 1 };
        ensure!(
            lines.pop() == Some(SIMULATED),
            "page {at} does not say {SIMULATED}"
        );
        if number > 1 {
            ensure!(
                lines[0] == number.to_string(),
                "page {at} is not numbered {number}"
            );
            lines.remove(0);
        }
        if charts {
            // Labels on charts are written twice, once as their own outline.
            lines.dedup();
        }
        plain.push(lines.join("\n"));
    }
    Ok(plain)
}

fn docx(path: &Path) -> anyhow::Result<String> {
    let mut file = zip::ZipArchive::new(std::fs::File::open(path)?)?;
    let mut part = |name: &str| -> anyhow::Result<String> {
        let mut text = String::new();
        file.by_name(name)?.read_to_string(&mut text)?;
        Ok(text)
    };
    let footer = spoken(&part("word/footer.xml")?);
    ensure!(
        footer.contains(SIMULATED),
        "the footer does not say {SIMULATED}"
    );
    Ok(spoken(&part("word/document.xml")?))
}

/// What a part says: the text of its runs, a line for each paragraph.
fn spoken(xml: &str) -> String {
    let mut out = String::new();
    for part in xml.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_default();
        match tag.split(' ').next() {
            Some("w:t") => out += text,
            Some("/w:p") => out.push('\n'),
            _ => {}
        }
    }
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(out, |text, (from, to)| text.replace(from, to))
}

/// Each sheet as a page, each row as a line.
fn xlsx(path: &Path) -> anyhow::Result<Vec<String>> {
    let name = path.display();
    let sheets = cells(path)?;
    let page = |rows: Vec<Vec<String>>| {
        let lines: Vec<_> = rows.iter().map(|row| row.join(" ")).collect();
        marked(&lines.join("\n"), &name.to_string())
    };
    sheets.into_iter().map(page).collect()
}

/// The cells of each sheet, numbers as they are held.
pub(super) fn cells(path: &Path) -> anyhow::Result<Vec<Vec<Vec<String>>>> {
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(path)?;
    let held = |cell: &Data| match cell {
        Data::Float(value) => value.to_string(),
        other => other.to_string(),
    };
    let sheets = book.worksheets().into_iter().map(|(_, range)| {
        let rows = range.rows().map(|row| row.iter().map(held).collect());
        rows.collect()
    });
    Ok(sheets.collect())
}

/// The text without the mark, which must be there.
fn marked(text: &str, name: &str) -> anyhow::Result<String> {
    ensure!(text.contains(SIMULATED), "{name} does not say {SIMULATED}");
    Ok(text.replace(SIMULATED, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lose_their_number_and_mark_and_keep_the_rest() {
        let text = "Số: 5\nhai\nSỐ LIỆU MÔ PHỎNG\n\u{c}2\n300 mẫu\nSỐ LIỆU MÔ PHỎNG\n\u{c}\
                    Phụ lục I\n10\nSỐ LIỆU MÔ PHỎNG\n\u{c}";
        let pages = plain_pages(text, false).unwrap();
        assert_eq!(pages, ["Số: 5\nhai", "300 mẫu", "Phụ lục I\n10"]);
    }

    #[test]
    fn a_page_without_number_mark_or_words_is_named() {
        for (text, says) in [
            (
                "một\nSỐ LIỆU MÔ PHỎNG\n\u{c}3\nhai\nSỐ LIỆU MÔ PHỎNG\n",
                "page 2 is not numbered 2",
            ),
            ("một\nhai\n", "page 1 does not say"),
            (
                "một\nSỐ LIỆU MÔ PHỎNG\n\u{c}SỐ LIỆU MÔ PHỎNG\n",
                "page 2 is empty",
            ),
        ] {
            let error = plain_pages(text, false).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_paragraph_is_the_text_of_its_runs() {
        let xml = "<w:p a=\"1\"><w:r><w:t xml:space=\"preserve\">7/</w:t></w:r><w:r><w:t>10 &amp;lt;</w:t></w:r></w:p>";
        assert_eq!(spoken(xml), "7/10 &lt;\n");
    }
}
