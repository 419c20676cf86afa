//! What the tests share: a centre in a temporary directory, and signed tests.

use jiff::{SignedDuration, Timestamp};
use metric::key::{Purpose, RegisteredKey, SiteKey};
use metric::position::PositionClaim;
use metric::receipt::{
    Counted, LatencyRecord, ReceiptV1, Stop, StreamRecord, SubtestRecord, TcpRecord, Version,
    nonce_sha256,
};
use metric::submission::{App, Context, Network, Observed, ObservedSubtest, Submission};
use metric::unit::{BitRate, Micros};
use metric::validity::Limits;
use uuid::Uuid;

use crate::area::AreaIndex;
use crate::collect::{Failure, Tables, collect};
use crate::operator::OperatorTable;
use crate::statistics::month_table;
use crate::store::Store;
use crate::store::audit::Act;
use crate::store::campaign::Campaign;
use crate::store::test::Appended;
use crate::table::{MonthTable, Rule};

pub(crate) const NONCE: &str = "00112233445566778899aabbccddeeff";

/// In the middle of Bến Nghé, 26740.
pub(crate) const BEN_NGHE: (f64, f64) = (10.7798, 106.7035);

pub(crate) const DEMONSTRATION: &str = include_str!("../../../data/areas/district-1.demo.geojson");

pub(crate) const OPERATORS: &str = "id,brand,kind,asns,mcc_mnc,valid_from,valid_to,source
viettel,Viettel,both,7552,452-04,,,test
mobifone,MobiFone,both,131429,452-01,,,test
vietnamobile,Vietnamobile,mobile,24173,452-05,,,test
";

pub(crate) const PREFIXES: &str = "ip_version,start,end,asn,source
4,203.0.113.0,203.0.113.255,7552,test
4,198.51.100.0,198.51.100.255,24173,test
";

/// A change that a test makes.
pub(crate) const ACT: Act<'static> = Act {
    who: "test",
    at: Timestamp::UNIX_EPOCH,
};

/// Chance that anybody can guess: other bytes at every call.
pub(crate) fn chance() -> impl Fn(&mut [u8]) -> std::io::Result<()> + Send + Sync {
    let calls = std::sync::atomic::AtomicU64::new(1);
    move |bytes| {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut chance = metric::chance::Chance::of(&[call]);
        bytes.fill_with(|| chance.next().to_le_bytes()[0]);
        Ok(())
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn site_key() -> SiteKey {
    SiteKey::from_seed(&[9; 32])
}

pub(crate) fn simulation_key() -> SiteKey {
    SiteKey::from_seed(&[8; 32])
}

/// A centre without its HTTP.
pub(crate) struct Place {
    pub(crate) store: Store,
    pub(crate) areas: AreaIndex,
    pub(crate) operators: OperatorTable,
    pub(crate) limits: Limits,
    _directory: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        register(&store);
        let areas = crate::area::parse(DEMONSTRATION).unwrap();
        store
            .import_areas(&areas, "", Timestamp::UNIX_EPOCH)
            .unwrap();
        Self {
            store,
            areas: AreaIndex::new(areas),
            operators: OperatorTable::parse(OPERATORS, PREFIXES).unwrap(),
            limits: Limits::default(),
            _directory: directory,
        }
    }

    pub(crate) fn tables(&self) -> Tables<'_> {
        Tables {
            areas: &self.areas,
            operators: &self.operators,
            limits: &self.limits,
            position_retention_days: 90,
        }
    }

    /// November 2024 of a campaign that wants two tests in every ward.
    pub(crate) fn november(&self, synthetic: bool) -> MonthTable {
        let campaign = self.campaign(Rule::Qualified);
        let (areas, month) = (self.areas.areas(), "2024-11".parse().unwrap());
        month_table(&self.store, &campaign, areas, month, synthetic).unwrap()
    }

    pub(crate) fn campaign(&self, rule: Rule) -> Campaign {
        Campaign {
            id: "district-1".into(),
            name: "Quận 1".into(),
            quota_tests: 2,
            rule,
            areas: self.areas.areas().iter().map(|a| a.key.clone()).collect(),
            ..Campaign::default()
        }
    }

    /// Collects a submission a minute after the receipt was signed.
    pub(crate) fn collect(&self, body: &[u8]) -> Result<Appended, Failure> {
        collect(
            &self.store,
            &self.tables(),
            at("2024-11-08T02:01:30Z"),
            body,
        )
    }

    /// Collects a submission that arrives at `now`.
    pub(crate) fn collect_at(&self, now: Timestamp, body: &[u8]) -> Result<Appended, Failure> {
        collect(&self.store, &self.tables(), now, body)
    }
}

