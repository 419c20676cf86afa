//! Administrative areas: reading their boundaries, and finding the one a test lies in.
//!
//! Boundaries come as GeoJSON (RFC 7946) and are checked in full before any of
//! them is taken: [`parse`] lists every problem of a file. [`AreaIndex`] answers
//! which area held a point on a day.

mod geometry;
mod index;
mod parse;
mod place;
mod problem;

use geo::MultiPolygon;
use jiff::civil::Date;
use metric::area::{AreaKey, Validity};

pub use index::AreaIndex;
pub use parse::parse;
pub(crate) use parse::written_date;
pub use place::Placed;
pub use problem::{AreaError, Problem};

/// One administrative area in one period of its existence.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// Code and first day of validity.
    pub key: AreaKey,
    /// First day no longer valid; `None` while it is.
    pub valid_to: Option<Date>,
    /// Short name, as `Bến Nghé`.
    pub name: String,
    /// Name with its kind, as `Phường Bến Nghé`.
    pub full_name: String,
    /// Kind of unit as the source writes it, as `phuong`; empty where it does not say.
    pub kind: String,
    /// Code of the district it belonged to.
    pub district_code: Option<String>,
    /// Code of its province.
    pub province_code: Option<String>,
    /// Whether the boundary was drawn roughly, for demonstration.
    pub approximate: bool,
    /// The boundary: WGS 84 degrees, `x` east, `y` north.
    pub geometry: MultiPolygon<f64>,
}

impl Area {
    /// The days on which the area exists.
    pub const fn validity(&self) -> Validity {
        Validity {
            from: self.key.valid_from,
            to: self.valid_to,
        }
    }

    /// The boundary as a GeoJSON `MultiPolygon`.
    pub fn geometry_json(&self) -> String {
        geometry::write(&self.geometry)
    }

    /// An area from what a store keeps of it: its columns and [`Self::geometry_json`].
    ///
    /// # Errors
    ///
    /// When `geometry_json` is not a valid GeoJSON polygon; the error names the area.
    #[expect(
        clippy::too_many_arguments,
        reason = "one per column of the table that areas are read from"
    )]
    pub fn from_parts(
        key: AreaKey,
        valid_to: Option<Date>,
        name: String,
        full_name: String,
        kind: String,
        district_code: Option<String>,
        province_code: Option<String>,
        approximate: bool,
        geometry_json: &str,
    ) -> anyhow::Result<Self> {
        let geometry = parse::stored_geometry(&key, geometry_json)?;
        Ok(Self {
            key,
            valid_to,
            name,
            full_name,
            kind,
            district_code,
            province_code,
            approximate,
            geometry,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_survives_its_columns() {
        let file = include_str!("../../../../data/areas/district-1.demo.geojson");
        for area in parse(file).unwrap() {
            let json = area.geometry_json();
            let a = area.clone();
            let back = Area::from_parts(
                a.key,
                a.valid_to,
                a.name,
                a.full_name,
                a.kind,
                a.district_code,
                a.province_code,
                a.approximate,
                &json,
            );
            assert_eq!(back.unwrap(), area);
        }
    }

    #[test]
    fn a_damaged_column_names_its_area() {
        let file = include_str!("../../../../data/areas/district-1.demo.geojson");
        let a = parse(file).unwrap().remove(0);
        let key = a.key.to_string();
        let back = Area::from_parts(
            a.key,
            None,
            a.name,
            a.full_name,
            a.kind,
            None,
            None,
            true,
            "{}",
        );
        let error = format!("{:#}", back.unwrap_err());
        assert!(error.contains(&key), "{error}");
    }
}
