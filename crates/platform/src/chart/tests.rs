//! Golden drawings, and what must hold for all of them.
//!
//! `ISPEED_WRITE_GOLDEN=1` is not read here, since only `config.rs` reads the
//! environment: `cargo test -p platform chart -- --ignored` writes them anew.

use std::path::PathBuf;

use super::*;

fn caption(title: &str) -> Caption {
    Caption {
        title: title.into(),
        subtitle: "Quận 1, TP. Hồ Chí Minh · tháng 11/2024 · mọi nhà mạng".into(),
        source: "Nguồn: ispeed, quy tắc bản 1".into(),
        synthetic: true,
    }
}

fn known(value: f64, low: f64, high: f64) -> Estimate {
    Estimate::Known {
        value,
        interval: Some([low, high]),
    }
}

fn a_distribution(size: Size) -> String {
    let spread = |n: u32| 60.0 * (f64::from(n % 97) / 60.0).powi(2) + f64::from(n % 13);
    distribution(
        &Distribution {
            caption: caption("Phân bố tốc độ tải xuống"),
            unit: "Mbit/s".into(),
            values: (0..300).map(spread).chain([700.0, 812.0]).collect(),
            median: known(41.2, 37.4, 45.9),
            limit: Some(("mục tiêu 40".into(), 40.0)),
        },
        size,
    )
}

fn a_series(size: Size) -> String {
    let months = ["7", "8", "9", "10", "11", "12"];
    let one = |name: &str, base: f64, gap: Option<usize>| Series {
        name: name.into(),
        points: months
            .iter()
            .enumerate()
            .map(|(at, month)| Point {
                label: format!("{month}/2024"),
                estimate: if gap == Some(at) {
                    Estimate::Withheld
                } else {
                    let value = base + 3.0 * axis::as_f64(at) * if base > 50.0 { 1.0 } else { 0.4 };
                    known(value, value * 0.88, value * 1.13)
                },
            })
            .collect(),
    };
    series(
        &SeriesChart {
            caption: caption("Tải xuống theo tháng, trung vị"),
            unit: "Mbit/s".into(),
            series: vec![
                one("Viettel", 61.0, None),
                one("VinaPhone", 47.0, Some(2)),
                one("MobiFone", 38.0, None),
                one("Vietnamobile", 8.0, Some(0)),
            ],
            limit: Some(("mục tiêu 40".into(), 40.0)),
        },
        size,
    )
}

fn a_comparison(size: Size) -> String {
    let row = |name: &str, tests, estimate, middle, tier| Compared {
        name: name.into(),
        tests,
        estimate,
        middle,
        tier,
    };
    operators(
        &Comparison {
            caption: caption("Các nhà mạng, tải xuống, trung vị"),
            unit: "Mbit/s".into(),
            rows: vec![
                row(
                    "Viettel",
                    1240,
                    known(65.5, 61.0, 70.2),
                    Some([31.0, 118.0]),
                    Some(1),
                ),
                row(
                    "VinaPhone",
                    980,
                    known(63.1, 57.9, 68.8),
                    Some([28.0, 102.0]),
                    Some(1),
                ),
                row(
                    "MobiFone",
                    410,
                    known(43.0, 36.6, 49.4),
                    Some([20.0, 77.0]),
                    Some(2),
                ),
                row("Vietnamobile", 24, Estimate::Withheld, None, None),
            ],
        },
        size,
    )
}

fn a_quota(size: Size) -> String {
    quota(
        &QuotaMonth {
            caption: caption("Tiến độ chỉ tiêu"),
            quota: 300,
            days: 30,
            counted: vec![6, 17, 26, 41, 49, 53, 60, 74, 88, 100],
            projection: Some(Projection {
                low: 261.0,
                expected: 299.0,
                high: 340.0,
                reached: 0.48,
            }),
        },
        size,
    )
}

