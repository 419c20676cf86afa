//! Web Push: a short message, sealed for one browser (RFC 8291), signed for its
//! push service (RFC 8292), as a request that somebody else sends (RFC 8030).
//!
//! The push service is whatever the browser named, so its address is checked
//! like any stranger's: `https` and no address of an inner network.

mod seal;
mod vapid;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result, anyhow, ensure};
use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use vapid::Key;

/// Longest address of a push service, bytes.
const LONGEST: usize = 1024;
/// Seconds after which a message about today is worth nothing any more.
const LASTS: u32 = 6 * 3600;

/// Table `[centre.push]`: reminders on members' own devices. Without it there
/// are none.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Whom a push service asks when something is wrong: `mailto:` or `https:`.
    pub contact: String,
    /// Whether push services in inner networks, and without TLS, may be used.
    #[serde(default)]
    pub allow_private: bool,
}

impl Push {
    /// Checks what the types cannot.
    ///
    /// # Errors
    ///
    /// Names the key at fault, its value and what is expected.
    pub fn check(&self) -> Result<()> {
        let contact = &self.contact;
        let mail = contact.strip_prefix("mailto:");
        let known = mail.is_some_and(|mail| mail.parse::<lettre::Address>().is_ok())
            || contact.starts_with("https://");
        ensure!(
            known,
            "push.contact is {contact:?}, expected mailto:vhtt@quan1.example.vn or https://…"
        );
        Ok(())
    }
}

/// What a browser hands out to be reached by.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Address at the browser's push service.
    pub endpoint: String,
    /// The browser's public key (P-256, uncompressed), base64url.
    pub p256dh: String,
    /// The browser's secret of 16 bytes, base64url.
    pub auth: String,
}

/// A request that brings one message to a push service.
#[derive(Clone, Debug)]
pub struct Request {
    /// `https://host[:port]`.
    pub origin: String,
    /// Path and query.
    pub path: String,
    /// Its own lines of the head.
    pub headers: Vec<(&'static str, String)>,
    /// The sealed message.
    pub body: Vec<u8>,
}

impl Subscription {
    /// Checks address and keys.
    ///
    /// # Errors
    ///
    /// Names the member at fault and what is expected.
    pub fn check(&self, allow_private: bool) -> Result<(), (&'static str, String)> {
        let endpoint = |error: anyhow::Error| ("endpoint", error.to_string());
        place(&self.endpoint, allow_private).map_err(endpoint)?;
        self.public().map_err(|e| ("p256dh", e.to_string()))?;
        self.secret().map_err(|e| ("auth", e.to_string()))?;
        Ok(())
    }

    fn public(&self) -> Result<[u8; seal::POINT]> {
        let point = bytes(&self.p256dh, "a public key of 65 bytes")?;
        ensure!(point[0] == 4, "expected an uncompressed point of P-256");
        Ok(point)
    }

    fn secret(&self) -> Result<[u8; seal::SECRET]> {
        bytes(&self.auth, "a secret of 16 bytes")
    }

