//! What a site writes down of one direction while it runs.

use metric::bins::{BIN, Bins};
use metric::receipt::{Counted, Stop, StreamRecord, SubtestRecord, TcpRecord};
use metric::unit::Micros;

use super::spec;
use super::startup::Startup;

/// One look at the kernel's account of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Bytes acknowledged since the connection began.
    pub bytes_acked: u64,
    /// What had arrived at the receiving host since the connection began.
    pub arrival: Arrival,
    /// The account itself.
    pub tcp: TcpRecord,
}

/// Two counts of what has arrived at a receiving host.
///
/// A receiver that misses a packet holds back what came after it, so a count
/// of bytes in order stands still and then jumps, by seconds' worth of data
/// when queues are short. What the receiver has, holes included, grows as
/// evenly as the link carries.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Arrival {
    /// Bytes in order: never too many.
    pub in_order: u64,
    /// Bytes with those behind holes: never too few, but partial segments and
    /// duplicates may make it too many.
    pub with_holes: u64,
    /// Whether anything ever came out of order, so that there may be holes.
    pub holes: bool,
}

impl Arrival {
    const fn since(self, base: Self) -> Self {
        Self {
            in_order: self.in_order.saturating_sub(base.in_order),
            with_holes: self.with_holes.saturating_sub(base.with_holes),
            ..self
        }
    }

    /// `bytes` of the second count as bytes of the first, by this moment's ratio.
    fn scale(self, bytes: u64) -> u64 {
        let scaled = u128::from(bytes) * u128::from(self.in_order.min(self.with_holes));
        let scaled = scaled.checked_div(u128::from(self.with_holes));
        scaled.map_or(bytes, |scaled| u64::try_from(scaled).unwrap_or(bytes))
    }
}

/// The most that a receiver holds behind holes.
const WINDOW_BYTES: u64 = 8 << 20;

/// From here on the size of a segment is learned; the few before are taken as
/// full, because the first words of a connection are short.
const SETTLED_BYTES: u64 = 1_000_000;

/// Records one direction. Time is microseconds since the direction began.
#[derive(Debug)]
pub struct Recorder {
    counted: Counted,
    bins: Bins,
    arrived: Bins,
    srtt: Vec<(u64, u32)>,
    retransmitted: Vec<u64>,
    streams: Vec<Stream>,
    startup: Startup,
    last: Micros,
    stop: Option<Stop>,
    sampled: bool,
}

#[derive(Debug)]
struct Stream {
    record: StreamRecord,
    sampled_at: Micros,
    base: Option<Sample>,
    previous: Option<Sample>,
    /// The last moment without holes, which tells the size of a segment.
    whole: Arrival,
    /// Bytes that have arrived so far.
    arrived: u64,
    open: bool,
}

impl Recorder {
    /// A recorder that counts acknowledged (download, with the kernel's help),
    /// written or received bytes.
    pub fn new(counted: Counted) -> Self {
        Self {
            counted,
            bins: Bins::new(),
            arrived: Bins::new(),
            srtt: Vec::new(),
            retransmitted: Vec::new(),
            streams: Vec::new(),
            startup: Startup::default(),
            last: Micros(0),
            stop: None,
            sampled: false,
        }
    }

    /// A stream joins at `at`; returns its number, or `None` when there are
    /// 16 already. `base` is the kernel's account before the first byte.
    pub fn join(
        &mut self,
        at: Micros,
        congestion: Option<String>,
        base: Option<Sample>,
    ) -> Option<usize> {
        if self.streams.len() >= spec::MAX_STREAMS {
            return None;
        }
        if base.is_none() && self.counted == Counted::Acknowledged {
            self.counted = Counted::Written;
        }
        let record = StreamRecord {
            bytes: 0,
            congestion,
            tcp: None,
        };
        self.streams.push(Stream {
            record,
            sampled_at: at,
            base,
            previous: base,
            whole: Arrival::default(),
            arrived: 0,
            open: true,
        });
        Some(self.startup.join())
    }

