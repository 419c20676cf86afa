//! What the numbers mean: units, metric definitions, statistics, receipts, validity.
//!
//! Pure: no I/O, no clock, no async, no randomness. A change here that changes a
//! published figure is a change of method, so it raises [`METHOD`] and gets an
//! entry in `docs/METHODOLOGY.md`.
#![warn(missing_docs)]

pub mod area;
pub mod bins;
pub mod canonical;
pub mod consistency;
pub mod delay;
pub mod figure;
pub mod goodput;
pub mod key;
pub mod latency;
pub mod loss;
pub mod month;
pub mod position;
pub mod prefix;
pub mod receipt;
pub mod statistic;
pub mod stop;
pub mod submission;
pub mod unit;
pub mod validity;

/// Edition of the methodology every receipt and every published figure names.
pub const METHOD: u16 = 1;
