//! Accounts: invited, taken up with a password, signed in and out.
//!
//! Passwords are hashed by argon2id with the parameters of OWASP's Password
//! Storage Cheat Sheet (19 MiB, two passes, one lane). A wrong address costs
//! the same time and gets the same answer as a wrong password.

use anyhow::{Context as _, Result, bail};
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::actor::{Actor, Role};
use super::secret::{hashed, token};
use super::{Refused, Why};
use crate::centre::Centre;
use crate::sheet::tidy;
use crate::store::account::{Account, NewAccount};
use crate::store::audit::Act;

/// How long an invitation holds.
const INVITATION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a session lasts at most, and unused.
const SESSION: SignedDuration = SignedDuration::from_hours(12);
const IDLE: SignedDuration = SignedDuration::from_hours(2);
/// Wrong passwords after which an account is locked, and for how long.
const MOST_FAILURES: u32 = 5;
const LOCKED: SignedDuration = SignedDuration::from_mins(15);
/// Letters of a password.
const LETTERS: std::ops::RangeInclusive<usize> = 10..=200;

/// An invitation; the token is told this once.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invited {
    /// Address of the account.
    pub email: String,
    /// What the account may.
    pub role: Role,
    /// Shown to take it up.
    pub token: String,
    /// Until when it holds.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// An account as a list shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct AccountLine {
    /// Address, in small letters.
    pub email: String,
    /// Name of the person.
    pub name: String,
    /// `office`, `coordinator` or `reader`.
    pub role: String,
    /// The coordinator's unit.
    pub organisation: Option<String>,
    /// Whether it was disabled.
    pub disabled: bool,
    /// Where it stands.
    pub state: AccountState,
}

/// Where an account stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// The invitation was not taken up yet.
    Invited,
    /// It can sign in.
    Enabled,
    /// Too many wrong passwords; it opens by itself.
    Locked,
    /// It was ended.
    Disabled,
}

impl AccountState {
    fn of(account: &Account, now: Timestamp) -> Self {
        if account.disabled {
            return Self::Disabled;
        }
        if account.password.is_none() {
            return Self::Invited;
        }
        let locked = account.locked_until.is_some_and(|until| now < until);
        if locked { Self::Locked } else { Self::Enabled }
    }

    /// As in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Enabled => "enabled",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
        }
    }
}

/// Every account, by address.
///
/// # Errors
///
/// [`Refused`] where the actor may not; or the store cannot be read.
pub fn accounts(centre: &Centre, actor: &Actor) -> Result<Vec<AccountLine>> {
    actor.may_administer()?;
    let now = centre.now();
    let line = |account: Account| AccountLine {
        state: AccountState::of(&account, now),
        email: account.email,
        name: account.name,
        role: account.role,
        organisation: account.organisation,
        disabled: account.disabled,
    };
    Ok(centre.store().accounts()?.into_iter().map(line).collect())
}

/// Ends an account and its sessions; an invitation opens it again.
///
/// # Errors
///
/// [`Refused`] where the actor may not, there is none, or it is the actor's
/// own; or the store cannot be written.
pub fn disable(centre: &Centre, actor: &Actor, email: &str) -> Result<()> {
    actor.may_administer()?;
    let email = email.trim().to_lowercase();
    not_own(actor, &email)?;
    let act = Act {
        who: &actor.name,
        at: centre.now(),
    };
    if !centre.store().disable_account(&email, act)? {
        let what = format!("no account that is enabled has the address {email:?}");
        let remedy = "see the list of accounts";
        return Err(Refused::new((Why::Unknown, "unknown_account"), "email", what, remedy).into());
    }
    Ok(())
}

/// Nobody ends or changes the account that is asked with: the last one of an
/// office would be gone by a slip.
fn not_own(actor: &Actor, email: &str) -> Result<(), Refused> {
    if email != actor.name {
        return Ok(());
    }
    let what = format!("{email:?} is the account that asks");
    let remedy = "ask another account of the office";
    Err(Refused::new(
        (Why::Conflict, "own_account"),
        "email",
        what,
        remedy,
    ))
}

/// Makes an account, or invites the one of this address again.
///
/// # Errors
///
/// [`Refused`] where the actor may not or a value is wrong; or the store or the
/// source of chance fails.
pub fn invite(
    centre: &Centre,
    actor: &Actor,
    (email, name): (&str, &str),
    role: Role,
    unit: Option<&str>,
) -> Result<Invited> {
    actor.may_administer()?;
    let email = address(email)?;
    not_own(actor, &email)?;
    check_unit(centre, role, unit)?;
    let name = tidy(name);
    if name.is_empty() {
        return Err(wrong("name", "is empty", "write the name of the person").into());
    }
    let (token, now) = (token(centre)?, centre.now());
    let expires_at = now + INVITATION;
    let account = NewAccount {
        email: &email,
        name: &name,
        role: role.code(),
        organisation: unit,
    };
    let act = Act {
        who: &actor.name,
        at: now,
    };
    centre
        .store()
        .invite(account, (&hashed(&token), expires_at), act)?;
    Ok(Invited {
        email,
        role,
        token,
        expires_at,
    })
}

fn wrong(field: &'static str, what: impl Into<String>, remedy: &'static str) -> Refused {
    Refused::new((Why::Wrong, "account_invalid"), field, what, remedy)
}

fn address(email: &str) -> Result<String, Refused> {
    let email = email.trim().to_lowercase();
    if email.parse::<lettre::Address>().is_err() {
        let what = format!("{email:?} is no address");
        return Err(wrong("email", what, "write it as ten@quan1.example.vn"));
    }
    Ok(email)
}

