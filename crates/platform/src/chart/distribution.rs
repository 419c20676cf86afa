//! How the tests of a place are spread, with the median and its interval.

use super::axis::{Axis, Plot, as_f64};
use super::palette::{INK, RAMP, SOFT};
use super::svg::{Anchor, FOOT, Svg, head};
use super::{Caption, Estimate, Size, WITHHELD, between, written};

/// The chart's data.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// What it says around the plot.
    pub caption: Caption,
    /// Unit of the values, as `Mbit/s`.
    pub unit: String,
    /// The values, in any order.
    pub values: Vec<f64>,
    /// The median and its interval.
    pub median: Estimate,
    /// A limit to compare with: its name and value.
    pub limit: Option<(String, f64)>,
}

/// Draws a histogram; what lies beyond the 99th of a hundred tests is one last
/// bar, named so, that a few tests do not flatten the others.
pub fn distribution(data: &Distribution, size: Size) -> String {
    let above = head(size, &data.caption);
    let plot = Plot {
        left: 52.0,
        right: size.width() - 18.0,
        top: above + 48.0,
        bottom: above + 48.0 + 190.0,
    };
    let mut svg = Svg::new(
        size,
        plot.bottom + 40.0 + FOOT,
        &data.caption,
        described(data),
    );
    let bars = Bars::of(data, if size == Size::Page { 24.0 } else { 12.0 });
    let most = bars.counts.iter().copied().max().unwrap_or(0);
    let rows = Axis::to(as_f64(most), 4.0);
    rows.rows(&mut svg, &plot, "số lần đo");
    bars.draw(&mut svg, &rows, &plot);
    bars.label(&mut svg, &plot, &data.unit);
    if let Some((name, value)) = &data.limit {
        let x = bars.x(&plot, *value);
        let look = format!(r#"stroke="{INK}" stroke-width="1.5" stroke-dasharray="8 4""#);
        svg.line([x, plot.top], [x, plot.bottom], &look);
        // To the left of the median, unless there is no room for the words.
        let left = data.median.value().is_some_and(|median| *value < median);
        let left = left && x - plot.left > 80.0;
        let (at, anchor) = if left {
            (x - 5.0, Anchor::End)
        } else {
            (x + 5.0, Anchor::Start)
        };
        svg.label([at, plot.top + 12.0], anchor, name);
    }
    middle(&mut svg, &bars, data, &plot);
    svg.finish()
}

/// The median as a line, its interval as a band with ends.
fn middle(svg: &mut Svg, bars: &Bars, data: &Distribution, plot: &Plot) {
    let y = plot.top - 12.0;
    let Some(value) = data.median.value() else {
        svg.text(
            [plot.left, y - 8.0],
            Anchor::Start,
            SOFT,
            &format!("Trung vị: {WITHHELD}"),
        );
        return;
    };
    let x = bars.x(plot, value);
    let mut said = format!("Trung vị {} {}", written(value, &data.unit), data.unit);
    if let Some([low, high]) = data.median.interval() {
        let [l, h] = [low, high].map(|v| bars.x(plot, v));
        let band = r##"fill="#C36C13" fill-opacity="0.22""##;
        svg.rect([l, plot.top], [h - l, plot.height()], band);
        let ends = r##"stroke="#C36C13" stroke-width="2""##;
        svg.line([l, y], [h, y], ends);
        for end in [l, h] {
            svg.line([end, y - 5.0], [end, y + 5.0], ends);
        }
        said += &format!(" (95 %: {})", between([low, high], &data.unit));
    }
    let look = r##"stroke="#C36C13" stroke-width="2.5""##;
    svg.line([x, y - 5.0], [x, plot.bottom], look);
    svg.text([plot.left, y - 14.0], Anchor::Start, INK, &said);
}

/// Equal bars from zero, and one for what lies beyond.
struct Bars {
    axis: Axis,
    width: f64,
    counts: Vec<usize>,
    beyond: bool,
}

impl Bars {
    fn of(data: &Distribution, bars: f64) -> Self {
        let mut sorted: Vec<_> = data
            .values
            .iter()
            .copied()
            .filter(|v| v.is_finite())
            .collect();
        sorted.sort_by(f64::total_cmp);
        let last = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
        let limit = data.limit.as_ref().map_or(0.0, |(_, v)| *v);
        let largest = sorted.get(last).copied().unwrap_or(0.0);
        let axis = Axis::to(largest.max(data.median.top()).max(limit), 6.0);
        let width = axis.top / bars;
        let mut counts = vec![0; usize::try_from(metric::unit::floor_u64(bars)).unwrap_or(1)];
        let end = counts.len();
        counts.push(0);
        for value in sorted {
            let bar = usize::try_from(metric::unit::floor_u64(value / width)).unwrap_or(end);
            counts[bar.min(end)] += 1;
        }
        let beyond = counts[end] > 0;
        if !beyond {
            counts.pop();
        }
        Self {
            axis,
            width,
            counts,
            beyond,
        }
    }

    /// Share of the plot's width that the axis has: the last bar stands apart.
    fn scaled(&self, plot: &Plot) -> Plot {
        let kept = if self.beyond { 0.93 } else { 1.0 };
        Plot {
            right: plot.left + plot.width() * kept,
            ..*plot
        }
    }

    fn x(&self, plot: &Plot, value: f64) -> f64 {
        self.axis.x(&self.scaled(plot), value)
    }

    fn draw(&self, svg: &mut Svg, rows: &Axis, plot: &Plot) {
        let regular = self.counts.len() - usize::from(self.beyond);
        for (at, count) in self.counts.iter().enumerate() {
            let from = self.x(plot, as_f64(at) * self.width);
            let to = self.x(plot, as_f64(at + 1) * self.width);
            let (left, wide) = if at < regular {
                (from + 0.5, to - from - 1.0)
            } else {
                let left = self.scaled(plot).right + 6.0;
                (left, plot.right - left)
            };
            let y = rows.y(plot, as_f64(*count));
            svg.rect(
                [left, y],
                [wide, plot.bottom - y],
                &format!(r#"fill="{}""#, RAMP[3]),
            );
        }
    }

    fn label(&self, svg: &mut Svg, plot: &Plot, unit: &str) {
        let scaled = self.scaled(plot);
        for tick in self.axis.ticks() {
            let at = [self.axis.x(&scaled, tick), plot.bottom + 16.0];
            svg.text(at, Anchor::Middle, SOFT, &super::number(tick, 0));
        }
        let note = if self.beyond {
            format!(
                "{unit} · cột cuối: lớn hơn {}",
                super::number(self.axis.top, 0)
            )
        } else {
            unit.to_owned()
        };
        svg.small([plot.right, plot.bottom + 32.0], Anchor::End, SOFT, &note);
    }
}

fn described(data: &Distribution) -> String {
    let median = match data.median {
        Estimate::Known { value, .. } => {
            format!("trung vị {} {}", written(value, &data.unit), data.unit)
        }
        Estimate::Withheld => format!("trung vị: {WITHHELD}"),
    };
    format!(
        "{} lần đo; {median}",
        super::number(as_f64(data.values.len()), 0)
    )
}
