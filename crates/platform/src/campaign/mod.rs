//! The definition of a campaign, as TOML.

use anyhow::{Context as _, Result, bail, ensure};
use jiff::civil::Date;
use metric::area::AreaKey;
use serde::Deserialize;

use crate::area::Area;
use crate::store::campaign::{Campaign, LegalBasis};
use crate::table::Rule;

/// Reads a definition and checks it against the areas known here.
///
/// # Errors
///
/// Names the key at fault, its value and what is expected.
pub fn parse(text: &str, areas: &[Area]) -> Result<Campaign> {
    let definition: Definition = toml::from_str(text).context("reading the campaign")?;
    let doing = format!("campaign {:?}", definition.id);
    definition.check(areas).context(doing)
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
}

/// An area of a campaign: a code alone names the area that existed before the
/// records begin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaLine {
    code: String,
    valid_from: Option<Date>,
}

impl Definition {
    fn check(self, known: &[Area]) -> Result<Campaign> {
        let quota = u64::try_from(self.quota_tests).unwrap_or(0);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            (1..=64).contains(&self.id.len()) && self.id.chars().all(plain),
            "id is {:?}, expected 1 to 64 of [0-9a-z-]",
            self.id
        );
        ensure!(!self.name.trim().is_empty(), "name is empty");
        ensure!(
            quota > 0,
            "quota_tests is {}, expected at least 1",
            self.quota_tests
        );
        if let Some(day) = self.deadline_day {
            let fits = (1..=28).contains(&day);
            ensure!(fits, "deadline_day is {day}, expected 1 to 28");
        }
        let areas = keys(self.areas, known)?;
        Ok(Campaign {
            id: self.id,
            name: self.name,
            quota_tests: quota,
            rule: self.rule,
            deadline_day: self.deadline_day,
            legal_bases: self.legal_bases,
            areas,
        })
    }
}

fn keys(lines: Vec<AreaLine>, known: &[Area]) -> Result<Vec<AreaKey>> {
    ensure!(!lines.is_empty(), "areas is empty, expected at least one");
    let mut keys = vec![];
    for AreaLine { code, valid_from } in lines {
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

    fn areas() -> Vec<Area> {
        let demonstration = include_str!("../../../../data/areas/district-1.demo.geojson");
        crate::area::parse(demonstration).unwrap()
    }

    #[track_caller]
    fn refused(from: &str, to: &str) -> String {
        let text = DISTRICT_1.replacen(from, to, 1);
        assert_ne!(text, DISTRICT_1);
        format!("{:#}", parse(&text, &areas()).unwrap_err())
    }

    #[test]
    fn district_1_has_ten_wards_and_then_four() {
        let campaign = parse(DISTRICT_1, &areas()).unwrap();
        let old = campaign.areas.iter().filter(|a| a.valid_from.is_none());
        assert_eq!((old.count(), campaign.areas.len()), (10, 14));
        assert_eq!((campaign.quota_tests, campaign.legal_bases.len()), (300, 4));
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
            ("\"26734\"", "\"99999\"", "99999@ is not known here"),
            ("\"26734\"", "\"26737\"", "26737@ stands twice"),
            ("\"district-1\"", "\"District 1\"", "id is"),
        ] {
            let text = refused(from, to);
            assert!(text.contains(says), "{says}: {text}");
        }
    }

    #[test]
    fn an_area_of_another_period_is_told_by_its_periods() {
        let text = refused("= \"2025-07-01\"", "= \"2025-07-02\"");
        assert!(text.contains("26737@, 26737@2025-07-01"), "{text}");
    }
}