fn check_unit(centre: &Centre, role: Role, unit: Option<&str>) -> Result<()> {
    let known = |unit: &str| -> Result<bool> {
        Ok(centre
            .store()
            .organisations()?
            .iter()
            .any(|o| o.code == unit))
    };
    match (role, unit) {
        (Role::Coordinator, None) => {
            Err(wrong("unit", "is missing", "a coordinator is one of a unit").into())
        }
        (Role::Coordinator, Some(unit)) if !known(unit)? => {
            let what = format!("{unit:?} is not in the directory");
            Err(wrong("unit", what, "see ispeed organisation list").into())
        }
        (Role::Office | Role::Reader, Some(unit)) => {
            let what = format!("{unit:?} is given, but only coordinators have a unit");
            Err(wrong("unit", what, "leave it out").into())
        }
        _ => Ok(()),
    }
}

/// Takes an invitation up with a password.
///
/// # Errors
///
/// [`Refused`] where the invitation no longer holds or the password is weak; or
/// the store or the source of chance fails.
pub fn take_up(centre: &Centre, token: &str, password: &str) -> Result<()> {
    let (digest, now) = (hashed(token), centre.now());
    let Some(account) = centre.store().invited(&digest, now)? else {
        return Err(no_invitation().into());
    };
    check_password(password, &account)?;
    let phc = phc(centre, password)?;
    if !centre.store().take_up(&digest, &phc, now)? {
        return Err(no_invitation().into());
    }
    Ok(())
}

fn no_invitation() -> Refused {
    let what = "it does not hold: used, replaced, over, or never made";
    let remedy = "ask the office for a new invitation";
    Refused::new((Why::Unknown, "unknown_invitation"), "token", what, remedy)
}

fn check_password(password: &str, account: &Account) -> Result<(), Refused> {
    let letters = password.chars().count();
    let distinct: std::collections::BTreeSet<char> = password.chars().collect();
    let lower = password.to_lowercase();
    let own = account.email.split('@').next().unwrap_or_default();
    let what = if !LETTERS.contains(&letters) {
        format!(
            "has {letters} letters, expected {} to {}",
            LETTERS.start(),
            LETTERS.end()
        )
    } else if distinct.len() < 5 {
        format!("holds only {} different letters", distinct.len())
    } else if own.len() > 3 && lower.contains(own) {
        "holds the address of the account".into()
    } else {
        return Ok(());
    };
    Err(Refused::new(
        (Why::Wrong, "password_weak"),
        "password",
        what,
        "take four words that do not belong together",
    ))
}

fn phc(centre: &Centre, password: &str) -> Result<String> {
    let salt: [u8; 16] = centre.chance()?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    match hash {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => bail!("hashing a password: {error}"),
    }
}

/// Signs in; the token of the session is told this once.
///
/// # Errors
///
/// [`Refused`] where address or password are wrong, or too many were; or the
/// store or the source of chance fails.
pub fn sign_in(centre: &Centre, email: &str, password: &str) -> Result<(String, Account)> {
    let now = centre.now();
    let account = centre.store().account(&email.trim().to_lowercase())?;
    let usable = account.filter(|account| !account.disabled && account.password.is_some());
    if let Some(account) = &usable
        && account.locked_until.is_some_and(|until| now < until)
    {
        let what = format!("{MOST_FAILURES} wrong passwords in a row");
        let remedy = "try again after a quarter of an hour, or ask for a new invitation";
        return Err(Refused::new((Why::TooOften, "locked"), "password", what, remedy).into());
    }
    let stored = usable
        .as_ref()
        .and_then(|account| account.password.as_deref());
    let fits = password.chars().count() <= *LETTERS.end()
        && Argon2::default()
            .verify_password(password.as_bytes(), stored.unwrap_or(NOBODY))
            .is_ok();
    match usable {
        Some(account) if fits => {
            let token = token(centre)?;
            let store = centre.store();
            store.start_session(&account, &hashed(&token), now, now + SESSION)?;
            Ok((token, account))
        }
        found => {
            if let Some(account) = found {
                centre
                    .store()
                    .note_failure(account.id, MOST_FAILURES, now + LOCKED)?;
            }
            let what = "address or password are wrong";
            let remedy = "try again, or ask the office for a new invitation";
            Err(Refused::new((Why::SignedOut, "sign_in_failed"), "password", what, remedy).into())
        }
    }
}

/// The hash of a password that nobody knows: for addresses that have none.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$\
                      6Jvn6EQhnB1m0uXtXv0pLw9tF6H0Gq0k1pJcD2m7w5E";

/// Who a session's token stands for.
///
/// # Errors
///
/// [`Refused`] where the session is over, or was never; or the store fails.
pub fn signed_in(centre: &Centre, token: Option<&str>) -> Result<Actor> {
    let now = centre.now();
    let found = match token {
        Some(token) => centre.store().session(&hashed(token), now, now - IDLE)?,
        None => None,
    };
    let (Some(account), Some(token)) = (found, token) else {
        let what = "nobody is signed in, or the session is over";
        let remedy = "sign in: POST /api/v1/office/session";
        return Err(Refused::new((Why::SignedOut, "signed_out"), "session", what, remedy).into());
    };
    centre.store().touch_session(&hashed(token), now)?;
    actor(account)
}

/// Who an account is.
///
/// # Errors
///
/// When the stored role is not known here.
pub fn actor(account: Account) -> Result<Actor> {
    Ok(Actor {
        role: Role::from_code(&account.role).context("a stored role")?,
        unit: account.organisation,
        name: account.email,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_account_costs_a_whole_hash() {
        let hash = argon2::password_hash::phc::PasswordHash::new(NOBODY);
        assert!(hash.unwrap().hash.is_some());
    }
}
