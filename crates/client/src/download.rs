//! Download: payload bytes are counted here, as they arrive.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use metric::bins::Bins;
use metric::goodput::Mode;
use metric::unit::{BitRate, Micros};
use net::transport::Transport;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use wire::native::message::{SessionReply, StartupLeft, Subtest};
use wire::native::spec;
use wire::native::startup::Startup;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::{close_payload, frame};
use wire::websocket::{self, Opcode};

use crate::arrivals::Told;
use crate::direction::{End, Origin, Rules, Seen, complete, drive, lock, stopped};
use crate::http::Base;
use crate::socket;
use crate::trouble::Trouble;
use crate::watch::Watch;

/// How long a stopped stream is emptied, so that its close frame gets through.
const DRAIN: Duration = Duration::from_millis(300);

/// Runs the download.
pub(crate) async fn run(
    base: &Base,
    session: &SessionReply,
    mode: Mode,
    told: &Told,
    tell: &dyn Fn(BitRate, Micros),
) -> Seen {
    let (origin, bins) = (Origin::default(), Arc::new(Mutex::new(Bins::new())));
    let startup = Arc::new(Mutex::new(Startup::default()));
    let watch = Watch::start();
    let stream = |stop| {
        let count = Count {
            origin: origin.clone(),
            bins: Arc::clone(&bins),
            startup: Arc::clone(&startup),
        };
        let (base, token) = (base.clone(), session.token.clone());
        async move { stream(&base, &token, count, stop).await }
    };
    let so_far = || {
        let bins = lock(&bins);
        complete(
            &bins,
            if bins.bytes().is_empty() {
                Micros(0)
            } else {
                origin.elapsed()
            },
        )
    };
    let rules = Rules::of(session, mode);
    let arrived = || told.bins(Subtest::Download).unwrap_or_else(so_far);
    let driven = drive(rules, &origin, stream, arrived, tell).await;
    let (bins_bytes, watched) = (so_far(), watch.end());
    // Streams that hang are dropped, and with them their connections.
    let _ = tokio::time::timeout(2 * DRAIN, driven.streams.join_all()).await;
    Seen {
        why: driven.why,
        trouble: driven.trouble,
        bins_bytes,
        watched,
        startup_left: lock(&startup).all_left(),
        tcp: vec![],
    }
}

struct Count {
    origin: Origin,
    bins: Arc<Mutex<Bins>>,
    startup: Arc<Mutex<Startup>>,
}

impl Count {
    /// The time is taken under the lock: whoever looks at the bins that are
    /// over must never see one of them grow afterwards.
    fn add(&self, bytes: u64) {
        let mut bins = lock(&self.bins);
        bins.add(self.origin.elapsed(), bytes);
    }

    /// A text of the site: one that is not known here is ignored.
    fn hear(&self, stream: usize, text: &[u8]) {
        if serde_json::from_slice::<StartupLeft>(text).is_ok() {
            lock(&self.startup).left(stream, self.origin.elapsed());
        }
    }
}

async fn stream(base: &Base, token: &str, count: Count, stop: watch::Receiver<bool>) -> End {
    let socket = match socket::open(base, "download", token).await {
        Ok(socket) => socket,
        Err(error) => return End::Failed((&error).into()),
    };
    let mut decoder = Decoder::new(Role::Client, Bulk::Count(1 << 24));
    count.add(0);
    let id = lock(&count.startup).join();
    match receive(&mut decoder, &socket.early, &count, id) {
        Some(end) => end,
        None => read(socket.stream, decoder, &count, id, stop).await,
    }
}

async fn read(
    mut socket: Transport,
    mut decoder: Decoder,
    count: &Count,
    id: usize,
    mut stop: watch::Receiver<bool>,
) -> End {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => {
                close(&mut socket, &mut buffer).await;
                return End::Stopped;
            }
            read = socket.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return End::Failed(Trouble::Cut),
                Ok(n) => if let Some(end) = receive(&mut decoder, &buffer[..n], count, id) {
                    return end;
                },
            }
        }
    }
}

/// Counts what came; the end of the stream when the site closed it.
fn receive(decoder: &mut Decoder, input: &[u8], count: &Count, id: usize) -> Option<End> {
    let (mut bytes, mut end) = (0, None);
    let read = decoder.feed(input, |event| match event {
        Event::Counted(n) => bytes += n,
        Event::Text(text) => count.hear(id, text),
        Event::Close(_, reason) => end = Some(End::of_close(reason)),
        _ => {}
    });
    count.add(bytes);
    read.map_or(Some(End::Broken), |()| end)
}

/// Says that it is over, and empties the connection for a moment: closing with
/// unread data would reset it, and the site might not hear why.
async fn close(socket: &mut Transport, buffer: &mut [u8]) {
    let close = close_payload(websocket::spec::CLOSE_NORMAL, "");
    let close = frame(Opcode::Close, &close, Some([0x5a; 4]));
    let emptied = async {
        socket.write_all(&close).await?;
        socket.flush().await?;
        while socket.read(buffer).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = tokio::time::timeout(DRAIN, emptied).await;
}

const _: () = assert!(
    spec::DOWNLOAD_MESSAGE_BYTES <= 1 << 24,
    "the decoder takes the site's frames"
);
