//! Administrative areas and their names through time.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The key of an area: codes were reused on 2025-07-01 with another meaning,
/// so a code alone names nothing.
///
/// Ordered by code, then by start; `valid_from` is `None` where the area
/// existed before the records begin. As text `26740@2025-07-01` or `26740@`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct AreaKey {
    /// Code of the official list (NSO).
    pub code: String,
    /// First day of validity.
    pub valid_from: Option<Date>,
}

impl fmt::Display for AreaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.code)?;
        self.valid_from.map_or(Ok(()), |day| write!(f, "{day}"))
    }
}

/// A span of days, half open: `from` is the first day, `to` the first day after.
/// `None` is open on that side.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Validity {
    /// First day.
    pub from: Option<Date>,
    /// First day no longer valid.
    pub to: Option<Date>,
}

impl Validity {
    /// Whether `day` lies in the span.
    pub fn contains(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day < to)
    }

    /// Whether two spans share a day.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |end: Option<Date>, start: Option<Date>| match (end, start) {
            (Some(end), Some(start)) => end <= start,
            _ => false,
        };
        !before(self.to, other.from) && !before(other.to, self.from)
    }

    /// Whether the span has no day at all.
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if to <= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: Option<&str>, to: Option<&str>) -> Validity {
        let day = |text: &str| text.parse().unwrap();
        Validity {
            from: from.map(day),
            to: to.map(day),
        }
    }

    #[test]
    fn the_end_is_exclusive() {
        let old = span(None, Some("2025-07-01"));
        assert!(old.contains("2025-06-30".parse().unwrap()));
        assert!(!old.contains("2025-07-01".parse().unwrap()));
        assert!(!old.overlaps(&span(Some("2025-07-01"), None)));
        assert!(old.overlaps(&span(Some("2025-06-30"), None)));
        assert!(old.overlaps(&span(None, None)));
    }

    #[test]
    fn keys_read_as_the_sources_write_them() {
        let key = |from: Option<&str>| AreaKey {
            code: "26740".into(),
            valid_from: from.map(|d| d.parse().unwrap()),
        };
        assert_eq!(key(None).to_string(), "26740@");
        assert_eq!(key(Some("2025-07-01")).to_string(), "26740@2025-07-01");
    }
}
