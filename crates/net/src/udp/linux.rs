//! Datagrams by `recvmmsg` and `sendmmsg`, with `SO_TIMESTAMPNS`.

use std::io;
use std::os::fd::AsRawFd;

use super::{Datagram, UnixTime, address, set, unix_time};

/// Room for what the kernel tells beside a datagram: a time and the hops.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
struct Control([u8; 96]);

/// What was told beside a datagram.
#[derive(Clone, Copy, Debug, Default)]
struct Beside {
    received: Option<UnixTime>,
    ttl: Option<u8>,
}

/// Room for a batch of datagrams, used over and over.
pub struct Batch {
    slot_len: usize,
    buffers: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    received: usize,
    /// Time at which the call came back, for what has no time of its own.
    returned: UnixTime,
    kept: Vec<Kept>,
}

/// A datagram that goes back: its slot, its length, and that of its address.
#[derive(Clone, Copy, Debug)]
struct Kept {
    slot: usize,
    length: usize,
    name_len: libc::socklen_t,
}

// SAFETY: the pointers in `slices` and `headers` are written anew from the
// other members before every call, and are never followed elsewhere.
unsafe impl Send for Batch {}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("slots", &self.names.len())
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// Asks for the time of arrival and the hops left of every datagram. Each is
/// best effort; of the two families only one is the socket's.
pub(super) fn ask(socket: &impl AsRawFd) {
    let _ = set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
    let _ = set(socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1);
    let _ = set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1);
}

impl Batch {
    /// Room for `count` datagrams of at most `length` octets each.
    pub fn new(count: usize, length: usize) -> Self {
        // SAFETY: all zeros are valid for both: null pointers and no lengths.
        let (slice, header) = unsafe {
            (
                std::mem::zeroed::<libc::iovec>(),
                std::mem::zeroed::<libc::mmsghdr>(),
            )
        };
        Self {
            slot_len: length,
            buffers: vec![0; count * length],
            names: vec![address::empty(); count],
            controls: vec![Control([0; 96]); count],
            slices: vec![slice; count],
            headers: vec![header; count],
            received: 0,
            returned: UnixTime::default(),
            kept: Vec::with_capacity(count),
        }
    }

