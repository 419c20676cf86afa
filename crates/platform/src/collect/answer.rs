//! The rules applied, and the answer to the sender: `GET /api/v1/tests/{id}`.

use anyhow::Result;
use jiff::Timestamp;
use metric::EDITION;
use metric::bottleneck::{self, Bottleneck};
use metric::key::Purpose;
use metric::unit::{BitRate, Micros};
use metric::validity::{Facts, Reason, State, Use, counts_for, judge as reasons, state};
use serde::Serialize;
use uuid::Uuid;

use super::Tables;
use crate::access::OperatorSource;
use crate::store::history::History;
use crate::store::test::{Entry, Judged};
use crate::table::AreaSummary;

/// Applies the rules and writes the answer.
pub(super) fn judge(
    entry: &Entry,
    facts: &Facts,
    history: History,
    tables: &Tables<'_>,
) -> Result<Judged> {
    let reasons = reasons(&with(facts, history), tables.limits, EDITION);
    let answer = Answer::of(entry, &reasons, tables);
    Ok(Judged {
        body: serde_json::to_string(&answer)?,
        reasons,
    })
}

/// The facts with what earlier tests say.
pub(super) const fn with(facts: &Facts, history: History) -> Facts {
    Facts {
        repeats: history.repeats,
        over_cap: history.over_cap,
        travels: history.travels,
        implausible: facts.implausible || history.copied,
        ..*facts
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    test_id: Uuid,
    state: State,
    reasons: &'a [Reason],
    counts_for: Vec<Use>,
    edition: u16,
    synthetic: bool,
    measured_at: Timestamp,
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<AreaSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<&'a str>,
    technology: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_bits_per_second: Option<BitRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_bits_per_second: Option<BitRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_rtt_us: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_rtt_us: Option<Micros>,
    /// What limited each direction, where one was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    download_limited_by: Option<Bottleneck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_limited_by: Option<Bottleneck>,
    site: &'a str,
}

impl<'a> Answer<'a> {
    fn of(entry: &'a Entry, reasons: &'a [Reason], tables: &Tables<'_>) -> Self {
        let (receipt, derived) = (entry.verified.receipt(), &entry.derived);
        let observed = &entry.verified.submission().observed;
        let known = derived.operator_source != OperatorSource::Unknown;
        Self {
            test_id: receipt.test_id,
            state: state(reasons),
            reasons,
            counts_for: public_uses(reasons),
            edition: EDITION,
            synthetic: entry.verified.purpose() == Purpose::Simulation,
            measured_at: receipt.started_at,
            received_at: entry.received_at,
            area: area(entry, tables),
            operator: known.then_some(derived.operator.as_str()),
            technology: derived.technology.code(),
            download_bits_per_second: derived.download,
            upload_bits_per_second: derived.upload,
            idle_rtt_us: derived.idle_rtt,
            working_rtt_us: derived.working_rtt,
            download_limited_by: bottleneck::download(Some(receipt), observed),
            upload_limited_by: bottleneck::upload(Some(receipt), observed),
            site: &receipt.site,
        }
    }
}

fn area(entry: &Entry, tables: &Tables<'_>) -> Option<AreaSummary> {
    let key = entry.derived.area.as_ref()?;
    let area = tables.areas.areas().iter().find(|area| area.key == *key);
    area.map(AreaSummary::from)
}

/// The uses of the contract: which quota rule is in force is the campaign's
/// matter, so `quota` stands for the one without repeats.
fn public_uses(reasons: &[Reason]) -> Vec<Use> {
    let mut uses = counts_for(reasons);
    uses.retain(|r#use| *r#use != Use::QuotaRaw);
    uses
}
