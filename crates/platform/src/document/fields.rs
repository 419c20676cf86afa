//! The named fields that a template may use, from a month's figures.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use jiff::civil::Date;
use metric::figure::Figure;
use metric::unit::to_f64;

use super::facts::{Facts, Unit};
use super::model::WITHHELD;
use super::number::{written_date, written_month};
use super::office::Office;
use crate::chart::{between, number, written};
use crate::quantity::Quantity;
use crate::store::campaign::LegalBasis;
use crate::table::{Figures, MonthRow, Rule};

/// Fields by name, and why others are absent.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    known: BTreeMap<String, String>,
    absent: BTreeMap<String, String>,
}

impl Fields {
    /// Every field of a month, and the office's own.
    pub(crate) fn of(facts: &Facts, office: &Office) -> Self {
        let mut fields = Self::default();
        for name in OPTIONAL {
            fields.lacks(name, "the office's fields do not give it");
        }
        fields.month(facts);
        fields.totals(facts);
        fields.bases(&facts.legal_bases);
        fields.figures("total_", facts.overall());
        match &facts.unit {
            Some(unit) => fields.unit(unit),
            None => fields.lacks("ward", "the document is not about one ward"),
        }
        fields.office(office);
        fields
    }

    /// These fields and those of a row of a list.
    pub(super) fn with_row(&self, row: &MonthRow, quota: u64) -> Self {
        let mut fields = self.clone();
        fields.row(row, quota);
        fields
    }

    /// These fields and a legal basis.
    pub(super) fn with_basis(&self, basis: &LegalBasis) -> Self {
        let mut fields = self.clone();
        fields.set("basis", &cited(basis));
        fields
    }

    /// Gives a field a value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.absent.remove(name);
        self.known.insert(name.into(), value.into());
    }

    /// Says why a field has none.
    pub fn lacks(&mut self, name: &str, why: &str) {
        self.known.remove(name);
        self.absent.insert(name.into(), why.into());
    }

    /// The value of a field.
    ///
    /// # Errors
    ///
    /// Names the field, and says why it is absent or which there are.
    pub fn get(&self, name: &str) -> Result<String> {
        if let Some(value) = self.known.get(name) {
            return Ok(value.clone());
        }
        if let Some(why) = self.absent.get(name) {
            bail!("field {{{name}}} is absent: {why}");
        }
        let known: Vec<_> = self.known.keys().map(String::as_str).collect();
        bail!("no field {{{name}}}; known: {}", known.join(", "))
    }

    /// Whether a field has a value; `None` where there is no such field.
    pub(super) fn has(&self, name: &str) -> Option<bool> {
        match self.known.get(name) {
            Some(value) => Some(!value.trim().is_empty()),
            None => self.absent.contains_key(name).then_some(false),
        }
    }

    fn month(&mut self, facts: &Facts) {
        let first = facts.table.month.first_day();
        self.set("month", &written_month(first.month()));
        self.set("year", &first.year().to_string());
        let last = facts.table.month.last_day();
        self.set("month_end", &written_date(last));
        self.set("campaign", &facts.table.name);
        self.count("quota", facts.table.quota);
        let rule = match facts.table.rule {
            Rule::Raw => "mọi phép đo di động hợp lệ",
            Rule::Qualified => "phép đo di động hợp lệ, không trùng lặp",
        };
        self.set("rule", rule);
        self.deadline(facts);
    }

    fn deadline(&mut self, facts: &Facts) {
        let next = facts.table.month.next().first_day();
        let due = facts.deadline_day.and_then(|day| {
            let day = i8::try_from(day).ok()?;
            Date::new(next.year(), next.month(), day).ok()
        });
        match (facts.deadline_day, due) {
            (Some(day), Some(due)) => {
                self.set("deadline_day", &format!("{day:02}"));
                self.set("deadline", &written_date(due));
            }
            _ => {
                for name in ["deadline_day", "deadline"] {
                    self.lacks(name, "the campaign has no deadline_day");
                }
            }
        }
    }

    fn totals(&mut self, facts: &Facts) {
        let total = &facts.table.total;
        self.count("areas", total.areas);
        self.count("reached_areas", total.reached_areas);
        self.count("short_areas", total.areas - total.reached_areas);
        self.count("total_counted", total.counted);
        self.count("total_raw", total.raw);
        self.count("total_qualified", total.qualified);
        self.count("total_quota", facts.table.quota * total.areas);
        let missing = facts.table.rows.iter().map(|row| row.shortfall).sum();
        self.count("total_shortfall", missing);
        let refused = total.not_counted.values().sum();
        self.count("total_not_counted", refused);
        self.set("reached_wards", &names(facts.rows(true)));
        self.set("short_wards", &names(facts.rows(false)));
    }

    fn bases(&mut self, bases: &[LegalBasis]) {
        for (at, basis) in (1..).zip(bases) {
            self.set(&format!("basis_{at}"), &cited(basis));
        }
        let others: Vec<_> = bases.iter().skip(1).map(cited).collect();
        if others.is_empty() {
            self.lacks("other_bases", "the campaign has fewer than two legal bases");
        } else {
            self.set("other_bases", &others.join("; "));
        }
        if bases.is_empty() {
            self.lacks("basis_1", "the campaign has no legal bases");
        }
    }

    fn unit(&mut self, unit: &Unit) {
        self.row(&unit.row, unit.quota);
    }

    fn row(&mut self, row: &MonthRow, quota: u64) {
        self.set("ward", &row.area.full_name);
        self.set("ward_code", &row.area.code);
        self.count("counted", row.counts.counted);
        self.count("raw", row.counts.raw);
        self.count("qualified", row.counts.qualified);
        self.count("devices", row.counts.devices);
        self.count("shortfall", row.shortfall);
        self.count("not_counted", row.counts.not_counted.values().sum());
        let share = to_f64(row.counts.counted) / to_f64(quota.max(1)) * 100.0;
        self.set("share", &format!("{}%", number(share, 1)));
        let reached = if row.reached {
            "đạt"
        } else {
            "chưa đạt"
        };
        self.set("reached", reached);
        self.figures("", Some(&row.figures));
    }

    fn figures(&mut self, prefix: &str, figures: Option<&Figures>) {
        let names = [
            ("download", Quantity::Download),
            ("upload", Quantity::Upload),
            ("idle_rtt", Quantity::IdleRtt),
        ];
        for (name, quantity) in names {
            let said = figures.map(|figures| said(quantity, quantity.figure(figures)));
            let said = said.unwrap_or_else(|| WITHHELD.into());
            self.set(&format!("{prefix}{name}"), &said);
        }
    }

    fn office(&mut self, office: &Office) {
        let own = [("issuer", &office.issuer), ("place", &office.place)];
        for (name, value) in own {
            match value {
                Some(value) => self.set(name, value),
                None => self.lacks(name, "the office's fields do not give it"),
            }
        }
        for (name, value) in &office.fields {
            self.set(name, value);
        }
    }

    fn count(&mut self, name: &str, count: u64) {
        self.set(name, &number(to_f64(count), 0));
    }
}

