//! The quota of an area at the month's end, forecast from its days, and where
//! one more test helps most.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::civil::Date;
use metric::area::AreaKey;
use metric::month::Month;
use metric::projection::{
    Day, Prior, Progress, Projection, dispersion, prior, project, weekday_factors,
};
use metric::steering::{Stratum, gains};
use metric::unit::to_f64;
use metric::weight::{BANDS, Target, band};
use serde::Serialize;

use super::period::Period;
use crate::area::Area;
use crate::store::Store;
use crate::store::history::middle;
use crate::store::observation::Question;
use crate::table::Rule;

/// Past months that a forecast learns from.
const PAST_MONTHS: u8 = 3;

/// Forecasts the quota of an area; `today` is the first day that is not over.
///
/// # Errors
///
/// When the store cannot be read.
pub fn project_area(
    store: &Store,
    area: &AreaKey,
    month: Month,
    quota: u64,
    rule: Rule,
    today: Date,
    synthetic: bool,
) -> Result<Projection> {
    let first = month_before(month, PAST_MONTHS);
    let days = store.daily_counts(area, (first, month), synthetic, rule)?;
    Ok(project_days(&days, month, quota, today))
}

/// Forecasts from daily counts of the month and of months before; a day without
/// a count had none.
pub fn project_days(days: &[(Date, u64)], month: Month, quota: u64, today: Date) -> Projection {
    let counts: BTreeMap<Date, u64> = days.iter().copied().collect();
    let history = history(&counts, month);
    let factors = weekday_factors(&history);
    let weight = |day: &Date| factors[usize::from(weekday(*day))];
    let of_month = days_of(month);
    let (past, rest): (Vec<Date>, Vec<Date>) = of_month.into_iter().partition(|day| *day < today);
    let counted = past
        .iter()
        .chain(&rest)
        .filter_map(|day| counts.get(day))
        .sum();
    project(&Progress {
        quota,
        counted,
        past: &past.iter().map(weight).collect::<Vec<_>>(),
        rest: &rest.iter().map(weight).collect::<Vec<_>>(),
        prior: learnt(&counts, month),
        dispersion: dispersion(&history, &factors),
    })
}

fn weekday(day: Date) -> u8 {
    day.weekday().to_monday_zero_offset().unsigned_abs()
}

fn days_of(month: Month) -> Vec<Date> {
    let days = month.first_day().series(jiff::Span::new().days(1));
    days.take(usize::from(month.days())).collect()
}

fn month_before(month: Month, months: u8) -> Month {
    let day = month
        .first_day()
        .saturating_sub(jiff::Span::new().months(i64::from(months)));
    let text = format!("{:04}-{:02}", day.year(), day.month());
    text.parse().unwrap_or(month)
}

/// Every day of the past months that had any test, as weekday and count.
fn history(counts: &BTreeMap<Date, u64>, month: Month) -> Vec<Day> {
    let months = (1..=PAST_MONTHS).map(|back| month_before(month, back));
    let measured =
        months.filter(|month| days_of(*month).iter().any(|day| counts.contains_key(day)));
    measured
        .flat_map(days_of)
        .map(|day| (weekday(day), counts.get(&day).copied().unwrap_or(0)))
        .collect()
}

fn learnt(counts: &BTreeMap<Date, u64>, month: Month) -> Prior {
    let rate = |back: u8| {
        let days = days_of(month_before(month, back));
        let sum: u64 = days.iter().filter_map(|day| counts.get(day)).sum();
        (sum > 0).then(|| to_f64(sum) / to_f64(days.len() as u64))
    };
    prior(&(1..=PAST_MONTHS).filter_map(rate).collect::<Vec<_>>())
}

/// A part of a ward where tests are wanted.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Wanted {
    /// Operator's id.
    pub operator: String,
    /// First hour and the hour after the last.
    #[schema(value_type = Vec<u8>)]
    pub hours: (u8, u8),
    /// Part of the ward as seen from its middle: `đông`, `tây`, `nam` or `bắc`.
    pub side: &'static str,
    /// Device-days it has.
    pub device_days: u64,
    /// Share of the variance that one more takes off, 0 to 1.
    pub gain: f64,
    /// The same as a sentence for a coordinator.
    pub text: String,
}

