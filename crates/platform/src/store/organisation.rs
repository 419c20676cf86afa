//! Organisations: who takes part, in a tree through time.

use std::fmt;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use metric::area::Validity;
use rusqlite::types::Type;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Store;
use super::audit::{self, Act};
use super::edge::{date, start, unreadable};

/// What an organisation is.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, utoipa::ToSchema,
)]
#[schema(as = OrganisationKind)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A People's Committee; that of a ward names its area.
    Committee,
    /// An agency of the state, or a unit under it.
    Agency,
    /// A body of the Party.
    Party,
    /// The Fatherland Front or a socio-political organisation.
    Front,
    /// A school.
    School,
    /// A hospital or medical centre.
    Hospital,
    /// A community digital team.
    DigitalTeam,
    /// A telecom operator.
    Operator,
}

impl Kind {
    /// Every kind, in the order in which a letter lists them.
    pub const ALL: [Self; 8] = [
        Self::Committee,
        Self::Agency,
        Self::Party,
        Self::Front,
        Self::School,
        Self::Hospital,
        Self::DigitalTeam,
        Self::Operator,
    ];

    /// As in columns and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Committee => "committee",
            Self::Agency => "agency",
            Self::Party => "party",
            Self::Front => "front",
            Self::School => "school",
            Self::Hospital => "hospital",
            Self::DigitalTeam => "digital_team",
            Self::Operator => "operator",
        }
    }

    /// As people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Committee => "Ủy ban nhân dân",
            Self::Agency => "Cơ quan, đơn vị",
            Self::Party => "Cơ quan Đảng",
            Self::Front => "Mặt trận và tổ chức chính trị - xã hội",
            Self::School => "Trường học",
            Self::Hospital => "Cơ sở y tế",
            Self::DigitalTeam => "Tổ công nghệ số cộng đồng",
            Self::Operator => "Doanh nghiệp viễn thông",
        }
    }

    /// The kind of a code or a label.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let called = |kind: &Self| kind.code() == name || kind.label().to_lowercase() == name;
        Self::ALL.into_iter().find(called)
    }
}

/// How an organisation is reached; what is not known is absent.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Address for e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Address for letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// An organisation under one name.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Organisation {
    /// Our code: 1 to 32 of `[0-9a-z-]`.
    pub code: String,
    /// First day; absent where it existed before the records begin.
    #[schema(value_type = Option<String>, required = true, example = "2024-12-09")]
    pub valid_from: Option<Date>,
    /// First day no longer valid; absent while it is.
    #[schema(value_type = Option<String>, required = true, example = "2024-12-09")]
    pub valid_to: Option<Date>,
    /// What it is.
    pub kind: Kind,
    /// Name as printed in documents.
    pub name: String,
    /// Abbreviation as in the numbers of its documents.
    pub abbreviation: Option<String>,
    /// Code of the organisation it belongs to.
    pub parent: Option<String>,
    /// Code of the ward it governs or serves.
    pub area_code: Option<String>,
    /// How it is reached.
    pub contact: Contact,
}

impl Organisation {
    /// When it exists under this name.
    pub const fn validity(&self) -> Validity {
        Validity {
            from: self.valid_from,
            to: self.valid_to,
        }
    }
}

impl fmt::Display for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.code)
    }
}

impl Store {
    /// Every organisation of every time, by code and start.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn organisations(&self) -> Result<Vec<Organisation>> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT code, valid_from, valid_to, kind, name, abbreviation, parent, area_code, contact
             FROM organisations ORDER BY code, valid_from",
        )?;
        let rows = statement.query_map([], read)?;
        rows.collect::<Result<_, _>>()
            .context("reading the organisations")
    }

    /// Writes organisations, all or none; those of the same code and start are
    /// replaced.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn put_organisations(&self, organisations: &[Organisation], act: Act<'_>) -> Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let mut insert = transaction.prepare_cached(
            "INSERT OR REPLACE INTO organisations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for o in organisations {
            insert.execute(params![
                o.code,
                start(o.valid_from),
                o.valid_to.map(|day| day.to_string()),
                o.kind.code(),
                o.name,
                o.abbreviation,
                o.parent,
                o.area_code,
                serde_json::to_string(&o.contact)?,
            ])?;
        }
        drop(insert);
        let codes: Vec<_> = organisations.iter().map(|o| &o.code).collect();
        let detail = json!({"codes": codes});
        audit::write(
            &transaction,
            act,
            "organisations.import",
            "organisations",
            &detail,
        )?;
        transaction.commit().context("storing organisations")
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Organisation> {
    let (kind, contact): (String, String) = (row.get(3)?, row.get(8)?);
    let valid_to: Option<String> = row.get(2)?;
    Ok(Organisation {
        code: row.get(0)?,
        valid_from: date(&row.get::<_, String>(1)?)?,
        valid_to: date(&valid_to.unwrap_or_default())?,
        kind: Kind::named(&kind).unwrap_or(Kind::Agency),
        name: row.get(4)?,
        abbreviation: row.get(5)?,
        parent: row.get(6)?,
        area_code: row.get(7)?,
        contact: serde_json::from_str(&contact).map_err(|e| unreadable(Type::Text, e))?,
    })
}
