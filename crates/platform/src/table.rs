//! The numbers of an area and a month, as the API gives them and the reports
//! print them: computed once, in `statistics`, so that both say the same.

use std::collections::BTreeMap;

use jiff::civil::Date;
use metric::area::AreaKey;
use metric::figure::Figure;
use metric::month::Month;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::area::Area;

/// Which tests a quota counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// All of them, as i-Speed does.
    Raw,
    /// Without repeats.
    Qualified,
}

/// An area without its borders.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct AreaSummary {
    /// Code of the official list.
    pub code: String,
    /// First day; `null` where it existed before the records begin.
    #[schema(value_type = Option<String>, required = true, example = "2025-07-01")]
    pub valid_from: Option<Date>,
    /// First day no longer valid; `null` while it is.
    #[schema(value_type = Option<String>, required = true, example = "2025-07-01")]
    pub valid_to: Option<Date>,
    /// Name.
    pub name: String,
    /// Name with its kind.
    pub full_name: String,
    /// Whether its borders are approximate.
    pub approximate: bool,
}

impl AreaSummary {
    /// An area of which only the key is known.
    pub fn nameless(key: &AreaKey) -> Self {
        Self {
            code: key.code.clone(),
            valid_from: key.valid_from,
            valid_to: None,
            name: String::new(),
            full_name: String::new(),
            approximate: false,
        }
    }
}

impl From<&Area> for AreaSummary {
    fn from(area: &Area) -> Self {
        Self {
            code: area.key.code.clone(),
            valid_from: area.key.valid_from,
            valid_to: area.valid_to,
            name: area.name.clone(),
            full_name: area.full_name.clone(),
            approximate: area.approximate,
        }
    }
}

/// What counts for a quota in an area and a month.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Counts {
    /// Tests that count by the rule in force.
    pub counted: u64,
    /// Tests that count with repeats.
    pub raw: u64,
    /// Tests that count without repeats.
    pub qualified: u64,
    /// Devices behind `counted`.
    pub devices: u64,
    /// Tests that are not in `counted`, and refused submissions, by reason; a
    /// test with several reasons stands under each.
    pub not_counted: BTreeMap<String, u64>,
}

/// The quota of an area in a month.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QuotaTable {
    /// The area.
    pub area: AreaSummary,
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Tests owed; absent where no campaign asks for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// The rule in force.
    pub rule: Rule,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// The figures of an area in a month.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FigureTable {
    /// The area.
    pub area: AreaSummary,
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Edition of the methodology.
    pub edition: u16,
    /// A row for each operator and technology with tests, and their roll-ups.
    pub figures: Vec<FigureRow>,
}

/// The figures of one operator and technology.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FigureRow {
    /// Operator's id, `all`, or `unknown`.
    pub operator: String,
    /// Technology, or `mobile` for all mobile ones together.
    pub technology: String,
    /// Tests.
    pub tests: u64,
    /// Devices.
    pub devices: u64,
    /// Pairs of device and day.
    pub device_days: u64,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One figure for each metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Figures {
    /// Download.
    #[schema(value_type = FigureSchema)]
    pub download_bits_per_second: Figure,
    /// Upload.
    #[schema(value_type = FigureSchema)]
    pub upload_bits_per_second: Figure,
    /// Round-trip delay without load.
    #[schema(value_type = FigureSchema)]
    pub idle_rtt_us: Figure,
}

/// A campaign's month: the numbers behind page, CSV and XLSX.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MonthTable {
    /// Id of the campaign.
    pub campaign: String,
    /// Its name.
    pub name: String,
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Whether the borders of any area are approximate.
    pub approximate: bool,
    /// Tests each area owes that has no number of its own.
    pub quota: u64,
    /// Which tests count.
    pub rule: Rule,
    /// One row for each area that was valid in the month.
    pub rows: Vec<MonthRow>,
    /// Sums over the rows.
    pub total: MonthTotal,
}

/// An area in a campaign's month.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MonthRow {
    /// The area.
    pub area: AreaSummary,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// Tests owed.
    pub quota: u64,
    /// Tests still owed.
    pub shortfall: u64,
    /// Whether the quota is reached.
    pub reached: bool,
    /// All operators, all mobile technologies.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Sums over the areas of a campaign's month.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
pub struct MonthTotal {
    /// Tests that count by the rule.
    pub counted: u64,
    /// Tests that count with repeats.
    pub raw: u64,
    /// Tests that count without repeats.
    pub qualified: u64,
    /// Areas that reached their quota.
    pub reached_areas: u64,
    /// Areas.
    pub areas: u64,
    /// Tests that are not in `counted`, and refused submissions, by reason; a
    /// test with several reasons stands under each.
    pub not_counted: BTreeMap<String, u64>,
}

impl MonthTotal {
    /// The sums over some rows.
    pub fn of(rows: &[MonthRow]) -> Self {
        let mut total = Self::default();
        for row in rows {
            total.counted += row.counts.counted;
            total.raw += row.counts.raw;
            total.qualified += row.counts.qualified;
            total.reached_areas += u64::from(row.reached);
            total.areas += 1;
            for (reason, count) in &row.counts.not_counted {
                *total.not_counted.entry(reason.clone()).or_default() += count;
            }
        }
        total
    }
}

/// A figure, as the API describes it: the members of
/// [`metric::figure::Figure`], which knows nothing of an API. A test holds the
/// two together.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Figure)]
pub struct FigureSchema {
    /// `published`, or `withheld` for want of tests.
    pub state: String,
    /// Number of values.
    pub n: u64,
    /// Why it is withheld: `too_few`, `too_wide` or `dependent`.
    pub why: Option<String>,
    /// Median.
    pub median: Option<u64>,
    /// 95 % interval of the median.
    pub median_interval: Option<[u64; 2]>,
    /// Arithmetic mean.
    pub mean: Option<u64>,
    /// 95 % interval of the mean.
    pub mean_interval: Option<[u64; 2]>,
    /// 5 % quantile.
    pub p5: Option<u64>,
    /// Its 95 % interval.
    pub p5_interval: Option<[u64; 2]>,
    /// 25 % quantile.
    pub p25: Option<u64>,
    /// Its 95 % interval.
    pub p25_interval: Option<[u64; 2]>,
    /// 75 % quantile.
    pub p75: Option<u64>,
    /// Its 95 % interval.
    pub p75_interval: Option<[u64; 2]>,
    /// 95 % quantile.
    pub p95: Option<u64>,
    /// Its 95 % interval.
    pub p95_interval: Option<[u64; 2]>,
    /// Independent tests that would say as much.
    pub n_effective: Option<u64>,
    /// `A`, `B` or `C`: how far the figure can be trusted.
    pub grade: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_described_figure_has_the_members_of_the_real_one() {
        for n in [10, 400] {
            let figure = Figure::of((1..=n).collect(), n);
            let json = serde_json::to_value(figure).unwrap();
            let described: FigureSchema = serde_json::from_value(json).unwrap();
            assert_eq!(described.n, n);
        }
    }
}
