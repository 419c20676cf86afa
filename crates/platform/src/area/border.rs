//! The border of a polygon, laid out so that most of it need not be looked at.

use geo::kernels::{Kernel as _, RobustKernel};
use geo::{Coord, Line, LineString, Orientation, Polygon};

/// All rings of a polygon, cut into runs of neighbouring edges with the box
/// that holds each run. Wards have hundreds of edges, and a point or a disc
/// meets the boxes of a few.
pub(super) struct Border {
    /// Corners of every ring, one ring after the other, each closed.
    corners: Vec<Coord<f64>>,
    runs: Vec<Run>,
}

/// Edges between the corners `from` and `to`, both included.
struct Run {
    from: usize,
    to: usize,
    low: Coord<f64>,
    high: Coord<f64>,
}

/// Edges in a run.
const RUN: usize = 24;

impl Border {
    pub(super) fn of(polygon: &Polygon<f64>) -> Self {
        let mut border = Self {
            corners: vec![],
            runs: vec![],
        };
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            border.add(ring);
        }
        border
    }

    fn add(&mut self, ring: &LineString<f64>) {
        let first = self.corners.len();
        self.corners.extend(ring.coords());
        let last = self.corners.len().saturating_sub(1);
        for from in (first..last).step_by(RUN) {
            let to = last.min(from + RUN);
            self.runs.push(Run::of(&self.corners, from, to));
        }
    }

    /// Whether a point lies inside or on the border; the same answer as
    /// `geo`'s `Intersects`.
    ///
    /// A ray to the east crosses the border an odd number of times from inside,
    /// whatever the holes (Shimrat 1962); sides are told exactly (Shewchuk 1997).
    pub(super) fn holds(&self, point: Coord<f64>) -> bool {
        let mut inside = false;
        let runs = self.runs.iter();
        let met = runs
            .filter(|run| run.low.y <= point.y && point.y <= run.high.y && point.x <= run.high.x);
        for line in met.flat_map(|run| self.edges(run)) {
            match meeting(line, point) {
                Meeting::OnBorder => return true,
                Meeting::Crossed => inside = !inside,
                Meeting::Missed => {}
            }
        }
        inside
    }

    /// The edges in a box, and some beside it.
    pub(super) fn edges_near(
        &self,
        low: Coord<f64>,
        high: Coord<f64>,
    ) -> impl Iterator<Item = Line<f64>> {
        let meets = move |run: &&Run| {
            run.low.x <= high.x && low.x <= run.high.x && run.low.y <= high.y && low.y <= run.high.y
        };
        self.runs
            .iter()
            .filter(meets)
            .flat_map(|run| self.edges(run))
    }

    fn edges(&self, run: &Run) -> impl Iterator<Item = Line<f64>> {
        let ends = self.corners[run.from..=run.to].windows(2);
        ends.map(|ends| Line::new(ends[0], ends[1]))
    }
}

impl Run {
    fn of(corners: &[Coord<f64>], from: usize, to: usize) -> Self {
        let corners = &corners[from..=to];
        let least =
            |axis: fn(&Coord<f64>) -> f64| corners.iter().map(axis).fold(f64::INFINITY, f64::min);
        let most = |axis: fn(&Coord<f64>) -> f64| {
            corners.iter().map(axis).fold(f64::NEG_INFINITY, f64::max)
        };
        Self {
            from,
            to,
            low: Coord {
                x: least(|c| c.x),
                y: least(|c| c.y),
            },
            high: Coord {
                x: most(|c| c.x),
                y: most(|c| c.y),
            },
        }
    }
}

/// What an edge and a ray to the east have in common.
enum Meeting {
    OnBorder,
    Crossed,
    Missed,
}

fn meeting(edge: Line<f64>, point: Coord<f64>) -> Meeting {
    let (low, high) = if edge.start.y <= edge.end.y {
        (edge.start, edge.end)
    } else {
        (edge.end, edge.start)
    };
    let (west, east) = (low.x.min(high.x), low.x.max(high.x));
    if point.y < low.y || high.y < point.y || east < point.x {
        return Meeting::Missed;
    }
    match RobustKernel::orient2d(low, high, point) {
        Orientation::Collinear if west <= point.x => Meeting::OnBorder,
        // The upper end belongs to the next edge.
        Orientation::CounterClockwise if point.y < high.y => Meeting::Crossed,
        _ => Meeting::Missed,
    }
}

#[cfg(test)]
mod tests {
    use geo::{Intersects as _, Point, polygon};
    use proptest::prelude::*;

    use super::*;

    /// A ring around the origin through whole numbers, so that points hit
    /// corners and edges often.
    fn star() -> impl Strategy<Value = LineString<f64>> {
        proptest::collection::vec(1_i8..9, 3..80).prop_map(|radii| {
            let n = radii.len();
            let corner = |(at, radius): (usize, i8)| {
                let turn =
                    f64::from(u32::try_from(at).unwrap()) / f64::from(u32::try_from(n).unwrap());
                let (sine, cosine) = (turn * std::f64::consts::TAU).sin_cos();
                let radius = f64::from(radius) + 2.0;
                Coord {
                    x: (radius * cosine).round(),
                    y: (radius * sine).round(),
                }
            };
            radii.into_iter().enumerate().map(corner).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_answer_is_that_of_geo(outer in star(), xs in proptest::collection::vec((-22_i8..22, -22_i8..22), 40)) {
            let square = polygon![(x: -1.0, y: -1.0), (x: 1.0, y: -1.0), (x: 1.0, y: 1.0), (x: -1.0, y: 1.0)];
            let shape = Polygon::new(outer, vec![square.exterior().clone()]);
            let border = Border::of(&shape);
            for (x, y) in xs {
                let at = Coord { x: f64::from(x) / 2.0, y: f64::from(y) / 2.0 };
                prop_assert_eq!(border.holds(at), shape.intersects(&Point(at)), "{:?}", at);
            }
        }

        #[test]
        fn no_edge_in_the_box_is_left_out(outer in star(), x in -12.0..12.0_f64, y in -12.0..12.0_f64) {
            let shape = Polygon::new(outer, vec![]);
            let (low, high) = (Coord { x, y }, Coord { x: x + 3.0, y: y + 3.0 });
            let found: Vec<_> = Border::of(&shape).edges_near(low, high).collect();
            let within = |c: Coord<f64>| low.x <= c.x && c.x <= high.x && low.y <= c.y && c.y <= high.y;
            let inside = shape.exterior().lines().filter(|line| within(line.start));
            for line in inside {
                prop_assert!(found.contains(&line));
            }
        }
    }
}
