//! Address prefixes: how much of an address is kept (IPv4 /24, IPv6 /48).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The network of a client, reduced to IPv4 /24 or IPv6 /48.
///
/// As text `203.0.113.0/24`; anything else, such as host bits or another
/// length, is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(IpAddr);

impl Prefix {
    /// The prefix of an address. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
        })
    }

    /// The first address of the prefix.
    pub const fn network(&self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = if self.0.is_ipv4() { 24 } else { 48 };
        write!(f, "{}/{length}", self.0)
    }
}

impl FromStr for Prefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let (address, _) = text.split_once('/').ok_or(NotAPrefix)?;
        let prefix = Self::of(address.parse().map_err(|_| NotAPrefix)?);
        (prefix.to_string() == text)
            .then_some(prefix)
            .ok_or(NotAPrefix)
    }
}

impl TryFrom<String> for Prefix {
    type Error = NotAPrefix;

    fn try_from(text: String) -> Result<Self, NotAPrefix> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

/// A text that is no prefix of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an IPv4 /24 or IPv6 /48 prefix")]
pub struct NotAPrefix;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_dropped() {
        let of = |text: &str| Prefix::of(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.77"), "203.0.113.0/24");
        assert_eq!(of("2001:db8:1:2::3"), "2001:db8:1::/48");
        assert_eq!(of("::ffff:203.0.113.77"), "203.0.113.0/24");
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        assert!("203.0.113.0/24".parse::<Prefix>().is_ok());
        for bad in [
            "203.0.113.1/24",
            "203.0.113.0/25",
            "203.0.113.0",
            "x/24",
            "",
        ] {
            assert_eq!(bad.parse::<Prefix>(), Err(NotAPrefix), "{bad}");
        }
    }
}
