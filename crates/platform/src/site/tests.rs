//! Sites through their life, in virtual time.

use jiff::{SignedDuration, Timestamp};
use metric::key::SiteKey;
use metric::unit::Micros;
use proptest::prelude::*;
use wire::roster::notice::{Description, Health, Heartbeat, Leave, Notice, Signed};
use wire::roster::standing::{Reason, State};

use super::join::{Refused, take};
use super::select::{Caller, nearest};
use super::standing::{Trouble, trouble};
use crate::centre::Centre;
use crate::config::Config;
use crate::store::Store;
use crate::store::site::{Family, Probe, Site};

fn start() -> Timestamp {
    "2024-11-08T02:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn key(n: u8) -> SiteKey {
    SiteKey::from_seed(&[n; 32])
}

fn description(name: &str) -> Description {
    Description {
        name: name.into(),
        city: "Huế".into(),
        province: None,
        country: "VN".into(),
        asn: Some(7552),
        operator: None,
        exchange: None,
        capacity_bits_per_second: 1_000_000_000,
        urls: vec![format!("http://{name}.example.vn").parse().unwrap()],
        ipv4_url: None,
        ipv6_url: None,
    }
}

fn join(name: &str) -> Notice {
    Notice::Join(Box::new(description(name)))
}

fn beat(utilisation_percent: u32) -> Notice {
    Notice::Heartbeat(Heartbeat {
        health: Health::Ok,
        utilisation_percent,
        sent_bits_per_second: 0,
        received_bits_per_second: 0,
        sessions: 0,
        version: "0".into(),
    })
}

struct Office {
    centre: Centre,
    _directory: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: directory.path().to_owned(),
            demonstration: false,
            ..Config::default()
        };
        Self {
            centre: Centre::open(config, start).unwrap(),
            _directory: directory,
        }
    }

    fn store(&self) -> &Store {
        self.centre.store()
    }

    /// A notice that arrives as it is signed.
    fn say(&self, who: u8, notice: Notice, seconds: i64) -> Result<State, Refused> {
        let signed = Signed::new(notice, after(seconds), &key(who)).unwrap();
        let body = serde_json::to_vec(&signed).unwrap();
        take(self.store(), after(seconds), &body).map(|standing| standing.state)
    }

    fn site(&self, name: &str) -> Site {
        self.store().site(name).unwrap().unwrap()
    }

    fn trouble(&self, name: &str, seconds: i64) -> Option<Trouble> {
        trouble(&self.site(name), after(seconds))
    }
}

#[test]
fn a_site_lives_from_joining_to_leaving() {
    let office = Office::new();
    assert_eq!(office.say(1, join("a"), 0).unwrap(), State::Pending);
    assert_eq!(office.say(1, beat(0), 1).unwrap(), State::Pending);
    assert_eq!(office.trouble("a", 1), Some(Trouble::NotApproved));
    assert!(office.store().keys().unwrap().is_empty());

    office.centre.approve_site("a").unwrap();
    let registered = office.store().keys().unwrap().remove(0);
    assert_eq!(registered.public_key, key(1).public());
    assert!(registered.is_valid(after(5)));
    assert_eq!(office.trouble("a", 91), None, "90 s after its heartbeat");
    assert_eq!(office.trouble("a", 92), Some(Trouble::Silent));
    assert_eq!(office.say(1, beat(80), 100).unwrap(), State::Approved);
    assert_eq!(office.trouble("a", 100), Some(Trouble::Full));
    office.say(1, beat(79), 101).unwrap();
    assert_eq!(office.trouble("a", 101), None);

    let restart = Notice::Leave(Leave { for_good: false });
    assert_eq!(office.say(1, restart, 110).unwrap(), State::Left);
    assert_eq!(office.say(1, beat(0), 111).unwrap(), State::Approved);
    let good = Notice::Leave(Leave { for_good: true });
    assert_eq!(office.say(1, good, 112).unwrap(), State::Left);
    assert!(!office.store().keys().unwrap()[0].is_valid(after(112)));
    assert_eq!(office.say(1, beat(0), 113).unwrap(), State::Pending);
}

