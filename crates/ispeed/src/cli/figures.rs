//! The commands about figures, verdicts and problem areas.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use platform::statistics::period::Period;
use platform::summary::Level;

use super::StoreArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum StatisticsCommand {
    /// Compute the figures of every ward, district, province and the country,
    /// and keep them.
    #[command(
        after_help = "Examples:\n  ispeed statistics compute --period 2024-11\n  \
        ispeed statistics compute --period 2024-Q4 --shares shares.toml"
    )]
    Compute(ComputeArgs),
    /// Show the figures of a place.
    #[command(
        after_help = "Examples:\n  ispeed statistics show --period 2024-11 --place 26740\n  \
        ispeed statistics show --period 2024-11@19-23 --place 26740 --json\n  \
        ispeed statistics show --period 2024-11 --level country"
    )]
    Show(ShowArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ComputeArgs {
    /// A day, week, month, quarter or twelve months, perhaps a band of the day:
    /// 2024-11-08, 2024-W46, 2024-11, 2024-Q4, 2024-11/12m, 2024-11@18-19.
    #[arg(long, value_name = "PERIOD")]
    pub(crate) period: Period,
    /// Shares of operators and hours to weight to (TOML) [default: unweighted only]
    #[arg(long, value_name = "FILE")]
    pub(crate) shares: Option<PathBuf>,
    /// Of the synthetic tests instead of the real ones.
    #[arg(long)]
    pub(crate) synthetic: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The period, as for `compute`.
    #[arg(long, value_name = "PERIOD")]
    pub(crate) period: Period,
    /// Kind of place: ward, district, province or country.
    #[arg(long, default_value = "ward", value_parser = level)]
    pub(crate) level: Level,
    /// Code of the place.
    #[arg(long, value_name = "CODE")]
    pub(crate) place: Option<String>,
    /// Of the synthetic tests instead of the real ones.
    #[arg(long)]
    pub(crate) synthetic: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

fn level(text: &str) -> Result<Level, String> {
    Level::from_code(text).ok_or_else(|| "expected ward, district, province or country".into())
}

#[derive(Args, Debug)]
pub(crate) struct RebuildArgs {
    /// Edition of the rules [default: the newest]
    #[arg(long, value_name = "N")]
    pub(crate) edition: Option<u16>,
    /// Only the tests of this month [default: all]
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Option<metric::month::Month>,
    /// Say what would change, and change nothing.
    #[arg(long)]
    pub(crate) preview: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProblemCommand {
    /// Find the problem areas of a month; those that are known keep their id.
    #[command(after_help = "Example:\n  ispeed problem detect --month 2024-11")]
    Detect {
        /// The month.
        #[arg(long, value_name = "YYYY-MM")]
        month: metric::month::Month,
        /// Among synthetic tests instead of real ones.
        #[arg(long)]
        synthetic: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List the problem areas.
    List {
        /// Of synthetic tests instead of real ones.
        #[arg(long)]
        synthetic: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show one with its evidence and history.
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Hand one to its operator: write what the operator is given, and record it.
    #[command(after_help = "Example:\n  \
        ispeed problem hand-over 2024-11-viettel-4g-8965b --format geojson --output vung-01.geojson")]
    HandOver {
        /// Its id.
        id: String,
        /// Format of the file.
        #[arg(long, value_enum, default_value_t = HandOverFormat::Csv)]
        format: HandOverFormat,
        /// File to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Number of the letter, or who took it.
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Record what the operator answered.
    Answer {
        /// Its id.
        id: String,
        /// The answer.
        #[arg(long)]
        note: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Close one with what was measured there in a month, before and after.
    #[command(
        after_help = "Example:\n  ispeed problem close 2024-11-viettel-4g-8965b --month 2025-01"
    )]
    Close {
        /// Its id.
        id: String,
        /// Month of re-measuring.
        #[arg(long, value_name = "YYYY-MM")]
        month: metric::month::Month,
        /// Why.
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// Format of what an operator is given.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum HandOverFormat {
    Csv,
    Geojson,
}

#[derive(Args, Debug)]
pub(crate) struct CalibrateArgs {
    /// Wards of each kind.
    #[arg(long, default_value_t = 1000)]
    pub(crate) runs: u32,
    /// The same seed gives the same numbers.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Folder to write the page, the picture and the numbers to.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
