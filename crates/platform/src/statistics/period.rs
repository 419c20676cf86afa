//! Periods of figures, in Vietnam's time.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::{Timestamp, ToSpan as _};
use metric::month::{Month, VIETNAM};
use metric::weight::BANDS;

/// A stretch of days, or one band of each of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Period {
    /// The days.
    pub span: Span,
    /// Number of a band of the day ([`BANDS`]); the whole day where there is none.
    pub band: Option<u8>,
}

/// A stretch of days.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Span {
    /// One day, `2024-11-08`.
    Day(Date),
    /// From Monday on, `2024-W46` (ISO 8601).
    Week(Date),
    /// `2024-11`.
    Month(Month),
    /// From this month on, `2024-Q4`.
    Quarter(Month),
    /// The twelve months that end with this one, `2024-11/12m`.
    Year(Month),
}

impl Period {
    /// A whole month.
    pub const fn month(month: Month) -> Self {
        Self {
            span: Span::Month(month),
            band: None,
        }
    }

    /// First day and the day after the last.
    pub fn days(&self) -> (Date, Date) {
        match self.span {
            Span::Day(day) => (day, day.saturating_add(1.day())),
            Span::Week(monday) => (monday, monday.saturating_add(7.days())),
            Span::Month(month) => (month.first_day(), month.next().first_day()),
            Span::Quarter(month) => {
                let first = month.first_day();
                (first, first.saturating_add(3.months()))
            }
            Span::Year(month) => {
                let end = month.next().first_day();
                (end.saturating_sub(12.months()), end)
            }
        }
    }

    /// First instant, and the first one after the period.
    pub fn instants(&self) -> (Timestamp, Timestamp) {
        let (first, end) = self.days();
        let midnight = |day: Date| {
            let start = day.to_datetime(jiff::civil::Time::midnight());
            VIETNAM.to_timestamp(start).unwrap_or(Timestamp::MAX)
        };
        (midnight(first), midnight(end))
    }

    /// First and last month that it touches, as text.
    pub fn months(&self) -> (String, String) {
        let (first, end) = self.days();
        let last = end.yesterday().unwrap_or(end);
        let month = |day: Date| format!("{:04}-{:02}", day.year(), day.month());
        (month(first), month(last))
    }

    /// Whether it reaches over months, so that a device has a new pseudonym in
    /// each: the unit of inference is then the device-month.
    pub fn is_over_months(&self) -> bool {
        let (first, last) = self.months();
        first != last
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.span {
            Span::Day(day) => write!(f, "{day}")?,
            Span::Week(monday) => {
                let week = monday.iso_week_date();
                write!(f, "{:04}-W{:02}", week.year(), week.week())?;
            }
            Span::Month(month) => write!(f, "{month}")?,
            Span::Quarter(month) => {
                let first = month.first_day();
                write!(f, "{:04}-Q{}", first.year(), (first.month() - 1) / 3 + 1)?;
            }
            Span::Year(month) => write!(f, "{month}/12m")?,
        }
        let band = self.band.and_then(|band| BANDS.get(usize::from(band)));
        band.map_or(Ok(()), |(first, end)| write!(f, "@{first:02}-{end:02}"))
    }
}

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        let (span, band) = match text.split_once('@') {
            Some((span, band)) => (span, Some(read_band(band).ok_or(NotAPeriod)?)),
            None => (text, None),
        };
        let span = read_span(span).ok_or(NotAPeriod)?;
        let period = Self { span, band };
        (period.to_string() == text)
            .then_some(period)
            .ok_or(NotAPeriod)
    }
}

fn read_band(text: &str) -> Option<u8> {
    let named = |(first, end): &(u8, u8)| format!("{first:02}-{end:02}") == text;
    u8::try_from(BANDS.iter().position(named)?).ok()
}

fn read_span(text: &str) -> Option<Span> {
    if let Some(month) = text.strip_suffix("/12m") {
        return Some(Span::Year(month.parse().ok()?));
    }
    if let Some((year, week)) = text.split_once("-W") {
        let (year, week) = (year.parse().ok()?, week.parse().ok()?);
        let monday = ISOWeekDate::new(year, week, Weekday::Monday).ok()?;
        return Some(Span::Week(monday.date()));
    }
    if let Some((year, quarter)) = text.split_once("-Q") {
        let quarter: i8 = quarter.parse().ok().filter(|q| (1..=4).contains(q))?;
        let month = format!("{year}-{:02}", (quarter - 1) * 3 + 1);
        return Some(Span::Quarter(month.parse().ok()?));
    }
    let month = text.parse().ok().map(Span::Month);
    month.or_else(|| text.parse().ok().map(Span::Day))
}

/// A text that is no period.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotAPeriod;

impl fmt::Display for NotAPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a period is written 2024-11-08, 2024-W46, 2024-11, 2024-Q4 or 2024-11/12m, \
             with @00-06, @06-18, @18-19, @19-23 or @23-24 behind it for a band of the day",
        )
    }
}

impl std::error::Error for NotAPeriod {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_read_as_they_are_written() {
        for (text, first, end) in [
            ("2024-11-08", "2024-11-08", "2024-11-09"),
            ("2024-W46", "2024-11-11", "2024-11-18"),
            ("2024-11", "2024-11-01", "2024-12-01"),
            ("2024-Q4", "2024-10-01", "2025-01-01"),
            ("2024-11/12m", "2023-12-01", "2024-12-01"),
            ("2024-11@18-19", "2024-11-01", "2024-12-01"),
        ] {
            let period: Period = text.parse().unwrap();
            let (a, b) = period.days();
            assert_eq!((a.to_string(), b.to_string()), (first.into(), end.into()));
            assert_eq!(period.to_string(), text);
        }
        for bad in [
            "",
            "2024",
            "2024-13",
            "2024-Q5",
            "2024-W60",
            "2024-11@07-09",
            "2024-11/6m",
        ] {
            assert_eq!(bad.parse::<Period>(), Err(NotAPeriod), "{bad}");
        }
    }

    #[test]
    fn a_quarter_has_new_pseudonyms_each_month() {
        let over = |text: &str| text.parse::<Period>().unwrap().is_over_months();
        assert!(over("2024-Q4") && over("2024-11/12m") && !over("2024-11"));
    }
}
