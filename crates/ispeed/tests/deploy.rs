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

/// The command of a unit, which begins with the installed program.
fn started(unit: &str) -> &str {
    let line = unit.lines().find_map(|l| l.strip_prefix("ExecStart="));
    let line = line.unwrap();
    assert_eq!(line.split(' ').next(), Some("/usr/local/bin/ispeed"));
    line
}

#[test]
fn the_unit_of_a_site_starts_one() {
    let unit = read("ispeed-site.service");
    let line = started(&unit);
    let words: Vec<_> = line.split(' ').collect();
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
fn the_unit_of_reminders_runs_to_its_end_every_hour() {
    let unit = read("ispeed-remind.service");
    let line = started(&unit);
    let words: Vec<_> = line.split(' ').collect();
    assert!(
        line.ends_with("--confirm --config /etc/ispeed.toml"),
        "{line}"
    );
    assert!(unit.contains("Type=oneshot") && unit.contains("StateDirectory=ispeed"));
    assert!(read("ispeed-remind.timer").contains("OnCalendar=hourly"));
    // As it is installed, but for the folder and a configuration that reminds.
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ispeed.toml");
    let settings = "[centre.push]\ncontact = \"mailto:a@b.vn\"\n";
    std::fs::write(&config, settings).unwrap();
    let mut command = ispeed(&words[1..words.len() - 1]);
    command.arg(&config).arg("--data").arg(folder.path());
    command.args(["--clock", "2024-11-14T15:00:00Z"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn systemd_takes_the_units() {
    let units = [
        deploy("ispeed.service"),
        deploy("ispeed-site.service"),
        deploy("ispeed-remind.service"),
        deploy("ispeed-remind.timer"),
    ];
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
