//! Figures that are kept: JSON by place and period, with a mark when a test came since.

use anyhow::{Context as _, Result};
use metric::month::Month;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::history::Subject;

/// Where a kept figure stands.
#[derive(Clone, Debug)]
pub struct FigureKey<'a> {
    /// The period.
    pub period: &'a str,
    /// Whether it is of simulations.
    pub synthetic: bool,
    /// Code of the level.
    pub level: &'a str,
    /// The place.
    pub place: &'a str,
}

impl Store {
    /// Keeps figures, JSON each, in place of those before.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn keep_figures<'a>(
        &self,
        edition: u16,
        figures: impl Iterator<Item = (FigureKey<'a>, String)>,
    ) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let sql =
            "INSERT OR REPLACE INTO figures (level, place, period, synthetic, edition, stale, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)";
        for (key, body) in figures {
            transaction
                .prepare_cached(sql)?
                .execute(params![
                    key.level,
                    key.place,
                    key.period,
                    key.synthetic,
                    edition,
                    body
                ])
                .context("keeping a figure")?;
        }
        Ok(transaction.commit()?)
    }

    /// A kept figure and whether a test came since; `None` where there is none
    /// of this edition.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn kept_figure(&self, key: &FigureKey<'_>, edition: u16) -> Result<Option<(String, bool)>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT body, stale FROM figures
             WHERE period = ?1 AND synthetic = ?2 AND level = ?3 AND place = ?4 AND edition = ?5",
        )?;
        let key = params![key.period, key.synthetic, key.level, key.place, edition];
        let found = statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional().context("reading a kept figure")
    }

    /// Forgets the figures of a period.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn forget_figures(&self, period: &str, synthetic: bool) -> Result<()> {
        let writer = self.writer();
        let sql = "DELETE FROM figures WHERE period = ?1 AND synthetic = ?2";
        writer.execute(sql, params![period, synthetic])?;
        Ok(())
    }

    /// Keeps the pooled correlations of a period, JSON.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn keep_correlations(&self, period: &str, synthetic: bool, body: &str) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO correlations VALUES (?1, ?2, ?3)";
        self.writer()
            .execute(sql, params![period, synthetic, body])?;
        Ok(())
    }

    /// The pooled correlations of a period, JSON.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn correlations(&self, period: &str, synthetic: bool) -> Result<Option<String>> {
        let sql = "SELECT body FROM correlations WHERE period = ?1 AND synthetic = ?2";
        let reader = self.reader();
        let found = reader.query_row(sql, params![period, synthetic], |row| row.get(0));
        Ok(found.optional()?)
    }
}

/// Marks the figures of a new test's area as overtaken: those of its month, and
/// those of longer or shorter periods whatever they are.
pub(super) fn mark_stale(connection: &Connection, subject: &Subject<'_>) -> Result<()> {
    let Some(area) = &subject.derived.area else {
        return Ok(());
    };
    let mut statement = connection.prepare_cached(
        "UPDATE figures SET stale = 1
         WHERE place = ?1 AND synthetic = ?2 AND level = 'ward'
           AND (substr(period, 1, 7) = ?3 OR substr(period, 5, 2) IN ('-W', '-Q')
                OR period LIKE '%/12m%')",
    )?;
    let month = Month::of(subject.measured_at).to_string();
    statement.execute(params![area.to_string(), subject.synthetic, month])?;
    Ok(())
}
