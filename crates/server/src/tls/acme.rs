//! A certificate from an authority by ACME (RFC 8555), challenge `http-01`:
//! the authority asks the site's plain address, which answers from here.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, LetsEncrypt,
    NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::certificate::{Certificates, Files};
use super::validity::Validity;

/// Where certificates are ordered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AcmeConfig {
    /// Names of the site; each has to lead to its plain address, on port 80.
    pub domains: Vec<String>,
    /// Where the authority writes to, such as `mailto:noc@example.vn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The authority's directory; Let's Encrypt where it is not named.
    #[serde(default = "lets_encrypt")]
    pub directory: String,
    /// PEM file of whom to trust when speaking to the directory, where that is
    /// nobody the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_ca: Option<PathBuf>,
}

fn lets_encrypt() -> String {
    LetsEncrypt::Production.url().into()
}

impl AcmeConfig {
    /// Whether the settings make sense; the text names the one at fault.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.domains.is_empty() {
            return Err("tls.acme.domains is empty: name the site's domains".into());
        }
        if !self.directory.starts_with("https://") {
            let directory = &self.directory;
            return Err(format!(
                "tls.acme.directory: {directory:?} is not an https:// URL"
            ));
        }
        match &self.contact {
            Some(contact) if !contact.starts_with("mailto:") => Err(format!(
                "tls.acme.contact: {contact:?}; expected mailto:someone@example.vn"
            )),
            _ => Ok(()),
        }
    }
}

/// What the authority is to find at `/.well-known/acme-challenge/{token}`.
#[derive(Debug, Default)]
pub(crate) struct Challenges(Mutex<HashMap<String, String>>);

impl Challenges {
    /// Where the authority asks (RFC 8555 §8.3).
    pub(crate) const PATH: &str = "/.well-known/acme-challenge/";

    /// The answer to a token.
    pub(crate) fn answer(&self, token: &str) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            .cloned()
    }

    fn add(&self, token: &str, answer: &str) {
        let mut challenges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        challenges.insert(token.into(), answer.into());
    }

    fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Time between two looks at the certificate's age.
const LOOK: Duration = Duration::from_secs(3600);
/// First and longest time after which a failed order is tried again; an
/// authority counts failures by the hour.
const AGAIN: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(3600)];
/// How long the authority may take to look and to sign.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));

/// Orders certificates, and keeps them and the account in a folder.
#[derive(Clone, Debug)]
pub(super) struct Acme {
    config: AcmeConfig,
    /// One folder for each directory: an account belongs to one.
    folder: PathBuf,
}

impl Acme {
    pub(super) fn new(config: AcmeConfig, data_dir: &Path) -> Self {
        let hash = Sha256::digest(&config.directory);
        let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = data_dir.join("acme").join(name);
        Self { config, folder }
    }

    pub(super) fn domains(&self) -> &[String] {
        &self.config.domains
    }

    /// Chain and key in one file, so that they can only change together.
    fn stored(&self) -> Files {
        let path = self.folder.join("certificate.pem");
        Files {
            certificate: path.clone(),
            key: path,
        }
    }

    /// The certificate of an earlier order.
    pub(super) fn load(&self) -> Option<CertifiedKey> {
        self.stored().load().ok()
    }

