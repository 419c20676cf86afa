//! Sites: who they are, how they live, and how they answered.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use metric::key::PublicKey;
use metric::unit::Micros;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Params, Row, params};
use wire::roster::address::SiteUrl;
use wire::roster::notice::{Description, Health, Heartbeat};
use wire::roster::standing::State;

use super::Store;
use super::edge::{instant, integer, micros, natural, unreadable};

/// Heartbeats are kept this long: a day.
const HEARTBEATS_KEPT_US: i64 = 86_400_000_000;
/// Probes are kept this long: a week.
const PROBES_KEPT_US: i64 = 7 * 86_400_000_000;

/// A site as the centre knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Site {
    /// How it describes itself.
    pub description: Description,
    /// The key that signs its notices and receipts.
    pub public_key: PublicKey,
    /// How it stands.
    pub state: State,
    /// When it first asked to join.
    pub joined_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// When it was approved; `None` where it has to be (again).
    pub approved_at: Option<Timestamp>,
    /// When its last notice was signed.
    pub last_notice: Timestamp,
    /// Its last heartbeat, with the time it was received.
    pub heartbeat: Option<(Timestamp, Heartbeat)>,
    /// Its last probe over IPv4.
    pub ipv4: Option<Probe>,
    /// Its last probe over IPv6.
    pub ipv6: Option<Probe>,
}

/// How a site answered the centre.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Probe {
    /// When it was asked.
    pub at: Timestamp,
    /// The least of three round trips, or why there was none.
    pub outcome: Result<Micros, String>,
}

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

    const fn number(self) -> i64 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }
}

impl Store {
    /// A site by its name.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn site(&self, name: &str) -> Result<Option<Site>> {
        Ok(self.sites_where("name = ?1", [name])?.pop())
    }

    /// The site of a key.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn site_of_key(&self, key: &PublicKey) -> Result<Option<Site>> {
        Ok(self
            .sites_where("public_key = ?1", [key.to_string()])?
            .pop())
    }

    /// Every site, by name.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn sites(&self) -> Result<Vec<Site>> {
        self.sites_where("1", [])
    }

    fn sites_where(&self, condition: &str, parameters: impl Params) -> Result<Vec<Site>> {
        let reader = self.reader();
        let sql = format!("{SELECT} WHERE {condition} ORDER BY name");
        let mut statement = reader.prepare_cached(&sql)?;
        let sites = statement.query_map(parameters, read)?;
        let mut sites: Vec<_> = sites
            .collect::<Result<_, _>>()
            .context("reading the sites")?;
        let mut heartbeats = reader.prepare_cached(HEARTBEAT)?;
        let mut probes = reader.prepare_cached(PROBE)?;
        for site in &mut sites {
            let name = &site.description.name;
            site.heartbeat = heartbeats.query_row([name], read_heartbeat).optional()?;
            let mut probe = |family: Family| {
                let key = params![name, family.number()];
                probes.query_row(key, read_probe).optional()
            };
            (site.ipv4, site.ipv6) = (probe(Family::V4)?, probe(Family::V6)?);
        }
        Ok(sites)
    }

    /// Stores a site that joins: new, or known by its name and described anew.
    ///
    /// # Errors
    ///
    /// When its key belongs to another site, or the store cannot be written.
    pub fn put_site(&self, site: &Site) -> Result<()> {
        let d = &site.description;
        let text = |url: Option<&SiteUrl>| url.map(ToString::to_string);
        self.writer().execute(
            "INSERT INTO sites VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
             ON CONFLICT (name) DO UPDATE SET
               public_key = ?2, state = ?3, city = ?4, province = ?5, country = ?6, asn = ?7,
               operator = ?8, exchange = ?9, capacity_bits_per_second = ?10, http_url = ?11,
               https_url = ?12, ipv4_url = ?13, ipv6_url = ?14, changed_at_us = ?16,
               approved_at_us = ?17, last_notice_us = ?18",
            params![
                d.name,
                site.public_key.to_string(),
                site.state.name(),
                d.city,
                d.province,
                d.country,
                d.asn,
                d.operator,
                d.exchange,
                integer(d.capacity_bits_per_second),
                text(d.url(false)),
                text(d.url(true)),
                text(d.ipv4_url.as_ref()),
                text(d.ipv6_url.as_ref()),
                micros(site.joined_at),
                micros(site.changed_at),
                site.approved_at.map(micros),
                micros(site.last_notice),
            ],
        )?;
        Ok(())
    }

    /// Moves a site on to another state, if its key is still this one; says
    /// whether it was. `approved_at` goes with the state.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn set_site_state(
        &self,
        site: &Site,
        to: State,
        approved_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let changed = self.writer().execute(
            "UPDATE sites SET state = ?3, approved_at_us = ?4, changed_at_us = ?5
             WHERE name = ?1 AND public_key = ?2",
            params![
                site.description.name,
                site.public_key.to_string(),
                to.name(),
                approved_at.map(micros),
                micros(now),
            ],
        )?;
        Ok(changed == 1)
    }

    /// Notes when a site signed its newest notice; `false` when that is not
    /// later than the one before.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn advance_notice(&self, name: &str, sent_at: Timestamp) -> Result<bool> {
        let sql = "UPDATE sites SET last_notice_us = ?2 WHERE name = ?1 AND last_notice_us < ?2";
        let advanced = self.writer().execute(sql, params![name, micros(sent_at)])?;
        Ok(advanced == 1)
    }

    /// Keeps a heartbeat, and forgets those of more than a day ago.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn add_heartbeat(&self, site: &str, now: Timestamp, beat: &Heartbeat) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction.execute(
            "INSERT OR REPLACE INTO site_heartbeats VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                site,
                micros(now),
                health_name(beat.health),
                beat.utilisation_percent,
                integer(beat.sent_bits_per_second),
                integer(beat.received_bits_per_second),
                beat.sessions,
                beat.version,
            ],
        )?;
        transaction.execute(
            "DELETE FROM site_heartbeats WHERE site = ?1 AND at_us < ?2",
            params![site, micros(now) - HEARTBEATS_KEPT_US],
        )?;
        Ok(transaction.commit()?)
    }

    /// Keeps how a site answered, and forgets what is older than a week.
    ///
    /// # Errors
    ///
    /// When there is no such site, or the store cannot be written.
    pub fn add_probe(&self, site: &str, family: Family, probe: &Probe) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let rtt = probe.outcome.as_ref().ok().map(|rtt| integer(rtt.0));
        transaction.execute(
            "INSERT OR REPLACE INTO site_probes VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                site,
                micros(probe.at),
                family.number(),
                rtt,
                probe.outcome.as_ref().err(),
            ],
        )?;
        transaction.execute(
            "DELETE FROM site_probes WHERE site = ?1 AND family = ?2 AND at_us < ?3",
            params![site, family.number(), micros(probe.at) - PROBES_KEPT_US],
        )?;
        Ok(transaction.commit()?)
    }

    /// Forgets sites that have waited for approval since before `before`
    /// without a notice, so that requests nobody means cannot fill the store.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn forget_pending_sites(&self, before: Timestamp) -> Result<usize> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let gone = "SELECT name FROM sites
                    WHERE state = 'pending' AND approved_at_us IS NULL AND last_notice_us < ?1
                      AND name NOT IN (SELECT site FROM keys)";
        for table in ["site_heartbeats", "site_probes"] {
            let sql = format!("DELETE FROM {table} WHERE site IN ({gone})");
            transaction.execute(&sql, [micros(before)])?;
        }
        let sql = format!("DELETE FROM sites WHERE name IN ({gone})");
        let forgotten = transaction.execute(&sql, [micros(before)])?;
        transaction.commit()?;
        Ok(forgotten)
    }
}

