//! `cargo xtask conformance`: other projects' clients, unmodified, against
//! `ispeed site`. What a client reports is held against what the site signed.

mod clients;
mod site;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use site::Site;

/// What running a client came to.
pub(crate) enum Outcome {
    /// It agrees; what was seen.
    Agrees(String),
    /// It could not be run here, and why.
    Skipped(String),
}

/// Where the parts are.
pub struct Places {
    /// The executable.
    pub ispeed: PathBuf,
    /// A folder for clients, outside the repository's tracked files.
    pub scratch: PathBuf,
    /// The scripts of this suite.
    pub scripts: PathBuf,
    /// Also build the clients that take minutes.
    pub build: bool,
    /// Only clients whose name contains one of these; all when empty.
    pub only: Vec<String>,
}

/// Runs every client that can be run here.
///
/// # Errors
///
/// When one of them disagrees with the site; each has been named by then.
#[expect(clippy::print_stdout, reason = "the result is for people")]
pub fn run(places: &Places) -> anyhow::Result<()> {
    std::fs::create_dir_all(&places.scratch)?;
    let mut failed = vec![];
    for (name, client) in clients::ALL {
        if !places.only.is_empty() && !places.only.iter().any(|part| name.contains(part)) {
            continue;
        }
        // A machine that was busy for a moment gets a second try, and says so.
        let result = once(*client, places).or_else(|error| {
            println!("again {name}: {error:#}");
            once(*client, places)
        });
        match result {
            Ok(Outcome::Agrees(seen)) => println!("ok    {name}: {seen}"),
            Ok(Outcome::Skipped(why)) => println!("skip  {name}: {why}"),
            Err(error) => {
                println!("FAIL  {name}: {error:#}");
                failed.push(*name);
            }
        }
    }
    if !failed.is_empty() {
        bail!(
            "these clients disagree with the site: {}",
            failed.join(", ")
        );
    }
    Ok(())
}

/// Runs a client against a site of its own.
fn once(client: clients::Client, places: &Places) -> anyhow::Result<Outcome> {
    let site = Site::start(places).context("starting the site")?;
    client(&site, places)
}
