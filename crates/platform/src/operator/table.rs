//! The two tables together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::civil::Date;

use super::range::{Range, Ranges};
use super::row::{Row, RowProblem, Source, TableError, rows};
use super::{Assigned, Operator};

/// Operators and their addresses.
pub struct OperatorTable {
    operators: Vec<Operator>,
    /// Positions in `operators` of those without fixed lines.
    mobile_only: Vec<bool>,
    by_asn: BTreeMap<u32, usize>,
    ranges: Ranges,
}

const OPERATOR_COLUMNS: &[&str] = &[
    "id",
    "brand",
    "kind",
    "asns",
    "mcc_mnc",
    "valid_from",
    "valid_to",
    "source",
];
/// Ranges from which on a table is that of the whole country.
const NATIONAL_RANGES: usize = 500;

const PREFIX_COLUMNS: &[&str] = &["ip_version", "start", "end", "asn"];

impl OperatorTable {
    /// Reads both tables (CSV with a header).
    ///
    /// `operators_csv`: `id, brand, kind` (`mobile`, `fixed` or `both`), `asns`
    /// and `mcc_mnc` (parted by spaces), `valid_from, valid_to, source`.
    /// `prefixes_csv`: `ip_version, start, end, asn`, and where the source
    /// tells, `kind` and `operator_id`, which then goes before the autonomous
    /// system. Other columns are ignored.
    ///
    /// # Errors
    ///
    /// [`TableError`] with every bad row by line and column, and every range
    /// that overlaps another.
    pub fn parse(operators_csv: &str, prefixes_csv: &str) -> Result<Self, TableError> {
        let mut problems = vec![];
        let listed = read(
            Source::Operators,
            operators_csv,
            OPERATOR_COLUMNS,
            operator,
            &mut problems,
        );
        let ranges = read(
            Source::Prefixes,
            prefixes_csv,
            PREFIX_COLUMNS,
            Range::read,
            &mut problems,
        );
        let by_asn = by_asn(&listed, &mut problems);
        note_repeated_ids(&listed, &mut problems);
        let ranges = Ranges::new(ranges, &mut problems);
        if !problems.is_empty() {
            return Err(TableError { problems });
        }
        let mobile_only = listed
            .iter()
            .map(|(_, row)| row.text("kind") == "mobile")
            .collect();
        Ok(Self {
            operators: listed.into_iter().map(|(operator, _)| operator).collect(),
            mobile_only,
            by_asn,
            ranges,
        })
    }

    /// All operators, in the order of their table.
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// Whether the table holds so many ranges that it can be taken for that of
    /// the whole country (Vietnam announces some thousands); the demonstration's
    /// few are not.
    pub fn is_national(&self) -> bool {
        self.ranges.len() >= NATIONAL_RANGES
    }

    /// Whose an address is; `None` when no range holds it. Takes time
    /// logarithmic in the number of ranges.
    pub fn of_address(&self, address: IpAddr) -> Option<Assigned<'_>> {
        let range = self.ranges.of_address(address)?;
        let named = self
            .operators
            .iter()
            .position(|o| o.id == range.operator_id);
        let at = named.or_else(|| self.by_asn.get(&range.asn).copied());
        Some(Assigned {
            operator: at.map(|at| &self.operators[at]),
            asn: range.asn,
            mobile_only: range.mobile || at.is_some_and(|at| self.mobile_only[at]),
        })
    }

    /// The operator that a person or a device names by id, brand or network
    /// code (`452-04` or `45204`), whatever the case.
    pub fn by_name(&self, name: &str) -> Option<&Operator> {
        let name = name.trim().to_lowercase();
        self.operators
            .iter()
            .find(|operator| operator.is_called(&name))
    }
}

impl Operator {
    /// Whether a name in lower case means this operator.
    fn is_called(&self, name: &str) -> bool {
        let brand = self.brand.to_lowercase();
        self.id == name
            || brand == name
            || brand.split(" / ").any(|part| part == name)
            || self
                .mcc_mnc
                .iter()
                .any(|code| code == name || code.replace('-', "") == name)
    }
}

/// Reads every row of a table; problems are noted.
fn read<T>(
    table: Source,
    text: &str,
    columns: &[&str],
    read: impl Fn(&Row) -> Result<T, RowProblem>,
    problems: &mut Vec<RowProblem>,
) -> Vec<(T, Row)> {
    let read_row = |row: Result<Row, RowProblem>| {
        let row = row?;
        Ok((read(&row)?, row))
    };
    let rows = rows(table, text, columns).unwrap_or_else(|problem| vec![Err(problem)]);
    let mut found = vec![];
    for row in rows {
        match read_row(row) {
            Ok(row) => found.push(row),
            Err(problem) => problems.push(problem),
        }
    }
    found
}

