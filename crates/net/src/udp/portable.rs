//! Datagrams one at a time, by the calls that every Unix has.

use std::io;
use std::os::fd::AsRawFd;

use super::{Datagram, UnixTime, address, unix_time};

/// Room for one datagram.
#[derive(Debug)]
pub struct Batch {
    buffer: Vec<u8>,
    length: usize,
    name: Option<std::net::SocketAddr>,
    received: UnixTime,
    kept: bool,
}

/// Nothing to ask for.
#[cfg(not(target_os = "linux"))]
pub(super) fn ask(_: &impl AsRawFd) {}

impl Batch {
    /// Room for one datagram of at most `length` octets, whatever `count` says.
    pub fn new(_count: usize, length: usize) -> Self {
        Self {
            buffer: vec![0; length + 1],
            length: 0,
            name: None,
            received: UnixTime::default(),
            kept: false,
        }
    }

    /// Receives a datagram, and waits for it if `wait` says so.
    ///
    /// # Errors
    ///
    /// The system's; `WouldBlock` when there is none.
    pub fn receive(&mut self, socket: &impl AsRawFd, wait: bool) -> io::Result<usize> {
        self.kept = false;
        let mut name = address::empty();
        let mut name_len =
            libc::socklen_t::try_from(size_of_val(&name)).map_err(io::Error::other)?;
        // SAFETY: buffer and name are valid for writes of the lengths given.
        let received = unsafe {
            libc::recvfrom(
                socket.as_raw_fd(),
                self.buffer.as_mut_ptr().cast(),
                self.buffer.len(),
                if wait { 0 } else { libc::MSG_DONTWAIT },
                (&raw mut name).cast(),
                &raw mut name_len,
            )
        };
        self.length = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        self.name = address::from_system(&name);
        self.received = unix_time();
        Ok(1)
    }

    /// The datagram.
    ///
    /// # Panics
    ///
    /// When `k` is not 0.
    pub fn datagram(&mut self, k: usize) -> Datagram<'_> {
        assert_eq!(k, 0, "a batch holds one datagram here");
        let most = self.buffer.len() - 1;
        Datagram {
            truncated: self.length > most,
            data: &mut self.buffer[..self.length.min(most)],
            from: self.name,
            received: self.received,
            ttl: None,
        }
    }

    /// Keeps the datagram to be sent back to where it came from.
    pub fn keep(&mut self, _: usize) {
        self.kept = true;
    }

    /// How many are kept.
    pub fn kept(&self) -> usize {
        usize::from(self.kept)
    }

    /// Sends back what was kept, and says how many went out.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn send(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        let Some(to) = self.name.filter(|_| std::mem::take(&mut self.kept)) else {
            return Ok(0);
        };
        let (name, name_len) = address::to_system(to);
        // SAFETY: buffer and name are valid for reads of the lengths given.
        let sent = unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                self.buffer.as_ptr().cast(),
                self.length,
                libc::MSG_DONTWAIT,
                (&raw const name).cast(),
                name_len,
            )
        };
        Ok(usize::from(sent >= 0))
    }
}
