//! The running centre: its store, the tables it judges by, and its clock.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use metric::key::{Purpose, RegisteredKey, sha256_hex};
use wire::roster::address::SiteUrl;
use wire::roster::standing::State;

use crate::area::AreaIndex;
use crate::campaign;
use crate::collect::rebuild::{self, Rebuilt, rebuild};
use crate::collect::{Failure, Tables, collect};
use crate::config::Config;
use crate::operator::OperatorTable;
use crate::organisation::{self, Plan};
use crate::store::Store;
use crate::store::area::AreaImport;
use crate::store::audit::Act;
use crate::store::campaign::Campaign;
use crate::store::operator::OperatorTexts;
use crate::store::site::{Probe, Site};
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
    /// Fills bytes with chance that nobody can guess, as the clock comes.
    chance: Option<Box<Entropy>>,
    /// The site in the same process, where there is one.
    own_site: OnceLock<OwnSite>,
}

/// Fills bytes with chance that nobody can guess.
type Entropy = dyn Fn(&mut [u8]) -> std::io::Result<()> + Send + Sync;

/// A site in the process of the centre.
struct OwnSite {
    name: String,
    has_room: Box<dyn Fn() -> bool + Send + Sync>,
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
            chance: None,
            own_site: OnceLock::new(),
            store,
            config,
        };
        if demonstration {
            centre.load_demonstration()?;
        }
        Ok(centre)
    }

    /// The same with a source of chance, which links, tokens and passwords need.
    #[must_use]
    pub fn with_chance(
        mut self,
        chance: impl Fn(&mut [u8]) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.chance = Some(Box::new(chance));
        self
    }

    /// Fresh bytes that nobody can guess.
    ///
    /// # Errors
    ///
    /// When the centre was opened without a source, or the source fails.
    pub fn chance<const N: usize>(&self) -> Result<[u8; N]> {
        let source = self.chance.as_ref();
        let source = source.context("the centre was opened without a source of chance")?;
        let mut bytes = [0; N];
        source(&mut bytes).context("drawing chance from the system")?;
        Ok(bytes)
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Its settings.
    pub const fn config(&self) -> &Config {
        &self.config
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
        collect(&self.store, &self.tables(&areas, &operators), now, body)
    }

    fn tables<'a>(&'a self, areas: &'a AreaIndex, operators: &'a OperatorTable) -> Tables<'a> {
        Tables {
            areas,
            operators,
            limits: &self.config.limits,
            position_retention_days: self.config.position_retention_days,
        }
    }

    /// Judges stored tests again by an edition of the rules. `progress` is told
    /// how many of how many are done.
    ///
    /// # Errors
    ///
    /// When the edition is not known or the store cannot be read or written;
    /// then the verdicts before stay in use.
    pub fn rebuild(&self, plan: &rebuild::Plan, progress: impl FnMut(u64, u64)) -> Result<Rebuilt> {
        let (areas, operators) = (self.areas(), self.operators());
        rebuild(
            &self.store,
            &self.tables(&areas, &operators),
            plan,
            progress,
        )
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
        let campaign = self.read_campaign(definition)?;
        ensure!(
            self.store.campaign(&campaign.id)?.is_none(),
            "campaign id {:?} is taken; choose another, or replace that one",
            campaign.id
        );
        self.put_campaign(&campaign, "console")?;
        Ok(campaign)
    }

    /// Reads a definition and checks it, and changes nothing.
    ///
    /// # Errors
    ///
    /// When a key of the definition is wrong or an area is not known; says which.
    pub fn read_campaign(&self, definition: &str) -> Result<Campaign> {
        let (areas, organisations) = (self.areas(), self.store.organisations()?);
        let [area_edition, _] = self.store.editions()?;
        let known = campaign::Known {
            areas: areas.areas(),
            area_edition,
            organisations: &organisations,
        };
        campaign::parse(definition, known)
    }

    /// Stores a campaign in place of the one with its id.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn put_campaign(&self, campaign: &Campaign, who: &str) -> Result<()> {
        let act = Act {
            who,
            at: self.now(),
        };
        self.store.put_campaign(campaign, act)
    }

    /// Reads a list of organisations, CSV or XLSX, and says what it would do;
    /// does it where there is somebody to `confirm` it and no mistake.
    ///
    /// # Errors
    ///
    /// When the file is of another kind altogether, or the store fails.
    pub fn import_organisations(&self, bytes: &[u8], confirm: Option<&str>) -> Result<Plan> {
        let stored = self.store.organisations()?;
        let plan = organisation::plan(bytes, &stored, self.areas().areas())?;
        if let Some(who) = confirm.filter(|_| plan.mistakes.is_empty()) {
            let act = Act {
                who,
                at: self.now(),
            };
            self.store.put_organisations(&plan.writes(), act)?;
        }
        Ok(plan)
    }

    /// Registers a site's key, or sets the end of a known one.
    ///
    /// # Errors
    ///
    /// When the key is known for another site or purpose.
    pub fn register_key(&self, key: &RegisteredKey) -> Result<()> {
        self.store.register_key(key)
    }

    /// Tells of a site in the same process, which is offered to clients after
    /// all others while `has_room` says so. The first one told stands.
    pub fn set_own_site(&self, name: &str, has_room: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.own_site.set(OwnSite {
            name: name.into(),
            has_room: Box::new(has_room),
        });
    }

    /// Name of the site in the same process, if it takes tests now.
    pub fn own_site(&self) -> Option<String> {
        let own = self.own_site.get().filter(|own| (own.has_room)())?;
        Some(own.name.clone())
    }

    /// Approves a site, so that clients are sent to it while it is well, and
    /// registers its key for receipts.
    ///
    /// # Errors
    ///
    /// When there is no such site, it has left, or its key is registered for
    /// another site.
    pub fn approve_site(&self, name: &str) -> Result<Site> {
        let site = self.named_site(name)?;
        let gone = site.state == State::Left;
        ensure!(!gone, "site {name} has left; it has to join again first");
        let now = self.now();
        let before = self.store.key(&site.public_key.id())?;
        self.store.register_key(&RegisteredKey {
            public_key: site.public_key,
            site: name.into(),
            purpose: Purpose::Measurement,
            valid_from: before.map_or(now, |key| key.valid_from),
            valid_to: None,
        })?;
        self.move_site(&site, State::Approved, Some(now))
    }

    /// Takes a site out of use; its receipts from now on do not count.
    ///
    /// # Errors
    ///
    /// When there is no such site.
    pub fn suspend_site(&self, name: &str) -> Result<Site> {
        let site = self.named_site(name)?;
        if let Some(mut key) = self.store.key(&site.public_key.id())? {
            key.valid_to = Some(self.now());
            self.store.register_key(&key)?;
        }
        self.move_site(&site, State::Suspended, None)
    }

    /// A site that has to be there.
    ///
    /// # Errors
    ///
    /// When it is not; names those that are.
    pub fn named_site(&self, name: &str) -> Result<Site> {
        let Some(site) = self.store.site(name)? else {
            let sites = self.store.sites()?;
            let names: Vec<_> = sites.iter().map(|s| s.description.name.as_str()).collect();
            bail!(
                "no site is called {name:?}; known are: {}",
                names.join(", ")
            );
        };
        Ok(site)
    }

    /// The approved sites that were not probed for five minutes, with the URL
    /// to ask, `http` where there is one.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn sites_to_probe(&self) -> Result<Vec<(String, SiteUrl)>> {
        let due_before = self.now() - PROBE_INTERVAL;
        let due = |probe: &Option<Probe>| probe.as_ref().is_none_or(|p| p.at <= due_before);
        let sites = self.store.sites()?.into_iter();
        let sites = sites.filter(|site| site.state == State::Approved);
        let due = sites.filter(|site| due(&site.ipv4) || due(&site.ipv6));
        Ok(due
            .filter_map(|site| {
                let d = site.description;
                let url = d.url(false).or_else(|| d.url(true))?.clone();
                Some((d.name, url))
            })
            .collect())
    }

    fn move_site(&self, site: &Site, to: State, approved_at: Option<Timestamp>) -> Result<Site> {
        let name = &site.description.name;
        let moved = self
            .store
            .set_site_state(site, to, approved_at, self.now())?;
        ensure!(moved, "site {name} has just changed its key; look again");
        self.named_site(name)
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

    /// Loads the approximate areas, the operators, the organisations and the
    /// campaign of the demonstration into a store that has no areas at all; says whether it did.
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
        self.import_organisations(ORGANISATIONS, Some("demonstration"))
            .context("the demonstration's organisations")?;
        self.import_campaign(CAMPAIGN)
            .context("the demonstration's campaign")?;
        Ok(true)
    }

    /// Deletes the positions whose time is over, after writing down in which
    /// area of every edition each lies; returns how many.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn expire_positions(&self) -> Result<usize> {
        let now = self.now();
        crate::statistics::ground::seal(&self.store, &self.areas(), &self.config.limits, now)?;
        self.store.expire_positions(now)
    }
}

/// Time between two probes of a site.
const PROBE_INTERVAL: SignedDuration = SignedDuration::from_mins(5);

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
const ORGANISATIONS: &[u8] = include_bytes!("../../../data/organisations/district-1.csv");
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
