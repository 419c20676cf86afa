//! Operators, or anything else, beside one another: value and interval.

use super::axis::{Axis, Plot, as_f64};
use super::palette::{INK, RAMP, SOFT, style};
use super::svg::{Anchor, FOOT, Svg, head};
use super::{Caption, Estimate, Size, WITHHELD, between, number, written};

/// The chart's data.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What it says around the plot.
    pub caption: Caption,
    /// Unit of the values.
    pub unit: String,
    /// The rows, in the order they are drawn.
    pub rows: Vec<Compared>,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Tests behind it.
    pub tests: u64,
    /// The value.
    pub estimate: Estimate,
    /// Where the middle half of the tests lies: p25 and p75.
    pub middle: Option<[f64; 2]>,
    /// Its tier: rows of one tier do not differ beyond chance.
    pub tier: Option<u32>,
}

/// Draws a row for each operator: a dot with its interval over a pale bar from
/// the first to the third quarter of its tests.
pub fn operators(data: &Comparison, size: Size) -> String {
    const ROW: f64 = 44.0;
    let above = head(size, &data.caption);
    let plot = Plot {
        left: if size == Size::Page { 150.0 } else { 118.0 },
        right: size.width() - 20.0,
        top: above + 6.0,
        bottom: above + 6.0 + ROW * as_f64(data.rows.len().max(1)),
    };
    let mut svg = Svg::new(
        size,
        plot.bottom + 52.0 + FOOT,
        &data.caption,
        described(data),
    );
    let middle = |row: &Compared| row.middle.map_or(0.0, |[_, high]| high);
    let tops = data
        .rows
        .iter()
        .map(|row| row.estimate.top().max(middle(row)));
    let axis = Axis::to(tops.fold(0.0, f64::max), 4.0);
    let known = data.rows.iter().any(|row| row.estimate.value().is_some());
    if known {
        axis.columns(&mut svg, &plot, &data.unit);
    }
    for (at, row) in data.rows.iter().enumerate() {
        one(
            &mut svg,
            (row, &data.unit),
            (at, plot.top + ROW * (as_f64(at) + 0.5)),
            &axis,
            &plot,
        );
    }
    svg.small(
        [12.0, plot.bottom + 46.0],
        Anchor::Start,
        SOFT,
        note(known, size),
    );
    svg.finish()
}

/// What the marks mean; or, where there are none, why. An axis without a mark
/// would look like nothing measured.
const fn note(known: bool, size: Size) -> &'static str {
    match (known, size) {
        (false, _) => "Chưa nhà mạng nào đủ mẫu để công bố.",
        (true, Size::Page) => {
            "vạch ngang: khoảng tin cậy 95 % của trung vị; thanh nhạt: một nửa số lần đo ở giữa"
        }
        (true, Size::Phone) => "vạch: 95 %; thanh nhạt: nửa giữa số lần đo",
    }
}

fn one(
    svg: &mut Svg,
    (row, unit): (&Compared, &str),
    (at, y): (usize, f64),
    axis: &Axis,
    plot: &Plot,
) {
    svg.text([12.0, y - 1.0], Anchor::Start, INK, &row.name);
    let tier = row
        .tier
        .map_or_else(String::new, |tier| format!(" · nhóm {tier}"));
    let tests = format!("n = {}{tier}", number(metric::unit::to_f64(row.tests), 0));
    svg.small([12.0, y + 12.0], Anchor::Start, SOFT, &tests);
    let Estimate::Known { value, interval } = row.estimate else {
        let look = format!(r#"fill="url(#withheld)" stroke="{SOFT}""#);
        svg.rect([plot.left, y - 8.0], [88.0, 16.0], &look);
        svg.label([plot.left + 44.0, y + 4.0], Anchor::Middle, WITHHELD);
        return;
    };
    if let Some(middle) = row.middle {
        let [l, h] = middle.map(|v| axis.x(plot, v));
        let look = format!(r#"fill="{}""#, RAMP[1]);
        svg.rect([l, y - 4.0], [h - l, 12.0], &look);
    }
    let style = style(at);
    if let Some(ends) = interval {
        let [l, h] = ends.map(|v| axis.x(plot, v));
        let look = format!(r#"stroke="{}" stroke-width="2""#, style.colour);
        svg.line([l, y + 2.0], [h, y + 2.0], &look);
        for end in [l, h] {
            svg.line([end, y - 4.0], [end, y + 8.0], &look);
        }
    }
    let x = axis.x(plot, value);
    svg.marker([x, y + 2.0], style);
    let anchor = if x + 70.0 > plot.right {
        Anchor::End
    } else {
        Anchor::Start
    };
    svg.label([x, y - 9.0], anchor, &said(value, interval, unit));
}

fn said(value: f64, interval: Option<[f64; 2]>, unit: &str) -> String {
    let ends = interval.map_or_else(String::new, |ends| format!(" ({})", between(ends, unit)));
    format!("{}{ends}", written(value, unit))
}

fn described(data: &Comparison) -> String {
    let said = |row: &Compared| match row.estimate {
        Estimate::Known { value, interval } => {
            format!(
                "{}: {} {}",
                row.name,
                said(value, interval, &data.unit),
                data.unit
            )
        }
        Estimate::Withheld => format!("{}: {WITHHELD}", row.name),
    };
    data.rows.iter().map(said).collect::<Vec<_>>().join("; ")
}
