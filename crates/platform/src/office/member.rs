//! Members: they come by a link, agree purpose by purpose, see what is known of
//! them, take it back, and go.

use anyhow::Result;
use metric::month::{Month, civil_date};
use serde::{Deserialize, Serialize};

use super::secret::{code, hashed, is_code, token};
use super::slot::{Slot, seed, slot};
use super::{Refused, Why};
use crate::centre::Centre;
use crate::organisation;
use crate::store::audit::Act;
use crate::store::campaign::Campaign;
use crate::store::member::consent::CONSENT_EDITION;
use crate::store::member::enrol::{Enrolled, UnitCode};
use crate::store::member::{Consent, Duty, Member, Newcomer, Purpose, UnitDuty};

/// Somebody who wants to be a member.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Code of a unit's link, or of a personal one.
    pub code: String,
    /// Pseudonym of the device, as in its submissions.
    pub device: String,
    /// What is agreed to: each by its name; nothing is agreed to unasked.
    pub consents: Vec<Purpose>,
    /// Where reminders go.
    pub email: Option<String>,
}

/// A new member; the token is told this once.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Welcome {
    /// Number within the unit.
    pub number: u64,
    /// Shown to see, change and erase what is known.
    pub token: String,
}

/// Enrols somebody.
///
/// # Errors
///
/// [`Refused`] where the wish is wrong; or the store or the source of chance
/// fails.
pub fn enrol(centre: &Centre, wish: &Wish) -> Result<Welcome> {
    check(wish)?;
    let token = token(centre)?;
    let (member_id, opt_out) = (self::token(centre)?[..32].to_owned(), code(centre)?);
    let newcomer = Newcomer {
        code: &wish.code,
        device: &wish.device,
        purposes: &wish.consents,
        email: wish.email.as_deref(),
        member_id: &member_id,
        token_sha256: &hashed(&token),
        opt_out: &opt_out,
    };
    match centre.store().enrol(&newcomer, centre.now())? {
        Enrolled::As(number) => Ok(Welcome { number, token }),
        Enrolled::Already => Err(Refused::new(
            (Why::Conflict, "already_member"),
            "device",
            "this device is a member of the campaign",
            "nothing is to be done; to change the unit, erase the membership first",
        )
        .into()),
        Enrolled::NoLink => Err(no_link(&wish.code).into()),
    }
}

fn no_link(code: &str) -> Refused {
    Refused::new(
        (Why::Unknown, "unknown_code"),
        "code",
        format!("{code:?} is no link of a unit, or no longer one"),
        "ask the unit for its present link",
    )
}

fn check(wish: &Wish) -> Result<(), Refused> {
    if !is_code(&wish.code) {
        return Err(no_link(&wish.code));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(8..=64).contains(&wish.device.len()) || !wish.device.chars().all(plain) {
        let what = format!("{:?}, expected 8 to 64 of [0-9a-zA-Z_-]", wish.device);
        return Err(Refused::new(
            (Why::Wrong, "malformed_body"),
            "device",
            what,
            "send the pseudonym of the app",
        ));
    }
    if !wish.consents.contains(&Purpose::Duty) {
        let what = "without \"duty\" nothing is counted, so there is nothing to enrol for";
        return Err(Refused::new(
            (Why::Wrong, "consent_missing"),
            "consents",
            what,
            "ask the person",
        ));
    }
    if wish.consents.contains(&Purpose::ReminderPush) {
        return Err(push_alone("consents"));
    }
    let wants_mail = wish.consents.contains(&Purpose::ReminderEmail);
    match &wish.email {
        Some(email) if email.parse::<lettre::Address>().is_err() => Err(Refused::new(
            (Why::Wrong, "malformed_body"),
            "email",
            format!("{email:?} is no address"),
            "write it as ten@example.vn",
        )),
        Some(_) if !wants_mail => Err(Refused::new(
            (Why::Wrong, "consent_missing"),
            "email",
            "an address is kept only for reminders, which were not agreed to",
            "leave it out, or agree to \"reminder_email\"",
        )),
        _ => Ok(()),
    }
}

/// The consent to be reminded on a device comes with what reaches it.
pub(crate) fn push_alone(field: &'static str) -> Refused {
    let what = "\"reminder_push\" is agreed to by subscribing the device";
    let remedy = "send the subscription: POST /api/v1/members/me/push";
    Refused::new((Why::Wrong, "consent_missing"), field, what, remedy)
}

/// What the page behind a link says before anybody agrees.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Invitation {
    /// Id and name of the campaign.
    pub campaign: String,
    /// Its name.
    pub name: String,
    /// Name of the unit.
    pub unit: String,
    /// Its code, for `context.unit` of submissions.
    pub organisation: String,
    /// Tests owed a day.
    pub tests_a_day: u32,
    /// What is asked for: purpose and text.
    pub purposes: Vec<Asked>,
    /// Edition of the texts.
    pub edition: u32,
}

/// A purpose and its text.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AskedFor)]
pub struct Asked {
    /// Name for the answer.
    pub purpose: Purpose,
    /// In Vietnamese.
    pub text: &'static str,
}

