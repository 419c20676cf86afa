//! The site: its configuration, its key, and the sessions that run.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use metric::audit;
use metric::budget::{ASSUMED, Budget, Budgets, Connection, expected_bytes};
use metric::goodput::Mode;
use metric::key::SiteKey;
use metric::prefix::Prefix;
use metric::unit::Micros;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;
use wire::native::message::{
    Caps, DataNotice, Parameters, SessionReply, SessionRequest, WebTransport,
};
use wire::native::spec;
use wire::native::token::{self, Claims};
use wire::rmbt::chunks::Block;
use wire::rmbt::token::Key;
use wire::websocket::encode::slab;
use wire::websocket::growing::Frames;

use crate::foreign::{Results, Running};
use crate::http::Problem;
use crate::keyring::Keyring;
use crate::load::{Load, Meter};
use crate::metrics::Counters;
use crate::networks::Networks;
use crate::peer::Peer;
use crate::session::{Direction, Session};
use crate::spool::Spool;
use crate::tls::{Certificates, Challenges, Tls};
use crate::udp::{self, UdpConfig};

/// What a site can be told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiteConfig {
    /// Name of the site in receipts.
    pub name: String,
    /// Congestion control for downloads; the system's default where it is not to be had.
    pub congestion: String,
    /// Most sessions at a time; more are told to come back.
    pub max_sessions: usize,
    /// Addresses of our own proxies (TLS in front of the site), whose
    /// `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// Longest direction, seconds.
    pub max_subtest_seconds: u32,
    /// Most bytes of one direction.
    pub max_subtest_bytes: u64,
    /// Most sessions at a time of one network (IPv4 /24, IPv6 /48), which may
    /// be many people behind one address.
    pub max_prefix_sessions: usize,
    /// Most bytes that one network may take between two midnights UTC.
    pub max_prefix_bytes_per_day: u64,
    /// Address on which Prometheus may ask for `/metrics`; absent: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
    /// What the line carries each way; a new test is refused while more than
    /// 80 % of it is in use. Absent: the line is not watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_bits_per_second: Option<u64>,
    /// The centre that is told how the site is, `http://…` or `https://…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centre: Option<String>,
    /// What a direction may carry, by kind of connection.
    pub budgets: Budgets,
    /// Of the tests on a fixed line that ask for an adaptive mode, so many of a
    /// thousand are run in mode `full`, to hold that mode against.
    pub audit_share_per_mille: u16,
    /// Reflectors by UDP.
    pub udp: UdpConfig,
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self {
            name: "demo".into(),
            congestion: "bbr".into(),
            max_sessions: 64,
            proxies: Vec::new(),
            max_subtest_seconds: 16,
            max_subtest_bytes: 100_000_000_000,
            max_prefix_sessions: 16,
            max_prefix_bytes_per_day: 1_000_000_000_000,
            metrics_listen: None,
            capacity_bits_per_second: None,
            centre: None,
            budgets: Budgets::default(),
            audit_share_per_mille: 20,
            udp: UdpConfig::default(),
        }
    }
}

/// Longest session.
const SESSION: Micros = Micros(120_000_000);
/// How long a session may be held without a connection.
const UNUSED: Duration = Duration::from_secs(15);
/// How long a finished session still answers with its receipt.
const KEPT: Duration = Duration::from_secs(60);

/// A measurement site.
#[derive(Debug)]
pub struct Site {
    config: SiteConfig,
    key: SiteKey,
    sessions: Mutex<HashMap<Uuid, Arc<Session>>>,
    meter: Meter,
    /// Sign tokens.
    tokens: Keyring,
    networks: Arc<Networks>,
    counters: Counters,
    /// Whether it takes no new tests because it is about to stop.
    closing: AtomicBool,
    /// Whether somebody else answers Locate.
    locates_elsewhere: AtomicBool,
    slab: Vec<u8>,
    random: Bytes,
    /// Places for transfers of other protocols.
    transfers: Arc<Semaphore>,
    results: Results,
    webtransport: OnceLock<Door>,
    responsiveness: OnceLock<u16>,
    frames: Frames,
    chunks: Block,
    rmbt_key: OnceLock<Key>,
    running: Running,
    spool: Option<Spool>,
    started_at: Timestamp,
    udp: udp::Shared,
    challenges: Challenges,
}

/// Where browsers find WebTransport.
#[derive(Debug)]
struct Door {
    port: u16,
    /// Whose hash they are to be told.
    pinned: Option<Arc<Certificates>>,
}

