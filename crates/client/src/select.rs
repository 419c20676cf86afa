//! Which site a test runs against: the centre names candidates, pings decide.

use metric::selection::{Asked, Reachable, Selection, choose};
use metric::submission::Observed;
use tokio::task::JoinSet;
use wire::native::spec;
use wire::roster::address::SiteUrl;
use wire::roster::spec::{MAX_CANDIDATES, NEAREST_PATH};
use wire::roster::standing::{Candidate, Nearest};

use crate::family::settle;
use crate::http::Base;
use crate::{Error, Family, reach};

/// Where a test goes, and what is known of the way there before it begins.
#[derive(Clone, Debug)]
pub struct Target {
    /// The site at the address that won.
    pub base: Base,
    /// Who was asked, and why this one was taken.
    pub selection: Selection,
    /// How IPv4 reaches it; absent where there was nothing to try.
    pub ipv4: Option<Reachable>,
    /// How IPv6 reaches it; the same.
    pub ipv6: Option<Reachable>,
}

impl Target {
    /// Writes what is known into what a test saw.
    pub fn note(&self, observed: &mut Observed) {
        observed.selection = Some(self.selection.clone());
        (observed.ipv4, observed.ipv6) = (self.ipv4, self.ipv6);
    }
}

/// Reads a URL of a site; whoever calls knows whom to trust.
type Open<'a> = &'a (dyn Fn(&str) -> Result<Base, Error> + Sync);

/// Finds the site of a test: the one that is named, or the nearest of those
/// that the centre names. `only` forces a family of addresses; `chance`, any
/// number, breaks ties.
///
/// # Errors
///
/// When the centre cannot be asked, or no site answers.
pub async fn aim(
    site: Option<&Base>,
    centre: &Base,
    open: Open<'_>,
    only: Option<Family>,
    chance: u64,
) -> Result<Target, Error> {
    let (base, of_family, selection) = match site {
        Some(site) => (site.clone(), [None, None], Selection::forced()),
        None => Box::pin(select(centre, open, only, chance)).await?,
    };
    let settled = Box::pin(settle(&base, of_family, only)).await?;
    Ok(Target {
        base: settled.base,
        selection,
        ipv4: settled.ipv4,
        ipv6: settled.ipv6,
    })
}

type Chosen = (Base, [Option<Base>; 2], Selection);

/// Asks a centre for candidates, pings them all at once, and takes the
/// nearest. A centre that knows no sites is taken for the only one itself.
async fn select(
    centre: &Base,
    open: Open<'_>,
    only: Option<Family>,
    chance: u64,
) -> Result<Chosen, Error> {
    let nearest: Nearest = match centre.get(NEAREST_PATH).await {
        Ok(nearest) => nearest,
        // An older centre has no such path, and is a site itself.
        Err(Error::Refused(problem)) if problem.status == 404 => Nearest::default(),
        Err(error) => return Err(error),
    };
    if nearest.candidates.is_empty() {
        return Ok((centre.clone(), [None, None], Selection::only(None)));
    }
    let asked = ask(nearest.candidates, open, only).await;
    let seen = asked.iter().map(|asked| asked.seen.clone()).collect();
    let selection = choose(seen, spec::CHOICE_TIE, chance);
    let chosen = selection.chosen.as_deref();
    let mut asked = asked.into_iter();
    let found = asked.find(|asked| Some(asked.seen.site.as_str()) == chosen);
    match found.and_then(|found| Some((found.answered?, found.of_family))) {
        Some((base, of_family)) => Ok((base, of_family, selection)),
        None => Err(unreachable(&selection)),
    }
}

/// A candidate, and the place that answered for it.
struct Ping {
    seen: Asked,
    places: Vec<Base>,
    of_family: [Option<Base>; 2],
    answered: Option<Base>,
}

/// Pings every candidate; in the order they were named.
async fn ask(candidates: Vec<Candidate>, open: Open<'_>, only: Option<Family>) -> Vec<Ping> {
    let mut pings = JoinSet::new();
    for (place, candidate) in candidates.into_iter().take(MAX_CANDIDATES).enumerate() {
        let ping = Ping::of(candidate, open);
        pings.spawn(async move { (place, ping.ask(only).await) });
    }
    let mut asked = pings.join_all().await;
    asked.sort_by_key(|(place, _)| *place);
    asked.into_iter().map(|(_, asked)| asked).collect()
}

impl Ping {
    fn of(candidate: Candidate, open: Open<'_>) -> Self {
        let opened = |url: &SiteUrl| open(&url.to_string()).ok();
        Self {
            places: candidate.urls.iter().filter_map(opened).collect(),
            of_family: [&candidate.ipv4_url, &candidate.ipv6_url]
                .map(|url| url.as_ref().and_then(opened)),
            answered: None,
            seen: Asked {
                site: candidate.site,
                reason: candidate.reason.name().into(),
                on_net: candidate.on_net,
                rtt_us: None,
            },
        }
    }

    /// Pings the candidate at its first place that answers.
    async fn ask(mut self, only: Option<Family>) -> Self {
        for base in std::mem::take(&mut self.places) {
            if let Ok(reached) = reach::ping(&base, only, spec::CHOICE_PINGS).await {
                self.seen.rtt_us = reached.least();
                self.answered = Some(base);
                break;
            }
        }
        self
    }
}

fn unreachable(selection: &Selection) -> Error {
    let names: Vec<_> = selection
        .candidates
        .iter()
        .map(|c| c.site.as_str())
        .collect();
    let why = format!("none of the sites {} answers", names.join(", "));
    Error::Network(std::io::Error::new(std::io::ErrorKind::NotConnected, why))
}
