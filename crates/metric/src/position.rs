//! Where a test was made, as the device claims it.

use serde::{Deserialize, Serialize};

/// A position as a client writes it: WGS 84 degrees.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PositionClaim {
    /// Latitude, degrees north.
    pub latitude_degrees: f64,
    /// Longitude, degrees east.
    pub longitude_degrees: f64,
    /// Radius that holds the device with 95 % (W3C Geolocation: `accuracy`), metres.
    pub accuracy_metres: f64,
}

/// A possible position in Vietnam, in integers: 10⁻⁷ degrees, about 1 cm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// Latitude, 10⁻⁷ degrees north.
    pub latitude_e7: i32,
    /// Longitude, 10⁻⁷ degrees east.
    pub longitude_e7: i32,
    /// Accuracy radius, metres, rounded up; at least 1.
    pub accuracy_metres: u32,
}

/// Metres of one degree of latitude on a sphere of the Earth's mean radius
/// (6,371,008.8 m, IUGG).
pub const METRES_PER_DEGREE: f64 = 111_195.08;

/// The box that holds Vietnam with its islands (Hoàng Sa, Trường Sa), degrees.
const VIETNAM: ([f64; 2], [f64; 2]) = ([6.0, 24.0], [102.0, 118.0]);

impl PositionClaim {
    /// Turns the claim into a position.
    ///
    /// # Errors
    ///
    /// [`Impossible`] names the member, its value and the rule.
    pub fn check(&self) -> Result<Position, Impossible> {
        let ([south, north], [west, east]) = VIETNAM;
        within("latitude_degrees", self.latitude_degrees, south, north)?;
        within("longitude_degrees", self.longitude_degrees, west, east)?;
        within(
            "accuracy_metres",
            self.accuracy_metres,
            f64::MIN_POSITIVE,
            1e6,
        )?;
        Ok(Position {
            latitude_e7: e7(self.latitude_degrees),
            longitude_e7: e7(self.longitude_degrees),
            accuracy_metres: metres(self.accuracy_metres),
        })
    }
}

impl Position {
    /// Latitude, degrees north.
    pub fn latitude(&self) -> f64 {
        f64::from(self.latitude_e7) / 1e7
    }

    /// Longitude, degrees east.
    pub fn longitude(&self) -> f64 {
        f64::from(self.longitude_e7) / 1e7
    }

    /// Distance to another position in metres, on a plane tangent between the
    /// two; off by less than 0.1 % within a hundred kilometres in Vietnam.
    pub fn distance_metres(&self, other: &Self) -> f64 {
        let middle = f64::midpoint(self.latitude(), other.latitude()).to_radians();
        let north = (self.latitude() - other.latitude()) * METRES_PER_DEGREE;
        let east = (self.longitude() - other.longitude()) * METRES_PER_DEGREE * middle.cos();
        north.hypot(east)
    }
}

const fn within(field: &'static str, value: f64, low: f64, high: f64) -> Result<(), Impossible> {
    if value >= low && value <= high {
        Ok(())
    } else {
        Err(Impossible {
            field,
            value,
            low,
            high,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "|degrees| ≤ 118, so |e7| < 2^31"
)]
fn e7(degrees: f64) -> i32 {
    (degrees * 1e7).round() as i32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 10⁶ by the check above"
)]
fn metres(metres: f64) -> u32 {
    metres.ceil() as u32
}

/// A position that no device in Vietnam has.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {value}, expected between {low} and {high}")]
pub struct Impossible {
    /// The member at fault.
    pub field: &'static str,
    /// Its value.
    pub value: f64,
    /// Least value allowed.
    pub low: f64,
    /// Greatest value allowed.
    pub high: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(latitude_degrees: f64, longitude_degrees: f64, accuracy_metres: f64) -> PositionClaim {
        PositionClaim {
            latitude_degrees,
            longitude_degrees,
            accuracy_metres,
        }
    }

    #[test]
    fn impossible_positions_name_their_member() {
        let field = |c: PositionClaim| c.check().map_err(|e| e.field);
        assert_eq!(field(claim(0.0, 0.0, 10.0)), Err("latitude_degrees"));
        assert_eq!(field(claim(f64::NAN, 106.7, 10.0)), Err("latitude_degrees"));
        assert_eq!(field(claim(10.77, 2.35, 10.0)), Err("longitude_degrees"));
        assert_eq!(field(claim(10.77, 106.7, 0.0)), Err("accuracy_metres"));
        assert_eq!(
            field(claim(10.77, 106.7, f64::INFINITY)),
            Err("accuracy_metres")
        );
        assert!(claim(10.7798, 106.699, 12.0).check().is_ok());
    }

    #[test]
    fn distance_in_metres() {
        let a = claim(10.7798, 106.699, 12.0).check().unwrap();
        let north = claim(10.7807, 106.699, 12.0).check().unwrap();
        let east = claim(10.7798, 106.6999, 12.0).check().unwrap();
        assert!((a.distance_metres(&north) - 100.1).abs() < 0.1);
        assert!((a.distance_metres(&east) - 98.3).abs() < 0.1);
    }
}
