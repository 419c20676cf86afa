//! The centre's part of the configuration file.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use metric::validity::Limits;
use serde::{Deserialize, Serialize};

use crate::office::reminder::Mail;
use crate::push::Push;

/// Table `[centre]` of the configuration file. Every key may be left out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Directory that holds the store; made where there is none.
    pub data_dir: PathBuf,
    /// How long positions are kept after a test was received, days.
    pub position_retention_days: u16,
    /// Whether a centre without areas loads those of the demonstration.
    pub demonstration: bool,
    /// The numbers in the rules of the validity ledger.
    pub limits: Limits,
    /// How much a network may ask.
    pub api: ApiLimits,
    /// How reminders go out; without it none do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    /// Reminders on members' own devices; without it there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<Push>,
}

/// Table `[centre.api]`: how many questions one network (IPv4 /24, IPv6 /48)
/// may ask. Submitting tests is not limited by it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiLimits {
    /// Questions a second, in the long run.
    pub requests_per_second: u32,
    /// Questions at once.
    pub burst: u32,
}

impl Default for ApiLimits {
    fn default() -> Self {
        // An operator puts thousands of phones behind one prefix, and a page
        // asks about ten questions.
        Self {
            requests_per_second: 50,
            burst: 500,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "ispeed-data".into(),
            position_retention_days: 90,
            demonstration: true,
            limits: Limits::default(),
            api: ApiLimits::default(),
            mail: None,
            push: None,
        }
    }
}

impl Config {
    /// Reads the table on its own, and checks it.
    ///
    /// # Errors
    ///
    /// Names the key at fault and what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text).context("reading the configuration")?;
        config.check()?;
        Ok(config)
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    ///
    /// Names the key at fault, its value and what is expected.
    pub fn check(&self) -> Result<()> {
        let days = self.position_retention_days;
        ensure!(
            days > 0,
            "position_retention_days is 0, expected at least 1"
        );
        let share = self.limits.min_inside_percent;
        ensure!(
            share <= 100,
            "limits.min_inside_percent is {share}, expected at most 100"
        );
        let ApiLimits {
            requests_per_second,
            burst,
        } = self.api;
        ensure!(
            requests_per_second > 0 && burst > 0,
            "api.requests_per_second is {requests_per_second} and api.burst is {burst}, expected at least 1"
        );
        let named = !self.data_dir.as_os_str().is_empty();
        ensure!(named, "data_dir is empty, expected a directory");
        self.push.as_ref().map_or(Ok(()), Push::check)?;
        self.mail.as_ref().map_or(Ok(()), Mail::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_default_written_out() {
        let example = include_str!("../../../testdata/config/example.toml");
        let mut config = Config::parse(example).unwrap();
        assert_eq!(config.data_dir, PathBuf::from("/var/lib/ispeed"));
        config.data_dir = Config::default().data_dir;
        assert_eq!(config, Config::default());
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &str, says: &str| {
            let error = format!("{:#}", Config::parse(text).unwrap_err());
            assert!(error.contains(says), "{says}: {error}");
        };
        check(
            include_str!("../../../testdata/config/invalid-misspelt-key.toml"),
            "retention_days",
        );
        check(
            include_str!("../../../testdata/config/invalid-zero-retention.toml"),
            "position_retention_days is 0",
        );
        check(
            include_str!("../../../testdata/config/invalid-share-over-100.toml"),
            "limits.min_inside_percent is 101",
        );
        check(
            include_str!("../../../testdata/config/invalid-unknown-limit.toml"),
            "max_speed",
        );
        check(
            include_str!("../../../testdata/config/invalid-no-questions.toml"),
            "api.burst is 0",
        );
        check(
            include_str!("../../../testdata/config/invalid-empty-directory.toml"),
            "data_dir is empty",
        );
    }
}
