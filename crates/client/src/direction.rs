//! What download and upload have in common: opening streams one after the
//! other, watching the bins, and knowing when it is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metric::bins::{BIN, Bins};
use metric::goodput::{self, Mode, StopReason};
use metric::receipt::TcpRecord;
use metric::stop::stop_point;
use metric::streams;
use metric::submission::ObservedSubtest;
use metric::unit::{BitRate, Micros};
use tokio::sync::watch;
use tokio::task::JoinSet;
use wire::native::message::SessionReply;
use wire::native::spec;

use crate::trouble::Trouble;
use crate::watch::{Wakefulness, Watched};

/// Time between two looks at the bins.
const LOOK: Duration = Duration::from_millis(20);
/// A direction without a byte for so long has failed.
const STALL: Duration = Duration::from_secs(5);

/// How one stream ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// It was told to.
    Stopped,
    /// The site closed it at a cap.
    Cap(StopReason),
    /// It ended before its time; others may still carry the test.
    Failed(Trouble),
    /// The site broke the protocol on it, or said what cannot be true: nothing
    /// else of the direction can be believed.
    Broken,
}

impl End {
    /// What the reason in a close frame says.
    pub(crate) fn of_close(reason: &[u8]) -> Self {
        if reason == spec::CLOSE_TIME_CAP.as_bytes() {
            Self::Cap(StopReason::TimeCap)
        } else if reason == spec::CLOSE_BYTE_CAP.as_bytes() {
            Self::Cap(StopReason::ByteCap)
        } else {
            Self::Failed(Trouble::Cut)
        }
    }
}

/// When the first stream opened; the origin of the bins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin(Arc<Mutex<Option<Instant>>>);

impl Origin {
    /// Time since the first stream opened; the first caller opens it.
    pub(crate) fn elapsed(&self) -> Micros {
        let mut origin = lock(&self.0);
        let now = net::now();
        Micros::from(now.duration_since(*origin.get_or_insert(now)))
    }

    /// The same, but nobody opens it; `None` before the first stream opened.
    fn so_far(&self) -> Option<Micros> {
        let origin = *lock(&self.0);
        origin.map(|origin| Micros::from(net::now().duration_since(origin)))
    }
}

/// What holds for a direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) mode: Mode,
    /// Most streams opened early.
    pub(crate) early: u8,
    /// Most bytes, which the site enforces.
    pub(crate) most_bytes: u64,
}

impl Rules {
    pub(crate) const fn of(session: &SessionReply, mode: Mode) -> Self {
        Self {
            mode,
            early: session.parameters.streams,
            most_bytes: session.caps.subtest_bytes,
        }
    }
}

/// How a direction ended, with what is left of its streams.
pub(crate) struct Driven {
    pub(crate) why: StopReason,
    /// What went wrong, where it failed.
    pub(crate) trouble: Option<Trouble>,
    pub(crate) streams: JoinSet<End>,
}

/// Runs streams until the bins say that it is done.
///
/// `stream` drives one connection until `stop` turns true; `complete` gives
/// the complete bins; `tell` is told the current rate.
pub(crate) async fn drive<F>(
    rules: Rules,
    origin: &Origin,
    stream: impl Fn(watch::Receiver<bool>) -> F,
    complete: impl Fn() -> Vec<u64>,
    tell: &dyn Fn(BitRate, Micros),
) -> Driven
where
    F: Future<Output = End> + Send + 'static,
{
    let stop = watch::Sender::new(false);
    let mut running = JoinSet::new();
    let mut begun = 0;
    let mut progress = (net::now(), 0);
    let mut wakefulness = Wakefulness::new(net::now());
    let (why, trouble) = loop {
        let (now, bins) = (net::now(), complete());
        let elapsed = origin.so_far();
        if !wakefulness.is_awake(now) {
            break failed(Trouble::Interrupted);
        }
        while begun < streams::wanted(rules.early, &bins, elapsed.unwrap_or(Micros(0))) {
            running.spawn(stream(stop.subscribe()));
            begun += 1;
        }
        if let Some((end, why)) = stop_point(rules.mode, &bins)
            && is_alive(&bins, end)
        {
            // A window that ends in a long silence was not measured.
            let measured = goodput::estimate(rules.mode, &bins, false).is_some();
            break if measured {
                (why, None)
            } else {
                failed(Trouble::Offline)
            };
        }
        if ignores_cap(&bins, rules.most_bytes) {
            break failed(Trouble::SiteError);
        }
        let sum = bins.iter().sum::<u64>();
        if sum > progress.1 {
            progress = (now, sum);
        }
        if now.duration_since(progress.0) > STALL {
            break failed(Trouble::Offline);
        }
        if elapsed.is_some() {
            tell(recent(&bins), Micros(bins.len() as u64 * BIN.0));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            Some(ended) = running.join_next() => match ended.unwrap_or(End::Failed(Trouble::Cut)) {
                End::Cap(why) => break (why, None),
                End::Broken => break failed(Trouble::SiteError),
                // Others may still carry the test; the last one ends it.
                End::Failed(trouble) if running.is_empty() => break failed(trouble),
                End::Stopped | End::Failed(_) => {}
            }
        }
    };
    stop.send_replace(true);
    Driven {
        why,
        trouble,
        streams: running,
    }
}

