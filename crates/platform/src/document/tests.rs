//! The decree's form, held on the set pages: what stands where, how large, how
//! heavy; and every number of a document against the figures it was made of.

use std::collections::BTreeMap;

use metric::figure::Figure;
use typst::layout::{Abs, Frame, FrameItem, PagedDocument, Point};
use typst::text::{Glyph, TextItem};

use super::facts::{Facts, Unit};
use super::model::{Block, Document, Picture, SYNTHETIC};
use super::office::Office;
use super::template::{BUILT_IN, Template, built_in};
use super::{compose, docx, pdf, xlsx};
use crate::store::campaign::LegalBasis;
use crate::table::{
    AreaSummary, Counts, FigureRow, Figures, MonthRow, MonthTable, MonthTotal, Rule,
};

fn figure(median: u64) -> Figure {
    Figure::of((0..300).map(|n| median - 150 + n).collect(), 300)
}

fn figures() -> Figures {
    Figures {
        download_bits_per_second: figure(48_200_000),
        upload_bits_per_second: figure(19_400_000),
        idle_rtt_us: Figure::of(vec![24_000; 5], 5),
    }
}

fn row(name: &str, code: &str, counted: u64) -> MonthRow {
    let not_counted = BTreeMap::from([("repeat".to_owned(), 41), ("not_mobile".into(), 17)]);
    MonthRow {
        area: AreaSummary {
            code: code.into(),
            valid_from: None,
            valid_to: None,
            name: name.into(),
            full_name: format!("Phường {name}"),
            approximate: true,
        },
        counts: Counts {
            counted,
            raw: counted + 41,
            qualified: counted,
            devices: counted / 7,
            not_counted,
        },
        quota: 300,
        shortfall: 300_u64.saturating_sub(counted),
        reached: counted >= 300,
        figures: figures(),
    }
}

fn table(synthetic: bool) -> MonthTable {
    let rows = vec![
        row("Bến Nghé", "26740", 1412),
        row("Bến Thành", "26743", 237),
        row("Cầu Kho", "26752", 198),
        row("Đa Kao", "26737", 305),
    ];
    MonthTable {
        campaign: "district-1".into(),
        name: "Quận 1".into(),
        month: "2024-11".parse().unwrap(),
        synthetic,
        approximate: true,
        quota: 300,
        rule: Rule::Qualified,
        total: MonthTotal::of(&rows),
        rows,
    }
}

fn operator(id: &str, tests: u64) -> FigureRow {
    FigureRow {
        operator: id.into(),
        technology: "mobile".into(),
        tests,
        devices: tests / 5,
        device_days: tests,
        figures: figures(),
    }
}

fn basis(number: &str, day: i8) -> LegalBasis {
    LegalBasis {
        number: number.into(),
        date: jiff::civil::date(2024, 11, day),
        issuer: "Sở Thông tin và Truyền thông".into(),
        r#abstract: "Về việc đôn đốc tuyên truyền và sử dụng ứng dụng i-Speed".into(),
    }
}

pub(crate) fn facts(synthetic: bool) -> Facts {
    let table = table(synthetic);
    let picture = || {
        Picture {
        svg: r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 340 300"><rect width="340" height="300" fill="none" stroke="black"/><text x="20" y="40">Bản đồ</text></svg>"#.into(),
        described: "Một hình".into(),
    }
    };
    Facts {
        unit: Some(Unit {
            row: table.rows[1].clone(),
            quota: table.quota,
            figures: vec![
                operator("all", 237),
                operator("viettel", 140),
                operator("unknown", 97),
            ],
            pictures: vec![
                ("map", picture()),
                ("operators", picture()),
                ("quota", picture()),
            ],
        }),
        table,
        together: vec![operator("all", 2152), operator("viettel", 1300)],
        legal_bases: vec![basis("4670/STTTT-BCVT", 1), basis("3879/UBND-VHTT", 8)],
        deadline_day: Some(10),
        brands: vec![("viettel".into(), "Viettel".into())],
    }
}

