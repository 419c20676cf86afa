//! A synthetic month with known truth: for demonstrations, and to see whether
//! the statistics find what was put in.
//!
//! Everything follows from [`Plan`], its seed included; no chance comes from
//! outside. Submissions are complete and honest in form, so they take the same
//! way as those of people; what keeps them apart is the key, which is
//! registered for [`metric::key::Purpose::Simulation`].
//!
//! A share of the tests is odd as in life: repeats, Wi-Fi, no or vague
//! positions, points outside, tests that were broken off or sent too late
//! (`draft::Oddity`). The same seed gives the same bytes wherever the
//! platform's `ln`, `exp` and `cos` round alike.

mod assemble;
mod draft;
mod market;
mod place;
mod series;

use jiff::Timestamp;
use metric::area::AreaKey;
use metric::key::SiteKey;
use metric::month::Month;
use metric::position::{METRES_PER_DEGREE, PositionClaim};
use metric::submission::{Generation, Submission};
use metric::unit::{floor_u64, to_f64};

use crate::area::Area;
use market::{Law, Market};
use metric::chance::Chance;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Month in which the tests are made.
    pub month: Month,
    /// Chance begins here.
    pub seed: u64,
    /// The wards, each with its truth.
    pub wards: Vec<WardPlan>,
    /// Site that signs.
    pub site: String,
    /// Nothing is received later than this.
    pub now: Timestamp,
    /// Places where an operator is slow: problem areas to be found.
    pub slow: Vec<Slow>,
}

/// A place where an operator is slow.
#[derive(Clone, Debug, PartialEq)]
pub struct Slow {
    /// Operator's id.
    pub operator: String,
    /// Latitude and longitude of the middle, degrees.
    pub centre: [f64; 2],
    /// How far it reaches, metres.
    pub radius_metres: f64,
    /// The operator's rates there against those elsewhere.
    pub factor: f64,
}

/// One ward of a plan.
#[derive(Clone, Debug)]
pub struct WardPlan {
    /// The ward.
    pub area: Area,
    /// Tests in the whole month, odd ones among them.
    pub tests: u32,
    /// Devices that make them.
    pub devices: u32,
    /// Median download of all mobile tests, over operators and technologies.
    pub median_bits_per_second: u64,
    /// Standard deviation of the logarithm of the rate within one operator and technology.
    pub log_sd: f64,
    /// Share of that variance that lies between devices, 0 to 1.
    pub device_correlation: f64,
}

/// The true figures of a ward: of the law that its mobile tests are drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The ward.
    pub area: AreaKey,
    /// Median download.
    pub download_median_bits_per_second: u64,
    /// Median upload.
    pub upload_median_bits_per_second: u64,
    /// Median of the idle round-trip delay.
    pub idle_rtt_median_us: u64,
    /// The same law by operator and technology.
    pub groups: Vec<GroupTruth>,
}

/// The true figures of one operator and technology in a ward.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupTruth {
    /// Id of the operator.
    pub operator: &'static str,
    /// Generation of the network.
    pub technology: Generation,
    /// Share of the ward's devices, 0 to 1.
    pub share: f64,
    /// Median download.
    pub download_median_bits_per_second: u64,
}

/// A synthetic test and when it reaches the centre.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// What is submitted.
    pub submission: Submission,
    /// When, by the centre's clock.
    pub received_at: Timestamp,
}

/// A plan with usual numbers for the areas that are valid on the month's first day.
///
/// As in District 1, three wards of ten stay below 300 counted tests and the
/// others pass them.
pub fn plan(areas: Vec<Area>, month: Month, seed: u64, site: String, now: Timestamp) -> Plan {
    let valid = |area: &Area| area.validity().contains(month.first_day());
    let wards = areas.into_iter().filter(valid).enumerate();
    Plan {
        month,
        seed,
        wards: wards.map(|(at, area)| ward(at, area, seed)).collect(),
        site,
        now,
        slow: vec![],
    }
}

impl Slow {
    /// Whether a position lies in it.
    fn holds(&self, at: &PositionClaim) -> bool {
        let [latitude, longitude] = self.centre;
        let north = (at.latitude_degrees - latitude) * METRES_PER_DEGREE;
        let east = (at.longitude_degrees - longitude) * METRES_PER_DEGREE;
        north.hypot(east * latitude.to_radians().cos()) <= self.radius_metres
    }
}

impl Plan {
    /// The same plan with about so many tests in all: every ward has more or
    /// fewer of them, and of devices, by the same factor.
    #[must_use]
    pub fn of_size(mut self, tests: u32) -> Self {
        let sum: u64 = self.wards.iter().map(|ward| u64::from(ward.tests)).sum();
        let scaled = |n: u32| {
            let n = u64::from(n) * u64::from(tests) / sum.max(1);
            u32::try_from(n).unwrap_or(u32::MAX).max(1)
        };
        for ward in &mut self.wards {
            ward.tests = scaled(ward.tests);
            ward.devices = scaled(ward.devices);
        }
        self
    }
}

/// Places among ten wards that stay below 300.
const SHORT: [usize; 3] = [2, 5, 8];

fn ward(at: usize, area: Area, seed: u64) -> WardPlan {
    let mut chance = Chance::of(&[seed, 1, at as u64]);
    let tests = if SHORT.contains(&(at % 10)) {
        chance.between(150, 290)
    } else {
        chance.between(410, 540)
    };
    WardPlan {
        area,
        tests,
        devices: tests / chance.between(5, 9),
        median_bits_per_second: u64::from(chance.between(28, 70)) * 1_000_000,
        log_sd: 0.6 + 0.3 * chance.unit(),
        device_correlation: 0.2 + 0.3 * chance.unit(),
    }
}

/// The tests of a plan, in order of `received_at`.
///
/// Where [`Plan::now`] lies within the month, those received later are left
/// out; the others are the same as in the whole month.
///
/// # Panics
///
/// Never: a receipt holds integers and texts only, so it can be signed.
pub fn tests(plan: &Plan, key: &SiteKey) -> impl Iterator<Item = Simulated> {
    let mut drafts: Vec<_> = (0..plan.wards.len())
        .flat_map(|ward| draft::drafts(plan, ward))
        .filter(|draft| draft::at(draft.received_ms) <= plan.now)
        .collect();
    drafts.sort_by_key(|draft| (draft.received_ms, draft.ward, draft.number));
    drafts
        .into_iter()
        .map(move |draft| assemble::simulated(plan, &draft, key))
}

/// The true figures of every ward of a plan.
pub fn truth(plan: &Plan) -> Vec<Truth> {
    plan.wards.iter().map(WardPlan::truth).collect()
}

impl WardPlan {
    fn truth(&self) -> Truth {
        let market = self.market();
        let rate = |x: f64| floor_u64(x.round());
        Truth {
            area: self.area.key.clone(),
            download_median_bits_per_second: rate(market.median(Law::Download)),
            upload_median_bits_per_second: rate(market.median(Law::Upload)),
            idle_rtt_median_us: rate(market.median(Law::IdleRtt)),
            groups: market
                .groups()
                .map(|group| GroupTruth {
                    operator: group.operator.id,
                    technology: group.technology,
                    share: group.share,
                    download_median_bits_per_second: rate(market.median_of(&group, Law::Download)),
                })
                .collect(),
        }
    }

    fn market(&self) -> Market {
        Market::new(to_f64(self.median_bits_per_second), self.log_sd)
    }
}

#[cfg(test)]
mod tests;