const fn failed(trouble: Trouble) -> (StopReason, Option<Trouble>) {
    (StopReason::Failed, Some(trouble))
}

/// Whether the line still lives at the end of a window. One that died in its
/// last bins shows only afterwards: so long as nothing more comes, the
/// direction goes on, and fails when it has stalled.
fn is_alive(bins: &[u64], end: usize) -> bool {
    bins[end - 1..].iter().any(|&bytes| bytes > 0)
}

/// Whether the site goes on long after its own cap in bytes: what came 2 s ago
/// was more already, and no queue on the way holds so much.
fn ignores_cap(bins: &[u64], most_bytes: u64) -> bool {
    const LONG_BINS: usize = 20;
    let before = &bins[..bins.len().saturating_sub(LONG_BINS)];
    before.iter().fold(0, |sum: u64, &b| sum.saturating_add(b)) > most_bytes
}

/// What is shared between streams; one that panicked leaves it as it is.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Resolves when the direction is over.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Rate over the last half second, for people to watch.
fn recent(bins: &[u64]) -> BitRate {
    let last = &bins[bins.len().saturating_sub(5)..];
    let span = Micros(last.len() as u64 * BIN.0);
    BitRate::over(last.iter().sum(), span).unwrap_or(BitRate(0))
}

/// The bins that are over at `elapsed`.
pub(crate) fn complete(bins: &Bins, elapsed: Micros) -> Vec<u64> {
    let mut complete = bins.bytes().to_vec();
    complete.resize(Bins::index(elapsed), 0);
    complete
}

/// A direction that has ended, as this device saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) why: StopReason,
    /// What went wrong, where it failed.
    pub(crate) trouble: Option<Trouble>,
    /// Payload per bin at the receiver.
    pub(crate) bins_bytes: Vec<u64>,
    pub(crate) watched: Watched,
    /// When the last stream was known to be past BBR's STARTUP.
    pub(crate) startup_left: Option<Micros>,
    /// Upload: this device's kernel's account of each stream.
    pub(crate) tcp: Vec<TcpRecord>,
}

/// The direction as it is submitted. The estimate is made from what had
/// arrived where the site tells that, else from the counted bytes.
pub(crate) fn observed(mode: Mode, seen: Seen, arrived: Option<&[u64]>) -> ObservedSubtest {
    let Seen {
        why, bins_bytes, ..
    } = seen;
    let stopped = matches!(why, StopReason::TimeCap | StopReason::ByteCap);
    let measured = arrived.unwrap_or(&bins_bytes);
    // What failed has no speed, even where its first bins would give one.
    let estimate = (why != StopReason::Failed)
        .then(|| goodput::estimate(mode, measured, stopped))
        .flatten();
    let ramp = goodput::ramp_end(measured);
    ObservedSubtest {
        bin_us: BIN,
        stop_reason: why,
        goodput_bits_per_second: estimate.map(|e| e.goodput),
        interval_bits_per_second: estimate.and_then(|e| e.interval),
        p90_bits_per_second: estimate.map(|e| e.p90),
        mean_bits_per_second: estimate.map(|e| e.mean),
        bytes: bins_bytes.iter().sum(),
        duration_us: Micros(bins_bytes.len() as u64 * BIN.0),
        ramp_us: ramp.map(|bin| Micros(bin as u64 * BIN.0)),
        bins_bytes,
        startup_left_us: seen.startup_left,
        lag_share_per_mille: seen.watched.lag_share_per_mille,
        cpu_share_per_mille: seen.watched.cpu_share_per_mille,
        tcp: seen.tcp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_ends_in_silence_waits_for_a_byte() {
        assert!(is_alive(&[5, 5], 2));
        assert!(!is_alive(&[5, 0], 2));
        assert!(!is_alive(&[5, 5, 0, 0], 3));
        assert!(is_alive(&[5, 0, 0, 1], 2));
    }

    #[test]
    fn a_cap_is_ignored_only_after_two_seconds() {
        let at = |bins: usize| ignores_cap(&vec![100; bins], 1_000);
        assert!(!at(10) && !at(30) && at(31));
    }
}
