//! What documents and kits say of a month: plain numbers and drawings, taken
//! from the store once, or made by whoever calls.

use anyhow::{Context as _, Result};
use metric::figure::Figure;
use metric::month::Month;

use super::model::Picture;
use crate::area::Area;
use crate::centre::Centre;
use crate::chart::{
    Caption, Choropleth, Compared, Comparison, MapArea, QuotaMonth, Size, choropleth, operators,
    quota,
};
use crate::quantity::Quantity;
use crate::statistics;
use crate::store::campaign::{Campaign, LegalBasis};
use crate::store::verdict::AreaMonth;
use crate::table::{FigureRow, Figures, MonthRow, MonthTable};

/// A campaign's month.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The month, ward by ward.
    pub table: MonthTable,
    /// All wards taken together, by operator and technology.
    pub together: Vec<FigureRow>,
    /// The documents that the campaign rests on.
    pub legal_bases: Vec<LegalBasis>,
    /// Day of the following month before which units report.
    pub deadline_day: Option<u8>,
    /// Brands of operators by id.
    pub brands: Vec<(String, String)>,
    /// The ward that the document is about, where it is about one.
    pub unit: Option<Unit>,
}

/// One ward of the month.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its row.
    pub row: MonthRow,
    /// Tests it owes.
    pub quota: u64,
    /// By operator and technology.
    pub figures: Vec<FigureRow>,
    /// Drawings by name.
    pub pictures: Vec<(&'static str, Picture)>,
}

impl Facts {
    /// A campaign's month from the store; with the code of a ward, about that one.
    ///
    /// # Errors
    ///
    /// Names a campaign or a ward that is not known; when the store cannot be read.
    pub fn gather(
        centre: &Centre,
        campaign: &str,
        month: Month,
        synthetic: bool,
        ward: Option<&str>,
    ) -> Result<Self> {
        let campaign = known(centre, campaign)?;
        let index = centre.areas();
        let areas = index.areas();
        let store = centre.store();
        let table = statistics::month_table(store, &campaign, areas, month, synthetic)?;
        let mut valid = statistics::valid_in(areas, month);
        valid.retain(|area| campaign.areas.contains(&area.key));
        let brand = |of: &crate::operator::Operator| (of.id.clone(), of.brand.clone());
        let mut facts = Self {
            together: statistics::together(store, &valid, month, synthetic)?,
            table,
            legal_bases: campaign.legal_bases.clone(),
            deadline_day: campaign.deadline_day,
            brands: centre.operators().operators().iter().map(brand).collect(),
            unit: None,
        };
        if let Some(code) = ward {
            facts.unit = Some(facts.about(centre, &valid, code)?);
        }
        Ok(facts)
    }

    fn about(&self, centre: &Centre, valid: &[&Area], code: &str) -> Result<Unit> {
        let at = self.table.rows.iter().position(|row| row.area.code == code);
        let codes: Vec<_> = valid.iter().map(|area| area.key.code.as_str()).collect();
        let unknown = || {
            format!(
                "unit {code:?} is no ward of campaign {} in {}; known: {}",
                self.table.campaign,
                self.table.month,
                codes.join(", ")
            )
        };
        let row = self.table.rows[at.with_context(unknown)?].clone();
        let area = valid.iter().find(|area| area.key.code == code);
        let area = *area.with_context(unknown)?;
        let figures =
            statistics::figures(centre.store(), area, self.table.month, self.table.synthetic)?;
        let pictures = vec![
            ("map", self.map(valid, &row)),
            ("operators", self.operators(&row, &figures.figures)),
            ("quota", self.progress(centre, area, &row)?),
        ];
        Ok(Unit {
            row,
            quota: self.table.quota,
            figures: figures.figures,
            pictures,
        })
    }

    /// The rows that reached the quota, or those that did not.
    pub(super) fn rows(&self, reached: bool) -> impl Iterator<Item = &MonthRow> {
        let rows = self.table.rows.iter();
        rows.filter(move |row| row.reached == reached)
    }

    /// All operators and mobile technologies of all wards.
    pub(super) fn overall(&self) -> Option<&Figures> {
        all_mobile(&self.together)
    }

    /// The name of an operator as people write it.
    pub(super) fn brand(&self, id: &str) -> String {
        let known = self.brands.iter().find(|(known, _)| known == id);
        match (known, id) {
            (Some((_, brand)), _) => brand.clone(),
            (None, "unknown") => "Không rõ".into(),
            (None, id) => id.into(),
        }
    }

