//! The clients, and how each one's figure is read.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::site::Site;
use super::{Outcome, Places};

/// Runs a client against a site and compares.
pub(super) type Client = fn(&Site, &Places) -> anyhow::Result<Outcome>;

/// Every client, the quick ones first.
pub(super) const ALL: &[(&str, Client)] = &[
    ("curl", curl),
    ("speedtest-cli", speedtest_cli),
    ("@m-lab/ndt7 in Chromium, by Locate", ndt7_js),
    ("@cloudflare/speedtest in Chromium", cloudflare_js),
    ("rmbt-client (PyPI), by upgrade", rmbt_upgrade),
    ("rmbt-client (PyPI), by WebSocket", rmbt_websocket),
    ("rmbtws in Chromium", rmbt_js),
    ("ndt7-client (crate)", ndt7_client),
    ("librespeed-cli (crate)", librespeed_crate),
    ("ndt7-client-go", ndt7_client_go),
    ("msak-client (Go)", msak_go),
    ("librespeed-cli (Go)", librespeed_go),
    ("irtt and stamp-suite", udp_clients),
    (
        "curl and goresponsiveness over HTTP/2",
        responsiveness_clients,
    ),
];

/// How far a client's rate may be from the site's.
const TOLERANCE: f64 = 0.05;

/// A client's rate against the site's own count, Mbit/s.
fn agree(what: &str, client: f64, site: f64) -> anyhow::Result<String> {
    let off = client / site - 1.0;
    let text = format!(
        "{what} {client:.1} Mbit/s, site {site:.1} ({:+.1} %)",
        off * 100.0
    );
    ensure!(off.abs() <= TOLERANCE, "{text}");
    Ok(text)
}

fn curl(site: &Site, _: &Places) -> anyhow::Result<Outcome> {
    if on_path("curl").is_none() {
        return Ok(Outcome::Skipped("curl is not installed".into()));
    }
    let get = |path: &str| curl_size(&[&format!("{}{path}", site.url)], "%{size_download}");
    ensure!(get("/backend/garbage.php?ckSize=8")? == 8.0 * 1_048_576.0);
    ensure!(get("/__down?bytes=12345678")? == 12_345_678.0);
    ensure!(get("/downloading")? == 30.0 * 1_048_576.0);
    let body = site_file(20_000_000)?;
    let upload = format!("{}/empty", site.url);
    let data = format!("@{}", body.path.display());
    let sent = curl_size(&["--data-binary", &data, &upload], "%{size_upload}")?;
    let signed = site.signed("librespeed", "upload")?;
    ensure!(
        sent == signed.bytes,
        "sent {sent}, the site signed {}",
        signed.bytes
    );
    Ok(Outcome::Agrees(format!(
        "sizes agree; {sent} bytes sent and signed"
    )))
}

fn curl_size(args: &[&str], write: &str) -> anyhow::Result<f64> {
    let text = output(
        Command::new("curl")
            .args(["-sSf", "-o", "/dev/null", "-w", write])
            .args(args),
    )?;
    text.trim()
        .parse()
        .with_context(|| format!("curl wrote {text:?}"))
}

/// A file of zeros for the length of a run.
struct Zeros {
    path: PathBuf,
}

fn site_file(bytes: u64) -> anyhow::Result<Zeros> {
    let path = std::env::temp_dir().join(format!("ispeed-conformance-{}", std::process::id()));
    std::fs::File::create(&path)?.set_len(bytes)?;
    Ok(Zeros { path })
}