pub(crate) fn office() -> Office {
    Office::parse(
        r#"
        parent = "Ủy ban nhân dân Thành phố Hồ Chí Minh"
        issuer = "Ủy ban nhân dân Quận 1"
        number = "5/UBND-VHTT"
        place = "Quận 1"
        date = "2025-02-03"
        authority = "KT. Chủ tịch"
        title = "Phó Chủ tịch"
        name = "Nguyễn Văn Ưu"
        [fields]
        remarks = "Có tiến bộ."
        "#,
    )
    .unwrap()
}

fn made(template: &str, synthetic: bool) -> Document {
    let template = Template::parse(built_in(template)).unwrap();
    compose(&template, &office(), &facts(synthetic)).unwrap()
}

/// A stretch of text on a page; lengths in millimetres, size in points.
#[derive(Clone, Debug)]
struct Written {
    page: usize,
    left: f64,
    right: f64,
    baseline: f64,
    text: String,
    size: f64,
    bold: bool,
    italic: bool,
    family: String,
}

fn written(pages: &PagedDocument) -> Vec<Written> {
    let mut out = vec![];
    for (page, of) in pages.pages.iter().enumerate() {
        walk(&of.frame, Point::zero(), page, &mut out);
    }
    joined(out)
}

/// Stretches that follow one another in a line and look alike, as one.
fn joined(parts: Vec<Written>) -> Vec<Written> {
    let mut lines: Vec<Written> = vec![];
    for part in parts {
        let look = |of: &Written| (of.page, of.bold, of.italic, of.size.to_bits());
        let follows = |line: &&mut Written| {
            let level = (line.baseline - part.baseline).abs() < 0.05;
            let gap = part.left - line.right;
            level && look(line) == look(&part) && (-0.1..3.0).contains(&gap)
        };
        match lines.last_mut().filter(follows) {
            Some(line) => {
                line.text += &part.text;
                line.right = part.right;
            }
            None => lines.push(part),
        }
    }
    lines
}

fn walk(frame: &Frame, origin: Point, page: usize, out: &mut Vec<Written>) {
    for (at, item) in frame.items() {
        let at = origin + *at;
        match item {
            FrameItem::Group(group) => walk(&group.frame, at, page, out),
            FrameItem::Text(text) => {
                let look = text.font.info().variant;
                out.push(Written {
                    page,
                    left: at.x.to_mm(),
                    right: (at.x + set_width(text)).to_mm(),
                    baseline: at.y.to_mm(),
                    text: text.text.to_string(),
                    size: text.size.to_pt(),
                    bold: look.weight.to_number() >= 600,
                    italic: look.style != typst::text::FontStyle::Normal,
                    family: text.font.info().family.clone(),
                });
            }
            _ => {}
        }
    }
}

/// How wide a text is without the blanks at its end, which hang.
fn set_width(text: &TextItem) -> Abs {
    let blank = |glyph: &&Glyph| text.text[glyph.range()].trim().is_empty();
    let hanging = text.glyphs.iter().rev().take_while(blank);
    text.width() - hanging.map(|glyph| glyph.x_advance.at(text.size)).sum()
}

fn find<'a>(all: &'a [Written], text: &str) -> &'a Written {
    let found = all.iter().find(|written| written.text.contains(text));
    found.unwrap_or_else(|| panic!("{text:?} is not among {all:#?}"))
}

#[track_caller]
fn looks(
    all: &[Written],
    text: &str,
    sizes: std::ops::RangeInclusive<f64>,
    bold: bool,
    italic: bool,
) {
    let found = find(all, text);
    assert!(sizes.contains(&found.size), "{found:?}");
    assert_eq!((found.bold, found.italic), (bold, italic), "{found:?}");
}