    /// Whether bytes are told to the recorder as the program moves them,
    /// because the kernel does not tell better.
    pub fn counts_moved(&self) -> bool {
        self.counted != Counted::Acknowledged
    }

    /// The program moved payload bytes of a stream at `at`. Ignored where the
    /// kernel's account is what counts.
    pub fn moved(&mut self, stream: usize, at: Micros, bytes: u64) {
        if self.counts_moved() {
            self.bins.add(at, bytes);
            if let Some(stream) = self.streams.get_mut(stream) {
                stream.record.bytes += bytes;
            }
        }
        self.last = self.last.max(at);
    }

    /// A look at the kernel's account of a stream at `at`.
    pub fn sampled(&mut self, stream: usize, at: Micros, sample: Sample) {
        let Some(stream) = self.streams.get_mut(stream) else {
            return;
        };
        let previous = stream.previous.unwrap_or(sample);
        let acked = sample.bytes_acked.saturating_sub(previous.bytes_acked);
        if self.counted == Counted::Acknowledged {
            self.bins.add_span(stream.sampled_at, at, acked);
            stream.record.bytes += acked;
        }
        self.sampled = true;
        let bytes = stream.arrived(previous.arrival, sample.arrival);
        self.arrived.add_span(stream.sampled_at, at, bytes);
        let again = sample.tcp.bytes_retransmitted;
        let again = again.saturating_sub(previous.tcp.bytes_retransmitted);
        let bin = Bins::index(Micros(at.0.saturating_sub(1)));
        *reach(&mut self.retransmitted, bin) += again;
        let (sum, count) = reach(&mut self.srtt, bin);
        *sum += u64::from(sample.tcp.srtt_us);
        *count += 1;
        stream.sampled_at = at;
        stream.previous = Some(sample);
        self.last = self.last.max(at);
    }

    /// A stream was seen past BBR's STARTUP at `at`.
    pub fn left_startup(&mut self, stream: usize, at: Micros) {
        self.startup.left(stream, at);
    }

    /// A stream ends at `at`. The first reason that is not the client's own
    /// stays the reason of the direction.
    pub fn leave(&mut self, stream: usize, at: Micros, why: Stop) {
        if let Some(stream) = self.streams.get_mut(stream) {
            let since = |last: Sample| stream.base.map(|base| account(base.tcp, last.tcp));
            stream.record.tcp = stream.previous.and_then(since);
            stream.open = false;
        }
        self.bins.pass(Micros(at.0.saturating_sub(1)));
        self.last = self.last.max(at);
        if self.stop.is_none_or(|stop| stop == Stop::Client) {
            self.stop = Some(why);
        }
    }

    /// Bytes per bin that had arrived at the receiving host, as far as every
    /// open stream was looked at; these bins never change again. Empty where
    /// the kernel does not tell.
    pub fn arrived(&self) -> &[u64] {
        if !self.is_told() {
            return &[];
        }
        let open = self.streams.iter().filter(|stream| stream.open);
        let until = open.map(|stream| stream.sampled_at).min();
        let complete = Bins::index(until.unwrap_or(self.last));
        let bins = self.arrived.bytes();
        &bins[..complete.min(bins.len())]
    }

    /// Whether the kernel tells of every stream.
    fn is_told(&self) -> bool {
        self.sampled && self.streams.iter().all(|stream| stream.base.is_some())
    }

    /// Every stream ends where something last moved.
    pub fn leave_all(&mut self, why: Stop) {
        for stream in 0..self.streams.len() {
            self.leave(stream, self.last, why);
        }
    }

    /// Bytes of the direction so far.
    pub fn bytes(&self) -> u64 {
        self.streams.iter().map(|stream| stream.record.bytes).sum()
    }

