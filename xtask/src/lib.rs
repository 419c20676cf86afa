//! Automation of the repository: generators whose results are committed.

pub mod areas;
#[cfg(unix)]
pub mod conformance;
pub mod play;
