//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures the Internet, place by place, and acts on it.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Say more on standard error; twice for debugging.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process: a site, the centre and the web pages.
    #[command(after_help = "Example:\n  ispeed serve --data ./ispeed-data --listen 127.0.0.1:8080")]
    Serve(ServeArgs),
    /// Run a measurement site alone.
    #[command(after_help = "Example:\n  ispeed site --data ./site --listen 0.0.0.0:8080")]
    Site(ServeArgs),
    /// Measure, and submit the result.
    #[command(after_help = "Examples:\n  \
        ispeed test --site http://127.0.0.1:8080\n  \
        ispeed test --site http://127.0.0.1:8080 --at 10.7798,106.699 --accuracy 12 --network mobile --json\n\n\
        Exit status: 0 complete and acknowledged or safely queued; 1 incomplete or not accepted;\n\
        64 wrong argument; 69 no network; 73 disk; 75 site busy; 76 something on the way interferes; 77 refused")]
    Test(TestArgs),
    /// Show or send the tests that wait for the collector.
    #[command(
        after_help = "Examples:\n  ispeed queue\n  ispeed queue --site http://127.0.0.1:8080"
    )]
    Queue(QueueArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML); every key has a default.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the store and the key [default: ispeed-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address to listen on; port 0 takes any free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Print the effective configuration and exit.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// The site, for example http://127.0.0.1:8080.
    #[arg(long, value_name = "URL")]
    pub(crate) site: String,
    /// Where the result is submitted [default: the site]
    #[arg(long, value_name = "URL")]
    pub(crate) centre: Option<String>,
    /// Position, degrees north and east.
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
    pub(crate) at: Option<String>,
    /// Accuracy of the position, metres.
    #[arg(long, value_name = "METRES", default_value_t = 10.0)]
    pub(crate) accuracy: f64,
    /// The access, if known.
    #[arg(long, value_enum)]
    pub(crate) network: Option<Network>,
    /// Generation of the mobile network, if known.
    #[arg(long, value_enum)]
    pub(crate) technology: Option<Generation>,
    /// Operator of the access.
    #[arg(long, value_name = "NAME")]
    pub(crate) operator: Option<String>,
    /// Unit that asked for the test.
    #[arg(long, value_name = "CODE")]
    pub(crate) unit: Option<String>,
    /// Mode of the method [default: the site's]
    #[arg(long)]
    pub(crate) mode: Option<String>,
    /// Keep the result to yourself.
    #[arg(long)]
    pub(crate) no_submit: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Language of the text.
    #[arg(long, value_enum, default_value_t = Language::Vi)]
    pub(crate) lang: Language,
    /// Folder of the device's pseudonym and of waiting tests [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct QueueArgs {
    /// Send the waiting tests to this centre.
    #[arg(long, value_name = "URL")]
    pub(crate) site: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Folder of waiting tests [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

/// Kind of access.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Network {
    Mobile,
    Wifi,
    Ethernet,
}

/// Generation of a mobile network.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Generation {
    #[value(name = "2g")]
    G2,
    #[value(name = "3g")]
    G3,
    #[value(name = "4g")]
    G4,
    #[value(name = "5g")]
    G5,
}

/// Language of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Language {
    Vi,
    En,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        super::Cli::command().debug_assert();
    }
}
