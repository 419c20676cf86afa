//! What an answer carries: a few bytes, or very many from one buffer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};

use super::Place;
use super::running::Transfer;

/// Bytes handed on at a time: small enough that a slow line's tenths of a
/// second differ.
const PIECE_BYTES: usize = 128 * 1024;

/// The body of an answer of the site.
#[derive(Debug)]
pub(crate) enum Body {
    /// All at once.
    Full(Full<Bytes>),
    /// Slices of the site's random bytes, over and over: nothing is copied on
    /// the way to the socket.
    Bulk(Bulk),
}

/// Very many bytes.
#[derive(Debug)]
pub(crate) struct Bulk {
    random: Bytes,
    /// Where in them the next piece begins.
    at: usize,
    /// How many are to come.
    left: u64,
    /// Handed on, but not known to be taken.
    pending: u64,
    transfer: Option<Transfer>,
    /// Held until the end.
    _place: Place,
}

impl Bulk {
    fn piece(&mut self) -> Bytes {
        self.taken();
        let end = (self.at + PIECE_BYTES).min(self.random.len());
        let most = (end - self.at) as u64;
        let length = usize::try_from(self.left.min(most)).unwrap_or(PIECE_BYTES);
        let piece = self.random.slice(self.at..self.at + length);
        self.at = if end == self.random.len() { 0 } else { end };
        self.left -= length as u64;
        self.pending = length as u64;
        piece
    }

    /// Who asks for the next piece has written the one before.
    fn taken(&mut self) {
        if let Some(transfer) = self.transfer.as_ref().filter(|_| self.pending > 0) {
            transfer.moved(self.pending);
        }
        self.pending = 0;
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        // After the last piece nobody asks for another; of one that was broken
        // off nobody knows how much was written.
        if self.left == 0 {
            self.taken();
        }
    }
}

impl Body {
    /// `bytes` of `random`, repeated.
    pub(crate) const fn bulk(
        random: Bytes,
        bytes: u64,
        place: Place,
        transfer: Option<Transfer>,
    ) -> Self {
        Self::Bulk(Bulk {
            random,
            at: 0,
            left: bytes,
            pending: 0,
            transfer,
            _place: place,
        })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Full(Full::new(bytes))
    }
}

impl From<Full<Bytes>> for Body {
    fn from(full: Full<Bytes>) -> Self {
        Self::Full(full)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Full(full) => Pin::new(full).poll_frame(cx),
            Self::Bulk(bulk) if bulk.left == 0 => Poll::Ready(None),
            Self::Bulk(bulk) => Poll::Ready(Some(Ok(Frame::data(bulk.piece())))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(full) => full.is_end_stream(),
            Self::Bulk(bulk) => bulk.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(full) => full.size_hint(),
            Self::Bulk(bulk) => SizeHint::with_exact(bulk.left),
        }
    }
}
