//! Foreign tests while they run.
//!
//! Such a test is several connections, and in most protocols nothing in them
//! says that they belong together. What comes from one address by one protocol
//! under one name, if it has one, without a longer pause is taken for one test.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use metric::bins::{BIN, MAX_BINS};
use metric::receipt::Stop;
use metric::unit::Micros;
use wire::native::message::Caps;
use wire::native::recorder::Sample;
use wire::native::spec;

use super::test::Test;
use crate::link::Link;
use crate::peer::Peer;
use crate::session::{Direction, Subtest};
use crate::site::Site;

/// A pause that ends a test.
const PAUSE: Duration = Duration::from_secs(10);
/// Time between two looks at whether a test has ended.
const LOOK: Duration = Duration::from_secs(2);
/// Transfers that bring less in all are no test.
const LEAST_BYTES: u64 = 100_000;

/// Protocol, and a hash of address and name with a key of this process: the
/// address itself is not held.
type Key = (&'static str, u64);

/// The tests that run.
#[derive(Debug, Default)]
pub(crate) struct Running {
    tests: Mutex<HashMap<Key, Arc<Watched>>>,
    hasher: RandomState,
    numbers: AtomicU64,
}

/// Which test a connection belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Which<'a> {
    pub(crate) protocol: &'static str,
    /// What the client calls the test; empty where it has no name.
    pub(crate) name: &'a str,
    pub(crate) peer: Peer,
}

impl Which<'_> {
    /// A test without a name.
    pub(crate) const fn nameless(protocol: &'static str, peer: Peer) -> Self {
        Self {
            protocol,
            name: "",
            peer,
        }
    }
}

/// One test that is watched.
#[derive(Debug)]
pub(crate) struct Watched {
    number: u64,
    protocol: &'static str,
    started_at: Timestamp,
    peer: Peer,
    caps: Caps,
    download: Mutex<Side>,
    upload: Mutex<Side>,
}

/// One direction of it.
#[derive(Debug)]
struct Side {
    subtest: Option<Arc<Subtest>>,
    /// Whether this is what the client measures, and no trial before it.
    in_earnest: bool,
    /// When something last moved.
    last: Instant,
}

impl Side {
    fn new(now: Instant) -> Mutex<Self> {
        Mutex::new(Self {
            subtest: None,
            in_earnest: false,
            last: now,
        })
    }

    fn is_idle(&self, now: Instant) -> bool {
        now.duration_since(self.last) >= PAUSE
    }

    /// Whether it still moves when a receipt can hold no more of it.
    fn is_too_long(&self, now: Instant) -> bool {
        let longest = Micros(MAX_BINS as u64 * BIN.0).duration();
        let began = self.subtest.as_ref().map(|subtest| subtest.began);
        !self.is_idle(now) && began.is_some_and(|began| now.duration_since(began) >= longest)
    }
}

impl Watched {
    fn new(number: u64, which: Which<'_>, site: &Site) -> Self {
        let now = net::now();
        Self {
            number,
            protocol: which.protocol,
            started_at: net::wall_clock(),
            peer: which.peer,
            caps: site.caps(None),
            download: Side::new(now),
            upload: Side::new(now),
        }
    }

    fn side(&self, direction: Direction) -> MutexGuard<'_, Side> {
        let side = match direction {
            Direction::Download => &self.download,
            Direction::Upload => &self.upload,
        };
        side.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of a direction, which begins with its first connection.
    fn subtest(&self, direction: Direction) -> Arc<Subtest> {
        let mut side = self.side(direction);
        side.last = net::now();
        let begin = || Arc::new(Subtest::begin(direction, &self.caps));
        Arc::clone(side.subtest.get_or_insert_with(begin))
    }

    /// A direction is measured from now on: what was a trial is forgotten.
    pub(crate) fn begins_in_earnest(&self, direction: Direction) {
        let mut side = self.side(direction);
        if !side.in_earnest {
            side.in_earnest = true;
            side.subtest = None;
        }
    }

    fn sides(&self) -> [MutexGuard<'_, Side>; 2] {
        [Direction::Download, Direction::Upload].map(|direction| self.side(direction))
    }

    /// Whether the test has ended: after a pause, or when a receipt can hold no
    /// more of it; what follows is then another test.
    fn is_over(&self, now: Instant) -> bool {
        let sides = self.sides();
        let idle = sides.iter().all(|side| side.is_idle(now));
        idle || sides.iter().any(|side| side.is_too_long(now))
    }

