//! Reminders by e-mail: to members who agreed and have not measured today, and
//! to units whose report is due.
//!
//! What is due follows from the store and the time; what went out is written
//! down before it goes, so that two programs at once send nothing twice, and
//! struck out again where the server did not take it.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::{SmtpTransport, Transport as _};
use metric::month::{Month, VIETNAM, civil_date};
use serde::{Deserialize, Serialize};

use super::slot::{seed, slot};
use super::unit_report::{Sheet, figures};
use crate::campaign::calendar::{REMINDERS, last_day};
use crate::centre::Centre;
use crate::organisation;
use crate::store::campaign::Campaign;
use crate::store::organisation::Organisation;
use crate::store::unit_report::{ReportKey, ReportState};

/// Table `[centre.mail]`: how reminders go out. Without it none do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server, `smtps://user:password@mail.example.vn` or, within a machine,
    /// `smtp://127.0.0.1:25`. Written out without the password.
    #[serde(serialize_with = "shown")]
    pub server: String,
    /// Who writes, `Phòng VH&TT Quận 1 <vhtt@quan1.example.vn>`.
    pub from: String,
    /// Where the centre's pages are, for links.
    pub url: String,
}

/// A server's URL as it may be shown: `smtps://user:…@mail.example.vn`.
fn shown<S: serde::Serializer>(server: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&without_password(server))
}

fn without_password(server: &str) -> String {
    let hidden = || {
        let (scheme, rest) = server.split_once("://")?;
        let (user, host) = rest.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:…@{host}"))
    };
    hidden().unwrap_or_else(|| server.to_owned())
}

impl Mail {
    /// Checks what the types cannot.
    ///
    /// # Errors
    ///
    /// Names the key at fault and what is expected.
    pub fn check(&self) -> Result<()> {
        let from = mailbox(&self.from);
        from.with_context(|| format!("mail.from is {:?}, expected an address", self.from))?;
        // The server's password is in its URL, which therefore is in no error.
        SmtpTransport::from_url(&self.server).map_err(|_| {
            anyhow::anyhow!("mail.server is no URL as smtps://user:password@mail.example.vn")
        })?;
        let linked = self.url.starts_with("http://") || self.url.starts_with("https://");
        ensure!(linked, "mail.url is {:?}, expected https://…", self.url);
        Ok(())
    }
}

/// `Name <address>` or an address alone.
fn mailbox(text: &str) -> Result<Mailbox> {
    let (name, address) = text.rsplit_once('<').unwrap_or(("", text));
    let address = address.trim().trim_end_matches('>').parse()?;
    let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address))
}

/// What a reminder is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A member's day.
    Duty,
    /// A unit's report.
    Report,
}

impl About {
    /// As in columns.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Duty => "duty",
            Self::Report => "report",
        }
    }
}

/// A reminder that is due.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Reminder {
    /// What it is about.
    pub about: About,
    /// To whom; absent where no address is known.
    #[serde(skip)]
    pub to: Option<String>,
    /// The unit, or the member's unit and number.
    pub whom: String,
    /// Subject of the message.
    pub subject: String,
    /// Its text.
    #[serde(skip)]
    pub text: String,
    /// Where it is ended: path with the member's own code.
    #[serde(skip)]
    pub opt_out: Option<String>,
    /// What is written down: subject and day.
    #[serde(skip)]
    pub key: (String, Date),
}

/// The reminders of a campaign that are due at an instant and did not go out.
///
/// # Errors
///
/// When the store cannot be read.
pub fn due(
    centre: &Centre,
    campaign: &Campaign,
    at: Timestamp,
    synthetic: bool,
) -> Result<Vec<Reminder>> {
    let mut all = duties(centre, campaign, at, synthetic)?;
    all.extend(reports(centre, campaign, civil_date(at), synthetic)?);
    let sent = |reminder: &Reminder| {
        let (subject, day) = &reminder.key;
        centre
            .store()
            .is_reminded(reminder.about.code(), subject, *day)
    };
    let mut open = vec![];
    for reminder in all {
        if !sent(&reminder)? {
            open.push(reminder);
        }
    }
    Ok(open)
}

