//! Reminders on members' own devices: who subscribes, who is due, what became
//! of it.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use metric::month::{Month, VIETNAM, civil_date};
use serde::Serialize;
use serde_json::json;

use super::slot::{seed, slot};
use super::{Refused, Why};
use crate::centre::Centre;
use crate::push::{Key, Push, Request, Subscription};
use crate::store::campaign::Campaign;
use crate::store::member::Member;

/// The settings and the key, where the centre reminds on devices at all.
///
/// # Errors
///
/// [`Refused`] where it does not; or the key cannot be read or made.
pub fn signing(centre: &Centre) -> Result<(Push, Key)> {
    let Some(settings) = centre.config().push.clone() else {
        let what = "this centre sends no reminders to devices";
        let remedy = "take reminders by e-mail";
        return Err(Refused::new((Why::Unknown, "push_off"), "push", what, remedy).into());
    };
    let key = Key::open(&centre.config().data_dir)?;
    Ok((settings, key))
}

/// Keeps a member's subscription, which is the consent to be reminded by it.
///
/// # Errors
///
/// [`Refused`] where it is none, or the centre does not push; or the store
/// cannot be written.
pub fn subscribe(centre: &Centre, member: &Member, to: &Subscription) -> Result<()> {
    let (settings, _) = signing(centre)?;
    to.check(settings.allow_private).map_err(|(field, what)| {
        let remedy = "send what the browser's PushSubscription says";
        Refused::new((Why::Wrong, "subscription_invalid"), field, what, remedy)
    })?;
    centre
        .store()
        .subscribe(&member.member_id, to, centre.now())
}

/// A reminder on a device that is due.
#[derive(Clone, Debug, Serialize)]
pub struct Nudge {
    /// The member's unit and number.
    pub whom: String,
    /// What it says.
    pub text: String,
    #[serde(skip)]
    member_id: String,
    #[serde(skip)]
    day: Date,
    #[serde(skip)]
    synthetic: bool,
}

impl Nudge {
    /// What is written down when it went out.
    fn subject(&self) -> String {
        format!("{}/push", self.member_id)
    }

    fn message(&self) -> Vec<u8> {
        let mark = if self.synthetic {
            "[SỐ LIỆU MÔ PHỎNG] "
        } else {
            ""
        };
        let title = format!("{mark}Nhắc đo hôm nay");
        let message = json!({"title": title, "body": self.text, "path": "/"});
        message.to_string().into_bytes()
    }
}

/// The members to be reminded on their devices: their hour has come, they have
/// not measured, and were not reminded.
///
/// # Errors
///
/// When the store cannot be read.
pub fn due(
    centre: &Centre,
    campaign: &Campaign,
    at: Timestamp,
    synthetic: bool,
) -> Result<Vec<Nudge>> {
    if !campaign.runs_in(Month::of(at)) {
        return Ok(vec![]);
    }
    let (store, day) = (centre.store(), civil_date(at));
    let hour = VIETNAM.to_datetime(at).hour().unsigned_abs();
    let owed = campaign.terms.duty_tests_a_day;
    let mut open = vec![];
    for member in store.unpushed(&campaign.id, day, owed, synthetic)? {
        let slot = slot(
            seed(&member.campaign, &member.organisation),
            member.number,
            day,
        );
        let nudge = Nudge {
            whom: format!("{} {}", member.organisation, member.number),
            text: format!(
                "Thiết bị này chưa có đủ {owed} lần đo trong ngày. Khung giờ gợi ý: {:02}:00-{:02}:00.",
                slot.from_hour, slot.to_hour
            ),
            member_id: member.member_id,
            day,
            synthetic,
        };
        let early = hour < slot.from_hour;
        if !early && !store.is_reminded("duty", &nudge.subject(), day)? {
            open.push(nudge);
        }
    }
    Ok(open)
}

/// What became of reminders on devices.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pushed {
    /// Taken by a push service.
    pub sent: usize,
    /// Whose subscription is gone, and was forgotten.
    pub gone: Vec<String>,
    /// Not taken: whom, and why.
    pub failed: Vec<(String, String)>,
}

/// Sends reminders by a `deliver` that gives the status of the answer.
///
/// # Errors
///
/// [`Refused`] where the centre does not push; or the store or the key fail.
/// What a service refuses is in [`Pushed`].
pub fn send(
    centre: &Centre,
    nudges: &[Nudge],
    at: Timestamp,
    deliver: impl Fn(&Request) -> Result<u16>,
) -> Result<Pushed> {
    let (settings, key) = signing(centre)?;
    let (store, mut done) = (centre.store(), Pushed::default());
    for nudge in nudges {
        let (subject, day) = (nudge.subject(), nudge.day);
        let Some(to) = store.subscription(&nudge.member_id)? else {
            continue;
        };
        if !store.note_reminder("duty", &subject, day, at)? {
            continue;
        }
        let salt = centre.chance()?;
        let request = to.request((&key, &settings), &nudge.message(), salt, at);
        let status = request.and_then(|request| deliver(&request));
        match status.context("the push service did not take it") {
            Ok(200..=299) => done.sent += 1,
            Ok(404 | 410) => {
                store.unsubscribe(&nudge.member_id, &to.endpoint)?;
                done.gone.push(nudge.whom.clone());
            }
            other => {
                store.forget_reminder("duty", &subject, day)?;
                let why = match other {
                    Ok(status) => format!("the push service answered {status}"),
                    Err(error) => format!("{error:#}"),
                };
                done.failed.push((nudge.whom.clone(), why));
            }
        }
    }
    Ok(done)
}
