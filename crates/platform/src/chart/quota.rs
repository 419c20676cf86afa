//! A month's quota: tests so far, and the fan of what is still to come.

use super::axis::{Axis, Plot, as_f64};
use super::palette::{ALARM, INK, SOFT};
use super::series::limit;
use super::svg::{Anchor, FOOT, Svg, head, polyline};
use super::{Caption, Size, number};

/// The chart's data.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaMonth {
    /// What it says around the plot.
    pub caption: Caption,
    /// Tests owed by the end of the month.
    pub quota: u64,
    /// Days of the month.
    pub days: u8,
    /// Tests that count by the end of each day gone, the first day first.
    pub counted: Vec<u64>,
    /// What the rest of the month may bring; absent when it is over.
    pub projection: Option<Projection>,
}

/// The total at the end of the month, as a prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// 5 % quantile.
    pub low: f64,
    /// Expected number.
    pub expected: f64,
    /// 95 % quantile.
    pub high: f64,
    /// Probability that the quota is reached, 0 to 1.
    pub reached: f64,
}

/// Draws the running total against the quota and the even pace; from today on
/// the 90 % fan of the projection.
pub fn quota(data: &QuotaMonth, size: Size) -> String {
    let above = head(size, &data.caption);
    let plot = Plot {
        left: 52.0,
        right: size.width() - if size == Size::Page { 74.0 } else { 20.0 },
        top: above + 18.0,
        bottom: above + 18.0 + 230.0,
    };
    let mut svg = Svg::new(
        size,
        plot.bottom + 48.0 + FOOT,
        &data.caption,
        described(data),
    );
    let quota = metric::unit::to_f64(data.quota);
    let so_far = metric::unit::to_f64(data.counted.last().copied().unwrap_or(0));
    let most = data.projection.map_or(so_far, |p| p.high.max(so_far));
    let axis = Axis::to(most.max(quota), 5.0);
    axis.rows(&mut svg, &plot, "số mẫu");
    let x = |day: f64| plot.left + plot.width() * day / f64::from(data.days.max(1));
    days(&mut svg, data, &plot, &x);
    let pace = format!(r#"stroke="{SOFT}" stroke-width="1" stroke-dasharray="2 3""#);
    svg.line(
        [x(0.0), axis.y(&plot, 0.0)],
        [plot.right, axis.y(&plot, quota)],
        &pace,
    );
    fan(&mut svg, data, &axis, &plot, &x);
    let totals = data.counted.iter().enumerate();
    let totals = totals.map(|(at, n)| [x(as_f64(at + 1)), axis.y(&plot, metric::unit::to_f64(*n))]);
    let points: Vec<_> = [[x(0.0), plot.bottom]].into_iter().chain(totals).collect();
    svg.path(
        &polyline(&points),
        r##"fill="none" stroke="#0B63A8" stroke-width="3""##,
    );
    limit(
        &mut svg,
        &format!("chỉ tiêu {}", number(quota, 0)),
        axis.y(&plot, quota),
        &plot,
    );
    if let Some(&[px, py]) = points.last() {
        // At the end of the month a phone has no room beside the line.
        let (at, anchor) = if px + 44.0 > size.width() {
            ([px - 4.0, py - 8.0], Anchor::End)
        } else {
            ([px + 6.0, py + 14.0], Anchor::Start)
        };
        svg.label(at, anchor, &number(so_far, 0));
    }
    let note = "chấm: nhịp đều để đạt chỉ tiêu";
    svg.small([plot.left, plot.bottom + 34.0], Anchor::Start, SOFT, note);
    svg.finish()
}

fn fan(svg: &mut Svg, data: &QuotaMonth, axis: &Axis, plot: &Plot, x: &impl Fn(f64) -> f64) {
    let Some(projection) = data.projection else {
        return;
    };
    let today = as_f64(data.counted.len());
    let so_far = metric::unit::to_f64(data.counted.last().copied().unwrap_or(0));
    let left = f64::from(data.days) - today;
    // The spread of a sum of days grows with the root of their number.
    let edge = |end: f64| {
        (0..=12).map(move |step| {
            let share = f64::from(step) / 12.0;
            let middle = so_far + (projection.expected - so_far) * share;
            let value = middle + (end - projection.expected) * share.sqrt();
            [x(today + left * share), axis.y(plot, value.max(so_far))]
        })
    };
    let low: Vec<_> = edge(projection.low).collect();
    let outline: Vec<_> = edge(projection.high).chain(low.into_iter().rev()).collect();
    let look = r##"fill="#0B63A8" fill-opacity="0.18" stroke="#0B63A8" stroke-width="0.75""##;
    svg.path(&format!("{}z", polyline(&outline)), look);
    let middle = polyline(&edge(projection.expected).collect::<Vec<_>>());
    let look = r##"fill="none" stroke="#0B63A8" stroke-width="2" stroke-dasharray="6 4""##;
    svg.path(&middle, look);
    let ends = [projection.high, projection.expected, projection.low];
    let mut above = f64::NEG_INFINITY;
    for end in ends {
        // Labels keep a line's height from one another.
        let y = (axis.y(plot, end) + 4.0).max(above + 13.0);
        above = y;
        let (at, anchor) = if svg.width > 500.0 {
            (plot.right + 6.0, Anchor::Start)
        } else {
            (plot.right - 4.0, Anchor::End)
        };
        svg.label([at, y], anchor, &number(end, 0));
    }
    let share = format!("khả năng đạt: {} %", number(projection.reached * 100.0, 0));
    let colour = if projection.reached < 0.5 { ALARM } else { INK };
    svg.text(
        [plot.left + 8.0, plot.top + 16.0],
        Anchor::Start,
        colour,
        &share,
    );
    let note = "dải: khoảng 90 % của dự báo";
    svg.small([plot.left, plot.bottom + 47.0], Anchor::Start, SOFT, note);
}

fn days(svg: &mut Svg, data: &QuotaMonth, plot: &Plot, x: &impl Fn(f64) -> f64) {
    for day in (5..=data.days).step_by(5) {
        let at = [x(f64::from(day)), plot.bottom + 16.0];
        svg.text(at, Anchor::Middle, SOFT, &day.to_string());
    }
    svg.small(
        [plot.right, plot.bottom + 34.0],
        Anchor::End,
        SOFT,
        "ngày trong tháng",
    );
}

fn described(data: &QuotaMonth) -> String {
    let so_far = data.counted.last().copied().unwrap_or(0);
    let mut text = format!(
        "Ngày {}: {} trên {} mẫu",
        data.counted.len(),
        number(metric::unit::to_f64(so_far), 0),
        number(metric::unit::to_f64(data.quota), 0)
    );
    if let Some(p) = data.projection {
        text += &format!(
            "; dự báo cuối tháng {} (90 %: {}–{}), khả năng đạt {} %",
            number(p.expected, 0),
            number(p.low, 0),
            number(p.high, 0),
            number(p.reached * 100.0, 0)
        );
    }
    text
}
