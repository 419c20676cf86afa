//! The numbers of an area and a month, as the API gives them and the reports
//! print them: computed once, in `statistics`, so that both say the same.

use std::collections::BTreeMap;

use jiff::civil::Date;
use metric::figure::Figure;
use metric::month::Month;
use serde::{Deserialize, Serialize};

use crate::area::Area;

/// Which tests a quota counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// All of them, as i-Speed does.
    Raw,
    /// Without repeats.
    Qualified,
}

/// An area without its borders.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AreaSummary {
    /// Code of the official list.
    pub code: String,
    /// First day; `null` where it existed before the records begin.
    pub valid_from: Option<Date>,
    /// First day no longer valid; `null` while it is.
    pub valid_to: Option<Date>,
    /// Name.
    pub name: String,
    /// Name with its kind.
    pub full_name: String,
    /// Whether its borders are approximate.
    pub approximate: bool,
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuotaTable {
    /// The area.
    pub area: AreaSummary,
    /// The month.
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureTable {
    /// The area.
    pub area: AreaSummary,
    /// The month.
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Edition of the methodology.
    pub edition: u16,
    /// A row for each operator and technology with tests, and their roll-ups.
    pub figures: Vec<FigureRow>,
}

/// The figures of one operator and technology.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Download.
    pub download_bits_per_second: Figure,
    /// Upload.
    pub upload_bits_per_second: Figure,
    /// Round-trip delay without load.
    pub idle_rtt_us: Figure,
}

/// A campaign's month: the numbers behind page, CSV and XLSX.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonthTable {
    /// Id of the campaign.
    pub campaign: String,
    /// Its name.
    pub name: String,
    /// The month.
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Whether the borders of any area are approximate.
    pub approximate: bool,
    /// Tests each area owes.
    pub quota: u64,
    /// Which tests count.
    pub rule: Rule,
    /// One row for each area that was valid in the month.
    pub rows: Vec<MonthRow>,
    /// Sums over the rows.
    pub total: MonthTotal,
}

/// An area in a campaign's month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonthRow {
    /// The area.
    pub area: AreaSummary,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// Tests still owed.
    pub shortfall: u64,
    /// Whether the quota is reached.
    pub reached: bool,
    /// All operators, all mobile technologies.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Sums over the areas of a campaign's month.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
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