#[test]
fn a_notice_counts_once_and_in_its_time() {
    let office = Office::new();
    office.say(1, join("a"), 0).unwrap();
    office.say(1, beat(0), 10).unwrap();
    let again = office.say(1, beat(0), 10);
    assert!(matches!(again, Err(Refused::Repeated(_))), "{again:?}");
    assert!(matches!(
        office.say(1, join("a"), 9),
        Err(Refused::Repeated(_))
    ));
    let late = Signed::new(beat(0), after(20), &key(1)).unwrap();
    let late = serde_json::to_vec(&late).unwrap();
    let refused = take(office.store(), after(141), &late);
    assert!(matches!(refused, Err(Refused::Clock { .. })));
    let altered = String::from_utf8(late)
        .unwrap()
        .replace("\"sessions\":0", "\"sessions\":9");
    let refused = take(office.store(), after(20), altered.as_bytes());
    assert!(matches!(refused, Err(Refused::Signature)));
    assert!(matches!(office.say(2, beat(0), 0), Err(Refused::Unknown)));
    let refused = take(office.store(), after(20), b"{\"roster\": \"1\"}");
    assert!(matches!(refused, Err(Refused::Malformed { .. })));
}

#[test]
fn a_name_belongs_to_its_key_until_it_left_for_good() {
    let office = Office::new();
    office.say(1, join("a"), 0).unwrap();
    assert!(matches!(
        office.say(2, join("a"), 1),
        Err(Refused::Taken(_))
    ));
    assert!(matches!(
        office.say(1, join("b"), 1),
        Err(Refused::Taken(_))
    ));
    let good = Notice::Leave(Leave { for_good: true });
    office.say(1, good, 2).unwrap();
    assert_eq!(office.say(2, join("a"), 3).unwrap(), State::Pending);
    assert_eq!(office.site("a").public_key, key(2).public());
}

#[test]
fn who_says_something_else_is_approved_anew() {
    let office = Office::new();
    office.say(1, join("a"), 0).unwrap();
    office.centre.approve_site("a").unwrap();
    assert_eq!(office.say(1, join("a"), 1).unwrap(), State::Approved);
    let mut other = description("a");
    other.exchange = Some("VNIX".into());
    let other = Notice::Join(Box::new(other));
    assert_eq!(office.say(1, other, 2).unwrap(), State::Pending);
}

#[test]
fn a_suspension_is_not_shed_by_leaving_or_joining() {
    let office = Office::new();
    office.say(1, join("a"), 0).unwrap();
    office.centre.approve_site("a").unwrap();
    office.centre.suspend_site("a").unwrap();
    assert!(!office.store().keys().unwrap()[0].is_valid(after(1)));
    let good = Notice::Leave(Leave { for_good: true });
    assert_eq!(office.say(1, good, 1).unwrap(), State::Suspended);
    assert_eq!(office.say(1, join("a"), 2).unwrap(), State::Suspended);
    assert_eq!(office.say(1, beat(0), 3).unwrap(), State::Suspended);
    let site = office.centre.approve_site("a").unwrap();
    assert_eq!(site.state, State::Approved);
    assert!(office.store().keys().unwrap()[0].is_valid(after(1)));
}

#[test]
fn the_waiting_list_is_bounded_and_empties_by_itself() {
    let office = Office::new();
    let signed = |n: usize, seconds| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&n.to_le_bytes());
        let signed = Signed::new(
            join(&format!("s{n}")),
            after(seconds),
            &SiteKey::from_seed(&seed),
        );
        serde_json::to_vec(&signed.unwrap()).unwrap()
    };
    for n in 0..200 {
        take(office.store(), after(0), &signed(n, 0)).unwrap();
    }
    let refused = take(office.store(), after(1), &signed(200, 1));
    assert!(matches!(refused, Err(Refused::Crowded)));
    let week = 7 * 86_400 + 1;
    take(office.store(), after(week), &signed(200, week)).unwrap();
    assert_eq!(office.store().sites().unwrap().len(), 1);
}

