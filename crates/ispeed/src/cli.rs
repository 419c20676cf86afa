//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod document;
mod figures;
mod measure;
mod office;
mod simulate;

pub(crate) use office::{
    CampaignCommand, ListArgs, MemberCommand, MonthArg, OrganisationCommand, UnitReportArgs,
    UserCommand,
};

pub(crate) use document::{
    DocumentArgs, DocumentCommand, DocumentFormat, KitArgs, MonthOf, OfficeArgs,
};
pub(crate) use measure::{Generation, Language, Network, QueueArgs, TestArgs};

pub(crate) use simulate::SimulateArgs;

pub(crate) use figures::{
    CalibrateArgs, ComputeArgs, HandOverFormat, ProblemCommand, RebuildArgs, ShowArgs,
    StatisticsCommand,
};

/// Measures the Internet, place by place, and acts on it.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Say more on standard error; twice for debugging.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process: a site, the centre and the web pages.
    #[command(after_help = "Examples:\n  \
        ispeed serve --data ./ispeed-data --listen 127.0.0.1:8080\n  \
        ispeed serve --tls-listen 127.0.0.1:8443 --tls-self-signed localhost,127.0.0.1")]
    Serve(ServeArgs),
    /// Run a measurement site alone; join or leave a centre; the centre's list of sites.
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  \
        ispeed site --data ./site --listen 0.0.0.0:8080\n  \
        ispeed site --tls-listen 0.0.0.0:443 --tls-certificate fullchain.pem --tls-key privkey.pem\n  \
        ispeed site join https://centre.example.vn --data ./site --name hcm-1 --city \"Hồ Chí Minh\" \\\n    \
          --asn 7552 --capacity 10G --url https://hcm1.example.vn\n  \
        ispeed site list --data ./centre\n  \
        ispeed site approve hcm-1 --data ./centre"
    )]
    Site(Box<SiteArgs>),
    /// Measure, and submit the result.
    #[command(after_help = "Examples:\n  \
        ispeed test --centre https://centre.example.vn\n  \
        ispeed test --site http://127.0.0.1:8080\n  \
        ispeed test --site https://do.example.vn\n  \
        ispeed test --site https://10.0.0.5:8443 --ca authority.pem\n  \
        ispeed test --site http://127.0.0.1:8080 --at 10.7798,106.699 --accuracy 12 --network mobile --json\n  \
        ispeed test --site http://127.0.0.1:8080 --mode saver --metered\n\n\
        Exit status: 0 complete and acknowledged or safely queued; 1 incomplete or not accepted;\n\
        64 wrong argument; 69 no network; 73 disk; 75 site busy; 76 something on the way interferes, or the certificate is not trusted; 77 refused")]
    Test(TestArgs),
    /// Show or send the tests that wait for the collector.
    #[command(
        after_help = "Examples:\n  ispeed queue\n  ispeed queue --site http://127.0.0.1:8080"
    )]
    Queue(QueueArgs),
    /// Boundaries: import them, find the area of a point.
    #[command(subcommand)]
    Area(AreaCommand),
    /// Operators and their addresses.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Organisations: who takes part, in a tree through time.
    #[command(subcommand)]
    Organisation(OrganisationCommand),
    /// Campaigns: who measures where, and how much.
    #[command(subcommand)]
    Campaign(CampaignCommand),
    /// Members of units: rosters, links, the daily duty.
    #[command(subcommand)]
    Member(MemberCommand),
    /// Accounts: who may sign in, and what was done by whom.
    #[command(subcommand)]
    User(UserCommand),
    /// Write a synthetic month with known truth through the collector.
    #[command(after_help = "Examples:\n  \
        ispeed simulate --month 2024-11 --seed 1\n  \
        ispeed simulate --wards 26740,26743 --month 2024-11 --seed 1\n  \
        ispeed simulate --month 2025-08 --tests 1000000\n\n\
        Synthetic tests are signed by a key of their own and never count as real.")]
    Simulate(SimulateArgs),
    /// Reports.
    #[command(subcommand)]
    Report(ReportCommand),
    /// Letters, reports and bulletins in the form of Decree 30/2020, as PDF, DOCX and XLSX.
    #[command(subcommand)]
    Document(Box<DocumentCommand>),
    /// A unit's kit: link, QR code, poster, post and words with the month's figures.
    #[command(after_help = "Examples:\n  \
        ispeed kit --campaign district-1 --month 2024-11 --unit 26743 --centre https://do.example.vn --output bo-tai-lieu\n  \
        ispeed kit --campaign district-1 --month 2024-11 --centre https://do.example.vn --qr-level h --logo logo.png --output bo-tai-lieu")]
    Kit(Box<KitArgs>),
    /// Figures with their intervals and grades: compute and keep them, show them.
    #[command(subcommand)]
    Statistics(StatisticsCommand),
    /// Judge every stored test again by an edition of the rules.
    #[command(
        after_help = "Examples:\n  ispeed rebuild --preview\n  ispeed rebuild --edition 2\n  \
        ispeed rebuild --edition 2 --month 2024-11 --json"
    )]
    Rebuild(RebuildArgs),
    /// Problem areas: find them, hand them to operators, close them.
    #[command(subcommand)]
    Problem(ProblemCommand),
    /// The method looked at over stored tests.
    #[command(subcommand)]
    Method(MethodCommand),
    /// Numbers of others: official counts, tests of other tools.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Open data.
    #[command(subcommand)]
    Publish(PublishCommand),
    /// Check open data from its files alone.
    #[command(subcommand)]
    Verify(VerifyCommand),
}

