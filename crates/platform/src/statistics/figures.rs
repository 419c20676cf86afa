//! Figures by operator and technology, with their roll-ups.

use std::collections::{BTreeMap, BTreeSet};

use metric::figure::Figure;

use crate::access::{Technology, UNKNOWN_OPERATOR};
use crate::store::verdict::Observation;
use crate::table::{FigureRow, Figures};

/// A row for each operator and technology that has tests, and for their
/// roll-ups: `all` operators, `mobile` technologies.
pub(super) fn rows(observations: &[Observation]) -> Vec<FigureRow> {
    let mut cells: BTreeMap<Cell<'_>, Vec<&Observation>> = BTreeMap::new();
    for observation in observations {
        for cell in Cell::of(observation) {
            cells.entry(cell).or_default().push(observation);
        }
    }
    cells.iter().map(|(cell, tests)| row(cell, tests)).collect()
}

/// The figures of all operators and all mobile technologies together.
pub(super) fn all_mobile(observations: &[Observation]) -> Figures {
    let mobile = observations
        .iter()
        .filter(|test| test.technology != Technology::Fixed);
    figures(&mobile.collect::<Vec<_>>())
}

/// What a row is about, in the order of the rows.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Cell<'a> {
    operator: By<&'a str>,
    technology: By<Technology>,
}

/// All together first, the unknown last.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum By<T> {
    All,
    One(T),
    Unknown,
}

impl<'a> Cell<'a> {
    /// Every row that a test belongs to.
    fn of(test: &'a Observation) -> impl Iterator<Item = Self> {
        let operator = match test.operator.as_str() {
            UNKNOWN_OPERATOR => By::Unknown,
            id => By::One(id),
        };
        let mobile = (test.technology != Technology::Fixed).then_some(By::All);
        [By::All, operator].into_iter().flat_map(move |operator| {
            let technologies = mobile.into_iter().chain([By::One(test.technology)]);
            technologies.map(move |technology| Self {
                operator,
                technology,
            })
        })
    }

    fn operator(&self) -> &str {
        match self.operator {
            By::All => "all",
            By::One(id) => id,
            By::Unknown => UNKNOWN_OPERATOR,
        }
    }

    fn technology(&self) -> &'static str {
        match self.technology {
            By::One(technology) => technology.code(),
            By::All | By::Unknown => "mobile",
        }
    }
}

fn row(cell: &Cell<'_>, tests: &[&Observation]) -> FigureRow {
    let devices: BTreeSet<_> = tests.iter().map(|test| &test.device).collect();
    FigureRow {
        operator: cell.operator().to_owned(),
        technology: cell.technology().to_owned(),
        tests: tests.len() as u64,
        devices: devices.len() as u64,
        device_days: device_days(tests.iter().copied()),
        figures: figures(tests),
    }
}

fn figures(tests: &[&Observation]) -> Figures {
    Figures {
        download_bits_per_second: figure(tests, |test| test.download),
        upload_bits_per_second: figure(tests, |test| test.upload),
        idle_rtt_us: figure(tests, |test| test.idle_rtt),
    }
}

/// The figure of one metric: only tests that have a value stand behind it, in
/// the sample and in the device-days of the floor.
fn figure(tests: &[&Observation], value: impl Fn(&Observation) -> Option<u64>) -> Figure {
    let measured = || tests.iter().copied().filter(|test| value(test).is_some());
    let values = measured().filter_map(&value).collect();
    Figure::of(values, device_days(measured()))
}

fn device_days<'a>(tests: impl Iterator<Item = &'a Observation>) -> u64 {
    let pairs: BTreeSet<_> = tests.map(|test| (&test.device, &test.day)).collect();
    pairs.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(n: u64, operator: &str, technology: Technology) -> Observation {
        Observation {
            operator: operator.into(),
            technology,
            device: format!("device-{}", n % 31),
            day: "2024-11-08".into(),
            download: Some(n),
            upload: Some(n),
            idle_rtt: (n < 5).then_some(n),
        }
    }

    fn find<'a>(rows: &'a [FigureRow], operator: &str, technology: &str) -> Option<&'a FigureRow> {
        rows.iter()
            .find(|row| row.operator == operator && row.technology == technology)
    }

    #[test]
    fn every_test_stands_in_its_cell_and_in_the_roll_ups() {
        let tests = [
            test(1, "viettel", Technology::G4),
            test(2, "viettel", Technology::G5),
            test(3, UNKNOWN_OPERATOR, Technology::Fixed),
        ];
        let rows = rows(&tests);
        let count = |operator, technology| find(&rows, operator, technology).map(|row| row.tests);
        assert_eq!(count("all", "mobile"), Some(2));
        assert_eq!(count("all", "fixed"), Some(1));
        assert_eq!(count("viettel", "mobile"), Some(2));
        assert_eq!(count("viettel", "4g"), Some(1));
        assert_eq!(count("unknown", "fixed"), Some(1));
        assert_eq!(count("unknown", "mobile"), None);
        assert_eq!(rows[0].operator, "all");
        assert_eq!(rows.last().unwrap().operator, "unknown");
    }

    #[test]
    fn the_floor_counts_device_days_of_the_metric() {
        let tests: Vec<_> = (0..62)
            .map(|n| test(n, "viettel", Technology::G4))
            .collect();
        let rows = rows(&tests);
        let row = find(&rows, "all", "mobile").unwrap();
        assert_eq!((row.tests, row.devices, row.device_days), (62, 31, 31));
        let figures = row.figures;
        assert!(matches!(
            figures.download_bits_per_second,
            Figure::Published {
                n: 62,
                median: 30,
                ..
            }
        ));
        assert_eq!(figures.idle_rtt_us, Figure::Withheld { n: 5, why: None });
        assert_eq!(all_mobile(&tests), figures);
    }
}
