//! IPv4 and IPv6: which of them a test uses, and how each reaches the site.

use std::net::SocketAddr;

use metric::selection::Reachable;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use wire::native::spec;

use crate::http::{Base, within};
use crate::reach::{Family, no_address, ping};
use crate::{Error, Reached};

/// Where a test goes, and how both families reach the place.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    /// The place at the address that won.
    pub(crate) base: Base,
    /// How IPv4 reaches it; absent where there was nothing to try.
    pub(crate) ipv4: Option<Reachable>,
    /// How IPv6 reaches it; the same.
    pub(crate) ipv6: Option<Reachable>,
}

/// Chooses an address by happy eyeballs (RFC 8305), and pings the place over
/// both families. `only` forces one; then the other is not tried.
///
/// `of_family` are places that are the same site over IPv4 and over IPv6
/// alone, where it has such names.
///
/// # Errors
///
/// When no address can be connected to.
pub(crate) async fn settle(
    base: &Base,
    of_family: [Option<Base>; 2],
    only: Option<Family>,
) -> Result<Settled, Error> {
    let addresses = base.addresses().await?;
    let wanted = |address: &SocketAddr| only.is_none_or(|f| f == Family::of(*address));
    let usable: Vec<_> = addresses.iter().copied().filter(wanted).collect();
    let winner = race(interleaved(usable)).await;
    let winner = winner.map_err(|error| error.unwrap_or_else(|| no_address(only)))?;
    let reach = |family: Family, named: Option<Base>| {
        let at = |address: &SocketAddr| (Family::of(*address) == family).then_some(*address);
        // The address that won stands for its family.
        let found = at(&winner).or_else(|| addresses.iter().find_map(at));
        let place = found.map(|address| base.at(address)).or(named);
        let place = place.filter(|_| only.is_none_or(|only| only == family));
        async move {
            Some(reachable(
                ping(&place?, Some(family), spec::FAMILY_PINGS).await,
            ))
        }
    };
    let [named4, named6] = of_family;
    let (ipv4, ipv6) = tokio::join!(reach(Family::V4, named4), reach(Family::V6, named6));
    Ok(Settled {
        base: base.at(winner),
        ipv4,
        ipv6,
    })
}

fn reachable(pinged: Result<Reached, Error>) -> Reachable {
    Reachable {
        available: pinged.is_ok(),
        rtt_us: pinged.ok().and_then(|reached| reached.probes.median()),
    }
}

/// Families in turn, IPv6 first (RFC 8305 §4); within one, in the order of the
/// resolver.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.into_iter().partition(SocketAddr::is_ipv6);
    let longest = v6.len().max(v4.len());
    let at = |n: usize| [v6.get(n).copied(), v4.get(n).copied()];
    (0..longest).flat_map(at).flatten().collect()
}

/// The address that is connected first, when each has a head start of 250 ms
/// over the next, or until it has failed (RFC 8305 §5).
///
/// Errors with that of the last one; `None` when there was no address.
async fn race(addresses: Vec<SocketAddr>) -> Result<SocketAddr, Option<Error>> {
    let mut attempts = JoinSet::new();
    let mut waiting = addresses.into_iter().peekable();
    let mut last = None;
    loop {
        if let Some(address) = waiting.next() {
            attempts.spawn(async move {
                within(TcpStream::connect(address)).await??;
                Ok::<_, Error>(address)
            });
        }
        let more = waiting.peek().is_some();
        tokio::select! {
            done = attempts.join_next() => match done {
                Some(Ok(Ok(address))) => return Ok(address),
                Some(Ok(Err(error))) => last = Some(error),
                Some(Err(_)) => {}
                None if !more => return Err(last),
                None => {}
            },
            () = tokio::time::sleep(spec::ATTEMPT_DELAY.duration()), if more => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_take_turns_and_ipv6_begins() {
        let order = interleaved(
            ["1.1.1.1:1", "2.2.2.2:1", "[::3]:1", "3.3.3.3:1"]
                .map(address)
                .into(),
        );
        let want = ["[::3]:1", "1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"].map(address);
        assert_eq!(order, want);
    }

    #[tokio::test]
    async fn ipv6_wins_where_both_are_there() {
        let v4 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let Ok(v6) = TcpListener::bind("[::1]:0").await else {
            return; // This machine has no IPv6.
        };
        let both = [&v4, &v6].map(|l| l.local_addr().unwrap());
        let winner = race(interleaved(both.into())).await.unwrap();
        assert_eq!(winner, both[1]);
    }

    #[tokio::test]
    async fn a_refused_family_costs_no_waiting_and_the_other_is_used() {
        let v4 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = {
            let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let there = v4.local_addr().unwrap();
        assert_eq!(race(vec![refused, there]).await.unwrap(), there);
        assert!(matches!(race(vec![refused]).await, Err(Some(_))));
        assert!(matches!(race(vec![]).await, Err(None)));
    }

    #[tokio::test]
    async fn a_silent_address_does_not_hold_up_the_next() {
        let v4 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = v4.local_addr().unwrap();
        // TEST-NET-1 (RFC 5737): nobody answers, or there is no route at all.
        let winner = race(vec![address("192.0.2.1:9"), there]).await;
        assert_eq!(winner.unwrap(), there);
    }
}
