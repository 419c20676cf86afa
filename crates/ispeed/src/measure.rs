//! `ispeed test` and `ispeed queue`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use client::output::{self, Submitted};
use client::{Answer, Base, Error, Family, Outcome, Plan, Progress, Queue, Trust, submission};
use metric::position::PositionClaim;
use metric::submission::{self as law, App, Context, Submission};

use crate::centre::tell;
use crate::cli::{Generation, Language, Network, QueueArgs, TestArgs};
use crate::config;

pub(crate) async fn test(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let open = |url: &str| base(url, args.ca.as_deref());
    let site = args.site.as_deref().map(open).transpose()?;
    let centre = args.centre.as_deref().map(open).transpose()?;
    // The command line demands one of them.
    let centre = centre
        .or_else(|| site.clone())
        .context("--site or --centre")?;
    let position = args
        .at
        .as_deref()
        .map(|at| position(at, args.accuracy))
        .transpose()?;
    let state = config::state_dir(args.state.as_deref())?;
    let english = args.lang == Language::En;
    let plan = Plan {
        mode: args.mode.clone(),
        network: args.network.map(network),
        metered: args.metered,
        train: !args.no_train && args.mode.as_deref() != Some("saver"),
    };
    let target = client::aim(site.as_ref(), &centre, &open, only(args), chance()?).await?;
    let bar = output::Bar::new(english);
    let tell = |progress: Progress<'_>| {
        announce(args, progress, english);
        bar.show(progress);
    };
    let outcome = client::run(&target.base, &plan, &tell).await;
    bar.finish();
    let mut outcome = outcome?;
    target.note(&mut outcome.observed);
    let submitted = if args.no_submit {
        Submitted::NotWanted
    } else {
        let context = context(args, &outcome, position, device(&state)?);
        hand_over(&centre, &state, submission(&outcome, context)).await?
    };
    show(args, &outcome, &submitted, english)?;
    let good = outcome.is_complete() && submitted.is_safe();
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The family of addresses that is forced.
const fn only(args: &TestArgs) -> Option<Family> {
    match (args.ipv4, args.ipv6) {
        (true, _) => Some(Family::V4),
        (_, true) => Some(Family::V6),
        _ => None,
    }
}

/// Any number, to break ties by.
fn chance() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Says what the test may cost before it costs anything.
#[expect(clippy::print_stderr, reason = "it is said before the result is there")]
fn announce(args: &TestArgs, progress: Progress<'_>, english: bool) {
    let Progress::Session { data, audit, .. } = progress else {
        return;
    };
    if args.json {
        return;
    }
    if let Some(data) = data {
        eprintln!("{}", output::notice(data, english));
    }
    if audit {
        let say = if english {
            "Drawn for the audit of the method: all ten seconds are measured."
        } else {
            "Được chọn để kiểm tra phương pháp: đo đủ mười giây mỗi chiều."
        };
        eprintln!("{say}");
    }
}

/// A site or a centre, and whose certificate is believed.
fn base(url: &str, ca: Option<&Path>) -> Result<Base, Error> {
    Base::parse_with(url, || ca.map_or_else(Trust::system, Trust::file))
}

fn show(
    args: &TestArgs,
    outcome: &Outcome,
    submitted: &Submitted,
    english: bool,
) -> anyhow::Result<()> {
    if args.json {
        tell(&format!("{:#}\n", output::json(outcome, submitted)))
    } else {
        tell(&output::text(outcome, submitted, english))
    }
}

/// Keeps the test on disk, then sends it and whatever else waits.
async fn hand_over(
    centre: &Base,
    state: &Path,
    submission: Option<Submission>,
) -> anyhow::Result<Submitted> {
    let Some(submission) = submission else {
        return Ok(Submitted::NoReceipt);
    };
    let queue = Queue::open(&state.join("queue"))?;
    let mine = queue.keep(&submission)?;
    let submitted = match queue.submit(centre, &mine).await {
        Ok(answer) => Submitted::Acknowledged(Box::new(answer.acknowledged().clone())),
        Err(refused @ Error::Refused(_)) => return Ok(Submitted::Refused(refused.to_string())),
        Err(later) => return Ok(Submitted::Queued(later.to_string())),
    };
    for other in queue.waiting()? {
        let _ = queue.submit(centre, &other).await;
    }
    Ok(submitted)
}

