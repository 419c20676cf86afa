//! How a list of what is wrong with a file is printed.

use std::fmt;

/// Mistakes that are printed; of the others only the number.
const PRINTED: usize = 20;

/// Writes mistakes one to a line.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, mistakes: &[impl fmt::Display]) -> fmt::Result {
    for (at, mistake) in mistakes.iter().take(PRINTED).enumerate() {
        let separator = if at == 0 { "" } else { "\n" };
        write!(f, "{separator}{mistake}")?;
    }
    match mistakes.len().saturating_sub(PRINTED) {
        0 => Ok(()),
        more => write!(f, "\n… and {more} more"),
    }
}
