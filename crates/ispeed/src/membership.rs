//! A site's membership of its centre: what it said of itself when it joined,
//! its heartbeats, and its going.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use client::{Base, Error};
use metric::key::SiteKey;
use serde::{Deserialize, Serialize};
use server::Site;
use wire::roster::notice::{Description, Health, Heartbeat, Leave, Notice, Signed};
use wire::roster::spec::HEARTBEAT_SECONDS;
use wire::roster::standing::{Standing, State};

use crate::config::Config;

/// File in the site's data folder that `ispeed site join` writes.
const FILE: &str = "membership.json";
/// Time between heartbeats that are taken.
const HEARTBEAT: Duration = Duration::from_secs(HEARTBEAT_SECONDS);
/// Time after which one that was not is tried again; twice that the next time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// How long tests that run may take to end before a site stops.
const GRACE: Duration = Duration::from_secs(20);

/// What a site said when it joined.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Joined {
    centre: String,
    site: Description,
}

/// A site that belongs to a centre.
pub(crate) struct Membership {
    centre: Base,
    key: SiteKey,
}

impl Membership {
    /// The membership of the site in a data folder; `None` when it belongs to
    /// no centre. What was said when it joined fills what `config` leaves open.
    pub(crate) fn read(config: &mut Config) -> anyhow::Result<Option<Self>> {
        let dir = config.centre.data_dir.clone();
        if let Some(joined) = read(&dir)? {
            let site = &mut config.site;
            let unnamed = site.name == server::SiteConfig::default().name;
            if !unnamed && site.name != joined.site.name {
                bail!(
                    "site.name is {:?}, but {} joined as {:?}; make them the same, or join again",
                    site.name,
                    path(&dir).display(),
                    joined.site.name
                );
            }
            site.name = joined.site.name;
            site.centre.get_or_insert(joined.centre);
            let capacity = joined.site.capacity_bits_per_second;
            site.capacity_bits_per_second.get_or_insert(capacity);
        }
        let Some(centre) = &config.site.centre else {
            return Ok(None);
        };
        Ok(Some(Self {
            centre: Base::parse(centre).context("site.centre")?,
            key: key(&dir)?,
        }))
    }

    async fn say(&self, notice: Notice) -> anyhow::Result<Standing> {
        let signed = Signed::new(notice, net::wall_clock(), &self.key)?;
        Ok(client::notify(&self.centre, &signed).await?)
    }
}

/// Asks a centre to use the site, and remembers what was said.
pub(crate) async fn join(
    dir: &Path,
    centre: &str,
    description: Description,
) -> anyhow::Result<Standing> {
    description
        .check()
        .map_err(|wrong| Error::Usage(format!("--{}: {wrong}", wrong.field.replace('_', "-"))))?;
    let membership = Membership {
        centre: Base::parse(centre)?,
        key: key(dir)?,
    };
    let notice = Notice::Join(Box::new(description.clone()));
    let standing = membership.say(notice).await?;
    let joined = Joined {
        centre: centre.into(),
        site: description,
    };
    let text = serde_json::to_string_pretty(&joined)?;
    let path = path(dir);
    std::fs::write(&path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    Ok(standing)
}

/// Leaves the centre for good.
pub(crate) async fn leave(config: &mut Config) -> anyhow::Result<Standing> {
    let dir = config.centre.data_dir.clone();
    let Some(membership) = Membership::read(config)? else {
        bail!("the site in {} belongs to no centre", dir.display());
    };
    let standing = membership.say(Notice::Leave(Leave { for_good: true }));
    let standing = standing.await?;
    let path = path(&dir);
    if path.exists() {
        std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    Ok(standing)
}

/// Tells the centre every 30 s that the site lives, until the process is asked
/// to stop; then leaves, and lets the tests that run end.
pub(crate) async fn keep(membership: Option<&Membership>, site: &Site) {
    tokio::select! {
        () = asked_to_stop() => {}
        () = beat(membership, site) => {}
    }
    site.close();
    if let Some(membership) = membership {
        let notice = Notice::Leave(Leave { for_good: false });
        let left = tokio::time::timeout(Duration::from_secs(5), membership.say(notice)).await;
        if !matches!(left, Ok(Ok(_))) {
            tracing::warn!("Could not tell the centre that the site leaves");
        }
    }
    tokio::select! {
        () = emptied(site) => {}
        () = asked_to_stop() => {}
    }
}

async fn emptied(site: &Site) {
    let gone = async {
        while site.load().sessions > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let _ = tokio::time::timeout(GRACE, gone).await;
}

/// Heartbeats for ever. Only a change is worth a line in the log.
async fn beat(membership: Option<&Membership>, site: &Site) {
    let Some(membership) = membership else {
        return std::future::pending().await;
    };
    let mut before: Option<Result<State, String>> = None;
    let mut pause = FIRST_RETRY / 2;
    loop {
        let said = membership.say(Notice::Heartbeat(heartbeat(site))).await;
        let said = said
            .map(|standing| standing.state)
            .map_err(|e| format!("{e:#}"));
        pause = match said {
            Ok(_) => HEARTBEAT,
            Err(_) => (2 * pause).min(HEARTBEAT),
        };
        if before.as_ref() != Some(&said) {
            match &said {
                Ok(state) => tracing::info!(site.state = state.name(), "The centre knows the site"),
                Err(error) => tracing::warn!(%error, "The centre does not take heartbeats"),
            }
            before = Some(said);
        }
        tokio::time::sleep(pause).await;
    }
}

fn heartbeat(site: &Site) -> Heartbeat {
    let load = site.load();
    Heartbeat {
        health: if site.has_room() {
            Health::Ok
        } else {
            Health::Full
        },
        utilisation_percent: load.utilisation_percent,
        sent_bits_per_second: load.sent_bits_per_second,
        received_bits_per_second: load.received_bits_per_second,
        sessions: load.sessions,
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

/// Resolves when the process gets SIGTERM or Ctrl-C.
async fn asked_to_stop() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else {
            return interrupted.await;
        };
        tokio::select! {
            () = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupted.await;
}

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

fn key(dir: &Path) -> anyhow::Result<SiteKey> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    Ok(server::load_or_create(&dir.join("site.key"))?)
}

fn read(dir: &Path) -> anyhow::Result<Option<Joined>> {
    let path = path(dir);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| format!("reading {}", path.display())),
    };
    let joined = serde_json::from_str(&text);
    let joined = joined.with_context(|| format!("{}: join again", path.display()))?;
    Ok(Some(joined))
}
