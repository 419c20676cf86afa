//! What a member agreed to, purpose by purpose.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::store::Store;
use crate::store::edge::{instant, micros};

/// What personal data of a member may be used for. Each is agreed to by itself.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Counting on which days the member measured.
    Duty,
    /// Reminders by e-mail.
    ReminderEmail,
    /// Reminders on the member's device; goes with a subscription.
    ReminderPush,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Duty, Self::ReminderEmail, Self::ReminderPush];
    /// Those that are asked for when somebody joins.
    pub const AT_FIRST: [Self; 2] = [Self::Duty, Self::ReminderEmail];

    /// As in columns and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Duty => "duty",
            Self::ReminderEmail => "reminder_email",
            Self::ReminderPush => "reminder_push",
        }
    }

    /// What a member is asked to agree to.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Duty => {
                "Tôi đồng ý để hệ thống ghi nhận mỗi ngày thiết bị này đã đo hay chưa và số lần đo. \
                 Đơn vị của tôi chỉ thấy đã đo hay chưa đo theo ngày và tổng số; \
                 không thấy vị trí, tốc độ hay giờ đo."
            }
            Self::ReminderEmail => {
                "Tôi đồng ý nhận thư điện tử nhắc đo trong ngày. \
                 Mỗi thư có liên kết để ngừng nhận."
            }
            Self::ReminderPush => {
                "Tôi đồng ý nhận thông báo nhắc đo trên thiết bị này. \
                 Hệ thống lưu địa chỉ nhận thông báo do trình duyệt cấp, \
                 và xóa ngay khi tôi rút lại."
            }
        }
    }
}

/// Edition of the texts above; it grows when one of them changes its meaning.
pub const CONSENT_EDITION: u32 = 1;

/// Something a member agreed to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Consent {
    /// To what.
    pub purpose: String,
    /// Edition of the text.
    pub edition: u32,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub given_at: Timestamp,
    /// When it was taken back.
    #[schema(value_type = Option<String>, required = true, format = DateTime)]
    pub withdrawn_at: Option<Timestamp>,
}

impl Store {
    /// Everything a member ever agreed to, in order.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn consents(&self, member_id: &str) -> Result<Vec<Consent>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT purpose, edition, given_at_us, withdrawn_at_us FROM consents
             WHERE member_id = ?1 ORDER BY given_at_us, purpose",
        )?;
        let rows = statement.query_map([member_id], |row| {
            let withdrawn: Option<i64> = row.get(3)?;
            Ok(Consent {
                purpose: row.get(0)?,
                edition: row.get(1)?,
                given_at: instant(row.get(2)?)?,
                withdrawn_at: withdrawn.map(instant).transpose()?,
            })
        })?;
        rows.collect::<Result<_, _>>().context("reading consents")
    }

    /// Notes that a member agrees to a purpose, or no longer does. What was
    /// counted before stays (withdrawal looks forward).
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn set_consent(
        &self,
        member_id: &str,
        purpose: Purpose,
        given: bool,
        at: Timestamp,
    ) -> Result<()> {
        let mut writer = self.writer();
        if given {
            return give(&writer, member_id, purpose, at);
        }
        let writer = writer.transaction()?;
        if purpose == Purpose::ReminderPush {
            let sql = "DELETE FROM push_subscriptions WHERE member_id = ?1";
            writer.execute(sql, [member_id])?;
        }
        let sql = "UPDATE consents SET withdrawn_at_us = ?3
                   WHERE member_id = ?1 AND purpose = ?2 AND withdrawn_at_us IS NULL";
        writer.execute(sql, params![member_id, purpose.code(), micros(at)])?;
        Ok(writer.commit()?)
    }

    /// Ends the reminders of whoever holds the code of an e-mail; says whether
    /// the code is known.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn opt_out(&self, code: &str, at: Timestamp) -> Result<bool> {
        let writer = self.writer();
        let known: u32 = writer.query_row(
            "SELECT count(*) FROM members WHERE opt_out = ?1",
            [code],
            |row| row.get(0),
        )?;
        let sql = "UPDATE consents SET withdrawn_at_us = ?2 WHERE withdrawn_at_us IS NULL
                   AND purpose = 'reminder_email'
                   AND member_id = (SELECT member_id FROM members WHERE opt_out = ?1)";
        writer.execute(sql, params![code, micros(at)])?;
        Ok(known > 0)
    }
}

/// Gives a consent, unless it is in force.
pub(super) fn give(
    connection: &Connection,
    member_id: &str,
    purpose: Purpose,
    at: Timestamp,
) -> Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO consents SELECT ?1, ?2, ?3, ?4, NULL
         WHERE NOT EXISTS (SELECT 1 FROM consents WHERE member_id = ?1 AND purpose = ?2
                           AND withdrawn_at_us IS NULL)",
        params![member_id, purpose.code(), CONSENT_EDITION, micros(at)],
    )?;
    Ok(())
}
