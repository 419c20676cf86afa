//! Configuration: the only place that reads files of settings or the environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use server::{SiteConfig, TlsConfig};

use crate::cli::{ServeArgs, StoreArgs};

/// Settings of `ispeed serve` and `ispeed site`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// TLS, where it is wanted.
    pub(crate) tls: TlsConfig,
    /// The measurement site.
    pub(crate) site: SiteConfig,
    /// The centre; its `data_dir` holds the store and the site's key.
    pub(crate) centre: platform::config::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: TlsConfig::default(),
            site: SiteConfig::default(),
            centre: platform::config::Config::default(),
        }
    }
}

impl Config {
    /// The file's settings, with the flags over them.
    pub(crate) fn read(args: &ServeArgs) -> anyhow::Result<Self> {
        let mut config = Self::read_file(args.config.as_deref(), args.data.as_deref())?;
        if let Some(listen) = args.listen {
            config.listen = listen;
        }
        let tls = &mut config.tls;
        tls.listen = args.tls_listen.or(tls.listen);
        tls.responsiveness_listen = args.responsiveness_listen.or(tls.responsiveness_listen);
        tls.certificate = args
            .tls_certificate
            .clone()
            .or_else(|| tls.certificate.take());
        tls.key = args.tls_key.clone().or_else(|| tls.key.take());
        if !args.tls_self_signed.is_empty() {
            tls.self_signed.clone_from(&args.tls_self_signed);
        }
        tls.check().map_err(anyhow::Error::msg)?;
        Ok(config)
    }

    /// The settings of a command that works on a data folder.
    pub(crate) fn of_store(store: &StoreArgs) -> anyhow::Result<Self> {
        Self::read_file(store.config.as_deref(), store.data.as_deref())
    }

    fn read_file(path: Option<&Path>, data: Option<&Path>) -> anyhow::Result<Self> {
        let mut config = path.map(Self::parse_file).transpose()?.unwrap_or_default();
        if let Some(data) = data {
            config.centre.data_dir = data.to_owned();
        }
        config.centre.check()?;
        Ok(config)
    }

    fn parse_file(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("reading {}", path.display()))?;
        let within = || format!("in {}", path.display());
        let config = Self::parse(&text).with_context(within)?;
        let share = config.site.audit_share_per_mille;
        if share > 1000 {
            let wrong = format!("site.audit_share_per_mille is {share}, expected at most 1000");
            return Err(anyhow::Error::msg(wrong)).with_context(within);
        }
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// The centre's settings for a command that works on its store.
pub(crate) fn centre(store: &StoreArgs) -> anyhow::Result<platform::config::Config> {
    Ok(Config::of_store(store)?.centre)
}

/// Folder of the device's pseudonym and of waiting tests: the one named, or
/// `ispeed` in the user's state folder (XDG Base Directory).
pub(crate) fn state_dir(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "config reads the environment")]
    let variable = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let named = named.map(Path::to_owned);
    named
        .or_else(|| Some(variable("XDG_STATE_HOME")?.join("ispeed")))
        .or_else(|| Some(variable("HOME")?.join(".local/state/ispeed")))
        .context("no folder for waiting tests: give --state DIR")
}

/// Logs to standard error; `ISPEED_LOG` takes tracing's filter language.
pub(crate) fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    #[expect(clippy::disallowed_methods, reason = "config reads the environment")]
    let filter = std::env::var("ISPEED_LOG").unwrap_or_else(|_| level.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> anyhow::Result<Config> {
        Config::read_file(Some(path), None)
    }

    #[test]
    fn the_deployed_example_is_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/ispeed.toml");
        let config = read(&path).unwrap();
        assert_eq!(config.site.name, "hcm-1");
        assert_eq!(config.site.budgets, SiteConfig::default().budgets);
        assert_eq!(
            config.centre.limits,
            platform::config::Config::default().limits
        );
    }

    #[test]
    fn what_is_invalid_names_its_file_and_place() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/serve");
        let mut tried = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let error = format!("{:#}", read(&path).unwrap_err());
            let name = path.file_name().unwrap().to_str().unwrap();
            let named = error.contains(name) || error.contains("position_retention_days");
            assert!(named, "{name}: {error}");
            tried += 1;
        }
        assert!(tried >= 5);
    }
}
