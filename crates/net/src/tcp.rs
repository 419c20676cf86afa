//! What the kernel knows of a TCP connection, and what it lets us set.

use std::io;
use std::os::fd::AsRawFd;

/// The kernel's account of a connection (`TCP_INFO`, Linux 5.4 and later).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TcpInfo {
    /// Bytes the peer has acknowledged (`tcpi_bytes_acked`).
    pub bytes_acked: u64,
    /// Bytes received in order (`tcpi_bytes_received`).
    pub bytes_received: u64,
    /// Bytes the peer has, holes or not: acknowledged, and segments it has
    /// reported beyond a hole (`tcpi_sacked` × `tcpi_snd_mss`).
    pub bytes_delivered: u64,
    /// Bytes that have come, in order or not, as full segments
    /// (`tcpi_data_segs_in` × `tcpi_rcv_mss`): partial segments and those that
    /// came twice make it too large. On loopback, the bytes in order.
    pub segment_bytes_in: u64,
    /// Segments reported or received beyond a hole since the connection began
    /// (`tcpi_sacked` now, `tcpi_rcv_ooopack` ever).
    pub segments_out_of_order: u32,
    /// Bytes sent again (`tcpi_bytes_retrans`).
    pub bytes_retransmitted: u64,
    /// Least round-trip time seen, µs (`tcpi_min_rtt`).
    pub min_rtt_us: u32,
    /// Smoothed round-trip time, µs (`tcpi_rtt`).
    pub srtt_us: u32,
    /// Time with data in flight, µs (`tcpi_busy_time`).
    pub busy_us: u64,
    /// Of that, limited by the peer's window, µs (`tcpi_rwnd_limited`).
    pub rwnd_limited_us: u64,
    /// Of that, limited by the send buffer, µs (`tcpi_sndbuf_limited`).
    pub sndbuf_limited_us: u64,
}

/// Whether this system tells of its connections at all.
pub const TELLS: bool = cfg!(target_os = "linux");

