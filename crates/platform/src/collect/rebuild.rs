//! Every stored test judged again by an edition of the rules.
//!
//! Nothing is verified again: what is stored was verified when it came in, and
//! its nonce was forgotten then. What can no longer be derived because the
//! position has expired is kept from the verdict before.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use metric::EDITION;
use metric::consistency::Law;
use metric::goodput::Mode;
use metric::month::Month;
use metric::receipt::ReceiptV1;
use metric::submission::{Context, Observed};
use metric::validity::{Facts, Placement, Reason, judge};
use serde::Serialize;

use super::Tables;
use super::answer::with;
use super::derive::{Evidence, derive};
use crate::store::Store;
use crate::store::history::History;
use crate::store::rebuild::{BATCH, Before, Changes, Rederived, Stored};

/// What is rebuilt.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Edition of the rules, from 1 to [`EDITION`].
    pub edition: u16,
    /// The month; everything where there is none.
    pub month: Option<Month>,
    /// Only says what would change.
    pub preview: bool,
}

/// What a rebuild did, or would do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Rebuilt {
    /// Edition of the rules.
    pub edition: u16,
    /// Tests judged.
    pub tests: u64,
    /// Tests whose reasons, place or figures differ from before.
    pub changed: u64,
    /// Tests with each reason, before and after; `accepted` for those without.
    pub reasons: BTreeMap<&'static str, [u64; 2]>,
    /// Whether the new verdicts are in use.
    pub applied: bool,
}

/// Judges stored tests again, a thousand at a time. `progress` is told how many
/// of how many are done.
///
/// # Errors
///
/// When the edition is not known, a stored document cannot be read, or the store
/// cannot be written; then the verdicts before stay in use.
pub fn rebuild(
    store: &Store,
    tables: &Tables<'_>,
    plan: &Plan,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rebuilt> {
    let Plan { edition, month, .. } = *plan;
    ensure!(
        (1..=EDITION).contains(&edition),
        "edition is {edition}, expected 1 to {EDITION}"
    );
    let all = store.tests_stored(month)?;
    let mut rebuilding = store.begin_rebuild(month)?;
    let judge = |test: &Redone, past| test.judge(past, tables, edition);
    let mut done = 0;
    loop {
        let batch = rebuilding.next(BATCH)?;
        if batch.is_empty() {
            break;
        }
        let batch = redo_all(batch, tables)?;
        let (facts, batch): (Vec<_>, Vec<_>) = batch.into_iter().map(Redone::split).unzip();
        let mut facts = facts.into_iter();
        rebuilding.write(&batch, edition, tables.limits, |test, past| {
            facts.next().map_or_else(Vec::new, |facts| {
                judge_facts(&facts, test, past, tables, edition)
            })
        })?;
        done += batch.len() as u64;
        progress(done, all);
    }
    let changes = rebuilding.changes()?;
    if plan.preview {
        rebuilding.abandon()?;
    } else {
        let judge = |test: &Rederived, past| {
            let again = redo(test.stored.clone(), tables);
            again.map_or_else(|_| vec![], |again| judge(&again, past))
        };
        let rederive = |stored| Ok(redo(stored, tables)?.rederived);
        rebuilding.finish(edition, tables.limits, rederive, judge)?;
    }
    Ok(report(plan, &changes))
}

/// A test derived again, with the facts that need no other test.
struct Redone {
    rederived: Rederived,
    facts: Facts,
}

impl Redone {
    fn split(self) -> (Facts, Rederived) {
        (self.facts, self.rederived)
    }

    fn judge(&self, past: History, tables: &Tables<'_>, edition: u16) -> Vec<Reason> {
        judge_facts(&self.facts, &self.rederived, past, tables, edition)
    }
}

fn judge_facts(
    facts: &Facts,
    test: &Rederived,
    past: History,
    tables: &Tables<'_>,
    edition: u16,
) -> Vec<Reason> {
    let past = kept(&test.stored, past);
    judge(&with(facts, past), tables.limits, edition)
}

/// Without a position, what was found with it stays.
fn kept(stored: &Stored, past: History) -> History {
    let Some(before) = stored.before.as_ref().filter(|_| stored.position.is_none()) else {
        return past;
    };
    History {
        repeats: before.reasons.contains(&Reason::Repeat),
        travels: before.reasons.contains(&Reason::ImpossibleTravel),
        ..past
    }
}

/// Derives a batch again, on two threads: reading the documents is most of it.
fn redo_all(mut batch: Vec<Stored>, tables: &Tables<'_>) -> Result<Vec<Redone>> {
    let half = batch.split_off(batch.len() / 2);
    let redo_half = |half: Vec<Stored>| -> Result<Vec<Redone>> {
        half.into_iter()
            .map(|stored| redo(stored, tables))
            .collect()
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| redo_half(half));
        (redo_half(batch), other.join())
    });
    let mut redone = first?;
    let second = second.map_err(|_| anyhow::anyhow!("a thread of the rebuild ended early"))?;
    redone.extend(second?);
    Ok(redone)
}

