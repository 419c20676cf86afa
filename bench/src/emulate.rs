//! The emulator: one process, one loop, a TUN device in each namespace.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::SigSet;
use nix::sys::time::TimeSpec;
use serde::{Deserialize, Serialize};
use tappers::{Interface, Tun};

use crate::link::{Link, Nanos, SLOT, Truth};
use crate::links::Named;

/// Name of the device at both ends.
pub(crate) const DEVICE: &str = "isb0";

/// What the emulator did.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Log {
    /// How long it ran.
    pub(crate) nanoseconds: Nanos,
    /// The latest packet of each 100 ms: how late it was, nanoseconds.
    pub(crate) late: Vec<u64>,
    /// Packets that the kernel would not take.
    pub(crate) write_errors: u64,
    pub(crate) download: Truth,
    pub(crate) upload: Truth,
}

/// Packets taken from a device before the other side gets its turn.
const BATCH: usize = 64;

/// One end, and the direction that leaves it.
struct End {
    tun: Tun,
    link: Link,
}

/// Runs a link until standard input closes, then prints the log.
pub(crate) fn run(link: &Named, seed: u64, site: &str, citizen: &str) -> anyhow::Result<()> {
    // Ends live in this order: what the site sends is the download.
    let mut ends = [
        End {
            tun: open(site)?,
            link: Link::new(link.down.clone(), seed),
        },
        End {
            tun: open(citizen)?,
            link: Link::new(link.up.clone(), !seed),
        },
    ];
    // A short sleep must not grow by the 50 us of the default.
    nix::sys::prctl::set_timerslack(1)?;
    let began = net::now();
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    let mut log = Log::default();
    let mut buffer = vec![0; 1 << 16];
    while !wait(&ends, began)? {
        for end in &mut ends {
            take(end, &mut buffer, began)?;
        }
        deliver(&mut ends, began, &mut log);
    }
    log.nanoseconds = since(began);
    let [down, up] = ends.map(|end| end.link.truth(log.nanoseconds));
    (log.download, log.upload) = (down, up);
    serde_json::to_writer(&mut out, &log)?;
    Ok(())
}

/// A TUN device in a namespace; this thread stays in there.
fn open(namespace: &str) -> anyhow::Result<Tun> {
    let path = Path::new("/run/netns").join(namespace);
    let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
    setns(file, CloneFlags::CLONE_NEWNET).context("entering a network namespace")?;
    let mut tun = Tun::new_named(Interface::new(DEVICE)?).context("making a TUN device")?;
    tun.set_nonblocking(true)?;
    Ok(tun)
}

fn since(began: Instant) -> Nanos {
    u64::try_from(net::now().duration_since(began).as_nanos()).unwrap_or(u64::MAX)
}

/// Sleeps until a packet comes or is due; whether standard input has closed.
fn wait(ends: &[End; 2], began: Instant) -> anyhow::Result<bool> {
    let due = ends.iter().filter_map(|end| end.link.next_wakeup()).min();
    let sleep = due.map(|due| Duration::from_nanos(due.saturating_sub(since(began))));
    let stdin = std::io::stdin();
    let watched = [ends[0].tun.as_fd(), ends[1].tun.as_fd(), stdin.as_fd()];
    let mut polled = watched.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    let timeout = sleep.map(TimeSpec::from_duration);
    match ppoll(&mut polled, timeout, Some(SigSet::empty())) {
        Ok(_) => Ok(polled[2].any() == Some(true)),
        Err(nix::errno::Errno::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes what a device has to send.
fn take(end: &mut End, buffer: &mut [u8], began: Instant) -> anyhow::Result<()> {
    for _ in 0..BATCH {
        match end.tun.recv(buffer) {
            Ok(bytes) => {
                end.link.push(buffer[..bytes].to_vec(), since(began));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            // The device is down until it has its address.
            Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => break,
            Err(error) => return Err(error).context("reading a TUN device"),
        }
    }
    Ok(())
}

/// Hands over what has arrived.
fn deliver(ends: &mut [End; 2], began: Instant, log: &mut Log) {
    let [site, citizen] = ends;
    for (from, to) in [
        (&mut site.link, &citizen.tun),
        (&mut citizen.link, &site.tun),
    ] {
        let now = since(began);
        while let Some((due, packet)) = from.pop(now) {
            note_late(&mut log.late, now, now - due);
            log.write_errors += u64::from(to.send(&packet).is_err());
        }
    }
}

fn note_late(late: &mut Vec<u64>, now: Nanos, by: Nanos) {
    let slot = usize::try_from(now / SLOT).unwrap_or(usize::MAX);
    if late.len() <= slot {
        late.resize(slot + 1, 0);
    }
    late[slot] = late[slot].max(by);
}
