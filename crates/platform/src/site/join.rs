//! What a notice of a site changes.

use jiff::{SignedDuration, Timestamp};
use metric::key::PublicKey;
use wire::roster::notice::{Description, Leave, Notice, Signed};
use wire::roster::standing::{Standing, State};

use crate::store::Store;
use crate::store::site::Site;

/// Most sites that wait for approval at a time.
const MAX_PENDING: usize = 200;
/// How long one may wait without a sign of life.
const PENDING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Why a notice changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is no notice.
    #[error("{detail}")]
    Malformed {
        /// The member at fault, where one is.
        field: Option<String>,
        /// What is wrong with it.
        detail: String,
    },
    /// Its key did not sign it.
    #[error("the named key did not sign this notice")]
    Signature,
    /// The clocks differ.
    #[error("the notice was signed at {sent_at}, here it is {now}")]
    Clock {
        /// The site's time.
        sent_at: Timestamp,
        /// The centre's.
        now: Timestamp,
    },
    /// A notice signed then or later was taken before.
    #[error("a notice signed at or after {0} was taken before")]
    Repeated(Timestamp),
    /// No site has this key.
    #[error("no site has this key")]
    Unknown,
    /// The name or the key belongs to another site.
    #[error("{0}")]
    Taken(String),
    /// Too many sites wait for approval.
    #[error("{MAX_PENDING} sites wait for approval already")]
    Crowded,
    /// The centre failed.
    #[error(transparent)]
    Centre(#[from] anyhow::Error),
}

/// Takes a notice in, and says how the site stands afterwards.
///
/// # Errors
///
/// [`Refused`]; then nothing has changed.
pub fn take(store: &Store, now: Timestamp, body: &[u8]) -> Result<Standing, Refused> {
    let signed = parse(body)?;
    let key = signed.signer().ok_or(Refused::Signature)?;
    if !signed.is_timely(now) {
        let sent_at = signed.sent_at;
        return Err(Refused::Clock { sent_at, now });
    }
    let site = match &signed.notice {
        Notice::Join(description) => join(store, now, description, key, signed.sent_at)?,
        Notice::Heartbeat(beat) => {
            let site = known(store, &key, signed.sent_at)?;
            let site = back(store, now, site)?;
            store.add_heartbeat(&site.description.name, now, beat)?;
            site
        }
        Notice::Leave(how) => {
            let site = known(store, &key, signed.sent_at)?;
            leave(store, now, site, *how)?
        }
    };
    Ok(Standing {
        name: site.description.name,
        state: site.state,
        now,
    })
}

fn parse(body: &[u8]) -> Result<Signed, Refused> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let signed: Signed = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let path = e.path().to_string();
        Refused::Malformed {
            field: (path != ".").then_some(path),
            detail: e.inner().to_string(),
        }
    })?;
    if let Notice::Join(description) = &signed.notice {
        description.check().map_err(|wrong| Refused::Malformed {
            field: Some(format!("notice.{}", wrong.field)),
            detail: wrong.to_string(),
        })?;
    }
    Ok(signed)
}

/// The site of a key, whose notices have moved on to this one.
fn known(store: &Store, key: &PublicKey, sent_at: Timestamp) -> Result<Site, Refused> {
    let site = store.site_of_key(key)?.ok_or(Refused::Unknown)?;
    if !store.advance_notice(&site.description.name, sent_at)? {
        return Err(Refused::Repeated(site.last_notice));
    }
    Ok(site)
}

fn join(
    store: &Store,
    now: Timestamp,
    description: &Description,
    key: PublicKey,
    sent_at: Timestamp,
) -> Result<Site, Refused> {
    let name = &description.name;
    if let Some(other) = store.site_of_key(&key)?
        && other.description.name != *name
    {
        let other = other.description.name;
        let detail = format!("this key belongs to site {other}; make another key for {name}");
        return Err(Refused::Taken(detail));
    }
    let before = store.site(name)?;
    let newcomer = Site {
        description: description.clone(),
        public_key: key,
        state: State::Pending,
        joined_at: now,
        changed_at: now,
        approved_at: None,
        last_notice: sent_at,
        heartbeat: None,
        ipv4: None,
        ipv6: None,
    };
    let site = match before {
        None => {
            make_room(store, now)?;
            newcomer
        }
        Some(before) if before.public_key == key => rejoin(before, newcomer)?,
        // A name is free for another key once its owner has left for good.
        Some(before) if before.state == State::Left && before.approved_at.is_none() => newcomer,
        Some(_) => {
            let detail = format!("the name {name} belongs to a site with another key");
            return Err(Refused::Taken(detail));
        }
    };
    store.put_site(&site)?;
    Ok(site)
}

/// A site that is known joins again. While it says the same of itself, its
/// approval stands; a suspension stands in any case.
fn rejoin(before: Site, newcomer: Site) -> Result<Site, Refused> {
    if newcomer.last_notice <= before.last_notice {
        return Err(Refused::Repeated(before.last_notice));
    }
    let same = before.description == newcomer.description;
    let approved_at = before.approved_at.filter(|_| same);
    let state = match (before.state, approved_at) {
        (State::Suspended, _) => State::Suspended,
        (_, Some(_)) => State::Approved,
        (_, None) => State::Pending,
    };
    Ok(Site {
        state,
        approved_at,
        joined_at: before.joined_at,
        changed_at: if state == before.state {
            before.changed_at
        } else {
            newcomer.changed_at
        },
        ..newcomer
    })
}

/// Refuses one more when too many wait.
fn make_room(store: &Store, now: Timestamp) -> Result<(), Refused> {
    store.forget_pending_sites(now - PENDING)?;
    let sites = store.sites()?;
    let pending = sites.iter().filter(|s| s.state == State::Pending).count();
    if pending >= MAX_PENDING {
        return Err(Refused::Crowded);
    }
    Ok(())
}

/// A site that had gone and lives again takes up where it was.
fn back(store: &Store, now: Timestamp, site: Site) -> Result<Site, Refused> {
    if site.state != State::Left {
        return Ok(site);
    }
    let state = match site.approved_at {
        Some(_) => State::Approved,
        None => State::Pending,
    };
    store.set_site_state(&site, state, site.approved_at, now)?;
    Ok(Site { state, ..site })
}

fn leave(store: &Store, now: Timestamp, site: Site, how: Leave) -> Result<Site, Refused> {
    if site.state == State::Suspended {
        return Ok(site); // It cannot shed its suspension by leaving.
    }
    let approved_at = site.approved_at.filter(|_| !how.for_good);
    store.set_site_state(&site, State::Left, approved_at, now)?;
    if how.for_good
        && let Some(mut key) = store.key(&site.public_key.id())?
    {
        key.valid_to = Some(now);
        store.register_key(&key)?;
    }
    Ok(Site {
        state: State::Left,
        approved_at,
        ..site
    })
}
