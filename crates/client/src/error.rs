//! Why a test could not be run, cut by what the caller can do about it.

use std::io;
use std::time::Duration;

use wire::native::message::Problem;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument makes no sense. Correct it.
    #[error("{0}")]
    Usage(String),
    /// The network or the system failed. Try again when it is back.
    #[error("network: {0}")]
    Network(#[from] io::Error),
    /// The other end did not answer in time. Try again when it is back.
    #[error("no answer for {} s", .0.as_secs())]
    Silent(Duration),
    /// The site is full. Retry elsewhere, or here after this long.
    #[error("the site is busy, retry in {} s", .retry_after.as_secs())]
    Busy {
        /// Wait at least this long.
        retry_after: Duration,
    },
    /// Something between here and the site answers in its place or cuts the
    /// connection: a captive portal, a proxy. Sign in there, or use another network.
    #[error("something on the way to the site interferes: {0}")]
    Blocked(String),
    /// The site's certificate is not to be trusted, so nothing was said to it.
    #[error("the certificate of {host} is not trusted: {why}; {remedy}")]
    Untrusted {
        /// The site.
        host: String,
        /// What is wrong with the certificate.
        why: String,
        /// What the user can do.
        remedy: &'static str,
    },
    /// The other end refused, and says why.
    #[error("refused: {} ({})", .0.detail, .0.name())]
    Refused(Box<Problem>),
    /// The disk failed; what was measured could not be kept.
    #[error("could not keep the test at {path}: {error}")]
    Disk {
        /// File or folder.
        path: String,
        /// The system's reason.
        error: io::Error,
    },
}

impl Error {
    /// Exit status of the command line (BSD `sysexits`).
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Network(_) | Self::Silent(_) => 69,
            Self::Disk { .. } => 73,
            Self::Busy { .. } => 75,
            Self::Blocked(_) | Self::Untrusted { .. } => 76,
            Self::Refused(_) => 77,
        }
    }
}
