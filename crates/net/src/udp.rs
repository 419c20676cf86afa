//! Datagrams in batches, with the kernel's own time of arrival and the hops
//! that were left.
//!
//! On Linux one call receives and one sends a whole batch (`recvmmsg`,
//! `sendmmsg`); elsewhere a batch holds one datagram, and its time is that at
//! which the program got it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};
use std::time::Duration;

#[path = "udp/address.rs"]
mod address;
#[cfg(target_os = "linux")]
#[path = "udp/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "udp/portable.rs"]
mod system;
// Compiled here too, so that its test keeps it alive.
#[cfg(all(test, target_os = "linux"))]
#[path = "udp/portable.rs"]
#[allow(unreachable_pub, reason = "elsewhere it is the public form")]
mod portable;

pub use system::Batch;

/// A time of day, since 1970.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct UnixTime {
    /// Whole seconds.
    pub seconds: u64,
    /// Nanoseconds, below 10⁹.
    pub nanos: u32,
}

impl UnixTime {
    /// The time since `earlier`; zero when that lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        let span = |time: Self| Duration::new(time.seconds, time.nanos);
        span(self).saturating_sub(span(earlier))
    }
}

/// The time of day to the nanosecond, for timestamps in packets.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn unix_time() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let since = since.unwrap_or_default();
    UnixTime {
        seconds: since.as_secs(),
        nanos: since.subsec_nanos(),
    }
}

/// A received datagram.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// Its octets; as many as fit.
    pub data: &'a mut [u8],
    /// Whether some did not fit.
    pub truncated: bool,
    /// Who sent it; absent when the kernel named no IP address.
    pub from: Option<SocketAddr>,
    /// When it arrived.
    pub received: UnixTime,
    /// TTL or hop limit that was left, where the kernel told.
    pub ttl: Option<u8>,
}

/// Opens a socket at `address` (port 0 takes any free one) that asks the
/// kernel for times of arrival and hops, and for room for bursts.
///
/// # Errors
///
/// The system's, when the address cannot be had. What the kernel does not know
/// is done without.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    prepare(&socket);
    Ok(socket)
}

/// Asks the kernel for times of arrival, hops, and room for bursts of a socket
/// that exists already.
pub fn prepare(socket: &impl AsRawFd) {
    const ROOM_BYTES: libc::c_int = 4 << 20;
    // Each is best effort: a value that is not told is absent.
    let _ = set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, ROOM_BYTES);
    system::ask(socket);
}

/// Ends a blocking wait for datagrams after `span`.
///
/// # Errors
///
/// The system's.
pub fn set_patience(socket: &UdpSocket, span: Duration) -> io::Result<()> {
    socket.set_read_timeout(Some(span))
}

/// How wrong the clock of the day may be, and whether the kernel takes it for
/// synchronised; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn clock_error() -> Option<(Duration, bool)> {
    // SAFETY: all zeros is a valid `timex`, and with no modes set it is only
    // written to.
    let (state, told) = unsafe {
        let mut told: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut told), told)
    };
    let error = Duration::from_micros(u64::try_from(told.maxerror).ok()?);
    let synchronised = state >= 0 && state != libc::TIME_ERROR;
    Some((error, synchronised)).filter(|_| state >= 0)
}

/// How wrong the clock of the day may be; not told on this system.
#[cfg(not(target_os = "linux"))]
pub fn clock_error() -> Option<(Duration, bool)> {
    None
}

/// CPU time that this thread has used, in user and kernel together.
pub fn thread_cpu_time() -> Option<Duration> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for writes.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanos = u32::try_from(time.tv_nsec).ok()?;
    (status == 0).then(|| Duration::new(seconds, nanos))
}

