//! `ispeed user`: accounts and the audit trail.

use std::process::ExitCode;

use anyhow::bail;
use platform::office::account::invite;
use platform::office::actor::Actor;
use platform::store::account::Account;
use platform::store::audit::{Act, Audited};
use serde_json::json;

use crate::centre::{open, print};
use crate::cli::{StoreArgs, UserCommand};
use crate::organisation::CONSOLE;

pub(crate) fn user(command: &UserCommand) -> anyhow::Result<ExitCode> {
    match command {
        UserCommand::Invite {
            email,
            name,
            role,
            unit,
            store,
        } => {
            let (centre, console) = (open(store)?, Actor::console());
            let invited = invite(&centre, &console, (email, name), *role, unit.as_deref())?;
            let text = format!(
                "{} is invited as {} until {}; the link, told this once:\n/invitation#{}",
                invited.email,
                invited.role.code(),
                invited.expires_at,
                invited.token
            );
            print(store, &json!(invited), &text)
        }
        UserCommand::List { store } => list(store),
        UserCommand::Disable { email, store } => {
            let centre = open(store)?;
            let act = Act {
                who: CONSOLE,
                at: centre.now(),
            };
            if !centre.store().disable_account(&email.to_lowercase(), act)? {
                bail!("no account that is enabled has the address {email:?}; see ispeed user list");
            }
            print(
                store,
                &json!({"disabled": email}),
                &format!("{email} is disabled"),
            )
        }
        UserCommand::Audit {
            subject,
            most,
            store,
        } => audit(subject.as_deref(), *most, store),
    }
}

fn list(store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let accounts = open(store)?.store().accounts()?;
    let line = |account: &Account| {
        let unit = account.organisation.as_deref().unwrap_or("-");
        let state = match (account.disabled, &account.password) {
            (true, _) => "disabled",
            (false, None) => "invited",
            (false, Some(_)) => "enabled",
        };
        format!(
            "{}  {}  {unit}  {state}  {}",
            account.email, account.role, account.name
        )
    };
    let lines: Vec<_> = accounts.iter().map(line).collect();
    print(store, &json!({"accounts": accounts}), &lines.join("\n"))
}

fn audit(subject: Option<&str>, most: u32, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let trail = open(store)?.store().audit_trail(subject, most)?;
    let line = |entry: &Audited| {
        format!(
            "{}  {}  {}  {}  {}",
            entry.at, entry.who, entry.action, entry.subject, entry.detail
        )
    };
    let lines: Vec<_> = trail.iter().map(line).collect();
    print(store, &json!({"audit": trail}), &lines.join("\n"))
}
