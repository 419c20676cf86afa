//! The method looked at over stored tests.
//!
//! How far its adaptive modes are from the whole ten seconds, and what another
//! edition makes of the same bins. The laws are `metric`'s; here the store is
//! streamed through them.

use anyhow::{Context as _, Result};
use metric::audit::{self, Audit};
use metric::edition::Edition;
use metric::goodput::Mode;
use metric::replay::{self, Replay, Replayed};
use metric::series::Series;

use crate::store::Store;
use crate::store::series::{Stored, Which};

/// Holds the adaptive modes of an edition against tests of mode `full`.
///
/// # Errors
///
/// When the store cannot be read.
pub fn audit(store: &Store, which: Which, edition: Edition) -> Result<audit::Report> {
    let mut audit = Audit::new(edition);
    store.each_series(which, |stored| {
        if stored.mode == Mode::Full.name() {
            audit.add(&series(&stored)?, stored.audit);
        }
        Ok(())
    })?;
    Ok(audit.report())
}

/// Replays an edition over stored tests, each in its own mode or all in one.
///
/// # Errors
///
/// When the store cannot be read.
pub fn replay(
    store: &Store,
    which: Which,
    edition: Edition,
    mode: Option<Mode>,
) -> Result<replay::Report> {
    let mut replay = Replay::new(edition, mode);
    store.each_series(which, |stored| {
        let measured_by =
            Edition::of(stored.method).with_context(|| format!("test {}", stored.test_id))?;
        let measured_in = Mode::of_name(&stored.mode)
            .with_context(|| format!("test {}: mode {}", stored.test_id, stored.mode))?;
        replay.add(&Replayed {
            measured_by: (measured_by, measured_in),
            series: &series(&stored)?,
        });
        Ok(())
    })?;
    Ok(replay.report())
}

fn series(stored: &Stored) -> Result<Series> {
    let series = Series::decode(&stored.series);
    series.with_context(|| format!("the series of test {}", stored.test_id))
}

#[cfg(test)]
mod tests;
