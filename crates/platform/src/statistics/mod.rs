//! From verdicts to counts and figures of an area and a month.
//!
//! The rules are in docs/METHODOLOGY.md: counts are always public, a figure
//! below the floor of device-days is withheld, and the device is the unit of
//! inference. Figures are kept ([`kept`]): a page reads them, a new test marks
//! those of its ward as overtaken, and one ward is computed again when asked for.

mod cell;
mod fact;
pub mod forecast;
pub mod ground;
pub mod kept;
pub mod period;
pub mod problem;

use std::collections::BTreeMap;

use anyhow::Result;
use metric::EDITION;
use metric::area::{AreaKey, Validity};
use metric::figure::Figure;
use metric::month::Month;
use metric::validity::Use;

use crate::area::Area;
use crate::store::Store;
use crate::store::campaign::Campaign;
use crate::store::observation::{Observed, Question};
use crate::store::verdict::AreaMonth;
use crate::summary::{Metric, Origin, PlaceFigures, PlaceRow};
use crate::table::{
    AreaSummary, Counts, FigureRow, FigureTable, Figures, MonthRow, MonthTable, MonthTotal,
    QuotaTable, Rule,
};
pub use cell::{Method, limits};
use period::Period;

/// The areas valid on any day of a month, by code and start.
pub fn valid_in(areas: &[Area], month: Month) -> Vec<&Area> {
    let days = Validity {
        from: Some(month.first_day()),
        to: Some(month.next().first_day()),
    };
    let mut valid: Vec<_> = areas
        .iter()
        .filter(|area| area.validity().overlaps(&days))
        .collect();
    valid.sort_by(|a, b| a.key.cmp(&b.key));
    valid
}

/// What counts for the quota of an area in a month.
///
/// # Errors
///
/// When the store cannot be read.
pub fn quota(store: &Store, area: &Area, month: Month, synthetic: bool) -> Result<QuotaTable> {
    let campaign = store.campaign_of(&area.key)?;
    let rule = campaign.as_ref().map_or(Rule::Qualified, |c| c.rule);
    Ok(QuotaTable {
        area: area.into(),
        month,
        synthetic,
        quota: campaign.map(|campaign| campaign.quota_of(&area.key)),
        rule,
        counts: counts(store, &scope(area, month, synthetic), rule)?,
    })
}

/// The figures of an area in a month.
///
/// # Errors
///
/// When the store cannot be read.
pub fn figures(store: &Store, area: &Area, month: Month, synthetic: bool) -> Result<FigureTable> {
    let figures = place(store, area, month, synthetic)?;
    let both = figures.rows.iter().filter(|row| row.origin == Origin::Both);
    Ok(FigureTable {
        area: area.into(),
        month,
        synthetic,
        edition: EDITION,
        figures: both.map(figure_row).collect(),
    })
}

/// The figures of areas from tests that come from elsewhere than the store:
/// from published files. Area by area in the order given.
///
/// # Errors
///
/// When the limits of the edition cannot be read.
pub fn figures_of(
    areas: &[(AreaKey, Vec<Observed>)],
    month: Month,
    synthetic: bool,
) -> Result<Vec<FigureTable>> {
    let method = Method::of_edition()?;
    let table = |(key, tests): &(AreaKey, Vec<Observed>)| FigureTable {
        area: AreaSummary::nameless(key),
        month,
        synthetic,
        edition: EDITION,
        figures: figure_rows(&method, month, tests.clone()),
    };
    Ok(areas.iter().map(table).collect())
}

/// The figures of some areas in a month taken together, as those of one.
///
/// # Errors
///
/// When the store cannot be read.
pub fn together(
    store: &Store,
    areas: &[&Area],
    month: Month,
    synthetic: bool,
) -> Result<Vec<FigureRow>> {
    let period = Period::month(month);
    let mut tests = vec![];
    for area in areas {
        let question = Question {
            instants: period.instants(),
            months: period.months(),
            synthetic,
            area: Some(&area.key),
            ground: None,
        };
        store.observe(&question, |test| tests.push(test))?;
    }
    Ok(figure_rows(&Method::of_edition()?, month, tests))
}

fn figure_rows(method: &Method, month: Month, tests: Vec<Observed>) -> Vec<FigureRow> {
    let rows = kept::rows_of(method, &Period::month(month), tests);
    let both = rows.iter().filter(|row| row.origin == Origin::Both);
    both.map(figure_row).collect()
}

/// A campaign's month: a row for each of its areas that was valid then.
///
/// # Errors
///
/// When the store cannot be read.
pub fn month_table(
    store: &Store,
    campaign: &Campaign,
    areas: &[Area],
    month: Month,
    synthetic: bool,
) -> Result<MonthTable> {
    let mut areas = valid_in(areas, month);
    areas.retain(|area| campaign.areas.contains(&area.key));
    let row = |area: &&Area| row(store, campaign, area, month, synthetic);
    let rows = areas.iter().map(row).collect::<Result<Vec<_>>>()?;
    Ok(MonthTable {
        campaign: campaign.id.clone(),
        name: campaign.name.clone(),
        month,
        synthetic,
        approximate: rows.iter().any(|row| row.area.approximate),
        quota: campaign.quota_tests,
        rule: campaign.rule,
        total: MonthTotal::of(&rows),
        rows,
    })
}

