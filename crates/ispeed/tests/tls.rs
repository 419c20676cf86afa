//! TLS on loopback: measuring through it, whom the client trusts, and a new
//! certificate while a test runs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{Base, Error, Outcome, Plan, Progress, Trust};
use metric::receipt::Counted;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use running::{Server, ispeed};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

/// An authority of the test's own, in a folder of its own.
struct Authority {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(dir.path().join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { dir, issuer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Issues for `name` until the end of `year`, key first.
    fn issue(&self, name: &str, year: i32) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
        fs::write(self.path("site.pem"), certificate.pem()).unwrap();
    }

    fn serve(&self, data: &Path) -> Server {
        let [certificate, key] = ["site.pem", "key.pem"].map(|name| self.path(name));
        let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
        Server::start_secure(data, &["--tls-certificate", certificate, "--tls-key", key])
    }

    fn base(&self, url: &str) -> Base {
        Base::parse_with(url, || Trust::file(&self.path("ca.pem"))).unwrap()
    }
}

fn accurate() -> Plan {
    Plan {
        mode: Some("accurate".into()),
        ..Plan::default()
    }
}

fn measure(base: &Base, tell: &(dyn Fn(Progress<'_>) + Sync)) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(client::run(base, &accurate(), tell))
}

#[test]
fn a_test_over_tls_is_measured_to_its_receipt() {
    let (authority, data) = (Authority::new(), tempfile::tempdir().unwrap());
    authority.issue("127.0.0.1", 2099);
    let server = authority.serve(data.path());
    let outcome = measure(&authority.base(&server.secure_url), &|_| {}).unwrap();
    assert!(outcome.is_complete(), "{:?}", outcome.observed);
    let receipt = outcome.receipt.unwrap();
    // The kernel's account comes from the TCP connection below.
    let download = receipt.download.unwrap();
    assert!(
        download
            .streams
            .iter()
            .all(|s| s.tcp.is_some() && s.congestion.is_some())
    );
    assert_eq!(receipt.latency.unwrap().echoes as usize, {
        let observed = &outcome.observed;
        let probes = [
            &observed.idle,
            &observed.working_download,
            &observed.working_upload,
        ];
        probes
            .iter()
            .map(|p| p.as_ref().unwrap().rtt_us.len())
            .sum::<usize>()
    });
    // Both sides counted, and TLS adds little: 22 bytes in 16 KiB, and the handshake.
    let claimed = outcome.observed.download.unwrap().bytes;
    let acknowledged: u64 = download.bins_bytes.iter().sum();
    assert!(
        acknowledged >= claimed - claimed / 100,
        "{acknowledged} {claimed}"
    );
    assert_eq!(receipt.upload.unwrap().counted, Counted::Received);
}

#[test]
fn the_command_line_measures_over_tls() {
    let (authority, data) = (Authority::new(), tempfile::tempdir().unwrap());
    authority.issue("127.0.0.1", 2099);
    let server = authority.serve(data.path());
    let out = ispeed(&[
        "test",
        "--site",
        &server.secure_url,
        "--mode",
        "saver",
        "--json",
        "--ca",
    ])
    .arg(authority.path("ca.pem"))
    .arg("--state")
    .arg(data.path().join("state"))
    .output()
    .unwrap();
    let told = String::from_utf8_lossy(&out.stderr);
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{told} {said}");
    let result: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(result["submission"], "acknowledged", "{result}");
}

#[track_caller]
fn distrusted(base: &Base, want: &str) {
    let error = measure(base, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
    assert_eq!(error.exit_status(), 76);
    assert!(error.to_string().contains(want), "{error}");
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_named_with_a_remedy() {
    let (authority, data) = (Authority::new(), tempfile::tempdir().unwrap());
    authority.issue("127.0.0.1", 2021);
    let server = authority.serve(data.path());
    distrusted(
        &authority.base(&server.secure_url),
        "it has expired; check this device's clock",
    );
    drop(server);
    authority.issue("do.example.vn", 2099);
    let server = authority.serve(data.path());
    distrusted(
        &authority.base(&server.secure_url),
        "it was issued for another name",
    );
    let stranger = Authority::new();
    distrusted(&stranger.base(&server.secure_url), "--ca FILE");
    let plain = server.url.replace("http:", "https:");
    let error = measure(&authority.base(&plain), &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Blocked(_)), "{error:?}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
}

#[test]
fn a_new_certificate_is_taken_up_while_a_test_runs() {
    let (authority, data) = (Authority::new(), tempfile::tempdir().unwrap());
    authority.issue("127.0.0.1", 2098);
    let server = authority.serve(data.path());
    let first = shown(&server.secure_url);
    let renewed = Mutex::new(None);
    let plan = Plan::default(); // `full`: long enough for the renewal to fall into it.
    let renew = |progress: Progress<'_>| {
        let mut renewed = renewed.lock().unwrap();
        if matches!(progress, Progress::Download(..)) && renewed.is_none() {
            *renewed = Some(shown(&server.secure_url));
            authority.issue("127.0.0.1", 2099);
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(client::run(
        &authority.base(&server.secure_url),
        &plan,
        &renew,
    ));
    let outcome = outcome.unwrap();
    assert!(outcome.is_complete(), "{:?}", outcome.observed);
    assert_eq!(renewed.into_inner().unwrap().unwrap(), first);
    assert_ne!(shown(&server.secure_url), first);
    // Rubbish in the files changes nothing.
    let second = shown(&server.secure_url);
    fs::write(authority.path("site.pem"), "not a certificate").unwrap();
    assert!(
        measure(&authority.base(&server.secure_url), &|_| {})
            .unwrap()
            .is_complete()
    );
    assert_eq!(shown(&server.secure_url), second);
}

/// The certificate that a server shows, whatever it is.
fn shown(url: &str) -> CertificateDer<'static> {
    let config = ClientConfig::builder_with_provider(net::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut tcp = TcpStream::connect(url.strip_prefix("https://").unwrap()).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    while session.is_handshaking() {
        session.complete_io(&mut tcp).unwrap();
    }
    session.peer_certificates().unwrap()[0].clone().into_owned()
}

#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &net::tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        net::tls::provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
