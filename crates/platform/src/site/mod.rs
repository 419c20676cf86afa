//! The sites of a centre: how one joins and is judged well, and which of them
//! a client is offered. Whoever runs the process does the asking over the
//! network; here are the rules.

mod join;
mod select;
mod standing;
#[cfg(test)]
mod tests;

pub use join::{Refused, take};
pub use select::{Caller, Offered, nearest};
pub use standing::{Trouble, trouble};
