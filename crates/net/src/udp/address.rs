//! Addresses as the kernel writes them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for any address.
pub(super) const fn empty() -> libc::sockaddr_storage {
    // SAFETY: all zeros is a valid address of no family.
    unsafe { std::mem::zeroed() }
}

/// An IP address and port; `None` for another family.
pub(super) fn from_system(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is a `sockaddr_in`, which is
            // smaller and no more aligned than the storage.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(name.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: likewise a `sockaddr_in6`.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            let port = u16::from_be(name.sin6_port);
            Some(SocketAddrV6::new(ip, port, name.sin6_flowinfo, name.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// The kernel's form of an address, and its length.
#[expect(
    clippy::cast_possible_truncation,
    reason = "families and sizes of addresses are small constants"
)]
pub(super) fn to_system(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    let mut storage = empty();
    let length = match address {
        SocketAddr::V4(v4) => {
            // SAFETY: the storage is larger and at least as aligned.
            let name = unsafe { &mut *(&raw mut storage).cast::<libc::sockaddr_in>() };
            name.sin_family = libc::AF_INET as libc::sa_family_t;
            name.sin_port = v4.port().to_be();
            name.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            // SAFETY: likewise.
            let name = unsafe { &mut *(&raw mut storage).cast::<libc::sockaddr_in6>() };
            name.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            name.sin6_port = v6.port().to_be();
            name.sin6_addr.s6_addr = v6.ip().octets();
            name.sin6_flowinfo = v6.flowinfo();
            name.sin6_scope_id = v6.scope_id();
            size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, length as libc::socklen_t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back() {
        for text in [
            "192.0.2.7:862",
            "[2001:db8::7]:2112",
            "[::ffff:192.0.2.7]:1",
        ] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(from_system(&to_system(address).0), Some(address));
        }
        assert_eq!(from_system(&empty()), None);
    }
}
