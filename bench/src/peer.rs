//! The peers: unmodified clients of others, and what they say.
//!
//! iperf3 has its own server. The others measure against our site by their own
//! protocols, with their defaults; those made for browsers run in Chromium
//! (`bench/browser/measure.mjs`), as does our own page. Those that are not
//! installed are left out, and the bench says so.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::client::{Outcome, Ran, Said, Tools, finish};
use crate::netns::{SITE, World};

/// A client of others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Peer {
    /// Four streams for a fixed time, towards the citizen and from there.
    Iperf3 { seconds: u32 },
    /// The Rust crate `ndt7-client`: one stream, ten seconds.
    Ndt7,
    /// The Rust crate `librespeed-cli`: three streams, fifteen seconds.
    LibreSpeed,
    /// A page in Chromium.
    Browser(Page),
}

/// What runs in the browser.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Page {
    /// The npm package `@cloudflare/speedtest`, its default sequence without
    /// packet loss.
    Cloudflare,
    /// LibreSpeed's own `speedtest.js` and worker.
    LibreSpeed,
    /// Our own page.
    Ispeed,
}

impl Page {
    const fn name(self) -> &'static str {
        match self {
            Self::Cloudflare => "cloudflare",
            Self::LibreSpeed => "librespeed",
            Self::Ispeed => "ispeed",
        }
    }
}

impl Peer {
    /// What [`Self::parse`] takes.
    pub(crate) const NAMES: [&str; 7] = [
        "iperf3",
        "iperf3-SECONDSs",
        "ndt7",
        "librespeed",
        "cloudflare-web",
        "librespeed-web",
        "web",
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "iperf3" => Some(Self::Iperf3 { seconds: 10 }),
            "ndt7" => Some(Self::Ndt7),
            "librespeed" => Some(Self::LibreSpeed),
            "cloudflare-web" => Some(Self::Browser(Page::Cloudflare)),
            "librespeed-web" => Some(Self::Browser(Page::LibreSpeed)),
            "web" => Some(Self::Browser(Page::Ispeed)),
            _ => {
                let seconds = name.strip_prefix("iperf3-")?.strip_suffix('s')?;
                let seconds = seconds.parse().ok().filter(|&seconds| seconds > 0)?;
                Some(Self::Iperf3 { seconds })
            }
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Iperf3 { seconds: 10 } => "iperf3".into(),
            Self::Iperf3 { seconds } => format!("iperf3-{seconds}s"),
            Self::Ndt7 => "ndt7".into(),
            Self::LibreSpeed => "librespeed".into(),
            Self::Browser(Page::Ispeed) => "ispeed-web".into(),
            Self::Browser(page) => format!("{}-web", page.name()),
        }
    }

    /// Whether it needs the pages beside the site.
    pub(crate) fn needs_pages(self) -> bool {
        self == Self::Browser(Page::Ispeed)
    }

    pub(crate) const fn has_own_server(self) -> bool {
        matches!(self, Self::Iperf3 { .. })
    }

    /// Its own server, and the port it listens on.
    pub(crate) fn server(self, world: &World) -> (Command, u16) {
        let mut server = world.at_site(Path::new("iperf3"));
        server.args(["--server", "--port", "5201"]);
        (server, 5201)
    }

    /// Measures.
    pub(crate) fn run(self, world: &World, tools: &Tools<'_>) -> anyhow::Result<Ran> {
        match self {
            Self::Iperf3 { seconds } => iperf3(seconds, world, tools),
            Self::Ndt7 => one(ndt7(world, tools), ndt7_said, tools),
            Self::LibreSpeed => one(librespeed(world, tools)?, librespeed_said, tools),
            Self::Browser(page) => one(browser(page, world, tools), browser_said, tools),
        }
    }
}

/// A client that measures both directions and prints JSON.
fn one(
    command: Option<Command>,
    said: fn(&Value) -> Outcome,
    tools: &Tools<'_>,
) -> anyhow::Result<Ran> {
    let Some(command) = command else {
        let place = tools.peers.join("bin");
        return Ok(Ran::Missing(format!("not in {}", place.display())));
    };
    let ended = finish(command, tools)?;
    let Some(heard) = last_json(&ended.out) else {
        return Ok(Ran::Failed(ended.why()));
    };
    Ok(Ran::Outcome(Box::new(Outcome {
        cpu_seconds: ended.cpu_seconds,
        ..said(&heard)
    })))
}

/// A peer from the folder of peers, on the citizen's device.
fn installed(name: &str, world: &World, tools: &Tools<'_>) -> Option<Command> {
    let path = tools.peers.join("bin").join(name);
    path.is_file().then(|| world.at_citizen(&path))
}

/// The whole output, or its last line, as JSON.
fn last_json(out: &str) -> Option<Value> {
    let line = || serde_json::from_str(out.trim().lines().last()?).ok();
    serde_json::from_str(out).ok().or_else(line)
}