pub(crate) fn register(store: &Store) {
    for (key, site, purpose) in [
        (site_key(), "demo", Purpose::Measurement),
        (simulation_key(), "simulation", Purpose::Simulation),
    ] {
        let key = RegisteredKey {
            public_key: key.public(),
            site: site.into(),
            purpose,
            valid_from: at("2024-01-01T00:00:00Z"),
            valid_to: None,
        };
        store.register_key(&key).unwrap();
    }
}

/// An honest mobile test in Bến Nghé, not yet signed.
pub(crate) fn draft(n: u128) -> Submission {
    Submission {
        submission: metric::submission::Version::V1,
        receipt: receipt(n, at("2024-11-08T02:00:00.123Z")),
        nonce: NONCE.into(),
        observed: Observed {
            download: Some(observed(600_000)),
            upload: Some(observed(250_000)),
            idle: Some(metric::delay::Probes {
                sent: 4,
                received: 3,
                rtt_us: vec![23_000, 24_000, 25_000],
            }),
            ..Observed::default()
        },
        context: Context {
            measured_at: at("2024-11-08T02:00:00.123Z"),
            position: Some(position(BEN_NGHE)),
            network: Some(Network::Mobile),
            technology: Some(metric::submission::Generation::G4),
            operator: None,
            device: format!("device-{n:04}"),
            unit: None,
            app: App {
                name: "web".into(),
                version: "0.1.0".into(),
            },
            mock_location: None,
            roaming: None,
            mcc_mnc: None,
        },
    }
}

/// The draft moved to another instant.
pub(crate) fn moved(mut draft: Submission, to: Timestamp) -> Submission {
    draft.receipt = receipt(draft.receipt.test_id.as_u128(), to);
    draft.context.measured_at = to;
    draft
}

pub(crate) fn position((latitude_degrees, longitude_degrees): (f64, f64)) -> PositionClaim {
    PositionClaim {
        latitude_degrees,
        longitude_degrees,
        accuracy_metres: 12.0,
    }
}

/// The draft signed by the site, as bytes.
pub(crate) fn signed(draft: Submission) -> Vec<u8> {
    signed_by(draft, &site_key())
}

pub(crate) fn signed_by(mut draft: Submission, key: &SiteKey) -> Vec<u8> {
    draft.receipt = draft.receipt.sign(key).unwrap();
    serde_json::to_vec(&draft).unwrap()
}

fn receipt(n: u128, started_at: Timestamp) -> ReceiptV1 {
    let issued_at = started_at + SignedDuration::from_secs(31);
    ReceiptV1 {
        receipt: Version::V1,
        test_id: Uuid::from_u128(n),
        method: 1,
        protocol: "ispeed.v1".into(),
        mode: "full".into(),
        audit: false,
        site: "demo".into(),
        software: "0.1.0".into(),
        client_prefix: "203.0.113.0/24".parse().unwrap(),
        nonce_sha256: nonce_sha256(NONCE),
        started_at,
        issued_at,
        expires_at: issued_at + SignedDuration::from_hours(24 * 30),
        download: Some(seen(Counted::Acknowledged, 600_000)),
        upload: Some(seen(Counted::Received, 250_000)),
        latency: Some(LatencyRecord { echoes: 400 }),
        key_id: String::new(),
        signature: String::new(),
    }
}

fn seen(counted: Counted, bin: u64) -> SubtestRecord {
    SubtestRecord {
        counted,
        duration_us: Micros(12_000_000),
        bin_us: Micros(100_000),
        bins_bytes: vec![bin; 120],
        arrived_bytes: vec![],
        srtt_us: vec![],
        retransmitted_bytes: vec![],
        startup_left_us: None,
        stop: Stop::Client,
        streams: vec![StreamRecord {
            bytes: bin * 120,
            congestion: Some("bbr".into()),
            tcp: Some(TcpRecord {
                min_rtt_us: 22_000,
                srtt_us: 25_000,
                bytes_retransmitted: 0,
                busy_us: 12_000_000,
                rwnd_limited_us: 0,
                sndbuf_limited_us: 0,
            }),
        }],
    }
}

fn observed(bin: u64) -> ObservedSubtest {
    ObservedSubtest {
        bin_us: Micros(100_000),
        bins_bytes: vec![bin; 120],
        stop_reason: metric::goodput::StopReason::Fixed,
        goodput_bits_per_second: Some(BitRate(bin * 80)),
        interval_bits_per_second: None,
        p90_bits_per_second: None,
        mean_bits_per_second: None,
        bytes: bin * 120,
        duration_us: Micros(12_000_000),
        ramp_us: Some(Micros(800_000)),
        startup_left_us: None,
        lag_share_per_mille: None,
        cpu_share_per_mille: None,
        tcp: vec![],
    }
}
