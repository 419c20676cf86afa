//! The API against its own description, by a tool of others: schemathesis
//! (MIT; `pip install schemathesis`). Where it is not installed nothing is
//! tested, and that is said.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod running;

use std::io::ErrorKind;
use std::process::Command;

use running::{Server, ispeed};

#[test]
fn the_api_does_what_it_says() {
    let data = tempfile::tempdir().unwrap();
    let wards = ["simulate", "--wards", "26740", "--month", "2024-11"];
    let simulated = ispeed(&wards).arg("--data").arg(data.path()).output();
    assert!(simulated.unwrap().status.success());
    let detect = ["problem", "detect", "--month", "2024-11", "--synthetic"];
    let detected = ispeed(&detect).arg("--data").arg(data.path()).output();
    assert!(detected.unwrap().status.success());
    let settings = "[centre.api]\nrequests_per_second = 100000\nburst = 100000\n";
    let server = Server::start_with(ispeed(&[]), data.path(), "127.0.0.1:0", settings);
    let session = signed_in(&server, data.path());
    let rules = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/schemathesis.toml"
    );
    let run = Command::new("schemathesis")
        .env("ISPEED_SESSION", session)
        .env("ISPEED_MEMBER", member(data.path()))
        .args(["--config-file", rules])
        // It keeps what it found in a folder beside itself.
        .current_dir(data.path())
        .args([
            "run",
            "--checks",
            "all",
            "--max-examples",
            "20",
            "--seed",
            "1",
        ])
        .args(["--suppress-health-check", "all", "--no-color"])
        .arg(format!("{}/api/v1/openapi.json", server.url))
        .output();
    match run {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!(
                "schemathesis is not installed: the API was not held against its description"
            );
        }
        run => {
            let run = run.unwrap();
            let said = String::from_utf8_lossy(&run.stdout);
            assert!(run.status.success(), "{said}");
        }
    }
}

/// The session of an account of the office.
fn signed_in(server: &Server, data: &std::path::Path) -> String {
    let (email, password) = ("vhtt@quan1.example.vn", "mưa rào tháng bảy");
    let invited = told(
        data,
        &["user", "invite", email, "--name", "A", "--role", "office"],
    );
    let body = serde_json::json!({"token": invited["token"], "password": password}).to_string();
    let path = "/api/v1/office/invitations";
    let taken = server.answer("", "POST", path, body.as_bytes()).unwrap();
    assert_eq!(taken.0, 204);
    let body = serde_json::json!({"email": email, "password": password}).to_string();
    let path = "/api/v1/office/session";
    let (status, head, _) = server.answer("", "POST", path, body.as_bytes()).unwrap();
    assert_eq!(status, 200);
    let cookie = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then_some(value)
    });
    let pair = cookie.unwrap().split(';').next().unwrap();
    pair.strip_prefix("ispeed_session=").unwrap().to_owned()
}

/// The token of a member.
fn member(data: &std::path::Path) -> String {
    let campaign = ["--campaign", "district-1"];
    let link = told(
        data,
        &[&["member", "link", "q1-p-ben-nghe"], &campaign[..]].concat(),
    );
    let code = link["code"].as_str().unwrap();
    let join = [
        "member",
        "join",
        code,
        "--device",
        "device-0001",
        "--consent",
        "duty",
    ];
    told(data, &join)["token"].as_str().unwrap().to_owned()
}

/// What a command says.
fn told(data: &std::path::Path, words: &[&str]) -> serde_json::Value {
    let output = ispeed(words).arg("--json").arg("--data").arg(data).output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}
