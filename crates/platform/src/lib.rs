//! The centre: collects verified tests, keeps them, counts and describes them.
//!
//! Data flows one way, through the stages `collect` → `store` → `statistics` →
//! `report`, planned by `campaign` and shown by `http`. The stages never import
//! one another: they meet in [`store`], in [`table`] and in `metric`. All the
//! SQL is in [`store`]; only verified tests get in; an address never does, and
//! a position lives in one table with an expiry.
#![warn(missing_docs)]

pub mod access;
pub mod area;
pub mod calibrate;
pub mod campaign;
pub mod centre;
pub mod chart;
pub mod collect;
pub mod config;
pub mod document;
#[cfg(test)]
mod fixture;
pub mod http;
pub mod import;
pub mod kit;
pub mod method;
mod mistakes;
pub mod office;
pub mod operator;
pub mod organisation;
pub mod publish;
pub mod push;
pub mod quantity;
pub mod report;
mod sheet;
pub mod simulate;
pub mod site;
pub mod statistics;
pub mod store;
pub mod summary;
pub mod table;

pub use centre::Centre;
