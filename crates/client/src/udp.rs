//! Probes by UDP beside everything else: one STAMP session with a series for
//! every part of the test.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metric::delay::UdpProbes;
use metric::unit::Micros;
use net::udp::Batch;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use wire::native::message::{Parameters, UdpOffer};
use wire::stamp::sender::{Config, Sender, Series, SeriesId};
use wire::stamp::spec;
use wire::stamp::timestamp::{ErrorEstimate, NtpTime};

/// The train: 5 s of packets of 200 octets, 50 kB each way.
const TRAIN: Series = Series {
    count: 250,
    interval: Micros(20_000),
    packet_len: 200,
};

/// Longest answer taken: that to the longest packet sent.
const LONGEST_BYTES: usize = 512;
/// An arrival further back than this was dated by another clock.
const OLDEST: Duration = Duration::from_secs(1);
/// Time between two looks whether all is answered.
const LOOK: Duration = Duration::from_millis(20);

/// A STAMP session with the site. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Udp {
    state: Arc<State>,
    task: JoinHandle<()>,
    interval: Micros,
}

#[derive(Debug)]
struct State {
    socket: UdpSocket,
    sender: Mutex<Sender>,
    changed: Notify,
    origin: Instant,
    /// What the timestamps of the packets count from: drawn at random, so that
    /// our clock tells nothing of this device.
    epoch: u64,
}

impl Drop for Udp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Udp {
    /// A session at the site's address `site` as it was offered. That the
    /// socket opens does not say that anything comes through.
    pub(crate) async fn open(
        site: SocketAddr,
        offer: &UdpOffer,
        parameters: &Parameters,
    ) -> io::Result<Self> {
        let any = match site {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).await?;
        let mut to = site;
        to.set_port(offer.stamp_port);
        socket.connect(to).await?;
        net::udp::prepare(&socket);
        let mut epoch = [0; 8];
        getrandom::fill(&mut epoch).map_err(io::Error::other)?;
        let sender = Sender::new(Config {
            ssid: offer.ssid,
            key: None,
            stateful: offer.stateful,
            waiting_time: parameters.waiting_time_us,
            error: ErrorEstimate::of(Micros(1_000_000), false),
        });
        let state = Arc::new(State {
            socket,
            sender: Mutex::new(sender),
            changed: Notify::new(),
            origin: net::now(),
            epoch: u64::from_ne_bytes(epoch),
        });
        Ok(Self {
            task: tokio::spawn(run(Arc::clone(&state))),
            state,
            interval: parameters.probe_interval_us,
        })
    }

    /// Begins a sample of at most `count` short packets.
    pub(crate) fn begin(&self, count: u32) -> SeriesId {
        self.begin_series(Series {
            count,
            interval: self.interval,
            packet_len: spec::OPEN_LEN,
        })
    }

    fn begin_series(&self, series: Series) -> SeriesId {
        let id = self.state.sender().begin(series, self.state.now());
        self.state.changed.notify_one();
        id
    }

    /// Ends the sample that runs; what is on its way is still waited for.
    pub(crate) fn stop(&self) {
        self.state.sender().stop();
    }

    /// Whether an answer to a packet of this sample has come.
    pub(crate) fn is_answered(&self, series: SeriesId) -> bool {
        self.sample(series).received > 0
    }

    /// Sends the train, and returns when its last packet is out.
    pub(crate) async fn train(&self) -> SeriesId {
        let id = self.begin_series(TRAIN);
        while !self.state.sender().is_sent() {
            tokio::time::sleep(LOOK).await;
        }
        id
    }

    /// Waits until every packet is answered or given up.
    pub(crate) async fn settle(&self) {
        self.stop();
        while self.state.sender().next_wakeup().is_some() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What is known of a sample.
    pub(crate) fn sample(&self, series: SeriesId) -> UdpProbes {
        self.state.sender().sample(series)
    }
}

impl State {
    fn sender(&self) -> MutexGuard<'_, Sender> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Micros {
        Micros::from(net::now().duration_since(self.origin))
    }

    fn timestamp(&self, now: Micros) -> NtpTime {
        let seconds = now.0 / 1_000_000;
        let nanos = u32::try_from(now.0 % 1_000_000 * 1000).unwrap_or(0);
        NtpTime(self.epoch.wrapping_add(NtpTime::of_unix(seconds, nanos).0))
    }

    /// Sends what is due, gives up what is over, and says when to come back.
    fn turn(&self) -> Option<Micros> {
        let mut sender = self.sender();
        let now = self.now();
        while let Some(packet) = sender.poll_transmit(now, self.timestamp(now)) {
            // What the kernel does not take is lost, and counts as that.
            let _ = self.socket.try_send(&packet);
        }
        sender.handle_timeout(self.now());
        sender.next_wakeup()
    }

    /// Takes every answer that is there, dated by the kernel's arrival time.
    fn take(&self, batch: &mut Batch, received: usize) {
        let (now, time) = (self.now(), net::udp::unix_time());
        let mut sender = self.sender();
        for k in 0..received {
            let datagram = batch.datagram(k);
            let age = time.since(datagram.received);
            let age = if age < OLDEST {
                Micros::from(age)
            } else {
                Micros(0)
            };
            // Anyone may send us anything; what is no answer is dropped.
            let _ = sender.handle_datagram(datagram.data, Micros(now.0.saturating_sub(age.0)));
        }
    }
}

async fn run(state: Arc<State>) {
    let mut batch = Batch::new(16, LONGEST_BYTES);
    loop {
        let wakeup = state.turn();
        let wakeup = wakeup.map(|at| state.origin + at.duration());
        let sleep = async {
            match wakeup {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let receive = state
            .socket
            .async_io(Interest::READABLE, || batch.receive(&state.socket, false));
        let received = tokio::select! {
            received = receive => received,
            () = sleep => continue,
            () = state.changed.notified() => continue,
        };
        match received {
            Ok(received) => state.take(&mut batch, received),
            // "Connection refused" by ICMP, most likely: nothing listens there.
            // The packet is lost; the next one may not be.
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