impl Site {
    /// A site that signs with `key`. `random` is what downloads are filled
    /// with, at least 64 KiB of incompressible bytes.
    pub fn new(config: SiteConfig, key: SiteKey, random: &[u8]) -> Self {
        let slab = slab(random, spec::DOWNLOAD_MESSAGE_BYTES, None);
        let networks = Arc::new(Networks::new(config.max_prefix_bytes_per_day));
        let transfers = config.max_sessions.saturating_mul(spec::MAX_STREAMS);
        let transfers = transfers.min(Semaphore::MAX_PERMITS);
        Self {
            config,
            key,
            sessions: Mutex::default(),
            meter: Meter::new(net::now()),
            tokens: Keyring::default(),
            networks,
            counters: Counters::default(),
            closing: AtomicBool::new(false),
            locates_elsewhere: AtomicBool::new(false),
            slab,
            random: Bytes::copy_from_slice(random),
            transfers: Arc::new(Semaphore::new(transfers)),
            results: Results::default(),
            webtransport: OnceLock::new(),
            responsiveness: OnceLock::new(),
            frames: Frames::new(random),
            chunks: Block::new(random),
            rmbt_key: OnceLock::new(),
            running: Running::default(),
            spool: None,
            started_at: net::wall_clock(),
            udp: udp::Shared::default(),
            challenges: Challenges::default(),
        }
    }

    /// Keeps foreign tests and their archives below `folder`.
    #[must_use]
    pub fn keeping(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spool = Some(Spool::new(folder.into()));
        self
    }

    /// Announces WebTransport on a port to the sessions that follow.
    pub fn announce_webtransport(&self, port: u16, tls: &Tls) {
        let pinned = tls.is_self_signed().then(|| tls.certificates());
        let _ = self.webtransport.set(Door { port, pinned });
    }

    /// Announces responsiveness endpoints on a port.
    pub fn announce_responsiveness(&self, port: u16) {
        let _ = self.responsiveness.set(port);
    }

    /// What an authority asks for, to see that a name leads here.
    pub(crate) const fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// Port of the responsiveness endpoints, where there are any.
    pub(crate) fn responsiveness(&self) -> Option<u16> {
        self.responsiveness.get().copied()
    }

    fn webtransport(&self) -> Option<WebTransport> {
        let door = self.webtransport.get()?;
        let pinned = door.pinned.iter();
        Some(WebTransport {
            port: door.port,
            certificate_sha256: pinned.filter_map(|c| c.sha256()).collect(),
        })
    }

    /// Its configuration.
    pub const fn config(&self) -> &SiteConfig {
        &self.config
    }

    /// Its key.
    pub const fn key(&self) -> &SiteKey {
        &self.key
    }

    /// Counts what the site moves.
    pub(crate) const fn meter(&self) -> &Meter {
        &self.meter
    }

    /// What it counts for whoever runs it.
    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What each network has taken.
    pub(crate) const fn networks(&self) -> &Arc<Networks> {
        &self.networks
    }

    /// Counts payload that a test without a session has moved.
    pub(crate) fn carried(&self, peer: Peer, direction: Direction, bytes: u64) {
        self.meter.moved(net::now(), direction, bytes);
        let network = Prefix::of(peer.address);
        self.networks.spend(network, bytes, net::wall_clock());
    }

    /// What the site carries now.
    pub fn load(&self) -> Load {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sweep(&mut sessions);
        let running = sessions.values().filter(|s| !s.has_ended()).count();
        drop(sessions);
        let capacity = self.config.capacity_bits_per_second;
        self.meter.load(net::now(), running, capacity)
    }

    /// Whether a new test would be taken.
    pub fn has_room(&self) -> bool {
        let load = self.load();
        let sessions = usize::try_from(load.sessions).unwrap_or(usize::MAX);
        !self.is_closing() && !load.is_full() && sessions < self.config.max_sessions
    }

    /// Leaves Locate to whoever answers the other paths, because it knows more
    /// sites than this one.
    pub fn leave_locate(&self) {
        self.locates_elsewhere.store(true, Ordering::Relaxed);
    }

    /// Whether this site answers Locate for itself.
    pub(crate) fn locates(&self) -> bool {
        !self.locates_elsewhere.load(Ordering::Relaxed)
    }

    /// Takes no new tests from now on; those that run may end.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// What its reflectors by UDP and its sessions share.
    pub(crate) const fn udp(&self) -> &udp::Shared {
        &self.udp
    }

    /// Frames to download, end to end.
    pub(crate) fn slab(&self) -> &[u8] {
        &self.slab
    }

    /// Incompressible bytes for transfers over HTTP.
    pub(crate) fn random(&self) -> Bytes {
        self.random.clone()
    }

