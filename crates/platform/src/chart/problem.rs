//! Where a problem area lies: its hexagons over the borders around them.

use geo::{BoundingRect as _, Coord, InteriorPoint as _, LineString, MultiPolygon, Polygon, Rect};
use h3o::CellIndex;
use metric::position::METRES_PER_DEGREE;

use super::map::View;
use super::palette::{ALARM, INK, SOFT};
use super::svg::{Anchor, FOOT, Svg, head};
use super::{Caption, Size, number};

/// The chart's data.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemMap {
    /// What it says around the plot.
    pub caption: Caption,
    /// The hexagons, WGS 84 degrees.
    pub cells: MultiPolygon<f64>,
    /// The areas around them.
    pub borders: Vec<Surroundings>,
    /// Device-days below the limit, and all.
    pub below: [u64; 2],
    /// 95 % interval of their share.
    pub interval: [f64; 2],
    /// The limit, bit/s.
    pub limit_bits_per_second: u64,
}

/// An area around a problem area.
#[derive(Clone, Debug, PartialEq)]
pub struct Surroundings {
    /// Its name.
    pub name: String,
    /// Its border, WGS 84 degrees.
    pub border: MultiPolygon<f64>,
}

/// The hexagon of a cell.
pub fn outline(cell: CellIndex) -> Polygon<f64> {
    let corners = cell.boundary();
    let corners = corners.iter().map(|c| Coord {
        x: c.lng(),
        y: c.lat(),
    });
    Polygon::new(LineString::from_iter(corners), vec![])
}

/// What is shown around hexagons: as much again on each side, 600 m at least.
pub fn surroundings(cells: Rect<f64>) -> Rect<f64> {
    let least = 600.0 / METRES_PER_DEGREE;
    let margin = Coord {
        x: cells.width().max(least) * 0.9,
        y: cells.height().max(least) * 0.7,
    };
    Rect::new(cells.min() - margin, cells.max() + margin)
}

/// Draws the hexagons, the borders and a scale.
pub fn problem_map(data: &ProblemMap, size: Size) -> String {
    let above = head(size, &data.caption);
    let Some(cells) = data.cells.bounding_rect() else {
        let nowhere = "không có ô nào".into();
        return Svg::new(size, above + FOOT + 30.0, &data.caption, nowhere).finish();
    };
    let shown = surroundings(cells);
    let tall = if size == Size::Page { 420.0 } else { 300.0 };
    let view = View::of(shown, [size.width() - 24.0, tall], above);
    let below = above + view.height();
    let mut svg = Svg::new(size, below + 78.0 + FOOT, &data.caption, described(data));
    let (corner, room) = view.frame(shown);
    svg.clip("plot", corner, room);
    svg.rect(corner, room, r##"fill="#F7F9FA""##);
    for area in &data.borders {
        let look =
            format!(r#"fill="none" stroke="{SOFT}" stroke-width="1" clip-path="url(#plot)""#);
        svg.path(&view.outline(&area.border), &look);
    }
    let look = format!(
        r#"fill="{ALARM}" fill-opacity="0.28" stroke="{ALARM}" stroke-width="2" clip-path="url(#plot)""#
    );
    svg.path(&view.outline(&data.cells), &look);
    svg.rect(
        corner,
        room,
        &format!(r#"fill="none" stroke="{INK}" stroke-width="0.6""#),
    );
    names(&mut svg, data, &view, shown);
    scale(&mut svg, &view, [corner[0], below + 14.0], room[0]);
    svg.text([12.0, below + 36.0], Anchor::Start, INK, &slow(data));
    svg.text([12.0, below + 53.0], Anchor::Start, SOFT, &range(data));
    let note = "đỏ: các ô của vùng yếu · nét mảnh: ranh giới phường";
    svg.small([12.0, below + 70.0], Anchor::Start, SOFT, note);
    svg.finish()
}

/// The name of each area that shows enough of itself.
fn names(svg: &mut Svg, data: &ProblemMap, view: &View, shown: Rect<f64>) {
    for area in &data.borders {
        let visible = visible(&area.border, shown);
        let Some(inside) = visible.interior_point() else {
            continue;
        };
        let rect = visible.bounding_rect();
        let wide = rect.is_some_and(|rect| rect.width() > shown.width() * 0.25);
        if wide {
            svg.label(
                view.place(inside.x(), inside.y()),
                Anchor::Middle,
                &area.name,
            );
        }
    }
}

fn visible(border: &MultiPolygon<f64>, shown: Rect<f64>) -> MultiPolygon<f64> {
    use geo::BooleanOps as _;
    border.intersection(&MultiPolygon::from(shown.to_polygon()))
}

/// A bar of a round number of metres.
fn scale(svg: &mut Svg, view: &View, [x, y]: [f64; 2], room: f64) {
    let per_metre = view.per_degree() / METRES_PER_DEGREE;
    let lengths = [2_000.0, 1_000.0, 500.0, 200.0, 100.0];
    let fits = |metres: &f64| metres * per_metre <= room * 0.35;
    let metres = lengths.into_iter().find(fits).unwrap_or(50.0);
    let end = x + metres * per_metre;
    svg.line(
        [x, y],
        [end, y],
        &format!(r#"stroke="{INK}" stroke-width="3""#),
    );
    let said = if metres < 1_000.0 {
        format!("{} m", number(metres, 0))
    } else {
        format!("{} km", number(metres / 1_000.0, 0))
    };
    svg.label([end + 6.0, y + 4.0], Anchor::Start, &said);
}

fn slow(data: &ProblemMap) -> String {
    let [below, all] = data.below.map(metric::unit::to_f64);
    let limit = metric::unit::to_f64(data.limit_bits_per_second) / 1e6;
    format!(
        "{} trên {} thiết bị-ngày dưới {} Mbit/s",
        number(below, 0),
        number(all, 0),
        number(limit, 0)
    )
}

fn range(data: &ProblemMap) -> String {
    let [below, all] = data.below.map(metric::unit::to_f64);
    let [low, high] = data.interval.map(|share| number(share * 100.0, 0));
    let share = number(below / all.max(1.0) * 100.0, 0);
    format!("{share} %, khoảng tin cậy 95 %: {low}–{high} %")
}

fn described(data: &ProblemMap) -> String {
    let cells = data.cells.iter().count();
    let names: Vec<_> = data.borders.iter().map(|area| area.name.as_str()).collect();
    format!(
        "{}; {}; {} ô; gần {}",
        slow(data),
        range(data),
        number(metric::unit::to_f64(cells as u64), 0),
        names.join(", ")
    )
}
