//! The directory of organisations: read from a list, planned, confirmed; and
//! the questions asked of the tree.
//!
//! A list adds organisations and changes those of the same code and start; it
//! deletes none, because old reports name them. Everything that is wrong is
//! told by row and field, and with one mistake nothing is taken.

mod check;
mod list;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::civil::Date;
use metric::area::Validity;
use metric::month::Month;
use serde::Serialize;

use crate::area::Area;
use crate::import::Mistake;
use crate::store::campaign::{Campaign, Terms};
use crate::store::organisation::{Kind, Organisation};

pub(crate) use list::email;
pub use list::{to_csv, to_xlsx};

/// What a list would do to the directory.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DirectoryPlan)]
pub struct Plan {
    /// Those that are new.
    pub added: Vec<Organisation>,
    /// Those that change.
    pub changed: Vec<Changed>,
    /// How many stay as they are.
    pub unchanged: usize,
    /// What is wrong, in the order of the file.
    pub mistakes: Vec<Mistake>,
}

/// An organisation before and after.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Changed {
    /// As it is.
    pub before: Organisation,
    /// As it would be.
    pub after: Organisation,
}

impl Plan {
    /// What has to be written.
    pub fn writes(&self) -> Vec<Organisation> {
        let changed = self.changed.iter().map(|changed| &changed.after);
        self.added.iter().chain(changed).cloned().collect()
    }
}

/// Reads a list, CSV or XLSX, and says what it would do.
///
/// # Errors
///
/// When the file is of another kind altogether; single rows are [`Mistake`]s.
pub fn plan(bytes: &[u8], stored: &[Organisation], areas: &[Area]) -> Result<Plan> {
    let read = list::read(bytes)?;
    let mut mistakes = read.mistakes;
    mistakes.extend(check::tree(&read.rows, stored, areas));
    let known: BTreeMap<_, _> = stored
        .iter()
        .map(|o| ((&o.code, o.valid_from), o))
        .collect();
    let mut plan = Plan {
        added: vec![],
        changed: vec![],
        unchanged: 0,
        mistakes: crate::sheet::sorted(mistakes),
    };
    for (_, after) in read.rows {
        match known.get(&(&after.code, after.valid_from)) {
            None => plan.added.push(after),
            Some(before) if **before == after => plan.unchanged += 1,
            Some(before) => plan.changed.push(Changed {
                before: (*before).clone(),
                after,
            }),
        }
    }
    Ok(plan)
}

/// The organisations of a day.
pub fn on(organisations: &[Organisation], day: Date) -> Vec<&Organisation> {
    let there = organisations.iter().filter(|o| o.validity().contains(day));
    there.collect()
}

/// The organisations of a month, each once: under the name of its last day
/// there.
pub fn in_month(organisations: &[Organisation], month: Month) -> Vec<&Organisation> {
    let days = Validity {
        from: Some(month.first_day()),
        to: Some(month.next().first_day()),
    };
    let there = organisations
        .iter()
        .filter(|o| o.validity().overlaps(&days));
    let mut by_code = BTreeMap::new();
    for organisation in there {
        by_code.insert(&organisation.code, organisation);
    }
    by_code.into_values().collect()
}

/// Those among some that are below one of them, and itself.
pub fn under<'a>(organisations: &[&'a Organisation], root: &str) -> Vec<&'a Organisation> {
    let parents: BTreeMap<&str, Option<&str>> = organisations
        .iter()
        .map(|o| (o.code.as_str(), o.parent.as_deref()))
        .collect();
    let below = |o: &&&Organisation| chain(&parents, &o.code).any(|code| code == root);
    organisations.iter().filter(below).copied().collect()
}

/// The organisations that report to a campaign's office in a month, by kind and
/// code.
///
/// Those below its organisation and those it adds, apart from itself, the
/// office, digital teams (their ward reports) and operators (they are reported
/// on).
pub fn units<'a>(
    organisations: &'a [Organisation],
    campaign: &Campaign,
    month: Month,
) -> Vec<&'a Organisation> {
    let Terms {
        organisation,
        also,
        office,
        ..
    } = &campaign.terms;
    let there = in_month(organisations, month);
    let roots = organisation.iter().chain(also);
    let mut units: Vec<_> = roots.flat_map(|root| under(&there, root)).collect();
    let apart = |o: &Organisation| {
        let itself = Some(&o.code) == organisation.as_ref() || Some(&o.code) == office.as_ref();
        itself || matches!(o.kind, Kind::DigitalTeam | Kind::Operator)
    };
    units.retain(|o| !apart(o));
    units.sort_by_key(|o| (o.kind, o.code.clone()));
    units.dedup_by_key(|o| &o.code);
    units
}

/// An organisation and those above it, at most as many as there are.
fn chain<'a>(
    parents: &'a BTreeMap<&'a str, Option<&'a str>>,
    code: &'a str,
) -> impl Iterator<Item = &'a str> {
    let above = |code: &&'a str| parents.get(code).copied().flatten();
    std::iter::successors(Some(code), above).take(parents.len() + 1)
}
