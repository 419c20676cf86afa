//! Ranges of addresses that do not overlap, found by address.

use std::net::IpAddr;

use super::row::{Row, RowProblem};

/// A range of addresses of one version, with what the table says of it.
pub(super) struct Range {
    v6: bool,
    first: u128,
    last: u128,
    line: u64,
    pub(super) asn: u32,
    /// Id of an operator that the row itself names.
    pub(super) operator_id: String,
    pub(super) mobile: bool,
}

/// Ranges, sorted; IPv4 before IPv6.
pub(super) struct Ranges(Vec<Range>);

impl Ranges {
    /// Sorts ranges; those that overlap are problems.
    pub(super) fn new(mut ranges: Vec<(Range, Row)>, problems: &mut Vec<RowProblem>) -> Self {
        ranges.sort_by_key(|(range, _)| (range.v6, range.first, range.line));
        let mut reaching: Option<&Range> = None;
        for (range, row) in &ranges {
            if let Some(other) = reaching.filter(|r| r.v6 == range.v6 && r.last >= range.first) {
                let line = other.line;
                problems.push(row.problem("start", format!("overlaps the range of line {line}")));
            }
            if reaching.is_none_or(|r| (r.v6, r.last) < (range.v6, range.last)) {
                reaching = Some(range);
            }
        }
        Self(ranges.into_iter().map(|(range, _)| range).collect())
    }

    /// Number of ranges.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The range that holds an address; by bisection.
    pub(super) fn of_address(&self, address: IpAddr) -> Option<&Range> {
        let address = address.to_canonical();
        let key = (address.is_ipv6(), number(address));
        let after = self
            .0
            .partition_point(|range| (range.v6, range.first) <= key);
        let range = self.0.get(after.checked_sub(1)?)?;
        (range.v6 == key.0 && key.1 <= range.last).then_some(range)
    }
}

impl Range {
    /// Reads a row of the table of prefixes.
    pub(super) fn read(row: &Row) -> Result<Self, RowProblem> {
        let version = row.read("ip_version", "4 or 6", |text| match text {
            "4" => Some(false),
            "6" => Some(true),
            _ => None,
        })?;
        let address = |column| {
            row.read(column, "an address of that version", |text| {
                let address: IpAddr = text.parse().ok()?;
                (address.is_ipv6() == version).then(|| number(address))
            })
        };
        let range = Self {
            v6: version,
            first: address("start")?,
            last: address("end")?,
            line: row.line,
            asn: row.read("asn", "the number of an autonomous system", |n| {
                n.parse().ok()
            })?,
            operator_id: row.text("operator_id").into(),
            mobile: row.text("kind") == "mobile",
        };
        if range.last < range.first {
            return Err(row.problem("end", "the last address, not before the first"));
        }
        Ok(range)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