#[test]
fn every_part_of_a_letter_has_its_size_and_weight() {
    let pages = pdf::pages(&made("reminder-letter.toml", false)).unwrap();
    let all = written(&pages);
    looks(&all, "CỘNG HÒA XÃ HỘI", 12.0..=13.0, true, false);
    looks(&all, "Độc lập - Tự do", 13.0..=14.0, true, false);
    looks(&all, "ỦY BAN NHÂN DÂN THÀNH", 12.0..=13.0, false, false);
    looks(&all, "ỦY BAN NHÂN DÂN QUẬN 1", 12.0..=13.0, true, false);
    looks(&all, "Số: 05/UBND-VHTT", 13.0..=13.0, false, false);
    looks(&all, "ngày 03 tháng 02 năm 2025", 13.0..=14.0, false, true);
    looks(&all, "V/v đôn đốc", 12.0..=13.0, false, false);
    looks(&all, "Kính gửi:", 13.0..=14.0, false, false);
    looks(&all, "Thực hiện Công văn", 13.0..=14.0, false, false);
    looks(&all, "Nơi nhận:", 12.0..=12.0, true, true);
    looks(&all, "Như trên;", 11.0..=11.0, false, false);
    looks(&all, "PHÓ CHỦ TỊCH", 13.0..=14.0, true, false);
    looks(&all, "Nguyễn Văn Ưu", 13.0..=14.0, true, false);
    looks(&all, "Phụ lục I", 14.0..=14.0, true, false);
    let family = &all[0].family;
    assert_eq!(family, pdf::typeface());
    assert!(all.iter().all(|written| written.family == *family));
}

#[test]
fn every_part_of_a_letter_has_its_place() {
    let pages = pdf::pages(&made("reminder-letter.toml", false)).unwrap();
    let all = written(&pages);
    let middle = |text: &str| {
        let found = find(&all, text);
        f64::midpoint(found.left, found.right)
    };
    let near = |a: f64, b: f64| (a - b).abs() < 1.0;
    // Issuer, number and abstract in the left column, motto and date in the right.
    assert!(near(middle("ỦY BAN NHÂN DÂN QUẬN 1"), middle("Số: 05/")));
    assert!(near(middle("CỘNG HÒA"), middle("Độc lập")));
    assert!(near(middle("CỘNG HÒA"), middle("ngày 03 tháng 02")));
    assert!(middle("CỘNG HÒA") > 120.0 && middle("Số: 05/") < 75.0);
    let line = |text: &str| find(&all, text).baseline;
    assert!(near(line("Số: 05/"), line("ngày 03 tháng 02")));
    assert!(near(line("Nơi nhận:"), line("KT. CHỦ TỊCH")));
    assert!(near(middle("KT. CHỦ TỊCH"), middle("Nguyễn Văn Ưu")));
    assert!(line("V/v") > line("Số: 05/") && line("Kính gửi:") > line("V/v"));
    // First lines are indented by 1.27 cm from the left margin of 30 mm.
    assert!(near(find(&all, "Thực hiện Công văn").left, 42.7));
}

#[test]
fn nothing_leaves_the_margins() {
    for (name, _) in BUILT_IN {
        let document = made(name, true);
        let plain = document.foot.is_none();
        let pages = pdf::pages(&document).unwrap();
        for at in written(&pages) {
            let page = &pages.pages[at.page].frame;
            let (width, height) = (page.width().to_mm(), page.height().to_mm());
            let [left, right] = if plain {
                [14.9, width - 14.9]
            } else {
                [29.9, width - 14.9]
            };
            assert!(at.left >= left && at.right <= right, "{name}: {at:?}");
            let body = at.text != SYNTHETIC && at.text.parse::<u32>().is_err();
            let room = if plain {
                15.0..height - 15.0
            } else {
                20.0..height - 20.0
            };
            assert!(!body || room.contains(&at.baseline), "{name}: {at:?}");
        }
    }
}

/// Whether ink may be at a place, in millimetres: inside the margins, or where
/// the page's number and the mark of a simulation stand.
fn may_have_ink([x, y]: [f64; 2], [width, height]: [f64; 2], plain: bool) -> bool {
    let [top, left, right] = if plain {
        [15.0, 15.0, 15.0]
    } else {
        [20.0, 30.0, 15.0]
    };
    let across = x >= left - 0.3 && x <= width - right + 0.3;
    let body = across && y >= top - 0.3 && y <= height - top + 0.3;
    let off = (x - f64::midpoint(left, width - right)).abs();
    body || (off < 5.0 && (9.0..top).contains(&y)) || (off < 32.0 && y > height - top)
}

