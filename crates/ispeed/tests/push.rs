//! Reminders on devices, over real sockets: the push service is a listener that
//! knows nothing of ours, and the browser's side is the cryptography of others.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod running;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes128Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::{PublicKey, SecretKey};
use running::{Server, ispeed};
use serde_json::{Value, json};
use sha2::Sha256;

/// The browser of a member.
struct Browser {
    key: SecretKey,
    secret: [u8; 16],
}

impl Browser {
    fn new() -> Self {
        let key = SecretKey::from_slice(&[7; 32]).unwrap();
        let secret = [5; 16];
        Self { key, secret }
    }

    /// Uncompressed, as browsers write it.
    fn public(&self) -> Vec<u8> {
        self.key.public_key().to_sec1_bytes().to_vec()
    }

    fn subscription(&self, endpoint: &str) -> Value {
        json!({
            "endpoint": endpoint,
            "p256dh": URL_SAFE_NO_PAD.encode(self.public()),
            "auth": URL_SAFE_NO_PAD.encode(self.secret),
        })
    }

    /// Opens a body as RFC 8291 and RFC 8188 say.
    fn open(&self, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        assert_eq!(
            rest[..5],
            [0, 0, 16, 0, 65],
            "record of 4096, key of 65 bytes"
        );
        let (sender, record) = rest[5..].split_at(65);
        let peer = PublicKey::from_sec1_bytes(sender).unwrap();
        let shared = p256::ecdh::diffie_hellman(self.key.to_nonzero_scalar(), peer.as_affine());
        let own = self.public();
        let info = [&b"WebPush: info\0"[..], &own, sender].concat();
        let input: [u8; 32] = derived(&self.secret, shared.raw_secret_bytes(), &info);
        let key: [u8; 16] = derived(salt, &input, b"Content-Encoding: aes128gcm\0");
        let nonce: [u8; 12] = derived(salt, &input, b"Content-Encoding: nonce\0");
        let cipher = Aes128Gcm::new_from_slice(&key).unwrap();
        let mut opened = cipher.decrypt(&Nonce::from(nonce), record).unwrap();
        assert_eq!(opened.pop(), Some(2), "the delimiter of the last record");
        opened
    }
}

fn derived<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    Hkdf::<Sha256>::new(Some(salt), input)
        .expand(info, &mut bytes)
        .unwrap();
    bytes
}

/// A push service that answers one request with a status; what it was sent.
fn service(status: &'static str) -> (String, JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/push/a1?x=2", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut read = vec![];
        let (head, length) = loop {
            let mut some = [0; 4096];
            let n = stream.read(&mut some).unwrap();
            assert!(n > 0, "the request was cut short");
            read.extend_from_slice(&some[..n]);
            let Some(end) = read.windows(4).position(|w| w == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8(read[..end].to_vec())
                .unwrap()
                .to_lowercase();
            let length = line(&head, "content-length").parse::<usize>().unwrap();
            if read.len() >= end + 4 + length {
                break (String::from_utf8(read[..end].to_vec()).unwrap(), end + 4);
            }
        };
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").unwrap();
        (head, read[length..].to_vec())
    });
    (endpoint, thread)
}

fn line<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).unwrap().1
}

const PUSH: &str =
    "[centre.push]\ncontact = \"mailto:vhtt@quan1.example.vn\"\nallow_private = true\n";

