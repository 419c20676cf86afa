//! ACME against pebble, the test authority of Let's Encrypt's makers; skipped
//! where it (or curl, to fetch its root) is not installed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use client::{Base, Plan, Trust};
use rcgen::generate_simple_self_signed;
use running::Server;
use serde_json::json;

/// A running authority; killed when dropped.
struct Pebble {
    child: Child,
    dir: tempfile::TempDir,
    /// Where its root certificates are.
    management: u16,
    /// Where it speaks ACME.
    directory: u16,
    /// Port on which it asks a site for its challenge.
    http: u16,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Pebble {
    /// `None` where it is not installed.
    fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let [management, directory, http, tls] = [(); 4].map(|()| free_port());
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(dir.path().join("api.pem"), made.cert.pem()).unwrap();
        fs::write(dir.path().join("api.key"), made.signing_key.serialize_pem()).unwrap();
        let config = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{directory}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": dir.path().join("api.pem"), "privateKey": dir.path().join("api.key"),
            "httpPort": http, "tlsPort": tls, "retryAfter": {"authz": 1, "order": 1},
        }});
        let path = dir.path().join("pebble.json");
        fs::write(&path, config.to_string()).unwrap();
        let mut command = Command::new("pebble");
        command.arg("-config").arg(path);
        command
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().ok()?;
        Some(Self {
            child,
            dir,
            management,
            directory,
            http,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Its root certificate, in a file; `None` without curl.
    fn root(&self) -> Option<PathBuf> {
        let url = format!("https://127.0.0.1:{}/roots/0", self.management);
        let path = self.path("root.pem");
        let got = Command::new("curl")
            .args(["-sk", "--retry", "20", "--retry-connrefused", &url, "-o"])
            .arg(&path)
            .status();
        got.ok()
            .filter(std::process::ExitStatus::success)
            .map(|_| path)
    }

    /// Settings of a site that orders from it.
    fn settings(&self) -> PathBuf {
        let path = self.path("ispeed.toml");
        let ca = self.path("api.pem");
        let text = format!(
            "[tls.acme]\ndomains = [\"localhost\"]\ncontact = \"mailto:noc@example.vn\"\n\
             directory = \"https://localhost:{}/dir\"\ndirectory_ca = {ca:?}\n",
            self.directory
        );
        fs::write(&path, text).unwrap();
        path
    }

    fn serve(&self, data: &Path) -> Server {
        let settings = self.settings();
        let settings = settings.to_str().unwrap();
        let listen = format!("127.0.0.1:{}", self.http);
        Server::start_secure_at(data, &listen, &["--config", settings])
    }
}

/// Measures as soon as the site shows a certificate of the authority.
fn measured(server: &Server, root: &Path) -> client::Outcome {
    let url = server.secure_url.replace("127.0.0.1", "localhost");
    let base = Base::parse_with(&url, || Trust::file(root)).unwrap();
    let plan = Plan {
        mode: Some("saver".into()),
        ..Plan::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let deadline = net::now() + Duration::from_secs(90);
    loop {
        match runtime.block_on(client::run(&base, &plan, &|_| {})) {
            Ok(outcome) => return outcome,
            Err(client::Error::Untrusted { .. }) if net::now() < deadline => {
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_certificate_is_ordered_shown_and_kept() {
    let Some(pebble) = Pebble::start() else {
        return;
    };
    let Some(root) = pebble.root() else { return };
    let data = tempfile::tempdir().unwrap();
    let server = pebble.serve(data.path());
    assert!(measured(&server, &root).is_complete());
    drop(server);
    // The next start shows what was kept, at once.
    let server = pebble.serve(data.path());
    let url = server.secure_url.replace("127.0.0.1", "localhost");
    let base = Base::parse_with(&url, || Trust::file(&root)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let plan = Plan {
        mode: Some("saver".into()),
        ..Plan::default()
    };
    let outcome = runtime
        .block_on(client::run(&base, &plan, &|_| {}))
        .unwrap();
    assert!(outcome.is_complete());
}
