//! The definition of a campaign, as TOML, and its calendar.

pub mod calendar;
mod difference;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::civil::Date;
use metric::area::AreaKey;
use metric::month::Month;
use serde::Deserialize;

use crate::access::Technology;
use crate::area::Area;
use crate::quantity::Quantity;
use crate::store::campaign::{Campaign, Closed, Goal, LegalBasis, Terms};
use crate::store::organisation::Organisation;
use crate::table::Rule;

pub use difference::{Difference, differences};

/// What a definition is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The areas known here.
    pub areas: &'a [Area],
    /// Their edition.
    pub area_edition: i64,
    /// The organisations known here.
    pub organisations: &'a [Organisation],
}

/// Reads a definition and checks it against what is known here.
///
/// # Errors
///
/// Names the key at fault, its value and what is expected.
pub fn parse(text: &str, known: Known<'_>) -> Result<Campaign> {
    let definition: Definition = toml::from_str(text).context("reading the campaign")?;
    let doing = format!("campaign {:?}", definition.id);
    definition.check(known).context(doing)
}

/// A campaign's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    /// In addresses: 1 to 64 of `[0-9a-z-]`.
    id: String,
    name: String,
    /// Tests each area owes a month.
    quota_tests: i64,
    /// `raw` counts as i-Speed does, `qualified` leaves repeats out.
    rule: Rule,
    /// Day of the following month before which units report.
    deadline_day: Option<u8>,
    #[serde(default)]
    legal_bases: Vec<LegalBasis>,
    areas: Vec<AreaLine>,
    /// First and last month; open where absent.
    first_month: Option<Month>,
    last_month: Option<Month>,
    /// Tests a member owes a day.
    duty_tests_a_day: Option<i64>,
    #[serde(default)]
    reporting: Reporting,
    /// Whose campaign it is, and the office that gathers the reports: codes.
    organisation: Option<String>,
    office: Option<String>,
    /// Organisations elsewhere that report too, with those below them.
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    goals: Vec<Goal>,
}

/// Days off, and what they do to a deadline.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reporting {
    /// `next` (the default), `previous` or `keep`.
    closed: Option<Closed>,
    /// Days off beside weekends, 1 January, 30 April, 1 May and 2 September.
    #[serde(default)]
    holidays: Vec<Date>,
}

/// An area of a campaign: a code alone names the area that existed before the
/// records begin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaLine {
    code: String,
    valid_from: Option<Date>,
    /// What it owes where that is another number than `quota_tests`.
    quota_tests: Option<i64>,
}

impl Definition {
    fn check(self, known: Known<'_>) -> Result<Campaign> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            (1..=64).contains(&self.id.len()) && self.id.chars().all(plain),
            "id is {:?}, expected 1 to 64 of [0-9a-z-]",
            self.id
        );
        ensure!(!self.name.trim().is_empty(), "name is empty");
        let quota_tests = quota("quota_tests", self.quota_tests)?;
        if let Some(day) = self.deadline_day {
            let fits = (1..=28).contains(&day);
            ensure!(fits, "deadline_day is {day}, expected 1 to 28");
        }
        let terms = self.terms(known)?;
        self.legal_bases.iter().try_for_each(basis)?;
        let quotas = own_quotas(&self.areas)?;
        let areas = keys(self.areas, known.areas)?;
        Ok(Campaign {
            id: self.id,
            name: self.name,
            quota_tests,
            rule: self.rule,
            deadline_day: self.deadline_day,
            legal_bases: self.legal_bases,
            areas,
            quotas,
            terms,
        })
    }

    fn terms(&self, known: Known<'_>) -> Result<Terms> {
        if let Some((first, last)) = self.first_month.zip(self.last_month) {
            ensure!(
                first <= last,
                "last_month is {last}, before first_month {first}"
            );
        }
        let duty = self.duty_tests_a_day.unwrap_or(1);
        let fits = (1..=24).contains(&duty);
        ensure!(fits, "duty_tests_a_day is {duty}, expected 1 to 24");
        let main = self.organisation.iter().map(|code| ("organisation", code));
        let office = self.office.iter().map(|code| ("office", code));
        let also = self.also.iter().map(|code| ("also", code));
        for (key, code) in main.chain(office).chain(also) {
            let there = known.organisations.iter().any(|o| o.code == *code);
            ensure!(
                there,
                "{key} is {code:?}, which is not in the directory; import it first"
            );
        }
        self.goals.iter().try_for_each(goal)?;
        Ok(Terms {
            first_month: self.first_month,
            last_month: self.last_month,
            area_edition: Some(known.area_edition),
            duty_tests_a_day: u32::try_from(duty)?,
            closed: self.reporting.closed.unwrap_or(Closed::Next),
            holidays: self.reporting.holidays.clone(),
            organisation: self.organisation.clone(),
            also: self.also.clone(),
            office: self.office.clone(),
            goals: self.goals.clone(),
        })
    }
}

