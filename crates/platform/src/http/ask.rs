//! What a question about figures asks for, read from its query.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use jiff::ToSpan as _;
use metric::month::Month;
use serde::Deserialize;

use super::month;
use super::problem::Problem;
use crate::access::Technology;
use crate::chart::Size;
use crate::quantity::Quantity;

/// Which figures are asked for; each question's part of it is described in
/// [`super::described`].
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// The month, as `2024-11`.
    pub(super) month: Option<String>,
    /// First month of a series.
    pub(super) from: Option<String>,
    /// Last month of a series; `month` where there is none.
    pub(super) to: Option<String>,
    /// Only the areas of this campaign.
    pub(super) campaign: Option<String>,
    /// An operator's id, `all` (the default) or `unknown`.
    pub(super) operator: Option<String>,
    /// `mobile` (the default), `2g`, `3g`, `4g`, `5g`, `mobile_other` or `fixed`.
    pub(super) technology: Option<String>,
    /// `download_bits_per_second` (the default), `upload_bits_per_second` or `idle_rtt_us`.
    pub(super) metric: Option<String>,
    /// For charts: `page` (the default) or `phone`.
    pub(super) size: Option<String>,
    /// Of the synthetic tests instead of the real ones.
    pub(super) synthetic: Option<String>,
}

pub(super) fn one_of(values: &[&str]) -> utoipa::openapi::schema::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .enum_values(Some(values.iter().copied()))
        .build()
}

pub(super) fn technologies() -> utoipa::openapi::schema::Object {
    one_of(&["mobile", "2g", "3g", "4g", "5g", "mobile_other", "fixed"])
}

pub(super) fn quantities() -> utoipa::openapi::schema::Object {
    one_of(&Quantity::ALL.map(Quantity::name))
}

pub(super) fn sizes() -> utoipa::openapi::schema::Object {
    one_of(&["page", "phone"])
}

/// `true` or `false`, and nothing else.
pub(super) fn truth() -> utoipa::openapi::schema::Object {
    one_of(&["true", "false"])
}

/// Longest series, months.
const LONGEST: usize = 36;

impl Wanted {
    pub(super) fn of(query: Result<Query<Self>, QueryRejection>) -> Result<Self, Problem> {
        let query = query.map_err(|e| Problem::query_invalid(e.body_text()))?;
        Ok(query.0)
    }

    pub(super) fn month(&self) -> Result<Month, Problem> {
        month(self.month.as_deref().unwrap_or_default())
    }

    /// The months from `from` to `to`; without `from` the twelve up to `to`.
    pub(super) fn months(&self) -> Result<Vec<Month>, Problem> {
        let to = self.to.as_ref().or(self.month.as_ref());
        let to = month(to.map_or("", String::as_str)).map_err(|p| p.field("to"))?;
        let first = match self.from.as_deref() {
            Some(from) => month(from).map_err(|p| p.field("from"))?,
            None => year_until(to),
        };
        let months = std::iter::successors(Some(first), |month| Some(month.next()));
        let months: Vec<_> = months
            .take(LONGEST + 1)
            .take_while(|month| *month <= to)
            .collect();
        match months.len() {
            0 => {
                Err(Problem::query_invalid(format!("from {first} is after to {to}")).field("from"))
            }
            n if n > LONGEST => {
                let detail = format!("from {first} to {to} is more than {LONGEST} months");
                Err(Problem::query_invalid(detail).field("from"))
            }
            _ => Ok(months),
        }
    }

    pub(super) fn operator(&self) -> &str {
        self.operator.as_deref().unwrap_or("all")
    }

    pub(super) fn technology(&self) -> Result<&str, Problem> {
        let technology = self.technology.as_deref().unwrap_or("mobile");
        let known = technology == "mobile" || Technology::from_code(technology).is_some();
        known.then_some(technology).ok_or_else(|| {
            let expected = "expected mobile, 2g, 3g, 4g, 5g, mobile_other or fixed";
            Problem::query_invalid(format!("technology is {technology:?}, {expected}"))
                .field("technology")
        })
    }

    pub(super) fn quantity(&self) -> Result<Quantity, Problem> {
        let name = self.metric.as_deref().unwrap_or(Quantity::Download.name());
        Quantity::of(name).ok_or_else(|| {
            let known = Quantity::ALL.map(Quantity::name).join(", ");
            Problem::query_invalid(format!("metric is {name:?}, expected one of {known}"))
                .field("metric")
        })
    }

    pub(super) fn size(&self) -> Result<Size, Problem> {
        match self.size.as_deref() {
            None | Some("page") => Ok(Size::Page),
            Some("phone") => Ok(Size::Phone),
            Some(size) => {
                let detail = format!("size is {size:?}, expected page or phone");
                Err(Problem::query_invalid(detail).field("size"))
            }
        }
    }

    pub(super) fn synthetic(&self) -> Result<bool, Problem> {
        super::truth_of("synthetic", self.synthetic.as_deref())
    }
}

/// The month eleven months before, so that both ends are a year.
pub(super) fn year_until(month: Month) -> Month {
    let day = month.first_day().saturating_sub(11.months());
    let first = format!("{:04}-{:02}", day.year(), day.month());
    first.parse().unwrap_or(month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: Option<&str>, to: &str) -> Result<Vec<String>, Problem> {
        let wanted = Wanted {
            from: from.map(str::to_owned),
            to: Some(to.into()),
            ..Wanted::default()
        };
        Ok(wanted.months()?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_series_is_a_year_unless_asked_otherwise() {
        let year = span(None, "2024-11").unwrap();
        assert_eq!((year.len(), year[0].as_str()), (12, "2023-12"));
        assert_eq!(
            span(Some("2024-10"), "2024-11").unwrap(),
            ["2024-10", "2024-11"]
        );
        assert!(span(Some("2024-12"), "2024-11").is_err());
        assert!(span(Some("2020-01"), "2024-11").is_err());
        assert!(span(Some("x"), "2024-11").is_err());
    }
}
