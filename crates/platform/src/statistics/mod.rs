//! From verdicts to counts and figures of an area and a month.
//!
//! The rules are in docs/METHODOLOGY.md: counts are always public, a figure
//! below the floor of device-days is withheld, and the device is the unit of
//! inference.

mod figures;

use std::collections::BTreeMap;

use anyhow::Result;
use metric::METHOD;
use metric::area::{AreaKey, Validity};
use metric::month::Month;
use metric::validity::Use;

use crate::area::Area;
use crate::store::Store;
use crate::store::campaign::Campaign;
use crate::store::verdict::{AreaMonth, Observation};
use crate::table::{
    AreaSummary, Counts, FigureRow, FigureTable, MonthRow, MonthTable, MonthTotal, QuotaTable, Rule,
};

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
        quota: campaign.map(|campaign| campaign.quota_tests),
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
    let observations = store.observations(&scope(area, month, synthetic))?;
    Ok(FigureTable {
        area: area.into(),
        month,
        synthetic,
        edition: METHOD,
        figures: figures::rows(&observations),
    })
}

/// The figures of areas from observations that come from elsewhere than the
/// store: from published files. Area by area in the order given.
pub fn figures_of(
    areas: &[(AreaKey, Vec<Observation>)],
    month: Month,
    synthetic: bool,
) -> Vec<FigureTable> {
    let table = |(key, observations): &(AreaKey, Vec<Observation>)| FigureTable {
        area: AreaSummary::nameless(key),
        month,
        synthetic,
        edition: METHOD,
        figures: figures::rows(observations),
    };
    areas.iter().map(table).collect()
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
    let mut observations = vec![];
    for area in areas {
        observations.extend(store.observations(&scope(area, month, synthetic))?);
    }
    Ok(figures::rows(&observations))
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

fn row(
    store: &Store,
    campaign: &Campaign,
    area: &Area,
    month: Month,
    synthetic: bool,
) -> Result<MonthRow> {
    let scope = scope(area, month, synthetic);
    let counts = counts(store, &scope, campaign.rule)?;
    Ok(MonthRow {
        area: area.into(),
        shortfall: campaign.quota_tests.saturating_sub(counts.counted),
        reached: counts.counted >= campaign.quota_tests,
        figures: figures::all_mobile(&store.observations(&scope)?),
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
            .add_campaign(&place.campaign(Rule::Raw))
            .unwrap();
        let table = quota(&place.store, area, month, false).unwrap();
        assert_eq!((table.quota, table.rule), (Some(2), Rule::Raw));
    }
}
