//! The certificate of the moment, and reading one from files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

/// The certificate that handshakes show; it can be replaced while they run.
#[derive(Debug)]
pub(crate) struct Certificates(RwLock<Arc<CertifiedKey>>);

impl Certificates {
    pub(crate) fn new(first: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    pub(crate) fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// SHA-256 of the certificate, as hex digits.
    pub(crate) fn sha256(&self) -> Option<String> {
        let current = self.current();
        let hash = Sha256::digest(current.cert.first()?);
        Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(crate) fn replace(&self, next: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// Where a certificate and its key lie.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Files {
    /// Reads both, and checks that they belong together.
    pub(crate) fn load(&self) -> io::Result<CertifiedKey> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|e| unusable(&self.certificate, &e, "a certificate as PEM"))?;
        if chain.is_empty() {
            return Err(unusable(
                &self.certificate,
                &"no certificate in it",
                "a certificate as PEM",
            ));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|e| unusable(&self.key, &e, "a private key as PEM"))?;
        certified(chain, key).map_err(|why| unusable(&self.key, &why, "the key of the certificate"))
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display, expected: &str) -> io::Error {
    let text = format!("{}: {why}; expected {expected}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Brings a chain and its key together.
pub(crate) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &net::tls::provider())
}

/// What changes when a file is replaced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stamp([Option<(SystemTime, u64)>; 2]);

impl Stamp {
    pub(crate) fn of(files: &Files) -> Self {
        let stamp = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        Self([stamp(&files.certificate), stamp(&files.key)])
    }
}
