//! Charts for documents and pages: pure functions from data to SVG text.
//!
//! Every chart reads in print and without colour: series differ by dash and
//! marker, classes by pattern or a number, and what is withheld is drawn as
//! such and never as zero. Labels are Vietnamese, numbers have a decimal
//! comma, fonts are generic, and there is neither script nor style sheet, so
//! that the page's policy and any viewer take them. The bytes follow from the
//! data alone.

mod axis;
mod distribution;
mod heat;
mod map;
mod operators;
mod palette;
mod problem;
mod quota;
mod series;
mod svg;

#[cfg(test)]
mod tests;

pub use distribution::{Distribution, distribution};
pub use heat::{HeatMap, heat_map};
pub use map::{Choropleth, MapArea, choropleth};
pub use operators::{Compared, Comparison, operators};
pub use problem::{ProblemMap, Surroundings, outline, problem_map, surroundings};
pub use quota::{Projection, QuotaMonth, quota};
pub use series::{Point, Series, SeriesChart, series};

/// Where a chart will be read; its letters keep their size, its plot does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    /// A page of a document or a wide screen.
    Page,
    /// A phone held upright.
    Phone,
}

impl Size {
    const fn width(self) -> f64 {
        match self {
            Self::Page => 720.0,
            Self::Phone => 340.0,
        }
    }
}

/// A value with its interval, in the unit of the chart; or that it is withheld.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Estimate {
    /// Enough tests.
    Known {
        /// The value.
        value: f64,
        /// The two ends of its 95 % interval, where there is one.
        interval: Option<[f64; 2]>,
    },
    /// Too few tests for a figure.
    Withheld,
}

impl Estimate {
    const fn value(self) -> Option<f64> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Withheld => None,
        }
    }

    const fn interval(self) -> Option<[f64; 2]> {
        match self {
            Self::Known { interval, .. } => interval,
            Self::Withheld => None,
        }
    }

    /// The largest number that has to fit on the axis.
    fn top(self) -> f64 {
        let value = self.value().unwrap_or(0.0);
        self.interval().map_or(value, |[_, high]| high.max(value))
    }
}

/// What every chart says above and below its plot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caption {
    /// The title, which is also what a screen reader says.
    pub title: String,
    /// Where, when, how many: a line under the title.
    pub subtitle: String,
    /// Source and edition: a line under the plot.
    pub source: String,
    /// Whether the numbers are those of a simulation; the chart says so.
    pub synthetic: bool,
}

/// A number as Vietnamese writes it: a dot each three digits, a decimal comma.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = whole.len();
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (digits - at).is_multiple_of(3) {
            out.push('.');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push(',');
        out.push_str(fraction);
    }
    let zero = text.chars().all(|c| c == '0' || c == '.');
    if value < 0.0 && !zero {
        format!("−{out}")
    } else {
        out
    }
}

/// A value with as many decimals as its size and unit deserve, as the pages
/// write it: three figures that count of a rate, whole milliseconds from ten on.
pub fn written(value: f64, unit: &str) -> String {
    rounded(value, decimals(value, unit))
}

/// The two ends of an interval; of a rate both with the decimals of the upper one.
pub(crate) fn between([low, high]: [f64; 2], unit: &str) -> String {
    let of_low = if unit == "ms" { low } else { high };
    let low = rounded(low, decimals(of_low, unit));
    format!("{low}–{}", written(high, unit))
}

fn decimals(value: f64, unit: &str) -> usize {
    match unit {
        "ms" if value < 10.0 => 1,
        "ms" => 0,
        _ if value < 1.0 => 2,
        _ if value < 100.0 => 1,
        _ => 0,
    }
}

/// Halves go up, as in the pages; formatting alone would make them even.
fn rounded(value: f64, decimals: usize) -> String {
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    number((value * scale).round() / scale, decimals)
}

/// What stands where a figure is withheld.
const WITHHELD: &str = "chưa đủ mẫu";