/// Members whose hour has come and who have not measured.
fn duties(
    centre: &Centre,
    campaign: &Campaign,
    at: Timestamp,
    synthetic: bool,
) -> Result<Vec<Reminder>> {
    let day = civil_date(at);
    if !campaign.runs_in(Month::of(at)) {
        return Ok(vec![]);
    }
    let hour = VIETNAM.to_datetime(at).hour().unsigned_abs();
    let owed = campaign.terms.duty_tests_a_day;
    let waiting = centre
        .store()
        .unreminded(&campaign.id, day, owed, synthetic)?;
    let reminder = |member: crate::store::member::Member| {
        let seed = seed(&member.campaign, &member.organisation);
        let slot = slot(seed, member.number, day);
        let text = format!(
            "Kính gửi anh/chị,\n\nHôm nay ({}) thiết bị của anh/chị chưa có đủ {owed} lần đo. \
             Khung giờ gợi ý: {:02}:00-{:02}:00; đo giờ khác cũng được tính.\n\n\
             Mở trang đo: {{url}}/\n\nNgừng nhận thư này: {{url}}/opt-out/{}\n",
            written(day),
            slot.from_hour,
            slot.to_hour,
            member.opt_out
        );
        (slot.from_hour <= hour).then(|| Reminder {
            about: About::Duty,
            whom: format!("{} {}", member.organisation, member.number),
            to: member.email,
            subject: marked(synthetic, "Nhắc đo chất lượng Internet hôm nay"),
            text,
            opt_out: Some(member.opt_out),
            key: (member.member_id, day),
        })
    };
    Ok(waiting.into_iter().filter_map(reminder).collect())
}

/// Units that have not reported, three days and one day before the last day and
/// one day after it.
fn reports(
    centre: &Centre,
    campaign: &Campaign,
    today: Date,
    synthetic: bool,
) -> Result<Vec<Reminder>> {
    let mut all = vec![];
    for month in [month_before(today, 1), month_before(today, 2)] {
        let Some(last) = last_day(campaign, month).filter(|_| campaign.runs_in(month)) else {
            continue;
        };
        let on = |days: &&i8| last.checked_add(i64::from(**days).days()).ok() == Some(today);
        let Some(days) = REMINDERS.iter().find(on) else {
            continue;
        };
        let sheet = Sheet {
            campaign,
            month,
            synthetic,
        };
        let organisations = centre.store().organisations()?;
        for unit in organisation::units(&organisations, campaign, month) {
            all.extend(report(centre, sheet, unit, last, *days)?);
        }
    }
    Ok(all)
}

fn month_before(today: Date, months: i64) -> Month {
    let day = today.first_of_month().saturating_sub(months.months());
    let text = format!("{:04}-{:02}", day.year(), day.month());
    text.parse()
        .unwrap_or_else(|_| Month::of(Timestamp::UNIX_EPOCH))
}

fn report(
    centre: &Centre,
    sheet: Sheet<'_>,
    unit: &Organisation,
    last: Date,
    days: i8,
) -> Result<Option<Reminder>> {
    let key = ReportKey {
        campaign: sheet.campaign.id.clone(),
        month: sheet.month,
        organisation: unit.code.clone(),
        synthetic: sheet.synthetic,
    };
    let state = centre
        .store()
        .report_events(&key)?
        .last()
        .map(|event| event.state);
    if matches!(state, Some(ReportState::Submitted | ReportState::Accepted)) {
        return Ok(None);
    }
    let month = sheet.month.first_day();
    let month = format!("tháng {:02}/{}", month.month(), month.year());
    let when = match days {
        1.. => "đã quá hạn".to_owned(),
        _ => format!("còn {} ngày", -days),
    };
    let subject = format!("Báo cáo {month} về sử dụng i-Speed: {when}");
    let code = if sheet.synthetic { "~" } else { "" };
    let subject_key = format!("{}/{}/{}{code}", sheet.campaign.id, sheet.month, unit.code);
    Ok(Some(Reminder {
        about: About::Report,
        to: unit.contact.email.clone(),
        whom: unit.code.clone(),
        subject: marked(sheet.synthetic, &subject),
        text: report_text(centre, sheet, unit, (&month, last, &when))?,
        opt_out: None,
        key: (subject_key, last.saturating_add(i64::from(days).days())),
    }))
}

