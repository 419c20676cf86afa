//! Accounts, invitations and sessions. No password and no token is here, only
//! what was made of them.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde_json::json;

use super::Store;
use super::audit::{self, Act};
use super::edge::{instant, micros};

/// An account.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Account {
    /// Its number.
    #[serde(skip)]
    pub id: i64,
    /// Address, in small letters.
    pub email: String,
    /// Name of the person.
    pub name: String,
    /// `office`, `coordinator` or `reader`.
    pub role: String,
    /// The coordinator's unit.
    pub organisation: Option<String>,
    /// What argon2id made of the password; absent until the invitation was
    /// taken up.
    #[serde(skip)]
    pub password: Option<String>,
    /// Until when nobody can sign in, after too many failures.
    #[serde(skip)]
    pub locked_until: Option<Timestamp>,
    /// Whether it was disabled.
    pub disabled: bool,
}

/// A new account on its way into the store.
#[derive(Clone, Copy, Debug)]
pub struct NewAccount<'a> {
    /// Address, in small letters.
    pub email: &'a str,
    /// Name of the person.
    pub name: &'a str,
    /// `office`, `coordinator` or `reader`.
    pub role: &'static str,
    /// The coordinator's unit.
    pub organisation: Option<&'a str>,
}

const SELECT: &str =
    "SELECT account_id, email, name, role, organisation, password, locked_until_us,
                             disabled_at_us IS NOT NULL FROM accounts";