fn a_week(size: Size) -> String {
    let mut cells = [[None; 24]; 7];
    for (day, hours) in cells.iter_mut().enumerate() {
        for (hour, cell) in hours.iter_mut().enumerate() {
            let evening = (axis::as_f64(hour) - 20.5).abs();
            let value = 34.0 + 4.0 * evening.min(9.0) + axis::as_f64(day);
            *cell = (hour > 4).then_some(value);
        }
    }
    heat_map(
        &HeatMap {
            caption: caption("Tải xuống theo giờ và ngày trong tuần, trung vị"),
            unit: "Mbit/s".into(),
            cells,
        },
        size,
    )
}

fn a_map(size: Size) -> String {
    let areas = crate::area::parse(crate::fixture::DEMONSTRATION).unwrap();
    let old = areas.into_iter().filter(|area| area.valid_to.is_some());
    let values = [
        Some(33.4),
        Some(47.1),
        None,
        Some(72.0),
        Some(120.4),
        Some(38.0),
    ];
    choropleth(
        &Choropleth {
            caption: caption("Tải xuống theo phường, trung vị"),
            unit: "Mbit/s".into(),
            breaks: vec![40.0, 80.0, 120.0, 160.0, 200.0],
            areas: old
                .enumerate()
                .map(|(at, area)| MapArea {
                    name: area.name,
                    border: area.geometry,
                    value: values[at % values.len()],
                })
                .collect(),
        },
        size,
    )
}

fn a_problem(size: Size) -> String {
    let areas = crate::area::parse(crate::fixture::DEMONSTRATION).unwrap();
    let wards = areas.into_iter().filter(|area| area.valid_to.is_some());
    let middle = h3o::LatLng::new(10.778, 106.70).unwrap();
    let cells = middle.to_cell(h3o::Resolution::Nine).grid_disk::<Vec<_>>(1);
    problem_map(
        &ProblemMap {
            caption: caption("Vùng yếu của Vietnamobile, 4G"),
            cells: cells.into_iter().take(3).map(outline).collect(),
            borders: wards
                .map(|ward| Surroundings {
                    name: ward.full_name,
                    border: ward.geometry,
                })
                .collect(),
            below: [22, 41],
            interval: [0.388, 0.679],
            limit_bits_per_second: 5_000_000,
        },
        size,
    )
}

fn all() -> Vec<(String, String)> {
    type Draw = fn(Size) -> String;
    let kinds: [(&str, Draw); 7] = [
        ("problem", a_problem),
        ("distribution", a_distribution),
        ("series", a_series),
        ("operators", a_comparison),
        ("quota", a_quota),
        ("heat", a_week),
        ("map", a_map),
    ];
    let sizes = [("page", Size::Page), ("phone", Size::Phone)];
    let named = kinds.into_iter().flat_map(|(kind, draw)| {
        sizes.map(|(name, size)| (format!("{kind}-{name}.svg"), draw(size)))
    });
    named.collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/chart")
}

#[test]
fn drawings_are_those_of_the_golden_files() {
    for (name, svg) in all() {
        let golden = std::fs::read_to_string(folder().join(&name)).unwrap_or_default();
        assert!(svg == golden, "{name} differs from its golden file");
    }
}

#[test]
#[ignore = "writes the golden files anew, after a drawing was changed on purpose"]
fn write_the_golden_files() {
    std::fs::create_dir_all(folder()).unwrap();
    for (name, svg) in all() {
        std::fs::write(folder().join(name), svg).unwrap();
    }
}

#[test]
fn a_drawing_has_a_title_a_description_and_no_script_or_style() {
    for (name, svg) in all() {
        assert!(svg.contains("<title>") && svg.contains("<desc>"), "{name}");
        assert!(
            svg.contains("SỐ LIỆU MÔ PHỎNG"),
            "{name} hides that it is simulated"
        );
        for never in ["<script", "<style", "style=", "NaN", "inf", "href"] {
            assert!(!svg.contains(never), "{name} holds {never}");
        }
    }
}

