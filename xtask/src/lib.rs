//! Automation of the repository: generators whose results are committed.

pub mod areas;
