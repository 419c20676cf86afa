//! Times a new test and the figures of its ward-month after it:
//! `recompute DATA MONTH [WARDS]`.
//!
//! DATA is the store of a simulated month. Each ward gets one more synthetic
//! test through the collector, which marks its kept figures as overtaken; then
//! they are asked for, which computes them again. Run it in release.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a stopwatch that is run by hand"
)]

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use metric::key::{Purpose, RegisteredKey, SiteKey};
use metric::month::Month;
use platform::Centre;
use platform::area::Area;
use platform::config::Config;
use platform::simulate::{plan, tests};
use platform::statistics;
use platform::store::test::Appended;

/// Site that the receipts name.
const SITE: &str = "stopwatch";

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: recompute DATA MONTH [WARDS]";
    let data_dir = arguments.next().context(usage)?.into();
    let month: Month = arguments.next().context(usage)?.parse()?;
    let wards = arguments.next().map_or(Ok(200), |n| n.parse())?;
    let config = Config {
        data_dir,
        demonstration: false,
        ..Config::default()
    };
    let centre = Centre::open(config, Timestamp::now)?;
    let key = SiteKey::from_seed(&[42; 32]);
    centre.register_key(&RegisteredKey {
        public_key: key.public(),
        site: SITE.into(),
        purpose: Purpose::Simulation,
        valid_from: Timestamp::UNIX_EPOCH,
        valid_to: None,
    })?;
    let index = centre.areas();
    let valid = statistics::valid_in(index.areas(), month);
    let step = (valid.len() / wards).max(1);
    let (mut collected, mut recomputed, mut kept) = (vec![], vec![], vec![]);
    for area in valid.into_iter().step_by(step).take(wards) {
        collected.push(one_more(&centre, area, month, &key)?);
        recomputed.push(asked(&centre, area, month)?);
        kept.push(asked(&centre, area, month)?);
    }
    ensure!(!recomputed.is_empty(), "no area was valid in {month}");
    println!("{} wards", recomputed.len());
    say("a new test collected", collected);
    say("its ward-month computed again", recomputed);
    say("the same asked again, kept", kept);
    Ok(())
}

/// Collects tests of an area until one counts; the time that one took.
fn one_more(centre: &Centre, area: &Area, month: Month, key: &SiteKey) -> anyhow::Result<Duration> {
    // Another seed at each run, or the tests would be known.
    let seed = Timestamp::now().as_microsecond().unsigned_abs();
    let plan = plan(vec![area.clone()], month, seed, SITE.into(), Timestamp::MAX);
    for test in tests(&plan.of_size(30), key) {
        let body = serde_json::to_vec(&test.submission)?;
        let began = Instant::now();
        let answer = centre.collect_at(test.received_at, &body);
        let took = began.elapsed();
        match answer {
            Ok(Appended::New(body)) if body.contains("\"state\":\"accepted\"") => return Ok(took),
            Ok(_) => {}
            Err(refused) => bail!("the collector refused a synthetic test: {refused:?}"),
        }
    }
    bail!("none of thirty tests counts in {}", area.key)
}

fn asked(centre: &Centre, area: &Area, month: Month) -> anyhow::Result<Duration> {
    let began = Instant::now();
    statistics::figures(centre.store(), area, month, true)?;
    Ok(began.elapsed())
}

fn say(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let last = took.len() - 1;
    let ms = |at: usize| took[at].as_secs_f64() * 1e3;
    println!(
        "{what}: median {:.2} ms, p99 {:.2} ms, most {:.2} ms",
        ms(last / 2),
        ms(last * 99 / 100),
        ms(last)
    );
}
