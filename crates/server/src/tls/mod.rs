//! TLS at the site: whose certificate is shown, and how it is kept fresh.

mod acme;
mod certificate;
mod self_signed;
mod validity;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use serde::{Deserialize, Serialize};

use acme::Acme;
pub use acme::AcmeConfig;
pub(crate) use acme::Challenges;
pub(crate) use certificate::Certificates;
use certificate::{Files, Stamp};

use crate::site::Site;

/// How a site speaks TLS. Exactly one of the ways to a certificate is named
/// where `listen` is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Address for HTTPS; without it no TLS is spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// PEM file of the certificate, the site's own first, then its issuers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM file of its private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Address for responsiveness clients, HTTP/2 over TLS, usually port 4043;
    /// without it they are not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsiveness_listen: Option<SocketAddr>,
    /// Names for a certificate that the site makes itself, good for tests and
    /// local installations: nobody trusts it unless told to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub self_signed: Vec<String>,
    /// An authority to order certificates from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeConfig>,
}

impl TlsConfig {
    /// Whether the settings agree.
    ///
    /// # Errors
    ///
    /// Names the setting at fault and the remedy.
    pub fn check(&self) -> Result<(), String> {
        let files = match (&self.certificate, &self.key) {
            (Some(_), Some(_)) => 1,
            (None, None) => 0,
            (Some(_), None) => {
                return Err("tls.key is missing: name the key of tls.certificate".into());
            }
            (None, Some(_)) => {
                return Err("tls.certificate is missing: name the certificate of tls.key".into());
            }
        };
        let ways =
            files + usize::from(!self.self_signed.is_empty()) + usize::from(self.acme.is_some());
        if let Some(acme) = &self.acme {
            acme.check()?;
        }
        if self.responsiveness_listen.is_some() && self.listen.is_none() {
            return Err("tls.responsiveness_listen needs tls.listen beside it".into());
        }
        match (self.listen, ways) {
            (None, 0) | (Some(_), 1) => Ok(()),
            (None, _) => Err("tls.listen is missing: name the address for HTTPS, for example 0.0.0.0:443".into()),
            (Some(_), 0) => Err("tls.listen needs a certificate: set tls.certificate and tls.key, tls.acme or tls.self_signed".into()),
            (Some(_), _) => Err("tls names more than one certificate: keep one of tls.certificate with tls.key, tls.acme and tls.self_signed".into()),
        }
    }
}

/// TLS as it runs: the certificate of the moment, and where the next comes from.
#[derive(Debug)]
pub struct Tls {
    certificates: Arc<Certificates>,
    source: Source,
}

/// Where a certificate comes from.
#[derive(Clone, Debug)]
enum Source {
    Files(Files),
    SelfSigned(Vec<String>),
    Acme(Acme),
}

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_secs(2);

impl Tls {
    /// Gets a certificate; `None` where no TLS is wanted. What an authority
    /// issues is kept in `data_dir`; until it has, the site's own stands in.
    ///
    /// # Errors
    ///
    /// Settings that disagree, or files that cannot be used; the text names
    /// the setting or the file.
    pub fn open(config: &TlsConfig, data_dir: &Path) -> io::Result<Option<Self>> {
        config
            .check()
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        if config.listen.is_none() {
            return Ok(None);
        }
        let source = match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => Source::Files(Files {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            _ => match &config.acme {
                Some(acme) => Source::Acme(Acme::new(acme.clone(), data_dir)),
                None => Source::SelfSigned(config.self_signed.clone()),
            },
        };
        let first = match &source {
            Source::Files(files) => files.load()?,
            Source::SelfSigned(names) => self_signed::make(names)?,
            Source::Acme(acme) => match acme.load() {
                Some(kept) => kept,
                None => self_signed::make(acme.domains())?,
            },
        };
        Ok(Some(Self {
            certificates: Arc::new(Certificates::new(first)),
            source,
        }))
    }

    /// The configuration of connections that speak one of `protocols` (ALPN),
    /// best first.
    pub(crate) fn server_config(&self, protocols: &[&[u8]]) -> io::Result<ServerConfig> {
        let config = ServerConfig::builder_with_provider(net::tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.certificates) as _);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    /// The certificate of the moment.
    pub(crate) fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// Whether browsers have to be told the certificate's hash, because nobody
    /// vouches for it.
    pub(crate) const fn is_self_signed(&self) -> bool {
        matches!(self.source, Source::SelfSigned(_))
    }

    /// Keeps the certificate fresh, for ever. Connections that run keep the
    /// keys they agreed on; only new handshakes see a new certificate.
    pub async fn keep_fresh(&self, site: &Site) {
        match &self.source {
            Source::Files(files) => self.watch(files).await,
            Source::SelfSigned(names) => self.remake(names).await,
            Source::Acme(acme) => acme.keep(&self.certificates, site.challenges()).await,
        }
    }

    /// Takes up files that have changed. Asking every two seconds costs
    /// nothing, needs no signal from whatever renews them, and works where
    /// they are replaced by renaming.
    async fn watch(&self, files: &Files) {
        let mut seen = Stamp::of(files);
        loop {
            tokio::time::sleep(LOOK).await;
            let now = Stamp::of(files);
            if now == seen {
                continue;
            }
            seen = now;
            match files.load() {
                Ok(key) => {
                    self.certificates.replace(key);
                    tracing::info!("Took up a new certificate");
                }
                // Half of the pair may still be on its way.
                Err(error) => tracing::warn!(%error, "Kept the old certificate"),
            }
        }
    }

    async fn remake(&self, names: &[String]) {
        loop {
            tokio::time::sleep(self_signed::RENEWED).await;
            match self_signed::make(names) {
                Ok(key) => self.certificates.replace(key),
                Err(error) => tracing::error!(%error, "Could not make a certificate"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let config: TlsConfig = toml_of(text);
        let got = config.check().err().unwrap_or_default();
        assert!(
            got.starts_with(want) && got.is_empty() == want.is_empty(),
            "{got}"
        );
    }

    fn toml_of(text: &str) -> TlsConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn one_way_to_a_certificate() {
        check("{}", "");
        check(
            r#"{"listen": "[::]:443", "certificate": "a", "key": "b"}"#,
            "",
        );
        check(
            r#"{"listen": "[::]:443", "self_signed": ["localhost"]}"#,
            "",
        );
        check(r#"{"listen": "[::]:443"}"#, "tls.listen needs");
        check(r#"{"listen": "[::]:443", "certificate": "a"}"#, "tls.key");
        check(r#"{"listen": "[::]:443", "key": "a"}"#, "tls.certificate");
        check(
            r#"{"certificate": "a", "key": "b"}"#,
            "tls.listen is missing",
        );
        let both =
            r#"{"listen": "[::]:443", "certificate": "a", "key": "b", "self_signed": ["x"]}"#;
        check(both, "tls names more than one");
    }
}