#[test]
fn every_page_as_pixels_has_ink_inside_its_margins_alone() {
    for (name, _) in BUILT_IN {
        let document = made(name, true);
        let plain = document.foot.is_none();
        for (number, page) in (1..).zip(&pdf::pages(&document).unwrap().pages) {
            let drawn = typst_render::render(page, 1.5);
            let millimetre = 1.5 * 72.0 / 25.4;
            let place = |x: u32, y: u32| [x, y].map(|at| f64::from(at) / millimetre);
            let size = place(drawn.width(), drawn.height());
            let mut inked = 0;
            for (at, pixel) in (0..).zip(drawn.pixels()) {
                if pixel.green() < 160 {
                    let at = place(at % drawn.width(), at / drawn.width());
                    let may = may_have_ink(at, size, plain);
                    assert!(may, "{name}, page {number}: ink at {at:?} mm");
                    inked += 1;
                }
            }
            assert!(inked > 1000, "{name}, page {number} is empty");
        }
    }
}

#[test]
fn pages_are_numbered_from_the_second_and_annexes_on_their_own() {
    let mut document = made("consolidated-report.toml", false);
    let filler = document.body[0].clone();
    document.body.splice(1..1, vec![filler; 40]);
    let pages = pdf::pages(&document).unwrap();
    let all = written(&pages);
    let number = |page: usize| {
        let top = all.iter().find(|at| at.page == page && at.baseline < 20.0);
        top.map(|at| {
            (
                at.text.clone(),
                f64::midpoint(at.left, at.right).round(),
                at.size,
            )
        })
    };
    assert_eq!(number(0), None);
    // The middle of a text between 30 and 195 mm.
    assert_eq!(number(1), Some(("2".into(), 113.0, 13.0)));
    let annex = all.iter().find(|at| at.text == "Phụ lục I").unwrap().page;
    assert!(annex >= 2);
    assert_eq!(number(annex), None);
}

#[test]
fn a_simulation_says_so_on_every_page_and_nothing_else_does() {
    for (name, _) in BUILT_IN {
        for synthetic in [true, false] {
            let pages = pdf::pages(&made(name, synthetic)).unwrap();
            let all = written(&pages);
            for page in 0..pages.pages.len() {
                let said = all.iter().any(|at| at.page == page && at.text == SYNTHETIC);
                assert_eq!(said, synthetic, "{name}, page {page}");
            }
        }
    }
}

#[test]
fn a_bulletin_is_one_page() {
    let pages = pdf::pages(&made("bulletin.toml", true)).unwrap();
    assert_eq!(pages.pages.len(), 1);
}

