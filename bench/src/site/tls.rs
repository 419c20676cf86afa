//! A site under TLS, beside nginx and beside what the cipher allows.
//!
//! curl is the client of both, over one connection, with the same bytes. What
//! the cipher allows is a processor that only copies, as iperf3's server does,
//! and encrypts, as `openssl speed` does: the sum of the two for each byte.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use super::load::{self, Moved};
use super::{Asked, Run, Server, iperf3};
use crate::summary::median;

/// Bytes of one request.
const REQUEST_BYTES: u64 = 256 << 20;
/// Requests of one run.
const REQUESTS: usize = 8;
/// The cipher that curl asks for first, as `openssl speed` names it.
const CIPHER: &str = "aes-256-gcm";

/// A server of HTTPS, and the paths of its download and its upload.
struct Peer {
    server: Server,
    origin: String,
    download: String,
    upload: &'static str,
}

/// The table.
pub(super) fn table(asked: &Asked) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    certificate(folder.path())?;
    let file = folder.path().join("blob");
    std::fs::File::create(&file)?.set_len(REQUEST_BYTES)?;
    let site = start_site(&asked.ispeed, folder.path())?;
    let nginx = start_nginx(folder.path())?;
    let mut text = format!(
        "\n| one stream, TLS 1.3, {CIPHER} | Gbit/s | × nginx | server CPU s/GB | × nginx | × allowed |\n\
         |---|---|---|---|---|---|\n"
    );
    for (name, down) in [("download", true), ("upload", false)] {
        let mut rounds = vec![];
        for _ in 0..asked.rounds {
            let allowed = allowed_cpu_seconds_per_gigabyte(asked.seconds, down)?;
            let ours = transfer(&site, &file, down)?;
            let theirs = transfer(&nginx, &file, down)?;
            eprintln!("{name}: site {ours:?}, nginx {theirs:?}, allowed {allowed:.3} s/GB");
            rounds.push((ours, theirs, allowed));
        }
        let over = |f: &dyn Fn(&(Run, Run, f64)) -> f64| median(rounds.iter().map(f).collect());
        let _ = writeln!(
            text,
            "| {name} | {:.2} | {:.2} | {:.3} | {:.2} | {:.2} |",
            over(&|r| r.0.gbit_per_second),
            over(&|r| r.0.gbit_per_second / r.1.gbit_per_second),
            over(&|r| r.0.cpu_seconds_per_gigabyte),
            over(&|r| r.0.cpu_seconds_per_gigabyte / r.1.cpu_seconds_per_gigabyte),
            over(&|r| r.2 / r.0.cpu_seconds_per_gigabyte),
        );
    }
    Ok(text)
}

/// One run of curl: the same request over and over on one connection.
fn transfer(peer: &Peer, file: &Path, down: bool) -> anyhow::Result<Run> {
    let path = if down { &peer.download } else { peer.upload };
    let url = format!("{}{path}", peer.origin);
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--fail",
        "--insecure",
        "--http1.1",
    ]);
    curl.args(["--output", "/dev/null"]);
    if !down {
        curl.args(["--request", "POST", "--header", "Expect:", "--upload-file"]);
        curl.arg(file);
    }
    curl.arg(format!("{url}#[1-{REQUESTS}]"));
    let cpu = peer.server.cpu_seconds()?;
    let began = net::now();
    let output = curl.output().context("starting curl: is it installed?")?;
    let seconds = net::now().duration_since(began).as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "curl {url}: {said}");
    let moved = Moved {
        bytes: f64::from(u32::try_from(REQUESTS)?) * f64::from(u32::try_from(REQUEST_BYTES)?),
        seconds,
    };
    Ok(Run::of(moved, peer.server.cpu_seconds()? - cpu))
}

/// The sum of copying and of the cipher, CPU seconds for 10⁹ bytes.
fn allowed_cpu_seconds_per_gigabyte(seconds: u64, down: bool) -> anyhow::Result<f64> {
    let copying = iperf3(seconds, down)?.cpu_seconds_per_gigabyte;
    let mut openssl = Command::new("openssl");
    openssl.args([
        "speed", "-mr", "-seconds", "1", "-bytes", "16384", "-evp", CIPHER,
    ]);
    let output = openssl
        .output()
        .context("starting openssl: is it installed?")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find(|line| line.starts_with("+F:"));
    let rate = line.and_then(|line| line.rsplit(':').next()?.parse::<f64>().ok());
    Ok(copying + 1e9 / rate.with_context(|| format!("openssl said {said:?}"))?)
}

fn certificate(folder: &Path) -> anyhow::Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"]);
    let made = openssl
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("cert.pem"));
    let output = made
        .output()
        .context("starting openssl: is it installed?")?;
    ensure!(output.status.success(), "openssl made no certificate");
    Ok(())
}

fn start_site(ispeed: &Path, folder: &Path) -> anyhow::Result<Peer> {
    let mut command = Command::new(ispeed);
    command.args([
        "site",
        "--listen",
        "127.0.0.1:0",
        "--tls-listen",
        "127.0.0.1:0",
    ]);
    command
        .arg("--tls-certificate")
        .arg(folder.join("cert.pem"));
    command.arg("--tls-key").arg(folder.join("key.pem"));
    command.arg("--data").arg(folder.join("site"));
    let mut process = command.stdout(Stdio::piped()).spawn()?;
    let output = process.stdout.take().context("no output")?;
    let server = Server { process };
    for line in BufReader::new(output).lines() {
        if let Some(origin) = line?
            .strip_prefix("ispeed: ")
            .filter(|u| u.starts_with("https"))
        {
            return Ok(Peer {
                server,
                origin: origin.to_owned(),
                download: format!("/garbage?ckSize={}", REQUEST_BYTES >> 20),
                upload: "/empty",
            });
        }
    }
    bail!("the site ended before it listened")
}

/// nginx as OpenSpeedTest and others set it up: a file, and an upload that is
/// read and thrown away.
fn start_nginx(folder: &Path) -> anyhow::Result<Peer> {
    let port = load::free_port()?;
    let at = folder.display();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {at}/nginx.pid; error_log {at}/error.log;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {at}; keepalive_requests 10000;\n\
         server {{ listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3; root {at};\n\
         ssl_certificate {at}/cert.pem; ssl_certificate_key {at}/key.pem;\n\
         client_max_body_size 10g; location /upload {{ error_page 405 =200 $uri; }} }} }}\n"
    );
    std::fs::write(folder.join("upload"), "")?;
    std::fs::write(folder.join("nginx.conf"), config)?;
    let mut nginx = Command::new("nginx");
    nginx.arg("-c").arg(folder.join("nginx.conf"));
    let process = nginx.stderr(Stdio::null()).spawn();
    let server = Server {
        process: process.context("starting nginx: is it installed?")?,
    };
    load::wait_for(&port.to_string())?;
    Ok(Peer {
        server,
        origin: format!("https://127.0.0.1:{port}"),
        download: "/blob".into(),
        upload: "/upload",
    })
}
