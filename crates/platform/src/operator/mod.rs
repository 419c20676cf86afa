//! Operators: whose network an address belongs to, and who a name means.
//!
//! Two tables that the operator of a centre can replace: the operators with
//! their autonomous systems, and the address ranges of those systems.

mod range;
mod row;
mod table;

use jiff::civil::Date;

pub use row::{RowProblem, Source, TableError};
pub use table::OperatorTable;

/// An operator of networks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operator {
    /// Name in data and addresses, as `viettel`.
    pub id: String,
    /// Name that people know; several are parted by ` / `.
    pub brand: String,
    /// Whether it serves mobile devices (perhaps fixed lines too).
    pub mobile: bool,
    /// Autonomous systems it announces its addresses from.
    pub asns: Vec<u32>,
    /// Codes of its mobile networks (ITU-T E.212), as `452-04`.
    pub mcc_mnc: Vec<String>,
    /// First day of its existence; `None` before the records begin.
    pub valid_from: Option<Date>,
    /// First day on which it no longer exists.
    pub valid_to: Option<Date>,
    /// Where the row comes from.
    pub source: String,
}

/// Whose an address is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Assigned<'a> {
    /// The operator, where the autonomous system is one of a known operator.
    pub operator: Option<&'a Operator>,
    /// The autonomous system that announces the address.
    pub asn: u32,
    /// Whether only mobile devices have such addresses.
    pub mobile_only: bool,
}
