//! Public keys of sites.

use anyhow::{Context as _, Result, ensure};
use metric::key::{PublicKey, Purpose, RegisteredKey};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};

use super::Store;
use super::edge::{instant, micros, unreadable};

impl Store {
    /// Registers a key. A key that is known keeps its site, its purpose and its
    /// start; only its end may be set, which is how it is retired.
    ///
    /// # Errors
    ///
    /// When the key is known for another site or purpose.
    pub fn register_key(&self, key: &RegisteredKey) -> Result<()> {
        let id = key.public_key.id();
        if let Some(known) = self.key(&id)? {
            ensure!(
                known.site == key.site && known.purpose == key.purpose,
                "key {id} is registered for site {} as {}; make another key",
                known.site,
                purpose_code(known.purpose)
            );
        }
        self.writer().execute(
            "INSERT INTO keys VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (key_id) DO UPDATE SET valid_to_us = excluded.valid_to_us",
            params![
                id,
                key.public_key.to_string(),
                key.site,
                purpose_code(key.purpose),
                micros(key.valid_from),
                key.valid_to.map(micros),
            ],
        )?;
        Ok(())
    }

    /// A key by its id.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn key(&self, id: &str) -> Result<Option<RegisteredKey>> {
        let sql = format!("{SELECT} WHERE key_id = ?1");
        self.reader()
            .query_row(&sql, [id], read)
            .optional()
            .context("reading a key")
    }

    /// Every key, by site and start.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn keys(&self) -> Result<Vec<RegisteredKey>> {
        let sql = format!("{SELECT} ORDER BY site, valid_from_us, key_id");
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&sql)?;
        let keys = statement.query_map([], read)?.collect::<Result<_, _>>();
        keys.context("reading the keys")
    }
}

const SELECT: &str = "SELECT public_key, site, purpose, valid_from_us, valid_to_us FROM keys";

fn read(row: &Row<'_>) -> rusqlite::Result<RegisteredKey> {
    let text: String = row.get(0)?;
    let valid_to: Option<i64> = row.get(4)?;
    Ok(RegisteredKey {
        public_key: PublicKey::parse(&text)
            .ok_or_else(|| unreadable(Type::Text, std::fmt::Error))?,
        site: row.get(1)?,
        purpose: if row.get::<_, String>(2)? == purpose_code(Purpose::Simulation) {
            Purpose::Simulation
        } else {
            Purpose::Measurement
        },
        valid_from: instant(row.get(3)?)?,
        valid_to: valid_to.map(instant).transpose()?,
    })
}

const fn purpose_code(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Measurement => "measurement",
        Purpose::Simulation => "simulation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metric::key::SiteKey;

    fn key(purpose: Purpose) -> RegisteredKey {
        RegisteredKey {
            public_key: SiteKey::from_seed(&[1; 32]).public(),
            site: "demo".into(),
            purpose,
            valid_from: "2024-01-01T00:00:00Z".parse().unwrap(),
            valid_to: None,
        }
    }

    #[test]
    fn a_key_is_retired_but_never_changes_its_purpose() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let mut first = key(Purpose::Simulation);
        store.register_key(&first).unwrap();
        assert!(store.register_key(&key(Purpose::Measurement)).is_err());
        first.valid_to = Some("2025-01-01T00:00:00Z".parse().unwrap());
        store.register_key(&first).unwrap();
        assert_eq!(
            store.key(&first.public_key.id()).unwrap(),
            Some(first.clone())
        );
        assert_eq!(store.keys().unwrap(), [first]);
    }
}