/// Reads the account of a connection; `None` where the system has none.
#[cfg(target_os = "linux")]
pub fn info(socket: &impl AsRawFd) -> Option<TcpInfo> {
    let (raw, length) = option::<256>(socket, libc::TCP_INFO)?;
    // Linux 5.4 gives so many; before it, fields that we read are missing.
    if length < 228 {
        return None;
    }
    let long = |at: usize| {
        let bytes = raw.get(at..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    };
    let short = |at: usize| {
        let bytes = raw.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    };
    // Offsets in `struct tcp_info` of include/uapi/linux/tcp.h; fields are only
    // ever added at its end.
    let bytes_acked = long(120)?;
    let sacked = u64::from(short(28)?) * u64::from(short(16)?);
    Some(TcpInfo {
        bytes_acked,
        bytes_received: long(128)?,
        bytes_delivered: bytes_acked.saturating_add(sacked),
        segment_bytes_in: segment_bytes_in(short(152)?, short(20)?, long(128)?),
        segments_out_of_order: short(28)?.saturating_add(short(224)?),
        bytes_retransmitted: long(208)?,
        min_rtt_us: short(148)?,
        srtt_us: short(68)?,
        busy_us: long(168)?,
        rwnd_limited_us: long(176)?,
        sndbuf_limited_us: long(184)?,
    })
}

/// Reads the account of a connection; `None` where the system has none.
#[cfg(not(target_os = "linux"))]
pub fn info(_: &impl AsRawFd) -> Option<TcpInfo> {
    None
}

/// The account as the kernel writes it (`struct tcp_info`), as long as this
/// kernel's is; `None` where the system has none.
#[cfg(target_os = "linux")]
pub fn account(socket: &impl AsRawFd) -> Option<Vec<u8>> {
    bytes(socket, libc::TCP_INFO)
}

/// The account as the kernel writes it; `None` where the system has none.
#[cfg(not(target_os = "linux"))]
pub fn account(_: &impl AsRawFd) -> Option<Vec<u8>> {
    None
}

/// The account of the congestion control, as it writes it (`TCP_CC_INFO`);
/// which structure that is depends on [`congestion`].
#[cfg(target_os = "linux")]
pub fn congestion_account(socket: &impl AsRawFd) -> Option<Vec<u8>> {
    bytes(socket, libc::TCP_CC_INFO)
}

/// The account of the congestion control; `None` where the system has none.
#[cfg(not(target_os = "linux"))]
pub fn congestion_account(_: &impl AsRawFd) -> Option<Vec<u8>> {
    None
}

/// Bytes in so many segments. One larger than a jumbo frame never crossed a
/// link: on loopback segments are of any size, and what came is in order.
#[cfg(target_os = "linux")]
const fn segment_bytes_in(segments: u32, size: u32, in_order: u64) -> u64 {
    if size > JUMBO_FRAME_BYTES {
        in_order
    } else {
        segments as u64 * size as u64
    }
}

/// The largest frame that Ethernet equipment commonly takes.
#[cfg(target_os = "linux")]
const JUMBO_FRAME_BYTES: u32 = 9_216;

/// Name of the congestion control in use, such as `bbr`.
#[cfg(target_os = "linux")]
pub fn congestion(socket: &impl AsRawFd) -> Option<String> {
    let (raw, _) = option::<16>(socket, libc::TCP_CONGESTION)?;
    let end = raw.iter().position(|&byte| byte == 0).unwrap_or(raw.len());
    String::from_utf8(raw[..end].to_vec()).ok()
}

/// Name of the congestion control in use, such as `bbr`.
#[cfg(not(target_os = "linux"))]
pub fn congestion(_: &impl AsRawFd) -> Option<String> {
    None
}

/// Whether BBR is still in STARTUP, looking for the bandwidth of the path;
/// `None` where the connection is not under BBR or the system does not tell.
///
/// BBR paces at 739/256 of its estimate in STARTUP and at 320/256 or less ever
/// after (`net/ipv4/tcp_bbr.c`, `bbr_high_gain` and `bbr_pacing_gain`).
#[cfg(target_os = "linux")]
pub fn is_in_startup(socket: &impl AsRawFd) -> Option<bool> {
    /// `TCP_CC_INFO` of include/uapi/linux/tcp.h.
    const TCP_CC_INFO: libc::c_int = 26;
    /// Highest gain after STARTUP, in 1/256.
    const HIGHEST_AFTER: u32 = 320;
    // `struct tcp_bbr_info`: bw_lo, bw_hi, min_rtt, pacing_gain, cwnd_gain. What
    // other algorithms give is shorter.
    let (raw, length) = option::<64>(socket, TCP_CC_INFO)?;
    let bbr = length >= 20 && congestion(socket)?.starts_with("bbr");
    let field = |at: usize| {
        raw[at..]
            .first_chunk()
            .map(|bytes| u32::from_ne_bytes(*bytes))
    };
    let (bandwidth, gain) = bbr
        .then(|| Some((field(0)? | field(4)?, field(12)?)))
        .flatten()?;
    // Before its first sample of the bandwidth it has not begun to pace.
    Some(bandwidth == 0 || gain > HIGHEST_AFTER)
}

/// Whether BBR is still in STARTUP; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn is_in_startup(_: &impl AsRawFd) -> Option<bool> {
    None
}

/// Asks for a congestion control.
///
/// # Errors
///
/// The system's, when it does not know or allow the name.
#[cfg(target_os = "linux")]
pub fn set_congestion(socket: &impl AsRawFd, name: &str) -> io::Result<()> {
    set_option(socket, libc::TCP_CONGESTION, name.as_bytes())
}