    /// Messages that grow, of M-Lab's protocols.
    pub(crate) const fn frames(&self) -> &Frames {
        &self.frames
    }

    /// What chunks of RMBT are cut from.
    pub(crate) const fn chunks(&self) -> &Block {
        &self.chunks
    }

    /// What tokens of RMBT are made and checked with while this process lives.
    pub(crate) fn rmbt_key(&self) -> Result<Key, Problem> {
        if let Some(key) = self.rmbt_key.get() {
            return Ok(key.clone());
        }
        let key = Key::new(&random()?).ok_or_else(Problem::internal)?;
        Ok(self.rmbt_key.get_or_init(|| key).clone())
    }

    /// Foreign tests that run.
    pub(crate) const fn running(&self) -> &Running {
        &self.running
    }

    /// When the process began.
    pub(crate) const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Adds a line to a file of the spool, if there is one.
    pub(crate) fn append(&self, path: String, line: String) {
        if let Some(spool) = &self.spool {
            spool.append(path, line);
        }
    }

    /// Puts a file into the spool, if there is one.
    pub(crate) fn keep(&self, path: String, text: String) {
        if let Some(spool) = &self.spool {
            spool.put(path, text);
        }
    }

    /// What clients of `LibreSpeed` said.
    pub(crate) const fn results(&self) -> &Results {
        &self.results
    }

    /// A place for a transfer of another protocol; `None` when all are taken.
    pub(crate) fn transfer(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.transfers).try_acquire_owned().ok()
    }

    pub(crate) fn caps(&self, budget: Option<Budget>) -> Caps {
        let most = budget.map_or(u64::MAX, |budget| budget.most_bytes);
        Caps {
            subtest_us: Micros(u64::from(self.config.max_subtest_seconds) * 1_000_000),
            subtest_bytes: self.config.max_subtest_bytes.min(most),
            session_us: SESSION,
            budget,
        }
    }

    /// Whether a test is drawn for the audit. Only of lines that were stated to
    /// be fixed: nobody else pays for the method's sake.
    fn is_drawn(&self, mode: Mode, connection: Option<Connection>) -> Result<bool, Problem> {
        let may_be = mode != Mode::Full && connection == Some(Connection::Fixed);
        let draw = u32::from_le_bytes(random::<4>()?);
        Ok(may_be && audit::is_drawn(self.config.audit_share_per_mille, draw))
    }

    /// Opens a session for a client at `peer`.
    pub(crate) fn open(
        &self,
        request: &SessionRequest,
        peer: Peer,
    ) -> Result<SessionReply, Problem> {
        self.refuse_more(peer)?;
        let mode = match request.mode.as_deref() {
            None if request.metered => Mode::Saver,
            None => Mode::Full,
            Some(name) => Mode::of_name(name).ok_or_else(|| Problem::mode_unsupported(name))?,
        };
        let now = net::wall_clock();
        let connection = Connection::stated(request.network, request.metered);
        let audit = self.is_drawn(mode, connection)?;
        let mode = if audit { Mode::Full } else { mode };
        let budget = if audit {
            Some(self.config.budgets.of_audit())
        } else {
            self.config.budgets.of(mode, connection)
        };
        let budget = budget.filter(|_| spends_data(connection, peer));
        let claims = self.claims(peer, self.caps(budget), now)?;
        let signing = self.tokens.signing(net::now(), random)?;
        let token = token::issue(&claims, &signing).map_err(|_| Problem::internal())?;
        let nonce = random_hex()?;
        let reply = SessionReply {
            test_id: claims.test_id,
            nonce: nonce.clone(),
            token,
            server_time: now,
            site: self.config.name.clone(),
            method: metric::METHOD,
            mode: mode.name().into(),
            audit,
            parameters: Parameters::default(),
            caps: claims.caps,
            data: Some(DataNotice {
                connection: connection.filter(|_| budget.is_some()),
                most_bytes: budget.map(|_| claims.caps.subtest_bytes),
                expected_bytes: expected_bytes(mode, ASSUMED, budget),
                assumed_bits_per_second: ASSUMED,
            }),
            arrivals: net::tcp::TELLS && !peer.proxied,
            webtransport: self.webtransport(),
            udp: self.udp.issue(claims.client_prefix, random()?),
        };
        let session = Session::new(claims, nonce, (mode, audit), peer.proxied, now);
        self.admit(session, peer)?;
        Ok(reply)
    }

    fn claims(&self, peer: Peer, caps: Caps, now: Timestamp) -> Result<Claims, Problem> {
        let lifetime = Duration::from_secs(spec::TOKEN_LIFETIME_SECONDS);
        Ok(Claims {
            test_id: new_test_id(now)?,
            site: self.config.name.clone(),
            client_prefix: Prefix::of(peer.address),
            caps,
            expires_at: now + SignedDuration::try_from(lifetime).unwrap_or(SignedDuration::ZERO),
        })
    }

    /// Refuses a new test or transfer when the site is about to stop, its line
    /// is full, or the client's network has had its share of the day. A client
    /// on this machine has no share, since nothing goes over a line.
    pub(crate) fn refuse_more(&self, peer: Peer) -> Result<(), Problem> {
        if self.is_closing() {
            return Err(Problem::site_busy("closing"));
        }
        let (network, now) = (Prefix::of(peer.address), net::wall_clock());
        let capacity = self.config.capacity_bits_per_second;
        let is_full = self.meter.load(net::now(), 0, capacity).is_full();
        // A test that fills the line is not cut into by its own next piece.
        if is_full && !self.networks.is_at_work(network, now) {
            return Err(Problem::site_busy("line_full"));
        }
        let spent = self.networks.is_spent(network, now);
        if spent && !peer.address.is_loopback() {
            return Err(Problem::prefix_busy("bytes_spent", SPENT_RETRY_SECONDS));
        }
        Ok(())
    }

    fn admit(&self, session: Session, peer: Peer) -> Result<(), Problem> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sweep(&mut sessions);
        let running = || sessions.values().filter(|s| !s.has_ended());
        if running().count() >= self.config.max_sessions {
            return Err(Problem::site_busy("sessions_full"));
        }
        let network = session.claims.client_prefix;
        let same = running().filter(|s| s.claims.client_prefix == network);
        if same.count() >= self.config.max_prefix_sessions && !peer.address.is_loopback() {
            return Err(Problem::prefix_busy("prefix_sessions", BUSY_RETRY_SECONDS));
        }
        self.counters.sessions.fetch_add(1, Ordering::Relaxed);
        sessions.insert(session.claims.test_id, Arc::new(session));
        Ok(())
    }

    /// The session that a token opens for a client at `peer`.
    pub(crate) fn session(&self, token: &str, peer: Peer) -> Result<Arc<Session>, Problem> {
        let claims = token::verify(token, |id| self.tokens.known(id), net::wall_clock());
        let claims = claims.map_err(Problem::token)?;
        if claims.client_prefix != Prefix::of(peer.address) {
            return Err(Problem::prefix_mismatch());
        }
        self.find(claims.test_id)
    }

    /// The session whose receipt is asked for; the token may be past its time.
    pub(crate) fn session_of(&self, token: &str, test_id: Uuid) -> Result<Arc<Session>, Problem> {
        let claims = token::verify(token, |id| self.tokens.known(id), Timestamp::MIN);
        match claims {
            Ok(claims) if claims.test_id == test_id => self.find(test_id),
            _ => Err(Problem::token(token::Refused::Invalid)),
        }
    }

    fn find(&self, test_id: Uuid) -> Result<Arc<Session>, Problem> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(&test_id).cloned();
        session.ok_or_else(Problem::session_unknown)
    }
}

