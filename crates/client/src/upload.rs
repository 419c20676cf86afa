//! Upload: sends as fast as it can; the site counts.

use std::sync::{Arc, Mutex};

use metric::bins::BIN;
use metric::goodput::Mode;
use metric::receipt::TcpRecord;
use metric::unit::{BitRate, Micros};
use net::tcp::TcpInfo;
use net::transport::Transport;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use wire::native::counter::Counter;
use wire::native::message::{SessionReply, Subtest, UploadCount};
use wire::native::startup::Startup;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::slab;

use crate::Error;
use crate::arrivals::Told;
use crate::direction::{End, Origin, Rules, Seen, drive, lock, stopped};
use crate::http::Base;
use crate::socket::{self, Socket};
use crate::trouble::Trouble;
use crate::watch::Watch;

/// Payload of one message.
const MESSAGE_BYTES: usize = 64 * 1024;
/// Messages in the slab.
const MESSAGES: usize = 8;
/// What may wait unsent in the kernel; a stopped upload still has to send it.
const UNSENT_BYTES: u32 = 64 * 1024;
/// Writes between two looks at what the site says.
const WRITES_PER_TURN: u32 = 16;

/// An upload that has ended; its connections stay open until this is dropped,
/// so that the site ends them with the session.
pub(crate) struct Ended {
    pub(crate) seen: Seen,
    own: Arc<Mutex<Own>>,
    _streams: JoinSet<End>,
}

impl Ended {
    /// Bytes handed to the kernel until now, frames and all: no site can have
    /// seen more. A stream in the midst of a write still adds to it after the stop.
    pub(crate) fn sent_bytes(&self) -> u64 {
        lock(&self.own).sent_bytes
    }
}

/// Runs the upload.
pub(crate) async fn run(
    base: &Base,
    session: &SessionReply,
    mode: Mode,
    told: &Told,
    tell: &dyn Fn(BitRate, Micros),
) -> Result<Ended, Error> {
    let (origin, counter) = (Origin::default(), Arc::new(Mutex::new(Counter::default())));
    let own = Arc::new(Mutex::new(Own::default()));
    let watch = Watch::start();
    let slab = Arc::new(random_slab()?);
    let stream = |stop| {
        let (origin, counter, slab) = (origin.clone(), Arc::clone(&counter), Arc::clone(&slab));
        let own = Arc::clone(&own);
        let (base, token) = (base.clone(), session.token.clone());
        async move {
            let socket = match socket::open(&base, "upload", &token).await {
                Ok(socket) => socket,
                Err(error) => return End::Failed((&error).into()),
            };
            origin.elapsed();
            let mut stream = Stream::new(&counter, &slab, &own, &origin);
            let end = stream.drive(socket, stop).await;
            stream.leave();
            end
        }
    };
    let so_far = || {
        let counter = lock(&counter);
        counter.complete().to_vec()
    };
    let rules = Rules::of(session, mode);
    let arrived = || told.bins(Subtest::Upload).unwrap_or_else(so_far);
    let driven = drive(rules, &origin, stream, arrived, tell).await;
    let last = lock(&own).clone();
    Ok(Ended {
        own,
        seen: Seen {
            why: driven.why,
            trouble: driven.trouble,
            bins_bytes: so_far(),
            watched: watch.end(),
            startup_left: last.startup.all_left(),
            tcp: last.tcp.into_iter().flatten().collect(),
        },
        _streams: driven.streams,
    })
}

/// Masked frames of random bytes. The payload is random, so it is as random
/// masked as it is not.
fn random_slab() -> Result<Vec<u8>, Error> {
    let mut random = vec![0; MESSAGES * MESSAGE_BYTES];
    let mut mask = [0; 4];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    getrandom::fill(&mut mask).map_err(std::io::Error::other)?;
    Ok(slab(&random, MESSAGE_BYTES, Some(mask)))
}

/// What this device's kernel knows of the streams.
#[derive(Clone, Debug, Default)]
struct Own {
    startup: Startup,
    /// Handed to the kernel, all streams together.
    sent_bytes: u64,
    /// The last account of each stream, in order of arrival.
    tcp: Vec<Option<TcpRecord>>,
}

impl Own {
    fn join(&mut self) -> usize {
        self.tcp.push(None);
        self.startup.join()
    }

