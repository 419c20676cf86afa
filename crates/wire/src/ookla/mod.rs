//! Ookla's older test over HTTP, as far as speedtest-cli 2.1.3 (Debian's) and
//! clients like it need.
//!
//! There is no specification; these are the paths, members and sizes that
//! speedtest-cli reads. It asks www.speedtest.net first, so it is pointed here
//! with `http_proxy`: a request then names its target in full (RFC 9112
//! §3.2.2), and this site answers for whatever host it names.

use std::fmt::Write as _;
use std::net::IpAddr;

/// Paths and sizes.
pub mod spec {
    /// Name in receipts.
    pub const PROTOCOL: &str = "ookla-http";
    /// Where the transfers are.
    pub const FOLDER: &str = "/speedtest";
    /// Sides of the pictures that are downloaded, and the customary size of each.
    pub const PICTURES: &[(u32, u64)] = &[
        (350, 245_388),
        (500, 505_544),
        (750, 1_118_012),
        (1000, 1_986_284),
        (1500, 4_468_241),
        (2000, 7_907_740),
        (2500, 12_407_926),
        (3000, 17_816_816),
        (3500, 24_262_167),
        (4000, 31_625_365),
    ];
    /// What `latency.txt` holds.
    pub const LATENCY: &str = "test=test\n";
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// How to measure, and who asks.
    Config,
    /// The list of servers.
    Servers,
    /// A few bytes, to measure the round trip.
    Latency,
    /// A download of so many bytes.
    Picture(u64),
    /// An upload; asked without a body, it shows that it is here.
    Upload,
}

impl Endpoint {
    /// What `path` asks for.
    pub fn of_path(path: &str) -> Option<Self> {
        match path {
            "/speedtest-config.php" => return Some(Self::Config),
            "/speedtest-servers-static.php" | "/speedtest-servers.php" => {
                return Some(Self::Servers);
            }
            _ => {}
        }
        match path.strip_prefix(spec::FOLDER)? {
            "/latency.txt" => Some(Self::Latency),
            "/upload.php" => Some(Self::Upload),
            picture => picture_bytes(picture).map(Self::Picture),
        }
    }
}

/// Size of `/random1000x1000.jpg`.
fn picture_bytes(name: &str) -> Option<u64> {
    let sides = name.strip_prefix("/random")?.strip_suffix(".jpg")?;
    let (width, height) = sides.split_once('x')?;
    let known = spec::PICTURES.iter();
    let mut known = known.filter(|(side, _)| width == height && width == side.to_string());
    known.next().map(|&(_, bytes)| bytes)
}

/// How to measure, in XML. The place of the client is not known here; clients
/// want one to sort servers by, and get the origin.
pub fn config(client: IpAddr) -> String {
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><settings>"#,
            r#"<client ip="{}" lat="0.0" lon="0.0" isp="" isprating="0" rating="0" ispdlavg="0" ispulavg="0" loggedin="0" country=""/>"#,
            r#"<server-config threadcount="4" ignoreids="" notonmap="" forcepingid="" preferredserverid=""/>"#,
            r#"<download testlength="10" initialtest="250K" mintestsize="250K" threadsperurl="4"/>"#,
            r#"<upload testlength="10" ratio="5" initialtest="0" mintestsize="32K" threads="2" maxchunksize="512K" maxchunkcount="50" threadsperurl="4"/>"#,
            "</settings>"
        ),
        client
    )
}

/// The list of servers in XML: this one, which the client calls `host`.
pub fn servers(name: &str, host: &str) -> String {
    let (name, host) = (escaped(name), escaped(host));
    let folder = spec::FOLDER;
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><settings><servers>"#,
            r#"<server url="http://{host}{folder}/upload.php" lat="0.0" lon="0.0" name="{name}" "#,
            r#"country="" cc="" sponsor="{name}" id="1" host="{host}"/></servers></settings>"#
        ),
        host = host,
        folder = folder,
        name = name
    )
}

/// Answer to an upload.
pub fn upload_reply(bytes: u64) -> String {
    format!("size={bytes}")
}

/// Text as the value of an attribute (XML 1.0 §2.3).
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || "-._~:/ []".contains(c) {
            out.push(c);
        } else if !c.is_control() {
            // Writing to a string does not fail.
            let _ = write!(out, "&#{};", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_known() {
        let of = Endpoint::of_path;
        assert_eq!(
            of("/speedtest/random1000x1000.jpg"),
            Some(Endpoint::Picture(1_986_284))
        );
        assert_eq!(of("/speedtest/latency.txt"), Some(Endpoint::Latency));
        assert_eq!(of("/speedtest/upload.php"), Some(Endpoint::Upload));
        assert_eq!(of("/speedtest-config.php"), Some(Endpoint::Config));
        for path in [
            "/speedtest/random1000x500.jpg",
            "/speedtest/random1x1.jpg",
            "/speedtest/random.jpg",
            "/speedtest",
            "/",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn both_documents_hold_what_clients_read() {
        let config = config("203.0.113.7".parse().unwrap());
        for part in [
            r#"ip="203.0.113.7""#,
            r#"threadcount="4""#,
            r#"ignoreids="""#,
            r#"maxchunkcount="50""#,
            r#"ratio="5""#,
        ] {
            assert!(config.contains(part), "{part}");
        }
        let servers = servers("Hà Nội <1>", "h:8080");
        assert!(servers.contains(r#"url="http://h:8080/speedtest/upload.php""#));
        assert!(servers.contains(r#"name="Hà Nội &#60;1&#62;""#));
        assert_eq!(upload_reply(5), "size=5");
    }

    proptest! {
        #[test]
        fn any_text_stays_inside_its_attribute(name in ".{0,40}", host in ".{0,40}") {
            let xml = servers(&name, &host);
            prop_assert_eq!(xml.matches('"').count(), 22);
            prop_assert_eq!(xml.matches('<').count(), 6);
        }

        #[test]
        fn any_path_is_taken_or_refused(path in ".{0,40}") {
            let _ = Endpoint::of_path(&path);
        }
    }
}