/// Every word of a document, in one line.
fn words(document: &Document) -> String {
    let of = |block: &Block| match block {
        Block::Paragraph(runs) => runs.iter().map(|run| run.text.as_str()).collect(),
        Block::Basis(text) | Block::Heading(text) => text.clone(),
        Block::Table(table) => {
            let rows = table.rows.iter().chain(&table.total).flatten();
            rows.map(super::model::Cell::shown)
                .collect::<Vec<_>>()
                .join(" | ")
        }
        Block::Figures(_) => String::new(),
    };
    let annexes = document.annexes.iter().flat_map(|annex| &annex.body);
    let blocks = document.body.iter().chain(annexes);
    blocks.map(of).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_numbers_of_the_letter_are_those_of_the_figures() {
    let text = words(&made("reminder-letter.toml", false));
    for said in [
        "có 2.152 mẫu",
        "2/4 phường đạt",
        "2 phường chưa đạt",
        "thiếu tổng cộng 165 mẫu",
        "1 | Phường Bến Thành | 300 | 237 | 33 | 63 | Chưa đạt",
        "2 | Phường Cầu Kho | 300 | 198 | 28 | 102 | Chưa đạt",
        "Tổng cộng | 600 | 435 |  | 165 | Đạt 0/2",
        "1 | Phường Bến Nghé | 300 | 1.412 | 201 | 0 | Đạt",
        "trước ngày 10 hằng tháng",
        "triển khai thực hiện./.",
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
}

#[test]
fn the_numbers_of_the_reports_are_those_of_the_figures() {
    let text = words(&made("consolidated-report.toml", false));
    for said in [
        "2.152 mẫu đo được tính",
        "1.200 mẫu",
        "là 2.316.",
        "Phường Cầu Kho: 198/300 mẫu (đạt 66,0%), còn thiếu 102 mẫu, 28 thiết bị",
        "232 lượt",
        "Đo lặp | 164",
        "48,2 Mbit/s (khoảng tin cậy 95%: 48,2–48,2 Mbit/s)",
        "Độ trễ: chưa đủ mẫu",
        "1. Nhận xét: Có tiến bộ.",
        "Viettel | 1.300 | 48,2 |",
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
    let text = words(&made("unit-report.toml", false));
    for said in [
        "237 mẫu đo được tính trên chỉ tiêu 300 mẫu (đạt 79,0%), do 33 thiết bị",
        "còn thiếu 63 mẫu",
        "Không rõ | 97",
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
}

#[test]
fn no_document_has_a_field_left_or_letters_in_pieces() {
    use unicode_normalization::is_nfc;
    for (name, _) in BUILT_IN {
        let text = words(&made(name, false));
        assert!(is_nfc(&text), "{name}");
        assert!(!text.contains(['{', '}']), "{name}: {text}");
    }
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let document = made("consolidated-report.toml", true);
    assert_eq!(
        pdf::write(&document).unwrap(),
        pdf::write(&document).unwrap()
    );
    assert_eq!(
        docx::write(&document).unwrap(),
        docx::write(&document).unwrap()
    );
    assert_eq!(
        xlsx::write(&document).unwrap(),
        xlsx::write(&document).unwrap()
    );
}

#[test]
fn text_is_data_and_no_markup() {
    let mut office = office();
    let trick = "#panic(\"x\") *a* $b$ <c> @d `e` \\";
    office.fields.insert("remarks".into(), trick.into());
    let template = Template::parse(built_in("consolidated-report.toml")).unwrap();
    let document = compose(&template, &office, &facts(false)).unwrap();
    let all = written(&pdf::pages(&document).unwrap());
    find(&all, "#panic(\"x\") *a* $b$ <c> @d `e` \\");
    docx::write(&document).unwrap();
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let from = "{total_counted} mẫu đo Internet";
    for (from, to, says) in [
        (from, "{tong} mẫu", "body 3: no field {tong}; known: "),
        (
            from,
            "{link} mẫu",
            "body 3: field {link} is absent: the office",
        ),
        (
            "table = \"short\"",
            "table = \"ngan\"",
            "body 4: table \"ngan\" is not known",
        ),
        (
            "table = \"short\"",
            "figures = [[\"bieu\"]]",
            "body 4: figure \"bieu\" is not known; known: map",
        ),
        (
            "when = \"other_bases\"",
            "when = \"co_can_cu\"",
            "condition \"co_can_cu\" is not known",
        ),
        (
            "when = \"other_bases\"",
            "each = \"phuong\"",
            "list \"phuong\" is not known",
        ),
        (
            "{short_wards}\",",
            "{short}\",",
            "recipients 3: no field {short}",
        ),
    ] {
        let text = built_in("reminder-letter.toml");
        assert!(text.contains(from), "{from}");
        let template = Template::parse(&text.replacen(from, to, 1)).unwrap();
        let error = compose(&template, &office(), &facts(false)).unwrap_err();
        assert!(format!("{error:#}").contains(says), "{says}: {error:#}");
    }
}

#[test]
fn a_report_of_one_ward_needs_one() {
    let mut facts = facts(false);
    facts.unit = None;
    let template = Template::parse(built_in("unit-report.toml")).unwrap();
    let error = compose(&template, &office(), &facts).unwrap_err();
    assert!(
        format!("{error:#}").contains("not about one ward"),
        "{error:#}"
    );
}
