//! The rows of a place: operators, technologies, origins, and their roll-ups.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use metric::correlation::{Anova, correlation};
use metric::figure::Figure;
use metric::limit::Limit;
use metric::sample::{Reading, Sample, Scale, Unit, collapse};
use metric::summary::{About, Described, Draws, Floors, Summary, summarise};
use metric::weight::{Cell, Target, post_stratify};
use serde::Deserialize;

use super::fact::Fact;
use crate::access::{Technology, UNKNOWN_OPERATOR};
use crate::summary::{Metric, MetricFigures, Origin, PlaceRow};

/// What every figure is made with.
#[derive(Clone, Debug)]
pub struct Method {
    /// Floors and grades.
    pub floors: Floors,
    /// Thresholds of shares of rates, bit/s.
    pub thresholds: Vec<u64>,
    /// Limits that figures are held against.
    pub limits: Vec<Limit>,
    /// Shares that figures are weighted to, where they are known.
    pub target: Option<Target>,
}

impl Method {
    /// The method of this edition: its floors, the thresholds of 10, 25, 40 and
    /// 100 Mbit/s, the limits of `data/limits.toml`, and no weights.
    ///
    /// # Errors
    ///
    /// When the limits that come with the program cannot be read.
    pub fn of_edition() -> Result<Self> {
        Ok(Self {
            floors: Floors::default(),
            thresholds: vec![10_000_000, 25_000_000, 40_000_000, 100_000_000],
            limits: limits(LIMITS).context("reading the limits of the program")?,
            target: None,
        })
    }

    /// The same with a table of shares to weight to (TOML: `source`, `operators`
    /// by id, `bands`).
    ///
    /// # Errors
    ///
    /// When the text is no such table; names the key.
    pub fn with_target(self, text: &str) -> Result<Self> {
        let target: Target = toml::from_str(text).context("reading the table of shares")?;
        let shares = target.operators.values().chain(&target.bands);
        ensure!(
            shares.clone().all(|share| (0.0..=1.0).contains(share)),
            "a share of operators or bands is not between 0 and 1"
        );
        Ok(Self {
            target: Some(target),
            ..self
        })
    }
}

/// Reads a table of limits, TOML.
///
/// # Errors
///
/// When the text is no such table; names the key.
pub fn limits(text: &str) -> Result<Vec<Limit>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        limits: Vec<Limit>,
    }
    let table: Table = toml::from_str(text)?;
    let metrics = table.limits.iter();
    let unknown = metrics
        .clone()
        .find(|limit| Metric::from_code(&limit.metric).is_none());
    if let Some(limit) = unknown {
        bail!(
            "limit {:?}: no metric is called {:?}",
            limit.id,
            limit.metric
        );
    }
    Ok(table.limits)
}

const LIMITS: &str = include_str!("../../../../data/limits.toml");

/// Correlations pooled over similar wards: by metric, and whether fixed.
pub(super) type Pool = BTreeMap<(String, bool), Anova>;

/// All together first, the unknown last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum By<T> {
    All,
    One(T),
    Unknown,
}

/// What a row is about, in the order of the rows.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    operator: By<u32>,
    technology: By<Technology>,
    origin: Origin,
}

/// Makes the rows of places of one period.
pub(super) struct Rows<'a> {
    pub(super) method: &'a Method,
    pub(super) operators: &'a [String],
    pub(super) pool: &'a Pool,
    /// First day of the period, which decides on limits.
    pub(super) day: jiff::civil::Date,
}

