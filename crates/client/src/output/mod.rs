//! Results for people and for programs.

mod choice;
mod json;
mod latency;
mod progress;
mod text;

pub use json::{Submitted, json};
pub use progress::Bar;
pub use text::{notice, text};
