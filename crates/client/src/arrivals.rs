//! What has arrived, as the site tells it while the test runs.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::task::JoinHandle;
use wire::native::arrivals::Arrivals;
use wire::native::message::{SessionReply, Subtest};
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};

use crate::Error;
use crate::http::Base;
use crate::socket::{self, Socket};

/// The connection on which the site tells; closed when dropped.
#[derive(Debug, Default)]
pub(crate) struct Told {
    arrivals: Arc<Mutex<Arrivals>>,
    reader: Option<JoinHandle<()>>,
}

impl Told {
    /// Listens, if the site has something to tell.
    pub(crate) async fn open(base: &Base, session: &SessionReply) -> Result<Self, Error> {
        if !session.arrivals {
            return Ok(Self::default());
        }
        let socket = socket::open(base, "arrivals", &session.token).await?;
        let arrivals = Arc::new(Mutex::new(Arrivals::default()));
        let reader = tokio::spawn(read(socket, Arc::clone(&arrivals)));
        Ok(Self {
            arrivals,
            reader: Some(reader),
        })
    }

    /// Complete bins of a direction; nothing where the site does not tell (any
    /// more).
    pub(crate) fn bins(&self, subtest: Subtest) -> Option<Vec<u64>> {
        let reader = self.reader.as_ref()?;
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        (!reader.is_finished()).then(|| arrivals.bins(subtest).to_vec())
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}

async fn read(socket: Socket, arrivals: Arc<Mutex<Arrivals>>) {
    let Socket { mut stream, early } = socket;
    let mut decoder = Decoder::new(Role::Client, Bulk::Keep(0));
    let mut take = |input: &[u8]| {
        let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let read = decoder.feed(input, |event| {
            if let Event::Text(text) = event
                && let Ok(arrived) = serde_json::from_slice(text)
            {
                arrivals.add(arrived);
            }
        });
        read.is_ok()
    };
    let mut buffer = vec![0; 4096];
    let mut sound = take(&early);
    while sound {
        match stream.read(&mut buffer).await {
            Ok(n @ 1..) => sound = take(&buffer[..n]),
            Ok(0) | Err(_) => return,
        }
    }
}
