//! Where members are reached on their own devices.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension as _, params};

use super::consent::{Purpose, give};
use super::{Member, SELECT, member};
use crate::push::Subscription;
use crate::store::Store;
use crate::store::edge::micros;

impl Store {
    /// Keeps a member's subscription in the place of an older one, with the
    /// consent that it stands for.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is.
    pub fn subscribe(&self, member_id: &str, to: &Subscription, at: Timestamp) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction.execute(
            "INSERT OR REPLACE INTO push_subscriptions VALUES (?1, ?2, ?3, ?4, ?5)",
            params![member_id, to.endpoint, to.p256dh, to.auth, micros(at)],
        )?;
        give(&transaction, member_id, Purpose::ReminderPush, at)?;
        transaction.commit().context("storing a subscription")
    }

    /// A member's subscription.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn subscription(&self, member_id: &str) -> Result<Option<Subscription>> {
        let sql = "SELECT endpoint, p256dh, auth FROM push_subscriptions WHERE member_id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Subscription {
                endpoint: row.get(0)?,
                p256dh: row.get(1)?,
                auth: row.get(2)?,
            })
        };
        Ok(self.reader().query_row(sql, [member_id], read).optional()?)
    }

    /// Forgets a subscription of this address: its service says it is gone.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn unsubscribe(&self, member_id: &str, endpoint: &str) -> Result<()> {
        let sql = "DELETE FROM push_subscriptions WHERE member_id = ?1 AND endpoint = ?2";
        self.writer().execute(sql, [member_id, endpoint])?;
        Ok(())
    }

    /// The members of a campaign who agreed to be counted and to be reminded on
    /// their device, and have not done a day's duty.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn unpushed(
        &self,
        campaign: &str,
        day: Date,
        owed: u32,
        synthetic: bool,
    ) -> Result<Vec<Member>> {
        let sql = format!(
            "{SELECT} WHERE campaign_id = ?1
             AND EXISTS (SELECT 1 FROM push_subscriptions WHERE member_id = members.member_id)
             AND 2 = (SELECT count(DISTINCT purpose) FROM consents
                      WHERE member_id = members.member_id AND withdrawn_at_us IS NULL
                        AND purpose IN ('duty', 'reminder_push'))
             AND ?3 > ifnull((SELECT tests FROM member_days WHERE member_id = members.member_id
                              AND day = ?2 AND synthetic = ?4), 0)
             ORDER BY organisation, number"
        );
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&sql)?;
        let key = params![campaign, day.to_string(), owed, synthetic];
        let rows = statement.query_map(key, member)?;
        rows.collect::<Result<_, _>>()
            .context("reading whom to remind on the device")
    }
}