impl Drop for Zeros {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Its download counts over the whole time, like the site; so does its upload.
fn speedtest_cli(site: &Site, _: &Places) -> anyhow::Result<Outcome> {
    let Some(program) = on_path("speedtest-cli") else {
        return Ok(Outcome::Skipped("apt-get install speedtest-cli".into()));
    };
    let mut command = Command::new(program);
    command
        .arg("--json")
        .env("http_proxy", &site.url)
        .env_remove("no_proxy");
    let said: Value = serde_json::from_str(&output(&mut command)?)?;
    let rate = |name: &str| {
        said[name]
            .as_f64()
            .map(|bits| bits / 1e6)
            .context("no rate")
    };
    let down = site.signed("ookla-http", "download")?;
    let up = site.signed("ookla-http", "upload")?;
    Ok(Outcome::Agrees(format!(
        "{}; {}",
        agree("down", rate("download")?, down.mbit_per_second)?,
        agree("up", rate("upload")?, up.mbit_per_second)?
    )))
}

fn ndt7_js(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    let said = match in_browser("ndt7", site, places)? {
        Ok(said) => said,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    ensure!(
        said["code"] == 0 && said["errors"] == Value::Array(vec![]),
        "{said}"
    );
    let down = said["download"]["LastClientMeasurement"]["MeanClientMbps"].as_f64();
    let last = &said["upload"]["LastServerMeasurement"]["TCPInfo"];
    let up = || Some(last["BytesReceived"].as_f64()? * 8.0 / last["ElapsedTime"].as_f64()?);
    let (signed_down, signed_up) = (
        site.signed("ndt7", "download")?,
        site.signed("ndt7", "upload")?,
    );
    Ok(Outcome::Agrees(format!(
        "{}; {}",
        agree(
            "down",
            down.context("no download")?,
            signed_down.mbit_per_second
        )?,
        agree("up", up().context("no upload")?, signed_up.mbit_per_second)?
    )))
}

/// Only bytes and completion are held against the site: the module takes the
/// time to the first byte of the answer for the length of an upload, and
/// reports the 90th percentile over requests, where the site has the mean.
fn cloudflare_js(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    let said = match in_browser("cloudflare", site, places)? {
        Ok(said) => said,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    ensure!(said["errors"] == Value::Array(vec![]), "{said}");
    let points = |name: &str| said[name].as_array().map_or(0, Vec::len);
    ensure!(points("downloads") > 0 && points("uploads") > 0, "{said}");
    let idle = said["summary"]["latency"].as_f64().context("no latency")?;
    let up = site.signed("cloudflare", "upload")?;
    let down = site.signed("cloudflare", "download")?;
    ensure!(up.bytes == 6.0 * 1e6 + 3.0 * 1e7, "{} bytes up", up.bytes);
    ensure!(
        down.bytes == 6.0 * 1e6 + 4.0 * 1e7,
        "{} bytes down",
        down.bytes
    );
    Ok(Outcome::Agrees(format!(
        "complete; {} bytes down and {} up, as asked; idle latency {idle:.2} ms",
        down.bytes, up.bytes
    )))
}

/// What a client said in Chromium, or why it cannot be run here.
fn in_browser(client: &str, site: &Site, places: &Places) -> anyhow::Result<Result<Value, String>> {
    let chromium = ["chromium", "chromium-browser", "google-chrome"];
    let Some(chromium) = chromium.into_iter().find_map(on_path) else {
        return Ok(Err("apt-get install chromium".into()));
    };
    let modules = match npm_clients(places) {
        Ok(modules) => modules,
        Err(error) => return Ok(Err(format!("{error:#}"))),
    };
    let mut command = Command::new("node");
    command
        .arg(places.scripts.join("browser.mjs"))
        .args([client, &site.url]);
    let said = output(command.arg(modules).arg(chromium))?;
    Ok(Ok(serde_json::from_str(said.trim())?))
}

/// Installs the browsers' clients once; returns their folder.
fn npm_clients(places: &Places) -> anyhow::Result<PathBuf> {
    let modules = places.scratch.join("node_modules");
    let all = ["@m-lab/ndt7", "loglevel"];
    if !all.iter().all(|name| modules.join(name).is_dir()) {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]);
        npm.arg(&places.scratch);
        output(npm.args([
            "@m-lab/ndt7@0.1",
            "@cloudflare/speedtest@1",
            "loglevel@1",
            "playwright-core@1",
        ]))
        .context("installing the browsers' clients")?;
    }
    Ok(modules)
}

fn ndt7_client(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    let Some(program) = built(places, "ndt7-client")? else {
        return Ok(Outcome::Skipped("give --build, which takes minutes".into()));
    };
    let mut command = Command::new(program);
    command.args([
        "--no-locate",
        "--no-tls",
        "--format",
        "json",
        "--server",
        site.authority(),
    ]);
    ndt7_summary(site, &output(&mut command)?)
}

/// Both the Go client and the crate end with one object of this shape.
fn ndt7_summary(site: &Site, text: &str) -> anyhow::Result<Outcome> {
    let last = text
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str::<Value>(line).ok());
    let last = last
        .or_else(|| serde_json::from_str(text).ok())
        .context("no summary")?;
    // The crate wraps its summary and has the plain figure in it.
    let last = last.get("Summary").unwrap_or(&last);
    let rate = |name: &str| {
        let direction = &last[name];
        let figures = [
            &direction["ThroughputMbps"],
            &direction["Throughput"]["Value"],
            &direction["Value"],
        ];
        let figure = figures.into_iter().find_map(Value::as_f64);
        figure.with_context(|| format!("no {name}: {last}"))
    };
    let (down, up) = (
        site.signed("ndt7", "download")?,
        site.signed("ndt7", "upload")?,
    );
    Ok(Outcome::Agrees(format!(
        "{}; {}",
        agree("down", rate("Download")?, down.mbit_per_second)?,
        agree("up", rate("Upload")?, up.mbit_per_second)?
    )))
}