/// Fields that only an office can give, and that templates may ask for with `when`.
const OPTIONAL: [&str; 6] = [
    "link",
    "kit_link",
    "remarks",
    "difficulties",
    "proposals",
    "contact",
];

/// A figure in words: the median and its interval, or that it is withheld.
fn said(quantity: Quantity, figure: &Figure) -> String {
    let unit = quantity.unit();
    let Some(median) = figure.median() else {
        return WITHHELD.into();
    };
    let median = format!("{} {unit}", written(quantity.shown(median), unit));
    let Some(ends) = figure.median_interval() else {
        return median;
    };
    let ends = between(ends.map(|end| quantity.shown(end)), unit);
    format!("{median} (khoảng tin cậy 95%: {ends} {unit})")
}

fn names<'a>(rows: impl Iterator<Item = &'a MonthRow>) -> String {
    let names: Vec<_> = rows.map(|row| row.area.name.as_str()).collect();
    names.join(", ")
}

/// A document at its first mention: type, number, date, issuer, abstract.
pub(super) fn cited(basis: &LegalBasis) -> String {
    let about = &basis.r#abstract;
    let about = about
        .strip_prefix("Về việc")
        .or_else(|| about.strip_prefix("V/v"));
    let about = about.map_or_else(
        || format!(" {}", basis.r#abstract),
        |rest| format!(" về việc{rest}"),
    );
    format!(
        "{} số {} {} của {}{about}",
        kind_of(&basis.number),
        basis.number,
        written_date(basis.date),
        basis.issuer
    )
}

/// The type of a document by its sign, after annex III of the decree; what
/// names no type is a letter.
fn kind_of(number: &str) -> &'static str {
    let sign = number.rsplit('/').next().unwrap_or_default();
    match sign.split('-').next().unwrap_or_default() {
        "NQ" => "Nghị quyết",
        "NĐ" => "Nghị định",
        "QĐ" => "Quyết định",
        "CT" => "Chỉ thị",
        "TT" => "Thông tư",
        "TB" => "Thông báo",
        "HD" => "Hướng dẫn",
        "CTr" => "Chương trình",
        "KH" => "Kế hoạch",
        "PA" => "Phương án",
        "ĐA" => "Đề án",
        "BC" => "Báo cáo",
        "TTr" => "Tờ trình",
        "CĐ" => "Công điện",
        _ => "Công văn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basis_is_cited_in_full_at_its_first_mention() {
        let basis = LegalBasis {
            number: "4670/STTTT-BCVT".into(),
            date: jiff::civil::date(2024, 11, 1),
            issuer: "Sở Thông tin và Truyền thông".into(),
            r#abstract: "Về việc đôn đốc tuyên truyền".into(),
        };
        assert_eq!(
            cited(&basis),
            "Công văn số 4670/STTTT-BCVT ngày 01 tháng 11 năm 2024 của Sở Thông tin và \
             Truyền thông về việc đôn đốc tuyên truyền"
        );
        assert_eq!(kind_of("36/QĐ-TTg"), "Quyết định");
        assert_eq!(kind_of("30/2020/NĐ-CP"), "Nghị định");
    }
}
