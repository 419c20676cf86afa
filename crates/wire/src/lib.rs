//! Test protocols as state machines: bytes and `now` in, bytes and events out.
//!
//! No sockets, no clock, no async. Each module opens with the specification it
//! follows, and its `spec` holds that specification's constants by their names.
#![warn(missing_docs)]

pub mod bounded;
pub mod cloudflare;
pub mod irtt;
pub mod librespeed;
pub mod locate;
pub mod memoryless;
pub mod msak;
pub mod native;
pub mod ndt7;
pub mod ookla;
pub mod openspeedtest;
pub mod query;
pub mod responsiveness;
pub mod rmbt;
pub mod roster;
pub mod stamp;
pub mod websocket;
