//! A drawing as pixels, for files that take no SVG.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use super::engine;

/// An SVG as PNG, so many points wide, at about 200 pixels to an inch.
pub(super) fn png(svg: &str, points: f64) -> Result<Vec<u8>> {
    let files = BTreeMap::from([("picture.svg".to_owned(), svg.as_bytes().to_vec())]);
    let pages = engine::set(LAYOUT, json!({"width": points}), files)?;
    engine::png(&pages, 2.8)
}

const LAYOUT: &str = r#"#let d = json("document.json")
#set page(width: d.width * 1pt, height: auto, margin: 0pt)
#set text(font: d.sans)
#image("picture.svg", width: 100%)
"#;
