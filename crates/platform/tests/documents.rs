//! Documents as files, through the programs that offices have: poppler reads
//! the PDF, LibreOffice opens the DOCX. Where one is not installed the test
//! says so and checks what it can without.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops where it fails, and says what it skips"
)]

use std::path::Path;
use std::process::Command;

use jiff::civil::date;
use platform::document::model::{
    Align, Annex, Block, Cell, Column, Document, Foot, Head, Official, SYNTHETIC, Table, Title,
    runs,
};
use platform::document::{docx, pdf, xlsx};

fn table() -> Table {
    let column = |header: &str, width| Column {
        header: header.into(),
        width,
        align: Align::Center,
    };
    Table {
        columns: vec![column("STT", 1), column("Phường", 4), column("Số mẫu", 2)],
        rows: vec![
            vec![
                Cell::Count(1),
                Cell::Text("Phường Nguyễn Cư Trinh".into()),
                Cell::Count(1412),
            ],
            vec![
                Cell::Count(2),
                Cell::Text("Phường Cầu Ông Lãnh".into()),
                Cell::Withheld,
            ],
        ],
        total: Some(vec![
            Cell::Empty,
            Cell::Text("Tổng cộng".into()),
            Cell::Quantity(48.25, "Mbit/s"),
        ]),
    }
}

fn letter() -> Document {
    let paragraph = |text: &str| Block::Paragraph(runs(text));
    Document {
        head: Head::Official(Box::new(Official {
            parent: None,
            issuer: "Ủy ban nhân dân Quận 1".into(),
            number: "3879/UBND-VHTT".parse().unwrap(),
            place: "Quận 1".into(),
            date: Some(date(2024, 11, 8)),
            title: Title::Letter("V/v đôn đốc sử dụng ứng dụng i-Speed".into()),
            recipients: vec!["Ủy ban nhân dân 10 phường".into(), "Các đơn vị".into()],
        })),
        body: vec![
            paragraph("Thực hiện chỉ tiêu **tối thiểu 300 mẫu/tháng** tại mỗi phường."),
            Block::Table(table()),
            paragraph("Đề nghị các đơn vị khẩn trương thực hiện./."),
        ],
        foot: Some(Foot {
            copies: vec!["Như trên".into(), "Lưu: VT, VHTT".into()],
            authority: Some("KT. CHỦ TỊCH".into()),
            title: "PHÓ CHỦ TỊCH".into(),
            name: Some("Nguyễn Thị Ngữ".into()),
        }),
        annexes: vec![Annex {
            title: "Kết quả theo phường".into(),
            landscape: true,
            body: vec![Block::Table(table())],
        }],
        synthetic: true,
    }
}

/// What is in the letter and has to be found in every form of it.
const SAID: [&str; 12] = [
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    "Độc lập - Tự do - Hạnh phúc",
    "ỦY BAN NHÂN DÂN QUẬN 1",
    "Số: 3879/UBND-VHTT",
    "Quận 1, ngày 08 tháng 11 năm 2024",
    "Ủy ban nhân dân 10 phường;",
    "tối thiểu 300 mẫu/tháng",
    "Phường Nguyễn Cư Trinh",
    "1.412",
    "chưa đủ mẫu",
    "Nguyễn Thị Ngữ",
    "KẾT QUẢ THEO PHƯỜNG",
];