/// Everything that is said of an area in a month.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn place(store: &Store, area: &Area, month: Month, synthetic: bool) -> Result<PlaceFigures> {
    let method = Method::of_edition()?;
    kept::area(store, &method, &area.key, &Period::month(month), synthetic)
}

fn figure_row(row: &PlaceRow) -> FigureRow {
    FigureRow {
        operator: row.operator.clone(),
        technology: row.technology.clone(),
        tests: row.tests,
        devices: row.devices,
        device_days: row.device_days,
        figures: metrics(row),
    }
}

fn metrics(row: &PlaceRow) -> Figures {
    Figures {
        download_bits_per_second: row.figure(Metric::Download),
        upload_bits_per_second: row.figure(Metric::Upload),
        idle_rtt_us: row.figure(Metric::IdleRtt),
    }
}

/// The figures of all operators and all mobile technologies together.
fn all_mobile(figures: &PlaceFigures) -> Figures {
    let none = Figure::Withheld { n: 0, why: None };
    let nothing = Figures {
        download_bits_per_second: none,
        upload_bits_per_second: none,
        idle_rtt_us: none,
    };
    figures.row("all", "mobile").map_or(nothing, metrics)
}

fn row(
    store: &Store,
    campaign: &Campaign,
    area: &Area,
    month: Month,
    synthetic: bool,
) -> Result<MonthRow> {
    let scope = scope(area, month, synthetic);
    let counts = counts(store, &scope, campaign.rule)?;
    let quota = campaign.quota_of(&area.key);
    Ok(MonthRow {
        area: area.into(),
        quota,
        shortfall: quota.saturating_sub(counts.counted),
        reached: counts.counted >= quota,
        figures: all_mobile(&place(store, area, month, synthetic)?),
        counts,
    })
}

fn scope(area: &Area, month: Month, synthetic: bool) -> AreaMonth {
    AreaMonth {
        area: area.key.clone(),
        month,
        synthetic,
    }
}

/// What counts in an area and a month by a rule.
///
/// # Errors
///
/// When the store cannot be read.
pub fn counts_of(
    store: &Store,
    area: &Area,
    month: Month,
    rule: Rule,
    synthetic: bool,
) -> Result<Counts> {
    counts(store, &scope(area, month, synthetic), rule)
}

fn counts(store: &Store, scope: &AreaMonth, rule: Rule) -> Result<Counts> {
    let counts = store.quota_counts(scope, rule)?;
    Ok(Counts {
        counted: match rule {
            Rule::Raw => counts.raw,
            Rule::Qualified => counts.qualified,
        },
        raw: counts.raw,
        qualified: counts.qualified,
        devices: counts.devices,
        not_counted: not_counted(store, scope, rule)?,
    })
}

/// Why tests are not counted: each under every reason that keeps it out by the
/// rule in force, and refusals under their problem.
fn not_counted(store: &Store, scope: &AreaMonth, rule: Rule) -> Result<BTreeMap<String, u64>> {
    let r#use = match rule {
        Rule::Raw => Use::QuotaRaw,
        Rule::Qualified => Use::Quota,
    };
    let mut by_reason = store.area_rejections(scope)?;
    for (reasons, tests) in store.not_counted(scope, rule)? {
        for reason in reasons.into_iter().filter(|reason| reason.bars(r#use)) {
            *by_reason.entry(reason.code().to_owned()).or_default() += tests;
        }
    }
    Ok(by_reason)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::fixture::{Place, draft, moved, signed};

    #[test]
    fn november_2024_has_ten_wards_and_july_2025_four() {
        let place = Place::new();
        assert_eq!(place.november(false).rows.len(), 10);
        let july = "2025-07".parse().unwrap();
        assert_eq!(valid_in(place.areas.areas(), july).len(), 4);
    }

    #[test]
    fn the_rule_decides_what_a_repeat_is_worth() {
        let place = Place::new();
        place.collect(&signed(draft(1))).unwrap();
        let earlier = draft(1).receipt.started_at - SignedDuration::from_mins(1);
        let mut repeat = moved(draft(2), earlier);
        repeat.context.device = draft(1).context.device;
        place.collect(&signed(repeat)).unwrap();
        let total = |rule| {
            let (campaign, month) = (place.campaign(rule), "2024-11".parse().unwrap());
            let areas = place.areas.areas();
            month_table(&place.store, &campaign, areas, month, false)
                .unwrap()
                .total
        };
        let (raw, qualified) = (total(Rule::Raw), total(Rule::Qualified));
        assert_eq!((raw.counted, raw.reached_areas), (2, 1));
        assert!(raw.not_counted.is_empty());
        assert_eq!((qualified.counted, qualified.reached_areas), (1, 0));
        assert_eq!(qualified.not_counted.get("repeat"), Some(&1));
        assert_eq!((qualified.raw, qualified.qualified), (2, 1));
    }

    #[test]
    fn without_a_campaign_there_is_no_quota() {
        let place = Place::new();
        let month = "2024-11".parse().unwrap();
        let area = valid_in(place.areas.areas(), month)[0];
        let table = quota(&place.store, area, month, false).unwrap();
        assert_eq!((table.quota, table.rule), (None, Rule::Qualified));
        place
            .store
            .put_campaign(&place.campaign(Rule::Raw), crate::fixture::ACT)
            .unwrap();
        let table = quota(&place.store, area, month, false).unwrap();
        assert_eq!((table.quota, table.rule), (Some(2), Rule::Raw));
    }
}
