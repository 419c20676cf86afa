//! A centre and three sites, each a process of its own on loopback: join,
//! approval, heartbeat, selection, Locate, leaving and coming back.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod running;

use std::path::Path;
use std::time::Duration;

use running::{Server, ispeed};
use serde_json::{Value, json};

/// A centre that believes the test to be a proxy, so that a client may come
/// from anywhere.
fn centre(data: &Path) -> Server {
    let settings = "[site]\nname = \"own\"\nproxies = [\"127.0.0.1\"]\n";
    Server::start_with(ispeed(&[]), data, "127.0.0.1:0", settings)
}

/// A site that runs before it has joined.
fn site(data: &Path, name: &str, centre: &Server, listen: &str) -> Server {
    let config = data.join(format!("{name}.toml"));
    let text = format!("[site]\nname = \"{name}\"\ncentre = \"{}\"\n", centre.url);
    std::fs::write(&config, text).unwrap();
    let mut command = ispeed(&["site", "--listen", listen, "--config"]);
    command.arg(config).arg("--data").arg(data.join(name));
    Server::run(command)
}

/// Runs a command and reads the JSON it prints.
fn told(args: &[&str], data: &Path) -> Value {
    let output = ispeed(args).args(["--json", "--data"]).arg(data).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn join(centre: &Server, site: &Server, data: &Path, name: &str, place: &[&str]) -> Value {
    let mut args = vec!["site", "join", &centre.url, "--name", name, "--city", "Huế"];
    args.extend(["--capacity", "1G", "--url", &site.url]);
    args.extend(place);
    told(&args, &data.join(name))["site"]["state"].clone()
}

/// Names and reasons of the candidates for a client.
fn nearest(centre: &Server, client: &str) -> Vec<(String, String)> {
    let path = "/api/v1/sites/nearest";
    let (status, body) = centre.request_from(Some(client), "GET", path, b"").unwrap();
    assert_eq!(status, 200, "{body}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let candidates = body["candidates"].as_array().unwrap();
    candidates
        .iter()
        .map(|c| (text(&c["site"]), text(&c["reason"])))
        .collect()
}

/// Machines that Locate names.
fn located(centre: &Server, client: &str) -> Vec<String> {
    let path = "/v2/nearest/ndt/ndt7?client_name=test";
    let (_, body) = centre.request_from(Some(client), "GET", path, b"").unwrap();
    let results = body["results"].as_array().unwrap();
    for result in results {
        let url = result["urls"]["ws:///ndt/v7/download"].as_str().unwrap();
        assert!(url.starts_with("ws://127.0.0.1:") && url.ends_with("?client_name=test"));
    }
    let name = |result: &Value| result["machine"].as_str().unwrap().to_owned();
    results.iter().map(name).collect()
}

/// Waits until something is so; heartbeats come when they come.
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..300 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("never: {what}");
}

fn terminate(server: &mut Server) {
    let kill = format!("kill -TERM {}", server.child.id());
    let mut shell = std::process::Command::new("sh");
    assert!(shell.args(["-c", &kill]).status().unwrap().success());
    assert!(server.child.wait().unwrap().success(), "it leaves cleanly");
}

/// An address of Viettel in the demonstration's table.
const VIETTEL: &str = "27.64.0.1";
const ABROAD: &str = "192.0.2.1";

#[test]
fn three_sites_join_serve_leave_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let mut centre = centre(data);
    let names = ["viettel-1", "vnix-1", "vnpt-1"];
    let mut sites = names.map(|name| site(data, name, &centre, "127.0.0.1:0"));
    let places: [&[&str]; 3] = [
        &["--asn", "7552", "--operator", "viettel"],
        &["--exchange", "VNIX"],
        &["--asn", "45899", "--operator", "vnpt"],
    ];
    for ((name, site), place) in names.iter().zip(&sites).zip(places) {
        let state = join(&centre, site, data, name, place);
        assert_eq!(state, "pending");
    }
    let own = ("own".to_owned(), "here".to_owned());
    assert_eq!(nearest(&centre, VIETTEL), std::slice::from_ref(&own));
    let refused = ispeed(&["site", "approve", "nobody", "--data"])
        .arg(data)
        .output();
    let refused = String::from_utf8(refused.unwrap().stderr).unwrap();
    assert!(
        refused.contains("\"nobody\"") && refused.contains("vnix-1"),
        "{refused}"
    );

    for name in names {
        let preview = told(&["site", "approve", name, "--preview"], data);
        assert_eq!(preview["site"]["state"], "pending");
        let approved = told(&["site", "approve", name], data);
        assert_eq!(approved["site"]["state"], "approved");
    }
    until("three hearts beat", || nearest(&centre, VIETTEL).len() == 4);
    let seen = nearest(&centre, VIETTEL);
    let want = [
        ("viettel-1", "on_net"),
        ("vnix-1", "exchange"),
        ("vnpt-1", "load"),
    ];
    let want = want.map(|(site, reason)| (site.to_owned(), reason.to_owned()));
    assert_eq!(seen[..3], want);
    assert_eq!(seen[3], own);
    assert_eq!(nearest(&centre, ABROAD)[0].0, "vnix-1");
    assert_eq!(
        located(&centre, VIETTEL),
        ["viettel-1", "vnix-1", "vnpt-1", "own"]
    );

    until("all are probed over IPv4", || {
        let list = centre.get("/api/v1/sites");
        let sites = list["sites"].as_array().unwrap().clone();
        sites.iter().all(|site| site["ipv4"]["rtt_us"].is_u64())
    });
    let list = centre.get("/api/v1/sites");
    for site in list["sites"].as_array().unwrap() {
        assert_eq!(site["health"], "ok", "{site}");
        assert_eq!(site["ipv6"]["available"], false, "127.0.0.1 has no IPv6");
        assert_eq!(site["utilisation_percent"], 0);
    }

    a_receipt_counts(&centre, &sites[1], data);

    terminate(&mut sites[1]);
    let gone = |name: &str| {
        !nearest(&centre, VIETTEL)
            .iter()
            .any(|(site, _)| site == name)
    };
    assert!(gone("vnix-1"), "leaving is heard at once");
    assert_eq!(located(&centre, VIETTEL), ["viettel-1", "vnpt-1", "own"]);
    let listed = told(&["site", "list"], data);
    assert_eq!(listed["sites"][1]["state"], "left");

    let listen = sites[1].url.strip_prefix("http://").unwrap().to_owned();
    sites[1] = site(data, "vnix-1", &centre, &listen);
    until("it comes back without approval", || !gone("vnix-1"));

    told(&["site", "suspend", "vnpt-1"], data);
    assert!(gone("vnpt-1"));
    let left = told(&["site", "leave"], &data.join("viettel-1"));
    assert_eq!(left["site"]["state"], "left");
    assert!(gone("viettel-1"));
    let again = join(&centre, &sites[0], data, "viettel-1", places[0]);
    assert_eq!(again, json!("pending"), "for good means a new approval");
    centre.kill();
}

