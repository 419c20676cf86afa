//! The centre: areas, operators, and everything that happens to a test after it was measured.
#![warn(missing_docs)]

pub mod area;
pub mod operator;
