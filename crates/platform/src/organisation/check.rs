//! What a list has to agree with: itself, the directory, and the areas.

use std::collections::{BTreeMap, BTreeSet};

use crate::area::Area;
use crate::import::Mistake;
use crate::store::organisation::Organisation;

/// What is wrong with the tree that a list and the directory make together,
/// told at the rows of the list.
pub(super) fn tree(
    rows: &[(u64, Organisation)],
    stored: &[Organisation],
    areas: &[Area],
) -> Vec<Mistake> {
    let mut mistakes = vec![];
    let kept = outside(rows, stored);
    let all: Vec<(Option<u64>, &Organisation)> = kept
        .into_iter()
        .map(|o| (None, o))
        .chain(rows.iter().map(|(row, o)| (Some(*row), o)))
        .collect();
    let by_code = by_code(&all);
    for (row, organisation) in rows {
        mistakes.extend(alone(*row, organisation, &by_code));
        mistakes.extend(parent(*row, organisation, &by_code));
        mistakes.extend(area(*row, organisation, areas));
    }
    mistakes
}

type ByCode<'a> = BTreeMap<&'a str, Vec<(Option<u64>, &'a Organisation)>>;

fn by_code<'a>(all: &[(Option<u64>, &'a Organisation)]) -> ByCode<'a> {
    let mut by_code = ByCode::new();
    for (row, organisation) in all {
        by_code
            .entry(&organisation.code)
            .or_default()
            .push((*row, *organisation));
    }
    by_code
}

/// The stored ones that a list does not replace.
fn outside<'a>(rows: &[(u64, Organisation)], stored: &'a [Organisation]) -> Vec<&'a Organisation> {
    let new: BTreeSet<_> = rows.iter().map(|(_, o)| (&o.code, o.valid_from)).collect();
    let kept = stored
        .iter()
        .filter(|o| !new.contains(&(&o.code, o.valid_from)));
    kept.collect()
}

/// A code stands for one organisation at a time.
fn alone(row: u64, organisation: &Organisation, by_code: &ByCode<'_>) -> Option<Mistake> {
    let others = by_code.get(organisation.code.as_str())?.iter();
    let mut others = others.filter(|(other, _)| other.is_none_or(|other| other < row));
    let validity = organisation.validity();
    let (other, twin) = others.find(|(_, o)| o.validity().overlaps(&validity))?;
    let place = other.map_or_else(|| "in the directory".into(), |row| format!("in row {row}"));
    let what = format!(
        "{:?} stands for {:?} at the same time {place}; end that one first (valid_to), or take another code",
        organisation.code, twin.name
    );
    Some(Mistake::new(row, "code", what))
}

fn parent(row: u64, organisation: &Organisation, by_code: &ByCode<'_>) -> Option<Mistake> {
    let parent = organisation.parent.as_deref()?;
    let wrong = |what: String| Some(Mistake::new(row, "parent", what));
    let Some(parents) = by_code.get(parent) else {
        return wrong(format!(
            "{parent:?} is neither in the list nor in the directory"
        ));
    };
    let validity = organisation.validity();
    if !parents
        .iter()
        .any(|(_, o)| o.validity().overlaps(&validity))
    {
        return wrong(format!(
            "{parent:?} does not exist in the time of {:?}",
            organisation.code
        ));
    }
    let above = |code: &&str| {
        let (_, organisation) = by_code.get(code)?.last()?;
        organisation.parent.as_deref()
    };
    let mut chain = std::iter::successors(Some(parent), above).take(DEEPEST + 1);
    if chain.clone().count() > DEEPEST || chain.any(|code| code == organisation.code) {
        return wrong(format!(
            "{parent:?} is below {:?} itself",
            organisation.code
        ));
    }
    None
}

/// Steps from an organisation to its root.
const DEEPEST: usize = 32;

fn area(row: u64, organisation: &Organisation, areas: &[Area]) -> Option<Mistake> {
    let code = organisation.area_code.as_deref()?;
    let validity = organisation.validity();
    let mut same = areas.iter().filter(|area| area.key.code == code);
    let known = same.clone().next().is_some();
    if same.any(|area| area.validity().overlaps(&validity)) {
        return None;
    }
    let why = if known {
        "has no area in its time"
    } else {
        "is no area that is known here"
    };
    Some(Mistake::new(
        row,
        "area",
        format!("{code:?} {why}; import the areas first"),
    ))
}
