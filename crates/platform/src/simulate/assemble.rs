//! Writes a draft out as a submission with a signed receipt.

use metric::delay::{Delay, Probes};
use metric::goodput::StopReason;
use metric::key::SiteKey;
use metric::receipt::{self, Counted, LatencyRecord, ReceiptV1, Stop, SubtestRecord, nonce_sha256};
use metric::submission::{self, App, Context, Network, Observed, Submission, WEBSOCKET};
use metric::unit::Micros;

use super::draft::{Draft, Oddity, at};
use super::{Plan, Simulated, series};
use metric::chance::Chance;

/// How long a receipt may be submitted, milliseconds.
const RECEIPT_MS: u64 = 30 * 24 * 3_600_000;

/// Probes before the load, and during each direction.
const PROBES: (u32, u32) = (20, 100);

/// Probes that get no answer.
const PROBE_LOSS: f64 = 0.004;

pub(super) fn simulated(plan: &Plan, draft: &Draft, key: &SiteKey) -> Simulated {
    // The month too, or a second one of the same seed would repeat the traces
    // of the first, which the ledger takes for copies.
    let month = plan.month.first_day();
    let month = [
        month.year().unsigned_abs(),
        month.month().unsigned_abs().into(),
    ];
    let name = [draft.ward as u64, u64::from(draft.number)];
    let mut chance = Chance::of(&[
        plan.seed,
        5,
        name[0],
        name[1],
        month[0].into(),
        month[1].into(),
    ]);
    let nonce = format!("{:016x}{:016x}", chance.next(), chance.next());
    let context = context(plan, draft, &mut chance);
    let directions = Directions::of(draft, &mut chance);
    let observed = observed(draft, &directions, &mut chance);
    let receipt = receipt(plan, draft, &nonce, directions, &observed, &mut chance);
    let receipt = receipt
        .sign(key)
        .expect("a receipt holds integers and texts only");
    let submission = Submission {
        submission: submission::Version::V1,
        receipt,
        nonce,
        observed,
        context,
    };
    Simulated {
        submission,
        received_at: at(draft.received_ms),
    }
}

/// Both directions as each side saw them.
struct Directions {
    download_seen: Vec<u64>,
    download: SubtestRecord,
    upload: Option<SubtestRecord>,
    /// How the last direction ended.
    end: (StopReason, Stop),
}

impl Directions {
    fn of(draft: &Draft, chance: &mut Chance) -> Self {
        let mut down = series::bins(draft.download_bits_per_second, chance);
        let mut up = Some(series::bins(draft.upload_bits_per_second, chance));
        let mut end = (StopReason::Fixed, Stop::Client);
        if draft.oddity == Oddity::Incomplete && chance.happens(0.5) {
            down.truncate(chance.index(60) + 5);
            up = None;
            end = (StopReason::Cancelled, Stop::Client);
        } else if draft.oddity == Oddity::Incomplete {
            up = up.map(|bins| bins.into_iter().take(chance.index(60) + 5).collect());
            end = (StopReason::Failed, Stop::Failed);
        }
        let rtt = draft.idle_rtt_us;
        let seen = series::acknowledged(&down, chance);
        Self {
            download: series::record(Counted::Acknowledged, seen, Stop::Client, rtt, chance),
            download_seen: down,
            upload: up.map(|bins| series::record(Counted::Received, bins, end.1, rtt, chance)),
            end,
        }
    }

    /// Time from the start of the session to its receipt, milliseconds.
    fn took_ms(&self) -> u64 {
        let upload = self
            .upload
            .as_ref()
            .map_or(0, |record| record.duration_us.0);
        1_500 + (self.download.duration_us.0 + upload) / 1_000
    }
}

fn observed(draft: &Draft, directions: &Directions, chance: &mut Chance) -> Observed {
    let (idle, load) = PROBES;
    let queue = chance.within(1.4, 3.5);
    let download_end = directions
        .upload
        .as_ref()
        .map_or(directions.end.0, |_| StopReason::Fixed);
    let upload = directions.upload.as_ref();
    Observed {
        download: Some(series::observed(&directions.download_seen, download_end)),
        upload: upload.map(|record| series::observed(&record.bins_bytes, directions.end.0)),
        idle: Some(probes(idle, draft.idle_rtt_us, 0.08, chance)),
        working_download: Some(probes(load, draft.idle_rtt_us * queue, 0.25, chance)),
        working_upload: upload.map(|_| probes(load, draft.idle_rtt_us * queue * 1.3, 0.3, chance)),
        connection: Some(WEBSOCKET.into()),
        ..Observed::default()
    }
}

fn probes(sent: u32, median_us: f64, log_sd: f64, chance: &mut Chance) -> Probes {
    let mut probes = Probes::default();
    for _ in 0..sent {
        let rtt = Micros(u64::from(series::whole(median_us * chance.factor(log_sd))));
        let lost = chance.happens(PROBE_LOSS);
        probes.push(if lost {
            Delay::Undefined
        } else {
            Delay::Defined(rtt)
        });
    }
    probes
}

fn context(plan: &Plan, draft: &Draft, chance: &mut Chance) -> Context {
    let mobile = draft.technology.is_some();
    let number = Chance::of(&[plan.seed, 6, draft.ward as u64, u64::from(draft.device)]).next();
    // What an address does not tell, the device has to.
    let declares = mobile || chance.happens(0.5);
    Context {
        measured_at: at(draft.started_ms + chance.whole(0.0, 400.0)),
        position: draft.position,
        network: Some(if mobile {
            Network::Mobile
        } else {
            Network::Wifi
        }),
        technology: draft.technology,
        operator: declares.then(|| draft.operator.id.into()),
        device: format!("sim-{number:016x}"),
        unit: None,
        app: App {
            name: "simulation".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        },
        mock_location: None,
        roaming: None,
        mcc_mnc: None,
    }
}

fn receipt(
    plan: &Plan,
    draft: &Draft,
    nonce: &str,
    directions: Directions,
    observed: &Observed,
    chance: &mut Chance,
) -> ReceiptV1 {
    let issued_ms = draft.started_ms + directions.took_ms();
    let probes = [
        &observed.idle,
        &observed.working_download,
        &observed.working_upload,
    ];
    let echoes = probes
        .into_iter()
        .flatten()
        .map(|probes| probes.received)
        .sum();
    ReceiptV1 {
        receipt: receipt::Version::V1,
        test_id: test_id(draft.started_ms, chance),
        method: metric::METHOD,
        protocol: "ispeed.v1".into(),
        mode: "full".into(),
        audit: false,
        site: plan.site.clone(),
        software: env!("CARGO_PKG_VERSION").into(),
        client_prefix: draft.operator.prefix(chance),
        nonce_sha256: nonce_sha256(nonce),
        started_at: at(draft.started_ms),
        issued_at: at(issued_ms),
        expires_at: at(issued_ms + RECEIPT_MS),
        download: Some(directions.download),
        upload: directions.upload,
        latency: Some(LatencyRecord { echoes }),
        key_id: String::new(),
        signature: String::new(),
    }
}

/// A UUIDv7 whose random part follows from the seed.
fn test_id(started_ms: u64, chance: &mut Chance) -> uuid::Uuid {
    let mut random = [0; 10];
    for byte in &mut random {
        *byte = chance.next().to_le_bytes()[0];
    }
    uuid::Builder::from_unix_timestamp_millis(started_ms, &random).into_uuid()
}