fn operator(row: &Row) -> Result<Operator, RowProblem> {
    let is_kind = |text: &str| {
        ["mobile", "fixed", "both"]
            .contains(&text)
            .then_some(text != "fixed")
    };
    let valid_from = date(row, "valid_from")?;
    let valid_to = date(row, "valid_to")?;
    if valid_from
        .zip(valid_to)
        .is_some_and(|(from, to)| to <= from)
    {
        return Err(row.problem(
            "valid_to",
            "the first day no longer valid, after valid_from",
        ));
    }
    Ok(Operator {
        id: row.read("id", "1 to 32 of [0-9a-z_-]", id)?,
        brand: row.read("brand", "a name", |text| {
            Some(text.to_string()).filter(|t| !t.is_empty())
        })?,
        mobile: row.read("kind", "mobile, fixed or both", is_kind)?,
        asns: row.read(
            "asns",
            "numbers of autonomous systems, parted by spaces",
            |text| {
                text.split_whitespace()
                    .map(|asn| asn.parse().ok())
                    .collect()
            },
        )?,
        mcc_mnc: row.read(
            "mcc_mnc",
            "network codes as 452-04, parted by spaces",
            |text| text.split_whitespace().map(network_code).collect(),
        )?,
        valid_from,
        valid_to,
        source: row.text("source").into(),
    })
}

fn id(text: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    ((1..=32).contains(&text.len()) && text.bytes().all(allowed)).then(|| text.into())
}

fn network_code(text: &str) -> Option<String> {
    let (country, network) = text.split_once('-')?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let fits = country.len() == 3 && (2..=3).contains(&network.len());
    (fits && digits(country) && digits(network)).then(|| text.into())
}

fn date(row: &Row, column: &str) -> Result<Option<Date>, RowProblem> {
    if row.text(column).is_empty() {
        return Ok(None);
    }
    row.read(
        column,
        "a day as YYYY-MM-DD, or nothing",
        crate::area::written_date,
    )
    .map(Some)
}

/// The operator of each autonomous system; one that two operators list is a problem.
fn by_asn(listed: &[(Operator, Row)], problems: &mut Vec<RowProblem>) -> BTreeMap<u32, usize> {
    let mut by_asn = BTreeMap::new();
    for (at, (operator, row)) in listed.iter().enumerate() {
        for &asn in &operator.asns {
            if let Some(other) = by_asn.insert(asn, at) {
                let line = listed[other].1.line;
                problems.push(row.problem("asns", format!("AS{asn} is already in line {line}")));
            }
        }
    }
    by_asn
}

