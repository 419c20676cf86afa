//! Who tests when, where and how fast: one short draft for each test.

use jiff::Timestamp;
use metric::month::Month;
use metric::position::PositionClaim;
use metric::submission::Generation;
use metric::unit::{floor_u64, to_f64};

use super::market::{FIXED, Group, Law, Market, Player, RTT_LOG_SD, UPLOAD_LOG_SD};
use super::{Plan, Slow, WardPlan, place};
use metric::chance::Chance;

/// A test before it is written out.
#[derive(Clone)]
pub(super) struct Draft {
    /// Position of its ward in the plan.
    pub(super) ward: usize,
    /// Number among the tests of the ward.
    pub(super) number: u32,
    pub(super) device: u32,
    pub(super) operator: &'static Player,
    /// `None` over Wi-Fi.
    pub(super) technology: Option<Generation>,
    pub(super) oddity: Oddity,
    pub(super) position: Option<PositionClaim>,
    /// When it began, milliseconds since 1970.
    pub(super) started_ms: u64,
    /// When it reaches the centre.
    pub(super) received_ms: u64,
    pub(super) download_bits_per_second: f64,
    pub(super) upload_bits_per_second: f64,
    pub(super) idle_rtt_us: f64,
}

/// What is odd about a test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Oddity {
    Nothing,
    /// The same device again within minutes and metres.
    Repeat,
    Wifi,
    NoPosition,
    /// Accuracy of hundreds of metres.
    Vague,
    /// On the border of its ward.
    Border,
    /// In no ward of the plan.
    Outside,
    /// Broken off.
    Incomplete,
    /// Received more than a week later.
    TooOld,
}

/// Each oddity and its share of the tests.
const ODDITIES: [(Oddity, f64); 9] = [
    (Oddity::Nothing, 0.83),
    (Oddity::Repeat, 0.05),
    (Oddity::Wifi, 0.04),
    (Oddity::NoPosition, 0.02),
    (Oddity::Vague, 0.01),
    (Oddity::Border, 0.01),
    (Oddity::Outside, 0.01),
    (Oddity::Incomplete, 0.02),
    (Oddity::TooOld, 0.01),
];

/// Tests by hour of the day: offices open, then the evening at home.
const HOURS: [f64; 24] = [
    0.3, 0.2, 0.1, 0.1, 0.1, 0.3, 1.0, 2.5, 5.0, 6.5, 6.0, 4.5, 3.0, 4.5, 6.0, 6.0, 5.0, 3.5, 3.0,
    4.0, 5.0, 4.5, 2.5, 1.0,
];

/// Saturdays and Sundays against working days.
const WEEKEND: f64 = 0.6;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// An instant from milliseconds since 1970.
pub(super) fn at(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// Every test of a ward.
pub(super) fn drafts(plan: &Plan, ward: usize) -> Vec<Draft> {
    let devices = Devices::new(plan, ward);
    let mut chance = Chance::of(&[plan.seed, 3, ward as u64]);
    let mut drafts: Vec<Draft> = vec![];
    for number in 0..plan.wards[ward].tests {
        let oddity = ODDITIES[chance.weighted(&ODDITIES.map(|(_, share)| share))].0;
        let draft = match oddity {
            Oddity::Repeat if !drafts.is_empty() => {
                let before = &drafts[chance.index(drafts.len())];
                repeated(before, number, &mut chance)
            }
            _ => devices.draft(number, oddity, &mut chance),
        };
        drafts.push(draft);
    }
    drafts
}

/// The devices of a ward.
struct Devices<'a> {
    plan: &'a Plan,
    ward: usize,
    market: Market,
}

impl<'a> Devices<'a> {
    fn new(plan: &'a Plan, ward: usize) -> Self {
        let market = plan.wards[ward].market();
        Self { plan, ward, market }
    }

