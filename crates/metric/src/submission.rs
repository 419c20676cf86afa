//! What a client hands to the collector: the receipt, what it saw itself, and
//! the circumstances. Untrusted until [`crate::consistency::verify`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bins::{BIN, MAX_BINS};
use crate::delay::{Delay, Probes, UdpProbes, median};
use crate::goodput::StopReason;
use crate::position::PositionClaim;
use crate::receipt::{ReceiptV1, TcpRecord};
use crate::selection::{Reachable, Selection};
use crate::streams;
use crate::unit::{BitRate, Micros};

/// Version of a submission.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Version {
    /// First version.
    #[serde(rename = "1")]
    V1,
}

/// A finished test as the client submits it. Described in `docs/api.md`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Version of the format.
    pub submission: Version,
    /// The signed receipt.
    pub receipt: ReceiptV1,
    /// The tester's secret, which shows that the receipt is theirs.
    pub nonce: String,
    /// What the client saw.
    #[serde(default)]
    pub observed: Observed,
    /// The circumstances.
    pub context: Context,
}

/// What the client saw; every part that was not measured is absent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// The download, counted by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<ObservedSubtest>,
    /// The upload, from the site's counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<ObservedSubtest>,
    /// Probes before any load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Probes>,
    /// Probes while downloading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_download: Option<Probes>,
    /// Probes while uploading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_upload: Option<Probes>,
    /// Probes by UDP before any load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp_idle: Option<UdpProbes>,
    /// Probes by UDP while downloading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp_working_download: Option<UdpProbes>,
    /// Probes by UDP while uploading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp_working_upload: Option<UdpProbes>,
    /// Longer and denser probes by UDP without load, for loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp_train: Option<UdpProbes>,
    /// What carried the probes that the delays of the result are of:
    /// [`WEBSOCKET`], [`UDP`], later also others. Absent: WebSocket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Which sites were asked, and why this one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
    /// How IPv4 reaches the site; absent where there was nothing to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<Reachable>,
    /// How IPv6 reaches the site; the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Reachable>,
}

/// Probes on a WebSocket connection of their own.
pub const WEBSOCKET: &str = "websocket";
/// STAMP test packets (RFC 8762).
pub const UDP: &str = "udp";

/// One direction as the client saw it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ObservedSubtest {
    /// Length of a bin.
    pub bin_us: Micros,
    /// Payload bytes per bin at the receiver, in order of time.
    pub bins_bytes: Vec<u64>,
    /// How it ended.
    pub stop_reason: StopReason,
    /// The client's estimate; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goodput_bits_per_second: Option<BitRate>,
    /// Its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_bits_per_second: Option<[BitRate; 2]>,
    /// 90 % quantile of the bins after the ramp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_bits_per_second: Option<BitRate>,
    /// Plain mean from the first bin on, ramp and all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_bits_per_second: Option<BitRate>,
    /// Bytes in all bins.
    pub bytes: u64,
    /// Length of the direction.
    pub duration_us: Micros,
    /// Length of the ramp; absent when it never ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp_us: Option<Micros>,
    /// Time since the first stream opened at which the last of the streams was
    /// known to be past BBR's STARTUP: told by the site in download, by this
    /// device's kernel in upload. Absent where one never was or nobody tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_left_us: Option<Micros>,
    /// Ticks of 50 ms that came more than 50 ms late, in thousandths
    /// ([`crate::bottleneck::Lag`]); absent where nobody watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_share_per_mille: Option<u16>,
    /// Processor time of the measuring program, in thousandths of all this
    /// device's processors; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_share_per_mille: Option<u16>,
    /// Upload: this device's kernel's account of each stream, where it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<TcpRecord>,
}

