//! Hours of the day against days of the week.

use super::axis::{Plot, as_f64};
use super::palette::{INK, RAMP, SOFT, ink_on};
use super::svg::{Anchor, FOOT, Svg, head};
use super::{Caption, Size, WITHHELD, number, written};

/// The chart's data.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// What it says around the plot.
    pub caption: Caption,
    /// Unit of the values.
    pub unit: String,
    /// Value of each hour of each day, Monday first; `None` is withheld.
    pub cells: [[Option<f64>; 24]; 7],
}

/// Draws the week. On paper every cell carries its number; on a phone the hours
/// run downwards, so that the cells stay large enough for theirs.
pub fn heat_map(data: &HeatMap, size: Size) -> String {
    let upright = size == Size::Phone;
    let (columns, rows) = if upright { (7, 24) } else { (24, 7) };
    let high = if upright { 22.0 } else { 34.0 };
    let above = head(size, &data.caption);
    let plot = Plot {
        left: 44.0,
        right: size.width() - 12.0,
        top: above + 18.0,
        bottom: above + 18.0 + high * as_f64(rows),
    };
    let mut svg = Svg::new(
        size,
        plot.bottom + if upright { 62.0 } else { 46.0 } + FOOT,
        &data.caption,
        described(data),
    );
    let scale = Scale::of(data);
    let wide = plot.width() / as_f64(columns);
    for column in 0..columns {
        for row in 0..rows {
            let (day, hour) = if upright {
                (column, row)
            } else {
                (row, column)
            };
            let at = [
                plot.left + wide * as_f64(column),
                plot.top + high * as_f64(row),
            ];
            cell(&mut svg, at, [wide, high], data.cells[day][hour], &scale);
        }
    }
    names(&mut svg, &plot, upright, wide, high);
    legend(&mut svg, &plot, &scale, &data.unit);
    svg.finish()
}

const DAYS: [&str; 7] = ["T2", "T3", "T4", "T5", "T6", "T7", "CN"];

/// Equal steps between the least and the greatest value.
struct Scale {
    low: f64,
    step: f64,
}

impl Scale {
    fn of(data: &HeatMap) -> Self {
        let known = || data.cells.iter().flatten().flatten().copied();
        let low = known().fold(f64::INFINITY, f64::min);
        let high = known().fold(f64::NEG_INFINITY, f64::max);
        let low = if low.is_finite() { low } else { 0.0 };
        let span = if high > low { high - low } else { 1.0 };
        Self {
            low,
            step: span / as_f64(RAMP.len()),
        }
    }

    fn class(&self, value: f64) -> usize {
        let class = metric::unit::floor_u64((value - self.low) / self.step);
        usize::try_from(class).unwrap_or(0).min(RAMP.len() - 1)
    }
}

fn cell(svg: &mut Svg, at: [f64; 2], [w, h]: [f64; 2], value: Option<f64>, scale: &Scale) {
    let corner = [at[0] + 0.5, at[1] + 0.5];
    let size = [w - 1.0, h - 1.0];
    let Some(value) = value else {
        svg.rect(corner, size, r#"fill="url(#withheld)""#);
        return;
    };
    let class = scale.class(value);
    svg.rect(corner, size, &format!(r#"fill="{}""#, RAMP[class]));
    let middle = [at[0] + w / 2.0, at[1] + h / 2.0 + 3.5];
    let shown = number(value, usize::from(value < 9.95));
    svg.small(middle, Anchor::Middle, ink_on(class), &shown);
}

fn names(svg: &mut Svg, plot: &Plot, upright: bool, wide: f64, high: f64) {
    for (at, day) in DAYS.iter().enumerate() {
        let place = if upright {
            (
                [plot.left + wide * (as_f64(at) + 0.5), plot.top - 6.0],
                Anchor::Middle,
            )
        } else {
            (
                [plot.left - 8.0, plot.top + high * (as_f64(at) + 0.5) + 4.0],
                Anchor::End,
            )
        };
        svg.text(place.0, place.1, INK, day);
    }
    for hour in (0..24).step_by(if upright { 1 } else { 2 }) {
        let (said, at) = (format!("{hour}h"), as_f64(hour) + 0.5);
        if upright {
            svg.small(
                [plot.left - 6.0, plot.top + high * at + 3.5],
                Anchor::End,
                SOFT,
                &said,
            );
        } else {
            svg.small(
                [plot.left + wide * at, plot.top - 6.0],
                Anchor::Middle,
                SOFT,
                &said,
            );
        }
    }
}

fn legend(svg: &mut Svg, plot: &Plot, scale: &Scale, unit: &str) {
    let (y, wide) = (plot.bottom + 10.0, 30.0);
    for (at, colour) in RAMP.iter().enumerate() {
        let x = plot.left + wide * as_f64(at);
        svg.rect(
            [x, y],
            [wide, 10.0],
            &format!(r#"fill="{colour}" stroke="{SOFT}" stroke-width="0.5""#),
        );
        let from = scale.low + scale.step * as_f64(at);
        svg.small([x, y + 22.0], Anchor::Middle, SOFT, &number(from, 0));
    }
    let end = plot.left + wide * as_f64(RAMP.len());
    svg.small([end + 4.0, y + 22.0], Anchor::Start, SOFT, unit);
    let (x, y) = if svg.width > 500.0 {
        (end + 60.0, y)
    } else {
        (plot.left, y + 30.0)
    };
    svg.rect([x, y - 1.0], [12.0, 12.0], r#"fill="url(#withheld)""#);
    svg.small([x + 17.0, y + 9.0], Anchor::Start, SOFT, WITHHELD);
}

fn described(data: &HeatMap) -> String {
    let mut least: Option<(f64, usize, usize)> = None;
    for (day, hours) in data.cells.iter().enumerate() {
        for (hour, value) in hours.iter().enumerate() {
            let Some(value) = *value else { continue };
            if least.is_none_or(|(low, ..)| value < low) {
                least = Some((value, day, hour));
            }
        }
    }
    least.map_or_else(
        || WITHHELD.to_owned(),
        |(value, day, hour)| {
            format!(
                "Thấp nhất: {} {} lúc {hour}h {}",
                written(value, &data.unit),
                data.unit,
                DAYS[day]
            )
        },
    )
}
