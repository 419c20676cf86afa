//! How far a campaign's month is: what counts and why not, where it will end,
//! what helps most, and a table that rewards many people over many tests.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use metric::month::{Month, civil_date};
use metric::projection::Projection;
use serde::Serialize;

use super::unit_report::Sheet;
use crate::area::Area;
use crate::centre::Centre;
use crate::organisation;
use crate::statistics::forecast::{Wanted, project_area, steer};
use crate::statistics::{self, valid_in};
use crate::store::member::UnitDuty;
use crate::store::organisation::{Kind, Organisation};
use crate::store::verdict::AreaMonth;
use crate::summary::Origin;
use crate::table::{AreaSummary, Counts, Rule};

/// Parts of a ward in which one more test helps most, that are told.
const TOLD: usize = 3;

/// A campaign's month on a day.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Progress {
    /// Id of the campaign.
    pub campaign: String,
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Which tests count.
    pub rule: Rule,
    /// The first day that is not over; a month that is over ends as it is.
    #[schema(value_type = String, format = Date)]
    pub today: Date,
    /// One line for each ward, by code.
    pub wards: Vec<WardProgress>,
    /// The wards by points.
    pub league: Vec<Placed>,
}

/// A ward's month.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WardProgress {
    /// The ward.
    pub area: AreaSummary,
    /// Tests owed.
    pub quota: u64,
    /// What counts, and why tests do not.
    #[serde(flatten)]
    pub counts: Counts,
    /// Tests still owed.
    pub shortfall: u64,
    /// Where it will end, with range and probability, and the tests a day needed.
    #[schema(value_type = Object)]
    pub projection: Projection,
    /// Tests in figures by operator and technology.
    pub networks: Vec<Network>,
    /// Where one more test helps most; nothing for a month that is over.
    pub wanted: Vec<Wanted>,
}

/// Tests over one network.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Network {
    /// Operator's id, `all`, or `unknown`.
    pub operator: String,
    /// Technology, or `mobile` for all mobile ones together.
    pub technology: String,
    /// Tests.
    pub tests: u64,
    /// Devices.
    pub devices: u64,
}

/// A ward's or unit's place in a table.
///
/// A point is one device on one day with a test that counts without repeats: a
/// hundred tests of one device on one day are one point, and so is one test.
/// Equal points share a place.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Placed {
    /// From 1.
    pub place: u64,
    /// Code of the ward or unit.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Points.
    pub points: u64,
    /// Devices or members behind them.
    pub devices: u64,
}

/// How far a month is.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn progress(centre: &Centre, sheet: Sheet<'_>) -> Result<Progress> {
    let index = centre.areas();
    let mut areas = valid_in(index.areas(), sheet.month);
    areas.retain(|area| sheet.campaign.areas.contains(&area.key));
    let today = civil_date(centre.now());
    let ward = |area: &&Area| ward(centre, sheet, area, today);
    let wards: Vec<_> = areas.iter().map(ward).collect::<Result<_>>()?;
    Ok(Progress {
        campaign: sheet.campaign.id.clone(),
        month: sheet.month,
        synthetic: sheet.synthetic,
        rule: sheet.campaign.rule,
        today,
        league: league(centre, sheet, &areas)?,
        wards,
    })
}

fn ward(centre: &Centre, sheet: Sheet<'_>, area: &Area, today: Date) -> Result<WardProgress> {
    let Sheet {
        campaign,
        month,
        synthetic,
    } = sheet;
    let (store, rule) = (centre.store(), campaign.rule);
    let quota = campaign.quota_of(&area.key);
    let counts = statistics::counts_of(store, area, month, rule, synthetic)?;
    let projection = project_area(store, &area.key, month, quota, rule, today, synthetic)?;
    let wanted = if today <= month.last_day() {
        steer(store, area, month, None, synthetic, TOLD)?
    } else {
        vec![]
    };
    Ok(WardProgress {
        area: area.into(),
        quota,
        shortfall: quota.saturating_sub(counts.counted),
        counts,
        projection,
        networks: networks(centre, sheet, area)?,
        wanted,
    })
}

fn networks(centre: &Centre, sheet: Sheet<'_>, area: &Area) -> Result<Vec<Network>> {
    let place = statistics::place(centre.store(), area, sheet.month, sheet.synthetic)?;
    let rows = place
        .rows
        .into_iter()
        .filter(|row| row.origin == Origin::Both);
    let network = |row: crate::summary::PlaceRow| Network {
        operator: row.operator,
        technology: row.technology,
        tests: row.tests,
        devices: row.devices,
    };
    Ok(rows.map(network).collect())
}

fn league(centre: &Centre, sheet: Sheet<'_>, areas: &[&Area]) -> Result<Vec<Placed>> {
    let points = |area: &&Area| -> Result<Placed> {
        let scope = AreaMonth {
            area: area.key.clone(),
            month: sheet.month,
            synthetic: sheet.synthetic,
        };
        let (points, devices) = centre.store().device_days(&scope)?;
        Ok(Placed {
            place: 0,
            code: area.key.code.clone(),
            name: area.full_name.clone(),
            points,
            devices,
        })
    };
    let lines = areas.iter().map(points).collect::<Result<_>>()?;
    Ok(placed(lines))
}