#[test]
fn empty_data_still_draws() {
    let empty = SeriesChart {
        caption: caption("x"),
        unit: "ms".into(),
        series: vec![],
        limit: None,
    };
    assert!(series(&empty, Size::Phone).ends_with("</svg>\n"));
    let empty = Choropleth {
        caption: caption("x"),
        unit: "ms".into(),
        breaks: vec![],
        areas: vec![],
    };
    assert!(choropleth(&empty, Size::Page).contains("không có địa bàn nào"));
    let empty = HeatMap {
        caption: caption("x"),
        unit: "ms".into(),
        cells: [[None; 24]; 7],
    };
    assert!(heat_map(&empty, Size::Page).contains("withheld"));
}

#[test]
fn operators_that_are_all_withheld_say_so_and_have_no_axis() {
    let row = |name: &str| Compared {
        name: name.into(),
        tests: 7,
        estimate: Estimate::Withheld,
        middle: None,
        tier: None,
    };
    let chart = Comparison {
        caption: caption("x"),
        unit: "Mbit/s".into(),
        rows: vec![row("Viettel"), row("iTel")],
    };
    for size in [Size::Page, Size::Phone] {
        let svg = operators(&chart, size);
        assert!(svg.contains("Chưa nhà mạng nào đủ mẫu") && !svg.contains("Mbit/s<"));
    }
}

/// Left, right and baseline of a text, at a guess of half its size a letter.
fn spot(svg: &str, text: &str) -> [f64; 3] {
    let line = svg.lines().find(|line| line.contains(&format!(">{text}<")));
    let line = line.unwrap_or_else(|| panic!("{text:?} is not in {svg}"));
    let at = |name: &str| -> f64 {
        let from = line.find(name).unwrap() + name.len();
        let value: String = line[from..].chars().take_while(|c| *c != '"').collect();
        value.parse().unwrap()
    };
    let (x, width) = (
        at(" x=\""),
        at("font-size=\"") * 0.5 * axis::as_f64(text.chars().count()),
    );
    let left = if line.contains("\"end\"") {
        x - width
    } else if line.contains("\"middle\"") {
        x - width / 2.0
    } else {
        x
    };
    [left, left + width, at(" y=\"")]
}

#[test]
fn the_quota_at_the_top_leaves_the_unit_readable() {
    let month = QuotaMonth {
        caption: caption("x"),
        quota: 300,
        days: 30,
        counted: vec![218],
        projection: None,
    };
    for size in [Size::Page, Size::Phone] {
        let svg = quota(&month, size);
        let [unit, limit] = ["số mẫu", "chỉ tiêu 300"].map(|text| spot(&svg, text));
        let apart = unit[1] < limit[0] || (unit[2] - limit[2]).abs() > 12.0;
        assert!(apart && unit[0] > 0.0, "{unit:?} {limit:?}");
    }
}

#[test]
fn what_a_name_holds_cannot_break_the_drawing() {
    let mut hostile = caption("<script>&\"");
    hostile.synthetic = false;
    let chart = Comparison {
        caption: hostile,
        unit: "ms".into(),
        rows: vec![],
    };
    assert!(operators(&chart, Size::Page).contains("&lt;script&gt;&amp;&quot;"));
}

#[test]
fn values_are_written_as_the_pages_write_them() {
    #[derive(serde::Deserialize)]
    struct Example {
        metric: String,
        value: u64,
        shown: String,
    }
    let text = include_str!("../../../../testdata/format/numbers.json");
    let examples: Vec<Example> = serde_json::from_str(text).unwrap();
    for Example {
        metric,
        value,
        shown,
    } in examples
    {
        let quantity = crate::quantity::Quantity::of(&metric).unwrap();
        let said = written(quantity.shown(value), quantity.unit());
        assert_eq!(said, shown, "{metric} {value}");
    }
}

#[test]
fn numbers_are_written_as_in_vietnamese() {
    assert_eq!(number(1_234_567.891, 2), "1.234.567,89");
    assert_eq!(number(999.96, 1), "1.000,0");
    assert_eq!(number(-0.04, 1), "0,0");
    assert_eq!(number(-12.5, 1), "−12,5");
}