    /// Orders when a third of the certificate's life is left, for ever.
    pub(super) async fn keep(&self, certificates: &Certificates, challenges: &Challenges) {
        let mut ordered = self.load().is_some();
        let mut again = AGAIN[0];
        loop {
            let validity = Validity::of(&certificates.current());
            let due = !ordered || validity.is_none_or(|v| v.is_nearly_over(net::wall_clock()));
            let wait = match due {
                false => LOOK,
                true => match self.order(challenges).await {
                    Ok(key) => {
                        certificates.replace(key);
                        (ordered, again) = (true, AGAIN[0]);
                        tracing::info!("Got a certificate by ACME");
                        LOOK
                    }
                    Err(error) => {
                        tracing::error!(%error, "Could not get a certificate by ACME");
                        let wait = again;
                        again = AGAIN[1].min(2 * again);
                        wait
                    }
                },
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn order(&self, challenges: &Challenges) -> io::Result<CertifiedKey> {
        fs::create_dir_all(&self.folder)?;
        let account = self.account().await?;
        let names = self.config.domains.iter().cloned().map(Identifier::Dns);
        let names: Vec<_> = names.collect();
        let order = account.new_order(&NewOrder::new(&names)).await;
        let mut order = order.map_err(io::Error::other)?;
        let proven = prove(&mut order, challenges).await;
        challenges.clear();
        proven?;
        let key = order.finalize().await.map_err(io::Error::other)?;
        let chain = order.poll_certificate(&PATIENCE).await;
        let chain = chain.map_err(io::Error::other)?;
        let stored = self.stored();
        replace(&stored.certificate, &format!("{key}\n{chain}"))?;
        stored.load()
    }

    /// The account of the last time, or a new one.
    async fn account(&self) -> io::Result<Account> {
        let builder = match &self.config.directory_ca {
            Some(path) => Account::builder_with_root(path),
            None => Account::builder(),
        };
        let builder = builder.map_err(io::Error::other)?;
        let path = self.folder.join("account.json");
        let kept = fs::read(&path).ok();
        if let Some(kept) =
            kept.and_then(|kept| serde_json::from_slice::<AccountCredentials>(&kept).ok())
        {
            return builder
                .from_credentials(kept)
                .await
                .map_err(io::Error::other);
        }
        let contact: Vec<_> = self.config.contact.iter().map(String::as_str).collect();
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let made = builder
            .create(&wanted, self.config.directory.clone(), None)
            .await;
        let (account, credentials) = made.map_err(io::Error::other)?;
        replace(&path, &serde_json::to_string(&credentials)?)?;
        Ok(account)
    }
}

/// Shows the authority that the names lead here.
async fn prove(order: &mut Order, challenges: &Challenges) -> io::Result<()> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(io::Error::other)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = authorization.challenge(ChallengeType::Http01);
        let mut challenge = challenge
            .ok_or_else(|| io::Error::other("the authority offers no challenge http-01"))?;
        challenges.add(&challenge.token, challenge.key_authorization().as_str());
        challenge.set_ready().await.map_err(io::Error::other)?;
    }
    let status = order
        .poll_ready(&PATIENCE)
        .await
        .map_err(io::Error::other)?;
    if status == OrderStatus::Ready {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "the order became {status:?}: the authority has to reach this site on port 80 of every name in tls.acme.domains"
    )))
}

/// Writes a file that only its owner reads, whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, want: &str) {
        let config: AcmeConfig = serde_json::from_str(json).unwrap();
        let got = config.check().err().unwrap_or_default();
        assert!(
            got.starts_with(want) && got.is_empty() == want.is_empty(),
            "{got}"
        );
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        check(r#"{"domains": ["do.example.vn"]}"#, "");
        check(r#"{"domains": []}"#, "tls.acme.domains");
        check(
            r#"{"domains": ["x"], "directory": "http://x"}"#,
            "tls.acme.directory",
        );
        check(
            r#"{"domains": ["x"], "contact": "noc@example.vn"}"#,
            "tls.acme.contact",
        );
        assert!(serde_json::from_str::<AcmeConfig>(r#"{"domain": "x"}"#).is_err());
    }

    #[test]
    fn a_challenge_is_answered_until_it_is_over() {
        let challenges = Challenges::default();
        challenges.add("token", "token.thumb");
        assert_eq!(challenges.answer("token").as_deref(), Some("token.thumb"));
        assert_eq!(challenges.answer("other"), None);
        challenges.clear();
        assert_eq!(challenges.answer("token"), None);
    }
}
