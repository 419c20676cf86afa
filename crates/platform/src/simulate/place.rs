//! Points in, at and outside a ward.

use geo::{BoundingRect as _, Coord, Intersects as _, LinesIter as _, Point, Rect};
use metric::position::{METRES_PER_DEGREE, PositionClaim};

use crate::area::Area;
use metric::chance::Chance;

/// Tries before a wish is given up, for wards of odd shapes.
const TRIES: usize = 200;

/// Room around a position that stays within the ward, in accuracy radii.
const ROOM: f64 = 1.2;

/// A position uniform in the ward, with its accuracy disc inside where the
/// ward is wide enough.
pub(super) fn inside(area: &Area, accuracy_metres: f64, chance: &mut Chance) -> PositionClaim {
    let rect = area.geometry.bounding_rect().unwrap_or_else(nowhere);
    let holds = |point: &Point| area.geometry.intersects(point);
    let mut fallback = rect.center().into();
    for _ in 0..TRIES {
        let point = uniform(rect, chance);
        if !holds(&point) {
            continue;
        }
        if around(point, ROOM * accuracy_metres).iter().all(holds) {
            return claim(point, accuracy_metres);
        }
        fallback = point;
    }
    claim(fallback, accuracy_metres)
}

/// A position on the border of the ward.
pub(super) fn on_border(area: &Area, accuracy_metres: f64, chance: &mut Chance) -> PositionClaim {
    let lines: Vec<_> = area.geometry.lines_iter().collect();
    let point = lines.get(chance.index(lines.len())).map_or_else(
        || Point(nowhere().min()),
        |line| Point(line.start + line.delta() * chance.unit()),
    );
    claim(point, accuracy_metres)
}

/// A position some kilometres around the wards and in none of them.
pub(super) fn outside<'a>(
    areas: impl Iterator<Item = &'a Area> + Clone,
    accuracy_metres: f64,
    chance: &mut Chance,
) -> PositionClaim {
    let rect = areas
        .clone()
        .filter_map(|area| area.geometry.bounding_rect())
        .reduce(joined);
    let rect = wider(rect.unwrap_or_else(nowhere));
    let free = |point: &Point| !areas.clone().any(|area| area.geometry.intersects(point));
    let found = (0..TRIES).map(|_| uniform(rect, chance)).find(free);
    claim(found.unwrap_or_else(|| Point(rect.max())), accuracy_metres)
}

/// A position a few steps from another.
pub(super) fn near(claim: PositionClaim, metres: f64, chance: &mut Chance) -> PositionClaim {
    let step = metres / METRES_PER_DEGREE;
    PositionClaim {
        latitude_degrees: rounded(claim.latitude_degrees + chance.within(-step, step)),
        longitude_degrees: rounded(claim.longitude_degrees + chance.within(-step, step)),
        ..claim
    }
}

/// Stands in for the box of a ward without a boundary.
fn nowhere() -> Rect<f64> {
    Rect::new(Coord { x: 106.7, y: 10.77 }, Coord { x: 106.7, y: 10.77 })
}

fn uniform(rect: Rect<f64>, chance: &mut Chance) -> Point<f64> {
    let x = chance.within(rect.min().x, rect.max().x);
    let y = chance.within(rect.min().y, rect.max().y);
    Point::new(rounded(x), rounded(y))
}

/// Eight points around another.
fn around(point: Point<f64>, metres: f64) -> [Point<f64>; 8] {
    let north = metres / METRES_PER_DEGREE;
    let east = north / point.y().to_radians().cos();
    [0_u8, 1, 2, 3, 4, 5, 6, 7].map(|eighth| {
        let (sine, cosine) = (f64::from(eighth) * std::f64::consts::FRAC_PI_4).sin_cos();
        Point::new(point.x() + east * cosine, point.y() + north * sine)
    })
}

fn joined(a: Rect<f64>, b: Rect<f64>) -> Rect<f64> {
    let low = Coord {
        x: a.min().x.min(b.min().x),
        y: a.min().y.min(b.min().y),
    };
    let high = Coord {
        x: a.max().x.max(b.max().x),
        y: a.max().y.max(b.max().y),
    };
    Rect::new(low, high)
}

/// A box with 0.02° (about 2 km) more on each side.
fn wider(rect: Rect<f64>) -> Rect<f64> {
    let margin = Coord { x: 0.02, y: 0.02 };
    Rect::new(rect.min() - margin, rect.max() + margin)
}

fn claim(point: Point<f64>, accuracy_metres: f64) -> PositionClaim {
    PositionClaim {
        latitude_degrees: rounded(point.y()),
        longitude_degrees: rounded(point.x()),
        accuracy_metres: accuracy_metres.round(),
    }
}

/// Six decimals, as devices write them.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}
