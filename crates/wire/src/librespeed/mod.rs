//! `LibreSpeed`, and the i-Speed web contract that follows it.
//!
//! There is no specification; these are the paths and shapes that
//! librespeed/speedtest 6 (worker), librespeed/speedtest-cli 1.0 and the crate
//! librespeed-cli 1.2 use. i-Speed's web test (speedtest.vn) takes
//! `/get-servers`, `/get-ip-info` and `ckSize` of the same family.

pub mod form;
pub mod message;

/// Numbers of the `LibreSpeed` back ends.
pub mod spec {
    /// Name in receipts.
    pub const PROTOCOL: &str = "librespeed";
    /// One chunk of `garbage`.
    pub const CHUNK_BYTES: u64 = 1024 * 1024;
    /// Chunks when `ckSize` is absent or no number.
    pub const CHUNKS: u64 = 4;
    /// Most chunks of one answer.
    pub const MAX_CHUNKS: u64 = 1024;
    /// Longest telemetry form taken.
    pub const MAX_FORM_BYTES: usize = 64 * 1024;
    /// Longest value of a telemetry field kept.
    pub const MAX_FIELD_BYTES: usize = 1024;
    /// Boundary-free headers of a `garbage` answer, as the PHP back end sends them.
    pub const GARBAGE_HEADERS: &[(&str, &str)] = &[
        ("content-description", "File Transfer"),
        ("content-type", "application/octet-stream"),
        ("content-disposition", "attachment; filename=random.dat"),
        ("content-transfer-encoding", "binary"),
    ];
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// Download: so many chunks.
    Garbage,
    /// Upload and ping: an empty answer.
    Empty,
    /// The client's address.
    Address,
    /// Takes a finished test's claims.
    Telemetry,
    /// A finished test as JSON.
    ResultJson,
    /// A finished test as an image.
    ResultImage,
    /// The list of servers.
    Servers,
    /// i-Speed: the list of servers.
    ISpeedServers,
    /// i-Speed: the client's address.
    ISpeedAddress,
}

impl Endpoint {
    /// What `path` asks for: at the root or in `/backend`, with or without `.php`.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/backend").unwrap_or(path);
        Some(match path.strip_suffix(".php").unwrap_or(path) {
            "/garbage" => Self::Garbage,
            "/empty" => Self::Empty,
            "/getIP" => Self::Address,
            "/results/telemetry" => Self::Telemetry,
            "/results/json" => Self::ResultJson,
            "/results/" | "/results" | "/results/index" => Self::ResultImage,
            "/servers.json" | "/server-list.json" | "-servers/servers" => Self::Servers,
            "/get-servers" => Self::ISpeedServers,
            "/get-ip-info" => Self::ISpeedAddress,
            _ => return None,
        })
    }
}

/// Bytes that a `garbage` query asks for.
pub fn garbage_bytes(query: &str) -> u64 {
    let asked = crate::query::number(query, "ckSize").ok().flatten();
    // As the PHP back end does: nonsense is the default, too much is the most.
    let chunks = asked.filter(|&n| n > 0).unwrap_or(spec::CHUNKS);
    chunks.min(spec::MAX_CHUNKS) * spec::CHUNK_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_of_a_path_is_known() {
        for path in [
            "/garbage",
            "/garbage.php",
            "/backend/garbage",
            "/backend/garbage.php",
        ] {
            assert_eq!(Endpoint::of_path(path), Some(Endpoint::Garbage), "{path}");
        }
        assert_eq!(Endpoint::of_path("/getIP.php"), Some(Endpoint::Address));
        assert_eq!(
            Endpoint::of_path("/results/telemetry.php"),
            Some(Endpoint::Telemetry)
        );
        assert_eq!(
            Endpoint::of_path("/backend-servers/servers.php"),
            Some(Endpoint::Servers)
        );
        for path in ["/", "/backend", "/backend/", "/garbage.phpx", "/x/garbage"] {
            assert_eq!(Endpoint::of_path(path), None, "{path}");
        }
    }

    #[test]
    fn chunks_are_whole_mebibytes_within_bounds() {
        assert_eq!(garbage_bytes("ckSize=100"), 100 << 20);
        assert_eq!(garbage_bytes("r=0.1"), 4 << 20);
        assert_eq!(garbage_bytes("ckSize=0"), 4 << 20);
        assert_eq!(garbage_bytes("ckSize=x"), 4 << 20);
        assert_eq!(garbage_bytes("ckSize=99999"), 1024 << 20);
    }

    proptest! {
        #[test]
        fn any_path_and_query_is_taken_or_refused(path in ".{0,40}", query in ".{0,40}") {
            let _ = Endpoint::of_path(&path);
            prop_assert!(garbage_bytes(&query) <= 1024 << 20);
        }
    }
}