/// The circumstances of a test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// When the test began, by the device's clock corrected to the site's.
    pub measured_at: Timestamp,
    /// Where, if the person agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<PositionClaim>,
    /// The access, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Generation of the mobile network, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technology: Option<Generation>,
    /// Operator as the person or the device names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Random pseudonym of the device.
    pub device: String,
    /// Unit that asked for the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Program that ran it.
    pub app: App,
    /// Whether the system says that the position is made up (Android
    /// `Location.isMock`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock_location: Option<bool>,
    /// Whether the network is that of another country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roaming: Option<bool>,
    /// Mobile network that the device was registered in (ITU-T E.212), as `452-04`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcc_mnc: Option<String>,
}

/// Kind of access.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Mobile broadband.
    Mobile,
    /// Wi-Fi, so a fixed line behind it.
    Wifi,
    /// Cable.
    Ethernet,
}

/// Generation of a mobile network.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Generation {
    /// GSM family.
    #[serde(rename = "2g")]
    G2,
    /// UMTS family.
    #[serde(rename = "3g")]
    G3,
    /// LTE.
    #[serde(rename = "4g")]
    G4,
    /// NR.
    #[serde(rename = "5g")]
    G5,
}

/// A program and its version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

impl Observed {
    /// Probes before any load, of the kind that [`Self::connection`] names.
    pub fn idle_probes(&self) -> Option<Probes> {
        self.carried(&self.udp_idle, &self.idle)
    }

    /// Probes while downloading and while uploading, likewise.
    pub fn working_probes(&self) -> [Option<Probes>; 2] {
        [
            self.carried(&self.udp_working_download, &self.working_download),
            self.carried(&self.udp_working_upload, &self.working_upload),
        ]
    }

    fn carried(&self, udp: &Option<UdpProbes>, other: &Option<Probes>) -> Option<Probes> {
        if self.connection.as_deref() == Some(UDP) {
            udp.as_ref().map(UdpProbes::probes)
        } else {
            other.clone()
        }
    }

    /// Median round-trip delay before any load.
    pub fn idle_rtt(&self) -> Option<Micros> {
        self.idle_probes()?.median()
    }

    /// Median round-trip delay under load, both directions together.
    pub fn working_rtt(&self) -> Option<Micros> {
        let probes = self.working_probes();
        let sample: Vec<Delay> = probes
            .iter()
            .flatten()
            .filter(|probes| probes.is_consistent())
            .flat_map(Probes::sample)
            .collect();
        median(&sample)
    }

    /// Checks what the types cannot: lengths and sums.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] names the member.
    pub fn check(&self) -> Result<(), OutOfRange> {
        for (name, subtest) in [("download", &self.download), ("upload", &self.upload)] {
            let fits = subtest.as_ref().is_none_or(ObservedSubtest::is_well_formed);
            require(
                fits,
                format!("observed.{name}.bins_bytes"),
                "at most 400 bins of 100000 µs, with `bytes` their sum",
            )?;
            let subtest = subtest.as_ref();
            require(
                subtest.is_none_or(ObservedSubtest::has_shares),
                format!("observed.{name}"),
                "`lag_share_per_mille` and `cpu_share_per_mille` of at most 1000",
            )?;
            require(
                subtest.is_none_or(|s| s.tcp.len() <= usize::from(streams::spec::MOST)),
                format!("observed.{name}.tcp"),
                "at most 16 streams",
            )?;
        }
        require(
            self.selection.as_ref().is_none_or(Selection::is_consistent),
            "observed.selection".into(),
            "at most 4 candidates, the chosen one among them, names of 1 to 64 characters",
        )?;
        for (name, family) in [("ipv4", &self.ipv4), ("ipv6", &self.ipv6)] {
            require(
                family.as_ref().is_none_or(Reachable::is_consistent),
                format!("observed.{name}"),
                "no `rtt_us` where the family is not available",
            )?;
        }
        let probes = [
            ("idle", &self.idle),
            ("working_download", &self.working_download),
            ("working_upload", &self.working_upload),
        ];
        for (name, probes) in probes {
            let fits = probes.as_ref().is_none_or(Probes::is_consistent);
            require(
                fits,
                format!("observed.{name}"),
                "`received` values in `rtt_us`, and no more than `sent`",
            )?;
        }
        for (name, probes) in self.by_udp() {
            let fits = probes.is_none_or(UdpProbes::is_consistent);
            require(
                fits,
                format!("observed.{name}"),
                "`received` values in `rtt_us`, and with the lost no more than `sent`",
            )?;
        }
        let connection = self.connection.as_deref();
        short("observed.connection", connection, 32)
    }
}

