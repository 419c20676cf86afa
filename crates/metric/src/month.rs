//! Calendar months and days as Vietnam counts them: UTC+7 all year.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

/// Civil date in Vietnam at an instant. Vietnam has had no daylight saving
/// time since 1975, so a fixed offset is exact.
pub fn civil_date(at: Timestamp) -> Date {
    VIETNAM.to_datetime(at).date()
}

/// Vietnam's offset from UTC.
pub const VIETNAM: Offset = Offset::constant(7);

/// A calendar month in Vietnam's time; as text `2024-11`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(Date);

impl Month {
    /// The month an instant lies in.
    pub fn of(at: Timestamp) -> Self {
        Self(civil_date(at).first_of_month())
    }

    /// First day.
    pub const fn first_day(&self) -> Date {
        self.0
    }

    /// Last day.
    pub fn last_day(&self) -> Date {
        self.0.last_of_month()
    }

    /// Number of days.
    pub fn days(&self) -> u8 {
        self.0.days_in_month().unsigned_abs()
    }

    /// The instant at which the month begins in Vietnam; `None` beyond what a
    /// time can hold.
    pub fn start(&self) -> Option<Timestamp> {
        VIETNAM
            .to_timestamp(self.0.to_datetime(jiff::civil::Time::midnight()))
            .ok()
    }

    /// The month after this one.
    pub fn next(&self) -> Self {
        Self(self.0.saturating_add(1.month()))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let parse = || {
            let (year, month) = text.split_once('-')?;
            let date = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
            Some(Self(date))
        };
        parse()
            .filter(|month| month.to_string() == text)
            .ok_or(NotAMonth)
    }
}

impl TryFrom<String> for Month {
    type Error = NotAMonth;

    fn try_from(text: String) -> Result<Self, NotAMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// A text that is no month.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a month is written YYYY-MM, for example 2024-11")]
pub struct NotAMonth;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_turns_at_seven_hours_utc_minus() {
        let month = |text: &str| Month::of(text.parse().unwrap()).to_string();
        assert_eq!(month("2024-10-31T16:59:59Z"), "2024-10");
        assert_eq!(month("2024-10-31T17:00:00Z"), "2024-11");
    }

    #[test]
    fn only_yyyy_mm_is_read() {
        let november: Month = "2024-11".parse().unwrap();
        assert_eq!(
            (november.days(), november.next().to_string()),
            (30, "2024-12".into())
        );
        for bad in ["2024-13", "2024-1", "24-11", "2024/11", "+024-11", ""] {
            assert_eq!(bad.parse::<Month>(), Err(NotAMonth), "{bad}");
        }
    }

    #[test]
    fn the_start_is_local_midnight() {
        let november: Month = "2024-11".parse().unwrap();
        let start = november.start().unwrap();
        assert_eq!(start.to_string(), "2024-10-31T17:00:00Z");
    }
}