/// Asks for a congestion control.
///
/// # Errors
///
/// Always, on a system where this cannot be chosen per connection.
#[cfg(not(target_os = "linux"))]
pub fn set_congestion(_: &impl AsRawFd, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Bounds what waits unsent in the kernel, so that a connection stops soon
/// after its program does (`TCP_NOTSENT_LOWAT`).
///
/// # Errors
///
/// The system's.
#[cfg(target_os = "linux")]
pub fn set_notsent_lowat(socket: &impl AsRawFd, bytes: u32) -> io::Result<()> {
    set_option(socket, libc::TCP_NOTSENT_LOWAT, &bytes.to_ne_bytes())
}

/// Bounds what waits unsent in the kernel.
///
/// # Errors
///
/// Always, on a system without the option.
#[cfg(not(target_os = "linux"))]
pub fn set_notsent_lowat(_: &impl AsRawFd, _: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Reads an option into zeros, with the length the kernel gave; `None` when it
/// refuses.
#[cfg(target_os = "linux")]
fn option<const N: usize>(socket: &impl AsRawFd, name: libc::c_int) -> Option<([u8; N], usize)> {
    let mut value = [0_u8; N];
    let mut length = libc::socklen_t::try_from(N).ok()?;
    // SAFETY: `value` is valid for writes of `length` bytes, and the kernel
    // writes at most that many.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            name,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let length = usize::try_from(length).ok()?;
    (status == 0).then_some((value, length))
}

/// Reads an option of any size up to 512 bytes.
#[cfg(target_os = "linux")]
fn bytes(socket: &impl AsRawFd, name: libc::c_int) -> Option<Vec<u8>> {
    let mut value = vec![0_u8; 512];
    let mut length = libc::socklen_t::try_from(value.len()).ok()?;
    // SAFETY: `value` is valid for writes of `length` bytes, and the kernel
    // writes at most that many.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            name,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    value.truncate(usize::try_from(length).ok()?);
    (status == 0).then_some(value)
}

/// Throws away at most `most` received bytes without copying them
/// (`MSG_TRUNC`, tcp(7)); how many it were, zero at the end of the connection.
///
/// # Errors
///
/// The system's, `WouldBlock` when nothing is there.
#[cfg(target_os = "linux")]
pub(crate) fn discard(socket: &impl AsRawFd, most: usize) -> io::Result<usize> {
    let flags = libc::MSG_TRUNC | libc::MSG_DONTWAIT;
    // SAFETY: with MSG_TRUNC on a stream socket the kernel writes nothing
    // to the buffer, so that none is needed.
    let thrown = unsafe { libc::recv(socket.as_raw_fd(), std::ptr::null_mut(), most, flags) };
    usize::try_from(thrown).map_err(|_| io::Error::last_os_error())
}

/// Elsewhere bytes have to be read.
///
/// # Errors
///
/// Always [`io::ErrorKind::Unsupported`].
#[cfg(not(target_os = "linux"))]
pub(crate) fn discard(_: &impl Sized, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn set_option(socket: &impl AsRawFd, name: libc::c_int, value: &[u8]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: `value` is valid for reads of `length` bytes.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            name,
            value.as_ptr().cast(),
            length,
        )
    };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_counts_what_was_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let before = info(&server).unwrap();
        server.write_all(&[1; 10_000]).unwrap();
        client.read_exact(&mut [0; 10_000]).unwrap();
        // The acknowledgement may still be on its way; the client's answer carries it.
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0; 1]).unwrap();
        let after = info(&server).unwrap();
        assert_eq!(after.bytes_acked - before.bytes_acked, 10_000);
        assert_eq!(after.bytes_received - before.bytes_received, 1);
        assert!(after.min_rtt_us > 0 && after.min_rtt_us < 1_000_000);
        let raw = account(&server).unwrap();
        assert!(raw.len() >= 216, "{} bytes", raw.len());
    }

    #[test]
    fn congestion_control_has_a_name() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(congestion(&client).is_some_and(|name| !name.is_empty()));
        assert!(set_congestion(&client, "no_such_thing").is_err());
        set_congestion(&client, "reno").unwrap();
        assert_eq!(congestion(&client).as_deref(), Some("reno"));
        set_notsent_lowat(&client, 131_072).unwrap();
    }

    #[test]
    fn only_bbr_tells_of_its_startup() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set_congestion(&client, "reno").unwrap();
        assert_eq!(is_in_startup(&client), None);
        // Not every kernel has BBR; one that does starts in STARTUP.
        if set_congestion(&client, "bbr").is_ok() {
            assert_eq!(is_in_startup(&client), Some(true));
        }
    }
}
