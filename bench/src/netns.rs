//! A world of its own for one run: two network namespaces, the emulator with
//! a TUN device in each, and addresses. Dropping it takes everything down.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::emulate::{DEVICE, Log};

/// The site's address.
pub(crate) const SITE: &str = "10.77.0.1";
/// The address of the citizen's device.
const CITIZEN: &str = "10.77.0.2";

/// First part of the names of our namespaces; the pid of their maker follows.
const PREFIX: &str = "isbench-";

/// Why no namespaces can be had here, if so.
pub(crate) fn refused() -> Option<String> {
    let name = format!("{PREFIX}{}-try", std::process::id());
    let made = ip(&["netns", "add", &name]);
    let tun = made.is_ok() && ip(&["-n", &name, "tuntap", "add", "t0", "mode", "tun"]).is_ok();
    let _ = ip(&["netns", "del", &name]);
    match made {
        Err(error) => Some(format!(
            "network namespaces are not allowed here ({error:#})"
        )),
        Ok(()) if !tun => Some("TUN devices are not allowed here".into()),
        Ok(()) => None,
    }
}

/// Removes what a bench left behind that was killed.
pub(crate) fn sweep() {
    let Ok(output) = Command::new("ip").args(["netns", "list"]).output() else {
        return;
    };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let pid = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        let dead = pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        if dead {
            remove(name);
        }
    }
}

/// Ends what runs in a namespace, then removes it.
fn remove(name: &str) {
    let inside = Command::new("ip").args(["netns", "pids", name]).output();
    let inside = inside.map(|output| output.stdout).unwrap_or_default();
    for pid in String::from_utf8_lossy(&inside).split_whitespace() {
        let _ = Command::new("kill").args(["-KILL", pid]).status();
    }
    let _ = ip(&["netns", "del", name]);
}

/// A link between two namespaces.
#[derive(Debug)]
pub(crate) struct World {
    site: String,
    citizen: String,
    emulator: Option<Child>,
}

impl World {
    /// Makes the namespaces and starts the emulator of a link between them.
    pub(crate) fn new(
        link: &str,
        seed: u64,
        traces: &Path,
        realtime: bool,
    ) -> anyhow::Result<Self> {
        let name = |end| format!("{PREFIX}{}-{end}", std::process::id());
        let mut world = Self {
            site: name("site"),
            citizen: name("citizen"),
            emulator: None,
        };
        for name in [&world.site, &world.citizen] {
            ip(&["netns", "add", name])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        world.emulator = Some(world.emulate(link, seed, traces, realtime)?);
        world.address(&world.site, SITE, CITIZEN)?;
        world.address(&world.citizen, CITIZEN, SITE)?;
        Ok(world)
    }

    fn emulate(
        &self,
        link: &str,
        seed: u64,
        traces: &Path,
        realtime: bool,
    ) -> anyhow::Result<Child> {
        let own = std::env::current_exe()?;
        let mut command = Command::new(if realtime {
            "chrt".as_ref()
        } else {
            own.as_os_str()
        });
        if realtime {
            command.args(["-f", "20"]).arg(&own);
        }
        command.args(["emulate", "--link", link, "--seed", &seed.to_string()]);
        command.args(["--site", &self.site, "--citizen", &self.citizen, "--traces"]);
        command
            .arg(traces)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().context("starting the emulator")?;
        let stdout = child
            .stdout
            .as_mut()
            .context("the emulator has no output")?;
        // Unbuffered, so that the log behind this line stays in the pipe.
        let mut line = vec![];
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            ensure!(stdout.read(&mut byte)? == 1, "the emulator ended early");
            line.push(byte[0]);
        }
        Ok(child)
    }

    fn address(&self, name: &str, own: &str, peer: &str) -> anyhow::Result<()> {
        ip(&["-n", name, "addr", "add", own, "peer", peer, "dev", DEVICE])?;
        let up = ["mtu", "1500", "txqueuelen", "10000", "up"];
        ip(&[&["-n", name, "link", "set", DEVICE], &up[..]].concat())
    }

    /// A command at the site.
    pub(crate) fn at_site(&self, program: &Path) -> Command {
        enter(&self.site, program)
    }

    /// A command on the citizen's device.
    pub(crate) fn at_citizen(&self, program: &Path) -> Command {
        enter(&self.citizen, program)
    }

    /// Takes the link down and tells what it did.
    pub(crate) fn end(mut self) -> anyhow::Result<Log> {
        let mut emulator = self.emulator.take().context("the emulator is gone")?;
        drop(emulator.stdin.take());
        let stdout = emulator
            .stdout
            .take()
            .context("the emulator has no output")?;
        let log = serde_json::from_reader(BufReader::new(stdout));
        emulator.wait()?;
        log.context("reading the emulator's log")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut emulator) = self.emulator.take() {
            let _ = emulator.kill();
            let _ = emulator.wait();
        }
        remove(&self.site);
        remove(&self.citizen);
    }
}

fn enter(namespace: &str, program: &Path) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    command
}

fn ip(args: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip")
        .args(args)
        .output()
        .context("starting ip (iproute2)")?;
    if !output.status.success() {
        let mut why = output.stderr.lines();
        let why = why.next().transpose()?.unwrap_or_default();
        bail!("ip {}: {why}", args.join(" "));
    }
    Ok(())
}