/// Opens a socket that shares its port with others of the same user; the
/// kernel keeps all datagrams of one sender on one of them.
///
/// # Errors
///
/// The system's.
pub fn bind_shared(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    // SAFETY: no pointers are passed; the result is checked before it is owned.
    let fd = unsafe { libc::socket(family, libc::SOCK_DGRAM, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was opened above and belongs to nobody else.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    set(&owned, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    let (name, length) = address::to_system(address);
    // SAFETY: `name` is valid for reads of `length` octets.
    let status = unsafe { libc::bind(fd, (&raw const name).cast(), length) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    let socket = UdpSocket::from(owned);
    prepare(&socket);
    Ok(socket)
}

fn set(
    socket: &impl AsRawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(io::Error::other)?;
    // SAFETY: `value` is valid for reads of `length` octets.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            length,
        )
    };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(address: &str) -> (UdpSocket, UdpSocket) {
        let address: SocketAddr = address.parse().unwrap();
        let server = bind(address).unwrap();
        set_patience(&server, Duration::from_secs(5)).unwrap();
        let client = UdpSocket::bind(address).unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        (server, client)
    }

    /// Receives `wanted` datagrams and sends each back with its octets doubled.
    fn echo(server: &UdpSocket, wanted: usize) -> Vec<(SocketAddr, UnixTime, Option<u8>)> {
        let mut batch = Batch::new(8, 64);
        let mut seen = vec![];
        while seen.len() < wanted {
            let received = batch.receive(server, true).unwrap();
            for k in 0..received {
                let datagram = batch.datagram(k);
                datagram.data.iter_mut().for_each(|octet| *octet *= 2);
                seen.push((datagram.from.unwrap(), datagram.received, datagram.ttl));
                batch.keep(k);
            }
            assert_eq!(batch.send(server).unwrap(), received);
        }
        seen
    }

    #[track_caller]
    fn check(address: &str) {
        let (server, client) = pair(address);
        let before = unix_time();
        for k in 0..5_u8 {
            client.send(&[k, 7]).unwrap();
        }
        let seen = echo(&server, 5);
        let after = unix_time();
        for (from, received, ttl) in seen {
            assert_eq!(from, client.local_addr().unwrap());
            assert!(before <= received && received <= after, "{received:?}");
            assert!(cfg!(not(target_os = "linux")) || ttl == Some(64), "{ttl:?}");
        }
        let mut buffer = [0; 16];
        for k in 0..5_u8 {
            assert_eq!(client.recv(&mut buffer).unwrap(), 2);
            assert_eq!(buffer[..2], [2 * k, 14]);
        }
    }

    #[test]
    fn datagrams_come_with_time_and_hops_and_go_back() {
        check("127.0.0.1:0");
    }

    #[test]
    fn the_same_over_ipv6() {
        if UdpSocket::bind("[::1]:0").is_err() {
            println!("no IPv6 on this machine");
            return;
        }
        check("[::1]:0");
    }

    #[test]
    fn what_does_not_fit_says_so() {
        let (server, client) = pair("127.0.0.1:0");
        client.send(&[1; 100]).unwrap();
        let mut batch = Batch::new(4, 64);
        assert_eq!(batch.receive(&server, true).unwrap(), 1);
        let datagram = batch.datagram(0);
        assert!(datagram.truncated);
        assert_eq!(datagram.data.len(), 64);
    }

    #[test]
    fn nothing_there_is_an_error_and_not_a_datagram() {
        let (server, _client) = pair("127.0.0.1:0");
        let mut batch = Batch::new(4, 64);
        let nothing = batch.receive(&server, false).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(batch.send(&server).unwrap(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_arrival_is_the_kernels_and_not_the_programs() {
        let (server, client) = pair("127.0.0.1:0");
        client.send(&[1]).unwrap();
        let sent = unix_time();
        // The datagram waits in the kernel while this program is busy.
        while unix_time().since(sent) < Duration::from_millis(20) {}
        let mut batch = Batch::new(1, 64);
        batch.receive(&server, true).unwrap();
        let waited = unix_time().since(batch.datagram(0).received);
        assert!(waited >= Duration::from_millis(20), "{waited:?}");
    }

    #[test]
    fn sockets_share_a_port() {
        let first = bind_shared("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let second = bind_shared(address).unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        assert!(UdpSocket::bind(address).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_portable_way_works_too() {
        let (server, client) = pair("127.0.0.1:0");
        client.send(&[3, 4, 5]).unwrap();
        let mut batch = portable::Batch::new(8, 64);
        assert_eq!(batch.receive(&server, true).unwrap(), 1);
        let datagram = batch.datagram(0);
        assert_eq!(datagram.data, [3, 4, 5]);
        assert_eq!(datagram.from, Some(client.local_addr().unwrap()));
        assert!(!datagram.truncated);
        batch.keep(0);
        assert_eq!(batch.kept(), 1);
        assert_eq!(batch.send(&server).unwrap(), 1);
        let mut buffer = [0; 16];
        assert_eq!(client.recv(&mut buffer).unwrap(), 3);
        let nothing = batch.receive(&server, false).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    }
}
