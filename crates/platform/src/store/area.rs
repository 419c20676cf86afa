//! Areas through time, in editions.

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use metric::area::{AreaKey, Validity};
use rusqlite::types::Type;
use rusqlite::{Row, Transaction, params};

use super::Store;
use super::edge::{date, micros, start, unreadable};
use crate::area::Area;

/// What an import of areas did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AreaImport {
    /// Number of the edition.
    pub edition: i64,
    /// Areas imported.
    pub areas: usize,
    /// Approximate areas that made way.
    pub replaced: Vec<AreaKey>,
}

impl Store {
    /// Stores a new edition of areas, all or none. Approximate areas of the same
    /// code and time make way, and what refers to them follows.
    ///
    /// # Errors
    ///
    /// When two areas of one code overlap in time, among themselves or with a
    /// stored official one; names the code and both periods.
    pub fn import_areas(&self, areas: &[Area], sha256: &str, now: Timestamp) -> Result<AreaImport> {
        none_overlap(areas)?;
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction.execute(
            "INSERT INTO area_editions (imported_at_us, sha256) VALUES (?1, ?2)",
            params![micros(now), sha256],
        )?;
        let edition = transaction.last_insert_rowid();
        let replaced = replaced(&transaction, areas)?;
        for old in &replaced {
            transaction.execute(
                "DELETE FROM areas WHERE code = ?1 AND valid_from = ?2",
                params![old.key.code, start(old.key.valid_from)],
            )?;
        }
        for area in areas {
            insert(&transaction, area, edition)?;
        }
        for old in &replaced {
            follow(&transaction, old, areas)?;
        }
        transaction.commit().context("storing the areas")?;
        Ok(AreaImport {
            edition,
            areas: areas.len(),
            replaced: replaced.into_iter().map(|old| old.key).collect(),
        })
    }

    /// Every area, by code and start.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn areas(&self) -> Result<Vec<Area>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT code, valid_from, valid_to, name, full_name, kind, district_code,
                    province_code, approximate, geometry
             FROM areas ORDER BY code, valid_from",
        )?;
        let areas = statement.query_map([], read)?;
        areas.collect::<Result<_, _>>().context("reading the areas")
    }
}

/// An area of the store without its borders.
struct Stored {
    key: AreaKey,
    validity: Validity,
    approximate: bool,
}

fn none_overlap(areas: &[Area]) -> Result<()> {
    for (i, one) in areas.iter().enumerate() {
        let other = areas[..i].iter().find(|other| {
            other.key.code == one.key.code && other.validity().overlaps(&one.validity())
        });
        if let Some(other) = other {
            bail!(overlapping(
                &one.key.code,
                &one.validity(),
                "also imported",
                &other.validity()
            ));
        }
    }
    Ok(())
}

fn overlapping(code: &str, one: &Validity, is: &str, other: &Validity) -> String {
    let (one, other) = (period(one), period(other));
    format!(
        "area {code} {one} overlaps area {code} {other}, which is {is}; end one before the other begins"
    )
}

fn period(validity: &Validity) -> String {
    let from = validity
        .from
        .map_or_else(|| "of old".into(), |day| format!("from {day}"));
    let to = validity
        .to
        .map_or_else(|| "without end".into(), |day| format!("to before {day}"));
    format!("({from}, {to})")
}

/// The stored approximate areas that make way for new ones.
fn replaced(transaction: &Transaction<'_>, areas: &[Area]) -> Result<Vec<Stored>> {
    let mut replaced = vec![];
    for old in stored(transaction)? {
        let Some(new) = areas.iter().find(|new| overlap(&old, new)) else {
            continue;
        };
        if !old.approximate {
            let is = "stored and official";
            bail!(overlapping(
                &old.key.code,
                &new.validity(),
                is,
                &old.validity
            ));
        }
        replaced.push(old);
    }
    Ok(replaced)
}

fn overlap(old: &Stored, new: &Area) -> bool {
    old.key.code == new.key.code && old.validity.overlaps(&new.validity())
}

fn stored(transaction: &Transaction<'_>) -> Result<Vec<Stored>> {
    let mut statement =
        transaction.prepare("SELECT code, valid_from, valid_to, approximate FROM areas")?;
    let rows = statement.query_map([], |row| {
        let valid_from = date(&row.get::<_, String>(1)?)?;
        Ok(Stored {
            key: AreaKey {
                code: row.get(0)?,
                valid_from,
            },
            validity: Validity {
                from: valid_from,
                to: end(row, 2)?,
            },
            approximate: row.get(3)?,
        })
    })?;
    rows.collect::<Result<_, _>>()
        .context("reading the areas in use")
}

