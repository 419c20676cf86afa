//! The hour in which a member is asked to measure on a day.
//!
//! Drawn from a seed, so that it can be computed again and is stored nowhere.
//! Over the members of a unit the hours of a day are filled evenly (steps of
//! the golden ratio), and from day to day the whole pattern is shifted by
//! chance, so that nobody's hour can be told from yesterday's.

use jiff::civil::Date;
use metric::chance::Chance;
use metric::key::sha256_hex;
use metric::unit::{floor_u64, to_f64};
use serde::Serialize;

/// First hour of a day's slots, and the hour after the last: nobody is asked
/// to get up at night.
const HOURS: (u8, u8) = (6, 23);

/// An hour of a day, Vietnam's time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Slot {
    /// First hour.
    pub from_hour: u8,
    /// The hour after.
    pub to_hour: u8,
}

/// A seed that follows from a campaign and a unit.
pub fn seed(campaign: &str, unit: &str) -> u64 {
    let digest = sha256_hex(format!("{campaign}/{unit}").as_bytes());
    u64::from_str_radix(&digest[..16], 16).unwrap_or(0)
}

/// The slot of the member with this number in its unit.
pub fn slot(seed: u64, number: u64, day: Date) -> Slot {
    let date = i32::from(day.year()) * 512 + i32::from(day.month()) * 32 + i32::from(day.day());
    let shift = Chance::of(&[seed, u64::from(date.unsigned_abs())]).unit();
    let place = (shift + to_f64(number) * GOLDEN).fract();
    let hours = HOURS.1 - HOURS.0;
    let step = u8::try_from(floor_u64(place * f64::from(hours))).unwrap_or(0);
    let from_hour = HOURS.0 + step.min(hours - 1);
    Slot {
        from_hour,
        to_hour: from_hour + 1,
    }
}

/// The golden ratio less one.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn per_hour(slots: impl Iterator<Item = Slot>) -> Vec<u64> {
        let mut hours = vec![0; 24];
        slots.for_each(|slot| hours[usize::from(slot.from_hour)] += 1);
        hours
    }

    #[test]
    fn the_same_seed_gives_the_same_hour() {
        let (seed, on) = (seed("district-1", "q1-p-ben-nghe"), day("2024-11-08"));
        assert_eq!(slot(seed, 3, on), slot(seed, 3, on));
        assert_ne!(seed, super::seed("district-1", "q1-p-da-kao"));
    }

    #[test]
    fn members_of_a_unit_fill_the_hours_of_every_day_evenly() {
        for on in ["2024-11-01", "2024-11-08", "2024-11-30"] {
            let hours = per_hour((1..=170).map(|number| slot(7, number, day(on))));
            assert!(hours[..6].iter().all(|n| *n == 0) && hours[23] == 0);
            assert!(
                hours[6..23].iter().all(|n| (8..=12).contains(n)),
                "{hours:?}"
            );
        }
    }

    #[test]
    fn a_member_is_asked_at_all_hours_over_a_year() {
        let days = day("2024-01-01")
            .series(jiff::Span::new().days(1))
            .take(366);
        let hours = per_hour(days.map(|day| slot(7, 5, day)));
        assert!(hours[6..23].iter().all(|n| *n >= 8), "{hours:?}");
    }
}
