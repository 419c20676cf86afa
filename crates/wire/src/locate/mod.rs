//! M-Lab's Locate API, version 2: how a foreign client finds a site.
//!
//! A client asks `GET /v2/nearest/<service>` and is answered with at most four
//! targets in order, each with a URL per scheme and path of the service. An
//! empty answer is `204 No Content`: there is no capacity now.
//!
//! Followed: the format of `locate.measurementlab.net/v2/nearest/ndt/ndt7` as
//! its clients (ndt7-client-go, `@m-lab/ndt7`) read it.

pub mod message;
mod targets;

pub use targets::{Candidate, Question, nearest};

use crate::{msak, ndt7};

/// Constants of the protocol.
pub mod spec {
    /// What the paths of a question begin with; the service follows.
    pub const NEAREST_PATH: &str = "/v2/nearest/";
    /// The same for clients that carry a key; answered alike.
    pub const PRIORITY_PATH: &str = "/v2/priority/nearest/";
    /// Most targets of one answer.
    pub const MAX_TARGETS: usize = 4;
    /// The query member that carries a token.
    pub const ACCESS_TOKEN: &str = "access_token";
    /// The query member that names a measurement.
    pub const MEASUREMENT: &str = "mid";
    /// What the query members begin with that a client wants passed on to the site.
    pub const CLIENT_MEMBER: &str = "client_";
    /// Longest query that is passed on, bytes; longer ones are left out.
    pub const MAX_PASSED_BYTES: usize = 2048;
    /// Header fields of every answer.
    pub const HEADERS: [(&str, &str); 3] = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-headers", "Authorization"),
        ("cache-control", "no-store"),
    ];
}

/// A service that targets are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Service {
    /// Experiment and datatype, as in the path.
    pub name: &'static str,
    /// Paths that a client connects to.
    pub paths: [&'static str; 2],
    /// Whether its URLs carry the name of the measurement, which a client that
    /// was located leaves to them.
    pub named: bool,
}

/// Every service that can be located.
pub const SERVICES: &[Service] = &[
    Service {
        name: "ndt/ndt7",
        paths: [ndt7::spec::DOWNLOAD_PATH, ndt7::spec::UPLOAD_PATH],
        named: false,
    },
    Service {
        name: "msak/throughput1",
        paths: [msak::spec::DOWNLOAD_PATH, msak::spec::UPLOAD_PATH],
        named: true,
    },
];

impl Service {
    /// The service that the path of a question names; `None` when the path is
    /// no question, or names none of ours.
    pub fn of_path(path: &str) -> Option<Self> {
        let rest = path
            .strip_prefix(spec::NEAREST_PATH)
            .or_else(|| path.strip_prefix(spec::PRIORITY_PATH))?;
        let name = rest.trim_end_matches('/');
        SERVICES.iter().copied().find(|s| s.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_service() {
        let name = |path| Service::of_path(path).map(|s| s.name);
        assert_eq!(name("/v2/nearest/ndt/ndt7"), Some("ndt/ndt7"));
        assert_eq!(name("/v2/priority/nearest/ndt/ndt7"), Some("ndt/ndt7"));
        assert_eq!(
            name("/v2/nearest/msak/throughput1"),
            Some("msak/throughput1")
        );
        assert_eq!(name("/v2/nearest/ndt/ndt5"), None);
        assert_eq!(name("/v2/nearest"), None);
        assert_eq!(name("/ndt/ndt7"), None);
    }
}