/// A test against a site whose key came by its approval is counted.
fn a_receipt_counts(centre: &Server, site: &Server, data: &Path) {
    let state = data.join("state");
    let mut test = ispeed(&["test", "--json", "--mode", "accurate", "--site", &site.url]);
    let test = test
        .args(["--centre", &centre.url, "--state"])
        .arg(&state)
        .output();
    let test: Value = serde_json::from_slice(&test.unwrap().stdout).unwrap();
    assert_eq!(test["submission"], "acknowledged", "{test}");
    assert_eq!(test["site"], "vnix-1");
}

#[test]
fn a_test_finds_the_nearest_site_and_tells_how() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let centre = centre(data);
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    let sites = ["one", "two"].map(|name| {
        let listen = if has_ipv6 { "[::]:0" } else { "127.0.0.1:0" };
        let mut site = site(data, name, &centre, listen);
        let port = site.url.rsplit(':').next().unwrap().to_owned();
        site.url = format!("http://127.0.0.1:{port}");
        let six = format!("http://[::1]:{port}");
        join(
            &centre,
            &site,
            data,
            name,
            &["--exchange", "VNIX", "--ipv6-url", &six],
        );
        told(&["site", "approve", name], data);
        site
    });
    until("two hearts beat", || nearest(&centre, ABROAD).len() == 3);
    let state = data.join("state");
    let mut test = ispeed(&[
        "test",
        "--json",
        "--mode",
        "accurate",
        "--centre",
        &centre.url,
    ]);
    let test = test.arg("--state").arg(&state).output().unwrap();
    let test: Value = serde_json::from_slice(&test.stdout).unwrap();
    let selection = &test["selection"];
    let candidates = selection["candidates"].as_array().unwrap();
    let names: Vec<_> = candidates
        .iter()
        .map(|c| c["site"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["one", "two", "own"], "{test}");
    assert!(candidates.iter().all(|c| c["rtt_us"].is_u64()), "{test}");
    assert_eq!(selection["chosen"], test["site"]);
    assert_eq!(test["ipv4"]["available"], true);
    assert!(test["ipv4"]["rtt_us"].is_u64());
    if test["site"] == "own" {
        assert_eq!(test.get("ipv6"), None, "127.0.0.1 leaves nothing to try");
    } else {
        assert_eq!(test["ipv6"]["available"], has_ipv6, "{test}");
        assert_eq!(test["ipv6"]["rtt_us"].is_u64(), has_ipv6);
    }
    assert_eq!(test["submission"], "acknowledged", "{test}");
    drop(sites);
}

