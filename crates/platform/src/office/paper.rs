//! Documents and kits for whoever is signed in: who may have which, what the
//! system knows of who issues it, and what the unit wrote.

use anyhow::Result;

use super::actor::Actor;
use super::unit_report::{Sheet, unit_of};
use super::{Refused, Why};
use crate::centre::Centre;
use crate::document::facts::Facts;
use crate::document::office::Office;
use crate::document::template::{Template, built_in};
use crate::document::{compose, docx, pdf, xlsx};
use crate::kit;
use crate::organisation::in_month;
use crate::store::organisation::Organisation;
use crate::store::unit_report::ReportKey;

/// A file that was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Made {
    /// Its media type.
    pub kind: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Documents of a campaign's month, and of a unit's: name and template.
const OF_CAMPAIGN: [(&str, &str); 3] = [
    ("letter", "reminder-letter.toml"),
    ("launch", "launch-letter.toml"),
    ("report", "consolidated-report.toml"),
];
const OF_UNIT: [(&str, &str); 2] = [
    ("report", "unit-report.toml"),
    ("bulletin", "bulletin.toml"),
];

/// A document by the name of its file, `letter.pdf`; with a unit, of its ward.
///
/// # Errors
///
/// [`Refused`] where the account may not, or there is no such document; names
/// the field that is wrong.
pub fn document(
    centre: &Centre,
    actor: &Actor,
    sheet: Sheet<'_>,
    (unit, file): (Option<&str>, &str),
    given: Office,
) -> Result<Made> {
    let unit = of(centre, actor, sheet, unit)?;
    let known: &[_] = if unit.is_some() {
        &OF_UNIT
    } else {
        &OF_CAMPAIGN
    };
    let (name, end) = file.rsplit_once('.').unwrap_or((file, ""));
    let template = known.iter().find(|(known, _)| *known == name);
    let (_, template) = template.ok_or_else(|| no_file(file))?;
    let own = own(centre, sheet, unit.as_ref(), name)?;
    let facts = facts(centre, sheet, unit.as_ref())?;
    let document = compose(
        &Template::parse(built_in(template))?,
        &given.or(own),
        &facts,
    );
    let document = document.map_err(|error| wrong(&error))?;
    Ok(match end {
        "pdf" => Made {
            kind: "application/pdf",
            bytes: pdf::write(&document)?,
        },
        "docx" => Made {
            kind: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            bytes: docx::write(&document)?,
        },
        "xlsx" => Made {
            kind: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            bytes: xlsx::write(&document).map_err(|error| wrong(&error))?,
        },
        _ => return Err(no_file(file)),
    })
}

/// A file of a kit; the code leads to `link`.
///
/// # Errors
///
/// [`Refused`] as for [`document`].
pub fn kit_file(
    centre: &Centre,
    actor: &Actor,
    sheet: Sheet<'_>,
    (unit, file): (Option<&str>, &str),
    link: &str,
) -> Result<Made> {
    let unit = of(centre, actor, sheet, unit)?;
    let facts = facts(centre, sheet, unit.as_ref())?;
    let wanted = kit::Wanted {
        link: link.into(),
        size_mm: 95.0,
        level: kit::Level::Quartile,
        logo: None,
    };
    let files = kit::make(kit::WORDS, &Office::default(), &facts, &wanted);
    let files = files.map_err(|error| wrong(&error))?;
    let found = files.into_iter().find(|made| made.name == file);
    let bytes = found.ok_or_else(|| no_file(file))?.bytes;
    let kind = match file.rsplit('.').next() {
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };
    Ok(Made { kind, bytes })
}

/// The unit, for whom it may be written; without one, for the office.
fn of(
    centre: &Centre,
    actor: &Actor,
    sheet: Sheet<'_>,
    unit: Option<&str>,
) -> Result<Option<Organisation>> {
    let Some(unit) = unit else {
        actor.may_administer()?;
        return Ok(None);
    };
    actor.may_write_report(unit)?;
    Ok(Some(unit_of(centre, sheet, unit)?))
}

fn facts(centre: &Centre, sheet: Sheet<'_>, unit: Option<&Organisation>) -> Result<Facts> {
    let ward = unit.map(|unit| {
        let ward = unit.area_code.as_deref();
        ward.ok_or_else(|| {
            let what = format!("{:?} governs no ward, so no document is of it", unit.code);
            let remedy = "choose the unit of a ward";
            Refused::new((Why::Wrong, "unit_without_ward"), "unit", what, remedy)
        })
    });
    let ward = ward.transpose()?;
    let Sheet {
        campaign,
        month,
        synthetic,
    } = sheet;
    Facts::gather(centre, &campaign.id, month, synthetic, ward)
}