/// The parts of a ward where one more test narrows the interval most.
///
/// At most `most` of them, by operator, band of the day and side. Without a
/// table of shares operators are due what they have, and bands the hours they
/// last.
///
/// # Errors
///
/// When the store cannot be read.
pub fn steer(
    store: &Store,
    area: &Area,
    month: Month,
    target: Option<&Target>,
    synthetic: bool,
    most: usize,
) -> Result<Vec<Wanted>> {
    let counts = parts(store, area, month, synthetic)?;
    let operators: BTreeMap<&str, u64> =
        counts.iter().fold(BTreeMap::new(), |mut sums, (key, n)| {
            *sums.entry(key.0.as_str()).or_default() += n;
            sums
        });
    let mut keys = vec![];
    for operator in operators.keys() {
        for band in 0..BANDS.len() {
            keys.extend(SIDES.iter().map(|side| (*operator, band, *side)));
        }
    }
    let count = |(operator, band, side): (&str, usize, &'static str)| {
        counts
            .get(&(operator.to_owned(), band, side))
            .copied()
            .unwrap_or(0)
    };
    let due = |(operator, band, _): (&str, usize, &'static str)| match target {
        Some(target) => {
            target.operators.get(operator).copied().unwrap_or(0.0) * target.bands[band] / 4.0
        }
        None => to_f64(operators[operator]) * awake_hours(BANDS[band]) / 4.0,
    };
    let strata = keys.iter().map(|&key| Stratum {
        due: due(key),
        device_days: count(key),
    });
    let gains = gains(&strata.collect::<Vec<_>>());
    let mut wanted: Vec<_> = keys
        .iter()
        .zip(gains)
        .map(|(&key, gain)| want(key, count(key), gain))
        .collect();
    wanted.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    wanted.truncate(most);
    Ok(wanted)
}

const SIDES: [&str; 4] = ["đông", "tây", "nam", "bắc"];

/// Hours of a band in which people use their phones; the night counts a tenth.
fn awake_hours((first, end): (u8, u8)) -> f64 {
    let hours = f64::from(end - first);
    if first == 0 { hours / 10.0 } else { hours }
}

type Parts = BTreeMap<(String, usize, &'static str), u64>;

fn parts(store: &Store, area: &Area, month: Month, synthetic: bool) -> Result<Parts> {
    use geo::Centroid as _;
    let period = Period::month(month);
    let centre = area.geometry.centroid();
    let question = Question {
        instants: period.instants(),
        months: period.months(),
        synthetic,
        area: Some(&area.key),
        ground: None,
    };
    let mut days = std::collections::BTreeSet::new();
    store.observe(&question, |test| {
        let at = test.cell.and_then(|cell| middle(cell.cast_signed()));
        let side = at
            .zip(centre)
            .map(|(at, centre)| side(at.longitude() - centre.x(), at.latitude() - centre.y()));
        let day = metric::month::civil_date(test.measured_at);
        let band = usize::from(band(test.measured_at));
        if let Some(side) = side {
            days.insert((test.operator, band, side, test.device, day));
        }
    })?;
    let mut parts = Parts::new();
    for (operator, band, side, ..) in days {
        *parts.entry((operator, band, side)).or_default() += 1;
    }
    Ok(parts)
}

fn side(east: f64, north: f64) -> &'static str {
    match (east.abs() >= north.abs(), east >= 0.0, north >= 0.0) {
        (true, true, _) => "đông",
        (true, false, _) => "tây",
        (false, _, false) => "nam",
        (false, _, true) => "bắc",
    }
}

fn want(
    (operator, band, side): (&str, usize, &'static str),
    device_days: u64,
    gain: f64,
) -> Wanted {
    let (first, end) = BANDS[band];
    Wanted {
        operator: operator.to_owned(),
        hours: (first, end),
        side,
        device_days,
        gain: (gain * 1e4).round() / 1e4,
        text: format!("{operator}, {first:02}–{end:02} giờ, phía {side} của phường"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month() -> Month {
        "2024-11".parse().unwrap()
    }

    #[test]
    fn a_ward_on_its_usual_pace_has_even_chances() {
        // 10 a day in three months and in the first ten days.
        let days: Vec<_> = ["2024-08", "2024-09", "2024-10", "2024-11"]
            .iter()
            .flat_map(|month| days_of(month.parse().unwrap()))
            .filter(|day| *day < "2024-11-11".parse().unwrap())
            .map(|day| (day, 10))
            .collect();
        let projection = project_days(&days, month(), 300, "2024-11-11".parse().unwrap());
        assert!(
            (0.35..0.65).contains(&projection.probability),
            "{projection:?}"
        );
        assert_eq!(projection.needed_per_day, Some(10.0));
        assert!((290..=310).contains(&projection.expected));
    }

    #[test]
    fn a_ward_without_history_or_tests_will_not_reach_it() {
        let projection = project_days(&[], month(), 300, "2024-11-21".parse().unwrap());
        assert!(projection.probability < 0.01 && projection.shortfall > 200);
    }

    #[test]
    fn a_side_is_seen_from_the_middle() {
        assert_eq!(
            [
                side(2.0, 1.0),
                side(-2.0, 1.0),
                side(1.0, -2.0),
                side(1.0, 2.0)
            ],
            ["đông", "tây", "nam", "bắc"]
        );
    }

    #[test]
    fn who_is_wanted_is_said_in_words() {
        let place = crate::fixture::Place::new();
        for n in 1..=3 {
            place
                .collect(&crate::fixture::signed(crate::fixture::draft(n)))
                .unwrap();
        }
        let areas = place.areas.areas().iter();
        let area = areas.clone().find(|a| a.name == "Bến Nghé").unwrap();
        let wanted = steer(&place.store, area, month(), None, false, 3).unwrap();
        assert_eq!(wanted.len(), 3);
        assert!(
            wanted[0].text.starts_with("viettel, 06–18 giờ"),
            "{wanted:?}"
        );
        assert!(wanted[0].gain >= wanted[1].gain);
    }
}
