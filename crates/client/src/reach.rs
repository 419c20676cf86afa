//! Whether and how fast a place is reached: pings over one kept HTTP
//! connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::StatusCode;
use hyper::client::conn::http1::SendRequest;
use metric::delay::{Delay, Probes};
use metric::unit::Micros;
use serde_json::Value;
use wire::native::spec;
use wire::roster;

use crate::Error;
use crate::http::{Base, ask, broken, within};

/// Family of addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, IPv4 first.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub const fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }

    /// Its name, `ipv4` or `ipv6`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

/// How a place was reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// The address that answered.
    pub address: SocketAddr,
    /// The pings, in order.
    pub probes: Probes,
}

impl Reached {
    /// The fastest answer.
    pub fn least(&self) -> Option<Micros> {
        let least = self.probes.rtt_us.iter().min();
        least.map(|&rtt| Micros(u64::from(rtt)))
    }
}

/// Pings a place so many times over its first address that answers, of one
/// family or of any.
///
/// # Errors
///
/// When no address answers, or what answers is no site.
pub async fn ping(base: &Base, family: Option<Family>, count: u32) -> Result<Reached, Error> {
    let (address, mut sender) = connect(base, family).await?;
    let probes = pings(base, &mut sender, count).await?;
    Ok(Reached { address, probes })
}

/// The same, after the place has said that it is well.
///
/// # Errors
///
/// Those of [`ping`]; or it is not well.
pub async fn health(base: &Base, family: Option<Family>, count: u32) -> Result<Reached, Error> {
    let (address, mut sender) = connect(base, family).await?;
    let request = base.getting(roster::spec::HEALTH_PATH)?;
    let (_, said) = ask::<Value>(&mut sender, request).await?;
    if said["status"] != "ok" {
        return Err(Error::Blocked(
            "what answers does not say it is well".into(),
        ));
    }
    let probes = pings(base, &mut sender, count).await?;
    Ok(Reached { address, probes })
}

async fn connect(
    base: &Base,
    family: Option<Family>,
) -> Result<(SocketAddr, SendRequest<Full<Bytes>>), Error> {
    let wanted = |address: &SocketAddr| family.is_none_or(|f| f == Family::of(*address));
    let addresses = base.addresses().await?;
    let mut last = no_address(family);
    for address in addresses.into_iter().filter(wanted) {
        match base.at(address).connect().await {
            Ok(sender) => return Ok((address, sender)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub(crate) fn no_address(family: Option<Family>) -> Error {
    let family = family.map_or("", Family::name);
    let why = format!("the name has no {family} address");
    Error::Network(std::io::Error::new(std::io::ErrorKind::NotFound, why))
}

/// One ping after another; one that is not answered breaks the connection, so
/// those after it are lost with it.
async fn pings(
    base: &Base,
    sender: &mut SendRequest<Full<Bytes>>,
    count: u32,
) -> Result<Probes, Error> {
    let mut probes = Probes::default();
    for sent in 0..count {
        match pinged(base, sender).await {
            Ok(rtt) => probes.push(Delay::Defined(rtt)),
            Err(error) if sent == 0 => return Err(error),
            Err(_) => (sent..count).for_each(|_| probes.push(Delay::Undefined)),
        }
        if probes.sent >= count {
            break;
        }
    }
    Ok(probes)
}

async fn pinged(base: &Base, sender: &mut SendRequest<Full<Bytes>>) -> Result<Micros, Error> {
    let request = base.getting(spec::PING_PATH)?;
    within(sender.ready()).await?.map_err(broken)?;
    let started = net::now();
    let answer = within(sender.send_request(request))
        .await?
        .map_err(broken)?;
    let rtt = Micros::from(net::now().duration_since(started));
    if answer.status() != StatusCode::NO_CONTENT {
        let status = answer.status();
        return Err(Error::Blocked(format!("a ping was answered with {status}")));
    }
    let _ = within(answer.into_body().collect()).await?;
    Ok(rtt)
}
