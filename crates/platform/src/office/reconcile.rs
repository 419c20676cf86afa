//! Official counts beside ours: how much of the difference follows from the
//! rule, from the time zone in which a month is cut, and from the edition of
//! the areas; and what is left.
//!
//! Each way of counting (with or without repeats; the month in Vietnam's time
//! or in UTC; the area of the month or that of the same code in another time)
//! gives a number of ours. The way that comes nearest to the official count
//! explains the difference, step by step; of ways that come equally near, the
//! one with the fewest steps.

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::Time;
use metric::area::AreaKey;
use metric::month::{Month, VIETNAM};
use serde::Serialize;

use super::unit_report::Sheet;
use crate::area::Area;
use crate::centre::Centre;
use crate::statistics::valid_in;
use crate::store::reconcile::Way;
use crate::table::{AreaSummary, Rule};

/// An area's count of others beside ours.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Reconciled {
    /// The area.
    pub area: AreaSummary,
    /// Number of the source, and who published it.
    pub source: i64,
    /// Who published it.
    pub provenance: String,
    /// Their count, of all operators together.
    pub official: u64,
    /// Ours by the campaign's rule.
    pub ours: u64,
    /// Theirs less ours.
    pub difference: i64,
    /// What explains it, in order.
    pub steps: Vec<Explained>,
    /// What no step explains.
    pub unexplained: i64,
}

/// A part of a difference.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Explained {
    /// `rule`, `time_zone` or `area_edition`.
    pub by: &'static str,
    /// Tests it adds to ours, or takes away.
    pub tests: i64,
    /// The same as a sentence.
    pub text: String,
}

/// Every official count of a campaign's month beside ours.
///
/// # Errors
///
/// When the store cannot be read.
pub fn reconcile(centre: &Centre, sheet: Sheet<'_>) -> Result<Vec<Reconciled>> {
    let index = centre.areas();
    let mut areas = valid_in(index.areas(), sheet.month);
    areas.retain(|area| sheet.campaign.areas.contains(&area.key));
    let mut all = vec![];
    for area in areas {
        for (source, provenance, official) in totals(centre, &area.key, sheet.month)? {
            let ways = ways(area, index.areas(), sheet);
            let counted = ways.into_iter().map(|way| {
                let tests = centre.store().count_by(&way, sheet.synthetic)?;
                Ok((way, tests))
            });
            let mut counted = counted.collect::<Result<Vec<_>>>()?;
            // Borders in which no test was placed explain nothing.
            counted.retain(|(way, tests)| way.twin.is_none() || *tests > 0);
            all.push(explained(area, source, provenance, official, &counted));
        }
    }
    Ok(all)
}

/// The official counts of an area and a month by source: `all`, or the sum of
/// the operators.
fn totals(centre: &Centre, area: &AreaKey, month: Month) -> Result<Vec<(i64, String, u64)>> {
    let counts = centre.store().official_counts(area, month)?;
    let mut totals: Vec<(i64, String, u64)> = vec![];
    for count in &counts {
        let whole = counts
            .iter()
            .any(|c| c.source == count.source && c.operator == "all");
        if whole && count.operator != "all" {
            continue;
        }
        match totals
            .last_mut()
            .filter(|(source, ..)| *source == count.source)
        {
            Some((_, _, tests)) => *tests += count.tests,
            None => totals.push((count.source, count.provenance.clone(), count.tests)),
        }
    }
    Ok(totals)
}

/// Every way of counting, our own first and those with fewer steps before
/// those with more.
fn ways(area: &Area, areas: &[Area], sheet: Sheet<'_>) -> Vec<Way> {
    let own = sheet.campaign.rule;
    let other = match own {
        Rule::Raw => Rule::Qualified,
        Rule::Qualified => Rule::Raw,
    };
    let twins = areas
        .iter()
        .filter(|twin| twin.key.code == area.key.code && twin.key != area.key);
    let keys: Vec<_> = std::iter::once(None)
        .chain(twins.map(|twin| Some(twin.key.clone())))
        .collect();
    let mut ways = vec![];
    for rule in [own, other] {
        for utc in [false, true] {
            for twin in &keys {
                ways.push(Way {
                    area: area.key.clone(),
                    twin: twin.clone(),
                    rule,
                    instants: instants(sheet.month, utc),
                    utc,
                });
            }
        }
    }
    ways.sort_by_key(|way| steps(way, own));
    ways
}

fn steps(way: &Way, own: Rule) -> u8 {
    u8::from(way.rule != own) + u8::from(way.utc) + u8::from(way.twin.is_some())
}

/// First instant of a month, and of the next.
fn instants(month: Month, utc: bool) -> (Timestamp, Timestamp) {
    let start = |month: Month| {
        let midnight = month.first_day().to_datetime(Time::midnight());
        let zone = if utc { jiff::tz::Offset::UTC } else { VIETNAM };
        zone.to_timestamp(midnight).unwrap_or(Timestamp::MAX)
    };
    (start(month), start(month.next()))
}