    fn ward(&self) -> &'a WardPlan {
        &self.plan.wards[self.ward]
    }

    /// Spreads the groups evenly over the devices, so that few devices too
    /// show the shares (golden-ratio sequence).
    fn group(&self, device: u32) -> Group {
        let offset = Chance::of(&[self.plan.seed, 2, self.ward as u64]).unit();
        let point = (offset + f64::from(device) * 0.618_033_988_749_895).fract();
        let fallback = Group {
            operator: &FIXED,
            technology: Generation::G4,
            share: 0.0,
        };
        self.market.group_at(point).unwrap_or(fallback)
    }

    /// How much faster a device is than its group, as a logarithm.
    fn effect(&self, device: u32) -> f64 {
        let name = [self.plan.seed, 4, self.ward as u64, u64::from(device)];
        let ward = self.ward();
        Chance::of(&name).normal() * ward.log_sd * ward.device_correlation.sqrt()
    }

    fn draft(&self, number: u32, oddity: Oddity, chance: &mut Chance) -> Draft {
        let ward = self.ward();
        // Some devices test more often than others.
        let eager = f64::from(ward.devices) * chance.unit().powf(1.3);
        let device = u32::try_from(floor_u64(eager)).unwrap_or(0);
        let group = self.group(device);
        let rest = ward.log_sd * (1.0 - ward.device_correlation).sqrt();
        let wifi = oddity == Oddity::Wifi;
        let factor = self.effect(device).exp() * chance.factor(rest);
        let of = |law| self.market.median_of(&group, law);
        let (download, upload) = if wifi {
            (110e6, 90e6)
        } else {
            (of(Law::Download), of(Law::Upload))
        };
        let started_ms = started(self.plan.month, chance);
        let position = self.position(oddity, chance);
        let operator = if wifi { &FIXED } else { group.operator };
        let factor = factor * self.slowed(operator, position);
        Draft {
            ward: self.ward,
            number,
            device,
            operator,
            technology: (!wifi).then_some(group.technology),
            oddity,
            position,
            started_ms,
            received_ms: received(started_ms, oddity, chance),
            download_bits_per_second: possible(download * factor),
            upload_bits_per_second: possible(upload * factor * chance.factor(UPLOAD_LOG_SD)),
            idle_rtt_us: of(Law::IdleRtt) * chance.factor(RTT_LOG_SD),
        }
    }

    /// What is left of an operator's rates at a position.
    fn slowed(&self, operator: &Player, position: Option<PositionClaim>) -> f64 {
        let Some(at) = position else { return 1.0 };
        let here = |slow: &&Slow| slow.operator == operator.id && slow.holds(&at);
        let slow = self.plan.slow.iter().find(here);
        slow.map_or(1.0, |slow| slow.factor)
    }

    fn position(&self, oddity: Oddity, chance: &mut Chance) -> Option<PositionClaim> {
        let area = &self.ward().area;
        let accuracy = chance.within(5.0, 60.0);
        let wards = self.plan.wards.iter().map(|ward| &ward.area);
        match oddity {
            Oddity::NoPosition => None,
            Oddity::Vague => {
                let vague = chance.within(150.0, 900.0);
                let at = place::inside(area, accuracy, chance);
                Some(PositionClaim {
                    accuracy_metres: vague.round(),
                    ..at
                })
            }
            Oddity::Border => Some(place::on_border(area, accuracy, chance)),
            Oddity::Outside => Some(place::outside(wards, accuracy, chance)),
            _ => Some(place::inside(area, accuracy, chance)),
        }
    }
}

/// A test of the same device a few minutes after another, within 50 m of it.
fn repeated(before: &Draft, number: u32, chance: &mut Chance) -> Draft {
    let started_ms = before.started_ms + chance.whole(2.0, 12.0) * MINUTE_MS;
    Draft {
        number,
        oddity: Oddity::Repeat,
        position: before
            .position
            .map(|claim| place::near(claim, 35.0, chance)),
        started_ms,
        received_ms: received(started_ms, Oddity::Repeat, chance),
        download_bits_per_second: possible(before.download_bits_per_second * chance.factor(0.2)),
        upload_bits_per_second: possible(before.upload_bits_per_second * chance.factor(0.2)),
        idle_rtt_us: before.idle_rtt_us * chance.factor(0.05),
        ..before.clone()
    }
}

/// A time in the month, by day and hour.
fn started(month: Month, chance: &mut Chance) -> u64 {
    let first = month.first_day();
    let weight = |day: u8| {
        let weekday = first.weekday().to_monday_zero_offset() + i8::try_from(day % 7).unwrap_or(0);
        if weekday % 7 >= 5 { WEEKEND } else { 1.0 }
    };
    let days: Vec<f64> = (0..month.days()).map(weight).collect();
    let day = chance.weighted(&days) as u64;
    let hour = chance.weighted(&HOURS) as u64;
    // The last minutes stay free, so that a repeat is still in the month.
    let minutes = chance.whole(0.0, if hour == 23 { 45.0 } else { 60.0 });
    let start = month.start().map_or(0, Timestamp::as_millisecond);
    let start = u64::try_from(start).unwrap_or(0);
    start + day * DAY_MS + (hour * 60 + minutes) * MINUTE_MS + chance.whole(0.0, 60_000.0)
}

/// When a test arrives: mostly at once, sometimes from the queue of a phone
/// that had no network.
fn received(started_ms: u64, oddity: Oddity, chance: &mut Chance) -> u64 {
    let finished = started_ms + 45_000;
    let minute = to_f64(MINUTE_MS);
    let delay = match oddity {
        Oddity::TooOld => chance.whole(8.0, 20.0) * DAY_MS,
        _ if chance.happens(0.08) => chance.whole(5.0 * minute, 36.0 * 60.0 * minute),
        _ => chance.whole(500.0, 6_000.0),
    };
    finished + delay
}

/// Rates that networks of today have.
const fn possible(bits_per_second: f64) -> f64 {
    bits_per_second.clamp(200e3, 900e6)
}