/// Sorted by points, equal ones by name, and numbered.
fn placed(mut lines: Vec<Placed>) -> Vec<Placed> {
    lines.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.name.cmp(&b.name)));
    let mut before: Option<(u64, u64)> = None;
    for (at, line) in (1..).zip(&mut lines) {
        line.place = match before {
            Some((points, place)) if points == line.points => place,
            _ => at,
        };
        before = Some((line.points, line.place));
    }
    lines
}

/// The duty of every unit in a month, and their table.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UnitsProgress {
    /// The month.
    #[schema(value_type = String, example = "2024-11")]
    pub month: Month,
    /// Whether these are the tests of simulations.
    pub synthetic: bool,
    /// Tests a member owes a day.
    pub tests_a_day: u32,
    /// One line for each unit.
    pub units: Vec<UnitLine>,
    /// The units by days of duty.
    pub league: Vec<Placed>,
}

/// A unit's duty.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UnitLine {
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Sums over its members.
    #[serde(flatten)]
    pub duty: UnitDuty,
}

/// The duty of every unit in a month.
///
/// # Errors
///
/// When the store cannot be read.
pub fn units(centre: &Centre, sheet: Sheet<'_>) -> Result<UnitsProgress> {
    let organisations = centre.store().organisations()?;
    let units = organisation::units(&organisations, sheet.campaign, sheet.month);
    let owed = sheet.campaign.terms.duty_tests_a_day;
    let line = |unit: &&Organisation| -> Result<UnitLine> {
        let (id, code) = (&sheet.campaign.id, &unit.code);
        Ok(UnitLine {
            duty: centre
                .store()
                .unit_duty(id, code, sheet.month, owed, sheet.synthetic)?,
            unit: unit.code.clone(),
            name: unit.name.clone(),
            kind: unit.kind,
        })
    };
    let units: Vec<_> = units.iter().map(line).collect::<Result<_>>()?;
    let entry = |line: &UnitLine| Placed {
        place: 0,
        code: line.unit.clone(),
        name: line.name.clone(),
        points: line.duty.member_days,
        devices: line.duty.active,
    };
    Ok(UnitsProgress {
        month: sheet.month,
        synthetic: sheet.synthetic,
        tests_a_day: owed,
        league: placed(units.iter().map(entry).collect()),
        units,
    })
}

/// Reports and duty of all units as CSV, for a shared sheet: no person in it.
///
/// # Errors
///
/// When the store cannot be read.
pub fn units_csv(centre: &Centre, sheet: Sheet<'_>) -> Result<Vec<u8>> {
    let duties = units(centre, sheet)?.units;
    let mut duties: BTreeMap<_, _> = duties.into_iter().map(|u| (u.unit.clone(), u)).collect();
    let mut file = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    file.write_record(UNITS_HEADER)?;
    let standings = super::unit_report::standings(centre, sheet)?;
    for (number, unit) in (1_u32..).zip(standings.units) {
        let duty = duties
            .remove(&unit.unit)
            .map(|line| line.duty)
            .unwrap_or_default();
        let state = unit.state.map_or("chưa lập", state_label);
        let sent = unit.submitted_at.map(|at| civil_date(at).to_string());
        let late = if unit.late { "trễ hạn" } else { "" };
        let mark = if sheet.synthetic {
            "SỐ LIỆU MÔ PHỎNG"
        } else {
            ""
        };
        let counts = [duty.members, duty.active, duty.member_days, duty.tests];
        let mut record = vec![number.to_string(), unit.unit, unit.name, state.to_owned()];
        record.extend([sent.unwrap_or_default(), late.to_owned()]);
        record.extend(counts.map(|count| count.to_string()));
        record.push(mark.to_owned());
        file.write_record(&record)?;
    }
    file.into_inner().context("writing the CSV")
}

const UNITS_HEADER: [&str; 11] = [
    "STT",
    "Mã đơn vị",
    "Đơn vị",
    "Báo cáo",
    "Ngày gửi",
    "Trễ hạn",
    "Thành viên",
    "Thành viên có đo",
    "Lượt người-ngày",
    "Số lần đo",
    "Ghi chú",
];

const fn state_label(state: crate::store::unit_report::ReportState) -> &'static str {
    use crate::store::unit_report::ReportState;
    match state {
        ReportState::Draft => "đang soạn",
        ReportState::Submitted => "đã gửi",
        ReportState::Returned => "trả lại",
        ReportState::Accepted => "đã duyệt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_points_share_a_place() {
        let line = |name: &str, points| Placed {
            place: 0,
            code: name.into(),
            name: name.into(),
            points,
            devices: 1,
        };
        let lines = placed(vec![line("c", 5), line("a", 7), line("b", 5), line("d", 1)]);
        let places: Vec<_> = lines.iter().map(|l| (l.name.as_str(), l.place)).collect();
        assert_eq!(places, [("a", 1), ("b", 2), ("c", 2), ("d", 4)]);
    }
}