fn note_repeated_ids(listed: &[(Operator, Row)], problems: &mut Vec<RowProblem>) {
    for (at, (operator, row)) in listed.iter().enumerate() {
        if let Some((_, other)) = listed[..at].iter().find(|(o, _)| o.id == operator.id) {
            let expected = format!("an id of its own: line {} has the same", other.line);
            problems.push(row.problem("id", expected));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATORS: &str = include_str!("../../../../data/operators.csv");
    const PREFIXES: &str = include_str!("../../../../data/prefixes.csv");

    fn table() -> OperatorTable {
        OperatorTable::parse(OPERATORS, PREFIXES).unwrap()
    }

    #[track_caller]
    fn check(address: &str, want: Option<(Option<&str>, u32)>) {
        let table = table();
        let found = table.of_address(address.parse().unwrap());
        assert_eq!(
            found.map(|a| (a.operator.map(|o| o.id.as_str()), a.asn)),
            want
        );
    }

    #[test]
    fn addresses_find_their_operator() {
        check("27.64.0.0", Some((Some("viettel"), 7552)));
        check("27.79.255.255", Some((Some("viettel"), 7552)));
        check("27.80.0.0", None);
        check("0.0.0.0", None);
        check("::ffff:1.53.0.1", Some((Some("fpt"), 18403)));
        check("2001:ee0:4141::1", Some((Some("vinaphone"), 45899)));
        check("2001:ee1::", None);
        check("255.255.255.255", None);
    }

    #[test]
    fn names_are_ids_brands_and_network_codes() {
        let table = table();
        let id = |name: &str| table.by_name(name).map(|o| o.id.as_str());
        assert_eq!(id("viettel"), Some("viettel"));
        assert_eq!(id(" VNPT "), Some("vinaphone"));
        assert_eq!(id("VinaPhone / VNPT"), Some("vinaphone"));
        assert_eq!(id("45201"), Some("mobifone"));
        assert_eq!(id("452-05"), Some("vietnamobile"));
        assert_eq!(id(""), None);
        assert_eq!(id("Vodafone"), None);
    }

    #[test]
    fn the_kind_of_row_or_operator_tells_mobile_only() {
        let operators = "id,brand,kind,asns,mcc_mnc,valid_from,valid_to,source\n\
            m,M,mobile,1,452-01,,,x\nb,B,both,2,452-02,,,x\n";
        let prefixes = "asn,as_name,ip_version,start,end,kind,operator_id\n\
            1,,4,10.0.0.0,10.0.0.255,,\n2,,4,10.0.1.0,10.0.1.255,both,\n\
            2,,4,10.0.2.0,10.0.2.255,mobile,\n3,,4,10.0.3.0,10.0.3.255,mobile,b\n\
            4,,4,10.0.4.0,10.0.4.255,hosting,unheard\n";
        let table = OperatorTable::parse(operators, prefixes).unwrap();
        let of = |address: &str| {
            let found = table.of_address(address.parse().unwrap()).unwrap();
            (found.operator.map(|o| o.id.as_str()), found.mobile_only)
        };
        assert_eq!(of("10.0.0.1"), (Some("m"), true));
        assert_eq!(of("10.0.1.1"), (Some("b"), false));
        assert_eq!(of("10.0.2.1"), (Some("b"), true));
        assert_eq!(of("10.0.3.1"), (Some("b"), true));
        assert_eq!(of("10.0.4.1"), (None, false));
    }

    #[track_caller]
    fn refused(operators: &str, prefixes: &str, want: &str) {
        let operators =
            format!("id,brand,kind,asns,mcc_mnc,valid_from,valid_to,source\n{operators}");
        let prefixes = format!("ip_version,start,end,asn\n{prefixes}");
        let error = OperatorTable::parse(&operators, &prefixes).err().unwrap();
        assert_eq!(error.to_string(), want);
    }

    #[test]
    fn bad_rows_are_named_by_line_and_column() {
        refused(
            "A B,x,both,1,,,,x\n",
            "",
            "operators, line 2, column id: \"A B\": 1 to 32 of [0-9a-z_-]",
        );
        refused(
            "a,x,cable,1,,,,x\n",
            "",
            "operators, line 2, column kind: \"cable\": mobile, fixed or both",
        );
        refused(
            "a,x,both,AS1,,,,x\n",
            "",
            "operators, line 2, column asns: \"AS1\": numbers of autonomous systems, parted by spaces",
        );
        refused(
            "a,x,both,1,45204,,,x\n",
            "",
            "operators, line 2, column mcc_mnc: \"45204\": network codes as 452-04, parted by spaces",
        );
        refused(
            "a,x,both,1,,2025-7-1,,x\n",
            "",
            "operators, line 2, column valid_from: \"2025-7-1\": a day as YYYY-MM-DD, or nothing",
        );
        refused(
            "a,x,both,1,,,,x\nb,y,both,1,,,,x\n",
            "",
            "operators, line 3, column asns: \"1\": AS1 is already in line 2",
        );
        refused(
            "a,x,both,1,,,,x\na,y,both,2,,,,x\n",
            "",
            "operators, line 3, column id: \"a\": an id of its own: line 2 has the same",
        );
        refused(
            "",
            "4,10.0.0.0,::1,1\n4,10.0.0.9,10.0.0.1,1\n5,1.1.1.1,1.1.1.1,1\n4,1.1.1.1,1.1.1.1,x\n",
            "prefixes, line 2, column end: \"::1\": an address of that version\n\
             prefixes, line 3, column end: \"10.0.0.1\": the last address, not before the first\n\
             prefixes, line 4, column ip_version: \"5\": 4 or 6\n\
             prefixes, line 5, column asn: \"x\": the number of an autonomous system",
        );
    }

    #[test]
    fn overlapping_ranges_name_both_lines() {
        refused(
            "",
            "4,10.0.4.0,10.0.4.255,1\n4,10.0.0.0,10.0.9.255,1\n6,::,::ff,1\n6,::ff,::1ff,1\n",
            "prefixes, line 2, column start: \"10.0.4.0\": overlaps the range of line 3\n\
             prefixes, line 5, column start: \"::ff\": overlaps the range of line 4",
        );
    }

    #[test]
    fn a_missing_column_or_field_is_named() {
        let error = OperatorTable::parse(OPERATORS, "start,end,asn\n")
            .err()
            .unwrap();
        let want = "prefixes, line 1, column ip_version: \"\": the header needs this column";
        assert_eq!(error.to_string(), want);
        let error = OperatorTable::parse(OPERATORS, "ip_version,start,end,asn\n4,1.1.1.1\n");
        let text = error.err().unwrap().to_string();
        assert!(
            text.starts_with("prefixes, line 2: not a row of this table"),
            "{text}"
        );
    }
}