    /// The request that brings it a message.
    ///
    /// # Errors
    ///
    /// When the subscription is not one, or sealing or signing fail.
    pub fn request(
        &self,
        (key, settings): (&Key, &Push),
        message: &[u8],
        salt: [u8; seal::SALT],
        at: Timestamp,
    ) -> Result<Request> {
        let (origin, path) = place(&self.endpoint, settings.allow_private)?;
        let body = seal::sealed(&self.public()?, &self.secret()?, salt, message)?;
        let authorization = key.authorization(&origin, &settings.contact, at)?;
        let headers = vec![
            ("authorization", authorization),
            ("content-encoding", "aes128gcm".into()),
            ("content-type", "application/octet-stream".into()),
            ("ttl", LASTS.to_string()),
            ("topic", "duty".into()),
        ];
        Ok(Request {
            origin,
            path,
            headers,
            body,
        })
    }
}

fn bytes<const N: usize>(text: &str, expected: &str) -> Result<[u8; N]> {
    let text = text.trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.with_context(|| format!("expected {expected} as base64url"))
}

/// Origin and path of an address; where inner networks are not allowed it has
/// to be `https` and name no address of one.
fn place(endpoint: &str, allow_private: bool) -> Result<(String, String)> {
    let wrong = |why: &str| anyhow!("{endpoint:?}: {why}");
    ensure!(endpoint.len() <= LONGEST, "longer than {LONGEST} bytes");
    let uri: Uri = endpoint.parse().map_err(|_| wrong("expected a URL"))?;
    let scheme = uri.scheme_str().unwrap_or_default();
    let fits = scheme == "https" || (allow_private && scheme == "http");
    ensure!(fits, wrong("expected https://"));
    let authority = uri.authority().ok_or_else(|| wrong("expected a host"))?;
    ensure!(
        !authority.as_str().contains('@'),
        wrong("expected no user in it")
    );
    let host = authority.host().trim_matches(['[', ']']);
    let inner = host.parse().is_ok_and(|address| !is_public(address))
        || host.eq_ignore_ascii_case("localhost");
    ensure!(
        allow_private || !inner,
        wrong("an address of an inner network")
    );
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((format!("{scheme}://{authority}"), path.to_owned()))
}

/// Whether an address is one of the public Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let reserved = a == 0 || a >= 240 || (a, b, c) == (192, 0, 0);
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_documentation()
        || shared
        || reserved
        || benchmark)
}

/// Only global unicast is (2000::/3), without what embeds an IPv4 address that
/// is not, and without documentation.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let segments = v6.segments();
    let [a, b, ..] = segments;
    if let Some(v4) = v6.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let tail = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b) {
        (0x64, 0xff9b) => is_public_v4(tail(segments[6], segments[7])),
        (0x2002, _) => is_public_v4(tail(segments[1], segments[2])),
        (0x2001, 0xdb8 | 0) => false,
        _ => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(endpoint: &str) -> Subscription {
        Subscription {
            endpoint: endpoint.into(),
            p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4".into(),
            auth: "BTBZMqHH6r4Tts7J_aSIgg".into(),
        }
    }

    #[test]
    fn a_push_service_is_reached_by_https_and_in_no_inner_network() {
        let taken = subscription("https://push.example.net/a/b?c=d");
        taken.check(false).unwrap();
        for wrong in [
            "http://push.example.net/a",
            "https://127.0.0.1/a",
            "https://10.1.2.3:8443/a",
            "https://[::1]/a",
            "https://[fd00::1]/a",
            "https://[::ffff:192.168.1.1]/a",
            "https://[64:ff9b::a00:1]/a",
            "https://169.254.169.254/latest",
            "https://localhost/a",
            "https://user:word@push.example.net/a",
            "file:///etc/passwd",
            "push.example.net",
            "",
        ] {
            let (field, what) = subscription(wrong).check(false).unwrap_err();
            assert_eq!(field, "endpoint", "{wrong}: {what}");
        }
        subscription("http://127.0.0.1:9/a").check(true).unwrap();
    }

    #[test]
    fn keys_that_are_none_are_named() {
        let good = subscription("https://push.example.net/a");
        let short = Subscription {
            p256dh: "BCVx".into(),
            ..good.clone()
        };
        assert_eq!(short.check(false).unwrap_err().0, "p256dh");
        let odd = Subscription {
            auth: "không".into(),
            ..good
        };
        assert_eq!(odd.check(false).unwrap_err().0, "auth");
    }

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        let public = ["8.8.8.8", "2001:4860::8888", "2002:808:808::1"];
        let inner = [
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "255.255.255.255",
            "fe80::1",
            "::",
        ];
        for (addresses, is) in [(&public[..], true), (&inner, false)] {
            for address in addresses {
                assert_eq!(is_public(address.parse().unwrap()), is, "{address}");
            }
        }
    }
}
