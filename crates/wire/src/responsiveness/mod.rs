//! Responsiveness under working conditions (draft-ietf-ippm-responsiveness-09,
//! section 7): where a client finds what it loads the network with.

use serde::{Deserialize, Serialize};

/// The protocol's paths and numbers; all paths but the first are ours to name.
pub mod spec {
    /// Where clients look first (§7.1).
    pub const CONFIG_PATH: &str = "/.well-known/nq";
    /// One byte.
    pub const SMALL_PATH: &str = "/nq/small";
    /// More than any test takes.
    pub const LARGE_PATH: &str = "/nq/large";
    /// Takes anything and forgets it.
    pub const UPLOAD_PATH: &str = "/nq/upload";
    /// Length of the large answer: at least 8 GB (§7).
    pub const LARGE_BYTES: u64 = 8_000_000_000;
}

/// What `/.well-known/nq` answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Config {
    /// 1.
    pub version: u8,
    /// Where everything is.
    pub urls: Urls,
    /// The host that all URLs name.
    pub test_endpoint: String,
}

/// The URLs, under the names of the draft and under those that it had before:
/// known clients read three different sets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Urls {
    /// The large answer.
    pub large_download_url: String,
    /// The small answer.
    pub small_download_url: String,
    /// Uploads.
    pub upload_url: String,
    /// The large answer.
    pub large_https_download_url: String,
    /// The small answer.
    pub small_https_download_url: String,
    /// Uploads.
    pub https_upload_url: String,
}

impl Config {
    /// The configuration of a service on a port of `host`, a name or an
    /// address, the latter of IPv6 in brackets.
    pub fn of(host: &str, port: u16) -> Self {
        let url = |path| format!("https://{host}:{port}{path}");
        let [large, small, upload] =
            [spec::LARGE_PATH, spec::SMALL_PATH, spec::UPLOAD_PATH].map(url);
        Self {
            version: 1,
            urls: Urls {
                large_download_url: large.clone(),
                small_download_url: small.clone(),
                upload_url: upload.clone(),
                large_https_download_url: large,
                small_https_download_url: small,
                https_upload_url: upload,
            },
            test_endpoint: host.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_six_names_are_given() {
        let json = serde_json::to_value(Config::of("do.example.vn", 4043)).unwrap();
        let urls = json["urls"].as_object().unwrap();
        assert_eq!(urls.len(), 6);
        assert_eq!(urls["upload_url"], "https://do.example.vn:4043/nq/upload");
        assert_eq!(urls["upload_url"], urls["https_upload_url"]);
        assert_eq!(json["test_endpoint"], "do.example.vn");
        assert_eq!(json["version"], 1);
    }
}
