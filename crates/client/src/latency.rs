//! Probes on the latency connection, idle and under load.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use metric::delay::Probes;
use metric::unit::Micros;
use net::transport::Transport;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep_until;
use wire::native::message::Parameters;
use wire::native::prober::Prober;
use wire::native::spec;
use wire::websocket::Opcode;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::frame;

use crate::Error;
use crate::http::Base;
use crate::socket;

/// How long answers are waited for after a load has ended.
const STRAGGLERS: Duration = Duration::from_millis(500);

/// The latency connection.
pub(crate) struct Latency {
    stream: Transport,
    decoder: Decoder,
    early: Vec<u8>,
    origin: Instant,
}

impl Latency {
    pub(crate) async fn open(base: &Base, token: &str) -> Result<Self, Error> {
        let socket = socket::open(base, "latency", token).await?;
        Ok(Self {
            stream: socket.stream,
            decoder: Decoder::new(Role::Client, Bulk::Keep(spec::MAX_PROBE_BYTES)),
            early: socket.early.to_vec(),
            origin: net::now(),
        })
    }

    /// The site's address, as this connection has it.
    pub(crate) fn site(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }

    fn now(&self) -> Micros {
        Micros::from(net::now().duration_since(self.origin))
    }

    fn prober(&self, count: u32, parameters: &Parameters) -> Prober {
        let Parameters {
            probe_interval_us,
            waiting_time_us,
            ..
        } = *parameters;
        Prober::new(count, probe_interval_us, waiting_time_us, self.now())
    }

    /// The sample before any load. A connection that breaks leaves what was
    /// measured until then.
    pub(crate) async fn idle(&mut self, parameters: &Parameters) -> Probes {
        let mut prober = self.prober(parameters.idle_probes, parameters);
        let mut probes = Probes::default();
        let _ = self.probe(&mut prober, &mut probes).await;
        probes
    }

    /// The sample while `load` runs, with what `load` gives.
    pub(crate) async fn working<T>(
        &mut self,
        parameters: &Parameters,
        load: impl Future<Output = T>,
    ) -> (T, Probes) {
        let mut prober = self.prober(u32::MAX, parameters);
        let mut probes = Probes::default();
        let mut load = std::pin::pin!(load);
        let early = tokio::select! {
            done = &mut load => Some(done),
            // Broken or never over: either way the load is what is waited for.
            _ = self.probe(&mut prober, &mut probes) => None,
        };
        let done = match early {
            Some(done) => done,
            None => load.await,
        };
        prober.stop();
        let rest = self.probe(&mut prober, &mut probes);
        let _ = tokio::time::timeout(STRAGGLERS, rest).await;
        (done, probes)
    }

    /// Sends and receives until the prober is over or the connection breaks.
    /// Safe to drop at any await: a probe half sent cannot be, since four
    /// bytes go in one write.
    async fn probe(&mut self, prober: &mut Prober, probes: &mut Probes) -> Option<()> {
        let mut buffer = [0; 4096];
        self.take(&[], prober, probes)?;
        loop {
            if let Some(probe) = prober.poll_transmit(self.now()) {
                let frame = frame(Opcode::Binary, &probe, Some([0x5a; 4]));
                self.stream.write_all(&frame).await.ok()?;
                self.stream.flush().await.ok()?;
            }
            while let Some(lost) = prober.poll_timeout(self.now()) {
                probes.push(lost);
            }
            let wakeup = self.origin + prober.next_wakeup()?.duration();
            tokio::select! {
                read = self.stream.read(&mut buffer) => {
                    let read = read.ok().filter(|&n| n > 0)?;
                    self.take(&buffer[..read], prober, probes)?;
                }
                () = sleep_until(wakeup.into()) => {}
            }
        }
    }

    fn take(&mut self, input: &[u8], prober: &mut Prober, probes: &mut Probes) -> Option<()> {
        let now = self.now();
        let early = std::mem::take(&mut self.early);
        for bytes in [&early, input] {
            let read = self.decoder.feed(bytes, |event| {
                if let Event::Binary(answer) = event
                    && let Some(delay) = prober.handle_message(answer, now)
                {
                    probes.push(delay);
                }
            });
            read.ok()?;
        }
        Some(())
    }
}