/// What a unit's link leads to.
///
/// # Errors
///
/// [`Refused`] where no link has this code; or the store cannot be read.
pub fn invitation(centre: &Centre, code: &str) -> Result<Invitation> {
    let link = if is_code(code) {
        centre.store().unit_code(code)?
    } else {
        None
    };
    let Some(link) = link.filter(|link| !link.revoked) else {
        return Err(no_link(code).into());
    };
    let Some(campaign) = centre.store().campaign(&link.campaign)? else {
        return Err(no_link(code).into());
    };
    Ok(Invitation {
        unit: unit_name(centre, &link.organisation)?,
        organisation: link.organisation,
        tests_a_day: campaign.terms.duty_tests_a_day,
        campaign: campaign.id,
        name: campaign.name,
        purposes: Purpose::AT_FIRST
            .map(|purpose| Asked {
                purpose,
                text: purpose.text(),
            })
            .to_vec(),
        edition: CONSENT_EDITION,
    })
}

/// The name of a unit as it is now, or was last.
///
/// # Errors
///
/// When the store cannot be read.
pub fn unit_name(centre: &Centre, code: &str) -> Result<String> {
    let all = centre.store().organisations()?;
    let named = all.iter().rfind(|o| o.code == code);
    Ok(named.map_or_else(|| code.to_owned(), |o| o.name.clone()))
}

/// The link of a unit: the one there is, or a new one.
///
/// # Errors
///
/// When the unit does not report to the campaign this month ([`Refused`]), or
/// the store fails.
pub fn unit_link(centre: &Centre, campaign: &Campaign, unit: &str, who: &str) -> Result<String> {
    if let Some(code) = centre.store().code_of_unit(&campaign.id, unit)? {
        return Ok(code);
    }
    let organisations = centre.store().organisations()?;
    if !organisations.iter().any(|o| o.code == unit) {
        let what = format!("{unit:?} is not in the directory");
        return Err(Refused::new(
            (Why::Unknown, "unknown_unit"),
            "unit",
            what,
            "see ispeed organisation list",
        )
        .into());
    }
    let link = UnitCode {
        code: code(centre)?,
        campaign: campaign.id.clone(),
        organisation: unit.to_owned(),
        revoked: false,
    };
    let act = Act {
        who,
        at: centre.now(),
    };
    centre.store().make_unit_code(&link, act)?;
    Ok(link.code)
}

/// Everything that is known of a member, for itself.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Export {
    /// The member.
    pub member: Member,
    /// Name of the unit.
    pub unit: String,
    /// Pseudonym of its device.
    pub device: Option<String>,
    /// What it agreed to.
    pub consents: Vec<Consent>,
    /// Days on which it measured, with the number of tests.
    #[schema(value_type = Vec<Vec<Object>>)]
    pub days: Vec<(String, u64)>,
    /// Where it is reminded on its device, if it is.
    pub push_endpoint: Option<String>,
    /// The hour in which it is asked to measure today.
    pub slot_today: Slot,
}

/// Everything that is known of a member.
///
/// # Errors
///
/// When the store cannot be read.
pub fn export(centre: &Centre, member: Member) -> Result<Export> {
    let store = centre.store();
    let day = civil_date(centre.now());
    Ok(Export {
        unit: unit_name(centre, &member.organisation)?,
        device: store.member_device(&member.member_id)?,
        consents: store.consents(&member.member_id)?,
        push_endpoint: store.subscription(&member.member_id)?.map(|to| to.endpoint),
        days: store.days_of_member(&member.member_id)?,
        slot_today: slot(
            seed(&member.campaign, &member.organisation),
            member.number,
            day,
        ),
        member,
    })
}

/// A member as its unit sees it: done or not, day by day, and totals.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MemberLine)]
pub struct Line {
    /// Number within the unit.
    pub number: u64,
    /// The roster's own code.
    pub staff_code: Option<String>,
    /// Name, where the roster has it.
    pub name: Option<String>,
    /// Whether the member has joined with a device.
    pub joined: bool,
    /// Path of the personal link, until the member has used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Days done, and tests.
    #[serde(flatten)]
    pub duty: Duty,
}

/// The members of a unit in a month.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UnitMembers {
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Sums.
    pub total: UnitDuty,
    /// One line for each member.
    pub members: Vec<Line>,
}

/// The members of a unit as the unit sees them.
///
/// # Errors
///
/// When the store cannot be read.
pub fn of_unit(
    centre: &Centre,
    campaign: &Campaign,
    unit: &str,
    month: Month,
    synthetic: bool,
) -> Result<UnitMembers> {
    let (store, id) = (centre.store(), &campaign.id);
    let owed = campaign.terms.duty_tests_a_day;
    let mut duties = store.duties(id, unit, month, owed, synthetic)?;
    let members = store.members(id, unit)?.into_iter();
    let line = |member: Member| Line {
        number: member.number,
        staff_code: member.staff_code,
        name: member.name,
        joined: member.has_device,
        path: member.personal_code.map(|code| format!("/j/{code}")),
        duty: duties.remove(&member.member_id).unwrap_or_default(),
    };
    Ok(UnitMembers {
        unit: unit.to_owned(),
        name: unit_name(centre, unit)?,
        month,
        synthetic,
        members: members.map(line).collect(),
        total: store.unit_duty(id, unit, month, owed, synthetic)?,
    })
}

/// Whether a code is that of a unit of a campaign in a month.
///
/// # Errors
///
/// When the store cannot be read.
pub fn is_unit(centre: &Centre, campaign: &Campaign, unit: &str, month: Month) -> Result<bool> {
    let organisations = centre.store().organisations()?;
    let units = organisation::units(&organisations, campaign, month);
    Ok(units.iter().any(|o| o.code == unit))
}
