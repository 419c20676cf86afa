//! Runs tests from the citizen's device: measures against a site, keeps the
//! receipt, and submits it to the collector.
//!
//! ```no_run
//! # async fn example() -> Result<(), client::Error> {
//! let base = client::Base::parse("http://127.0.0.1:8080")?;
//! let outcome = client::run(&base, &client::Plan::default(), &|_| {}).await?;
//! println!("{:?}", outcome.observed.idle_rtt());
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod arrivals;
mod beside;
mod direction;
mod download;
mod error;
mod family;
mod http;
mod latency;
pub mod output;
mod queue;
mod reach;
mod roster;
mod run;
mod select;
mod socket;
mod submit;
mod trouble;
mod trust;
mod udp;
mod upload;
mod watch;

pub use error::Error;
pub use http::Base;
pub use queue::{Queue, Waiting};
pub use reach::{Family, Reached, health, ping};
pub use roster::notify;
pub use run::{Outcome, Plan, Progress, run};
pub use select::{Target, aim};
pub use submit::{Acknowledged, Answer, submission, submit};
pub use trouble::Trouble;
pub use trust::Trust;