impl Observed {
    /// Every sample by UDP, with the name of its member.
    pub fn by_udp(&self) -> [(&'static str, Option<&UdpProbes>); 4] {
        [
            ("udp_idle", self.udp_idle.as_ref()),
            ("udp_working_download", self.udp_working_download.as_ref()),
            ("udp_working_upload", self.udp_working_upload.as_ref()),
            ("udp_train", self.udp_train.as_ref()),
        ]
    }
}

impl ObservedSubtest {
    fn is_well_formed(&self) -> bool {
        let sum = self
            .bins_bytes
            .iter()
            .fold(0_u64, |sum, &b| sum.saturating_add(b));
        self.bin_us == BIN && self.bins_bytes.len() <= MAX_BINS && self.bytes == sum
    }

    fn has_shares(&self) -> bool {
        let shares = [self.lag_share_per_mille, self.cpu_share_per_mille];
        shares.into_iter().flatten().all(|share| share <= 1000)
    }
}

impl Context {
    /// Checks what the types cannot: lengths and characters.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] names the member.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let device = (8..=64).contains(&self.device.len()) && self.device.chars().all(name);
        require(device, "context.device".into(), "8 to 64 of [0-9a-zA-Z_-]")?;
        short("context.operator", self.operator.as_deref(), 64)?;
        short("context.unit", self.unit.as_deref(), 32)?;
        short("context.app.name", Some(&self.app.name), 32)?;
        short("context.app.version", Some(&self.app.version), 32)?;
        short("context.mcc_mnc", self.mcc_mnc.as_deref(), 8)
    }
}

fn short(field: &str, text: Option<&str>, most: usize) -> Result<(), OutOfRange> {
    let fits = |text: &str| {
        (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    require(
        text.is_none_or(fits),
        field.into(),
        "1 to 64 (operator) or 32 characters, none of them control characters",
    )
}

fn require(holds: bool, field: String, expected: &'static str) -> Result<(), OutOfRange> {
    if holds {
        Ok(())
    } else {
        Err(OutOfRange { field, expected })
    }
}

/// A member out of its range.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub struct OutOfRange {
    /// Path of the member.
    pub field: String,
    /// What was expected.
    pub expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probes(rtt_us: &[u32]) -> UdpProbes {
        let sent = u32::try_from(rtt_us.len()).unwrap();
        UdpProbes {
            sent,
            received: sent,
            rtt_us: rtt_us.to_vec(),
            ..UdpProbes::default()
        }
    }

    #[test]
    fn the_delay_is_that_of_the_carrier_named() {
        let mut observed = Observed {
            idle: Some(probes(&[900]).probes()),
            udp_idle: Some(probes(&[700])),
            ..Observed::default()
        };
        assert_eq!(observed.idle_rtt(), Some(Micros(900)));
        observed.connection = Some(WEBSOCKET.into());
        assert_eq!(observed.idle_rtt(), Some(Micros(900)));
        observed.connection = Some(UDP.into());
        assert_eq!(observed.idle_rtt(), Some(Micros(700)));
        observed.udp_idle = None;
        assert_eq!(observed.idle_rtt(), None, "another carrier's is not taken");
    }

    #[test]
    fn an_impossible_sample_is_named() {
        let mut observed = Observed {
            udp_train: Some(probes(&[700])),
            ..Observed::default()
        };
        assert_eq!(observed.check(), Ok(()));
        observed.udp_train.as_mut().unwrap().sent = 0;
        let refused = observed.check().unwrap_err();
        assert_eq!(refused.field, "observed.udp_train");
    }
}
