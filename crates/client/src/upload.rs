//! Upload: sends as fast as it can; the site counts.

use std::sync::{Arc, Mutex, PoisonError};

use metric::goodput::{Mode, StopReason};
use metric::unit::{BitRate, Micros};
use net::transport::Transport;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wire::native::counter::Counter;
use wire::native::message::{SessionReply, Subtest, UploadCount};
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::slab;

use crate::Error;
use crate::arrivals::Told;
use crate::direction::{End, Origin, drive, stopped};
use crate::http::Base;
use crate::socket::{self, Socket};

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
    pub(crate) why: StopReason,
    pub(crate) bins_bytes: Vec<u64>,
    _streams: JoinSet<End>,
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
    let slab = Arc::new(random_slab()?);
    let stream = |stop| {
        let (origin, counter, slab) = (origin.clone(), Arc::clone(&counter), Arc::clone(&slab));
        let (base, token) = (base.clone(), session.token.clone());
        async move {
            let Ok(socket) = socket::open(&base, "upload", &token).await else {
                return End::Failed;
            };
            origin.elapsed();
            let mut stream = Stream::new(&counter, &slab);
            let end = stream.drive(socket, stop).await;
            stream.leave();
            end
        }
    };
    let so_far = || {
        let counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        counter.complete().to_vec()
    };
    let streams = session.parameters.streams;
    let arrived = || told.bins(Subtest::Upload).unwrap_or_else(so_far);
    let (why, streams) = drive(mode, streams, &origin, stream, arrived, tell).await;
    Ok(Ended {
        why,
        bins_bytes: so_far(),
        _streams: streams,
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

struct Stream<'a> {
    id: usize,
    counter: &'a Mutex<Counter>,
    decoder: Decoder,
    slab: &'a [u8],
    at: usize,
}

impl<'a> Stream<'a> {
    fn new(counter: &'a Mutex<Counter>, slab: &'a [u8]) -> Self {
        let id = counter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join();
        let decoder = Decoder::new(Role::Client, Bulk::Keep(0));
        Self {
            id,
            counter,
            decoder,
            slab,
            at: 0,
        }
    }

    fn leave(&self) {
        self.counter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .leave(self.id);
    }

    async fn drive(&mut self, socket: Socket, mut stop: watch::Receiver<bool>) -> End {
        let Socket { mut stream, early } = socket;
        let _ = net::tcp::set_notsent_lowat(stream.tcp(), UNSENT_BYTES);
        let mut heard = self.hear(&early);
        let mut buffer = vec![0; 16 * 1024];
        while heard.is_none() {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => {
                    // The site ends the connection with the session.
                    let _ = stream.readable().await;
                    std::future::pending::<()>().await;
                }
                _ = stream.readable() => heard = self.read(&mut stream, &mut buffer),
                _ = stream.writable() => heard = self.write(&mut stream),
            }
        }
        heard.unwrap_or(End::Failed)
    }

    fn read(&mut self, stream: &mut Transport, buffer: &mut [u8]) -> Option<End> {
        match stream.try_read(buffer) {
            Ok(0) => Some(End::Failed),
            Ok(n) => self.hear(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(_) => Some(End::Failed),
        }
    }

    /// Takes the site's counts; the end of the stream when the site closed it.
    fn hear(&mut self, input: &[u8]) -> Option<End> {
        let mut end = None;
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        let read = self.decoder.feed(input, |event| match event {
            Event::Text(text) => {
                if let Ok(count) = serde_json::from_slice::<UploadCount>(text) {
                    counter.add(self.id, count);
                }
            }
            Event::Close(_, reason) => end = Some(End::of_close(reason)),
            _ => {}
        });
        read.map_or(Some(End::Failed), |()| end)
    }

    fn write(&mut self, stream: &mut Transport) -> Option<End> {
        for _ in 0..WRITES_PER_TURN {
            match stream.try_write(&self.slab[self.at..]) {
                Ok(written) => self.at = (self.at + written) % self.slab.len(),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return None,
                // The site may have closed at a cap; what it said is still to read.
                Err(_) => {
                    return self
                        .read(stream, &mut vec![0; 16 * 1024])
                        .or(Some(End::Failed));
                }
            }
        }
        None
    }
}
