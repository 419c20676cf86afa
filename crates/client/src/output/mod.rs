//! Results for people and for programs.

mod json;
mod progress;
mod text;

pub use json::{Submitted, json};
pub use progress::Bar;
pub use text::text;
