//! The commands about documents and kits.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use platform::kit::Level;

use super::StoreArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum DocumentCommand {
    /// The letter that urges on the units that fall short.
    #[command(after_help = "Examples:\n  \
        ispeed document letter --campaign district-1 --month 2024-11 --office quan-1.toml --output cong-van.pdf\n  \
        ispeed document letter --campaign district-1 --month 2024-11 --office quan-1.toml \\\n    \
          --number 4012/UBND-VHTT --date 2024-12-05 --format docx --output cong-van.docx\n\n\
        A number of `/UBND-VHTT` and no date leave room for the clerk. The office's file (TOML):\n  \
        issuer = \"Ủy ban nhân dân Quận 1\"\n  place = \"Quận 1\"\n  number = \"/UBND-VHTT\"\n  \
        authority = \"KT. CHỦ TỊCH\"\n  title = \"PHÓ CHỦ TỊCH\"\n  [fields]\n  link = \"https://...\"")]
    Letter(DocumentArgs),
    /// The letter that starts a campaign.
    #[command(after_help = "Example:\n  \
        ispeed document launch --campaign district-1 --month 2024-11 --office quan-1.toml --output trien-khai.pdf")]
    Launch(DocumentArgs),
    /// The month's report: of the office, or of one ward.
    #[command(after_help = "Examples:\n  \
        ispeed document report --campaign district-1 --month 2024-11 --office quan-1.toml --output bao-cao.docx --format docx\n  \
        ispeed document report --campaign district-1 --month 2024-11 --unit 26743 --office ben-thanh.toml --output bao-cao-phuong.pdf\n  \
        ispeed document report --campaign district-1 --month 2024-11 --office quan-1.toml --format xlsx --output phu-luc.xlsx")]
    Report {
        /// Code of the ward [default: all of them together]
        #[arg(long, value_name = "CODE")]
        unit: Option<String>,
        #[command(flatten)]
        args: DocumentArgs,
    },
    /// A ward's bulletin on one page, with map and charts.
    #[command(after_help = "Example:\n  \
        ispeed document bulletin --campaign district-1 --month 2024-11 --unit 26743 --issuer \"Ủy ban nhân dân Quận 1\" --output ban-tin.pdf")]
    Bulletin {
        /// Code of the ward.
        #[arg(long, value_name = "CODE")]
        unit: String,
        #[command(flatten)]
        args: DocumentArgs,
    },
    /// Write the templates to a folder, to be edited and given with --template.
    #[command(after_help = "Example:\n  ispeed document templates --output mau-van-ban")]
    Templates {
        /// Folder; files that are there already are left alone.
        #[arg(long, short, value_name = "DIR")]
        output: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(crate) struct DocumentArgs {
    #[command(flatten)]
    pub(crate) of: MonthOf,
    #[command(flatten)]
    pub(crate) office: OfficeArgs,
    /// Template (TOML) [default: the program's own]
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    /// Format of the file; xlsx has the tables alone.
    #[arg(long, value_enum, default_value_t = DocumentFormat::Pdf)]
    pub(crate) format: DocumentFormat,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Whose figures.
#[derive(Args, Debug)]
pub(crate) struct MonthOf {
    /// Id of the campaign.
    #[arg(long, value_name = "ID")]
    pub(crate) campaign: String,
    /// The month.
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: metric::month::Month,
    /// Of the synthetic tests instead of the real ones; every page says so.
    #[arg(long)]
    pub(crate) synthetic: bool,
}

/// Who issues and signs; what is not given here comes from the file.
#[derive(Args, Debug)]
pub(crate) struct OfficeArgs {
    /// File of the office's fields (TOML): these options, recipients, copies, `[fields]`.
    #[arg(long, value_name = "FILE")]
    pub(crate) office: Option<PathBuf>,
    /// The body that issues, as in a sentence.
    #[arg(long, value_name = "NAME")]
    pub(crate) issuer: Option<String>,
    /// The body above it.
    #[arg(long, value_name = "NAME")]
    pub(crate) parent: Option<String>,
    /// Number and sign, 3879/UBND-VHTT; /UBND-VHTT leaves the number blank.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) number: Option<String>,
    /// Day of issue [default: left blank]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<String>,
    /// Name of the unit where the issuer sits.
    #[arg(long, value_name = "NAME")]
    pub(crate) place: Option<String>,
    /// In whose name is signed, "KT. CHỦ TỊCH".
    #[arg(long, value_name = "TEXT")]
    pub(crate) authority: Option<String>,
    /// Title of who signs, "PHÓ CHỦ TỊCH".
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Name of who signs [default: room for it]
    #[arg(long, value_name = "NAME")]
    pub(crate) signer: Option<String>,
}

/// Format of a document.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DocumentFormat {
    Pdf,
    Docx,
    Xlsx,
}

/// What a kit is made from.
#[derive(Args, Debug)]
pub(crate) struct KitArgs {
    #[command(flatten)]
    pub(crate) of: MonthOf,
    /// Code of the ward [default: the whole campaign]
    #[arg(long, value_name = "CODE")]
    pub(crate) unit: Option<String>,
    /// Address of the centre, which links begin with.
    #[arg(long, value_name = "URL", required_unless_present = "link")]
    pub(crate) centre: Option<String>,
    /// Where the code leads instead.
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// Width of the printed code, mm.
    #[arg(long, value_name = "MM", default_value_t = 95.0)]
    pub(crate) qr_size: f64,
    /// How much of the code may be dirty or covered: l 7 %, m 15 %, q 25 %, h 30 %.
    #[arg(long, value_name = "LEVEL", default_value = "q", value_parser = level)]
    pub(crate) qr_level: Level,
    /// Logo in the middle of the code (PNG or SVG); wants --qr-level h.
    #[arg(long, value_name = "FILE")]
    pub(crate) logo: Option<PathBuf>,
    /// Words (TOML) [default: the program's own]
    #[arg(long, value_name = "FILE")]
    pub(crate) words: Option<PathBuf>,
    /// Folder to write; files of the kit that are there are replaced.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

fn level(text: &str) -> Result<Level, String> {
    match text.to_ascii_lowercase().as_str() {
        "l" => Ok(Level::Low),
        "m" => Ok(Level::Medium),
        "q" => Ok(Level::Quartile),
        "h" => Ok(Level::High),
        _ => Err("expected l, m, q or h".into()),
    }
}
