//! What an answer carries: a few bytes, or very many from one buffer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};

use super::Place;

/// The body of an answer of the site.
#[derive(Debug)]
pub(crate) enum Body {
    /// All at once.
    Full(Full<Bytes>),
    /// Slices of the site's random bytes, over and over: nothing is copied on
    /// the way to the socket.
    Bulk {
        /// The bytes.
        random: Bytes,
        /// How many are to come.
        left: u64,
        /// Held until the end.
        _place: Place,
    },
}

impl Body {
    /// `bytes` of `random`, repeated.
    pub(crate) const fn bulk(random: Bytes, bytes: u64, place: Place) -> Self {
        Self::Bulk {
            random,
            left: bytes,
            _place: place,
        }
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
            Self::Bulk { left: 0, .. } => Poll::Ready(None),
            Self::Bulk { random, left, .. } => {
                let length = usize::try_from(*left).map_or(random.len(), |n| n.min(random.len()));
                *left -= length as u64;
                Poll::Ready(Some(Ok(Frame::data(random.slice(..length)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(full) => full.is_end_stream(),
            Self::Bulk { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(full) => full.size_hint(),
            Self::Bulk { left, .. } => SizeHint::with_exact(*left),
        }
    }
}
