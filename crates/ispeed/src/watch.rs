//! The centre asks each approved site every five minutes, over both families
//! of addresses, whether it is there.

use std::sync::Arc;
use std::time::Duration;

use client::{Base, Family};
use metric::unit::Micros;
use platform::Centre;
use platform::store::site::{Family as Column, Probe};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use wire::native::spec::CHOICE_PINGS;
use wire::roster::address::SiteUrl;

/// Time between two looks at who is due.
const LOOK: Duration = Duration::from_secs(10);
/// Probes at a time.
const AT_ONCE: usize = 8;
/// How long a probe may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Probes for ever.
pub(crate) async fn watch(centre: Arc<Centre>) {
    loop {
        if let Err(error) = round(&centre).await {
            tracing::error!(error = format!("{error:#}"), "Could not probe the sites");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Probes whoever is due.
async fn round(centre: &Arc<Centre>) -> anyhow::Result<()> {
    let asked = Arc::clone(centre);
    let due = tokio::task::spawn_blocking(move || asked.sites_to_probe()).await??;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut probes = JoinSet::new();
    for (site, url) in due {
        for family in Family::BOTH {
            let (centre, places) = (Arc::clone(centre), Arc::clone(&places));
            let (site, url) = (site.clone(), url.clone());
            probes.spawn(async move {
                let _place = places.acquire_owned().await?;
                let probe = Probe {
                    at: centre.now(),
                    outcome: probe(&url, family).await,
                };
                let column = match family {
                    Family::V4 => Column::V4,
                    Family::V6 => Column::V6,
                };
                let store = move || centre.store().add_probe(&site, column, &probe);
                tokio::task::spawn_blocking(store).await?
            });
        }
    }
    while let Some(done) = probes.join_next().await {
        done??;
    }
    Ok(())
}

async fn probe(url: &SiteUrl, family: Family) -> Result<Micros, String> {
    let base = Base::parse(&url.to_string()).map_err(|e| e.to_string())?;
    let reached = client::health(&base, Some(family), CHOICE_PINGS);
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    let reached = reached.map_err(|_| "no answer within 10 s".to_owned())?;
    let least = reached.map_err(|e| e.to_string())?.least();
    least.ok_or_else(|| "no ping was answered".into())
}
