//! The office: organisations, campaigns, members, reports, accounts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use metric::month::Month;
use platform::office::actor::Role;
use platform::office::unit_report::Sheet;
use platform::store::campaign::Campaign;
use platform::store::member::Purpose;

use super::StoreArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum OrganisationCommand {
    /// Read a list of organisations, CSV or XLSX, and say what it would change.
    #[command(after_help = "Examples:\n  \
        ispeed organisation import district-1.csv\n  \
        ispeed organisation import danh-ba.xlsx --confirm\n\n\
        Columns: Mã, Loại, Tên; Viết tắt, Trực thuộc, Mã địa bàn, Có hiệu lực từ, Hết hiệu lực từ,\n\
        Đầu mối, Thư điện tử, Điện thoại, Địa chỉ (or code, kind, name, abbreviation, parent, area,\n\
        valid_from, valid_to, person, email, phone, address).\n\
        Without --confirm the list is only checked. With one mistake nothing is taken.\n\
        Organisations that are not in the list stay as they are.")]
    Import(ListArgs),
    /// Write the directory as CSV or XLSX, by the name of the file.
    #[command(after_help = "Example:\n  ispeed organisation export danh-ba.xlsx")]
    Export {
        /// Ends in .csv or .xlsx.
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List the organisations of a day, as a tree.
    #[command(after_help = "Example:\n  ispeed organisation list --at 2024-11-08 --under q1")]
    List {
        /// Day [default: today]
        #[arg(long, value_name = "YYYY-MM-DD")]
        at: Option<Date>,
        /// Only those below this one, and itself.
        #[arg(long, value_name = "CODE")]
        under: Option<String>,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Import a campaign from TOML, or replace one.
    #[command(after_help = "Examples:\n  \
        ispeed campaign import district-1.toml --preview\n  \
        ispeed campaign import district-1.toml\n  \
        ispeed campaign import district-1.toml --replace\n\n\
        Areas and organisations that the definition names have to be imported before.")]
    Import {
        /// Its definition.
        file: PathBuf,
        /// Check it, say what it would change, and change nothing.
        #[arg(long)]
        preview: bool,
        /// Put it in the place of the campaign with its id.
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List the campaigns.
    #[command(after_help = "Example:\n  ispeed campaign list --json")]
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show a campaign: areas and quotas, units, and when the report of a month is due.
    #[command(after_help = "Example:\n  ispeed campaign show district-1 --month 2024-11")]
    Show {
        /// Its id.
        id: String,
        /// The month [default: the present one]
        #[arg(long, value_name = "YYYY-MM")]
        month: Option<Month>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List where the reports of the units stand, and who is late.
    #[command(after_help = "Examples:\n  \
        ispeed campaign reports district-1 --month 2024-11\n  \
        ispeed campaign reports district-1 --month 2024-11 --late")]
    Reports {
        /// Its id.
        id: String,
        /// Only those that are late.
        #[arg(long)]
        late: bool,
        #[command(flatten)]
        month: MonthArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show a unit's report, or do something with it.
    #[command(after_help = "Examples:\n  \
        ispeed campaign report district-1 q1-nv --month 2024-11\n  \
        ispeed campaign report district-1 q1-nv --month 2024-11 --submit --remarks \"Đã phổ biến\"\n  \
        ispeed campaign report district-1 q1-nv --month 2024-11 --return \"Ghi rõ khó khăn\"\n  \
        ispeed campaign report district-1 q1-nv --month 2024-11 --accept")]
    Report(Box<UnitReportArgs>),
    /// Send the reminders that are due: to members who agreed and have not
    /// measured today, and to units whose report is due.
    #[command(after_help = "Examples:\n  \
        ispeed campaign remind district-1 --config ispeed.toml\n  \
        ispeed campaign remind district-1 --config ispeed.toml --confirm\n\n\
        Needs [centre.mail] in the configuration, and [centre.push] for devices. Without --confirm it only says who would get one;\n\
        none goes out twice. Run it every hour.")]
    Remind {
        /// Its id.
        id: String,
        /// Send them; otherwise only say which are due.
        #[arg(long)]
        confirm: bool,
        /// Of the synthetic tests instead of the real ones.
        #[arg(long)]
        synthetic: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show how far a month is: wards, what does not count and why, where it will end.
    #[command(
        after_help = "Example:\n  ispeed campaign progress district-1 --month 2024-11 --json"
    )]
    Progress {
        /// Its id.
        id: String,
        #[command(flatten)]
        month: MonthArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show official counts beside ours, and what explains the difference.
    #[command(after_help = "Example:\n  ispeed campaign reconcile district-1 --month 2024-11")]
    Reconcile {
        /// Its id.
        id: String,
        #[command(flatten)]
        month: MonthArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Make the address under which a shared sheet reads the table; those before end.
    #[command(after_help = "Examples:\n  \
        ispeed campaign sheet district-1\n  \
        ispeed campaign sheet district-1 --revoke\n\n\
        In a shared sheet: =IMPORTDATA(\"https://do.example.vn/sheets/….csv?month=2024-11\");\n\
        &table=units for reports and duty of the units. Whoever has the address can read it.")]
    Sheet {
        /// Its id.
        id: String,
        /// End the addresses instead.
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// A unit's report, and what is to be done with it.
#[derive(Args, Debug)]
pub(crate) struct UnitReportArgs {
    /// Id of the campaign.
    pub(crate) id: String,
    /// Code of the unit.
    pub(crate) unit: String,
    #[command(flatten)]
    pub(crate) month: MonthArg,
    /// Keep what is written as a draft.
    #[arg(long, group = "step")]
    pub(crate) save: bool,
    /// Send it, with the figures of this moment.
    #[arg(long, group = "step")]
    pub(crate) submit: bool,
    /// Return it for correction, and say why.
    #[arg(long = "return", value_name = "NOTE", group = "step")]
    pub(crate) note: Option<String>,
    /// Take it.
    #[arg(long, group = "step")]
    pub(crate) accept: bool,
    /// What was done.
    #[arg(long, value_name = "TEXT")]
    pub(crate) remarks: Option<String>,
    /// What stood in the way.
    #[arg(long, value_name = "TEXT")]
    pub(crate) difficulties: Option<String>,
    /// What the unit proposes.
    #[arg(long, value_name = "TEXT")]
    pub(crate) proposals: Option<String>,
    /// People who were told of the campaign.
    #[arg(long, value_name = "N")]
    pub(crate) people_informed: Option<u64>,
    /// Posts, broadcasts and meetings.
    #[arg(long, value_name = "N")]
    pub(crate) announcements: Option<u64>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// A list to read.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// CSV (UTF-8) or XLSX.
    pub(crate) file: PathBuf,
    /// Store it; otherwise the list is only checked.
    #[arg(long)]
    pub(crate) confirm: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Read a roster, CSV or XLSX, and say what it would change.
    #[command(after_help = "Examples:\n  \
        ispeed member import danh-sach.xlsx --campaign district-1\n  \
        ispeed member import danh-sach.xlsx --campaign district-1 --confirm\n\n\
        Columns: Mã đơn vị, Mã thành viên; Họ và tên, Thư điện tử (or unit, staff_code, name, email).\n\
        Nobody is counted before opening the personal link and agreeing.\n\
        Without --confirm the list is only checked. With one mistake nothing is taken.")]
    Import {
        #[command(flatten)]
        campaign: CampaignArg,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Write the roster as CSV or XLSX, by the name of the file.
    #[command(after_help = "Example:\n  ispeed member export danh-sach.xlsx --campaign district-1")]
    Export {
        /// Ends in .csv or .xlsx.
        file: PathBuf,
        #[command(flatten)]
        campaign: CampaignArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show the link by which members of a unit join; make one where there is none.
    #[command(after_help = "Examples:\n  \
        ispeed member link q1-p-ben-nghe --campaign district-1\n  \
        ispeed member link q1-p-ben-nghe --campaign district-1 --revoke")]
    Link {
        /// Code of the unit.
        unit: String,
        /// End the unit's links instead; members stay.
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        campaign: CampaignArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Join as a device does by its link: with what its owner has agreed to.
    #[command(
        after_help = "Example:\n  ispeed member join 0123456789abcdef --device 2b1f0c77 --consent duty\n\n\
        Prints a token once, with which the member sees, changes and erases what is known."
    )]
    Join {
        /// Code of the unit's link, or of a personal one.
        code: String,
        /// Pseudonym of the device, as in its submissions.
        #[arg(long)]
        device: String,
        /// What its owner has agreed to: duty, reminder_email; once for each.
        #[arg(long, value_name = "PURPOSE", value_parser = purpose)]
        consent: Vec<Purpose>,
        /// Where reminders go.
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List the members of a unit with the days on which they did their duty.
    #[command(
        after_help = "Example:\n  ispeed member list q1-p-ben-nghe --campaign district-1 --month 2024-11"
    )]
    List {
        /// Code of the unit.
        unit: String,
        #[command(flatten)]
        month: MonthArg,
        #[command(flatten)]
        campaign: CampaignArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Erase a member: the person goes, the unit's sums stay. Not undone by anything.
    #[command(
        after_help = "Example:\n  ispeed member erase q1-p-ben-nghe 12 --campaign district-1 --confirm"
    )]
    Erase {
        /// Code of the unit.
        unit: String,
        /// Number within the unit.
        number: u64,
        /// Do it; otherwise only say who it is.
        #[arg(long)]
        confirm: bool,
        #[command(flatten)]
        campaign: CampaignArg,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// Which campaign.
#[derive(Args, Debug)]
pub(crate) struct CampaignArg {
    /// Id of the campaign.
    #[arg(long = "campaign", value_name = "ID")]
    pub(crate) id: String,
}

/// Which month.
#[derive(Args, Debug)]
pub(crate) struct MonthArg {
    /// The month.
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Month,
    /// Of the synthetic tests instead of the real ones.
    #[arg(long)]
    pub(crate) synthetic: bool,
}

impl MonthArg {
    /// That month of a campaign.
    pub(crate) const fn of<'a>(&self, campaign: &'a Campaign) -> Sheet<'a> {
        Sheet {
            campaign,
            month: self.month,
            synthetic: self.synthetic,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account, or invite the one of this address again.
    #[command(after_help = "Examples:\n  \
        ispeed user invite vhtt@quan1.example.vn --name \"Nguyễn Văn A\" --role office\n  \
        ispeed user invite bennghe@quan1.example.vn --name \"Trần Thị B\" --role coordinator --unit q1-p-ben-nghe\n\n\
        Prints a token once; whoever holds it chooses the password within seven days.")]
    Invite {
        /// Address of the account.
        email: String,
        /// Name of the person.
        #[arg(long)]
        name: String,
        /// office, coordinator or reader.
        #[arg(long, value_parser = role)]
        role: Role,
        /// Code of the coordinator's unit.
        #[arg(long, value_name = "CODE")]
        unit: Option<String>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List the accounts.
    #[command(after_help = "Example:\n  ispeed user list --json")]
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Disable an account and end its sessions. Undone by `invite`.
    #[command(after_help = "Example:\n  ispeed user disable bennghe@quan1.example.vn")]
    Disable {
        /// Address of the account.
        email: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show the audit trail, newest first.
    #[command(
        after_help = "Examples:\n  ispeed user audit\n  ispeed user audit --subject district-1/2024-11/q1-nv --json"
    )]
    Audit {
        /// Only by whom the address holds this.
        #[arg(long)]
        who: Option<String>,
        /// Only to what the name holds this.
        #[arg(long)]
        subject: Option<String>,
        /// Entries at most.
        #[arg(long, default_value_t = 50)]
        most: u32,
        #[command(flatten)]
        store: StoreArgs,
    },
}

fn purpose(text: &str) -> Result<Purpose, String> {
    let named = Purpose::ALL
        .into_iter()
        .find(|purpose| purpose.code() == text);
    named.ok_or_else(|| format!("{text:?} is no purpose, expected duty or reminder_email"))
}

fn role(text: &str) -> Result<Role, String> {
    let wrong = || format!("{text:?} is no role, expected office, coordinator or reader");
    Role::from_code(text).ok_or_else(wrong)
}