    /// Bytes of one stream so far; `None` for a stream that never joined.
    pub fn stream_bytes(&self, stream: usize) -> Option<u64> {
        Some(self.streams.get(stream)?.record.bytes)
    }

    /// The bins so far, in order of time; the last one may still be filling.
    pub fn bins(&self) -> &[u64] {
        self.bins.bytes()
    }

    /// The record for the receipt.
    pub fn finish(&self) -> SubtestRecord {
        let bins_bytes = self.bins.bytes().to_vec();
        let (srtt_us, retransmitted_bytes) = self.series(bins_bytes.len());
        let mut arrived_bytes = vec![];
        if self.is_told() {
            arrived_bytes = self.arrived.bytes().to_vec();
            arrived_bytes.resize(bins_bytes.len(), 0);
        }
        SubtestRecord {
            counted: self.counted,
            duration_us: self.last,
            bin_us: BIN,
            bins_bytes,
            arrived_bytes,
            srtt_us,
            retransmitted_bytes,
            startup_left_us: self.startup.all_left(),
            stop: self.stop.unwrap_or(Stop::SessionCap),
            streams: self.streams.iter().map(|s| s.record.clone()).collect(),
        }
    }

    /// Series as long as the bins; a bin without a look repeats the one before.
    fn series(&self, bins: usize) -> (Vec<u32>, Vec<u64>) {
        if !self.sampled {
            return (vec![], vec![]);
        }
        let mut last = 0;
        let srtt = (0..bins).map(|bin| {
            if let Some(&(sum, count @ 1..)) = self.srtt.get(bin) {
                last = u32::try_from(sum / u64::from(count)).unwrap_or(u32::MAX);
            }
            last
        });
        let srtt = srtt.collect();
        let mut again = self.retransmitted.clone();
        again.resize(bins, 0);
        (srtt, again)
    }
}

impl Stream {
    /// Bytes that arrived between two looks.
    fn arrived(&mut self, before: Arrival, now: Arrival) -> u64 {
        let base = self.base.map_or(before, |base| base.arrival);
        let total = now.since(base);
        // What lies behind holes fits into a receive window, whatever segments say.
        let most = total.in_order.saturating_add(WINDOW_BYTES);
        if !now.holes && total.in_order >= SETTLED_BYTES {
            self.whole = total;
        }
        let bytes = self.whole.scale(now.since(before).with_holes);
        let bytes = bytes.min(most.saturating_sub(self.arrived));
        self.arrived += bytes;
        bytes
    }
}

/// The kernel's account of the direction alone: totals less what was there
/// before it began.
const fn account(base: TcpRecord, last: TcpRecord) -> TcpRecord {
    TcpRecord {
        min_rtt_us: last.min_rtt_us,
        srtt_us: last.srtt_us,
        bytes_retransmitted: last
            .bytes_retransmitted
            .saturating_sub(base.bytes_retransmitted),
        busy_us: last.busy_us.saturating_sub(base.busy_us),
        rwnd_limited_us: last.rwnd_limited_us.saturating_sub(base.rwnd_limited_us),
        sndbuf_limited_us: last
            .sndbuf_limited_us
            .saturating_sub(base.sndbuf_limited_us),
    }
}