fn explained(
    area: &Area,
    source: i64,
    provenance: String,
    official: u64,
    counted: &[(Way, u64)],
) -> Reconciled {
    let away = |(_, tests): &&(Way, u64)| tests.abs_diff(official);
    let (own, ours) = &counted[0];
    // `min_by_key` takes the first of equals, which has the fewest steps.
    let nearest = counted.iter().min_by_key(away).unwrap_or(&counted[0]);
    let steps = path(own, &nearest.0, counted);
    Reconciled {
        area: area.into(),
        source,
        provenance,
        official,
        ours: *ours,
        difference: signed(official, *ours),
        unexplained: signed(official, nearest.1),
        steps,
    }
}

/// The steps from our way of counting to another: first the rule, then the
/// time zone, then the areas.
fn path(own: &Way, to: &Way, counted: &[(Way, u64)]) -> Vec<Explained> {
    let count = |way: &Way| {
        counted
            .iter()
            .find(|(w, _)| w == way)
            .map_or(0, |(_, tests)| *tests)
    };
    let mut steps = vec![];
    let mut at = own.clone();
    let mut go = |next: Way, by, text: String| {
        let tests = signed(count(&next), count(&at));
        steps.push(Explained { by, tests, text });
        at = next;
    };
    let mut next = own.clone();
    if to.rule != own.rule {
        next.rule = to.rule;
        let text = match to.rule {
            Rule::Raw => "tính cả phép đo lặp",
            Rule::Qualified => "bỏ phép đo lặp",
        };
        go(next.clone(), "rule", text.into());
    }
    if to.utc != own.utc {
        (next.utc, next.instants) = (to.utc, to.instants);
        go(
            next.clone(),
            "time_zone",
            "tháng tính theo giờ UTC thay vì giờ Việt Nam".into(),
        );
    }
    if let Some(twin) = &to.twin {
        next.twin = to.twin.clone();
        let text = format!("theo ranh giới {twin} của mã này ở thời kỳ khác");
        go(next, "area_edition", text);
    }
    steps
}

fn signed(one: u64, other: u64) -> i64 {
    let size = i64::try_from(one.abs_diff(other)).unwrap_or(i64::MAX);
    if one >= other { size } else { -size }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::config::Config;
    use crate::fixture::{OPERATORS, PREFIXES, at, draft, moved, register, signed as sent};
    use crate::import::{Mapping, official, place};
    use crate::store::import::Source;

    /// Five honest tests in Bến Nghé, a repeat, and two that lie in October by
    /// UTC.
    fn centre(directory: &tempfile::TempDir) -> Centre {
        let config = Config {
            data_dir: directory.path().to_owned(),
            ..Config::default()
        };
        let centre = Centre::open(config, || at("2024-12-12T00:00:00Z")).unwrap();
        centre.import_operators(OPERATORS, PREFIXES).unwrap();
        register(centre.store());
        let collect = |test: metric::submission::Submission| {
            let now = test.receipt.issued_at + SignedDuration::from_secs(60);
            centre.collect_at(now, &sent(test)).unwrap();
        };
        for n in 1..=5 {
            collect(draft(n));
        }
        let mut repeat = moved(draft(6), at("2024-11-08T02:01:00Z"));
        repeat.context.device = "device-0001".into();
        collect(repeat);
        for n in 7..=8 {
            collect(moved(draft(n), at("2024-10-31T18:00:00Z")));
        }
        centre
    }

    fn told(centre: &Centre, tests: u64) -> Reconciled {
        let text = "source = \"Cục Viễn thông\"\nmonth = \"2024-11\"\n[columns]\narea = \"ma\"\ntests = \"mau\"";
        let mapping = Mapping::parse(text).unwrap();
        let list = format!("ma,mau\n26740,{tests}\n");
        let read = official(list.as_bytes(), &mapping).unwrap();
        let counts = place::counts(read, &centre.areas(), centre.now()).rows;
        let source = Source {
            kind: "official",
            file_name: "f".into(),
            sha256: tests.to_string(),
            provenance: mapping.source,
            mapping: text.into(),
        };
        centre
            .store()
            .import_counts(&source, &counts, centre.now())
            .unwrap();
        let campaign = centre.store().campaign("district-1").unwrap().unwrap();
        let sheet = Sheet {
            campaign: &campaign,
            month: "2024-11".parse().unwrap(),
            synthetic: false,
        };
        reconcile(centre, sheet).unwrap().pop().unwrap()
    }

    #[test]
    fn a_difference_is_told_by_rule_and_time_zone_and_what_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let centre = centre(&directory);
        for (official, steps, unexplained) in [
            (7, vec![], 0),
            (8, vec![("rule", 1)], 0),
            (5, vec![("time_zone", -2)], 0),
            (6, vec![("rule", 1), ("time_zone", -2)], 0),
            (20, vec![("rule", 1)], 12),
            (0, vec![("time_zone", -2)], -5),
        ] {
            let found = told(&centre, official);
            let said: Vec<_> = found
                .steps
                .iter()
                .map(|step| (step.by, step.tests))
                .collect();
            assert_eq!(
                (found.ours, said, found.unexplained),
                (7, steps, unexplained),
                "{official}"
            );
            let explained: i64 = found.steps.iter().map(|step| step.tests).sum();
            assert_eq!(found.difference, explained + found.unexplained);
        }
    }
}
