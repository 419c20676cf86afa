//! Where a site is reached.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `http://host[:port]` or `https://host[:port]`, without a path.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteUrl {
    secure: bool,
    authority: String,
}

impl SiteUrl {
    /// Whether it is `https`.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// `host[:port]`, as in the URL.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for SiteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl FromStr for SiteUrl {
    type Err = NotASiteUrl;

    fn from_str(text: &str) -> Result<Self, NotASiteUrl> {
        let (secure, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(NotASiteUrl(text.into())),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if !is_authority(authority) {
            return Err(NotASiteUrl(text.into()));
        }
        Ok(Self {
            secure,
            authority: authority.to_lowercase(),
        })
    }
}

/// A host name, IPv4 address or IPv6 address in brackets, and perhaps a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 253 && host.trim_end_matches('.').split('.').all(label)
}

impl TryFrom<String> for SiteUrl {
    type Error = NotASiteUrl;

    fn try_from(text: String) -> Result<Self, NotASiteUrl> {
        text.parse()
    }
}

impl From<SiteUrl> for String {
    fn from(url: SiteUrl) -> Self {
        url.to_string()
    }
}

/// A text that is no URL of a site.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not http://host[:port] or https://host[:port]")]
pub struct NotASiteUrl(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_perhaps_a_port() {
        let read = |text: &str| text.parse::<SiteUrl>().map(|url| url.to_string());
        for good in [
            "http://127.0.0.1:8080",
            "https://sgn1.example.vn",
            "http://[2001:db8::1]:81",
            "http://[::1]",
        ] {
            assert_eq!(read(good).as_deref(), Ok(good));
        }
        assert_eq!(
            read("https://SGN.example.vn/").as_deref(),
            Ok("https://sgn.example.vn")
        );
        for bad in [
            "",
            "sgn.example.vn",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a b",
            "http://a:0",
            "http://a:x",
            "http://u@h",
            "http://[::1",
            "http://a?b",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