fn reach<T: Clone + Default>(series: &mut Vec<T>, bin: usize) -> &mut T {
    if series.len() <= bin {
        series.resize(bin + 1, T::default());
    }
    &mut series[bin]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(bytes_acked: u64, srtt_us: u32) -> Sample {
        let tcp = TcpRecord {
            min_rtt_us: 8_000,
            srtt_us,
            bytes_retransmitted: bytes_acked / 100,
            busy_us: 0,
            rwnd_limited_us: 0,
            sndbuf_limited_us: 0,
        };
        let arrival = Arrival {
            in_order: bytes_acked,
            with_holes: bytes_acked,
            holes: false,
        };
        Sample {
            bytes_acked,
            arrival,
            tcp,
        }
    }

    #[test]
    fn a_download_counts_what_was_acknowledged() {
        let mut recorder = Recorder::new(Counted::Acknowledged);
        let a = recorder
            .join(Micros(0), Some("bbr".into()), Some(sample(200, 9_000)))
            .unwrap();
        let b = recorder
            .join(Micros(50_000), None, Some(sample(100, 9_000)))
            .unwrap();
        recorder.moved(a, Micros(1), 999_999);
        recorder.sampled(a, Micros(100_000), sample(1_200, 10_000));
        recorder.sampled(b, Micros(150_000), sample(2_100, 12_000));
        recorder.sampled(a, Micros(200_000), sample(3_200, 14_000));
        recorder.left_startup(a, Micros(100_000));
        assert_eq!(recorder.finish().startup_left_us, None, "b is still in it");
        recorder.left_startup(b, Micros(150_000));
        recorder.leave(a, Micros(200_000), Stop::Client);
        recorder.leave(b, Micros(200_000), Stop::Client);
        let record = recorder.finish();
        assert_eq!(record.startup_left_us, Some(Micros(150_000)));
        assert_eq!(record.bins_bytes, [2_000, 3_000]);
        assert_eq!(record.srtt_us, [10_000, 13_000]);
        assert_eq!(record.retransmitted_bytes, [10, 40]);
        assert_eq!(record.bytes(), recorder.bytes());
        assert_eq!(
            (record.counted, record.stop),
            (Counted::Acknowledged, Stop::Client)
        );
        assert_eq!(record.streams[0].tcp.unwrap().bytes_retransmitted, 30);
    }

    #[test]
    fn without_the_kernel_written_bytes_are_named_so() {
        let mut recorder = Recorder::new(Counted::Acknowledged);
        let a = recorder.join(Micros(0), None, None).unwrap();
        recorder.moved(a, Micros(10), 500);
        recorder.leave(a, Micros(250_000), Stop::TimeCap);
        let record = recorder.finish();
        assert_eq!(
            (record.counted, record.stop),
            (Counted::Written, Stop::TimeCap)
        );
        assert_eq!(record.bins_bytes, [500, 0, 0]);
        assert!(record.srtt_us.is_empty() && record.streams[0].tcp.is_none());
    }

    #[test]
    fn a_hole_does_not_hide_what_has_arrived() {
        let mut recorder = Recorder::new(Counted::Received);
        let look = |in_order, with_holes| Sample {
            arrival: Arrival {
                in_order,
                with_holes,
                holes: with_holes > (5 << 18),
            },
            ..sample(0, 9_000)
        };
        let a = recorder.join(Micros(0), None, Some(look(0, 0))).unwrap();
        let b = recorder.join(Micros(0), None, Some(look(0, 0))).unwrap();
        recorder.sampled(a, Micros(100_000), look(1 << 20, 5 << 18));
        assert!(recorder.arrived().is_empty(), "b was not looked at yet");
        recorder.sampled(b, Micros(100_000), look(0, 0));
        assert_eq!(
            recorder.arrived(),
            [1 << 20],
            "a fifth are partial segments"
        );
        for (at, in_order) in [(2, 1), (3, 1), (4, 4)] {
            let look_at = look(in_order << 20, (at * 5) << 18);
            recorder.sampled(a, Micros(at * 100_000), look_at);
            recorder.sampled(b, Micros(at * 100_000), look(0, 0));
        }
        assert_eq!(recorder.arrived(), [1 << 20; 4]);
        recorder.leave(b, Micros(400_000), Stop::Client);
        recorder.sampled(a, Micros(500_000), look(5 << 20, 25 << 18));
        assert_eq!(recorder.arrived(), [1 << 20; 5]);
    }

    #[test]
    fn sixteen_streams_are_enough() {
        let mut recorder = Recorder::new(Counted::Received);
        let joined = (0..20).filter_map(|_| recorder.join(Micros(0), None, None));
        assert_eq!(joined.count(), 16);
    }
}