#[test]
fn a_site_that_answers_over_one_family_is_reachable() {
    let office = Office::new();
    office.say(1, join("a"), 0).unwrap();
    office.centre.approve_site("a").unwrap();
    office.say(1, beat(0), 1).unwrap();
    let probe = |family, outcome, seconds| {
        let at = after(seconds);
        let probe = Probe { at, outcome };
        office.store().add_probe("a", family, &probe).unwrap();
    };
    probe(Family::V4, Err("refused".into()), 1);
    assert_eq!(office.trouble("a", 1), Some(Trouble::Unreachable));
    probe(Family::V6, Ok(Micros(700)), 2);
    assert_eq!(office.trouble("a", 2), None);
    assert_eq!(office.site("a").ipv6.unwrap().outcome, Ok(Micros(700)));
    probe(Family::V6, Err("gone".into()), 3);
    assert_eq!(office.trouble("a", 3), Some(Trouble::Unreachable));
}

/// A site that is well, for choosing among.
fn well(n: usize, asn: u32, exchange: bool, utilisation_percent: u32) -> Site {
    let mut description = description(&format!("s{n}"));
    description.asn = Some(asn);
    description.exchange = exchange.then(|| "VNIX".into());
    let Notice::Heartbeat(beat) = beat(utilisation_percent) else {
        unreachable!()
    };
    Site {
        description,
        public_key: key(1).public(),
        state: State::Approved,
        joined_at: start(),
        changed_at: start(),
        approved_at: Some(start()),
        last_notice: start(),
        heartbeat: Some((start(), beat)),
        ipv4: None,
        ipv6: None,
    }
}

fn chosen(sites: &[Site], caller: &Caller) -> Vec<(String, Reason)> {
    let offered = nearest(sites, caller, start());
    let name = |site: &Site| site.description.name.clone();
    offered.iter().map(|o| (name(o.site), o.reason)).collect()
}

#[test]
fn ones_own_network_comes_first_and_the_exchange_always() {
    let caller = Caller {
        asn: Some(1),
        ..Caller::default()
    };
    let mut sites: Vec<_> = (0..5_u32)
        .map(|n| well(n as usize, 1, false, 10 - n))
        .collect();
    sites.push(well(8, 2, false, 0));
    sites.push(well(9, 1, true, 70));
    let names = chosen(&sites, &caller);
    let want = [
        ("s4", Reason::OnNet),
        ("s3", Reason::OnNet),
        ("s9", Reason::Exchange),
        ("s8", Reason::Load),
    ];
    assert_eq!(names, want.map(|(name, reason)| (name.to_owned(), reason)));
    let own: Vec<_> = chosen(&sites[..5], &caller);
    assert_eq!(own.len(), 4, "nobody else is there");
    let stranger = chosen(&sites, &Caller::default());
    assert_eq!(stranger[0], ("s9".into(), Reason::Exchange));
}

#[test]
fn the_province_that_is_asked_for_goes_before_room_and_busy_sites_wait() {
    let mut sites = [
        well(0, 1, false, 0),
        well(1, 1, false, 50),
        well(2, 1, false, 65),
    ];
    sites[1].description.province = Some("Huế".into());
    sites[2].description.capacity_bits_per_second *= 100;
    let caller = Caller {
        province: Some("Huế".into()),
        ..Caller::default()
    };
    let names: Vec<_> = chosen(&sites, &caller)
        .into_iter()
        .map(|(n, _)| n)
        .collect();
    assert_eq!(
        names,
        ["s1", "s0", "s2"],
        "65 % is busy however large the line"
    );
}

proptest! {
    #[test]
    fn four_at_most_none_of_them_full_and_an_exchange_if_there_is_one(
        kinds in prop::collection::vec((1_u32..4, any::<bool>(), 0_u32..120), 0..12),
        asn in prop::option::of(1_u32..4),
    ) {
        let site = |(n, &(asn, exchange, load)): (usize, &(u32, bool, u32))| {
            well(n, asn, exchange, load)
        };
        let sites: Vec<_> = kinds.iter().enumerate().map(site).collect();
        let caller = Caller { asn, ..Caller::default() };
        let offered = nearest(&sites, &caller, start());
        prop_assert!(offered.len() <= 4);
        let roomy = kinds.iter().filter(|(_, _, load)| *load < 80);
        prop_assert_eq!(offered.len(), roomy.clone().count().min(4));
        let exchange = roomy.clone().any(|(_, exchange, _)| *exchange);
        prop_assert_eq!(offered.iter().any(|o| o.reason == Reason::Exchange), exchange);
    }
}
