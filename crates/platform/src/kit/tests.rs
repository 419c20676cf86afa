//! Codes read back from every file that shows one, and the words held against
//! the figures.

use super::*;
use crate::document::tests::{facts, office};

const LINK: &str = "https://do.example.vn/areas/26743";

fn wanted(level: Level) -> Wanted {
    Wanted {
        link: LINK.into(),
        size_mm: 95.0,
        level,
        logo: None,
    }
}

fn kit(synthetic: bool, wanted: &Wanted) -> BTreeMap<&'static str, Vec<u8>> {
    let files = make(WORDS, &office(), &facts(synthetic), wanted).unwrap();
    files
        .into_iter()
        .map(|file| (file.name, file.bytes))
        .collect()
}

/// What a reader makes of the code on a page drawn at so many pixels a point.
fn read(layout: &str, data: Value, qr: &Qr, pixels: f32) -> String {
    let picture = BTreeMap::from([("qr.svg".to_owned(), qr.svg().into_bytes())]);
    let pages = engine::set(layout, data, picture).unwrap();
    let drawn = typst_render::render(&pages.pages[0], pixels);
    let (width, height) = (drawn.width() as usize, drawn.height() as usize);
    let grey = |x: usize, y: usize| drawn.pixels()[y * width + x].green();
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "codes on the page");
    grids[0].decode().unwrap().1
}

#[test]
fn the_code_leads_to_the_link_wherever_it_stands() {
    let facts = facts(true);
    let wanted = wanted(Level::Quartile);
    let words = Words::of(WORDS, &office(), &facts, LINK).unwrap();
    let qr = Qr::of(LINK, Level::Quartile, None).unwrap();
    let data = data(&words, &facts, &wanted);
    assert_eq!(read(POSTER, data.clone(), &qr, 1.5), LINK);
    assert_eq!(read(POST, data, &qr, 2.0), LINK);
    let alone = json!({"modules": qr.modules()});
    for level in [Level::Low, Level::Medium, Level::Quartile, Level::High] {
        let qr = Qr::of(LINK, level, None).unwrap();
        let alone = json!({"modules": qr.modules()});
        assert_eq!(read(CODE, alone, &qr, 6.0), LINK);
    }
    assert_eq!(read(CODE, alone, &qr, 4.0), LINK);
}

#[test]
fn a_logo_leaves_the_code_readable() {
    let logo = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="#B00020"/></svg>"##;
    let qr = Qr::of(LINK, Level::High, Some(logo.to_vec())).unwrap();
    assert!(qr.svg().contains("data:image/svg+xml;base64,"));
    let alone = json!({"modules": qr.modules()});
    assert_eq!(read(CODE, alone, &qr, 6.0), LINK);
}

#[test]
fn a_post_is_a_square_of_1080_and_a_code_sharp_at_300_dpi() {
    let kit = kit(true, &wanted(Level::Medium));
    let size = |name: &str| {
        let number = |at: usize| u32::from_be_bytes(kit[name][at..at + 4].try_into().unwrap());
        [number(16), number(20)]
    };
    assert_eq!(size("post.png"), [1080, 1080]);
    let modules = u32::try_from(Qr::of(LINK, Level::Medium, None).unwrap().modules()).unwrap();
    let [width, height] = size("qr.png");
    assert!(
        width == height && width % modules == 0 && width >= 1122,
        "{width}"
    );
    assert!(kit["poster.pdf"].starts_with(b"%PDF"));
}

#[test]
fn the_words_have_the_figures_and_say_what_is_simulated() {
    for synthetic in [true, false] {
        let kit = kit(synthetic, &wanted(Level::Medium));
        for name in ["zalo.txt", "facebook.txt", "loudspeaker.txt"] {
            let text = String::from_utf8(kit[name].clone()).unwrap();
            assert!(
                text.contains("237") && text.contains("Phường Bến Thành"),
                "{text}"
            );
            assert_eq!(text.contains(SYNTHETIC), synthetic, "{text}");
            assert!(unicode_normalization::is_nfc(&text));
        }
        let zalo = String::from_utf8(kit["zalo.txt"].clone()).unwrap();
        assert!(
            zalo.contains("237/300 mẫu") && zalo.contains(LINK),
            "{zalo}"
        );
    }
}

#[test]
fn a_campaign_has_words_of_its_own() {
    let mut facts = facts(false);
    facts.unit = None;
    assert_eq!(
        short_link("https://do.example.vn/", &facts),
        "https://do.example.vn/wards?campaign=district-1"
    );
    let files = make(WORDS, &office(), &facts, &wanted(Level::Medium)).unwrap();
    let zalo = files.iter().find(|file| file.name == "zalo.txt").unwrap();
    let text = String::from_utf8(zalo.bytes.clone()).unwrap();
    assert!(text.contains("2/4 phường đạt chỉ tiêu"), "{text}");
}

#[test]
fn a_wrong_field_of_the_words_is_named() {
    let words = WORDS.replacen("{counted}/{quota} mẫu đo", "{dem} mẫu đo", 1);
    assert_ne!(words, WORDS);
    let error = make(&words, &office(), &facts(false), &wanted(Level::Medium)).unwrap_err();
    assert!(
        format!("{error:#}").starts_with("zalo: no field {dem}"),
        "{error:#}"
    );
}
