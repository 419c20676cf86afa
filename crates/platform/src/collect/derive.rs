//! What follows from a verified test: figures, operator, technology, place.

use std::net::IpAddr;

use h3o::{LatLng, Resolution};
use jiff::Timestamp;
use metric::bottleneck;
use metric::consistency::{self, Law, Verified};
use metric::goodput::Estimate;
use metric::month::civil_date;
use metric::position::Position;
use metric::receipt::ReceiptV1;
use metric::submission::{Context, Network, Observed};
use metric::unit::BitRate;
use metric::validity::{Facts, Limits, Placement, trace_shape};

use super::Tables;
use crate::access::{OperatorSource, Technology, UNKNOWN_OPERATOR};
use crate::operator::{Assigned, OperatorTable};
use crate::store::test::Derived;

/// What a test is derived from: the parts that the store keeps.
pub(super) struct Evidence<'a> {
    /// What the site signed.
    pub(super) receipt: &'a ReceiptV1,
    /// What the client saw.
    pub(super) observed: &'a Observed,
    /// The circumstances.
    pub(super) context: &'a Context,
    /// Edition and mode of the method that the test was measured by.
    pub(super) law: Law,
}

impl<'a> Evidence<'a> {
    /// Of a test on its way in.
    pub(super) fn of(verified: &'a Verified) -> Self {
        let submission = verified.submission();
        Self {
            receipt: verified.receipt(),
            observed: &submission.observed,
            context: &submission.context,
            law: verified.law(),
        }
    }

    /// Download as the centre estimates it.
    fn download(&self) -> Option<BitRate> {
        let (seen, claim) = (
            self.receipt.download.as_ref()?,
            self.observed.download.as_ref()?,
        );
        consistency::download(self.law, claim, seen).map(rate)
    }

    /// Upload from what the site saw and nothing else.
    fn upload(&self) -> Option<BitRate> {
        consistency::upload(self.law, self.receipt.upload.as_ref()?).map(rate)
    }

    /// Shape of the trace that the client counted itself, and so could invent.
    fn trace_shape(&self) -> Option<u64> {
        trace_shape(&self.observed.download.as_ref()?.bins_bytes)
    }
}

/// What follows from a test, and what the rules look at, but for what other
/// tests say.
pub(super) fn derive(
    evidence: &Evidence<'_>,
    position: Option<&Position>,
    tables: &Tables<'_>,
    received_at: Timestamp,
) -> (Derived, Facts) {
    let (receipt, context) = (evidence.receipt, evidence.context);
    let address = receipt.client_prefix.network();
    let assigned = tables.operators.of_address(address);
    let mobile = mobile(context, assigned.as_ref());
    let (operator, operator_source) = operator(context, assigned.as_ref(), tables.operators);
    let day = civil_date(receipt.started_at);
    let placed = position.map(|position| tables.areas.place(position, day, tables.limits));
    let derived = Derived {
        area: placed.and_then(|p| p.area).map(|area| area.key.clone()),
        operator,
        operator_source,
        asn: assigned.as_ref().map(|assigned| assigned.asn),
        technology: Technology::of(mobile, context.technology),
        cells: position.and_then(cells),
        download: evidence.download(),
        upload: evidence.upload(),
        idle_rtt: evidence.observed.idle_rtt(),
        working_rtt: evidence.observed.working_rtt(),
        mobilised: context.unit.is_some(),
        trace_shape: evidence.trace_shape(),
    };
    let placement = placed
        .as_ref()
        .map_or(Placement::Unlocated, |p| p.placement);
    let facts = Facts {
        complete: derived.download.is_some() && derived.upload.is_some(),
        measured_at: receipt.started_at,
        received_at,
        mobile,
        placement,
        repeats: false,
        client_limited: bottleneck::client_limited(evidence.observed),
        over_cap: false,
        mock_location: context.mock_location == Some(true),
        travels: false,
        operator_differs: differs(context, assigned.as_ref(), tables.operators),
        roaming_or_vpn: roaming_or_vpn(context, assigned.as_ref()),
        foreign_address: assigned.is_none() && is_foreign(address, tables),
        implausible: is_too_fast(&derived, mobile, tables.limits),
    };
    (derived, facts)
}

/// Whether the person or the device names another operator than the address.
fn differs(context: &Context, assigned: Option<&Assigned<'_>>, table: &OperatorTable) -> bool {
    let seen = assigned.and_then(|assigned| assigned.operator);
    let names = [&context.operator, &context.mcc_mnc];
    let named = names.into_iter().flatten().filter_map(|n| table.by_name(n));
    seen.is_some_and(|seen| named.into_iter().any(|said| said.id != seen.id))
}

/// Roaming by its own word; or mobile, and behind the address of an operator
/// that has no mobile network.
fn roaming_or_vpn(context: &Context, assigned: Option<&Assigned<'_>>) -> bool {
    let fixed = |assigned: &Assigned<'_>| assigned.operator.is_some_and(|o| !o.mobile);
    context.roaming == Some(true)
        || context.network == Some(Network::Mobile) && assigned.is_some_and(fixed)
}

/// Whether an address that no known network has is one of another country: a
/// public one, and the table is that of the whole country.
fn is_foreign(address: IpAddr, tables: &Tables<'_>) -> bool {
    let public = match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            let inside = v4.is_private() || v4.is_loopback() || v4.is_link_local();
            !(inside || shared || v4.is_documentation())
        }
        IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000 && v6.segments()[1] != 0x0db8,
    };
    tables.limits.foreign_addresses && public && tables.operators.is_national()
}

/// Whether either direction is faster than its technology or a site can be.
fn is_too_fast(derived: &Derived, mobile: bool, limits: &Limits) -> bool {
    let generation = match derived.technology {
        Technology::G2 => Some(2),
        Technology::G3 => Some(3),
        Technology::G4 => Some(4),
        Technology::G5 | Technology::MobileOther => Some(5),
        Technology::Fixed => None,
    };
    let generation = generation.filter(|_| mobile);
    let rates = [derived.download, derived.upload];
    let mut rates = rates.into_iter().flatten();
    rates.any(|rate| limits.is_too_fast(rate.0, generation))
}

const fn rate(estimate: Estimate) -> BitRate {
    estimate.goodput
}

/// Declared mobile; or nothing declared, and the address is of a network that
/// is mobile only. Wi-Fi and cable never are.
fn mobile(context: &Context, assigned: Option<&Assigned<'_>>) -> bool {
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