fn context(
    args: &TestArgs,
    outcome: &Outcome,
    position: Option<PositionClaim>,
    device: String,
) -> Context {
    Context {
        // The site's clock: the device's own may be wrong.
        measured_at: outcome.session.server_time,
        position,
        network: args.network.map(network),
        technology: args.technology.map(generation),
        operator: args.operator.clone(),
        device,
        unit: args.unit.clone(),
        app: App {
            name: "cli".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        },
        mock_location: None,
        roaming: None,
        mcc_mnc: None,
    }
}

fn position(at: &str, accuracy_metres: f64) -> Result<PositionClaim, Error> {
    let usage = |why: String| Error::Usage(format!("--at {at}: {why}"));
    let degrees = |text: &str| text.trim().parse::<f64>().ok();
    let parsed = at
        .split_once(',')
        .and_then(|(lat, lon)| Some((degrees(lat)?, degrees(lon)?)));
    let parsed =
        parsed.ok_or_else(|| usage("expected LAT,LON, for example 10.7798,106.699".into()));
    let (latitude_degrees, longitude_degrees) = parsed?;
    let claim = PositionClaim {
        latitude_degrees,
        longitude_degrees,
        accuracy_metres,
    };
    claim
        .check()
        .map_err(|impossible| usage(impossible.to_string()))?;
    Ok(claim)
}

/// The device's random pseudonym, made at the first use.
fn device(state: &Path) -> anyhow::Result<String> {
    let path = state.join("device");
    if let Ok(device) = std::fs::read_to_string(&path) {
        return Ok(device.trim().to_owned());
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let device: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::create_dir_all(state).with_context(|| format!("making {}", state.display()))?;
    std::fs::write(&path, &device).with_context(|| format!("writing {}", path.display()))?;
    Ok(device)
}

const fn network(network: Network) -> law::Network {
    match network {
        Network::Mobile => law::Network::Mobile,
        Network::Wifi => law::Network::Wifi,
        Network::Ethernet => law::Network::Ethernet,
    }
}

const fn generation(generation: Generation) -> law::Generation {
    match generation {
        Generation::G2 => law::Generation::G2,
        Generation::G3 => law::Generation::G3,
        Generation::G4 => law::Generation::G4,
        Generation::G5 => law::Generation::G5,
    }
}

pub(crate) async fn queue(args: &QueueArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::open(&config::state_dir(args.state.as_deref())?.join("queue"))?;
    let ca = args.ca.as_deref();
    let centre = args.site.as_deref().map(|url| base(url, ca)).transpose()?;
    let mut lines = vec![];
    let mut all_sent = true;
    for waiting in queue.waiting()? {
        let status = match &centre {
            None => "waiting".into(),
            Some(centre) => match queue.submit(centre, &waiting).await {
                Ok(Answer::Stored(_)) => "stored".into(),
                Ok(Answer::Known(_)) => "known".into(),
                Err(error) => {
                    all_sent = false;
                    error.to_string()
                }
            },
        };
        lines.push(serde_json::json!({"test_id": waiting.test_id, "status": status}));
    }
    tell(&queued(&lines, args.json))?;
    Ok(if all_sent {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn queued(lines: &[serde_json::Value], as_json: bool) -> String {
    if as_json {
        return format!("{:#}\n", serde_json::json!({"tests": lines}));
    }
    if lines.is_empty() {
        return "Không có lần đo nào đang chờ. / No test waits.\n".into();
    }
    let text = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap_or("").to_owned();
    let line = |line| format!("{}  {}\n", text(line, "test_id"), text(line, "status"));
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_checked_before_anything_is_measured() {
        assert!(position("10.7798,106.699", 12.0).is_ok());
        for bad in ["0,0", "10.7798", "x,y", "NaN,106.7", "48.85,2.35"] {
            let error = position(bad, 12.0).unwrap_err();
            assert!(error.to_string().contains("--at"), "{error}");
            assert_eq!(error.exit_status(), 64);
        }
        assert!(position("10.7798,106.699", -1.0).is_err());
    }

    #[test]
    fn a_device_keeps_its_pseudonym() {
        let state = tempfile::tempdir().unwrap();
        let first = device(state.path()).unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(device(state.path()).unwrap(), first);
    }
}
