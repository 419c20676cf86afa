//! Migrations: numbered files, each applied once, all in one transaction.

use anyhow::{Result, ensure};
use rusqlite::Connection;

use super::series;

/// Every migration in order, with the version of the schema it leads to.
const MIGRATIONS: &[(u32, &str)] = &[
    (1, include_str!("../../schema/0001_store.sql")),
    (2, include_str!("../../schema/0002_sites.sql")),
    (SERIES, include_str!("../../schema/0003_series.sql")),
    (4, include_str!("../../schema/0004_ledger.sql")),
    (5, include_str!("../../schema/0005_problems.sql")),
    (6, include_str!("../../schema/0006_import.sql")),
    (7, include_str!("../../schema/0007_organisations.sql")),
    (8, include_str!("../../schema/0008_campaign_terms.sql")),
    (9, include_str!("../../schema/0009_members.sql")),
    (10, include_str!("../../schema/0010_unit_reports.sql")),
    (11, include_str!("../../schema/0011_accounts.sql")),
    (12, include_str!("../../schema/0012_push.sql")),
];

/// The version that brought the series.
const SERIES: u32 = 3;

/// Brings the schema up to the version this program knows.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction()?;
    let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = MIGRATIONS.last().map_or(0, |(known, _)| *known);
    ensure!(
        version <= known,
        "the schema has version {version}, this program knows up to {known}"
    );
    for (number, migration) in MIGRATIONS.iter().filter(|(number, _)| *number > version) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number)?;
    }
    if version < SERIES {
        series::fill(&transaction)?;
    }
    Ok(transaction.commit()?)
}
