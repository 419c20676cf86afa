//! Months of several series, each with the band of its intervals.

use super::axis::{Axis, Plot};
use super::palette::{INK, SOFT, Style, style};
use super::svg::{Anchor, FOOT, Svg, head, polyline, text_width};
use super::{Caption, Estimate, Size, WITHHELD, written};

/// The chart's data.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesChart {
    /// What it says around the plot.
    pub caption: Caption,
    /// Unit of the values, as `Mbit/s`.
    pub unit: String,
    /// The series.
    pub series: Vec<Series>,
    /// A limit to compare with: its name and value.
    pub limit: Option<(String, f64)>,
}

/// One series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its points; all series have the same times.
    pub points: Vec<Point>,
}

/// A value at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The time as it is written on the axis, as `11/2024`.
    pub label: String,
    /// The value.
    pub estimate: Estimate,
}

/// Draws the months of some series. A month without a figure breaks the line
/// and carries a hollow mark on the axis.
pub fn series(data: &SeriesChart, size: Size) -> String {
    let legend = legend_rows(data, size);
    let above = head(size, &data.caption);
    let plot = Plot {
        left: 52.0,
        right: size.width() - 14.0,
        top: above + 18.0 + 18.0 * legend,
        bottom: above + 18.0 + 18.0 * legend + 220.0,
    };
    let mut svg = Svg::new(
        size,
        plot.bottom + 44.0 + FOOT,
        &data.caption,
        described(data),
    );
    key(&mut svg, data, above);
    let tops = data
        .series
        .iter()
        .flat_map(|s| &s.points)
        .map(|p| p.estimate.top());
    let largest = tops
        .chain(data.limit.iter().map(|(_, v)| *v))
        .fold(0.0, f64::max);
    let axis = Axis::to(largest, 5.0);
    axis.rows(&mut svg, &plot, &data.unit);
    times(&mut svg, data, &plot);
    for (at, one) in data.series.iter().enumerate() {
        band(&mut svg, one, style(at), &axis, &plot);
    }
    for (at, one) in data.series.iter().enumerate() {
        line(&mut svg, one, style(at), &axis, &plot);
    }
    if let Some((name, value)) = &data.limit {
        limit(&mut svg, name, axis.y(&plot, *value), &plot);
    }
    svg.finish()
}

pub(super) fn limit(svg: &mut Svg, name: &str, y: f64, plot: &Plot) {
    let look = format!(r#"stroke="{INK}" stroke-width="1.5" stroke-dasharray="8 4""#);
    svg.line([plot.left, y], [plot.right, y], &look);
    svg.label([plot.left + 4.0, y - 5.0], Anchor::Start, name);
}

/// Points next to one another that have values.
fn runs<'a>(one: &'a Series, plot: &Plot) -> Vec<Vec<(f64, &'a Estimate)>> {
    let of = one.points.len();
    let placed = one.points.iter().enumerate();
    let placed: Vec<_> = placed
        .map(|(at, p)| (plot.slot(at, of), &p.estimate))
        .collect();
    let known = |(_, estimate): &(f64, &Estimate)| estimate.value().is_some();
    let parts = placed.split(|point| !known(point));
    parts
        .filter(|run| !run.is_empty())
        .map(<[_]>::to_vec)
        .collect()
}

fn band(svg: &mut Svg, one: &Series, style: Style, axis: &Axis, plot: &Plot) {
    for run in runs(one, plot) {
        let ends: Vec<_> = run
            .iter()
            .filter_map(|(x, e)| Some((*x, e.interval()?)))
            .collect();
        let look = format!(
            r#"fill="{0}" fill-opacity="0.14" stroke="none""#,
            style.colour
        );
        if ends.len() > 1 {
            let high = ends.iter().map(|(x, [_, high])| [*x, axis.y(plot, *high)]);
            let low = ends
                .iter()
                .rev()
                .map(|(x, [low, _])| [*x, axis.y(plot, *low)]);
            let outline: Vec<_> = high.chain(low).collect();
            svg.path(&format!("{}z", polyline(&outline)), &look);
        }
        for (x, [low, high]) in ends {
            let [low, high] = [low, high].map(|v| axis.y(plot, v));
            whisker(svg, [x, low], [x, high], style);
        }
    }
}

