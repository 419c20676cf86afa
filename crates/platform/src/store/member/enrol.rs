//! How members come: by a unit's link, or by a roster; and how they go.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde_json::json;

use super::consent::{self, Purpose};
use crate::store::Store;
use crate::store::audit::{self, Act};
use crate::store::edge::{integer, micros, natural};

/// A link of a unit.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct UnitCode {
    /// In the link.
    pub code: String,
    /// Campaign.
    pub campaign: String,
    /// Code of the unit.
    pub organisation: String,
    /// Whether it still enrols.
    pub revoked: bool,
}

/// Somebody who comes by a link, with the secrets drawn for it.
#[derive(Clone, Debug)]
pub struct Newcomer<'a> {
    /// Code of a unit's link or of a personal one.
    pub code: &'a str,
    /// Pseudonym of the device.
    pub device: &'a str,
    /// What is agreed to.
    pub purposes: &'a [Purpose],
    /// Where reminders go.
    pub email: Option<&'a str>,
    /// Random id.
    pub member_id: &'a str,
    /// SHA-256 of the member's token.
    pub token_sha256: &'a str,
    /// In e-mails.
    pub opt_out: &'a str,
}

/// A line of a roster on its way into the store, with its secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rostered {
    /// Code of the unit.
    pub organisation: String,
    /// The roster's own code, unique in the unit.
    pub staff_code: String,
    /// Name; absent where members are numbered and not named.
    pub name: Option<String>,
    /// Where reminders go, once agreed to.
    pub email: Option<String>,
    /// Random id, code of the personal link, and code that ends e-mails.
    pub secrets: [String; 3],
}

/// What became of a newcomer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Enrolled {
    /// A member of this number in its unit.
    As(u64),
    /// The device is a member of the campaign already.
    Already,
    /// No link has this code, or it was revoked.
    NoLink,
}

impl Store {
    /// Makes the link of a unit.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn make_unit_code(&self, code: &UnitCode, act: Act<'_>) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        transaction.execute(
            "INSERT INTO unit_codes VALUES (?1, ?2, ?3, ?4, NULL)",
            params![code.code, code.campaign, code.organisation, micros(act.at)],
        )?;
        let detail = json!({"campaign": code.campaign});
        audit::write(
            &transaction,
            act,
            "unit_code.make",
            &code.organisation,
            &detail,
        )?;
        transaction.commit().context("storing a unit's link")
    }

    /// Ends the links of a unit; members stay. Says how many there were.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn revoke_unit_codes(&self, campaign: &str, unit: &str, act: Act<'_>) -> Result<usize> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let ended = transaction.execute(
            "UPDATE unit_codes SET revoked_at_us = ?3
             WHERE campaign_id = ?1 AND organisation = ?2 AND revoked_at_us IS NULL",
            params![campaign, unit, micros(act.at)],
        )?;
        let detail = json!({"campaign": campaign, "ended": ended});
        audit::write(&transaction, act, "unit_code.revoke", unit, &detail)?;
        transaction.commit()?;
        Ok(ended)
    }

    /// A link by its code.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn unit_code(&self, code: &str) -> Result<Option<UnitCode>> {
        unit_code(&self.reader(), code)
    }

    /// The link of a unit that enrols.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn code_of_unit(&self, campaign: &str, unit: &str) -> Result<Option<String>> {
        let sql = "SELECT code FROM unit_codes WHERE campaign_id = ?1 AND organisation = ?2
                   AND revoked_at_us IS NULL ORDER BY made_at_us DESC";
        let reader = self.reader();
        Ok(reader
            .query_row(sql, [campaign, unit], |row| row.get(0))
            .optional()?)
    }

    /// Enrols somebody who comes by a link; a personal one fills in the
    /// roster's member.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is.
    pub fn enrol(&self, newcomer: &Newcomer<'_>, at: Timestamp) -> Result<Enrolled> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let enrolled = match personal(&transaction, newcomer.code)? {
            Some(found) => fill(&transaction, newcomer, found)?,
            None => add(&transaction, newcomer, at)?,
        };
        let Some((member_id, number)) = enrolled.1 else {
            return Ok(enrolled.0);
        };
        for purpose in newcomer.purposes {
            consent::give(&transaction, &member_id, *purpose, at)?;
        }
        transaction.commit().context("enrolling a member")?;
        Ok(Enrolled::As(number))
    }

    /// Writes the lines of a roster, all or none. Members of the same unit and
    /// staff code get the new name and address; nobody is removed.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn put_roster(&self, campaign: &str, lines: &[Rostered], act: Act<'_>) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        for line in lines {
            put(&transaction, campaign, line, act.at)?;
        }
        let detail = json!({"lines": lines.len()});
        audit::write(&transaction, act, "roster.import", campaign, &detail)?;
        transaction.commit().context("storing a roster")
    }

    /// Erases a member: the person, the device, what was agreed to and the days
    /// go; the sums of the unit's months stay.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is.
    pub fn erase_member(&self, member_id: &str, act: Act<'_>) -> Result<bool> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let unit = "SELECT organisation FROM members WHERE member_id = ?1";
        let unit: Option<String> = transaction
            .query_row(unit, [member_id], |row| row.get(0))
            .optional()?;
        let Some(unit) = unit else { return Ok(false) };
        transaction.execute(SUM_UP, [member_id])?;
        transaction.execute(
            "DELETE FROM reminders WHERE kind = 'duty' AND subject IN (?1, ?1 || '/push')",
            [member_id],
        )?;
        transaction.execute("DELETE FROM members WHERE member_id = ?1", [member_id])?;
        // The trail names the unit, not the member.
        audit::write(&transaction, act, "member.erase", &unit, &json!({}))?;
        transaction.commit().context("erasing a member")?;
        Ok(true)
    }
}

