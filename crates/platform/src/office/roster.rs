//! Rosters: lists of members that a unit or office keeps, in and out.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::actor::Actor;
use super::secret::{code, token};
use crate::centre::Centre;
use crate::import::{Mistake, Reading};
use crate::organisation;
use crate::sheet::{Column, Row, Sheet, sorted, write};
use crate::store::audit::Act;
use crate::store::campaign::Campaign;
use crate::store::member::{Member, Rostered};

const COLUMNS: [Column; 4] = [
    Column {
        key: "unit",
        title: "Mã đơn vị",
        names: &["đơn vị", "ma don vi"],
        required: true,
    },
    Column {
        key: "staff_code",
        title: "Mã thành viên",
        names: &["mã cán bộ", "mã số", "ma thanh vien"],
        required: true,
    },
    Column {
        key: "name",
        title: "Họ và tên",
        names: &["họ tên", "ho ten"],
        required: false,
    },
    Column {
        key: "email",
        title: "Thư điện tử",
        names: &["e-mail", "thư"],
        required: false,
    },
];

/// What a roster would do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RosterPlan)]
pub struct Plan {
    /// Members that are new.
    pub added: usize,
    /// Members whose name or address changes.
    pub changed: usize,
    /// Members that stay as they are.
    pub unchanged: usize,
    /// New and changed members of each unit.
    pub units: BTreeMap<String, usize>,
    /// What is wrong, in the order of the file.
    pub mistakes: Vec<Mistake>,
}

/// A line of a roster.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Person {
    row: u64,
    unit: String,
    staff_code: String,
    name: Option<String>,
    email: Option<String>,
}

/// Reads a roster, CSV or XLSX, and says what it would do; does it where it is
/// to `confirm` and there is no mistake. A coordinator's may name the own unit
/// alone; of others nothing is told.
///
/// # Errors
///
/// [`super::Refused`] where the actor may not, or the file is of another kind
/// altogether; or the store fails.
pub fn import(
    centre: &Centre,
    actor: &Actor,
    campaign: &Campaign,
    bytes: &[u8],
    confirm: bool,
) -> Result<Plan> {
    actor.may_see_members(actor.unit.as_deref().unwrap_or_default())?;
    let sheet = Sheet::read(bytes, &COLUMNS).map_err(super::unreadable)?;
    let mut read = Reading::of(sheet.rows().map(person));
    let mut mistakes = read.mistakes;
    mistakes.extend(foreign(actor, &mut read.rows));
    mistakes.extend(twice(&read.rows));
    mistakes.extend(strangers(centre, campaign, &read.rows)?);
    let stored = known(centre, campaign)?;
    let known: BTreeMap<Key<'_>, &Member> = stored
        .iter()
        .map(|((unit, code), m)| ((unit.as_str(), code.as_str()), m))
        .collect();
    let write = |person: &&Person| known.get(&key(person)).is_none_or(|old| !same(old, person));
    let written: Vec<_> = read.rows.iter().filter(write).collect();
    let added = written
        .iter()
        .filter(|p| !known.contains_key(&key(p)))
        .count();
    let mut units = BTreeMap::new();
    for person in &written {
        *units.entry(person.unit.clone()).or_default() += 1;
    }
    let plan = Plan {
        added,
        changed: written.len() - added,
        unchanged: read.rows.len() - written.len(),
        units,
        mistakes: sorted(mistakes),
    };
    if confirm && plan.mistakes.is_empty() {
        let lines = written.into_iter().map(|person| line(centre, person));
        let lines = lines.collect::<Result<Vec<_>>>()?;
        let act = Act {
            who: &actor.name,
            at: centre.now(),
        };
        centre.store().put_roster(&campaign.id, &lines, act)?;
    }
    Ok(plan)
}