/// The interval of one point, with caps: it reads in print too.
fn whisker(svg: &mut Svg, low: [f64; 2], high: [f64; 2], style: Style) {
    let look = format!(r#"stroke="{}" stroke-width="1""#, style.colour);
    svg.line(low, high, &look);
    for [x, y] in [low, high] {
        svg.line([x - 3.0, y], [x + 3.0, y], &look);
    }
}

fn line(svg: &mut Svg, one: &Series, style: Style, axis: &Axis, plot: &Plot) {
    for run in runs(one, plot) {
        let points = run
            .iter()
            .filter_map(|(x, e)| Some([*x, axis.y(plot, e.value()?)]));
        let points: Vec<_> = points.collect();
        let look = format!(
            r#"fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}""#,
            style.colour, style.dash
        );
        svg.path(&polyline(&points), &look);
        for point in points {
            svg.marker(point, style);
        }
    }
    let of = one.points.len();
    for (at, point) in one.points.iter().enumerate() {
        if point.estimate == Estimate::Withheld {
            let x = plot.slot(at, of);
            let look = format!(r#"fill="url(#withheld)" stroke="{}""#, style.colour);
            svg.rect([x - 4.0, plot.bottom - 8.0], [8.0, 8.0], &look);
        }
    }
}

/// Labels of the times: as many as have room.
fn times(svg: &mut Svg, data: &SeriesChart, plot: &Plot) {
    let Some(first) = data.series.first() else {
        return;
    };
    let of = first.points.len();
    let room = plot.width() / super::axis::as_f64(of.max(1));
    let every = (1..=of.max(1)).find(|n| room * super::axis::as_f64(*n) >= 52.0);
    let every = every.unwrap_or(1);
    for (at, point) in first.points.iter().enumerate() {
        // Counted from the newest, which always has its label.
        if (of - 1 - at).is_multiple_of(every) {
            let at = [plot.slot(at, of), plot.bottom + 18.0];
            svg.text(at, Anchor::Middle, SOFT, &point.label);
        }
    }
    let withheld = data.series.iter().flat_map(|s| &s.points);
    if withheld
        .into_iter()
        .any(|p| p.estimate == Estimate::Withheld)
    {
        let at = [plot.left, plot.bottom + 28.0];
        svg.rect(
            at,
            [8.0, 8.0],
            &format!(r#"fill="url(#withheld)" stroke="{SOFT}""#),
        );
        svg.small(
            [plot.left + 13.0, plot.bottom + 36.0],
            Anchor::Start,
            SOFT,
            WITHHELD,
        );
    }
    let note = "dải mờ: khoảng tin cậy 95 %";
    svg.small([plot.right, plot.bottom + 36.0], Anchor::End, SOFT, note);
}

fn entry_width(name: &str) -> f64 {
    42.0 + text_width(name, 12.0)
}

/// Where each name of the key stands: row and left edge.
fn key_places(data: &SeriesChart, width: f64) -> Vec<(f64, f64)> {
    let (mut row, mut x) = (0.0, 12.0);
    let place = |one: &Series| {
        let wide = entry_width(&one.name);
        if x + wide > width - 8.0 && x > 12.0 {
            (row, x) = (row + 1.0, 12.0);
        }
        let here = (row, x);
        x += wide;
        here
    };
    data.series.iter().map(place).collect()
}

fn legend_rows(data: &SeriesChart, size: Size) -> f64 {
    let places = key_places(data, size.width());
    places.last().map_or(0.0, |(row, _)| row + 1.0)
}

fn key(svg: &mut Svg, data: &SeriesChart, above: f64) {
    for (at, (row, x)) in key_places(data, svg.width).into_iter().enumerate() {
        let (style, y) = (style(at), above + 6.0 + 18.0 * row);
        let look = format!(
            r#"stroke="{}" stroke-width="2" stroke-dasharray="{}""#,
            style.colour, style.dash
        );
        svg.line([x, y - 4.0], [x + 24.0, y - 4.0], &look);
        svg.marker([x + 12.0, y - 4.0], style);
        svg.text([x + 30.0, y], Anchor::Start, INK, &data.series[at].name);
    }
}

fn described(data: &SeriesChart) -> String {
    let said = |one: &Series| {
        let newest = one.points.last();
        let value = newest.map_or_else(String::new, |p| match p.estimate {
            Estimate::Known { value, .. } => {
                format!("{}: {} {}", p.label, written(value, &data.unit), data.unit)
            }
            Estimate::Withheld => format!("{}: {WITHHELD}", p.label),
        });
        format!("{} – {value}", one.name)
    };
    data.series.iter().map(said).collect::<Vec<_>>().join("; ")
}