/// What the system knows of who issues: names from the directory, a number to be
/// filled in, and what the unit wrote in its report. Nothing dates or signs.
fn own(
    centre: &Centre,
    sheet: Sheet<'_>,
    unit: Option<&Organisation>,
    name: &str,
) -> Result<Office> {
    let all = centre.store().organisations()?;
    let all = in_month(&all, sheet.month);
    let named = |code: Option<&str>| all.iter().find(|o| Some(o.code.as_str()) == code);
    let terms = &sheet.campaign.terms;
    let issuer = unit.or_else(|| named(terms.organisation.as_deref()).copied());
    let above = issuer.and_then(|issuer| named(issuer.parent.as_deref()));
    let short = |of: &Organisation| of.abbreviation.clone().unwrap_or_else(|| "UBND".into());
    let sign = issuer.map_or_else(|| "UBND".into(), short);
    let number = match name {
        "report" => format!("/BC-{sign}"),
        _ => {
            let drafts = named(terms.office.as_deref()).map(|office| short(office));
            drafts.map_or_else(|| format!("/{sign}"), |drafts| format!("/{sign}-{drafts}"))
        }
    };
    let mut office = Office {
        parent: above.map(|above| above.name.clone()),
        issuer: issuer.map(|issuer| first_part(&issuer.name)),
        number: Some(number),
        place: Some(sheet.campaign.name.clone()),
        authority: Some("TM. ỦY BAN NHÂN DÂN".into()),
        title: Some("CHỦ TỊCH".into()),
        ..Office::default()
    };
    if let Some(unit) = unit {
        office.place = Some(place_of(&first_part(&unit.name)));
        let key = ReportKey {
            campaign: sheet.campaign.id.clone(),
            month: sheet.month,
            synthetic: sheet.synthetic,
            organisation: unit.code.clone(),
        };
        let events = centre.store().report_events(&key)?;
        let written = events.last().map(|event| &event.body.written);
        let written = written.into_iter().flat_map(|written| {
            [
                ("remarks", &written.remarks),
                ("difficulties", &written.difficulties),
                ("proposals", &written.proposals),
            ]
        });
        let said = written.filter(|(_, text)| !text.trim().is_empty());
        let said = said.map(|(name, text)| (name.to_owned(), text.clone()));
        office.fields.extend(said);
    }
    Ok(office)
}

/// `Ủy ban nhân dân Phường Bến Nghé, Quận 1` up to what it belongs to.
fn first_part(name: &str) -> String {
    name.split(',').next().unwrap_or(name).to_owned()
}

/// The name behind `Phường`, as a ward's date line has it.
fn place_of(name: &str) -> String {
    let behind = name.split_once("Phường ").map(|(_, behind)| behind);
    behind.unwrap_or(name).to_owned()
}

fn no_file(file: &str) -> anyhow::Error {
    let what = format!("there is no file {file:?}");
    let remedy = "ask for letter, launch or report of a campaign, report or bulletin of a unit, as \
                  pdf, docx or xlsx; or a file of the kit";
    Refused::new((Why::Unknown, "unknown_file"), "file", what, remedy).into()
}

/// A field that does not do, named by what the composer says.
fn wrong(error: &anyhow::Error) -> anyhow::Error {
    const FIELDS: [&str; 5] = ["number", "date", "issuer", "place", "title"];
    let what = format!("{error:#}");
    let field = FIELDS.into_iter().find(|field| what.starts_with(field));
    let remedy = "correct the field that is named";
    let field = field.unwrap_or("document");
    Refused::new((Why::Wrong, "document_field"), field, what, remedy).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ward_is_named_without_its_district() {
        let name = first_part("Ủy ban nhân dân Phường Bến Nghé, Quận 1");
        assert_eq!(name, "Ủy ban nhân dân Phường Bến Nghé");
        assert_eq!(place_of(&name), "Bến Nghé");
        assert_eq!(
            place_of("Ủy ban nhân dân xã Bình Lợi"),
            "Ủy ban nhân dân xã Bình Lợi"
        );
    }
}
