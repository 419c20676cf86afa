//! Responsiveness clients of others against the site: curl for what is served
//! over HTTP/2, and goresponsiveness for the whole test. Each is skipped where
//! it is not installed.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it saw"
)]

mod running;

use std::io::ErrorKind;
use std::process::{Command, Output};

use running::Server;
use serde_json::Value;

/// A server with responsiveness endpoints, and where they are.
fn serve(data: &std::path::Path) -> (Server, String) {
    let more = [
        "--tls-self-signed",
        "localhost",
        "--responsiveness-listen",
        "127.0.0.1:0",
    ];
    let server = Server::start_secure(data, &more);
    let config = server.get("/.well-known/nq");
    let small = config["urls"]["small_https_download_url"].as_str().unwrap();
    let origin = small.strip_suffix("/nq/small").unwrap().to_owned();
    assert!(origin.starts_with("https://127.0.0.1:"), "{config}");
    (server, origin)
}

/// Runs a program of others; `None` where it is not installed.
fn run(program: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("{program} is not installed: passed over");
            None
        }
        output => Some(output.unwrap()),
    }
}

/// HTTP version, status and bytes of an answer, as curl saw them.
fn curl(url: &str, more: &[&str]) -> Option<String> {
    let said = "%{http_version} %{http_code} %{size_download}";
    let args = [
        "--silent",
        "--insecure",
        "--http2",
        "--max-time",
        "5",
        "--write-out",
        said,
    ];
    let output = run(
        "curl",
        &[&args, more, &["--output", "/dev/null", url]].concat(),
    )?;
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_endpoint_is_served_over_http_2() {
    let data = tempfile::tempdir().unwrap();
    let (_server, origin) = serve(data.path());
    let Some(small) = curl(&format!("{origin}/nq/small"), &[]) else {
        return;
    };
    assert_eq!(small, "2 200 1");
    let part = [
        "--range",
        "0-",
        "--max-filesize",
        "9000000000",
        "--max-time",
        "1",
    ];
    let large = curl(&format!("{origin}/nq/large"), &part).unwrap();
    let bytes: u64 = large.strip_prefix("2 200 ").unwrap().parse().unwrap();
    assert!(bytes > 1_000_000, "{large}");
    let post = ["--data-binary", "@/proc/self/exe", "--request", "POST"];
    assert_eq!(
        curl(&format!("{origin}/nq/upload"), &post).unwrap(),
        "2 200 0"
    );
    let wrong = curl(&format!("{origin}/nq/upload"), &[]).unwrap();
    assert!(wrong.starts_with("2 405 "), "{wrong}");
    let config = curl(&format!("{origin}/.well-known/nq"), &[]).unwrap();
    assert!(config.starts_with("2 200 "), "{config}");
}

#[test]
fn goresponsiveness_measures_unmodified() {
    let data = tempfile::tempdir().unwrap();
    let (server, _) = serve(data.path());
    let url = format!("{}/.well-known/nq", server.secure_url);
    let Some(output) = run("networkquality", &["--url", &url, "--rpm.timeout", "5"]) else {
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text} {told}");
    let rpm = text
        .lines()
        .find(|line| line.contains("RPM"))
        .unwrap_or_default();
    let digits = rpm.chars().any(|c| c.is_ascii_digit());
    assert!(digits && !rpm.contains("NaN"), "{text}");
}

#[test]
fn without_the_setting_nothing_is_announced() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), "127.0.0.1:0");
    let (status, problem) = server.request("GET", "/.well-known/nq", b"");
    let want = Value::from("urn:ispeed:problem:not_found");
    assert_eq!((status, &problem["type"]), (404, &want), "{problem}");
}
