//! Documents in the form of Decree 30/2020/NĐ-CP: letters, reports, bulletins.
//!
//! A [`Template`](template::Template), an [`Office`](office::Office) and the
//! [`Facts`](facts::Facts) of a month make a [`Document`](model::Document)
//! ([`compose()`]); [`pdf`], [`docx`] and [`xlsx`] write it. Nothing here signs,
//! numbers or dates by itself, and what is simulated says so on every page.

mod compose;
pub mod docx;
pub(crate) mod engine;
pub mod facts;
pub mod fields;
mod fonts;
pub mod model;
mod number;
pub mod office;
mod ooxml;
mod package;
pub mod pdf;
mod picture;
mod tables;
pub mod template;
pub mod xlsx;

#[cfg(test)]
pub(crate) mod tests;

pub use compose::compose;
pub use number::{NotANumber, Number, written_date};
