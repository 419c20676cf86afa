//! How our types are written in columns.

use jiff::Timestamp;
use jiff::civil::Date;
use metric::area::AreaKey;
use rusqlite::types::Type;

/// The column of an instant.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The instant in a column.
pub(super) fn instant(column: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(column).map_err(|e| unreadable(Type::Integer, e))
}

/// The column of a start of validity: `''` is the open start.
pub(super) fn start(valid_from: Option<Date>) -> String {
    valid_from.map_or_else(String::new, |day| day.to_string())
}

/// The start of validity in a column.
pub(super) fn date(column: &str) -> rusqlite::Result<Option<Date>> {
    let day = (!column.is_empty()).then(|| column.parse());
    day.transpose().map_err(|e| unreadable(Type::Text, e))
}

/// The two columns of an area; empty when there is none.
pub(super) fn area_columns(area: Option<&AreaKey>) -> (String, String) {
    area.map_or_else(Default::default, |key| {
        (key.code.clone(), start(key.valid_from))
    })
}

/// The column of a count or a rate. Rates stay far below 2^63.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The count or rate in a column, which is never negative.
pub(super) fn natural(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

/// A column that does not hold what was written there.
pub(super) fn unreadable(
    kind: Type,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
}
