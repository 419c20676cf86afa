//! Figures of a place and a period, as they are kept, shown and published:
//! computed once, in `statistics`, so that page, API and files say the same.

use std::collections::BTreeMap;

use metric::figure::Figure;
use metric::limit::Verdict;
use metric::summary::Summary;
use serde::{Deserialize, Serialize};

/// A kind of place.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A ward of one edition of the areas.
    Ward,
    /// A district, where wards name one: until 30 June 2025.
    District,
    /// A province.
    Province,
    /// Everything.
    Country,
}

impl Level {
    /// Every level, the smallest first.
    pub const ALL: [Self; 4] = [Self::Ward, Self::District, Self::Province, Self::Country];

    /// The code in tables and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ward => "ward",
            Self::District => "district",
            Self::Province => "province",
            Self::Country => "country",
        }
    }

    /// The level of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.code() == code)
    }
}

/// The place of the country's figures.
pub const COUNTRY: &str = "vn";

/// What is measured; figures are given for each.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Metric {
    /// Download, bit/s.
    Download,
    /// Upload, bit/s.
    Upload,
    /// Round-trip delay without load, µs.
    IdleRtt,
    /// Round-trip delay under load, µs.
    WorkingRtt,
    /// Round trips a minute under load: 60 s over [`Self::WorkingRtt`].
    Responsiveness,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 5] = [
        Self::Download,
        Self::Upload,
        Self::IdleRtt,
        Self::WorkingRtt,
        Self::Responsiveness,
    ];

    /// The name in tables and JSON, with its unit.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Download => "download_bits_per_second",
            Self::Upload => "upload_bits_per_second",
            Self::IdleRtt => "idle_rtt_us",
            Self::WorkingRtt => "working_rtt_us",
            Self::Responsiveness => "responsiveness_per_minute",
        }
    }

    /// The metric of a name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.code() == code)
    }

    /// Whether more is better.
    pub const fn higher_is_better(self) -> bool {
        matches!(self, Self::Download | Self::Upload | Self::Responsiveness)
    }
}

/// Which tests are behind a figure.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// All of them.
    Both,
    /// Those that came by themselves.
    Organic,
    /// Those that a unit with a duty asked for.
    Mobilised,
}

/// The figures of one place in one period.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PlaceFigures {
    /// Kind of place.
    pub level: Level,
    /// The place: key of an area, code of a district or province, or `vn`.
    pub place: String,
    /// The period, as `2024-11`, `2024-W46`, `2024-11-08`, `2024-Q4`,
    /// `2024-11/12m`; `@18-19` behind it for a band of the day.
    pub period: String,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Edition of the rules.
    pub edition: u16,
    /// Whether some tests were placed by their cell alone, because their
    /// position had expired before this edition of the areas.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub coarse: bool,
    /// A row for each operator and technology with tests, and their roll-ups.
    pub rows: Vec<PlaceRow>,
}

/// The figures of one operator, technology and origin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PlaceRow {
    /// Operator's id, `all`, or `unknown`.
    pub operator: String,
    /// Technology, or `mobile` for all mobile ones together.
    pub technology: String,
    /// Which tests.
    pub origin: Origin,
    /// Tests.
    pub tests: u64,
    /// Of these, asked for by a unit with a duty.
    pub mobilised: u64,
    /// Devices.
    pub devices: u64,
    /// Pairs of device and day.
    pub device_days: u64,
    /// The figures by metric; a metric that no test has is absent.
    pub metrics: BTreeMap<String, MetricFigures>,
}

/// The figures of one metric.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MetricFigures {
    /// Counts, quantiles, mean, shares.
    #[serde(flatten)]
    pub summary: Summary,
    /// The same weighted to operators and hours; absent without a table of
    /// shares, and in rows of one operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Figure>,
    /// Verdicts by the id of the limit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, Verdict>,
}

impl PlaceFigures {
    /// The row of all tests of an operator and a technology.
    pub fn row(&self, operator: &str, technology: &str) -> Option<&PlaceRow> {
        self.rows.iter().find(|row| {
            row.operator == operator && row.technology == technology && row.origin == Origin::Both
        })
    }
}

impl PlaceRow {
    /// The figure of a metric; withheld with no values where no test has it.
    pub fn figure(&self, metric: Metric) -> Figure {
        let found = self.metrics.get(metric.code());
        found.map_or(Figure::Withheld { n: 0, why: None }, |m| m.summary.figure)
    }
}