fn librespeed_crate(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    match built(places, "librespeed-cli")? {
        Some(program) => librespeed(site, places, &program),
        None => Ok(Outcome::Skipped("give --build, which takes minutes".into())),
    }
}

fn librespeed(site: &Site, places: &Places, program: &Path) -> anyhow::Result<Outcome> {
    let list = places.scratch.join("servers.json");
    let fetched =
        output(Command::new("curl").args(["-sSf", &format!("{}/servers.json", site.url)]))?;
    std::fs::write(&list, fetched)?;
    let mut command = Command::new(program);
    command.arg("--local-json").arg(&list);
    let said = output(command.args(["--server", "1", "--no-icmp", "--json", "--duration", "6"]))?;
    let said: Value = serde_json::from_str(said.trim())?;
    let said = said.get(0).unwrap_or(&said);
    let (down, up) = (
        site.signed("librespeed", "download")?,
        site.signed("librespeed", "upload")?,
    );
    let rate = |name: &str| {
        said[name]
            .as_f64()
            .with_context(|| format!("no {name}: {said}"))
    };
    Ok(Outcome::Agrees(format!(
        "{}; {}",
        agree("down", rate("download")?, down.mbit_per_second)?,
        agree("up", rate("upload")?, up.mbit_per_second)?
    )))
}

/// A crate's program, built into the scratch folder when asked for.
fn built(places: &Places, name: &str) -> anyhow::Result<Option<PathBuf>> {
    let program = places.scratch.join("bin").join(name);
    if program.is_file() {
        return Ok(Some(program));
    }
    if !places.build {
        return Ok(None);
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["install", "--quiet", "--root"])
        .arg(&places.scratch)
        .arg(name);
    output(&mut cargo)?;
    Ok(Some(program))
}

fn udp_clients(_: &Site, places: &Places) -> anyhow::Result<Outcome> {
    built(places, "stamp-suite")?;
    suite(places, "server", "udp_clients")
}

fn responsiveness_clients(_: &Site, places: &Places) -> anyhow::Result<Outcome> {
    suite(places, "ispeed", "responsiveness")
}

/// Clients that the workspace's own tests run, those of the scratch folder
/// among them; a test says what it passed over.
fn suite(places: &Places, package: &str, test: &str) -> anyhow::Result<Outcome> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--quiet", "--package", package, "--test", test]);
    cargo.args(["--", "--nocapture", "--test-threads", "1"]);
    let said = output(cargo.env("PATH", with_scratch(places)?))?;
    let passed_over = said.lines().filter(|line| line.contains("passed over"));
    // The harness writes its dots before them.
    let mut passed_over: Vec<_> = passed_over.map(|l| l.trim_start_matches('.')).collect();
    passed_over.dedup();
    Ok(Outcome::Agrees(match passed_over[..] {
        [] => "all tests pass".into(),
        _ => format!("all tests pass; {}", passed_over.join(", ")),
    }))
}

fn with_scratch(places: &Places) -> anyhow::Result<std::ffi::OsString> {
    #[expect(clippy::disallowed_methods, reason = "automation has no configuration")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [places.scratch.join("bin"), places.scratch.join("go")];
    Ok(std::env::join_paths(
        own.into_iter().chain(std::env::split_paths(&path)),
    )?)
}

fn ndt7_client_go(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    let module = "github.com/m-lab/ndt7-client-go/cmd/ndt7-client@latest";
    match go_built(places, "ndt7-client", module) {
        Err(why) => Ok(Outcome::Skipped(why)),
        Ok(program) => {
            let mut command = Command::new(program);
            command.args(["-scheme", "ws", "-format", "json", "-quiet", "-server"]);
            ndt7_summary(site, &output(command.arg(site.authority()))?)
        }
    }
}

fn librespeed_go(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    let module = "github.com/librespeed/speedtest-cli@latest";
    match go_built(places, "speedtest-cli", module) {
        Err(why) => Ok(Outcome::Skipped(why)),
        Ok(program) => librespeed(site, places, &program),
    }
}

