//! Tests in memory, small and numbered, for one period.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use anyhow::Result;
use jiff::civil::Date;
use metric::area::AreaKey;
use metric::month::{VIETNAM, civil_date};
use metric::weight::band_of_hour;

use super::period::Period;
use crate::access::Technology;
use crate::store::Store;
use crate::store::observation::{Observed, Question};
use crate::summary::Metric;

/// One test, about 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) device: u32,
    pub(super) operator: u32,
    /// Number of its area; none where it counts for none.
    pub(super) area: Option<u32>,
    /// Day of the common era.
    pub(super) day: u32,
    pub(super) technology: Technology,
    pub(super) band: u8,
    pub(super) mobilised: bool,
    pub(super) of_operator: bool,
    values: [Option<NonZeroU64>; 4],
}

impl Fact {
    /// Its value of a metric.
    pub(super) fn value(&self, metric: Metric) -> Option<u64> {
        let at = |i: usize| self.values[i].map(NonZeroU64::get);
        match metric {
            Metric::Download => at(0),
            Metric::Upload => at(1),
            Metric::IdleRtt => at(2),
            Metric::WorkingRtt => at(3),
            Metric::Responsiveness => at(3).map(|rtt_us| 60_000_000 / rtt_us),
        }
    }
}

/// The tests of a period with what their numbers stand for.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) facts: Vec<Fact>,
    pub(super) operators: Vec<String>,
    pub(super) areas: Vec<AreaKey>,
}

impl Facts {
    /// Reads the tests of a period, of one area or of all.
    pub(super) fn read(
        store: &Store,
        period: &Period,
        synthetic: bool,
        area: Option<&AreaKey>,
    ) -> Result<Self> {
        let mut reading = Reading::new(period);
        let question = Question {
            instants: period.instants(),
            months: period.months(),
            synthetic,
            area,
            ground: None,
        };
        store.observe(&question, |observed| reading.add(observed))?;
        Ok(reading.finish())
    }

    /// Facts by area, in the order of the areas.
    pub(super) fn by_area(&self) -> Vec<(&AreaKey, Vec<&Fact>)> {
        let mut by_area: Vec<_> = self.areas.iter().map(|key| (key, vec![])).collect();
        for fact in &self.facts {
            if let Some(area) = fact.area {
                by_area[area as usize].1.push(fact);
            }
        }
        by_area
    }
}

/// Names that get numbers.
struct Names<T>(HashMap<T, u32>);

impl<T: std::hash::Hash + Eq + Ord> Names<T> {
    fn none() -> Self {
        Self(HashMap::new())
    }

    fn number(&mut self, name: T) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(name).or_insert(next)
    }

    /// The names in their own order, and the place in it of each number.
    fn in_order(self) -> (Vec<T>, Vec<u32>) {
        let sorted: BTreeMap<T, u32> = self.0.into_iter().collect();
        let mut places = vec![0; sorted.len()];
        let named = (0..).zip(sorted).map(|(place, (name, number))| {
            if let Some(at) = places.get_mut(number as usize) {
                *at = place;
            }
            name
        });
        let names = named.collect();
        (names, places)
    }
}

/// Facts while they are read: numbers in the order of arrival.
pub(super) struct Reading {
    band: Option<u8>,
    over_months: bool,
    facts: Vec<Fact>,
    devices: Names<(String, Option<Date>)>,
    operators: Names<String>,
    areas: Names<AreaKey>,
}

impl Reading {
    pub(super) fn new(period: &Period) -> Self {
        Self {
            band: period.band,
            over_months: period.is_over_months(),
            facts: vec![],
            devices: Names::none(),
            operators: Names::none(),
            areas: Names::none(),
        }
    }

    pub(super) fn add(&mut self, observed: Observed) {
        let local = VIETNAM.to_datetime(observed.measured_at);
        let band = band_of_hour(local.hour().unsigned_abs());
        if self.band.is_some_and(|wanted| wanted != band) {
            return;
        }
        let day = civil_date(observed.measured_at);
        let month = self.over_months.then(|| day.first_of_month());
        let area = observed.area.map(|key| self.areas.number(key));
        self.facts.push(Fact {
            device: self.devices.number((observed.device, month)),
            operator: self.operators.number(observed.operator),
            area,
            day: day_number(day),
            technology: observed.technology,
            band,
            mobilised: observed.mobilised,
            of_operator: observed.of_operator,
            values: observed.values.map(|value| value.and_then(NonZeroU64::new)),
        });
    }

    /// Numbers everything by its name, so that the order in which tests were
    /// read does not matter to any figure.
    pub(super) fn finish(self) -> Facts {
        let (_, devices) = self.devices.in_order();
        let (operators, operator_places) = self.operators.in_order();
        let (areas, area_places) = self.areas.in_order();
        let mut facts = self.facts;
        for fact in &mut facts {
            fact.device = devices[fact.device as usize];
            fact.operator = operator_places[fact.operator as usize];
            fact.area = fact.area.map(|area| area_places[area as usize]);
        }
        Facts {
            facts,
            operators,
            areas,
        }
    }
}

fn day_number(day: Date) -> u32 {
    let year = u32::from(day.year().unsigned_abs());
    year * 366 + u32::from(day.day_of_year().unsigned_abs())
}