#[derive(Args, Debug)]
pub(crate) struct SiteArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SiteCommand>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SiteCommand {
    /// At the site: ask a centre to use it.
    #[command(after_help = "Example:\n  \
        ispeed site join https://centre.example.vn --data ./site --name hcm-1 --city \"Hồ Chí Minh\" \\\n    \
          --exchange VNIX-HCM --capacity 10G --url https://hcm1.example.vn\n\n\
        The centre uses it after `ispeed site approve` there. Then `ispeed site --data ./site`\n\
        sends a heartbeat every 30 s. Joining again tells the centre what has changed.")]
    Join(Box<JoinArgs>),
    /// At the site: leave the centre for good; it has to be approved anew to come back.
    #[command(after_help = "Example:\n  ispeed site leave --data ./site")]
    Leave {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// At the centre: list the sites, with what keeps clients from them.
    #[command(after_help = "Example:\n  ispeed site list --data ./centre --json")]
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// At the centre: use a site and count its receipts. Undone by `suspend`.
    #[command(after_help = "Example:\n  ispeed site approve hcm-1 --data ./centre --preview")]
    Approve {
        /// Its name.
        name: String,
        /// Show what would be approved and change nothing.
        #[arg(long)]
        preview: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// At the centre: take a site out of use; receipts it signs from now on do
    /// not count. Undone by `approve`.
    #[command(after_help = "Example:\n  ispeed site suspend hcm-1 --data ./centre")]
    Suspend {
        /// Its name.
        name: String,
        /// Show what would be suspended and change nothing.
        #[arg(long)]
        preview: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct JoinArgs {
    /// The centre, for example <https://centre.example.vn>.
    pub(crate) centre: String,
    /// Name of the site in receipts [default: the configuration's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// City.
    #[arg(long)]
    pub(crate) city: String,
    /// Province.
    #[arg(long)]
    pub(crate) province: Option<String>,
    /// ISO 3166-1 country.
    #[arg(long, default_value = "VN")]
    pub(crate) country: String,
    /// Autonomous system it stands in.
    #[arg(long)]
    pub(crate) asn: Option<u32>,
    /// Operator whose network it stands in, by its id.
    #[arg(long)]
    pub(crate) operator: Option<String>,
    /// Exchange it stands at; then it is off-net for every operator.
    #[arg(long, value_name = "NAME")]
    pub(crate) exchange: Option<String>,
    /// What its line carries each way, bit/s: 500M, 10G.
    #[arg(long, value_parser = bits_per_second)]
    pub(crate) capacity: u64,
    /// Where clients reach it; once, or once with http and once with https.
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) url: Vec<String>,
    /// Where it is reached over IPv4 alone.
    #[arg(long, value_name = "URL")]
    pub(crate) ipv4_url: Option<String>,
    /// Where it is reached over IPv6 alone.
    #[arg(long, value_name = "URL")]
    pub(crate) ipv6_url: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Reads a rate such as `10G`, `500M` or `1000000`.
fn bits_per_second(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a rate, expected for example 500M or 10G");
    let (digits, unit) = match text.strip_suffix(|c: char| c.is_ascii_alphabetic()) {
        None => (text, 1),
        Some(digits) => {
            let unit = match text.chars().next_back() {
                Some('M' | 'm') => 1_000_000,
                Some('G' | 'g') => 1_000_000_000,
                Some('T' | 't') => 1_000_000_000_000,
                _ => return Err(wrong()),
            };
            (digits, unit)
        }
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).ok_or_else(wrong)
}

/// The store a command works on.
#[derive(Args, Debug)]
pub(crate) struct StoreArgs {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the store [default: ispeed-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// As if it were this instant, RFC 3339: for rehearsals with past months.
    #[arg(long, value_name = "TIME", hide_short_help = true)]
    pub(crate) clock: Option<jiff::Timestamp>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AreaCommand {
    /// Import areas from GeoJSON, all or none.
    #[command(
        after_help = "Examples:\n  ispeed area import wards.geojson --preview\n  ispeed area import wards.geojson"
    )]
    Import {
        /// A FeatureCollection in WGS 84 with code, name, full_name, valid_from, valid_to (exclusive).
        file: PathBuf,
        /// Check the file and change nothing.
        #[arg(long)]
        preview: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Say which area holds a point.
    #[command(after_help = "Example:\n  ispeed area locate 10.7798 106.699 --at 2024-11-08")]
    Locate {
        /// Degrees north.
        #[arg(allow_negative_numbers = true)]
        latitude: f64,
        /// Degrees east.
        #[arg(allow_negative_numbers = true)]
        longitude: f64,
        /// Day [default: today]
        #[arg(long, value_name = "YYYY-MM-DD")]
        at: Option<jiff::civil::Date>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List the areas.
    List {
        /// Only those valid on this day.
        #[arg(long, value_name = "YYYY-MM-DD")]
        at: Option<jiff::civil::Date>,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Import operators and the prefixes of their networks, two CSV files.
    #[command(after_help = "Example:\n  ispeed operator import operators.csv prefixes.csv")]
    Import {
        /// id, brand, kind, asns, mcc_mnc, valid_from, valid_to, source.
        operators: PathBuf,
        /// ip_version, start, end, asn.
        prefixes: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Say whose network an address is in.
    #[command(after_help = "Example:\n  ispeed operator locate 171.224.0.1")]
    Locate {
        /// IPv4 or IPv6.
        address: std::net::IpAddr,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MethodCommand {
    /// How far the adaptive modes are from mode full, over tests measured in full.
    #[command(after_help = "Examples:\n  \
        ispeed method audit\n  \
        ispeed method audit --month 2024-11 --synthetic --json")]
    Audit {
        #[command(flatten)]
        args: MethodArgs,
    },
    /// What another edition of the estimator makes of stored tests.
    #[command(after_help = "Examples:\n  \
        ispeed method replay --edition 2 --month 2024-11\n  \
        ispeed method replay --edition 2 --mode saver --synthetic --json\n\n\
        An edition that this program does not have ends with status 64.")]
    Replay {
        /// Edition of the method.
        #[arg(long, value_name = "N")]
        edition: u16,
        /// Replay every test in this mode: full, accurate or saver [default: its own]
        #[arg(long)]
        mode: Option<String>,
        #[command(flatten)]
        args: MethodArgs,
    },
    /// Simulate wards of known truth: how often intervals hold it, and what
    /// tricks do to figures. Exit status 1 when a claim does not hold.
    #[command(
        after_help = "Example:\n  ispeed method calibrate --runs 2000 --output docs/calibration"
    )]
    Calibrate(CalibrateArgs),
}

#[derive(Args, Debug)]
pub(crate) struct MethodArgs {
    /// Only the tests of this month.
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Option<metric::month::Month>,
    /// Of the synthetic tests instead of the real ones.
    #[arg(long)]
    pub(crate) synthetic: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// A campaign's month, ward by ward.
    #[command(after_help = "Example:\n  \
        ispeed report month --campaign district-1 --month 2024-11 --format xlsx --output thang-11.xlsx")]
    Month(MonthArgs),
    /// The figures of all its wards taken together, by operator and technology, as JSON.
    #[command(after_help = "Example:\n  \
        ispeed report figures --campaign district-1 --month 2024-11")]
    Figures(FiguresArgs),
}

#[derive(Args, Debug)]
pub(crate) struct FiguresArgs {
    #[command(flatten)]
    pub(crate) of: MonthOf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Args, Debug)]
pub(crate) struct MonthArgs {
    /// Id of the campaign.
    #[arg(long, value_name = "ID")]
    pub(crate) campaign: String,
    /// The month.
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: metric::month::Month,
    /// Format of the file.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub(crate) format: Format,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Of the synthetic tests instead of the real ones.
    #[arg(long)]
    pub(crate) synthetic: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Format of a report.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Xlsx,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Official counts for each area and month, from CSV or XLSX.
    #[command(after_help = "Examples:\n  \
        ispeed import official so-mau-11.xlsx --mapping map.toml\n  \
        ispeed import official so-mau-11.xlsx --mapping map.toml --confirm\n\n\
        The mapping:\n  \
        source = \"VNNIC, ...\"\n  month = \"2024-11\"\n  [columns]\n  area = \"Mã\"\n  tests = \"Số mẫu\"\n\n\
        Without --confirm the file is only checked. With one mistake nothing is taken.")]
    Official {
        /// CSV (UTF-8) or XLSX.
        file: PathBuf,
        /// Which column is what (TOML).
        #[arg(long, value_name = "FILE")]
        mapping: PathBuf,
        #[command(flatten)]
        import: ImportArgs,
    },
    /// Results of an ndt7 server's archive (JSON, one object to a line).
    #[command(after_help = FOREIGN_HELP)]
    Ndt7(ForeignArgs),
    /// Telemetry of LibreSpeed (CSV of its table).
    #[command(after_help = FOREIGN_HELP)]
    Librespeed(ForeignArgs),
    /// Exports of Ookla's app or command line (CSV).
    #[command(after_help = FOREIGN_HELP)]
    Ookla(ForeignArgs),
    /// List what was imported.
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
}

const FOREIGN_HELP: &str = "Example:\n  \
    ispeed import ookla export.csv --source \"Sở KH&CN, 11/2024\" --confirm\n\n\
    These tests stand apart: no figure, quota or open data counts them.\n\
    Addresses and positions are used to find operator and area, and not stored.\n\
    Without --confirm the file is only checked. With one mistake nothing is taken.";

#[derive(Args, Debug)]
pub(crate) struct ForeignArgs {
    /// The file.
    pub(crate) file: PathBuf,
    /// Where it comes from, for whoever reads the numbers.
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: String,
    /// Zone of times that name none, hours east of UTC.
    #[arg(long, value_name = "HOURS", default_value_t = 7, allow_negative_numbers = true, value_parser = clap::value_parser!(i8).range(-12..=14))]
    pub(crate) offset: i8,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// Store it; otherwise the file is only checked.
    #[arg(long)]
    pub(crate) confirm: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PublishCommand {
    /// Write a month as CSV and Parquet with data dictionary and signed manifest.
    #[command(after_help = "Examples:\n  \
        ispeed publish month 2024-11 --output thang-11\n  \
        ispeed publish month 2024-11 --output thang-11 --audit kiem-toan-11.csv\n\n\
        The key is publication.key in the folder of the store; it is made at the first use.\n\
        The same store, key and version write the same bytes.")]
    Month(PublishArgs),
}

#[derive(Args, Debug)]
pub(crate) struct PublishArgs {
    /// The month.
    #[arg(value_name = "YYYY-MM")]
    pub(crate) month: metric::month::Month,
    /// Folder to write; it must be new or empty.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Also write the auditor's file, which links the days of a device; do not publish it.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// The synthetic tests instead of the real ones.
    #[arg(long)]
    pub(crate) synthetic: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// Check signature and files of a month, and compute every table again.
    #[command(after_help = "Examples:\n  \
        ispeed verify month thang-11\n  \
        ispeed verify month thang-11 --key-id 0011223344556677 --json\n\n\
        Exit status: 0 everything holds; 1 something does not, and where; 2 wrong argument")]
    Month(VerifyArgs),
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// Folder of the month.
    pub(crate) folder: PathBuf,
    /// The auditor's file: also check what needs to know the days of a device.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// The publisher's key, 16 hex digits; another key is a finding.
    #[arg(long, value_name = "ID")]
    pub(crate) key_id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML); every key has a default.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the store and the key [default: ispeed-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address to listen on; port 0 takes any free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address for HTTPS; needs a certificate.
    #[arg(long, value_name = "ADDR")]
    pub(crate) tls_listen: Option<SocketAddr>,
    /// PEM file of the certificate and its issuers; taken up again when it changes.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// PEM file of the certificate's private key.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Address for responsiveness clients (networkQuality), HTTP/2 over TLS; usually port 4043.
    #[arg(long, value_name = "ADDR")]
    pub(crate) responsiveness_listen: Option<SocketAddr>,
    /// Make a certificate for these names oneself, for tests and local installations.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) tls_self_signed: Vec<String>,
    /// Print the effective configuration and exit.
    #[arg(long)]
    pub(crate) check: bool,
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_rate_has_a_unit_of_a_thousand() {
        use super::bits_per_second;
        assert_eq!(bits_per_second("10G"), Ok(10_000_000_000));
        assert_eq!(bits_per_second("500m"), Ok(500_000_000));
        assert_eq!(bits_per_second("1000"), Ok(1000));
        for bad in ["", "G", "10K", "-1M", "1.5G", "99999999999T"] {
            assert!(bits_per_second(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        super::Cli::command().debug_assert();
    }
}
