//! The measuring bench: our client and its peers over links whose truth is
//! known. `cargo xtask bench links --help`.
#![cfg(target_os = "linux")]

mod bound;
mod client;
mod emulate;
mod frontier;
mod gate;
mod link;
mod links;
mod netns;
mod pace;
mod peer;
mod plot;
mod random;
mod reflect;
mod results;
mod row;
mod site;
mod statistics;
mod summary;
mod turns;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::client::Client;

/// Measures the measurers.
#[derive(Debug, Parser)]
#[command(arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run clients in turn over emulated links and compare what they say with the truth.
    #[command(after_help = "Examples:\n  \
        cargo xtask bench links --list\n  \
        cargo xtask bench links --set reporting --runs 10\n  \
        cargo xtask bench links --only t-25-20ms-bloat,t-radio-20 --runs 2 --clients ispeed-full,iperf3\n\n\
        Needs root (network namespaces and /dev/net/tun) and iproute2; peers where installed.\n\
        A run of both directions takes about 25 s; the bench says how long it will take.\n\n\
        Exit status: 0 done; 1 broken off; 2 namespaces or TUN are not allowed here")]
    Links(LinksArgs),
    /// Put the results of several runs of `links` into one table and its pictures.
    #[command(
        after_help = "A set may be run in parts at the same time, as far as the gate lets them pass:\n  \
        cargo xtask bench links --only r-2-50ms,r-radio-30 --out target/bench/a\n  \
        cargo xtask bench summary target/bench/a target/bench/b --out docs/bench"
    )]
    Summary(SummaryArgs),
    /// How well anybody could tell ten seconds of the varying links from their first few.
    #[command(after_help = "Examples:\n  \
        cargo xtask bench bound\n  \
        cargo xtask bench bound --seconds 1,2,4,8 --out docs/bench/bound.md\n\n\
        Nothing is measured: the links are asked what they could have carried.")]
    Bound(bound::BoundArgs),
    /// Packets that our UDP reflector answers for each second of CPU, beside a plain echo.
    #[command(after_help = "Examples:\n  \
        cargo xtask bench udp\n  \
        cargo xtask bench udp --runs 3 --seconds 2 --json\n\n\
        Reflector and sender are processes of their own on this machine, in turn with the echo.")]
    Udp(reflect::ReflectArgs),
    /// Send back every datagram (the bench starts this).
    #[command(hide = true)]
    UdpEcho,
    /// Flood a reflector (the bench starts this).
    #[command(hide = true)]
    UdpFlood(reflect::FloodArgs),
    /// Hold what a site carries, one stream at a time, against iperf3.
    #[command(
        after_help = "Example:\n  cargo xtask bench site --rounds 7 --out docs/bench-site-table.md\n\n\
        Needs iperf3. Exit status: 0 done; 1 broken off, or no round was valid"
    )]
    Site(SiteArgs),
    /// How fast a country's month becomes figures, beside DuckDB.
    #[command(after_help = "Examples:\n  \
        cargo xtask bench statistics --out docs/bench-statistics-table.md\n  \
        cargo xtask bench statistics --tests 1000000 --copies 1\n\n\
        Makes its stores by simulation first, which takes longest. DuckDB is left out where\n\
        the Python named by --python has no package duckdb.")]
    Statistics(statistics::StatisticsArgs),
    /// Be the emulator of one link until standard input closes (the bench starts this).
    #[command(hide = true)]
    Emulate(EmulateArgs),
}

/// Which links. What is tuned on one set is reported on the other.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Set {
    Tuning,
    Reporting,
}

impl Set {
    const fn lines(self) -> &'static [links::Line] {
        match self {
            Self::Tuning => links::TUNING,
            Self::Reporting => links::REPORTING,
        }
    }
}

#[derive(Args, Debug)]
struct LinksArgs {
    /// The set of links.
    #[arg(long, value_enum, default_value_t = Set::Tuning)]
    set: Set,
    /// Only these links, of any set, with commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Runs of each client on each link.
    #[arg(long, value_name = "N", default_value_t = 10)]
    runs: u64,
    /// Who measures, in turn: ispeed-MODE, web (our page in Chromium), iperf3, iperf3-SECONDSs,
    /// ndt7, librespeed, cloudflare-web, librespeed-web.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = Client::parse, default_value = "ispeed-full,iperf3")]
    clients: Vec<Client>,
    /// Folder of results.csv, summary.md, summary.json, errors.svg and logs/ (truth per 100 ms).
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Folder of rate traces; a radio stands in for those that are missing.
    #[arg(long, value_name = "DIR", default_value = "../shared/data/traces")]
    traces: PathBuf,
    /// Our executable [default: beside this one]
    #[arg(long, value_name = "FILE")]
    ispeed: Option<PathBuf>,
    /// Folder in which peers are installed: `cargo install --root DIR ndt7-client librespeed-cli`;
    /// `npm install --prefix DIR playwright-core @cloudflare/speedtest`; LibreSpeed's two scripts
    /// in DIR/librespeed.
    #[arg(long, value_name = "DIR", default_value = "target/peers")]
    peers: PathBuf,
    /// Print the summary as JSON at the end.
    #[arg(long)]
    json: bool,
    /// Print the links and exit.
    #[arg(long)]
    list: bool,
}

#[derive(Args, Debug)]
struct SummaryArgs {
    /// Folders with a results.csv.
    #[arg(required = true, value_name = "DIR")]
    from: Vec<PathBuf>,
    /// Folder of results.csv, summary.md, summary.json, errors.svg and data.svg.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What a reader has to know; may be repeated.
    #[arg(long, value_name = "TEXT")]
    note: Vec<String>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct SiteArgs {
    /// Rounds of each direction.
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Seconds of a run.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=9))]
    seconds: u64,
    /// Our executable [default: beside this one]
    #[arg(long, value_name = "FILE")]
    ispeed: Option<PathBuf>,
    /// File of the table; it is printed in any case.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct EmulateArgs {
    #[arg(long)]
    link: String,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    site: String,
    #[arg(long)]
    citizen: String,
    #[arg(long)]
    traces: PathBuf,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Links(args) => turns::links(&args),
        Command::Summary(args) => summary(&args),
        Command::Bound(args) => bound::run(&args),
        Command::Udp(args) => reflect::run(&args),
        Command::UdpEcho => reflect::echo(),
        Command::UdpFlood(args) => reflect::flood(&args),
        Command::Site(args) => measure_site(args),
        Command::Statistics(args) => statistics::run(&args),
        Command::Emulate(args) => links::find(&args.link, &args.traces)
            .and_then(|link| emulate::run(&link, args.seed, &args.site, &args.citizen))
            .map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::FAILURE
    })
}

/// `bench site`.
fn measure_site(args: SiteArgs) -> anyhow::Result<ExitCode> {
    let ispeed = match args.ispeed {
        Some(ispeed) => ispeed,
        None => std::env::current_exe()?.with_file_name("ispeed"),
    };
    site::run(&site::Asked {
        rounds: args.rounds,
        seconds: args.seconds,
        ispeed,
        out: args.out,
    })
}

/// `bench summary`.
fn summary(args: &SummaryArgs) -> anyhow::Result<ExitCode> {
    let rows = results::read(&args.from)?;
    std::fs::create_dir_all(&args.out)?;
    let summary = results::write(&args.out, &rows, &args.note)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        println!("{}", summary.markdown());
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        super::Cli::command().debug_assert();
    }
}