fn iperf3(seconds: u32, world: &World, tools: &Tools<'_>) -> anyhow::Result<Ran> {
    let mut outcome = Outcome::default();
    for reverse in [true, false] {
        let mut command = world.at_citizen(Path::new("iperf3"));
        let time = seconds.to_string();
        command.args([
            "--client",
            SITE,
            "--parallel",
            "4",
            "--json",
            "--time",
            &time,
        ]);
        command.args(reverse.then_some("--reverse"));
        let ended = finish(command, tools)?;
        let Some(said) = last_json(&ended.out) else {
            return Ok(Ran::Failed(ended.why()));
        };
        if let Some(error) = said["error"].as_str() {
            return Ok(Ran::Failed(error.into()));
        }
        outcome.cpu_seconds += ended.cpu_seconds;
        let heard = iperf3_said(&said["end"]["sum_received"]);
        *(if reverse {
            &mut outcome.download
        } else {
            &mut outcome.upload
        }) = heard;
    }
    Ok(Ran::Outcome(Box::new(outcome)))
}

fn iperf3_said(sum: &Value) -> Option<Said> {
    let seconds = sum["seconds"].as_f64();
    Some(said(sum["bits_per_second"].as_f64()?, seconds))
}

fn ndt7(world: &World, tools: &Tools<'_>) -> Option<Command> {
    let mut command = installed("ndt7-client", world, tools)?;
    command.args(["--no-locate", "--no-tls", "--format", "json", "--server"]);
    command.arg(format!("{SITE}:8080"));
    Some(command)
}

fn ndt7_said(heard: &Value) -> Outcome {
    let heard = &heard["Summary"];
    let direction = |name: &str| {
        let rate = heard[name]["ThroughputMbps"].as_f64()? * 1e6;
        Some(said(rate, Some(10.0)))
    };
    Outcome {
        download: direction("Download"),
        upload: direction("Upload"),
        idle_rtt_us: heard["Download"]["LatencyMs"].as_f64().map(|ms| ms * 1e3),
        ..Outcome::default()
    }
}

fn librespeed(world: &World, tools: &Tools<'_>) -> anyhow::Result<Option<Command>> {
    let Some(mut command) = installed("librespeed-cli", world, tools) else {
        return Ok(None);
    };
    let servers = tools.folder.join("servers.json");
    let server = json!([{
        "id": 1, "name": "bench", "server": format!("http://{SITE}:8080/"),
        "dlURL": "backend/garbage.php", "ulURL": "backend/empty.php",
        "pingURL": "backend/empty.php", "getIpURL": "backend/getIP.php",
    }]);
    std::fs::write(&servers, server.to_string())?;
    command.args(["--no-icmp", "--json", "--server", "1", "--local-json"]);
    command.arg(servers);
    Ok(Some(command))
}

fn librespeed_said(heard: &Value) -> Outcome {
    let result = heard.get(0).unwrap_or(heard);
    let direction = |name: &str| {
        let rate = result[name].as_f64()? * 1e6;
        Some(said(rate, Some(15.0)))
    };
    Outcome {
        download: direction("download"),
        upload: direction("upload"),
        idle_rtt_us: result["ping"].as_f64().map(|ms| ms * 1e3),
        ..Outcome::default()
    }
}

/// The script that drives Chromium, where its packages are installed.
fn browser(page: Page, world: &World, tools: &Tools<'_>) -> Option<Command> {
    let packages = tools.peers.join("node_modules/playwright-core");
    packages.is_dir().then(|| {
        let mut command = world.at_citizen(Path::new("node"));
        command.args(["bench/browser/measure.mjs", page.name()]);
        command.arg(format!("http://{SITE}:8080")).arg(tools.peers);
        command
    })
}

fn browser_said(heard: &Value) -> Outcome {
    let direction = |name: &str| {
        let interval = &heard[format!("interval_{name}")];
        let seconds = heard[format!("seconds_{name}")].as_f64();
        Some(Said {
            interval: interval[0]
                .as_f64()
                .zip(interval[1].as_f64())
                .map(Into::into),
            limited_by: heard[format!("limited_by_{name}")].as_str().map(Into::into),
            ..said(heard[name].as_f64()?, seconds)
        })
    };
    Outcome {
        download: direction("download"),
        upload: direction("upload"),
        idle_rtt_us: heard["idle_rtt_us"].as_f64(),
        ..Outcome::default()
    }
}

fn said(bits_per_second: f64, seconds: Option<f64>) -> Said {
    Said {
        bits_per_second,
        seconds,
        stop: "fixed_time".into(),
        ..Said::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_zero() {
        assert_eq!(iperf3_said(&json!({"bytes": 5})), None);
        assert_eq!(ndt7_said(&json!({})), Outcome::default());
        assert_eq!(
            librespeed_said(&json!([{"download": null}])),
            Outcome::default()
        );
    }

    #[test]
    fn what_peers_print_is_read() {
        let heard = ndt7_said(
            &json!({"Summary": {"Download": {"ThroughputMbps": 4.5, "LatencyMs": 20.5}}}),
        );
        assert_eq!(heard.download, Some(said(4_500_000.0, Some(10.0))));
        assert_eq!((heard.upload, heard.idle_rtt_us), (None, Some(20_500.0)));
        let heard = librespeed_said(&json!([{"upload": 2.5, "ping": 7.0}]));
        assert_eq!(heard.upload, Some(said(2_500_000.0, Some(15.0))));
    }

    #[test]
    fn the_last_line_may_be_the_answer() {
        assert_eq!(last_json("progress\n{\"a\": 1}\n"), Some(json!({"a": 1})));
        assert_eq!(last_json("nothing"), None);
    }
}
