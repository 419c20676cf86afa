//! Whether a site is well enough to send clients to.

use jiff::Timestamp;
use wire::roster::notice::Health;
use wire::roster::spec;
use wire::roster::standing::State;

use crate::store::site::{Probe, Site};

/// Why clients are not sent to a site; the first that holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// Nobody has approved it, it is suspended, or it left.
    NotApproved,
    /// No heartbeat for 90 s.
    Silent,
    /// It takes no more tests.
    Full,
    /// Its last probe failed over every family that was tried.
    Unreachable,
}

impl Trouble {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotApproved => "not_approved",
            Self::Silent => "silent",
            Self::Full => "full",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What keeps clients from a site now; `None` when it is well.
///
/// A site that was not probed yet is believed: its heartbeat and an operator's
/// approval speak for it.
pub fn trouble(site: &Site, now: Timestamp) -> Option<Trouble> {
    if site.state != State::Approved {
        return Some(Trouble::NotApproved);
    }
    let fresh = |at: Timestamp| now.duration_since(at).as_secs() <= spec::STALE_SECONDS;
    let Some((_, beat)) = site.heartbeat.as_ref().filter(|(at, _)| fresh(*at)) else {
        return Some(Trouble::Silent);
    };
    if beat.health == Health::Full || beat.utilisation_percent >= spec::FULL_PERCENT {
        return Some(Trouble::Full);
    }
    let probes = [&site.ipv4, &site.ipv6];
    let mut tried = probes.into_iter().flatten().peekable();
    let failed = |probe: &Probe| probe.outcome.is_err();
    (tried.peek().is_some() && tried.all(failed)).then_some(Trouble::Unreachable)
}
