//! What follows from a verified test: figures, operator, technology, place.

use h3o::{LatLng, Resolution};
use jiff::Timestamp;
use metric::bottleneck;
use metric::consistency::{self, Verified};
use metric::goodput::Estimate;
use metric::month::civil_date;
use metric::position::Position;
use metric::submission::Context;
use metric::unit::BitRate;
use metric::validity::{Facts, Placement};

use super::Tables;
use crate::access::{OperatorSource, Technology, UNKNOWN_OPERATOR};
use crate::operator::{Assigned, OperatorTable};
use crate::store::test::Derived;

/// What follows from a test, and what the rules look at, but for repeats.
pub(super) fn derive(
    verified: &Verified,
    position: Option<&Position>,
    tables: &Tables<'_>,
    now: Timestamp,
) -> (Derived, Facts) {
    let (receipt, submission) = (verified.receipt(), verified.submission());
    let (context, observed) = (&submission.context, &submission.observed);
    let assigned = tables.operators.of_address(receipt.client_prefix.network());
    let mobile = mobile(context, assigned.as_ref());
    let (operator, operator_source) = operator(context, assigned.as_ref(), tables.operators);
    let day = civil_date(receipt.started_at);
    let placed = position.map(|position| tables.areas.place(position, day, tables.limits));
    let (download, upload) = (download(verified), upload(verified));
    let facts = Facts {
        complete: download.is_some() && upload.is_some(),
        measured_at: receipt.started_at,
        received_at: now,
        mobile,
        placement: placed
            .as_ref()
            .map_or(Placement::Unlocated, |p| p.placement),
        repeats: false,
        client_limited: bottleneck::client_limited(observed),
    };
    let derived = Derived {
        area: placed.and_then(|p| p.area).map(|area| area.key.clone()),
        operator,
        operator_source,
        asn: assigned.map(|assigned| assigned.asn),
        technology: Technology::of(mobile, context.technology),
        cells: position.and_then(cells),
        download,
        upload,
        idle_rtt: observed.idle_rtt(),
        working_rtt: observed.working_rtt(),
    };
    (derived, facts)
}

/// Download from the client's bins, as goodput is counted at the receiver.
fn download(verified: &Verified) -> Option<BitRate> {
    let seen = verified.receipt().download.as_ref()?;
    let claim = verified.submission().observed.download.as_ref()?;
    consistency::download(verified.law(), claim, seen).map(rate)
}

/// Upload from the site's bins and nothing else.
fn upload(verified: &Verified) -> Option<BitRate> {
    consistency::upload(verified.law(), verified.receipt().upload.as_ref()?).map(rate)
}

const fn rate(estimate: Estimate) -> BitRate {
    estimate.goodput
}

/// Declared mobile; or nothing declared, and the address is of a network that
/// is mobile only. Wi-Fi and cable never are.
fn mobile(context: &Context, assigned: Option<&Assigned<'_>>) -> bool {
    use metric::submission::Network;
    match context.network {
        Some(Network::Mobile) => true,
        Some(Network::Wifi | Network::Ethernet) => false,
        None => assigned.is_some_and(|assigned| assigned.mobile_only),
    }
}

/// The address says more than a person; who is in neither is unknown.
fn operator(
    context: &Context,
    assigned: Option<&Assigned<'_>>,
    table: &OperatorTable,
) -> (String, OperatorSource) {
    let seen = assigned.and_then(|assigned| assigned.operator);
    let said = || context.operator.as_deref().and_then(|n| table.by_name(n));
    let found = seen
        .map(|operator| (operator, OperatorSource::Address))
        .or_else(|| Some((said()?, OperatorSource::Declared)));
    found.map_or_else(
        || (UNKNOWN_OPERATOR.to_owned(), OperatorSource::Unknown),
        |(operator, source)| (operator.id.clone(), source),
    )
}

fn cells(position: &Position) -> Option<[u64; 2]> {
    let at = LatLng::new(position.latitude(), position.longitude()).ok()?;
    let cell = |resolution| u64::from(at.to_cell(resolution));
    Some([cell(Resolution::Eight), cell(Resolution::Nine)])
}