impl Store {
    /// Every account, by address.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(&format!("{SELECT} ORDER BY email"))?;
        let rows = statement.query_map([], account)?;
        rows.collect::<Result<_, _>>().context("reading accounts")
    }

    /// The account of an address.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn account(&self, email: &str) -> Result<Option<Account>> {
        let reader = self.reader();
        Ok(reader
            .query_row(&format!("{SELECT} WHERE email = ?1"), [email], account)
            .optional()?)
    }

    /// Makes an account, or invites the one of this address again; the
    /// invitations before no longer hold.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn invite(
        &self,
        new: NewAccount<'_>,
        (token_sha256, expires_at): (&str, Timestamp),
        act: Act<'_>,
    ) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction.execute(
            "INSERT INTO accounts (email, name, role, organisation, made_at_us)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (email) DO UPDATE SET name = excluded.name, role = excluded.role,
               organisation = excluded.organisation, disabled_at_us = NULL, locked_until_us = NULL,
               failures = 0",
            params![
                new.email,
                new.name,
                new.role,
                new.organisation,
                micros(act.at)
            ],
        )?;
        let id = id_of(&transaction, new.email)?;
        transaction.execute("DELETE FROM invitations WHERE account_id = ?1", [id])?;
        // Rights may have changed: whoever is signed in signs in again.
        transaction.execute("DELETE FROM sessions WHERE account_id = ?1", [id])?;
        transaction.execute(
            "INSERT INTO invitations VALUES (?1, ?2, ?3, NULL)",
            params![token_sha256, id, micros(expires_at)],
        )?;
        let detail = json!({"role": new.role, "organisation": new.organisation});
        audit::write(&transaction, act, "account.invite", new.email, &detail)?;
        transaction.commit().context("inviting")
    }

    /// The account that an invitation which still holds is for.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn invited(&self, token_sha256: &str, now: Timestamp) -> Result<Option<Account>> {
        let sql = format!(
            "{SELECT} JOIN invitations USING (account_id)
             WHERE token_sha256 = ?1 AND used_at_us IS NULL AND expires_at_us > ?2"
        );
        let key = params![token_sha256, micros(now)];
        Ok(self.reader().query_row(&sql, key, account).optional()?)
    }

    /// Takes an invitation up with a password; says whether it still held.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn take_up(&self, token_sha256: &str, password: &str, now: Timestamp) -> Result<bool> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let used = transaction.execute(
            "UPDATE invitations SET used_at_us = ?2
             WHERE token_sha256 = ?1 AND used_at_us IS NULL AND expires_at_us > ?2",
            params![token_sha256, micros(now)],
        )?;
        if used == 0 {
            return Ok(false);
        }
        let email: String = transaction.query_row(
            "UPDATE accounts SET password = ?2, failures = 0, locked_until_us = NULL
             WHERE account_id = (SELECT account_id FROM invitations WHERE token_sha256 = ?1)
             RETURNING email",
            params![token_sha256, password],
            |row| row.get(0),
        )?;
        let act = Act {
            who: &email,
            at: now,
        };
        audit::write(&transaction, act, "account.take_up", &email, &json!({}))?;
        transaction.commit()?;
        Ok(true)
    }

    /// Disables an account and ends its sessions; says whether there was one.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn disable_account(&self, email: &str, act: Act<'_>) -> Result<bool> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let found = transaction.execute(
            "UPDATE accounts SET disabled_at_us = ?2 WHERE email = ?1 AND disabled_at_us IS NULL",
            params![email, micros(act.at)],
        )?;
        if found > 0 {
            let id = id_of(&transaction, email)?;
            transaction.execute("DELETE FROM sessions WHERE account_id = ?1", [id])?;
            transaction.execute("DELETE FROM invitations WHERE account_id = ?1", [id])?;
            audit::write(&transaction, act, "account.disable", email, &json!({}))?;
        }
        transaction.commit()?;
        Ok(found > 0)
    }

    /// Counts a wrong password; from the `most`th on the account is locked
    /// until an instant.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn note_failure(&self, id: i64, most: u32, until: Timestamp) -> Result<()> {
        self.writer().execute(
            "UPDATE accounts SET failures = failures + 1,
               locked_until_us = CASE WHEN failures + 1 >= ?2 THEN ?3 ELSE locked_until_us END
             WHERE account_id = ?1",
            params![id, most, micros(until)],
        )?;
        Ok(())
    }

    /// Starts a session, and forgets failures and sessions that are over.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn start_session(
        &self,
        account: &Account,
        token_sha256: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction.execute(
            "DELETE FROM sessions WHERE expires_at_us <= ?1",
            [micros(now)],
        )?;
        transaction.execute(
            "UPDATE accounts SET failures = 0, locked_until_us = NULL WHERE account_id = ?1",
            [account.id],
        )?;
        transaction.execute(
            "INSERT INTO sessions VALUES (?1, ?2, ?3, ?3, ?4)",
            params![token_sha256, account.id, micros(now), micros(expires_at)],
        )?;
        let act = Act {
            who: &account.email,
            at: now,
        };
        audit::write(
            &transaction,
            act,
            "session.start",
            &account.email,
            &json!({}),
        )?;
        Ok(transaction.commit()?)
    }

    /// The account of a session that is not over and was used after `idle`.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn session(
        &self,
        token_sha256: &str,
        now: Timestamp,
        idle: Timestamp,
    ) -> Result<Option<Account>> {
        let sql = format!(
            "{SELECT} JOIN sessions USING (account_id) WHERE token_sha256 = ?1
             AND expires_at_us > ?2 AND used_at_us > ?3 AND disabled_at_us IS NULL"
        );
        let key = params![token_sha256, micros(now), micros(idle)];
        Ok(self.reader().query_row(&sql, key, account).optional()?)
    }

    /// Notes that a session is used, at most once a minute.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn touch_session(&self, token_sha256: &str, now: Timestamp) -> Result<()> {
        let minute = 60_000_000;
        let old = "SELECT 1 FROM sessions WHERE token_sha256 = ?1 AND used_at_us <= ?2";
        let key = params![token_sha256, micros(now) - minute];
        let due = self
            .reader()
            .query_row(old, key, |_| Ok(()))
            .optional()?
            .is_some();
        if due {
            self.writer().execute(
                "UPDATE sessions SET used_at_us = ?2 WHERE token_sha256 = ?1",
                params![token_sha256, micros(now)],
            )?;
        }
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn end_session(&self, token_sha256: &str) -> Result<()> {
        self.writer().execute(
            "DELETE FROM sessions WHERE token_sha256 = ?1",
            [token_sha256],
        )?;
        Ok(())
    }

    /// Makes the address of a campaign's table; the ones before no longer hold.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn make_sheet_link(&self, campaign: &str, token_sha256: &str, act: Act<'_>) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        revoke(&transaction, campaign, act.at)?;
        transaction.execute(
            "INSERT INTO sheet_links VALUES (?1, ?2, ?3, NULL)",
            params![token_sha256, campaign, micros(act.at)],
        )?;
        audit::write(&transaction, act, "sheet_link.make", campaign, &json!({}))?;
        Ok(transaction.commit()?)
    }

    /// Ends the addresses of a campaign's table; says how many there were.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn revoke_sheet_links(&self, campaign: &str, act: Act<'_>) -> Result<usize> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let ended = revoke(&transaction, campaign, act.at)?;
        audit::write(
            &transaction,
            act,
            "sheet_link.revoke",
            campaign,
            &json!({"ended": ended}),
        )?;
        transaction.commit()?;
        Ok(ended)
    }

    /// The campaign whose table a token shows.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn sheet_of(&self, token_sha256: &str) -> Result<Option<String>> {
        let sql = "SELECT campaign_id FROM sheet_links
                   WHERE token_sha256 = ?1 AND revoked_at_us IS NULL";
        Ok(self
            .reader()
            .query_row(sql, [token_sha256], |row| row.get(0))
            .optional()?)
    }
}

fn revoke(connection: &Connection, campaign: &str, at: Timestamp) -> Result<usize> {
    let sql = "UPDATE sheet_links SET revoked_at_us = ?2
               WHERE campaign_id = ?1 AND revoked_at_us IS NULL";
    Ok(connection.execute(sql, params![campaign, micros(at)])?)
}

fn id_of(connection: &Connection, email: &str) -> Result<i64> {
    let sql = "SELECT account_id FROM accounts WHERE email = ?1";
    Ok(connection.query_row(sql, [email], |row| row.get(0))?)
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let locked: Option<i64> = row.get(6)?;
    Ok(Account {
        id: row.get(0)?,
        email: row.get(1)?,
        name: row.get(2)?,
        role: row.get(3)?,
        organisation: row.get(4)?,
        password: row.get(5)?,
        locked_until: locked.map(instant).transpose()?,
        disabled: row.get(7)?,
    })
}
