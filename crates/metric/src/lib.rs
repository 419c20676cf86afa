//! What the numbers mean: units, metric definitions, statistics, receipts, validity.
//!
//! Pure: no I/O, no clock, no async, no randomness. A change here that changes a
//! published figure is a change of method, so it raises [`METHOD`] and gets an
//! entry in `docs/METHODOLOGY.md`.
#![warn(missing_docs)]

pub mod area;
pub mod audit;
pub mod bins;
pub mod bottleneck;
pub mod budget;
pub mod canonical;
pub mod chance;
pub mod comparison;
pub mod consistency;
pub mod correlation;
pub mod delay;
pub mod edition;
mod edition_1;
pub mod figure;
pub mod forecast;
pub mod goodput;
pub mod interval;
pub mod key;
pub mod latency;
pub mod limit;
pub mod loss;
pub mod month;
pub mod position;
pub mod prefix;
pub mod problem;
pub mod projection;
pub mod receipt;
pub mod replay;
pub mod resample;
pub mod sample;
pub mod selection;
pub mod series;
pub mod statistic;
pub mod steering;
pub mod stop;
pub mod streams;
pub mod submission;
pub mod summary;
pub mod unit;
pub mod validity;
pub mod weight;

/// Edition of the methodology every receipt and every published figure names.
pub const METHOD: u16 = 3;

/// Edition of the rules from stored tests to published figures: which tests
/// count ([`validity`]) and what is said of them ([`summary`]).
///
/// It has a number of its own because it can be applied again to tests that
/// were measured long ago; how a test was measured cannot.
pub const EDITION: u16 = 2;
