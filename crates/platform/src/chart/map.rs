//! Areas filled by class.

use geo::{BoundingRect as _, InteriorPoint as _, MultiPolygon, Rect};

use super::axis::as_f64;
use super::palette::{INK, RAMP, SOFT};
use super::svg::{Anchor, FOOT, Svg, head, short as coordinate};
use super::{Caption, Size, WITHHELD, number, written};

/// The chart's data.
#[derive(Clone, Debug, PartialEq)]
pub struct Choropleth {
    /// What it says around the plot.
    pub caption: Caption,
    /// Unit of the values.
    pub unit: String,
    /// Where the classes part, rising; at most five numbers make six classes.
    pub breaks: Vec<f64>,
    /// The areas.
    pub areas: Vec<MapArea>,
}

/// An area on the map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapArea {
    /// Its name.
    pub name: String,
    /// Its border, WGS 84 degrees.
    pub border: MultiPolygon<f64>,
    /// Its value; `None` is withheld.
    pub value: Option<f64>,
}

/// Draws the areas. The class is a colour and a number of strokes; the value
/// stands on each area that has room for it.
pub fn choropleth(data: &Choropleth, size: Size) -> String {
    let above = head(size, &data.caption);
    let Some(view) = view(data, size, above) else {
        let svg = Svg::new(
            size,
            above + FOOT + 30.0,
            &data.caption,
            "không có địa bàn nào".into(),
        );
        return svg.finish();
    };
    let legend = 20.0 * as_f64(data.breaks.len() + 2);
    let below = if size == Size::Page { 0.0 } else { legend };
    let height = (above + view.height + below + FOOT + 16.0).max(above + legend + FOOT + 20.0);
    let mut svg = Svg::new(size, height, &data.caption, described(data));
    for area in &data.areas {
        let fill = area
            .value
            .map_or("url(#withheld)", |value| RAMP[class(data, value)]);
        let look =
            format!(r##"fill="{fill}" fill-rule="evenodd" stroke="#FFFFFF" stroke-width="1.5""##);
        svg.path(&view.outline(&area.border), &look);
        let look = format!(r#"fill="none" stroke="{INK}" stroke-width="0.6""#);
        svg.path(&view.outline(&area.border), &look);
    }
    for area in &data.areas {
        name(&mut svg, area, &data.unit, &view);
    }
    let at = if size == Size::Page {
        [svg.width - 190.0, above + 4.0]
    } else {
        [12.0, above + view.height + 10.0]
    };
    key(&mut svg, data, at);
    svg.finish()
}

fn class(data: &Choropleth, value: f64) -> usize {
    data.breaks
        .iter()
        .filter(|limit| value >= **limit)
        .count()
        .min(RAMP.len() - 1)
}

fn name(svg: &mut Svg, area: &MapArea, unit: &str, view: &View) {
    let Some(inside) = area.border.interior_point() else {
        return;
    };
    let [x, y] = view.place(inside.x(), inside.y());
    svg.label([x, y - 2.0], Anchor::Middle, &area.name);
    let value = area
        .value
        .map_or_else(|| WITHHELD.to_owned(), |value| written(value, unit));
    svg.label([x, y + 11.0], Anchor::Middle, &value);
}

fn key(svg: &mut Svg, data: &Choropleth, [x, y]: [f64; 2]) {
    for at in 0..=data.breaks.len() {
        let top = y + 20.0 * as_f64(at);
        let look = format!(
            r#"fill="{}" stroke="{INK}" stroke-width="0.6""#,
            RAMP[at.min(RAMP.len() - 1)]
        );
        svg.rect([x, top], [22.0, 14.0], &look);
        let limit = |at: usize| data.breaks.get(at).map(|v| number(*v, 0));
        let said = match (at.checked_sub(1).and_then(limit), limit(at)) {
            (None, Some(to)) => format!("dưới {to} {}", data.unit),
            (Some(from), Some(to)) => format!("{from} đến dưới {to}"),
            (Some(from), None) => format!("từ {from} trở lên"),
            (None, None) => data.unit.clone(),
        };
        svg.text([x + 30.0, top + 11.0], Anchor::Start, SOFT, &said);
    }
    let top = y + 20.0 * as_f64(data.breaks.len() + 1);
    let look = format!(r#"fill="url(#withheld)" stroke="{INK}" stroke-width="0.6""#);
    svg.rect([x, top], [22.0, 14.0], &look);
    svg.text([x + 30.0, top + 11.0], Anchor::Start, SOFT, WITHHELD);
}

/// Degrees to units: equirectangular, true to scale at the middle latitude,
/// which is enough for anything from a ward to a country as slim as Vietnam.
pub(super) struct View {
    west: f64,
    north: f64,
    per_degree: f64,
    squeeze: f64,
    left: f64,
    top: f64,
    height: f64,
}

/// The view of all areas; `None` where there are none.
fn view(data: &Choropleth, size: Size, top: f64) -> Option<View> {
    let rects = data
        .areas
        .iter()
        .filter_map(|area| area.border.bounding_rect());
    let all = rects.reduce(|a, b| {
        let low = (a.min().x.min(b.min().x), a.min().y.min(b.min().y));
        let high = (a.max().x.max(b.max().x), a.max().y.max(b.max().y));
        Rect::new(low, high)
    })?;
    let room = if size == Size::Page {
        [size.width() - 220.0, 460.0]
    } else {
        [size.width() - 24.0, 420.0]
    };
    Some(View::of(all, room, top))
}

impl View {
    /// The view of a rectangle that fits into a room below `top`.
    pub(super) fn of(all: Rect<f64>, [room, tall]: [f64; 2], top: f64) -> Self {
        let squeeze = f64::midpoint(all.min().y, all.max().y).to_radians().cos();
        let per_degree =
            (room / (all.width() * squeeze).max(1e-9)).min(tall / all.height().max(1e-9));
        let left = 12.0 + (room - all.width() * squeeze * per_degree) / 2.0;
        Self {
            west: all.min().x,
            north: all.max().y,
            per_degree,
            squeeze,
            left,
            top,
            height: all.height() * per_degree,
        }
    }

    /// Height of what is shown.
    pub(super) const fn height(&self) -> f64 {
        self.height
    }

    /// Units for a degree of latitude.
    pub(super) const fn per_degree(&self) -> f64 {
        self.per_degree
    }

    /// Corner and size of a rectangle.
    pub(super) fn frame(&self, rect: Rect<f64>) -> ([f64; 2], [f64; 2]) {
        let [left, top] = self.place(rect.min().x, rect.max().y);
        let [right, bottom] = self.place(rect.max().x, rect.min().y);
        ([left, top], [right - left, bottom - top])
    }

    pub(super) fn place(&self, east: f64, north: f64) -> [f64; 2] {
        let x = self.left + (east - self.west) * self.squeeze * self.per_degree;
        [x, self.top + (self.north - north) * self.per_degree]
    }

    /// The rings of a border; corners closer than half a unit are left out.
    pub(super) fn outline(&self, border: &MultiPolygon<f64>) -> String {
        let rings = border
            .iter()
            .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
        let mut d = String::new();
        for ring in rings {
            let mut last: Option<[f64; 2]> = None;
            for corner in ring.coords() {
                let [x, y] = self.place(corner.x, corner.y);
                let far = last.is_none_or(|[px, py]| (x - px).hypot(y - py) >= 0.5);
                if far {
                    let command = if last.is_none() { 'M' } else { 'L' };
                    d.push(command);
                    d += &format!("{},{}", coordinate(x), coordinate(y));
                    last = Some([x, y]);
                }
            }
            d.push('z');
        }
        d
    }
}

fn described(data: &Choropleth) -> String {
    let said = |area: &MapArea| {
        let value = area.value.map_or_else(
            || WITHHELD.to_owned(),
            |v| format!("{} {}", written(v, &data.unit), data.unit),
        );
        format!("{}: {value}", area.name)
    };
    data.areas.iter().map(said).collect::<Vec<_>>().join("; ")
}