    fn look(&mut self, stream: usize, at: Micros, socket: &TcpStream) {
        self.tcp[stream] = net::tcp::info(socket).map(record);
        if net::tcp::is_in_startup(socket) == Some(false) {
            self.startup.left(stream, at);
        }
    }
}

const fn record(info: TcpInfo) -> TcpRecord {
    TcpRecord {
        min_rtt_us: info.min_rtt_us,
        srtt_us: info.srtt_us,
        bytes_retransmitted: info.bytes_retransmitted,
        busy_us: info.busy_us,
        rwnd_limited_us: info.rwnd_limited_us,
        sndbuf_limited_us: info.sndbuf_limited_us,
    }
}

struct Stream<'a> {
    id: usize,
    own_id: usize,
    own: &'a Mutex<Own>,
    origin: &'a Origin,
    counter: &'a Mutex<Counter>,
    decoder: Decoder,
    slab: &'a [u8],
    at: usize,
    /// Handed to the kernel on this stream.
    sent_bytes: u64,
}

impl<'a> Stream<'a> {
    fn new(
        counter: &'a Mutex<Counter>,
        slab: &'a [u8],
        own: &'a Mutex<Own>,
        origin: &'a Origin,
    ) -> Self {
        let decoder = Decoder::new(Role::Client, Bulk::Keep(0));
        Self {
            id: lock(counter).join(),
            own_id: lock(own).join(),
            own,
            origin,
            counter,
            decoder,
            slab,
            at: 0,
            sent_bytes: 0,
        }
    }

    fn leave(&self) {
        lock(self.counter).leave(self.id);
    }

    async fn drive(&mut self, socket: Socket, mut stop: watch::Receiver<bool>) -> End {
        let Socket { mut stream, early } = socket;
        let _ = net::tcp::set_notsent_lowat(stream.tcp(), UNSENT_BYTES);
        let mut heard = self.hear(&early);
        let mut buffer = vec![0; 16 * 1024];
        let mut ticks = tokio::time::interval(BIN.duration());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while heard.is_none() {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => {
                    // The site ends the connection with the session.
                    let _ = stream.readable().await;
                    std::future::pending::<()>().await;
                }
                _ = ticks.tick() => {
                    lock(self.own).look(self.own_id, self.origin.elapsed(), stream.tcp());
                }
                _ = stream.readable() => heard = self.read(&mut stream, &mut buffer),
                _ = stream.writable() => heard = self.write(&mut stream),
            }
        }
        heard.unwrap_or(End::Failed(Trouble::Cut))
    }

    fn read(&mut self, stream: &mut Transport, buffer: &mut [u8]) -> Option<End> {
        match stream.try_read(buffer) {
            Ok(0) => Some(End::Failed(Trouble::Cut)),
            Ok(n) => self.hear(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(_) => Some(End::Failed(Trouble::Cut)),
        }
    }

    /// Takes the site's counts; the end of the stream when the site closed it.
    fn hear(&mut self, input: &[u8]) -> Option<End> {
        let (mut end, mut impossible, now) = (None, false, self.origin.elapsed());
        let mut counter = lock(self.counter);
        let read = self.decoder.feed(input, |event| match event {
            Event::Text(text) => {
                if let Ok(count) = serde_json::from_slice::<UploadCount>(text) {
                    let told = counter.add(self.id, count, self.sent_bytes, now);
                    impossible |= told.is_err();
                }
            }
            Event::Close(_, reason) => end = Some(End::of_close(reason)),
            _ => {}
        });
        if read.is_err() || impossible {
            return Some(End::Broken);
        }
        end
    }

    fn write(&mut self, stream: &mut Transport) -> Option<End> {
        for _ in 0..WRITES_PER_TURN {
            match stream.try_write(&self.slab[self.at..]) {
                Ok(written) => {
                    self.at = (self.at + written) % self.slab.len();
                    self.sent_bytes += written as u64;
                    lock(self.own).sent_bytes += written as u64;
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return None,
                // The site may have closed at a cap; what it said is still to read.
                Err(_) => {
                    return self
                        .read(stream, &mut vec![0; 16 * 1024])
                        .or(Some(End::Failed(Trouble::Cut)));
                }
            }
        }
        None
    }
}