fn report_text(
    centre: &Centre,
    sheet: Sheet<'_>,
    unit: &Organisation,
    (month, last, when): (&str, Date, &str),
) -> Result<String> {
    let figures = figures(centre, sheet, unit)?;
    let ward = figures.ward.map_or_else(String::new, |ward| {
        format!(
            "{}: {} trên {} mẫu, còn thiếu {}.\n",
            ward.full_name, ward.counted, ward.quota, ward.shortfall
        )
    });
    let duty = figures.duty;
    Ok(format!(
        "Kính gửi {},\n\nBáo cáo {month} của đơn vị chưa được gửi; ngày cuối là {} ({when}).\n\n\
         {ward}Thành viên: {}, có đo: {}, lượt người-ngày: {}.\n\n\
         Mở mẫu báo cáo đã điền sẵn số liệu: {{url}}/office\n",
        unit.name,
        written(last),
        duty.members,
        duty.active,
        duty.member_days
    ))
}

/// As dates are written in letters.
fn written(day: Date) -> String {
    format!("{:02}/{:02}/{}", day.day(), day.month(), day.year())
}

fn marked(synthetic: bool, subject: &str) -> String {
    let mark = if synthetic {
        "[SỐ LIỆU MÔ PHỎNG] "
    } else {
        ""
    };
    format!("{mark}{subject}")
}

/// What became of some reminders.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sent {
    /// Taken by the server.
    pub sent: usize,
    /// Whom no address is known of.
    pub without_address: Vec<String>,
    /// Not taken: whom, and why.
    pub failed: Vec<(String, String)>,
}

/// Sends reminders.
///
/// # Errors
///
/// When the settings are wrong or the store fails; what the server refuses is
/// in [`Sent`].
pub fn send(centre: &Centre, mail: &Mail, reminders: &[Reminder], at: Timestamp) -> Result<Sent> {
    mail.check()?;
    let server = SmtpTransport::from_url(&mail.server)?.build();
    let mut done = Sent::default();
    for reminder in reminders {
        let Some(to) = &reminder.to else {
            done.without_address.push(reminder.whom.clone());
            continue;
        };
        let (about, (subject, day)) = (reminder.about.code(), &reminder.key);
        if !centre.store().note_reminder(about, subject, *day, at)? {
            continue;
        }
        let outcome = message(mail, reminder, to, at).and_then(|message| {
            server
                .send(&message)
                .context("the mail server did not take it")
        });
        match outcome {
            Ok(_) => done.sent += 1,
            Err(error) => {
                centre.store().forget_reminder(about, subject, *day)?;
                done.failed
                    .push((reminder.whom.clone(), format!("{error:#}")));
            }
        }
    }
    Ok(done)
}

fn message(mail: &Mail, reminder: &Reminder, to: &str, at: Timestamp) -> Result<Message> {
    let url = mail.url.trim_end_matches('/');
    let to: lettre::Address = to.parse().context("an address")?;
    let mut builder = Message::builder()
        .from(mailbox(&mail.from)?)
        .to(Mailbox::new(None, to))
        .date(UNIX_EPOCH + Duration::from_secs(at.as_second().unsigned_abs()))
        .subject(&reminder.subject)
        .header(ContentType::TEXT_PLAIN);
    if let Some(code) = &reminder.opt_out {
        let one_click = format!("<{url}/api/v1/members/opt-out/{code}>");
        builder = builder
            .raw_header(header("List-Unsubscribe", one_click)?)
            .raw_header(header(
                "List-Unsubscribe-Post",
                "List-Unsubscribe=One-Click".into(),
            )?);
    }
    Ok(builder.body(reminder.text.replace("{url}", url))?)
}

