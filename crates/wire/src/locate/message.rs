//! JSON messages of Locate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An answer with targets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Nearest {
    /// Where to measure, the best first; 1 to 4.
    pub results: Vec<Target>,
}

/// A site to measure against.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Target {
    /// Its name.
    pub machine: String,
    /// Its host.
    pub hostname: String,
    /// Where it stands.
    pub location: Location,
    /// URL by `scheme:///path`, with three slashes.
    pub urls: BTreeMap<String, String>,
}

/// Where a site stands.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Location {
    /// City.
    pub city: String,
    /// ISO 3166-1 country.
    pub country: String,
}

/// An answer without targets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failed {
    /// What went wrong.
    pub error: Failure,
}

/// What went wrong.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// Name of the kind.
    pub r#type: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here.
    pub detail: String,
}

impl Failed {
    /// The service asked for is none of ours; status 404.
    pub fn unknown_service(path: &str) -> Self {
        let names: Vec<_> = super::SERVICES.iter().map(|s| s.name).collect();
        Self {
            error: Failure {
                r#type: "unknown_service".into(),
                title: "no such service".into(),
                status: 404,
                detail: format!("{path:?} names none of {}", names.join(", ")),
            },
        }
    }
}
