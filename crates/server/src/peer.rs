//! Who is at the other end: the connection's address, or, behind a proxy of
//! ours, the one that the proxy names.

use std::net::{IpAddr, SocketAddr};

use hyper::header::HeaderMap;

/// The address of the client whose request came over a connection from
/// `from`; `X-Forwarded-For` is believed from `proxies` alone.
pub fn client_address(from: SocketAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    Peer::of(from, headers, proxies).address
}

/// A client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Whether a proxy stands between; the kernel's account of the connection
    /// is then about the proxy and says nothing of the client.
    pub(crate) proxied: bool,
}

impl Peer {
    /// The client of a request that came over a connection from `from`.
    ///
    /// `X-Forwarded-For` is believed from `proxies` alone, and of it only the
    /// last address: that is the one our proxy saw, the others are hearsay.
    pub(crate) fn of(from: SocketAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> Self {
        let address = from.ip().to_canonical();
        let named = headers.get_all("x-forwarded-for").iter().next_back();
        let named =
            named.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        match named {
            Some(named) if proxies.contains(&address) => Self {
                address: named,
                proxied: true,
            },
            _ => Self {
                address,
                proxied: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, forwarded: Option<&str>, want: &str, proxied: bool) {
        let mut headers = HeaderMap::new();
        if let Some(value) = forwarded {
            headers.insert("x-forwarded-for", value.parse().unwrap());
        }
        let from = SocketAddr::new(from.parse().unwrap(), 1);
        let proxies = ["127.0.0.1".parse().unwrap()];
        let address = want.parse().unwrap();
        assert_eq!(
            Peer::of(from, &headers, &proxies),
            Peer { address, proxied }
        );
    }

    #[test]
    fn only_our_own_proxy_is_believed_and_only_its_last_word() {
        check("203.0.113.7", None, "203.0.113.7", false);
        check("203.0.113.7", Some("198.51.100.1"), "203.0.113.7", false);
        check("127.0.0.1", None, "127.0.0.1", false);
        check("127.0.0.1", Some("198.51.100.1"), "198.51.100.1", true);
        check(
            "::ffff:127.0.0.1",
            Some("6.6.6.6, 2001:db8::9"),
            "2001:db8::9",
            true,
        );
        check("127.0.0.1", Some("nonsense"), "127.0.0.1", false);
    }
}
