//! `ispeed site`: running one, joining and leaving, and the centre's list.

use std::process::ExitCode;

use anyhow::Context as _;
use platform::Centre;
use platform::site::{Trouble, trouble};
use platform::store::site::{Probe, Site};
use serde_json::{Value, json};
use wire::roster::address::SiteUrl;
use wire::roster::notice::Description;
use wire::roster::standing::{Standing, State};

use crate::centre::print;
use crate::cli::{JoinArgs, SiteArgs, SiteCommand, StoreArgs};
use crate::config::{self, Config};
use crate::{membership, serve};

pub(crate) async fn site(args: &SiteArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        None => serve::site(&args.serve).await,
        Some(SiteCommand::Join(join)) => self::join(join).await,
        Some(SiteCommand::Leave { store }) => {
            let mut config = Config::of_store(store)?;
            let standing = membership::leave(&mut config).await?;
            print(
                store,
                &json!({"site": standing}),
                &format!("{} has left", standing.name),
            )
        }
        Some(SiteCommand::List { store }) => list(store),
        Some(SiteCommand::Approve {
            name,
            preview,
            store,
        }) => change(store, name, *preview, State::Approved),
        Some(SiteCommand::Suspend {
            name,
            preview,
            store,
        }) => change(store, name, *preview, State::Suspended),
    }
}

async fn join(args: &JoinArgs) -> anyhow::Result<ExitCode> {
    let config = Config::of_store(&args.store)?;
    let description = description(args, config.site.name)?;
    let standing = membership::join(&config.centre.data_dir, &args.centre, description).await?;
    print(
        &args.store,
        &json!({"site": standing}),
        &joined(&standing, &args.centre),
    )
}

fn joined(standing: &Standing, centre: &str) -> String {
    let Standing { name, state, .. } = standing;
    let next = match state {
        State::Pending => format!(
            "At the centre: ispeed site approve {name}. Here: ispeed site sends heartbeats."
        ),
        State::Approved => "It is approved; ispeed site sends heartbeats.".into(),
        State::Suspended | State::Left => "Ask the operator of the centre.".into(),
    };
    format!("{name} is {} at {centre}. {next}", state.name())
}

fn description(args: &JoinArgs, configured: String) -> anyhow::Result<Description> {
    let usage = |flag: &'static str| {
        move |e: wire::roster::address::NotASiteUrl| client::Error::Usage(format!("{flag}: {e}"))
    };
    let url = |flag, text: &String| text.parse::<SiteUrl>().map_err(usage(flag));
    let urls: Result<Vec<_>, _> = args.url.iter().map(|text| url("--url", text)).collect();
    let of = |flag, text: &Option<String>| text.as_ref().map(|text| url(flag, text)).transpose();
    Ok(Description {
        name: args.name.clone().unwrap_or(configured),
        city: args.city.clone(),
        province: args.province.clone(),
        country: args.country.clone(),
        asn: args.asn,
        operator: args.operator.clone(),
        exchange: args.exchange.clone(),
        capacity_bits_per_second: args.capacity,
        urls: urls?,
        ipv4_url: of("--ipv4-url", &args.ipv4_url)?,
        ipv6_url: of("--ipv6-url", &args.ipv6_url)?,
    })
}

fn open(store: &StoreArgs) -> anyhow::Result<Centre> {
    Centre::open(config::centre(store)?, net::wall_clock)
}

fn list(store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let (sites, now) = (centre.store().sites()?, centre.now());
    let told = |site: &Site| describe(site, trouble(site, now));
    let values: Vec<_> = sites.iter().map(told).collect();
    let lines: Vec<_> = sites
        .iter()
        .map(|site| line(site, trouble(site, now)))
        .collect();
    print(store, &json!({"sites": values}), &lines.join("\n"))
}

fn change(store: &StoreArgs, name: &str, preview: bool, to: State) -> anyhow::Result<ExitCode> {
    let centre = open(store)?;
    let site = if preview {
        centre.named_site(name)?
    } else if to == State::Approved {
        centre.approve_site(name).context("approving a site")?
    } else {
        centre.suspend_site(name).context("suspending a site")?
    };
    let trouble = trouble(&site, centre.now());
    let done = if preview { "would be" } else { "is" };
    let text = format!("{}\n{name} {done} {}", line(&site, trouble), to.name());
    let value = json!({"site": describe(&site, trouble), "preview": preview, "to": to});
    print(store, &value, &text)
}

fn describe(site: &Site, trouble: Option<Trouble>) -> Value {
    json!({
        "site": site.description,
        "state": site.state,
        "health": trouble.map_or("ok", Trouble::name),
        "key_id": site.public_key.id(),
        "joined_at": site.joined_at,
        "approved_at": site.approved_at,
        "heartbeat_at": site.heartbeat.as_ref().map(|(at, _)| at),
        "heartbeat": site.heartbeat.as_ref().map(|(_, beat)| beat),
        "ipv4": site.ipv4.as_ref().map(probe),
        "ipv6": site.ipv6.as_ref().map(probe),
    })
}

fn probe(probe: &Probe) -> Value {
    match &probe.outcome {
        Ok(rtt) => json!({"probed_at": probe.at, "available": true, "rtt_us": rtt}),
        Err(why) => json!({"probed_at": probe.at, "available": false, "why": why}),
    }
}

fn line(site: &Site, trouble: Option<Trouble>) -> String {
    let d = &site.description;
    let urls: Vec<_> = d.urls.iter().map(ToString::to_string).collect();
    let place = match (&d.exchange, d.asn) {
        (Some(exchange), _) => exchange.clone(),
        (None, Some(asn)) => format!("AS{asn}"),
        (None, None) => d.operator.clone().unwrap_or_default(),
    };
    let load = site.heartbeat.as_ref().map_or_else(
        || "no heartbeat yet".into(),
        |(_, beat)| format!("{} %, {} sessions", beat.utilisation_percent, beat.sessions),
    );
    format!(
        "{}  {}  {}  {}  {place}  {} Mbit/s  {load}  key {}  {}",
        d.name,
        site.state.name(),
        trouble.map_or("ok", Trouble::name),
        d.city,
        d.capacity_bits_per_second / 1_000_000,
        site.public_key.id(),
        urls.join(" ")
    )
}
