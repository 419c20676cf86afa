//! Where rows of others belong: area and operator, by our own tables.

use jiff::Timestamp;
use metric::month::{Month, civil_date};

use super::{ForeignTest, Mistake, OfficialCount, Reading};
use crate::access::UNKNOWN_OPERATOR;
use crate::area::AreaIndex;
use crate::operator::OperatorTable;
use crate::statistics::valid_in;
use crate::store::import::{PlacedCount, PlacedTest};

/// The counts with the areas that had their codes; a code that no area has in
/// its month, and a month that has not begun, are mistakes of the row.
pub fn counts(
    read: Reading<OfficialCount>,
    areas: &AreaIndex,
    now: Timestamp,
) -> Reading<PlacedCount> {
    let present = Month::of(now);
    let mut placed = Reading {
        rows: vec![],
        mistakes: read.mistakes,
    };
    for count in read.rows {
        if count.month > present {
            let what = format!(
                "{} is in the future, expected at most {present}",
                count.month
            );
            placed.mistakes.push(Mistake::new(count.row, "month", what));
            continue;
        }
        let valid = valid_in(areas.areas(), count.month);
        match valid
            .into_iter()
            .rfind(|area| area.key.code == count.area_code)
        {
            Some(area) => placed.rows.push(PlacedCount {
                row: count.row,
                area: area.key.clone(),
                month: count.month,
                operator: count.operator,
                tests: count.tests,
            }),
            None => {
                let what = format!(
                    "no area has the code {:?} in {}",
                    count.area_code, count.month
                );
                placed.mistakes.push(Mistake::new(count.row, "area", what));
            }
        }
    }
    placed.mistakes.sort_by_key(|mistake| mistake.row);
    placed
}

/// The tests with area and operator; positions and prefixes end here.
pub fn tests(
    read: Vec<ForeignTest>,
    areas: &AreaIndex,
    operators: &OperatorTable,
) -> Vec<PlacedTest> {
    let place = |test: ForeignTest| {
        let day = civil_date(test.measured_at);
        let area = test
            .position
            .and_then(|(lat, lon)| areas.locate(lat, lon, day));
        let network = test
            .prefix
            .and_then(|prefix| operators.of_address(prefix.network()));
        let operator = network.and_then(|network| network.operator);
        PlacedTest {
            row: test.row,
            measured_at: test.measured_at,
            area: area.map(|area| area.key.clone()),
            operator: operator
                .map_or_else(|| UNKNOWN_OPERATOR.into(), |operator| operator.id.clone()),
            mobile: test.mobile,
            values: [
                test.download_bits_per_second,
                test.upload_bits_per_second,
                test.rtt_us,
            ],
        }
    };
    read.into_iter().map(place).collect()
}
