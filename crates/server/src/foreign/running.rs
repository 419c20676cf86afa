//! Foreign tests over HTTP while they run.
//!
//! Such a test is many requests on several connections, and nothing in them
//! says that they belong together. What comes from one address by one protocol
//! without a longer pause is taken for one test.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use metric::bins::{BIN, MAX_BINS};
use metric::receipt::Stop;
use metric::unit::Micros;
use wire::native::message::Caps;
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

/// The tests that run, by protocol and address; of the address only a hash
/// with a key of this process is held.
#[derive(Debug, Default)]
pub(crate) struct Running {
    tests: Mutex<HashMap<(&'static str, u64), Arc<Watched>>>,
    hasher: RandomState,
    numbers: AtomicU64,
}

/// One test that is watched.
#[derive(Debug)]
pub(crate) struct Watched {
    number: u64,
    began: Instant,
    started_at: Timestamp,
    peer: Peer,
    caps: Caps,
    download: OnceLock<Subtest>,
    upload: OnceLock<Subtest>,
    /// When something last moved.
    last: Mutex<Instant>,
}

impl Watched {
    fn subtest(&self, direction: Direction) -> &Subtest {
        let slot = match direction {
            Direction::Download => &self.download,
            Direction::Upload => &self.upload,
        };
        slot.get_or_init(|| Subtest::begin(direction, &self.caps))
    }

    fn last(&self) -> MutexGuard<'_, Instant> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the test has ended: after a pause, or when a receipt can hold no
    /// more of it; what follows is then another test.
    fn is_over(&self, now: Instant) -> bool {
        let longest = Micros(MAX_BINS as u64 * BIN.0).duration();
        now.duration_since(*self.last()) >= PAUSE || now.duration_since(self.began) >= longest
    }

    fn finish(&self, protocol: &'static str) -> Option<Test> {
        let mut test = Test::new(protocol, self.peer, self.started_at);
        let mut bytes = 0;
        for (direction, slot) in [
            (Direction::Download, &self.download),
            (Direction::Upload, &self.upload),
        ] {
            let Some(subtest) = slot.get() else { continue };
            let mut recorder = subtest.recorder();
            recorder.leave_all(Stop::Client);
            bytes += recorder.bytes();
            test.put(direction, recorder.finish());
        }
        (bytes >= LEAST_BYTES).then_some(test)
    }
}

/// One transfer of a test that is watched.
#[derive(Debug)]
pub(crate) struct Transfer {
    site: Arc<Site>,
    test: Arc<Watched>,
    direction: Direction,
    /// Its connection's line in the recorder.
    stream: usize,
}

impl Transfer {
    /// Notes that so many bytes went by now.
    pub(crate) fn moved(&self, bytes: u64) {
        let subtest = self.test.subtest(self.direction);
        let at = subtest.elapsed();
        subtest.recorder().moved(self.stream, at, bytes);
        *self.test.last() = net::now();
        self.site.carried(self.test.peer, self.direction, bytes);
    }
}

impl Running {
    /// A transfer begins.
    pub(crate) fn transfer(
        site: &Arc<Site>,
        protocol: &'static str,
        direction: Direction,
        peer: Peer,
        link: &Link,
    ) -> Transfer {
        let test = Self::test(site, protocol, peer);
        let stream = link.stream(test.number, direction, || {
            let subtest = test.subtest(direction);
            let joined = subtest.recorder().join(subtest.elapsed(), None, None);
            // Clients that connect anew for each request share the last line.
            joined.unwrap_or(spec::MAX_STREAMS - 1)
        });
        *test.last() = net::now();
        Transfer {
            site: Arc::clone(site),
            test,
            direction,
            stream,
        }
    }

    fn test(site: &Arc<Site>, protocol: &'static str, peer: Peer) -> Arc<Watched> {
        let running = site.running();
        let key = (protocol, running.hasher.hash_one(peer.address));
        let mut tests = running.lock();
        if let Some(test) = tests.get(&key) {
            return Arc::clone(test);
        }
        let now = net::now();
        let test = Arc::new(Watched {
            number: running.numbers.fetch_add(1, Ordering::Relaxed),
            began: now,
            started_at: net::wall_clock(),
            peer,
            caps: site.caps(None),
            download: OnceLock::new(),
            upload: OnceLock::new(),
            last: Mutex::new(now),
        });
        tests.insert(key, Arc::clone(&test));
        drop(tests);
        tokio::spawn(watch(Arc::clone(site), key, Arc::clone(&test)));
        test
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(&'static str, u64), Arc<Watched>>> {
        self.tests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of a test, and keeps it.
async fn watch(site: Arc<Site>, key: (&'static str, u64), test: Arc<Watched>) {
    while !test.is_over(net::now()) {
        tokio::time::sleep(LOOK).await;
    }
    site.running().lock().remove(&key);
    if let Some(test) = test.finish(key.0) {
        test.keep(&site);
    }
}