/// Names a test that begins now.
pub(crate) fn new_test_id(now: Timestamp) -> Result<Uuid, Problem> {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let test_id = uuid::Builder::from_unix_timestamp_millis(millis, &random::<10>()?);
    Ok(test_id.into_uuid())
}

/// Whether a test spends data of an access network. Within one machine it does
/// not, so there only the wish to save them holds.
fn spends_data(connection: Option<Connection>, peer: Peer) -> bool {
    connection == Some(Connection::Metered) || !peer.address.is_loopback()
}

/// Ends the sessions whose time is over, and forgets those that nobody asks for
/// any more.
fn sweep(sessions: &mut HashMap<Uuid, Arc<Session>>) {
    let now = net::now();
    sessions.retain(|_, s| {
        let age = now.duration_since(s.started);
        if age > SESSION.duration() || (age > UNUSED && !s.is_used()) {
            s.end(metric::receipt::Stop::SessionCap);
        }
        age < SESSION.duration() + KEPT
    });
}

/// After how long a network with too many sessions may ask again.
const BUSY_RETRY_SECONDS: u32 = 30;
/// After how long one that has had its share of the day may.
const SPENT_RETRY_SECONDS: u32 = 3600;

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Problem::internal())?;
    Ok(bytes)
}

/// A name or secret of 128 bits that nobody can guess, as 32 hex digits.
pub(crate) fn random_hex() -> Result<String, Problem> {
    random::<16>().map(|bytes| hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
