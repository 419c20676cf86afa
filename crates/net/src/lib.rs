//! What the kernel does: clocks and sockets.
//!
//! The only crate with `unsafe` and with code per operating system. Where the
//! system does not tell, the answer is `None`, never a guess.
#![warn(missing_docs)]
#![allow(
    unsafe_code,
    reason = "getsockopt and setsockopt have no safe form for these options"
)]

pub mod process;
pub mod tcp;
pub mod tls;
pub mod transport;
pub mod udp;

use std::time::Instant;

use jiff::Timestamp;

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day, to the millisecond: receipts need no more, and nobody can
/// tell a device by its clock's finer digits.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn wall_clock() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