impl Rows<'_> {
    /// A row for each operator and technology that has tests, for their
    /// roll-ups, and for the origins of all mobile tests together.
    pub(super) fn of(&self, facts: &[&Fact], draws: &mut Draws) -> Vec<PlaceRow> {
        let mut cells: BTreeMap<Key, Vec<&Fact>> = BTreeMap::new();
        for &fact in facts {
            for key in self.keys(fact) {
                cells.entry(key).or_default().push(fact);
            }
        }
        let rows = cells.iter();
        rows.map(|(key, facts)| self.row(*key, facts, draws))
            .collect()
    }

    /// Every row that a test belongs to.
    fn keys(&self, fact: &Fact) -> Vec<Key> {
        let known = self.operators.get(fact.operator as usize);
        let known = known.is_some_and(|id| id != UNKNOWN_OPERATOR);
        let operator = if known {
            By::One(fact.operator)
        } else {
            By::Unknown
        };
        let mobile = fact.technology != Technology::Fixed;
        let key = |operator, technology, origin| Key {
            operator,
            technology,
            origin,
        };
        let mut keys = vec![];
        for operator in [Some(By::All), fact.of_operator.then_some(operator)] {
            let Some(operator) = operator else { continue };
            keys.push(key(operator, By::One(fact.technology), Origin::Both));
            if mobile {
                keys.push(key(operator, By::All, Origin::Both));
            }
        }
        if mobile {
            let origin = if fact.mobilised {
                Origin::Mobilised
            } else {
                Origin::Organic
            };
            keys.push(key(By::All, By::All, origin));
        }
        keys
    }

    fn row(&self, key: Key, facts: &[&Fact], draws: &mut Draws) -> PlaceRow {
        let devices: BTreeSet<_> = facts.iter().map(|fact| fact.device).collect();
        let days: BTreeSet<_> = facts.iter().map(|fact| (fact.device, fact.day)).collect();
        let metrics = Metric::ALL.into_iter().filter_map(|metric| {
            let figures = self.metric(key, metric, facts, draws)?;
            Some((metric.code().to_owned(), figures))
        });
        PlaceRow {
            operator: self.operator(key).to_owned(),
            technology: technology(key).to_owned(),
            origin: key.origin,
            tests: facts.len() as u64,
            mobilised: facts.iter().filter(|fact| fact.mobilised).count() as u64,
            devices: devices.len() as u64,
            device_days: days.len() as u64,
            metrics: metrics.collect(),
        }
    }

    fn operator(&self, key: Key) -> &str {
        match key.operator {
            By::All => "all",
            By::One(number) => self
                .operators
                .get(number as usize)
                .map_or("", String::as_str),
            By::Unknown => UNKNOWN_OPERATOR,
        }
    }

    /// The figures of a metric; `None` when no test has it.
    fn metric(
        &self,
        key: Key,
        metric: Metric,
        facts: &[&Fact],
        draws: &mut Draws,
    ) -> Option<MetricFigures> {
        let mut readings = readings(facts, metric, |_| 0);
        if readings.is_empty() {
            return None;
        }
        let tests = readings.len() as u64;
        let sample = Sample::new(collapse(&mut readings, Scale::Log));
        let thresholds = self.thresholds(key, metric);
        let about = About {
            tests,
            bands: bands(facts, metric),
            scale: Scale::Log,
            rho: self.rho(&sample, metric, key),
            thresholds: &thresholds,
            floors: &self.method.floors,
        };
        let summary = summarise(&sample, &about, draws);
        Some(MetricFigures {
            verdicts: self.verdicts(key, metric, &summary),
            weighted: self.weighted(key, metric, facts, &about, draws),
            summary,
        })
    }

    fn rho(&self, sample: &Sample, metric: Metric, key: Key) -> f64 {
        let fixed = key.technology == By::One(Technology::Fixed);
        let similar = self.pool.get(&(metric.code().to_owned(), fixed));
        let own = Anova::of(sample, Scale::Log);
        correlation(&own, &similar.copied().unwrap_or_default())
    }

    /// The limits that speak of a row's metric on the day.
    fn limits(&self, key: Key, metric: Metric) -> impl Iterator<Item = &Limit> {
        let operator = self.operator(key);
        let technology = technology(key);
        let limits = self.method.limits.iter();
        limits.filter(move |l| l.applies(self.day, operator, technology, metric.code()))
    }

    fn thresholds(&self, key: Key, metric: Metric) -> Vec<u64> {
        let own = matches!(metric, Metric::Download | Metric::Upload);
        let own = own.then_some(self.method.thresholds.as_slice());
        let of_limits = self.limits(key, metric).filter_map(Limit::threshold);
        let mut all: Vec<_> = own
            .unwrap_or_default()
            .iter()
            .copied()
            .chain(of_limits)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn verdicts(
        &self,
        key: Key,
        metric: Metric,
        summary: &Summary,
    ) -> BTreeMap<String, metric::limit::Verdict> {
        let verdict = |limit: &Limit| {
            let below = limit.threshold().and_then(|threshold| {
                let shares = summary.below.iter();
                shares
                    .clone()
                    .find(|b| b.threshold == threshold)
                    .map(|b| b.share)
            });
            let verdict = limit.verdict(&summary.figure, below.as_ref())?;
            Some((limit.id.clone(), verdict))
        };
        self.limits(key, metric).filter_map(verdict).collect()
    }

    /// The figure weighted to operators and hours, for all operators together.
    fn weighted(
        &self,
        key: Key,
        metric: Metric,
        facts: &[&Fact],
        about: &About<'_>,
        draws: &mut Draws,
    ) -> Option<Figure> {
        let target = self.method.target.as_ref()?;
        if key.operator != By::All || key.technology == By::One(Technology::Fixed) {
            return None;
        }
        // Here a device-day is parted by band as well.
        let mut readings = readings(facts, metric, |fact| u32::from(fact.band));
        let cells = cells(&mut readings);
        let counts = cells.iter().fold(BTreeMap::new(), |mut counts, (cell, _)| {
            *counts.entry(*cell).or_insert(0) += 1;
            counts
        });
        let weights = post_stratify(&counts, |cell| self.due(target, cell));
        let weighted = |(cell, unit): (Cell, Unit)| Unit {
            weight: weights.get(&cell).copied().unwrap_or(unit.weight),
            ..unit
        };
        let sample = Sample::new(cells.into_iter().map(weighted).collect());
        Described::of(&sample, about.scale, about.rho, draws)?;
        Some(summarise(&sample, about, draws).figure)
    }

    /// Share that the table gives an operator in a band.
    fn due(&self, target: &Target, (operator, band): Cell) -> Option<f64> {
        let id = self.operators.get(operator as usize)?;
        Some(target.operators.get(id)? * target.bands.get(usize::from(band))?)
    }
}