    fn caption(&self, title: String, place: &str) -> Caption {
        let day = self.table.month.first_day();
        Caption {
            title,
            subtitle: format!("{place} · tháng {}/{} · di động", day.month(), day.year()),
            source: format!("Nguồn: ispeed, quy tắc bản {}", metric::EDITION),
            synthetic: self.table.synthetic,
        }
    }

    fn map(&self, valid: &[&Area], unit: &MonthRow) -> Picture {
        let quantity = Quantity::Download;
        let area = |area: &&Area| {
            let row = self
                .table
                .rows
                .iter()
                .find(|row| row.area.code == area.key.code);
            let median = row.and_then(|row| quantity.figure(&row.figures).median());
            MapArea {
                name: area.name.clone(),
                border: area.geometry.clone(),
                value: median.map(|median| quantity.shown(median)),
            }
        };
        let title = format!(
            "Tải xuống, trung vị; {} trong {}",
            unit.area.name, self.table.name
        );
        let data = Choropleth {
            caption: self.caption(title.clone(), &self.table.name),
            unit: quantity.unit().into(),
            breaks: quantity.breaks().to_vec(),
            areas: valid.iter().map(area).collect(),
        };
        Picture {
            svg: choropleth(&data, Size::Phone),
            described: title,
        }
    }

    fn operators(&self, unit: &MonthRow, figures: &[FigureRow]) -> Picture {
        let quantity = Quantity::Download;
        let row = |row: &FigureRow| Compared {
            name: self.brand(&row.operator),
            tests: row.tests,
            estimate: quantity.estimate(quantity.figure(&row.figures)),
            middle: quarters(quantity.figure(&row.figures))
                .map(|ends| ends.map(|end| quantity.shown(end))),
            tier: None,
        };
        let title = "Tải xuống theo nhà mạng, trung vị".to_owned();
        let data = Comparison {
            caption: self.caption(title.clone(), &unit.area.full_name),
            unit: quantity.unit().into(),
            rows: by_operator(figures).map(row).collect(),
        };
        Picture {
            svg: operators(&data, Size::Phone),
            described: title,
        }
    }

    fn progress(&self, centre: &Centre, area: &Area, unit: &MonthRow) -> Result<Picture> {
        let scope = AreaMonth {
            area: area.key.clone(),
            month: self.table.month,
            synthetic: self.table.synthetic,
        };
        let by_day = centre.store().counted_by_day(&scope, self.table.rule)?;
        let mut total = 0;
        let counted = (1..=days_gone(self.table.month, centre.now())).map(|day| {
            total += by_day.get(&day).copied().unwrap_or(0);
            total
        });
        let title = "Tiến độ chỉ tiêu".to_owned();
        let data = QuotaMonth {
            caption: self.caption(title.clone(), &unit.area.full_name),
            quota: self.table.quota,
            days: self.table.month.days(),
            counted: counted.collect(),
            projection: None,
        };
        Ok(Picture {
            svg: quota(&data, Size::Phone),
            described: title,
        })
    }
}

/// The rows of single operators over all mobile technologies, most tests first.
pub(super) fn by_operator(figures: &[FigureRow]) -> impl Iterator<Item = &FigureRow> {
    let mobile = |row: &&FigureRow| row.technology == "mobile" && row.operator != "all";
    let mut rows: Vec<_> = figures.iter().filter(mobile).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.tests));
    rows.into_iter()
}

/// All operators and all mobile technologies together.
pub(super) fn all_mobile(figures: &[FigureRow]) -> Option<&Figures> {
    let all = |row: &&FigureRow| row.technology == "mobile" && row.operator == "all";
    figures.iter().find(all).map(|row| &row.figures)
}

fn known(centre: &Centre, id: &str) -> Result<Campaign> {
    let campaigns = centre.store().campaigns()?;
    let ids: Vec<_> = campaigns.iter().map(|c| c.id.clone()).collect();
    let found = campaigns.into_iter().find(|campaign| campaign.id == id);
    found.with_context(|| format!("campaign {id:?} is not known; known: {}", ids.join(", ")))
}

const fn quarters(figure: &Figure) -> Option<[u64; 2]> {
    match figure {
        Figure::Published { p25, p75, .. } => Some([*p25, *p75]),
        Figure::Withheld { .. } => None,
    }
}

/// Days of a month that are over or under way.
fn days_gone(month: Month, now: jiff::Timestamp) -> u8 {
    let today = metric::month::civil_date(now);
    if today > month.last_day() {
        month.days()
    } else if today < month.first_day() {
        0
    } else {
        today.day().unsigned_abs()
    }
}
