//! How much of a position's accuracy disc lies inside an area.

use geo::{Coord, Intersects as _, Line, LinesIter as _, Point};
use metric::position::{METRES_PER_DEGREE, Position};
use metric::unit::to_f64;
use metric::validity::Placement;

use super::Area;

/// Where a claimed position lies.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The area that holds the centre.
    pub area: Option<&'a Area>,
    /// Whether the position is good enough to count for that area.
    pub placement: Placement,
}

/// Points of the lattice that stands for a disc.
const POINTS: u64 = 200;

/// Turn from one point of the lattice to the next, radians: 2π(2 − φ).
const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;

/// Share of the accuracy disc that lies inside the area of its centre, 0 to 1.
///
/// - Definition: the disc is uniform; its share is that of [`POINTS`] points of
///   a sunflower lattice (the k-th at radius `R·√((k+½)/n)`, turned by the
///   golden angle), always the same ones, so that a rebuild gives the same.
/// - Error: below 0.025 against the exact share where the border is straight (tested).
/// - Source: Vogel, *A better way to construct the sunflower head* (1979).
pub(super) fn share_inside(area: &Area, position: &Position) -> f64 {
    let disc = Disc::of(position);
    if disc.is_clear_of_borders(area) {
        return 1.0;
    }
    let inside = |k: &u64| area.geometry.intersects(&Point(disc.point(*k)));
    to_f64((0..POINTS).filter(inside).count() as u64) / to_f64(POINTS)
}

/// The accuracy disc on a plane tangent at its centre.
struct Disc {
    centre: Coord<f64>,
    radius_metres: f64,
    metres_per_degree: Coord<f64>,
}

impl Disc {
    fn of(position: &Position) -> Self {
        let latitude = position.latitude();
        Self {
            centre: Coord {
                x: position.longitude(),
                y: latitude,
            },
            radius_metres: f64::from(position.accuracy_metres),
            metres_per_degree: Coord {
                x: METRES_PER_DEGREE * latitude.to_radians().cos(),
                y: METRES_PER_DEGREE,
            },
        }
    }

    /// The `k`-th point of the lattice, degrees.
    fn point(&self, k: u64) -> Coord<f64> {
        let radius = self.radius_metres * ((to_f64(k) + 0.5) / to_f64(POINTS)).sqrt();
        let (sine, cosine) = (to_f64(k) * GOLDEN_ANGLE).sin_cos();
        Coord {
            x: self.centre.x + radius * cosine / self.metres_per_degree.x,
            y: self.centre.y + radius * sine / self.metres_per_degree.y,
        }
    }

    /// Whether no border of the area comes into the disc; then all of its
    /// lattice lies where the centre does.
    fn is_clear_of_borders(&self, area: &Area) -> bool {
        area.geometry
            .lines_iter()
            .all(|line| self.distance_metres(line) > self.radius_metres)
    }

    /// Distance from the centre to a piece of border.
    fn distance_metres(&self, line: Line<f64>) -> f64 {
        let (a, b) = (
            self.metres_from_centre(line.start),
            self.metres_from_centre(line.end),
        );
        let along = b - a;
        let length = along.x.mul_add(along.x, along.y * along.y);
        let at = if length > 0.0 {
            (-(a.x * along.x + a.y * along.y) / length).clamp(0.0, 1.0)
        } else {
            0.0
        };
        (a.x + at * along.x).hypot(a.y + at * along.y)
    }

    fn metres_from_centre(&self, point: Coord<f64>) -> Coord<f64> {
        Coord {
            x: (point.x - self.centre.x) * self.metres_per_degree.x,
            y: (point.y - self.centre.y) * self.metres_per_degree.y,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disc() -> Disc {
        Disc::of(&Position {
            latitude_e7: 107_750_000,
            longitude_e7: 1_067_000_000,
            accuracy_metres: 100,
        })
    }

    /// Exact share of a unit disc on the near side of a straight border at distance `d`.
    fn exact(d: f64) -> f64 {
        1.0 - (d.acos() - d * (1.0 - d * d).sqrt()) / std::f64::consts::PI
    }

    #[test]
    fn the_lattice_is_close_to_the_disc() {
        let disc = disc();
        let mut worst: f64 = 0.0;
        for step in 0..=100 {
            let d = f64::from(step) / 100.0;
            for turn in 0..72 {
                let (sine, cosine) = (f64::from(turn) * 5_f64).to_radians().sin_cos();
                let near = |k: &u64| {
                    let at = disc.metres_from_centre(disc.point(*k));
                    (at.x * cosine + at.y * sine) / 100.0 <= d
                };
                let share = to_f64((0..POINTS).filter(near).count() as u64) / to_f64(POINTS);
                worst = worst.max((share - exact(d)).abs());
            }
        }
        assert!(worst < 0.025, "worst error {worst}");
    }

    #[test]
    fn distance_to_a_border_is_to_its_nearest_point() {
        let disc = disc();
        let at = |x: f64, y: f64| Coord {
            x: disc.centre.x + x / disc.metres_per_degree.x,
            y: disc.centre.y + y / disc.metres_per_degree.y,
        };
        let distance = |a, b| disc.distance_metres(Line::new(a, b));
        assert!((distance(at(30.0, -50.0), at(30.0, 50.0)) - 30.0).abs() < 1e-3);
        assert!((distance(at(30.0, 40.0), at(90.0, 40.0)) - 50.0).abs() < 1e-3);
        assert!((distance(at(3.0, 4.0), at(3.0, 4.0)) - 5.0).abs() < 1e-3);
    }
}
