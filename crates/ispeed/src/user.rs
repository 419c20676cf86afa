//! `ispeed user`: accounts and the audit trail.

use std::process::ExitCode;

use platform::office::account::{AccountLine, accounts, disable, invite};
use platform::office::actor::Actor;
use platform::store::audit::{Audited, Trail};
use serde_json::json;

use crate::centre::{open, print};
use crate::cli::{StoreArgs, UserCommand};

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
            disable(&open(store)?, &Actor::console(), email)?;
            print(
                store,
                &json!({"disabled": email}),
                &format!("{email} is disabled"),
            )
        }
        UserCommand::Audit {
            who,
            subject,
            most,
            store,
        } => {
            let asked = Trail {
                who: who.as_deref(),
                subject: subject.as_deref(),
                ..Trail::default()
            };
            audit(asked, *most, store)
        }
    }
}

fn list(store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let accounts = accounts(&open(store)?, &Actor::console())?;
    let line = |account: &AccountLine| {
        let unit = account.organisation.as_deref().unwrap_or("-");
        format!(
            "{}  {}  {unit}  {}  {}",
            account.email,
            account.role,
            account.state.code(),
            account.name
        )
    };
    let lines: Vec<_> = accounts.iter().map(line).collect();
    print(store, &json!({"accounts": accounts}), &lines.join("\n"))
}

fn audit(asked: Trail<'_>, most: u32, store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let trail = open(store)?.store().audit_trail(asked, most)?;
    let line = |entry: &Audited| {
        format!(
            "{}  {}  {}  {}  {}",
            entry.at, entry.who, entry.action, entry.subject, entry.detail
        )
    };
    let lines: Vec<_> = trail.iter().map(line).collect();
    print(store, &json!({"audit": trail}), &lines.join("\n"))
}
