//! One session: the subtests that run in it, and its receipt.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use metric::bins::Bins;
use metric::canonical::NotCanonical;
use metric::goodput::Mode;
use metric::key::SiteKey;
use metric::receipt::{Counted, LatencyRecord, ReceiptV1, Stop, Version, nonce_sha256};
use metric::unit::Micros;
use tokio::sync::watch;
use wire::native::allowance::Allowance;
use wire::native::message::Caps;
use wire::native::recorder::Recorder;
use wire::native::spec;
use wire::native::token::Claims;

/// Which way the data flows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Download,
    Upload,
}

/// A session and everything it has measured.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) claims: Claims,
    pub(crate) started: Instant,
    nonce: String,
    mode: Mode,
    /// Whether the test was drawn for the audit.
    audit: bool,
    /// Whether a proxy stands between, see [`crate::peer::Peer`].
    pub(crate) proxied: bool,
    started_at: Timestamp,
    download: OnceLock<Arc<Subtest>>,
    upload: OnceLock<Arc<Subtest>>,
    echoes: AtomicU32,
    /// Whether a measuring connection was ever opened.
    used: AtomicBool,
    /// Why the session ended; `None` while it runs.
    ended: watch::Sender<Option<Stop>>,
    /// Measuring connections that are open.
    open: watch::Sender<usize>,
    receipt: tokio::sync::Mutex<Option<String>>,
}

/// One direction while it runs.
#[derive(Debug)]
pub(crate) struct Subtest {
    pub(crate) began: Instant,
    recorder: Mutex<Recorder>,
    allowance: Mutex<Allowance>,
    open: watch::Sender<usize>,
}

impl Subtest {
    /// A direction that begins now.
    pub(crate) fn begin(direction: Direction, caps: &Caps) -> Self {
        let counted = match direction {
            Direction::Download => Counted::Acknowledged,
            Direction::Upload => Counted::Received,
        };
        Self {
            began: net::now(),
            recorder: Mutex::new(Recorder::new(counted)),
            allowance: Mutex::new(Allowance::new(caps)),
            open: watch::Sender::new(0),
        }
    }

    /// Time since the direction began.
    pub(crate) fn elapsed(&self) -> Micros {
        Micros::from(net::now().duration_since(self.began))
    }

    pub(crate) fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the streams of the direction may still move together.
    pub(crate) fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the rate of the complete bins grant what it grants.
    pub(crate) fn see_rate(&self) {
        let complete = Bins::index(self.elapsed());
        let recorder = self.recorder();
        let bins = recorder.bins();
        self.allowance().see(&bins[..complete.min(bins.len())]);
    }
}

/// Counts an open connection for as long as it lives.
#[derive(Debug)]
pub(crate) struct Open {
    counters: [watch::Sender<usize>; 2],
}

impl Drop for Open {
    fn drop(&mut self) {
        for counter in &self.counters {
            counter.send_modify(|n| *n -= 1);
        }
    }
}

impl Session {
    pub(crate) fn new(
        claims: Claims,
        nonce: String,
        (mode, audit): (Mode, bool),
        proxied: bool,
        started_at: Timestamp,
    ) -> Self {
        Self {
            claims,
            started: net::now(),
            nonce,
            mode,
            audit,
            proxied,
            started_at,
            download: OnceLock::new(),
            upload: OnceLock::new(),
            echoes: AtomicU32::new(0),
            used: AtomicBool::new(false),
            ended: watch::Sender::new(None),
            open: watch::Sender::new(0),
            receipt: tokio::sync::Mutex::default(),
        }
    }

    /// Joins the running subtest of a direction, or begins it. `None` when it
    /// is over already, or the session is.
    pub(crate) fn join(&self, direction: Direction) -> Option<(Arc<Subtest>, Open)> {
        let slot = match direction {
            Direction::Download => &self.download,
            Direction::Upload => &self.upload,
        };
        let mut begun = false;
        let subtest = slot.get_or_init(|| {
            begun = true;
            Arc::new(Subtest::begin(direction, &self.claims.caps))
        });
        let over = !begun && *subtest.open.borrow() == 0;
        if over || self.has_ended() {
            return None;
        }
        Some((Arc::clone(subtest), self.opened(&subtest.open)))
    }

    /// What has arrived in a direction, bin by bin, as far as that is settled.
    pub(crate) fn arrived(&self, direction: Direction) -> Vec<u64> {
        let slot = match direction {
            Direction::Download => &self.download,
            Direction::Upload => &self.upload,
        };
        let arrived = |subtest: &Arc<Subtest>| subtest.recorder().arrived().to_vec();
        slot.get().map_or_else(Vec::new, arrived)
    }

    /// Counts a connection that belongs to no subtest.
    pub(crate) fn open(&self) -> Open {
        self.opened(&watch::Sender::new(0))
    }

    fn opened(&self, own: &watch::Sender<usize>) -> Open {
        self.used.store(true, Ordering::Relaxed);
        let counters = [self.open.clone(), own.clone()];
        for counter in &counters {
            counter.send_modify(|n| *n += 1);
        }
        Open { counters }
    }

    pub(crate) fn echoed(&self) {
        self.echoes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Ends the session; the first reason stands.
    pub(crate) fn end(&self, why: Stop) {
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert(why);
            first
        });
    }

    /// Resolves when the session has ended, with the reason.
    pub(crate) async fn ended(&self) -> Stop {
        let mut ended = self.ended.subscribe();
        let reason = ended.wait_for(Option::is_some).await;
        reason.ok().and_then(|why| *why).unwrap_or(Stop::SessionCap)
    }

    /// The signed receipt as JSON, always the same bytes. Ends the session.
    pub(crate) async fn receipt(&self, key: &SiteKey) -> Result<String, NotCanonical> {
        let mut receipt = self.receipt.lock().await;
        if let Some(receipt) = &*receipt {
            return Ok(receipt.clone());
        }
        self.end(Stop::Client);
        self.drained().await;
        let signed = self.record().sign(key)?;
        let text = serde_json::to_string(&signed).map_err(|_| NotCanonical)?;
        *receipt = Some(text.clone());
        Ok(text)
    }

    /// Waits until the connections have written down their end. They do so at
    /// once; the limit is for one that hangs.
    async fn drained(&self) {
        let mut open = self.open.subscribe();
        let gone = open.wait_for(|n| *n == 0);
        let _ = tokio::time::timeout(Duration::from_secs(1), gone).await;
    }

    fn record(&self) -> ReceiptV1 {
        let issued_at = net::wall_clock();
        let days = i64::try_from(spec::RECEIPT_LIFETIME_DAYS).unwrap_or(0);
        let echoes = self.echoes.load(Ordering::Relaxed);
        let subtest = |slot: &OnceLock<Arc<Subtest>>| Some(slot.get()?.recorder().finish());
        ReceiptV1 {
            receipt: Version::V1,
            test_id: self.claims.test_id,
            method: metric::METHOD,
            protocol: spec::SUBPROTOCOL.into(),
            mode: self.mode.name().into(),
            audit: self.audit,
            site: self.claims.site.clone(),
            software: env!("CARGO_PKG_VERSION").into(),
            client_prefix: self.claims.client_prefix,
            nonce_sha256: nonce_sha256(&self.nonce),
            started_at: self.started_at,
            issued_at: issued_at.max(self.started_at),
            expires_at: issued_at + SignedDuration::from_hours(24 * days),
            download: subtest(&self.download),
            upload: subtest(&self.upload),
            latency: (echoes > 0).then_some(LatencyRecord { echoes }),
            key_id: String::new(),
            signature: String::new(),
        }
    }
}