/// What a program says of a file; `None` where there is no such program.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    assert!(output.status.success(), "{program}: {output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The text of a PDF with every run of blanks as one; `None` without poppler.
fn text(pdf: &Path) -> Option<String> {
    let text = said("pdftotext", &["-layout", pdf.to_str().unwrap(), "-"])?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn missing(program: &str) {
    println!("{program} is not installed: this part is skipped");
}

#[test]
fn the_text_of_the_pdf_can_be_searched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.pdf");
    std::fs::write(&path, pdf::write(&letter()).unwrap()).unwrap();
    let Some(text) = text(&path) else {
        return missing("pdftotext");
    };
    for words in SAID {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    assert_eq!(text.matches(SYNTHETIC).count(), 2, "{text}");
}

#[test]
fn the_pdf_is_a4_in_the_typeface_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.pdf");
    std::fs::write(&path, pdf::write(&letter()).unwrap()).unwrap();
    let name = path.to_str().unwrap();
    let (Some(info), Some(fonts)) = (said("pdfinfo", &[name]), said("pdffonts", &[name])) else {
        return missing("pdfinfo");
    };
    assert!(info.contains("(A4)"), "{info}");
    assert!(
        info.contains(&format!("font: {}", pdf::typeface())),
        "{info}"
    );
    assert!(
        info.contains("V/v đôn đốc sử dụng ứng dụng i-Speed"),
        "{info}"
    );
    let family = pdf::typeface().replace(' ', "");
    let lines: Vec<_> = fonts.lines().skip(2).collect();
    assert!(!lines.is_empty());
    for line in lines {
        let embedded = line.split_whitespace().rev().nth(4) == Some("yes");
        assert!(line.contains(&family) && embedded, "{fonts}");
    }
}

#[test]
fn word_positions_in_the_pdf_are_the_decrees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.pdf");
    std::fs::write(&path, pdf::write(&letter()).unwrap()).unwrap();
    let Some(page) = said(
        "pdftotext",
        &["-bbox", "-l", "1", path.to_str().unwrap(), "-"],
    ) else {
        return missing("pdftotext");
    };
    let millimetres = |line: &str, side: &str| -> Option<f64> {
        let (_, rest) = line.split_once(&format!("{side}=\""))?;
        let points: f64 = rest.split('"').next()?.parse().ok()?;
        Some(points / 72.0 * 25.4)
    };
    let words = page.lines().filter(|line| line.contains("<word "));
    let (mut left, mut right, mut top) = (f64::MAX, 0.0_f64, f64::MAX);
    for word in words {
        left = left.min(millimetres(word, "xMin").unwrap());
        right = right.max(millimetres(word, "xMax").unwrap());
        top = top.min(millimetres(word, "yMin").unwrap());
    }
    assert!(
        (30.0..=35.0).contains(&left.round()),
        "left margin is {left} mm"
    );
    let margin = 210.0 - right;
    assert!(
        (15.0..=20.0).contains(&margin.round()),
        "right margin is {margin} mm"
    );
    assert!((19.5..=25.0).contains(&top), "top margin is {top} mm");
}

#[test]
fn the_docx_says_the_same_in_libreoffice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.docx");
    std::fs::write(&path, docx::write(&letter()).unwrap()).unwrap();
    let profile = format!(
        "-env:UserInstallation=file://{}/profile",
        folder.path().display()
    );
    let to = folder.path().to_str().unwrap();
    let arguments = [
        profile.as_str(),
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        to,
        path.to_str().unwrap(),
    ];
    if said("soffice", &arguments).is_none() {
        return missing("soffice");
    }
    let Some(text) = text(&folder.path().join("letter.pdf")) else {
        return missing("pdftotext");
    };
    for words in SAID {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    assert_eq!(text.matches(SYNTHETIC).count(), 2, "{text}");
}

#[test]
fn the_workbook_reads_back() {
    use calamine::{Data, Reader as _, Xlsx};
    let bytes = xlsx::write(&letter()).unwrap();
    let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
    let sheet = book.worksheet_range("Phụ lục I").unwrap();
    let rows: Vec<_> = sheet.rows().collect();
    assert_eq!(rows[0][0], Data::String("KẾT QUẢ THEO PHƯỜNG".into()));
    assert_eq!(rows[2][0], Data::String(SYNTHETIC.into()));
    assert_eq!(rows[4][2], Data::String("Số mẫu".into()));
    assert_eq!(rows[5][2], Data::Float(1412.0));
    assert_eq!(rows[6][2], Data::String("chưa đủ mẫu".into()));
    assert_eq!(rows[7][2], Data::Float(48.25));
}