fn told(data: &Path, words: &[&str]) -> Value {
    let output = ispeed(words)
        .arg("--json")
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A member, as the line of a head that shows it.
fn member(data: &Path) -> String {
    let campaign = [
        "--campaign",
        "district-1",
        "--clock",
        "2024-11-01T00:00:00Z",
    ];
    let link = told(
        data,
        &[&["member", "link", "q1-p-ben-nghe"], &campaign[..2]].concat(),
    );
    let join = [
        "member",
        "join",
        link["code"].as_str().unwrap(),
        "--device",
        "device-0001",
    ];
    let welcome = told(
        data,
        &[&join[..], &["--consent", "duty"], &campaign[2..]].concat(),
    );
    format!(
        "Authorization: Bearer {}\r\n",
        welcome["token"].as_str().unwrap()
    )
}

/// Late in the evening, so that everybody's hour has come.
fn remind(data: &Path, config: &str, day: &str) -> Value {
    let clock = format!("{day}T15:30:00Z");
    told(
        data,
        &[
            "campaign",
            "remind",
            "district-1",
            "--confirm",
            "--config",
            config,
            "--clock",
            &clock,
        ],
    )
}

#[test]
fn a_device_is_reminded_once_a_day_and_forgotten_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let config = data.join("push.toml");
    std::fs::write(&config, PUSH).unwrap();
    let config = config.to_str().unwrap();
    let who = member(data);
    let server = Server::start_with(ispeed(&[]), data, "127.0.0.1:0", PUSH);
    let key = server.get("/api/v1/push/key");
    let browser = Browser::new();
    let (endpoint, sent) = service("201 Created");
    let ask = |method: &str, path: &str, body: Value| {
        let body = body.to_string();
        let (status, _, value) = server.answer(&who, method, path, body.as_bytes()).unwrap();
        (status, value)
    };
    let (status, me) = ask(
        "POST",
        "/api/v1/members/me/push",
        browser.subscription(&endpoint),
    );
    assert_eq!(
        (status, &me["push_endpoint"]),
        (200, &json!(endpoint)),
        "{me}"
    );
    let done = remind(data, config, "2024-11-14");
    assert_eq!(done["devices"]["sent"], 1, "{done}");
    assert_eq!(
        remind(data, config, "2024-11-14")["devices"]["sent"],
        0,
        "once a day"
    );

    let (head, body) = sent.join().unwrap();
    assert!(head.starts_with("POST /push/a1?x=2 HTTP/1.1\r\n"), "{head}");
    assert_eq!(line(&head, "content-encoding"), "aes128gcm");
    assert_eq!(line(&head, "ttl"), "21600");
    let message: Value = serde_json::from_slice(&browser.open(&body)).unwrap();
    assert_eq!(
        (&message["title"], &message["path"]),
        (&json!("Nhắc đo hôm nay"), &json!("/"))
    );
    signed(
        line(&head, "authorization"),
        key["key"].as_str().unwrap(),
        &endpoint,
    );

    let (endpoint, sent) = service("410 Gone");
    ask(
        "POST",
        "/api/v1/members/me/push",
        browser.subscription(&endpoint),
    );
    let done = remind(data, config, "2024-11-15");
    assert_eq!(done["devices"]["gone"], json!(["q1-p-ben-nghe 1"]));
    sent.join().unwrap();
    let (_, me) = ask("GET", "/api/v1/members/me", Value::Null);
    assert_eq!(me["push_endpoint"], Value::Null);

    ask(
        "POST",
        "/api/v1/members/me/push",
        browser.subscription("http://127.0.0.1:9/a"),
    );
    let back = json!({"purpose": "reminder_push", "given": false});
    let (_, me) = ask("POST", "/api/v1/members/me/consents", back);
    assert_eq!(me["push_endpoint"], Value::Null, "taken back is forgotten");
    assert_eq!(remind(data, config, "2024-11-16")["devices"]["sent"], 0);
}

/// Checks who sends, as RFC 8292 has a push service do it.
fn signed(authorization: &str, key: &str, endpoint: &str) {
    let (token, public) = authorization
        .strip_prefix("vapid t=")
        .and_then(|rest| rest.split_once(", k="))
        .unwrap();
    assert_eq!(public, key, "the key that the browser subscribed with");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (said, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&decode(signature)).unwrap();
    let public = VerifyingKey::from_sec1_bytes(&decode(public)).unwrap();
    public.verify(said.as_bytes(), &signature).unwrap();
    let claims: Value = serde_json::from_slice(&decode(said.split('.').nth(1).unwrap())).unwrap();
    let origin = endpoint.split("/push/").next().unwrap();
    assert_eq!(
        (&claims["aud"], &claims["sub"]),
        (&json!(origin), &json!("mailto:vhtt@quan1.example.vn"))
    );
}

#[test]
fn the_browsers_side_of_this_test_opens_the_example_of_the_standard() {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let browser = Browser {
        key: SecretKey::from_slice(&decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")).unwrap(),
        secret: decode("BTBZMqHH6r4Tts7J_aSIgg").try_into().unwrap(),
    };
    let body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
    assert_eq!(
        browser.open(&decode(body)),
        b"When I grow up, I want to be a watermelon"
    );
}

#[test]
fn an_address_of_an_inner_network_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let who = member(data);
    let settings = PUSH.replace("allow_private = true", "");
    let server = Server::start_with(ispeed(&[]), data, "127.0.0.1:0", &settings);
    for endpoint in [
        "http://127.0.0.1:9/a",
        "https://10.0.0.1/a",
        "https://localhost/a",
    ] {
        let body = Browser::new().subscription(endpoint).to_string();
        let path = "/api/v1/members/me/push";
        let (status, _, said) = server.answer(&who, "POST", path, body.as_bytes()).unwrap();
        assert_eq!(
            (status, &said["field"]),
            (422, &json!("endpoint")),
            "{said}"
        );
    }
}
