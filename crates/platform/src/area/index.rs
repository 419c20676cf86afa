//! Which area held a point on a day.

use geo::{BoundingRect as _, Intersects as _, Point, Polygon};
use jiff::civil::Date;
use metric::position::Position;
use metric::validity::{Limits, Placement};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::Area;
use super::place::{Placed, share_inside};

/// Areas, found by point and day.
///
/// A tree over the bounding boxes of all polygons finds the few that may hold a
/// point; only these are looked at edge by edge.
pub struct AreaIndex {
    /// In the order of their keys.
    areas: Vec<Area>,
    boxes: RTree<PolygonBox>,
}

/// Bounding box of a polygon, with the area and the polygon in it.
type PolygonBox = GeomWithData<Rectangle<[f64; 2]>, (usize, usize)>;

impl AreaIndex {
    /// Indexes areas of any periods together.
    pub fn new(mut areas: Vec<Area>) -> Self {
        areas.sort_by(|a, b| a.key.cmp(&b.key));
        let boxes = areas.iter().enumerate().flat_map(boxes).collect();
        Self {
            areas,
            boxes: RTree::bulk_load(boxes),
        }
    }

    /// The area that holds a point (degrees) on a day.
    ///
    /// A point on the border of two areas belongs to one of them: the border
    /// counts as inside, and the lowest key wins.
    pub fn locate(&self, latitude: f64, longitude: f64, day: Date) -> Option<&Area> {
        let point = Point::new(longitude, latitude);
        self.boxes
            .locate_all_at_point([longitude, latitude])
            .map(|found| found.data)
            .filter(|&(area, _)| self.areas[area].validity().contains(day))
            .filter(|&(area, polygon)| self.areas[area].geometry.0[polygon].intersects(&point))
            .map(|(area, _)| area)
            .min()
            .map(|area| &self.areas[area])
    }

    /// Where a claimed position lies, and how far that can be trusted.
    ///
    /// Too vague, or with too little of its accuracy disc inside the area of
    /// its centre: [`Placement::Unlocated`], with that area.
    pub fn place(&self, position: &Position, day: Date, limits: &Limits) -> Placed<'_> {
        let area = self.locate(position.latitude(), position.longitude(), day);
        let vague = position.accuracy_metres > limits.max_accuracy_metres;
        let placement = match area {
            _ if vague => Placement::Unlocated,
            None => Placement::Outside,
            Some(area)
                if share_inside(area, position) < f64::from(limits.min_inside_percent) / 100.0 =>
            {
                Placement::Unlocated
            }
            Some(_) => Placement::Inside,
        };
        Placed { area, placement }
    }

    /// All areas, ordered by key.
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }
}

/// The box of each polygon of an area.
fn boxes((at, area): (usize, &Area)) -> Vec<PolygonBox> {
    let polygons = area.geometry.iter().enumerate();
    polygons
        .filter_map(|(polygon, shape)| Some(GeomWithData::new(rectangle(shape)?, (at, polygon))))
        .collect()
}

fn rectangle(shape: &Polygon<f64>) -> Option<Rectangle<[f64; 2]>> {
    let rect = shape.bounding_rect()?;
    let (low, high) = (rect.min(), rect.max());
    Some(AABB::from_corners([low.x, low.y], [high.x, high.y]).into())
}

#[cfg(test)]
mod tests {
    use geo::polygon;
    use metric::area::AreaKey;
    use metric::position::PositionClaim;

    use super::*;

    /// A square ward of 0.01° (about 1.1 km) whose south-west corner is `(x, y)`.
    fn square(code: &str, x: f64, y: f64, from: Option<&str>, to: Option<&str>) -> Area {
        let day = |text: &str| text.parse().unwrap();
        let (east, north) = (x + 0.01, y + 0.01);
        Area {
            key: AreaKey {
                code: code.into(),
                valid_from: from.map(day),
            },
            valid_to: to.map(day),
            name: code.into(),
            full_name: code.into(),
            kind: "phuong".into(),
            district_code: None,
            province_code: None,
            approximate: true,
            geometry:
                polygon![(x: x, y: y), (x: east, y: y), (x: east, y: north), (x: x, y: north)]
                    .into(),
        }
    }

    fn index() -> AreaIndex {
        AreaIndex::new(vec![
            square("2", 106.70, 10.77, None, Some("2025-07-01")),
            square("1", 106.71, 10.77, None, Some("2025-07-01")),
            square("2", 106.71, 10.77, Some("2025-07-01"), None),
        ])
    }

    #[track_caller]
    fn check(longitude: f64, day: &str, want: Option<&str>) {
        let index = index();
        let found = index.locate(10.775, longitude, day.parse().unwrap());
        assert_eq!(found.map(|area| area.key.to_string()).as_deref(), want);
    }

    #[test]
    fn the_day_chooses_the_period() {
        check(106.715, "2025-06-30", Some("1@"));
        check(106.715, "2025-07-01", Some("2@2025-07-01"));
        check(106.705, "2025-06-30", Some("2@"));
        check(106.705, "2025-07-01", None);
    }

    #[test]
    fn a_shared_border_belongs_to_the_lowest_key() {
        check(106.71, "2025-06-30", Some("1@"));
    }

    #[track_caller]
    fn check_place(longitude_degrees: f64, accuracy_metres: f64, want: (Option<&str>, Placement)) {
        let claim = PositionClaim {
            latitude_degrees: 10.775,
            longitude_degrees,
            accuracy_metres,
        };
        let index = index();
        let day = "2024-11-08".parse().unwrap();
        let placed = index.place(&claim.check().unwrap(), day, &Limits::default());
        let code = placed.area.map(|area| area.key.code.as_str());
        assert_eq!((code, placed.placement), want);
    }

    #[test]
    fn placement_follows_accuracy_and_border() {
        check_place(106.705, 12.0, (Some("2"), Placement::Inside));
        check_place(106.705, 101.0, (Some("2"), Placement::Unlocated));
        check_place(106.709_98, 12.0, (Some("2"), Placement::Unlocated));
        check_place(106.69, 12.0, (None, Placement::Outside));
        // 60 m from the border with 100 m of accuracy: 85.8 % inside.
        check_place(106.709_451, 100.0, (Some("2"), Placement::Inside));
        // 40 m: 74.8 %.
        check_place(106.709_634, 100.0, (Some("2"), Placement::Unlocated));
    }
}
