//! What is seen around a problem area: at which hours it is slow, what other
//! operators measure in the same cells, and on which technologies its own
//! operator serves them.
//!
//! Taken when the area is found, so that the sheet is of the tests that made it
//! one, and no page has to read a country's month.

use metric::figure::FLOOR_DEVICE_DAYS;
use metric::weight::{BANDS, band_of_hour};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ProblemArea;
use super::find::{Heap, Heaps};

/// Fewest devices behind what is said of a band of the day.
pub const FEWEST_DEVICES: u64 = 3;

/// The surroundings of a problem area in the month in which it was found last.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sheet {
    /// The bands of the day, in order.
    pub hours: Vec<Hours>,
    /// Every operator with tests of the technology in the cells, its own first.
    pub operators: Vec<Beside>,
    /// Its own operator's tests in the cells by technology.
    pub technologies: Vec<Served>,
}

/// A band of the day.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = ProblemHours)]
pub struct Hours {
    /// First hour.
    pub from_hour: u8,
    /// The hour after the last.
    pub to_hour: u8,
    /// Device-days in the band; absent below three devices.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_days: Option<u64>,
    /// Slow ones among them; absent below three devices.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub below: Option<u64>,
}

/// An operator in the same cells.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = ProblemOperator)]
pub struct Beside {
    /// Operator's id.
    pub operator: String,
    /// Tests.
    pub tests: u64,
    /// Device-days.
    pub device_days: u64,
    /// Median download, bit/s; absent below the floor of device-days.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub median_bits_per_second: Option<u64>,
    /// Device-days below the area's limit; absent below the floor.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub below: Option<u64>,
}

/// Tests of one technology.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = ProblemTechnology)]
pub struct Served {
    /// Technology.
    pub technology: String,
    /// Tests.
    pub tests: u64,
}

impl Sheet {
    /// What a month's tests say around an area.
    pub(super) fn of(heaps: &Heaps, area: &ProblemArea) -> Self {
        let limit = area.limit_bits_per_second;
        let mut sheet = Self::default();
        for kind @ (operator, technology) in heaps.keys() {
            let heap = area.heap(heaps, kind);
            if heap.values.is_empty() {
                continue;
            }
            let (own, same) = (
                *operator == area.operator,
                technology.code() == area.technology,
            );
            if own {
                sheet.technologies.push(Served {
                    technology: technology.code().into(),
                    tests: heap.values.len() as u64,
                });
            }
            if own && same {
                sheet.hours = hours(&heap, limit);
            }
            if same {
                sheet.operators.push(beside(operator, &heap, limit));
            }
        }
        sheet
            .operators
            .sort_by_key(|row| (row.operator != area.operator, std::cmp::Reverse(row.tests)));
        sheet
    }
}

fn hours(heap: &Heap, limit: u64) -> Vec<Hours> {
    let row = |(band, (from_hour, to_hour)): (u8, (u8, u8))| {
        let within = |minute: u16| {
            let hour = i8::try_from(minute / 60).unwrap_or(0);
            band_of_hour(hour.unsigned_abs()) == band
        };
        let values = heap.values.iter().filter(|value| within(value.3));
        let evidence = Heap {
            values: values.cloned().collect(),
        }
        .evidence(limit);
        let enough = evidence.devices >= FEWEST_DEVICES;
        Hours {
            from_hour,
            to_hour,
            device_days: enough.then_some(evidence.device_days),
            below: enough.then_some(evidence.below),
        }
    };
    (0_u8..).zip(BANDS).map(row).collect()
}

fn beside(operator: &str, heap: &Heap, limit: u64) -> Beside {
    let evidence = heap.evidence(limit);
    let enough = evidence.device_days >= FLOOR_DEVICE_DAYS;
    Beside {
        operator: operator.to_owned(),
        tests: evidence.tests,
        device_days: evidence.device_days,
        median_bits_per_second: enough.then(|| heap.median()),
        below: enough.then_some(evidence.below),
    }
}

#[cfg(test)]
mod tests {
    use h3o::{LatLng, Resolution};
    use metric::problem::Rule;

    use super::super::find::find;
    use super::*;
    use crate::access::Technology;

    /// A cell in which one operator is slow in the evening, and another is not.
    fn heaps() -> Heaps {
        let cell = LatLng::new(10.78, 106.70)
            .unwrap()
            .to_cell(Resolution::Nine);
        let mut heaps = Heaps::new();
        let mut add = |operator: &str, technology, devices: u32, slow: u64| {
            let kind = heaps.entry((operator.to_owned(), technology)).or_default();
            let heap: &mut Heap = kind.entry(cell).or_default();
            for n in 0..devices {
                let day = "2024-11-04".parse().unwrap();
                let (rate, minute) = if n % 2 == 0 {
                    (slow, 1_200)
                } else {
                    (40_000_000, 600)
                };
                heap.values.push((format!("{n}"), day, rate, minute));
                heap.values.push((format!("{n}"), day, rate, minute / 2));
            }
        };
        add("viettel", Technology::G4, 60, 2_000_000);
        add("viettel", Technology::G5, 2, 90_000_000);
        add("mobifone", Technology::G4, 40, 30_000_000);
        add("itel", Technology::G4, 5, 30_000_000);
        heaps
    }

    #[test]
    fn a_sheet_says_what_many_measured_and_counts_the_rest() {
        let heaps = heaps();
        let areas = find(&heaps, &[], "2024-11".parse().unwrap(), &Rule::default());
        assert_eq!(areas.len(), 1, "{areas:?}");
        let sheet = Sheet::of(&heaps, &areas[0]);
        let operators: Vec<_> = sheet
            .operators
            .iter()
            .map(|row| {
                (
                    row.operator.as_str(),
                    row.tests,
                    row.median_bits_per_second.is_some(),
                )
            })
            .collect();
        let want = [
            ("viettel", 120, true),
            ("mobifone", 80, true),
            ("itel", 10, false),
        ];
        assert_eq!(operators, want);
        assert_eq!(sheet.operators[0].below, Some(30));
        let technologies: Vec<_> = sheet
            .technologies
            .iter()
            .map(|row| (row.technology.as_str(), row.tests))
            .collect();
        assert_eq!(technologies, [("4g", 120), ("5g", 4)]);
        let evening = sheet.hours.iter().find(|row| row.from_hour == 19).unwrap();
        assert_eq!((evening.device_days, evening.below), (Some(30), Some(30)));
        let late = sheet.hours.last().unwrap();
        assert_eq!((late.device_days, late.below), (None, None));
    }
}