fn insert(transaction: &Transaction<'_>, area: &Area, edition: i64) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO areas VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
        .execute(params![
            area.key.code,
            start(area.key.valid_from),
            area.valid_to.map(|day| day.to_string()),
            area.name,
            area.full_name,
            area.kind,
            area.district_code,
            area.province_code,
            area.approximate,
            edition,
            area.geometry_json(),
        ])
        .with_context(|| format!("storing area {}", area.key))?;
    Ok(())
}

/// Lets campaigns and verdicts of a replaced area name the new ones. A verdict
/// keeps the edition by which it was placed.
fn follow(transaction: &Transaction<'_>, old: &Stored, areas: &[Area]) -> Result<()> {
    let was = start(old.key.valid_from);
    let (code, mut kept) = (&old.key.code, false);
    for new in areas.iter().filter(|new| overlap(old, new)) {
        let is = start(new.key.valid_from);
        kept |= is == was;
        transaction.execute(
            "INSERT OR IGNORE INTO campaign_areas
             SELECT campaign_id, code, ?3, quota_tests FROM campaign_areas WHERE code = ?1 AND valid_from = ?2",
            params![code, was, is],
        )?;
        transaction.execute(
            "UPDATE verdicts SET area_valid_from = ?3
             WHERE area_code = ?1 AND area_valid_from = ?2 AND day >= ?3 AND day < ?4",
            params![
                code,
                was,
                is,
                new.valid_to
                    .map_or_else(|| "9999".into(), |d| d.to_string())
            ],
        )?;
    }
    if !kept {
        transaction.execute(
            "DELETE FROM campaign_areas WHERE code = ?1 AND valid_from = ?2",
            params![code, was],
        )?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Area> {
    let key = AreaKey {
        code: row.get(0)?,
        valid_from: date(&row.get::<_, String>(1)?)?,
    };
    let geometry: String = row.get(9)?;
    Area::from_parts(
        key,
        end(row, 2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
        &geometry,
    )
    .map_err(|e| unreadable(Type::Text, std::io::Error::other(format!("{e:#}"))))
}

fn end(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<jiff::civil::Date>> {
    date(&row.get::<_, Option<String>>(column)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = r#"{"type":"Polygon","coordinates":
        [[[106.69,10.77],[106.70,10.77],[106.70,10.78],[106.69,10.78],[106.69,10.77]]]}"#;

    fn area(from: Option<&str>, to: Option<&str>, approximate: bool) -> Area {
        let day = |text: &str| text.parse().unwrap();
        let key = AreaKey {
            code: "26740".into(),
            valid_from: from.map(day),
        };
        let (name, kind) = ("Bến Nghé".to_owned(), "ward".to_owned());
        Area::from_parts(
            key,
            to.map(day),
            name.clone(),
            name,
            kind,
            None,
            None,
            approximate,
            SQUARE,
        )
        .unwrap()
    }

    #[track_caller]
    fn import(store: &Store, areas: &[Area]) -> Result<AreaImport> {
        store.import_areas(areas, "", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_area_reads_back_as_written() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let (old, new) = (
            area(None, Some("2025-07-01"), false),
            area(Some("2025-07-01"), None, false),
        );
        import(&store, &[new.clone(), old.clone()]).unwrap();
        let areas = store.areas().unwrap();
        let keys: Vec<_> = areas.iter().map(|a| (a.key.clone(), a.valid_to)).collect();
        assert_eq!(areas[0].geometry_json(), old.geometry_json());
        assert_eq!(keys, [(old.key, old.valid_to), (new.key, None)]);
    }

    #[test]
    fn an_overlap_with_an_official_area_names_code_and_both_periods() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        import(&store, &[area(None, Some("2025-07-01"), false)]).unwrap();
        let error = import(&store, &[area(Some("2025-06-30"), None, false)]).unwrap_err();
        let text = format!("{error:#}");
        for part in [
            "26740",
            "from 2025-06-30",
            "to before 2025-07-01",
            "official",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(store.areas().unwrap().len(), 1);
    }

    #[test]
    fn an_official_area_replaces_an_approximate_one_and_the_campaign_follows() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let approximate = area(None, Some("2025-07-01"), true);
        import(&store, std::slice::from_ref(&approximate)).unwrap();
        let campaign = crate::store::campaign::Campaign {
            id: "c".into(),
            name: "C".into(),
            areas: vec![approximate.key.clone()],
            ..Default::default()
        };
        store.put_campaign(&campaign, crate::fixture::ACT).unwrap();
        let official = area(Some("1997-01-01"), Some("2025-07-01"), false);
        let done = import(&store, std::slice::from_ref(&official)).unwrap();
        assert_eq!((done.edition, done.replaced), (2, vec![approximate.key]));
        assert_eq!(store.areas().unwrap().len(), 1);
        let campaign = store.campaign("c").unwrap().unwrap();
        assert_eq!(campaign.areas[0], official.key);
        assert_eq!(store.campaign_of(&official.key).unwrap(), Some(campaign));
    }
}