fn quota(key: &str, tests: i64) -> Result<u64> {
    let fits = (1..=MOST_TESTS).contains(&tests);
    ensure!(fits, "{key} is {tests}, expected 1 to {MOST_TESTS}");
    Ok(u64::try_from(tests)?)
}

/// Tests an area can owe a month.
const MOST_TESTS: i64 = 1_000_000;

fn own_quotas(lines: &[AreaLine]) -> Result<BTreeMap<AreaKey, u64>> {
    let own = lines
        .iter()
        .filter_map(|line| Some((line, line.quota_tests?)));
    own.map(|(line, tests)| {
        let AreaLine {
            code, valid_from, ..
        } = line;
        let tests = quota(&format!("areas {code}: quota_tests"), tests)?;
        let key = AreaKey {
            code: code.clone(),
            valid_from: *valid_from,
        };
        Ok((key, tests))
    })
    .collect()
}

/// A number of a document is `3879/UBND-VHTT`: digits, a slash, a sign.
fn basis(basis: &LegalBasis) -> Result<()> {
    let number = &basis.number;
    let whole = |(digits, sign): (&str, &str)| {
        let counted = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
        counted && !sign.is_empty() && !sign.contains(char::is_whitespace)
    };
    ensure!(
        number.split_once('/').is_some_and(whole),
        "legal_bases number is {number:?}, expected a number, a slash and a sign as 3879/UBND-VHTT"
    );
    for (key, text) in [("issuer", &basis.issuer), ("abstract", &basis.r#abstract)] {
        ensure!(
            !text.trim().is_empty(),
            "legal_bases {number}: {key} is empty"
        );
    }
    Ok(())
}

fn goal(goal: &Goal) -> Result<()> {
    let Goal {
        metric,
        technology,
        at_least,
        ..
    } = goal;
    let known = Quantity::ALL.map(Quantity::name).join(", ");
    ensure!(
        Quantity::of(metric).is_some(),
        "goals metric is {metric:?}, expected one of {known}"
    );
    let technologies = "mobile, 2g, 3g, 4g, 5g, mobile_other or fixed";
    ensure!(
        technology == "mobile" || Technology::from_code(technology).is_some(),
        "goals technology is {technology:?}, expected {technologies}"
    );
    ensure!(*at_least > 0, "goals at_least is 0, expected more");
    Ok(())
}

fn keys(lines: Vec<AreaLine>, known: &[Area]) -> Result<Vec<AreaKey>> {
    ensure!(!lines.is_empty(), "areas is empty, expected at least one");
    let mut keys = vec![];
    for AreaLine {
        code, valid_from, ..
    } in lines
    {
        let key = AreaKey { code, valid_from };
        ensure!(!keys.contains(&key), "area {key} stands twice in areas");
        if !known.iter().any(|area| area.key == key) {
            bail!(
                "area {key} is not known here; import it first, or write its valid_from \
                 (known: {})",
                starts(&key.code, known)
            );
        }
        keys.push(key);
    }
    keys.sort();
    Ok(keys)
}

fn starts(code: &str, known: &[Area]) -> String {
    let same = known.iter().filter(|area| area.key.code == code);
    let keys: Vec<_> = same.map(|area| area.key.to_string()).collect();
    if keys.is_empty() {
        "none of this code".into()
    } else {
        keys.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTRICT_1: &str = include_str!("../../../../data/campaigns/district-1.toml");

    const DIRECTORY: &[u8] = include_bytes!("../../../../data/organisations/district-1.csv");

    fn parsed(text: &str) -> Result<Campaign> {
        let areas = areas();
        let organisations = crate::organisation::plan(DIRECTORY, &[], &areas)
            .unwrap()
            .added;
        let known = Known {
            areas: &areas,
            area_edition: 7,
            organisations: &organisations,
        };
        parse(text, known)
    }

    fn areas() -> Vec<Area> {
        let demonstration = include_str!("../../../../data/areas/district-1.demo.geojson");
        crate::area::parse(demonstration).unwrap()
    }

    #[track_caller]
    fn refused(from: &str, to: &str) -> String {
        let text = DISTRICT_1.replacen(from, to, 1);
        assert_ne!(text, DISTRICT_1);
        format!("{:#}", parsed(&text).unwrap_err())
    }

    #[test]
    fn district_1_has_ten_wards_and_then_four() {
        let campaign = parsed(DISTRICT_1).unwrap();
        let old = campaign.areas.iter().filter(|a| a.valid_from.is_none());
        assert_eq!((old.count(), campaign.areas.len()), (10, 14));
        assert_eq!((campaign.quota_tests, campaign.legal_bases.len()), (300, 4));
        let Terms {
            area_edition,
            organisation,
            goals,
            ..
        } = &campaign.terms;
        assert_eq!(
            (*area_edition, organisation.as_deref()),
            (Some(7), Some("q1"))
        );
        assert_eq!(goals[0].at_least, 40_000_000);
        assert!(campaign.runs_in("2024-11".parse().unwrap()));
        assert!(!campaign.runs_in("2024-06".parse().unwrap()));
    }

    #[test]
    fn a_wrong_definition_names_the_key() {
        for (from, to, says) in [
            ("quota_tests = 300", "quota_tests = 0", "quota_tests is 0"),
            ("quota_tests = 300", "quota_tests = -5", "quota_tests is -5"),
            ("quota_tests = 300", "quota_tests = \"300\"", "quota_tests"),
            ("quota_tests", "qouta_tests", "qouta_tests"),
            ("\"qualified\"", "\"all\"", "qualified"),
            (
                "deadline_day = 10",
                "deadline_day = 31",
                "deadline_day is 31",
            ),
            (
                "\"26734\" }",
                "\"26734\", quota_tests = -5 }",
                "areas 26734: quota_tests is -5",
            ),
            ("2024-07\"", "2024-13\"", "YYYY-MM"),
            (
                "first_month = \"2024-07\"",
                "first_month = \"2024-07\"\nlast_month = \"2024-06\"",
                "last_month is 2024-06",
            ),
            ("3879/UBND-VHTT\"", "3879UBND-VHTT\"", "3879UBND-VHTT"),
            ("\"q1-vhtt\"", "\"q1-vhxh\"", "office is \"q1-vhxh\""),
            (
                "duty_tests_a_day = 1",
                "duty_tests_a_day = 0",
                "duty_tests_a_day is 0",
            ),
            (
                "technology = \"4g\"",
                "technology = \"6g\"",
                "goals technology is \"6g\"",
            ),
            ("closed = \"next\"", "closed = \"never\"", "never"),
            ("\"26734\"", "\"99999\"", "99999@ is not known here"),
            ("\"26734\"", "\"26737\"", "26737@ stands twice"),
            ("\"district-1\"", "\"District 1\"", "id is"),
        ] {
            let text = refused(from, to);
            assert!(text.contains(says), "{says}: {text}");
        }
    }

    #[test]
    fn an_area_may_owe_another_number() {
        let text = DISTRICT_1.replacen("\"26734\" }", "\"26734\", quota_tests = 500 }", 1);
        let campaign = parsed(&text).unwrap();
        let [first, second, ..] = campaign.areas.as_slice() else {
            panic!("no areas")
        };
        assert_eq!(
            (campaign.quota_of(first), campaign.quota_of(second)),
            (500, 300)
        );
        let said = differences(&parsed(DISTRICT_1).unwrap(), &campaign);
        assert_eq!(said.len(), 1);
        assert_eq!(
            (said[0].key.as_str(), said[0].after.as_str()),
            ("quota of 26734@", "500")
        );
    }

    #[test]
    fn an_area_of_another_period_is_told_by_its_periods() {
        let text = refused("= \"2025-07-01\"", "= \"2025-07-02\"");
        assert!(text.contains("26737@, 26737@2025-07-01"), "{text}");
    }
}