fn person(mut row: Row<'_>) -> Result<Person, Vec<Mistake>> {
    let number = row.number;
    let (unit, staff_code) = (row.required("unit"), row.required("staff_code"));
    let staff_code = staff_code.filter(|code| {
        let fits = code.chars().count() <= 32;
        if !fits {
            row.mistake("staff_code", format!("{code:?} is longer than 32 letters"));
        }
        fits
    });
    let name = row.text("name");
    let email = organisation::email(&mut row);
    let mistakes = row.into_mistakes();
    match (unit, staff_code) {
        (Some(unit), Some(staff_code)) if mistakes.is_empty() => Ok(Person {
            row: number,
            unit,
            staff_code,
            name,
            email,
        }),
        _ => Err(mistakes),
    }
}

/// Unit and staff code.
type Key<'a> = (&'a str, &'a str);

fn key<'a>(person: &'a Person) -> Key<'a> {
    (&person.unit, &person.staff_code)
}

fn twice(people: &[Person]) -> Vec<Mistake> {
    let mut first: BTreeMap<Key<'_>, u64> = BTreeMap::new();
    let mut mistakes = vec![];
    for person in people {
        let seen = *first.entry(key(person)).or_insert(person.row);
        if seen != person.row {
            let what = format!(
                "{:?} of {:?} stands in row {seen} already",
                person.staff_code, person.unit
            );
            mistakes.push(Mistake::new(person.row, "staff_code", what));
        }
    }
    mistakes
}

/// Takes out the lines of units that are not the actor's to change.
fn foreign(actor: &Actor, people: &mut Vec<Person>) -> Vec<Mistake> {
    let (own, others): (Vec<_>, Vec<_>) = std::mem::take(people)
        .into_iter()
        .partition(|person| actor.may_see_members(&person.unit).is_ok());
    *people = own;
    let mistake = |person: Person| {
        let what = format!("{:?} is not your unit; leave the line out", person.unit);
        Mistake::new(person.row, "unit", what)
    };
    others.into_iter().map(mistake).collect()
}

/// Lines whose unit is not in the directory, or not one of the campaign's now.
fn strangers(centre: &Centre, campaign: &Campaign, people: &[Person]) -> Result<Vec<Mistake>> {
    let organisations = centre.store().organisations()?;
    let known = |unit: &str| organisations.iter().any(|o| o.code == unit);
    let wrong = people.iter().filter(|person| !known(&person.unit));
    let mistake = |person: &Person| {
        let what = format!(
            "{:?} is not in the directory of {}; write the code of a unit, as q1-p-ben-nghe",
            person.unit, campaign.name
        );
        Mistake::new(person.row, "unit", what)
    };
    Ok(wrong.map(mistake).collect())
}

fn known(centre: &Centre, campaign: &Campaign) -> Result<BTreeMap<(String, String), Member>> {
    let members = centre.store().all_members(&campaign.id)?.into_iter();
    let keyed = members.filter_map(|m| Some(((m.organisation.clone(), m.staff_code.clone()?), m)));
    Ok(keyed.collect())
}

fn same(member: &Member, person: &Person) -> bool {
    member.name == person.name && member.email == person.email
}

fn line(centre: &Centre, person: &Person) -> Result<Rostered> {
    let member_id = token(centre)?[..32].to_owned();
    Ok(Rostered {
        organisation: person.unit.clone(),
        staff_code: person.staff_code.clone(),
        name: person.name.clone(),
        email: person.email.clone(),
        secrets: [member_id, code(centre)?, code(centre)?],
    })
}

/// The roster of a campaign as a list that [`import`] reads.
///
/// # Errors
///
/// When memory fails.
pub fn to_csv(members: &[Member]) -> Result<Vec<u8>> {
    write::csv(&COLUMNS, &lines(members))
}

/// The same as a workbook.
///
/// # Errors
///
/// When memory fails.
pub fn to_xlsx(members: &[Member]) -> Result<Vec<u8>> {
    write::xlsx("Thành viên", &COLUMNS, &lines(members))
}

fn lines(members: &[Member]) -> Vec<Vec<String>> {
    let line = |m: &Member| {
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        Some(vec![
            m.organisation.clone(),
            m.staff_code.clone()?,
            or_empty(&m.name),
            or_empty(&m.email),
        ])
    };
    members.iter().filter_map(line).collect()
}
