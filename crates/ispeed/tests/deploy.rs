//! What stands in deploy/ starts what it says.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod running;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use running::{Server, ispeed};

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).unwrap()
}

/// Starts `ispeed` with words of a file, on any port and with a folder of the
/// test's own, asks whether it is well, and tells it to stop.
fn starts(words: &[&str], data: &Path) {
    let mut command = ispeed(words);
    command
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(data);
    let mut server = Server::run(command);
    assert_eq!(server.get("/healthz")["status"], "ok");
    let kill = format!("kill -TERM {}", server.child.id());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    assert!(server.child.wait().unwrap().success(), "it stops cleanly");
}

#[test]
fn the_unit_of_a_site_starts_one() {
    let unit = read("ispeed-site.service");
    let line = unit
        .lines()
        .find_map(|l| l.strip_prefix("ExecStart="))
        .unwrap();
    let words: Vec<_> = line.split(' ').collect();
    assert_eq!(words[0], "/usr/local/bin/ispeed");
    let installed = "/etc/ispeed-site.toml --data /var/lib/ispeed-site";
    assert!(line.ends_with(installed), "{line}");
    let config = deploy("ispeed-site.toml");
    let folder = tempfile::tempdir().unwrap();
    starts(
        &[words[1], words[2], config.to_str().unwrap()],
        folder.path(),
    );
}

#[test]
fn the_container_starts_a_site() {
    let file = read("Containerfile");
    let list = |name: &str| -> Vec<String> {
        let line = file.lines().find_map(|l| l.strip_prefix(name)).unwrap();
        serde_json::from_str(line).unwrap()
    };
    let (entry, arguments) = (list("ENTRYPOINT "), list("CMD "));
    assert_eq!(entry, ["/usr/local/bin/ispeed", "site", "--data", "/data"]);
    assert_eq!(arguments, ["--listen", "[::]:8080"]);
    let folder = tempfile::tempdir().unwrap();
    starts(&[&entry[1]], folder.path());
}

#[test]
fn systemd_takes_the_units() {
    let units = [deploy("ispeed.service"), deploy("ispeed-site.service")];
    let mut verify = Command::new("systemd-analyze");
    let verify = verify
        .arg("verify")
        .args(units)
        .stderr(Stdio::piped())
        .output();
    let Ok(verify) = verify else {
        return; // This machine has no systemd.
    };
    let said = String::from_utf8_lossy(&verify.stderr);
    // The executable is not installed here; every other complaint is ours.
    let ours = |line: &&str| line.contains("ispeed") && !line.contains("not executable");
    let complaints: Vec<_> = said.lines().filter(ours).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}