/// Two streams. Its rate adds the last count of each, of which all but one are
/// up to 400 ms old: over 10 s that is a little, over 4 s it was 4 %.
fn msak_go(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    let module = "github.com/m-lab/msak/cmd/msak-client@latest";
    let program = match go_built(places, "msak-client", module) {
        Err(why) => return Ok(Outcome::Skipped(why)),
        Ok(program) => program,
    };
    let mut command = Command::new(program);
    command.args(["-scheme", "ws", "-streams", "2", "-duration", "10s"]);
    let said = output(command.args(["-server", site.authority()]))?;
    let summary = said.split("Test results:").nth(1).context("no summary")?;
    let (down, up) = (
        site.signed("msak-throughput1", "download")?,
        site.signed("msak-throughput1", "upload")?,
    );
    Ok(Outcome::Agrees(format!(
        "{}; {}",
        agree(
            "down",
            after(summary, "download rate: ")?,
            down.mbit_per_second
        )?,
        agree("up", after(summary, "upload rate: ")?, up.mbit_per_second)?
    )))
}

/// The number that follows a word.
fn after(text: &str, word: &str) -> anyhow::Result<f64> {
    let rest = text.split(word).nth(1);
    let number = rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("no {word:?} in {text:?}"))
}

fn rmbt_upgrade(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    rmbt(site, places, "--http")
}

fn rmbt_websocket(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    rmbt(site, places, "--ws")
}

/// The regulator's own client: control server, trial, pings, both directions,
/// and the result handed in.
fn rmbt(site: &Site, places: &Places, framing: &str) -> anyhow::Result<Outcome> {
    let program = match python_client(places) {
        Ok(program) => program,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let mut command = Command::new(program);
    // It keeps its name in the home folder.
    command.env("HOME", &places.scratch);
    let said = output(command.args(["--host", &site.url, "--duration", "5", framing]))?;
    ensure!(!said.contains("submission failed"), "{said}");
    let summary = said.split("=== Results ===").nth(1).context("no summary")?;
    let (down, up) = (
        site.signed("rmbt", "download")?,
        site.signed("rmbt", "upload")?,
    );
    Ok(Outcome::Agrees(format!(
        "{}; {}",
        agree("down", after(summary, "Download:")?, down.mbit_per_second)?,
        agree("up", after(summary, "Upload:")?, up.mbit_per_second)?
    )))
}

/// Installs the client from PyPI once.
fn python_client(places: &Places) -> anyhow::Result<PathBuf> {
    let folder = places.scratch.join("python");
    let program = folder.join("bin/rmbt-client");
    if !program.is_file() {
        let mut python = Command::new("python3");
        output(python.args(["-m", "venv"]).arg(&folder)).context("apt-get install python3-venv")?;
        let mut pip = Command::new(folder.join("bin/pip"));
        output(pip.args(["install", "--quiet", "rmbt-client==1.1.1"]))
            .context("installing rmbt-client")?;
    }
    Ok(program)
}

/// The regulator's client for browsers, from a copy that nobody publishes as a
/// package: `rmbtws.js` in the scratch folder.
fn rmbt_js(site: &Site, places: &Places) -> anyhow::Result<Outcome> {
    let copy = places.scratch.join("rmbtws.js");
    if !copy.is_file() {
        let why = "put dist/rmbtws.js of rtr-nettest/rmbtws into target/conformance";
        return Ok(Outcome::Skipped(why.into()));
    }
    let said = match in_browser("rmbt", site, places)? {
        Ok(said) => said,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    ensure!(said["state"] == "END", "{said}");
    let figure = |name: &str| said["result"][name].as_f64().context("no figure");
    let (down, up) = (
        site.signed("rmbt", "download")?,
        site.signed("rmbt", "upload")?,
    );
    // Its rate ends where its first stream was last told of bytes.
    let seconds = |name: &str| figure(name).map(|nanoseconds| nanoseconds / 1e9);
    let down = down.within(seconds("test_nsec_download")?);
    let up = up.within(seconds("test_nsec_upload")?);
    Ok(Outcome::Agrees(format!(
        "{}; {}",
        agree("down", figure("test_speed_download")? / 1e3, down)?,
        agree("up", figure("test_speed_upload")? / 1e3, up)?
    )))
}

/// A Go program in the scratch folder, or why it is not to be had.
fn go_built(places: &Places, name: &str, module: &str) -> Result<PathBuf, String> {
    let folder = places.scratch.join("go");
    let program = folder.join(name);
    if program.is_file() {
        return Ok(program);
    }
    if on_path("go").is_none() {
        return Err("Go is not installed".into());
    }
    let mut go = Command::new("go");
    go.args(["install", module]).env("GOBIN", &folder);
    output(&mut go).map_err(|e| format!("{e:#}"))?;
    Ok(program)
}

/// Runs a program and returns what it printed.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("starting {name}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<_> = said
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let last = said.last().copied().unwrap_or("no word");
        bail!("{name} ended with {}: {last}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn on_path(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "automation has no configuration")]
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|path| path.is_file())
}
