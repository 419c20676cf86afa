//! The running centre: its store, the tables it judges by, and its clock.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use metric::key::{RegisteredKey, sha256_hex};

use crate::area::AreaIndex;
use crate::campaign;
use crate::collect::{Failure, Tables, collect};
use crate::config::Config;
use crate::operator::OperatorTable;
use crate::store::Store;
use crate::store::area::AreaImport;
use crate::store::campaign::Campaign;
use crate::store::operator::OperatorTexts;
use crate::store::test::Appended;

/// A centre that is open. Its calls block.
pub struct Centre {
    store: Store,
    config: Config,
    areas: RwLock<Arc<AreaIndex>>,
    operators: RwLock<Arc<OperatorTable>>,
    /// Editions of areas and operators that are in memory.
    editions: Mutex<[i64; 2]>,
    /// Reads the clock: the binary gives its own, and so do tests.
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Centre {
    /// Opens the store, reads the tables into memory and, where configured and
    /// the store has no areas, loads the demonstration.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened or read.
    pub fn open(
        config: Config,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self> {
        config.check()?;
        let store = Store::open(&config.data_dir)?;
        let demonstration = config.demonstration;
        let centre = Self {
            areas: RwLock::new(Arc::new(AreaIndex::new(store.areas()?))),
            operators: RwLock::new(Arc::new(operators(&store)?)),
            editions: Mutex::new(store.editions()?),
            clock: Box::new(clock),
            store,
            config,
        };
        if demonstration {
            centre.load_demonstration()?;
        }
        Ok(centre)
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The time, by the centre's clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The areas in use.
    pub fn areas(&self) -> Arc<AreaIndex> {
        self.areas
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The operators in use.
    pub fn operators(&self) -> Arc<OperatorTable> {
        self.operators
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Everything the centre answers over HTTP. Its fallback is the web
    /// application; other routers are merged in without one.
    pub fn router(self: Arc<Self>) -> axum::Router {
        crate::http::router(self)
    }

    /// Takes a submission in at this moment.
    ///
    /// # Errors
    ///
    /// [`Failure`]; nothing is stored, and a refusal is counted.
    pub fn collect(&self, body: &[u8]) -> Result<Appended, Failure> {
        self.collect_at(self.now(), body)
    }

    /// Takes a submission in as if received at another moment: for simulations.
    ///
    /// # Errors
    ///
    /// [`Failure`]; nothing is stored, and a refusal is counted.
    pub fn collect_at(&self, now: Timestamp, body: &[u8]) -> Result<Appended, Failure> {
        let (areas, operators) = (self.areas(), self.operators());
        let tables = Tables {
            areas: &areas,
            operators: &operators,
            limits: &self.config.limits,
            position_retention_days: self.config.position_retention_days,
        };
        collect(&self.store, &tables, now, body)
    }

    /// Imports areas from GeoJSON, all or none, and puts them to use.
    ///
    /// # Errors
    ///
    /// When the document or an area of it is wrong, or overlaps an official
    /// area; says which and why.
    pub fn import_areas(&self, geojson: &str) -> Result<AreaImport> {
        let areas = crate::area::parse(geojson)?;
        ensure!(!areas.is_empty(), "the document holds no area");
        let digest = sha256_hex(geojson.as_bytes());
        let import = self.store.import_areas(&areas, &digest, self.now())?;
        let index = Arc::new(AreaIndex::new(self.store.areas()?));
        *self.areas.write().unwrap_or_else(PoisonError::into_inner) = index;
        Ok(import)
    }

    /// Imports the operator table, two CSV texts, puts it to use and returns
    /// the number of its edition.
    ///
    /// # Errors
    ///
    /// When a row is wrong; says which and why.
    pub fn import_operators(&self, operators_csv: &str, prefixes_csv: &str) -> Result<i64> {
        let table = OperatorTable::parse(operators_csv, prefixes_csv)?;
        let texts = OperatorTexts {
            operators_csv: operators_csv.to_owned(),
            prefixes_csv: prefixes_csv.to_owned(),
        };
        let edition = self.store.set_operator_texts(&texts, self.now())?;
        let mut used = self
            .operators
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *used = Arc::new(table);
        Ok(edition)
    }

    /// Imports a new campaign from TOML.
    ///
    /// # Errors
    ///
    /// When a key of the definition is wrong, an area is not known, or the id
    /// is taken; says which.
    pub fn import_campaign(&self, definition: &str) -> Result<Campaign> {
        let campaign = campaign::parse(definition, self.areas().areas())?;
        ensure!(
            self.store.campaign(&campaign.id)?.is_none(),
            "campaign id {:?} is taken; choose another",
            campaign.id
        );
        self.store.add_campaign(&campaign)?;
        Ok(campaign)
    }

    /// Registers a site's key, or sets the end of a known one.
    ///
    /// # Errors
    ///
    /// When the key is known for another site or purpose.
    pub fn register_key(&self, key: &RegisteredKey) -> Result<()> {
        self.store.register_key(key)
    }

    /// Takes up areas and operators that another process has imported since;
    /// says whether there were any.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn refresh(&self) -> Result<bool> {
        let stored = self.store.editions()?;
        let mut seen = self.editions.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == stored {
            return Ok(false);
        }
        let index = Arc::new(AreaIndex::new(self.store.areas()?));
        *self.areas.write().unwrap_or_else(PoisonError::into_inner) = index;
        let table = Arc::new(operators(&self.store)?);
        *self
            .operators
            .write()
            .unwrap_or_else(PoisonError::into_inner) = table;
        *seen = stored;
        Ok(true)
    }

    /// Loads the approximate areas, the operators and the campaign of the
    /// demonstration into a store that has no areas at all; says whether it did.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn load_demonstration(&self) -> Result<bool> {
        if !self.areas().areas().is_empty() {
            return Ok(false);
        }
        self.import_areas(AREAS)
            .context("the demonstration's areas")?;
        if self.store.operator_texts()?.is_none() {
            self.import_operators(OPERATORS, PREFIXES)
                .context("the demonstration's operators")?;
        }
        self.import_campaign(CAMPAIGN)
            .context("the demonstration's campaign")?;
        Ok(true)
    }

    /// Deletes the positions whose time is over; returns how many.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn expire_positions(&self) -> Result<usize> {
        self.store.expire_positions(self.now())
    }
}

/// The operator table of the store, or the one that comes with the program.
fn operators(store: &Store) -> Result<OperatorTable> {
    let stored = store.operator_texts()?;
    let (operators, prefixes) = stored.as_ref().map_or((OPERATORS, PREFIXES), |texts| {
        (texts.operators_csv.as_str(), texts.prefixes_csv.as_str())
    });
    OperatorTable::parse(operators, prefixes).context("reading the operator table")
}

const AREAS: &str = include_str!("../../../data/areas/district-1.demo.geojson");
const OPERATORS: &str = include_str!("../../../data/operators.csv");
const PREFIXES: &str = include_str!("../../../data/prefixes.csv");
const CAMPAIGN: &str = include_str!("../../../data/campaigns/district-1.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn centre(directory: &tempfile::TempDir, demonstration: bool) -> Centre {
        let config = Config {
            data_dir: directory.path().to_owned(),
            demonstration,
            ..Config::default()
        };
        Centre::open(config, || Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn the_demonstration_loads_once_and_survives() {
        let directory = tempfile::tempdir().unwrap();
        let first = centre(&directory, true);
        assert_eq!(first.areas().areas().len(), 14);
        assert!(!first.load_demonstration().unwrap());
        drop(first);
        let again = centre(&directory, true);
        assert_eq!(again.areas().areas().len(), 14);
        assert_eq!(again.store().campaigns().unwrap().len(), 1);
    }

    #[test]
    fn the_demonstration_stays_away_from_areas_of_others() {
        let directory = tempfile::tempdir().unwrap();
        let empty = centre(&directory, false);
        assert!(empty.areas().areas().is_empty());
        let official = AREAS.replace("true", "false").replace("\"26", "\"99");
        empty.import_areas(&official).unwrap();
        assert!(!empty.load_demonstration().unwrap());
        assert!(empty.store().campaigns().unwrap().is_empty());
    }

    #[test]
    fn official_areas_replace_those_of_the_demonstration() {
        let directory = tempfile::tempdir().unwrap();
        let centre = centre(&directory, true);
        let import = centre
            .import_areas(&AREAS.replace("true", "false"))
            .unwrap();
        assert_eq!((import.areas, import.replaced.len()), (14, 14));
        let areas = centre.areas();
        assert!(areas.areas().iter().all(|area| !area.approximate));
        let error = centre.import_areas(AREAS).unwrap_err().to_string();
        assert!(error.contains("official"), "{error}");
    }

    #[test]
    fn what_another_process_imports_is_taken_up() {
        let directory = tempfile::tempdir().unwrap();
        let running = centre(&directory, true);
        assert!(running.areas().areas().iter().all(|area| area.approximate));
        let other = centre(&directory, false);
        other.import_areas(&AREAS.replace("true", "false")).unwrap();
        assert!(running.refresh().unwrap());
        assert!(running.areas().areas().iter().all(|area| !area.approximate));
        assert!(!running.refresh().unwrap(), "once is enough");
    }

    #[test]
    fn a_campaign_id_is_taken_once() {
        let directory = tempfile::tempdir().unwrap();
        let centre = centre(&directory, true);
        let error = centre.import_campaign(CAMPAIGN).unwrap_err().to_string();
        assert!(error.contains("\"district-1\" is taken"), "{error}");
    }

    #[test]
    fn imported_operators_are_in_use_at_once_and_after_a_restart() {
        use crate::fixture::{OPERATORS, PREFIXES};
        let directory = tempfile::tempdir().unwrap();
        let first = centre(&directory, false);
        first.import_operators(OPERATORS, PREFIXES).unwrap();
        assert_eq!(first.operators().operators().len(), 3);
        drop(first);
        let again = centre(&directory, false);
        assert_eq!(again.operators().operators().len(), 3);
    }
}