const fn technology(key: Key) -> &'static str {
    match key.technology {
        By::One(technology) => technology.code(),
        By::All | By::Unknown => "mobile",
    }
}

/// Operator, technology and something more as one number.
fn readings(facts: &[&Fact], metric: Metric, more: impl Fn(&Fact) -> u32) -> Vec<Reading> {
    let reading = |fact: &&Fact| {
        Some(Reading {
            device: fact.device,
            day: fact.day,
            group: (fact.operator * 8 + fact.technology as u32) * 8 + more(fact),
            value: fact.value(metric)?,
        })
    };
    facts.iter().filter_map(reading).collect()
}

/// Collapsed values with the operator and the band they are of.
fn cells(readings: &mut [Reading]) -> Vec<(Cell, Unit)> {
    readings.sort_unstable();
    let mut cells = vec![];
    let mut rest = &mut *readings;
    while let Some(first) = rest.first().copied() {
        let same =
            |r: &Reading| (r.device, r.day, r.group) == (first.device, first.day, first.group);
        let end = rest.partition_point(same);
        let (day, after) = rest.split_at_mut(end);
        let band = u8::try_from(first.group % 8).unwrap_or(0);
        let cell = (first.group / 64, band);
        cells.extend(
            collapse(day, Scale::Log)
                .into_iter()
                .map(|unit| (cell, unit)),
        );
        rest = after;
    }
    cells
}

fn bands(facts: &[&Fact], metric: Metric) -> u8 {
    let measured = facts.iter().filter(|fact| fact.value(metric).is_some());
    let bands: BTreeSet<_> = measured.map(|fact| fact.band).collect();
    u8::try_from(bands.len()).unwrap_or(u8::MAX)
}

/// The sums of variance of all mobile tests and of all fixed ones of a ward.
pub(super) fn anovas(facts: &[&Fact]) -> Pool {
    let mut pool = Pool::new();
    for fixed in [false, true] {
        let of_kind = facts
            .iter()
            .copied()
            .filter(|f| (f.technology == Technology::Fixed) == fixed);
        let of_kind: Vec<_> = of_kind.collect();
        for metric in Metric::ALL {
            let mut readings = readings(&of_kind, metric, |_| 0);
            let sample = Sample::new(collapse(&mut readings, Scale::Log));
            pool.insert(
                (metric.code().to_owned(), fixed),
                Anova::of(&sample, Scale::Log),
            );
        }
    }
    pool
}

/// Adds the sums of another ward.
pub(super) fn pooled(mut pool: Pool, other: Pool) -> Pool {
    for (key, anova) in other {
        let sum = pool.entry(key).or_default();
        *sum = sum.with(&anova);
    }
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_the_program_are_read_and_have_sources() {
        let limits = Method::of_edition().unwrap().limits;
        assert!(limits.len() >= 18);
        assert!(limits.iter().all(|limit| !limit.source.is_empty()));
        let of_5g =
            |l: &&Limit| l.applies("2024-11-01".parse().unwrap(), "viettel", "5g", &l.metric);
        assert_eq!(limits.iter().filter(of_5g).count(), 5);
    }

    #[test]
    fn a_limit_of_no_metric_or_with_a_misspelt_key_is_refused() {
        let bad = LIMITS.replacen("idle_rtt_us", "delay", 1);
        assert!(limits(&bad).unwrap_err().to_string().contains("delay"));
        let bad = LIMITS.replacen("technologies", "technology", 1);
        assert!(limits(&bad).is_err());
    }

    #[test]
    fn a_table_of_shares_is_checked() {
        let method = Method::of_edition().unwrap();
        let table =
            "source = \"a\"\nbands = [0.1, 0.5, 0.1, 0.25, 0.05]\n[operators]\nviettel = 0.55\n";
        assert!(method.clone().with_target(table).is_ok());
        let bad = table.replace("0.55", "55");
        assert!(method.with_target(&bad).is_err());
    }
}
