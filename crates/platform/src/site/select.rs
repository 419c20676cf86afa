//! Which sites a client is offered, and why.

use jiff::Timestamp;
use wire::locate;
use wire::roster::spec;
use wire::roster::standing::{Candidate, Reason};

use super::standing::trouble;
use crate::store::site::Site;

/// What is known of the client that asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Caller {
    /// Autonomous system that announces its address.
    pub asn: Option<u32>,
    /// Operator of that system.
    pub operator: Option<String>,
    /// Province it says it is in.
    pub province: Option<String>,
}

/// A site that is offered, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offered<'a> {
    /// The site.
    pub site: &'a Site,
    /// The strongest reason that holds.
    pub reason: Reason,
}

/// At most four of the sites that are well, in the order of preference.
///
/// First those in the client's own network, at most two, then those at an
/// exchange: at least one of them is always among the four, so that no
/// operator is judged inside its own network alone. Then the client's
/// province, then whoever has room. Within each, a busy site (60 % of its
/// capacity) stands behind one that is not; then the more room in bit/s, the
/// earlier; then the name.
pub fn nearest<'a>(sites: &'a [Site], caller: &Caller, now: Timestamp) -> Vec<Offered<'a>> {
    let well = sites.iter().filter(|site| trouble(site, now).is_none());
    let mut offers: Vec<_> = well
        .map(|site| Offered {
            site,
            reason: reason(site, caller),
        })
        .collect();
    offers.sort_by_cached_key(|offer| {
        let name = offer.site.description.name.clone();
        (
            offer.reason,
            is_busy(offer.site),
            u64::MAX - room(offer.site),
            name,
        )
    });
    let on_net = offers.iter().filter(|o| o.reason == Reason::OnNet).count();
    // More than two of one's own network give way to the others, if there are any.
    let others = offers.split_off(on_net.min(MAX_ON_NET));
    let (own, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|o| o.reason == Reason::OnNet);
    offers.extend(others);
    offers.extend(own);
    offers.truncate(spec::MAX_CANDIDATES);
    offers
}

const MAX_ON_NET: usize = 2;

fn reason(site: &Site, caller: &Caller) -> Reason {
    let d = &site.description;
    if is_on_net(site, caller) == Some(true) {
        Reason::OnNet
    } else if d.exchange.is_some() {
        Reason::Exchange
    } else if d.province.is_some() && d.province == caller.province {
        Reason::Province
    } else {
        Reason::Load
    }
}

/// Whether a site stands in the client's own network; `None` where nothing is
/// known of the client. A site at an exchange is off-net for everybody.
fn is_on_net(site: &Site, caller: &Caller) -> Option<bool> {
    let d = &site.description;
    if d.exchange.is_some() {
        return Some(false);
    }
    caller.asn?;
    let system = d.asn.is_some() && d.asn == caller.asn;
    let operator = d.operator.is_some() && d.operator == caller.operator;
    Some(system || operator)
}

fn utilisation(site: &Site) -> u32 {
    let beat = site.heartbeat.as_ref();
    beat.map_or(0, |(_, beat)| beat.utilisation_percent)
}

fn is_busy(site: &Site) -> bool {
    utilisation(site) >= spec::BUSY_PERCENT
}

/// What its line has left, bit/s.
fn room(site: &Site) -> u64 {
    let free = u64::from(100_u32.saturating_sub(utilisation(site)));
    site.description.capacity_bits_per_second / 100 * free
}

impl Offered<'_> {
    /// As our clients read it.
    pub fn candidate(&self, caller: &Caller) -> Candidate {
        let d = &self.site.description;
        Candidate {
            site: d.name.clone(),
            reason: self.reason,
            on_net: is_on_net(self.site, caller),
            city: Some(d.city.clone()),
            exchange: d.exchange.clone(),
            urls: d.urls.clone(),
            ipv4_url: d.ipv4_url.clone(),
            ipv6_url: d.ipv6_url.clone(),
        }
    }

    /// As clients of Locate read it.
    pub fn target(&self) -> locate::Candidate {
        let d = &self.site.description;
        let authority = |secure| d.url(secure).map(|url| url.authority().to_owned());
        locate::Candidate {
            machine: d.name.clone(),
            plain: authority(false),
            secure: authority(true),
            city: d.city.clone(),
            country: d.country.clone(),
            access_token: None,
        }
    }
}