#[test]
fn one_family_is_forced_and_both_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let Ok(_) = std::net::TcpListener::bind("[::1]:0") else {
        return; // This machine has no IPv6.
    };
    let mut server = Server::start(folder.path(), "[::]:0");
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let test = |site: &str, more: &[&str]| {
        let state = folder.path().join("state");
        let args = [
            "test",
            "--json",
            "--mode",
            "saver",
            "--no-submit",
            "--site",
            site,
        ];
        let output = ispeed(&args).args(more).arg("--state").arg(state).output();
        let output = output.unwrap();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (value, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (six, said) = test(&format!("http://[::1]:{port}"), &[]);
    assert_eq!(six["receipt"]["client_prefix"], "::/48", "{said}");
    assert_eq!(six["ipv6"]["available"], true);
    let (_, said) = test(&format!("http://[::1]:{port}"), &["-4"]);
    assert!(said.contains("no ipv4 address"), "{said}");
    if said_by_resolver("localhost", &port) {
        let (both, _) = test(&format!("http://localhost:{port}"), &[]);
        assert_eq!(
            both["receipt"]["client_prefix"], "::/48",
            "IPv6 is preferred"
        );
        assert!(both["ipv4"]["rtt_us"].is_u64() && both["ipv6"]["rtt_us"].is_u64());
        let (four, _) = test(&format!("http://localhost:{port}"), &["-4"]);
        assert_eq!(four["receipt"]["client_prefix"], "127.0.0.0/24");
        assert_eq!(four.get("ipv6"), None, "what is forced away is not tried");
    }
    server.kill();
}

/// Whether a name has addresses of both families here.
fn said_by_resolver(name: &str, port: &str) -> bool {
    use std::net::ToSocketAddrs as _;
    let found: Vec<_> = format!("{name}:{port}")
        .to_socket_addrs()
        .unwrap()
        .collect();
    found.iter().any(std::net::SocketAddr::is_ipv4)
        && found.iter().any(std::net::SocketAddr::is_ipv6)
}
