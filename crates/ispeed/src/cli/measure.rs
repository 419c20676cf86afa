//! Arguments of measuring and of what waits.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// The site, for example http://127.0.0.1:8080 [default: the nearest that the centre knows]
    #[arg(long, value_name = "URL", required_unless_present = "centre")]
    pub(crate) site: Option<String>,
    /// Where sites are asked for and the result is submitted [default: the site]
    #[arg(long, value_name = "URL")]
    pub(crate) centre: Option<String>,
    /// Trust the authorities in this PEM file instead of the system's (https).
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Over IPv4 only [default: whichever connects first, IPv6 preferred]
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Over IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Position, degrees north and east.
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
    pub(crate) at: Option<String>,
    /// Accuracy of the position, metres.
    #[arg(long, value_name = "METRES", default_value_t = 10.0)]
    pub(crate) accuracy: f64,
    /// The access, if known.
    #[arg(long, value_enum)]
    pub(crate) network: Option<Network>,
    /// Data cost money here, or are to be saved: at most 10 MB each way.
    #[arg(long)]
    pub(crate) metered: bool,
    /// Leave out the 5 s of packets (50 kB each way) that measure loss by UDP;
    /// mode saver and --metered leave them out too.
    #[arg(long)]
    pub(crate) no_train: bool,
    /// Generation of the mobile network, if known.
    #[arg(long, value_enum)]
    pub(crate) technology: Option<Generation>,
    /// Operator of the access.
    #[arg(long, value_name = "NAME")]
    pub(crate) operator: Option<String>,
    /// Unit that asked for the test.
    #[arg(long, value_name = "CODE")]
    pub(crate) unit: Option<String>,
    /// Mode of the method: full, accurate or saver [default: the site's]
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
    /// Trust the authorities in this PEM file instead of the system's (https).
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
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
