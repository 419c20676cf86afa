//! TLS to a site: whom to trust, and what a failed handshake means.

use std::io;
use std::path::Path;
use std::sync::Arc;

use net::transport::Transport;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;

use crate::Error;

/// The certificates that a client trusts: the system's, or those of one file.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Trusts what the system trusts.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when the system has no certificates to trust.
    pub fn system() -> Result<Self, Error> {
        let verifier = Verifier::new(net::tls::provider());
        let verifier = verifier.map_err(|why| {
            Error::Usage(format!(
                "the system's trusted certificates could not be read ({why}): \
                 install ca-certificates, or name the site's authority with --ca FILE"
            ))
        })?;
        Self::with(Arc::new(verifier))
    }

    /// Trusts the authorities in a PEM file, and nobody else.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when the file cannot be read or holds no certificate.
    pub fn file(path: &Path) -> Result<Self, Error> {
        let usage = |why: String| {
            let path = path.display();
            Error::Usage(format!(
                "--ca {path}: {why}; expected the authority's certificate as PEM"
            ))
        };
        let mut roots = RootCertStore::empty();
        let listed = CertificateDer::pem_file_iter(path).map_err(|e| usage(e.to_string()))?;
        for certificate in listed {
            let certificate = certificate.map_err(|e| usage(e.to_string()))?;
            roots.add(certificate).map_err(|e| usage(e.to_string()))?;
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.into(), net::tls::provider());
        Self::with(verifier.build().map_err(|e| usage(e.to_string()))?)
    }

    fn with(verifier: Arc<dyn ServerCertVerifier>) -> Result<Self, Error> {
        let config = ClientConfig::builder_with_provider(net::tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let mut config = config
            .dangerous() // What it warns of is a verifier that does not verify; both here do.
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // Measuring connections are upgraded, which HTTP/2 does not know.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Does the handshake with `host`, a name or an address without brackets.
    pub(crate) async fn connect(&self, tcp: TcpStream, host: &str) -> Result<Transport, Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::Usage(format!("{host} is not a name that TLS knows")))?;
        let connected = Transport::connect(tcp, Arc::clone(&self.0), name).await;
        connected.map_err(|error| failed(host, error))
    }
}

/// What a handshake that failed means to the user.
fn failed(host: &str, error: io::Error) -> Error {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        None => Error::Network(error),
        Some(rustls::Error::InvalidCertificate(why)) => {
            let (why, remedy) = distrusted(why);
            Error::Untrusted {
                host: host.into(),
                why,
                remedy,
            }
        }
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => Error::Blocked(
            format!("{host} does not speak TLS on this port; try http:// or another port"),
        ),
        Some(other) => Error::Blocked(format!("TLS with {host} failed: {other}")),
    }
}

/// Why a certificate is not believed, and what to do.
fn distrusted(why: &CertificateError) -> (String, &'static str) {
    use CertificateError as E;
    match why {
        E::Expired | E::ExpiredContext { .. } => (
            "it has expired".into(),
            "check this device's clock; otherwise the site has to renew it",
        ),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            ("it is not valid yet".into(), "check this device's clock")
        }
        // An authority that only bears a known one's name is no more known.
        E::UnknownIssuer | E::BadSignature => (
            "nobody known here issued it".into(),
            "sign in to the network if it has a portal; for an authority of your own, give --ca FILE",
        ),
        E::NotValidForName | E::NotValidForNameContext { .. } => (
            "it was issued for another name".into(),
            "use the name that stands in the certificate",
        ),
        E::Revoked => ("it was revoked".into(), "tell whoever runs the site"),
        other => (other.to_string(), "tell whoever runs the site"),
    }
}