    /// Receives what is there, up to the room; waits for the first datagram if
    /// `wait` says so. What the batch held before is gone.
    ///
    /// # Errors
    ///
    /// The system's; `WouldBlock` when there is none, or none came in time.
    pub fn receive(&mut self, socket: &impl AsRawFd, wait: bool) -> io::Result<usize> {
        self.kept.clear();
        self.received = 0;
        for slot in 0..self.headers.len() {
            self.prepare_to_receive(slot);
        }
        let flags = if wait {
            libc::MSG_WAITFORONE
        } else {
            libc::MSG_DONTWAIT
        };
        let count = libc::c_uint::try_from(self.headers.len()).map_err(io::Error::other)?;
        // SAFETY: every header was just pointed to memory of this batch that
        // is valid for writes of the lengths given.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                flags,
                std::ptr::null_mut(),
            )
        };
        self.received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        self.returned = unix_time();
        Ok(self.received)
    }

    fn prepare_to_receive(&mut self, slot: usize) {
        let buffer = &mut self.buffers[slot * self.slot_len..][..self.slot_len];
        self.slices[slot] = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let header = &mut self.headers[slot].msg_hdr;
        header.msg_name = (&raw mut self.names[slot]).cast();
        header.msg_namelen = NAME_LEN;
        header.msg_iov = &raw mut self.slices[slot];
        header.msg_iovlen = 1;
        header.msg_control = self.controls[slot].0.as_mut_ptr().cast();
        header.msg_controllen = size_of::<Control>();
        header.msg_flags = 0;
    }

    /// Datagram `k` of those received.
    ///
    /// # Panics
    ///
    /// When fewer were received.
    pub fn datagram(&mut self, k: usize) -> Datagram<'_> {
        assert!(k < self.received, "{k} of {}", self.received);
        let beside = self.beside(k);
        let header = &self.headers[k];
        let length = usize::try_from(header.msg_len).unwrap_or(0);
        Datagram {
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            from: address::from_system(&self.names[k]),
            data: &mut self.buffers[k * self.slot_len..][..length.min(self.slot_len)],
            received: beside.received.unwrap_or(self.returned),
            ttl: beside.ttl,
        }
    }

    /// Reads what the kernel told beside datagram `k`.
    fn beside(&self, k: usize) -> Beside {
        let header = &raw const self.headers[k].msg_hdr;
        let mut beside = Beside::default();
        // SAFETY: the header was filled by `recvmmsg`: its control messages
        // lie in `controls[k]`, which `CMSG_FIRSTHDR` and `CMSG_NXTHDR` do not
        // leave; a message of these kinds holds the type read from it.
        unsafe {
            let mut at = libc::CMSG_FIRSTHDR(header);
            while !at.is_null() {
                let data = libc::CMSG_DATA(at);
                match ((*at).cmsg_level, (*at).cmsg_type) {
                    (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                        beside.received = time(data.cast::<libc::timespec>().read_unaligned());
                    }
                    (libc::IPPROTO_IP, libc::IP_TTL)
                    | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                        let hops = data.cast::<libc::c_int>().read_unaligned();
                        beside.ttl = u8::try_from(hops).ok();
                    }
                    _ => {}
                }
                at = libc::CMSG_NXTHDR(header, at);
            }
        }
        beside
    }

    /// Keeps datagram `k`, as it now is, to be sent back to where it came from.
    ///
    /// # Panics
    ///
    /// When fewer were received.
    pub fn keep(&mut self, k: usize) {
        assert!(k < self.received, "{k} of {}", self.received);
        let header = &self.headers[k];
        let length = usize::try_from(header.msg_len).unwrap_or(0);
        self.kept.push(Kept {
            slot: k,
            length: length.min(self.slot_len),
            name_len: header.msg_hdr.msg_namelen,
        });
    }

    /// How many are kept.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Sends back what was kept, without waiting, and says how many went out.
    /// One that the kernel does not take is dropped, as a network would.
    ///
    /// # Errors
    ///
    /// None at present; the portable form has them.
    pub fn send(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        let kept = std::mem::take(&mut self.kept);
        for (header, &kept) in kept.iter().enumerate().take(self.headers.len()) {
            self.prepare_to_send(header, kept);
        }
        let (mut next, mut sent) = (0, 0);
        while next < kept.len().min(self.headers.len()) {
            match self.send_some(socket, next, kept.len().min(self.headers.len())) {
                Some(count) => {
                    next += count;
                    sent += count;
                }
                // The first of the rest is the one at fault.
                None => next += 1,
            }
        }
        self.received = 0;
        self.kept = kept;
        self.kept.clear();
        Ok(sent)
    }

    fn prepare_to_send(&mut self, at: usize, kept: Kept) {
        self.slices[at] = libc::iovec {
            iov_base: self.buffers[kept.slot * self.slot_len..]
                .as_mut_ptr()
                .cast(),
            iov_len: kept.length,
        };
        let header = &mut self.headers[at].msg_hdr;
        header.msg_name = (&raw mut self.names[kept.slot]).cast();
        header.msg_namelen = kept.name_len;
        header.msg_iov = &raw mut self.slices[at];
        header.msg_iovlen = 1;
        header.msg_control = std::ptr::null_mut();
        header.msg_controllen = 0;
        header.msg_flags = 0;
    }

    /// Sends from header `next` on; `None` when the first one fails.
    fn send_some(&mut self, socket: &impl AsRawFd, next: usize, end: usize) -> Option<usize> {
        let count = libc::c_uint::try_from(end - next).ok()?;
        // SAFETY: headers `next..end` were pointed to memory of this batch
        // that is valid for reads of the lengths given.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers[next..end].as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
            )
        };
        usize::try_from(sent).ok().filter(|&sent| sent > 0)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the size of an address, 128"
)]
const NAME_LEN: libc::socklen_t = size_of::<libc::sockaddr_storage>() as libc::socklen_t;

fn time(time: libc::timespec) -> Option<UnixTime> {
    Some(UnixTime {
        seconds: u64::try_from(time.tv_sec).ok()?,
        nanos: u32::try_from(time.tv_nsec).ok()?,
    })
}