const SELECT: &str = "SELECT name, public_key, state, city, province, country, asn, operator,
                             exchange, capacity_bits_per_second, http_url, https_url, ipv4_url,
                             ipv6_url, joined_at_us, changed_at_us, approved_at_us, last_notice_us
                      FROM sites";
const HEARTBEAT: &str = "SELECT at_us, health, utilisation_percent, sent_bits_per_second,
                                received_bits_per_second, sessions, version
                         FROM site_heartbeats WHERE site = ?1 ORDER BY at_us DESC LIMIT 1";
const PROBE: &str = "SELECT at_us, rtt_us, why FROM site_probes
                     WHERE site = ?1 AND family = ?2 ORDER BY at_us DESC LIMIT 1";

fn read(row: &Row<'_>) -> rusqlite::Result<Site> {
    let bad = || unreadable(Type::Text, std::fmt::Error);
    let key: String = row.get(1)?;
    let state: String = row.get(2)?;
    let approved_at: Option<i64> = row.get(16)?;
    let urls = [url(row, 11)?, url(row, 10)?];
    let description = Description {
        name: row.get(0)?,
        city: row.get(3)?,
        province: row.get(4)?,
        country: row.get(5)?,
        asn: row.get(6)?,
        operator: row.get(7)?,
        exchange: row.get(8)?,
        capacity_bits_per_second: natural(row.get(9)?),
        urls: urls.into_iter().flatten().collect(),
        ipv4_url: url(row, 12)?,
        ipv6_url: url(row, 13)?,
    };
    Ok(Site {
        description,
        public_key: PublicKey::parse(&key).ok_or_else(bad)?,
        state: State::of_name(&state).ok_or_else(bad)?,
        joined_at: instant(row.get(14)?)?,
        changed_at: instant(row.get(15)?)?,
        approved_at: approved_at.map(instant).transpose()?,
        last_notice: instant(row.get(17)?)?,
        heartbeat: None,
        ipv4: None,
        ipv6: None,
    })
}

fn url(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<SiteUrl>> {
    let text: Option<String> = row.get(column)?;
    let url = text.map(|text| text.parse()).transpose();
    url.map_err(|e| unreadable(Type::Text, e))
}

fn read_heartbeat(row: &Row<'_>) -> rusqlite::Result<(Timestamp, Heartbeat)> {
    let health: String = row.get(1)?;
    let beat = Heartbeat {
        health: if health == health_name(Health::Full) {
            Health::Full
        } else {
            Health::Ok
        },
        utilisation_percent: row.get(2)?,
        sent_bits_per_second: natural(row.get(3)?),
        received_bits_per_second: natural(row.get(4)?),
        sessions: row.get(5)?,
        version: row.get(6)?,
    };
    Ok((instant(row.get(0)?)?, beat))
}

fn read_probe(row: &Row<'_>) -> rusqlite::Result<Probe> {
    let rtt: Option<i64> = row.get(1)?;
    let why: Option<String> = row.get(2)?;
    Ok(Probe {
        at: instant(row.get(0)?)?,
        outcome: rtt
            .map(|rtt| Micros(natural(rtt)))
            .ok_or_else(|| why.unwrap_or_default()),
    })
}

const fn health_name(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Full => "full",
    }
}