fn redo(stored: Stored, tables: &Tables<'_>) -> Result<Redone> {
    let id = stored.test_id;
    let read = || -> Result<(ReceiptV1, Observed, Context)> {
        Ok((
            serde_json::from_str(&stored.receipt).context("its receipt")?,
            serde_json::from_str(&stored.observed).context("what its client saw")?,
            serde_json::from_str(&stored.context).context("its circumstances")?,
        ))
    };
    let (receipt, observed, context) = read().with_context(|| format!("reading test {id}"))?;
    let mode = Mode::of_name(&receipt.mode).with_context(|| format!("mode of test {id}"))?;
    let evidence = Evidence {
        receipt: &receipt,
        observed: &observed,
        context: &context,
        law: Law {
            edition: receipt.method,
            mode,
        },
    };
    let position = stored.position.as_ref();
    let (mut derived, mut facts) = derive(&evidence, position, tables, stored.received_at);
    if let (None, Some(before)) = (position, &stored.before) {
        derived.area.clone_from(&before.area);
        derived.cells = before.cells;
        facts.placement = placement(before);
    }
    Ok(Redone {
        facts,
        rederived: Rederived {
            device: context.device,
            measured_at: receipt.started_at,
            derived,
            stored,
        },
    })
}

fn placement(before: &Before) -> Placement {
    if before.cells.is_none() || before.reasons.contains(&Reason::Unlocated) {
        Placement::Unlocated
    } else if before.area.is_none() {
        Placement::Outside
    } else {
        Placement::Inside
    }
}

fn report(plan: &Plan, changes: &Changes) -> Rebuilt {
    let mut reasons: BTreeMap<&'static str, [u64; 2]> = BTreeMap::new();
    for (set, before, after) in &changes.reasons {
        let codes = set.iter().map(|reason| reason.code());
        let none = set.is_empty().then_some("accepted");
        for code in codes.chain(none) {
            let counts = reasons.entry(code).or_default();
            *counts = [counts[0] + before, counts[1] + after];
        }
    }
    Rebuilt {
        edition: plan.edition,
        tests: changes.tests,
        changed: changes.changed,
        reasons,
        applied: !plan.preview,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::fixture::{Place, at, draft, moved, position, signed};

    /// Everything a verdict says, in the order of the ids.
    fn ledger(place: &Place) -> String {
        place.store.ledger_sha256(None).unwrap()
    }

    fn again(place: &Place, edition: u16, month: Option<&str>, preview: bool) -> Rebuilt {
        let month = month.map(|month| month.parse().unwrap());
        let plan = Plan {
            edition,
            month,
            preview,
        };
        rebuild(&place.store, &place.tables(), &plan, |_, _| {}).unwrap()
    }

    /// Tests of all sorts, some of one device within minutes.
    fn filled() -> Place {
        let place = Place::new();
        for n in 1..40_u8 {
            let earlier = draft(1).receipt.started_at - SignedDuration::from_mins(7 * i64::from(n));
            let mut test = moved(draft(n.into()), earlier);
            test.context.device = format!("device-{:04}", n % 3);
            if n % 5 == 0 {
                test.context.position = None;
            }
            if n % 7 == 0 {
                test.context.position = Some(position((10.0, 105.0)));
            }
            place.collect(&signed(test)).unwrap();
        }
        place
    }

    #[test]
    fn a_rebuild_by_the_same_edition_changes_nothing_however_often() {
        let place = filled();
        let before = ledger(&place);
        for _ in 0..2 {
            let rebuilt = again(&place, EDITION, None, false);
            assert_eq!((rebuilt.tests, rebuilt.changed), (39, 0));
            assert_eq!(ledger(&place), before);
        }
        assert_eq!(again(&place, EDITION, Some("2024-11"), false).tests, 39);
        assert_eq!(ledger(&place), before);
    }

    #[test]
    fn an_older_edition_and_back_gives_the_same_bytes() {
        let place = filled();
        let new = ledger(&place);
        let preview = again(&place, 1, None, true);
        assert!(!preview.applied && preview.changed > 0);
        assert_eq!(ledger(&place), new, "a preview changes nothing");
        let old = again(&place, 1, None, false);
        assert_eq!(old.reasons.get("device_cap").map(|c| c[1]), Some(0));
        assert_ne!(ledger(&place), new);
        again(&place, EDITION, None, false);
        assert_eq!(ledger(&place), new);
    }

    #[test]
    fn what_a_position_told_outlives_it() {
        let place = filled();
        let before = ledger(&place);
        let gone = place
            .store
            .expire_positions(at("2026-01-01T00:00:00Z"))
            .unwrap();
        assert!(gone > 0);
        let rebuilt = again(&place, EDITION, None, false);
        assert_eq!(rebuilt.changed, 0, "{rebuilt:?}");
        assert_eq!(ledger(&place), before);
    }

    #[test]
    fn an_edition_that_is_not_known_is_named() {
        let place = Place::new();
        let plan = Plan {
            edition: 9,
            month: None,
            preview: false,
        };
        let error = rebuild(&place.store, &place.tables(), &plan, |_, _| {}).unwrap_err();
        assert!(error.to_string().contains("edition is 9"), "{error}");
    }
}
