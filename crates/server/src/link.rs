//! One connection: how long the transfer on it may still take.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::session::Direction;

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// What is known of a connection while HTTP runs on it.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Our end of it.
    local: Option<SocketAddr>,
    /// When its transfer is over, done or not.
    end: Mutex<Option<Instant>>,
    /// Its lines in recorders: test, direction, line.
    streams: Mutex<Vec<(u64, Direction, usize)>>,
}

impl Link {
    /// A connection whose end here is `local`.
    pub(crate) fn at(local: Option<SocketAddr>) -> Self {
        Self {
            local,
            ..Self::default()
        }
    }

    /// Our end of it.
    pub(crate) const fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// A transfer has begun that may take so long.
    pub(crate) fn is_to_end_within(&self, seconds: u32) {
        *self.end() = Some(net::now() + Duration::from_secs(seconds.into()));
    }

    /// The transfer is done.
    pub(crate) fn is_done(&self) {
        *self.end() = None;
    }

    /// Resolves when a transfer has taken too long: a client that does not
    /// read, or that sends a byte at a time, would keep the connection for ever.
    pub(crate) async fn expired(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let end = *self.end();
            if end.is_some_and(|end| end <= net::now()) {
                return;
            }
        }
    }

    /// Its line in the recorder of a direction of a test; `join` opens one.
    pub(crate) fn stream(
        &self,
        test: u64,
        direction: Direction,
        join: impl FnOnce() -> usize,
    ) -> usize {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        // A connection serves one test at a time; those before are over.
        streams.retain(|&(known, ..)| known == test);
        let known = streams.iter().find(|&&(_, known, _)| known == direction);
        if let Some(&(_, _, stream)) = known {
            return stream;
        }
        let stream = join();
        streams.push((test, direction, stream));
        stream
    }

    fn end(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