const SUM_UP: &str = "INSERT INTO erased_days
     SELECT campaign_id, organisation, substr(day, 1, 7), synthetic, 1,
            sum(tests >= ifnull(json_extract(terms, '$.duty_tests_a_day'), 1)), sum(tests)
     FROM member_days JOIN members USING (member_id) JOIN campaigns USING (campaign_id)
     WHERE member_id = ?1
     GROUP BY substr(day, 1, 7), synthetic
     ON CONFLICT (campaign_id, organisation, month, synthetic) DO UPDATE SET
       members = members + excluded.members, member_days = member_days + excluded.member_days,
       tests = tests + excluded.tests";

fn unit_code(connection: &Connection, code: &str) -> Result<Option<UnitCode>> {
    let sql = "SELECT code, campaign_id, organisation, revoked_at_us IS NOT NULL
               FROM unit_codes WHERE code = ?1";
    let found = connection.query_row(sql, [code], |row| {
        Ok(UnitCode {
            code: row.get(0)?,
            campaign: row.get(1)?,
            organisation: row.get(2)?,
            revoked: row.get(3)?,
        })
    });
    Ok(found.optional()?)
}

/// Id, campaign and number of the member a personal link is for.
type Personal = (String, String, u64);

fn personal(transaction: &Transaction<'_>, code: &str) -> Result<Option<Personal>> {
    let sql = "SELECT member_id, campaign_id, number FROM members WHERE personal_code = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, natural(row.get(2)?)));
    Ok(transaction.query_row(sql, [code], read).optional()?)
}

type Outcome = (Enrolled, Option<(String, u64)>);

fn fill(transaction: &Transaction<'_>, new: &Newcomer<'_>, found: Personal) -> Result<Outcome> {
    let (member_id, campaign, number) = found;
    if knows(transaction, &campaign, new.device)? {
        return Ok((Enrolled::Already, None));
    }
    // The personal link is used up: whoever has a copy cannot take the place.
    transaction.execute(
        "UPDATE members SET device = ?2, token_sha256 = ?3, email = ifnull(?4, email),
                personal_code = NULL WHERE member_id = ?1",
        params![member_id, new.device, new.token_sha256, new.email],
    )?;
    Ok((Enrolled::As(number), Some((member_id, number))))
}

fn add(transaction: &Transaction<'_>, new: &Newcomer<'_>, at: Timestamp) -> Result<Outcome> {
    let link = unit_code(transaction, new.code)?.filter(|link| !link.revoked);
    let Some(link) = link else {
        return Ok((Enrolled::NoLink, None));
    };
    if knows(transaction, &link.campaign, new.device)? {
        return Ok((Enrolled::Already, None));
    }
    let number = next_number(transaction, &link.campaign, &link.organisation)?;
    transaction.execute(
        "INSERT INTO members (member_id, campaign_id, organisation, number, source, email, device,
                              token_sha256, opt_out, enrolled_at_us)
         VALUES (?1, ?2, ?3, ?4, 'link', ?5, ?6, ?7, ?8, ?9)",
        params![
            new.member_id,
            link.campaign,
            link.organisation,
            integer(number),
            new.email,
            new.device,
            new.token_sha256,
            new.opt_out,
            micros(at)
        ],
    )?;
    Ok((
        Enrolled::As(number),
        Some((new.member_id.to_owned(), number)),
    ))
}

fn knows(transaction: &Transaction<'_>, campaign: &str, device: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM members WHERE campaign_id = ?1 AND device = ?2";
    Ok(transaction
        .query_row(sql, [campaign, device], |_| Ok(()))
        .optional()?
        .is_some())
}

fn next_number(transaction: &Transaction<'_>, campaign: &str, unit: &str) -> Result<u64> {
    let sql = "INSERT INTO member_numbers VALUES (?1, ?2, 1)
               ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last";
    Ok(natural(transaction.query_row(
        sql,
        [campaign, unit],
        |row| row.get(0),
    )?))
}

fn put(
    transaction: &Transaction<'_>,
    campaign: &str,
    line: &Rostered,
    at: Timestamp,
) -> Result<()> {
    let changed = transaction.execute(
        "UPDATE members SET name = ?4, email = ?5
         WHERE campaign_id = ?1 AND organisation = ?2 AND staff_code = ?3",
        params![
            campaign,
            line.organisation,
            line.staff_code,
            line.name,
            line.email
        ],
    )?;
    if changed > 0 {
        return Ok(());
    }
    let number = next_number(transaction, campaign, &line.organisation)?;
    let [member_id, personal_code, opt_out] = &line.secrets;
    transaction.execute(
        "INSERT INTO members (member_id, campaign_id, organisation, number, source, staff_code, name,
                              email, personal_code, opt_out, enrolled_at_us)
         VALUES (?1, ?2, ?3, ?4, 'roster', ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            member_id,
            campaign,
            line.organisation,
            integer(number),
            line.staff_code,
            line.name,
            line.email,
            personal_code,
            opt_out,
            micros(at)
        ],
    )?;
    Ok(())
}