fn header(name: &str, value: String) -> Result<HeaderValue> {
    Ok(HeaderValue::new(
        HeaderName::new_from_ascii(name.to_owned())?,
        value,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_shown_without_its_password() {
        for (server, shown) in [
            ("smtps://vhtt:p@ss@mail.vn", "smtps://vhtt:…@mail.vn"),
            ("smtp://127.0.0.1:25", "smtp://127.0.0.1:25"),
            ("smtps://vhtt@mail.vn", "smtps://vhtt@mail.vn"),
        ] {
            assert_eq!(without_password(server), shown);
        }
    }
    use crate::config::Config;
    use crate::fixture::at;
    use crate::organisation;
    use crate::store::audit::Act;

    fn mail(server: &str, from: &str, url: &str) -> Mail {
        Mail {
            server: server.into(),
            from: from.into(),
            url: url.into(),
        }
    }

    #[test]
    fn settings_that_are_wrong_are_named_without_the_password() {
        let url = "https://do.example.vn";
        let from = "Phòng VH&TT <vhtt@quan1.example.vn>";
        mail("smtps://u:p@mail.example.vn", from, url)
            .check()
            .unwrap();
        for (mail, says) in [
            (mail("mail.example.vn", from, url), "mail.server"),
            (mail("ftp://u:bí-mật@x", from, url), "mail.server"),
            (mail("smtp://localhost", "vhtt", url), "mail.from"),
            (mail("smtp://localhost", from, "do.example.vn"), "mail.url"),
        ] {
            let text = format!("{:#}", mail.check().unwrap_err());
            assert!(text.contains(says) && !text.contains("bí-mật"), "{text}");
        }
    }

    #[test]
    fn a_unit_is_reminded_three_times_until_it_reports() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: directory.path().to_owned(),
            ..Config::default()
        };
        let centre = Centre::open(config, || at("2024-12-12T00:00:00Z")).unwrap();
        let campaign = centre.store().campaign("district-1").unwrap().unwrap();
        let on = |day: &str| {
            let now = at(&format!("{day}T02:00:00Z"));
            due(&centre, &campaign, now, false).unwrap()
        };
        for (day, count) in [
            ("2024-12-05", 0),
            ("2024-12-06", 32),
            ("2024-12-07", 0),
            ("2024-12-08", 32),
            ("2024-12-09", 0),
            ("2024-12-10", 32),
            ("2024-12-11", 0),
        ] {
            assert_eq!(on(day).len(), count, "{day}");
        }
        let first = &on("2024-12-10")[0];
        assert!(first.subject.contains("tháng 11/2024") && first.subject.ends_with("đã quá hạn"));
        assert!(
            first.to.is_none(),
            "the directory of the demonstration has no addresses"
        );
        let stored = centre.store().organisations().unwrap();
        assert_eq!(
            organisation::units(&stored, &campaign, "2024-11".parse().unwrap()).len(),
            32
        );
        let act = Act {
            who: "q1-nv",
            at: centre.now(),
        };
        let key = ReportKey {
            campaign: campaign.id.clone(),
            month: "2024-11".parse().unwrap(),
            organisation: "q1-nv".into(),
            synthetic: false,
        };
        let state = (ReportState::Submitted, None);
        centre
            .store()
            .add_report_event(&key, 0, state, &Default::default(), act)
            .unwrap();
        assert_eq!(on("2024-12-10").len(), 31);
    }
}