    /// What was seen, when it is worth a record of at least `least` bytes.
    fn finish(&self, least: u64) -> Option<Test> {
        let mut test = Test::new(self.protocol, self.peer, self.started_at);
        let mut bytes = 0;
        for direction in [Direction::Download, Direction::Upload] {
            let Some(subtest) = self.side(direction).subtest.clone() else {
                continue;
            };
            let mut recorder = subtest.recorder();
            recorder.leave_all(Stop::Client);
            bytes += recorder.bytes();
            test.put(direction, recorder.finish());
        }
        (bytes >= least).then_some(test)
    }
}

/// One connection's transfer of a test that is watched.
#[derive(Debug)]
pub(crate) struct Transfer {
    site: Arc<Site>,
    test: Arc<Watched>,
    subtest: Arc<Subtest>,
    direction: Direction,
    /// Its connection's line in the recorder.
    stream: usize,
}

impl Transfer {
    /// A connection with its own line in the record of its direction; `None`
    /// when there are as many lines as a record holds.
    pub(crate) fn join(
        site: &Arc<Site>,
        test: Arc<Watched>,
        direction: Direction,
        (congestion, base): (Option<String>, Option<Sample>),
    ) -> Option<Self> {
        let subtest = test.subtest(direction);
        let stream = subtest
            .recorder()
            .join(subtest.elapsed(), congestion, base)?;
        Some(Self {
            site: Arc::clone(site),
            test,
            subtest,
            direction,
            stream,
        })
    }

    /// Whether its record is still that of its direction.
    pub(crate) fn is_current(&self) -> bool {
        let side = self.test.side(self.direction);
        let current = side.subtest.as_ref();
        current.is_some_and(|current| Arc::ptr_eq(current, &self.subtest))
    }

    /// The record of its direction.
    pub(crate) fn subtest(&self) -> &Subtest {
        &self.subtest
    }

    pub(crate) const fn site(&self) -> &Arc<Site> {
        &self.site
    }

    pub(crate) const fn direction(&self) -> Direction {
        self.direction
    }

    /// Notes that so many bytes went by now.
    pub(crate) fn moved(&self, bytes: u64) {
        let at = self.subtest.elapsed();
        self.subtest.recorder().moved(self.stream, at, bytes);
        self.test.side(self.direction).last = net::now();
        self.site.carried(self.test.peer, self.direction, bytes);
    }

    /// Notes a look at the kernel's account.
    pub(crate) fn sampled(&self, sample: Sample) {
        let at = self.subtest.elapsed();
        self.subtest.recorder().sampled(self.stream, at, sample);
    }

    /// The connection has nothing more to transfer.
    pub(crate) fn leave(&self, why: Stop) {
        let at = self.subtest.elapsed();
        self.subtest.recorder().leave(self.stream, at, why);
    }

    /// Keeps a test that is this transfer alone.
    pub(crate) fn keep_alone(self) {
        if let Some(test) = self.test.finish(1) {
            test.keep(&self.site);
        }
    }
}

impl Running {
    /// A transfer of a protocol over HTTP begins.
    pub(crate) fn transfer(
        site: &Arc<Site>,
        which: Which<'_>,
        direction: Direction,
        link: &Link,
    ) -> Transfer {
        let test = Self::test(site, which);
        let subtest = test.subtest(direction);
        let stream = link.stream(test.number, direction, || {
            let joined = subtest.recorder().join(subtest.elapsed(), None, None);
            // Clients that connect anew for each request share the last line.
            joined.unwrap_or(spec::MAX_STREAMS - 1)
        });
        Transfer {
            site: Arc::clone(site),
            test,
            subtest,
            direction,
            stream,
        }
    }

    /// A test of one connection.
    pub(crate) fn alone(site: &Site, which: Which<'_>) -> Arc<Watched> {
        let number = site.running().numbers.fetch_add(1, Ordering::Relaxed);
        Arc::new(Watched::new(number, which, site))
    }

    /// The test that a connection belongs to; a new one is kept when it ends.
    pub(crate) fn test(site: &Arc<Site>, which: Which<'_>) -> Arc<Watched> {
        let running = site.running();
        let hash = running.hasher.hash_one((which.peer.address, which.name));
        let key = (which.protocol, hash);
        let mut tests = running.lock();
        if let Some(test) = tests.get(&key) {
            return Arc::clone(test);
        }
        let test = Self::alone(site, which);
        tests.insert(key, Arc::clone(&test));
        drop(tests);
        tokio::spawn(watch(Arc::clone(site), key, Arc::clone(&test)));
        test
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Watched>>> {
        self.tests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of a test, and keeps it.
async fn watch(site: Arc<Site>, key: Key, test: Arc<Watched>) {
    while !test.is_over(net::now()) {
        tokio::time::sleep(LOOK).await;
    }
    site.running().lock().remove(&key);
    if let Some(test) = test.finish(LEAST_BYTES) {
        test.keep(&site);
    }
}
