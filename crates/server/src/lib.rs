//! A measurement site: answers tests and signs what its own sockets saw.
//!
//! Runs exposed to the Internet, so it has no database and no web framework:
//! hyper reads HTTP, and after the WebSocket upgrade the bare TCP connection
//! is driven by `measure`.
#![warn(missing_docs)]

mod foreign;
mod http;
mod keyfile;
mod keyring;
mod link;
mod listen;
mod load;
mod measure;
mod metrics;
mod networks;
mod peer;
mod quic;
mod session;
mod site;
mod spool;
mod tls;
pub mod udp;

pub use foreign::serve_responsiveness;
pub use keyfile::load_or_create;
pub use listen::{OverTls, serve, serve_tls};
pub use load::Load;
pub use metrics::serve_metrics;
pub use peer::client_address;
pub use quic::serve_quic;
pub use site::{Site, SiteConfig};
pub use tls::{AcmeConfig, Tls, TlsConfig};
