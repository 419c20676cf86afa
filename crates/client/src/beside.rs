//! The parts of a test that are probed by UDP beside it, if the site offers
//! that and the way there lets it through.

use std::net::SocketAddr;

use metric::delay::UdpProbes;
use metric::submission::{Observed, UDP, WEBSOCKET};
use wire::native::message::SessionReply;
use wire::stamp::sender::SeriesId;

use crate::latency::Latency;
use crate::udp::Udp;

/// A part of a test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Idle,
    Download,
    Upload,
    Train,
}

/// Probes by UDP beside a test; nothing at all where there is no UDP.
#[derive(Debug)]
pub(crate) struct Beside {
    udp: Option<Udp>,
    series: Vec<(Part, SeriesId)>,
}

impl Beside {
    /// A session as the site offered it, at the address of its connection.
    pub(crate) async fn open(latency: &Latency, session: &SessionReply) -> Self {
        let udp = match (latency.site(), &session.udp) {
            (Some(site), Some(offer)) => {
                let site = SocketAddr::new(site.ip(), offer.stamp_port);
                Udp::open(site, offer, &session.parameters).await.ok()
            }
            _ => None,
        };
        Self {
            udp,
            series: Vec::new(),
        }
    }

    /// Begins the sample of a part.
    pub(crate) fn begin(&mut self, part: Part, count: u32) {
        if let Some(udp) = &self.udp {
            self.series.push((part, udp.begin(count)));
        }
    }

    /// The load is over; its last packets are still waited for.
    pub(crate) fn stop(&self) {
        if let Some(udp) = &self.udp {
            udp.stop();
        }
    }

    /// Sends the train where it is wanted, and waits for the last answers.
    /// Where nothing ever came back there is nothing to wait for.
    pub(crate) async fn finish(&mut self, train: bool) {
        let Some(udp) = &self.udp else { return };
        if !self.series.iter().any(|(_, id)| udp.is_answered(*id)) {
            return;
        }
        if train {
            self.series.push((Part::Train, udp.train().await));
        }
        udp.settle().await;
    }

    /// The samples by UDP, and what carried the probes that count.
    pub(crate) fn observed(&self) -> Observed {
        let connection = if self.carries() { UDP } else { WEBSOCKET };
        Observed {
            udp_idle: self.sample(Part::Idle),
            udp_working_download: self.sample(Part::Download),
            udp_working_upload: self.sample(Part::Upload),
            udp_train: self.sample(Part::Train),
            connection: Some(connection.into()),
            ..Observed::default()
        }
    }

    fn sample(&self, part: Part) -> Option<UdpProbes> {
        let udp = self.udp.as_ref()?;
        let (_, id) = self.series.iter().find(|(of, _)| *of == part)?;
        Some(udp.sample(*id)).filter(|sample| sample.sent > 0)
    }

    /// Whether UDP carries the result: every sample has a median, so that idle
    /// and working delay are of one kind.
    fn carries(&self) -> bool {
        let parts = [Part::Idle, Part::Download, Part::Upload];
        let mut samples = parts
            .into_iter()
            .filter_map(|part| self.sample(part))
            .peekable();
        samples.peek().is_some() && samples.all(|sample| sample.probes().median().is_some())
    }
}
