//! The result as one JSON object. Keys of what was not measured are absent.

use metric::bottleneck::{self, Bottleneck};
use metric::receipt::SubtestRecord;
use metric::submission::ObservedSubtest;
use serde_json::{Map, Value, json};

use super::latency;
use crate::run::Outcome;
use crate::submit::Acknowledged;

/// What became of the submission.
#[derive(Clone, Debug)]
pub enum Submitted {
    /// Nobody wanted it.
    NotWanted,
    /// There was no receipt to submit.
    NoReceipt,
    /// The collector has it.
    Acknowledged(Box<Acknowledged>),
    /// It waits on the disk; with the reason.
    Queued(String),
    /// The collector does not take it; with the reason.
    Refused(String),
}

impl Submitted {
    const fn name(&self) -> &'static str {
        match self {
            Self::NotWanted => "not_wanted",
            Self::NoReceipt => "no_receipt",
            Self::Acknowledged(_) => "acknowledged",
            Self::Queued(_) => "queued",
            Self::Refused(_) => "refused",
        }
    }

    /// Whether the test is where it should be.
    pub const fn is_safe(&self) -> bool {
        !matches!(self, Self::NoReceipt | Self::Refused(_))
    }
}

/// The object that `ispeed test --json` prints.
pub fn json(outcome: &Outcome, submitted: &Submitted) -> Value {
    let observed = &outcome.observed;
    let mut out = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.into(), value);
        }
    };
    put("test_id", Some(json!(outcome.session.test_id)));
    put("site", Some(json!(outcome.session.site)));
    put("method", Some(json!(outcome.session.method)));
    put("mode", Some(json!(outcome.session.mode)));
    let receipt = outcome.receipt.as_ref();
    let by = [
        bottleneck::download(receipt, observed),
        bottleneck::upload(receipt, observed),
    ];
    let down = receipt.and_then(|receipt| receipt.download.as_ref());
    let up = receipt.and_then(|receipt| receipt.upload.as_ref());
    put(
        "download",
        observed
            .download
            .as_ref()
            .map(|seen| subtest(seen, down, by[0])),
    );
    put(
        "upload",
        observed
            .upload
            .as_ref()
            .map(|seen| subtest(seen, up, by[1])),
    );
    put("idle_rtt_us", observed.idle_rtt().map(|rtt| json!(rtt)));
    put(
        "working_rtt_us",
        observed.working_rtt().map(|rtt| json!(rtt)),
    );
    put("latency", Some(latency::latency(observed)));
    put("loss", latency::loss(observed));
    put("selection", observed.selection.as_ref().map(|s| json!(s)));
    put("ipv4", observed.ipv4.map(|family| json!(family)));
    put("ipv6", observed.ipv6.map(|family| json!(family)));
    put("complete", Some(json!(outcome.is_complete())));
    put(
        "trouble",
        outcome.trouble.map(|trouble| json!(trouble.code())),
    );
    put("audit", outcome.session.audit.then_some(json!(true)));
    put("data", outcome.session.data.map(|data| json!(data)));
    put("used_bytes", Some(json!(outcome.used_bytes())));
    put("submission", Some(json!(submitted.name())));
    match submitted {
        Submitted::Acknowledged(known) => {
            put("state", Some(json!(known.state)));
            put("reasons", Some(json!(known.reasons)));
            put("area", known.more.get("area").cloned());
        }
        Submitted::Queued(why) | Submitted::Refused(why) => put("why", Some(json!(why))),
        Submitted::NotWanted | Submitted::NoReceipt => {}
    }
    put("receipt", receipt.map(|receipt| json!(receipt)));
    Value::Object(out)
}

fn subtest(
    subtest: &ObservedSubtest,
    signed: Option<&SubtestRecord>,
    by: Option<Bottleneck>,
) -> Value {
    let mut out = Map::new();
    out.insert("bytes".into(), json!(subtest.bytes));
    out.insert("duration_us".into(), json!(subtest.duration_us));
    out.insert("stop_reason".into(), json!(subtest.stop_reason));
    out.insert("bins_bytes".into(), json!(subtest.bins_bytes));
    if let Some(rate) = subtest.goodput_bits_per_second {
        out.insert("goodput_bits_per_second".into(), json!(rate));
    }
    if let Some(interval) = subtest.interval_bits_per_second {
        out.insert("interval_bits_per_second".into(), json!(interval));
    }
    if let Some(p90) = subtest.p90_bits_per_second {
        out.insert("p90_bits_per_second".into(), json!(p90));
    }
    if let Some(mean) = subtest.mean_bits_per_second {
        out.insert("mean_bits_per_second".into(), json!(mean));
    }
    if let Some(ramp) = subtest.ramp_us {
        out.insert("ramp_us".into(), json!(ramp));
    }
    if let Some(record) = signed {
        out.insert("streams".into(), json!(record.streams.len()));
    }
    if let Some(by) = by {
        out.insert("limited_by".into(), json!(by));
    }
    if let Some(left) = subtest.startup_left_us {
        out.insert("startup_left_us".into(), json!(left));
    }
    if let Some(share) = subtest.lag_share_per_mille {
        out.insert("lag_share_per_mille".into(), json!(share));
    }
    if let Some(share) = subtest.cpu_share_per_mille {
        out.insert("cpu_share_per_mille".into(), json!(share));
    }
    Value::Object(out)
}
