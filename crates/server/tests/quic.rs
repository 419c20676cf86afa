//! WebTransport on real sockets: what comes back, what does not, who gets in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h3::ext::Protocol;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode};
use metric::key::SiteKey;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use server::{Site, SiteConfig, Tls, TlsConfig};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use wire::native::message::SessionReply;

/// A site with a certificate of its own making; its plain address.
fn start() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let quic = UdpSocket::bind("127.0.0.1:0").unwrap();
            let tls = TlsConfig {
                listen: quic.local_addr().ok(),
                self_signed: vec!["127.0.0.1".into()],
                ..TlsConfig::default()
            };
            let tls = Tls::open(&tls, std::path::Path::new("unused"))
                .unwrap()
                .unwrap();
            let key = SiteKey::from_seed(&[5; 32]);
            let site = Site::new(SiteConfig::default(), key, &[7; 1 << 16]);
            site.announce_webtransport(quic.local_addr().unwrap().port(), &tls);
            let site = Arc::new(site);
            let plain = server::serve(listener, Arc::clone(&site), |_, _| async {
                Response::new(Full::<Bytes>::default())
            });
            let (_, served) = tokio::join!(plain, server::serve_quic(quic, &tls, site));
            served.unwrap();
        });
    });
    told.recv().unwrap()
}

fn post(site: SocketAddr, path: &str, bearer: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(site).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: site\r\nAuthorization: Bearer {bearer}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).unwrap();
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(body)
}

fn session(site: SocketAddr) -> SessionReply {
    serde_json::from_slice(&post(site, "/api/v1/session", "")).unwrap()
}

/// A `WebTransport` session as a browser opens it; its datagrams are on `quic`.
struct Browser {
    quic: quinn::Connection,
    status: StatusCode,
    _held: Box<dyn std::any::Any>,
}

async fn browse(session: &SessionReply, path: &str) -> Browser {
    let offer = session.webtransport.as_ref().unwrap();
    let mut tls = ClientConfig::builder_with_provider(net::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(offer.certificate_sha256.clone())))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let tls = QuicClientConfig::try_from(tls).unwrap();
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(tls)));
    let address = SocketAddr::from(([127, 0, 0, 1], offer.port));
    let quic = endpoint
        .connect(address, "127.0.0.1")
        .unwrap()
        .await
        .unwrap();
    let (mut driver, mut requests) = h3::client::builder()
        .enable_datagram(true)
        .enable_extended_connect(true)
        .build::<_, _, Bytes>(h3_quinn::Connection::new(quic.clone()))
        .await
        .unwrap();
    let driver = tokio::spawn(async move { driver.wait_idle().await });
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://127.0.0.1:{}{path}", offer.port))
        .extension(Protocol::WEB_TRANSPORT)
        .body(())
        .unwrap();
    let mut stream = requests.send_request(request).await.unwrap();
    let status = stream.recv_response().await.unwrap().status();
    Browser {
        quic,
        status,
        _held: Box::new((endpoint, driver, requests, stream)),
    }
}

fn path(token: &str) -> String {
    format!("/measure/v1/latency?token={token}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_comes_back_and_the_receipt_counts_it() {
    let site = start();
    let session = session(site);
    let browser = browse(&session, &path(&session.token)).await;
    assert_eq!(browser.status, StatusCode::OK);
    for number in 0_u32..20 {
        let probe = [&[0][..], &number.to_be_bytes()].concat();
        browser.quic.send_datagram(probe.clone().into()).unwrap();
        assert_eq!(browser.quic.read_datagram().await.unwrap(), probe);
    }
    let token = session.token.clone();
    let asked = tokio::task::spawn_blocking(move || {
        post(
            site,
            &format!("/api/v1/session/{}/receipt", session.test_id),
            &token,
        )
    });
    let receipt: serde_json::Value = serde_json::from_slice(&asked.await.unwrap()).unwrap();
    assert_eq!(receipt["latency"]["echoes"], 20, "{receipt}");
    // The session's end is the connection's.
    let closed = timeout(Duration::from_secs(10), browser.quic.closed()).await;
    assert!(closed.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_larger_than_a_probe_comes_back_nor_a_flood() {
    let session = session(start());
    let browser = browse(&session, &path(&session.token)).await;
    let long = [&[0][..], &[9; 65]].concat();
    browser.quic.send_datagram(long.into()).unwrap();
    browser
        .quic
        .send_datagram(Bytes::from_static(&[4, 9]))
        .unwrap(); // Nobody's session.
    browser
        .quic
        .send_datagram(Bytes::from_static(&[0]))
        .unwrap(); // Nothing in it.
    browser
        .quic
        .send_datagram(Bytes::from_static(&[0, 1]))
        .unwrap();
    assert_eq!(browser.quic.read_datagram().await.unwrap(), &[0, 1][..]);
    let mut answered = 0;
    for number in 0_u32..2000 {
        let probe = [&[0][..], &number.to_be_bytes()].concat();
        browser.quic.send_datagram(probe.into()).unwrap();
        let answer = timeout(Duration::from_millis(1), browser.quic.read_datagram());
        answered += u32::from(answer.await.is_ok());
    }
    assert!(answered > 0 && answered < 1900, "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_token_opens_the_latency_path() {
    let session = session(start());
    assert_eq!(
        browse(&session, &path("nonsense")).await.status,
        StatusCode::UNAUTHORIZED
    );
    let download = format!("/measure/v1/download?token={}", session.token);
    assert_eq!(
        browse(&session, &download).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        browse(&session, &path(&session.token)).await.status,
        StatusCode::OK
    );
}

/// Accepts the certificates that the session names, and no other.
#[derive(Debug)]
struct Pinned(Vec<String>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let hash = Sha256::digest(certificate);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.0.contains(&hash) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General("another certificate".into()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("QUIC is TLS 1.3".into()))
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
