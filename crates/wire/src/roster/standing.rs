//! What a centre answers: how a site stands, and which sites a client may use.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::address::SiteUrl;

/// How a site stands with its centre.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for approval.
    Pending,
    /// It is used while it is well.
    Approved,
    /// The centre does not use it.
    Suspended,
    /// It went.
    Left,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Suspended, Self::Left];

    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Suspended => "suspended",
            Self::Left => "left",
        }
    }

    /// The state of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The answer to a notice.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Standing {
    /// The site.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// The centre's clock.
    pub now: Timestamp,
}

/// Sites for a client, the best guess first; the client measures and decides.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Nearest {
    /// At most four.
    pub candidates: Vec<Candidate>,
    /// Autonomous system of the client, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Its operator, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// A site that a client may use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Candidate {
    /// Its name.
    pub site: String,
    /// Why it is here.
    pub reason: Reason,
    /// Whether it stands in the client's own network; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_net: Option<bool>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Exchange it stands at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    /// Where it is reached, `https` first.
    pub urls: Vec<SiteUrl>,
    /// Where it is reached over IPv4 alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_url: Option<SiteUrl>,
    /// Where it is reached over IPv6 alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_url: Option<SiteUrl>,
}

/// Why a site is among the candidates; the strongest that holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It stands in the client's autonomous system or with its operator.
    OnNet,
    /// It stands at an exchange.
    Exchange,
    /// It stands in the province the client asked for.
    Province,
    /// It has room.
    Load,
    /// It is the centre's own.
    Here,
}

impl Reason {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnNet => "on_net",
            Self::Exchange => "exchange",
            Self::Province => "province",
            Self::Load => "load",
            Self::Here => "here",
        }
    }
}
