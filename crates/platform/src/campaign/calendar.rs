//! When a month's report is due: a day of the following month, moved by a rule
//! where it is no working day.

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan as _};
use metric::month::{Month, VIETNAM};
use serde::{Deserialize, Serialize};

use crate::store::campaign::{Campaign, Closed};

/// Days before and after the last day on which a unit that has not reported is
/// reminded.
pub const REMINDERS: [i8; 3] = [-3, -1, 1];

/// The last day on which the report of a month is in time: the day before the
/// deadline's day ("trước ngày 10"), moved where it is no working day. `None`
/// where the campaign has no deadline.
pub fn last_day(campaign: &Campaign, month: Month) -> Option<Date> {
    let day = i8::try_from(campaign.deadline_day?).ok()?;
    let following = month.next().first_day();
    let named = following.with().day(day).build().ok()?;
    let last = named.checked_sub(1.day()).ok()?;
    Some(moved(campaign, last))
}

/// The first instant at which the report of a month is late.
pub fn deadline(campaign: &Campaign, month: Month) -> Option<Timestamp> {
    let after = last_day(campaign, month)?.tomorrow().ok()?;
    VIETNAM
        .to_timestamp(after.to_datetime(jiff::civil::Time::midnight()))
        .ok()
}

/// Whether offices work on a day: not at weekends, on the four public holidays
/// of the solar calendar, and on those that the campaign lists.
pub fn is_working(campaign: &Campaign, day: Date) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let fixed = SOLAR.contains(&(day.month(), day.day()));
    !weekend && !fixed && !campaign.terms.holidays.contains(&day)
}

/// New Year, 30 April, 1 May, National Day (Labour Code 2019, article 112).
/// Tết, the Hùng Kings and days given in lieu move and are listed.
const SOLAR: [(i8, i8); 4] = [(1, 1), (4, 30), (5, 1), (9, 2)];

/// Longest run of days off that a deadline is moved across.
const LONGEST: usize = 30;

fn moved(campaign: &Campaign, day: Date) -> Date {
    let step = match campaign.terms.closed {
        Closed::Keep => return day,
        Closed::Next => 1.day(),
        Closed::Previous => -1.day(),
    };
    let days = day.series(step).take(LONGEST);
    days.into_iter()
        .find(|day| is_working(campaign, *day))
        .unwrap_or(day)
}

/// Where a day stands to a deadline.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Before the last day, or on it.
    Open,
    /// After it.
    Late,
    /// The campaign has no deadline.
    Never,
}

/// Where a day stands to the deadline of a month.
pub fn due(campaign: &Campaign, month: Month, today: Date) -> Due {
    match last_day(campaign, month) {
        None => Due::Never,
        Some(last) if today <= last => Due::Open,
        Some(_) => Due::Late,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::campaign::Terms;

    fn campaign(deadline_day: u8, closed: Closed, holidays: &[&str]) -> Campaign {
        Campaign {
            deadline_day: Some(deadline_day),
            terms: Terms {
                closed,
                holidays: holidays.iter().map(|day| day.parse().unwrap()).collect(),
                ..Terms::default()
            },
            ..Campaign::default()
        }
    }

    fn last(campaign: &Campaign, month: &str) -> String {
        last_day(campaign, month.parse().unwrap())
            .unwrap()
            .to_string()
    }

    #[test]
    fn before_the_tenth_is_the_ninth_where_it_is_a_working_day() {
        let tenth = campaign(10, Closed::Next, &[]);
        assert_eq!(last(&tenth, "2024-11"), "2024-12-09");
        assert_eq!(
            last(&tenth, "2024-10"),
            "2024-11-11",
            "9 November was a Saturday"
        );
        assert_eq!(
            last(&campaign(10, Closed::Previous, &[]), "2024-10"),
            "2024-11-08"
        );
        assert_eq!(
            last(&campaign(10, Closed::Keep, &[]), "2024-10"),
            "2024-11-09"
        );
        assert_eq!(
            last(&campaign(15, Closed::Next, &[]), "2024-11"),
            "2024-12-16"
        );
        assert_eq!(
            last(&campaign(1, Closed::Next, &[]), "2024-11"),
            "2024-12-02"
        );
    }

    #[test]
    fn holidays_move_it_too() {
        let tet = [
            "2024-02-08",
            "2024-02-09",
            "2024-02-12",
            "2024-02-13",
            "2024-02-14",
        ];
        assert_eq!(
            last(&campaign(10, Closed::Next, &tet), "2024-01"),
            "2024-02-15"
        );
        assert_eq!(
            last(&campaign(10, Closed::Previous, &tet), "2024-01"),
            "2024-02-07"
        );
        assert_eq!(
            last(&campaign(3, Closed::Next, &[]), "2024-08"),
            "2024-09-03"
        );
        assert_eq!(
            last(&campaign(2, Closed::Next, &[]), "2024-12"),
            "2025-01-02"
        );
    }

    #[test]
    fn late_begins_at_midnight_in_vietnam() {
        let tenth = campaign(10, Closed::Next, &[]);
        let month: Month = "2024-11".parse().unwrap();
        let at = deadline(&tenth, month).unwrap();
        assert_eq!(at.to_string(), "2024-12-09T17:00:00Z");
        let on = |day: &str| due(&tenth, month, day.parse().unwrap());
        assert_eq!((on("2024-12-09"), on("2024-12-10")), (Due::Open, Due::Late));
        assert_eq!(
            due(&Campaign::default(), month, "2025-01-01".parse().unwrap()),
            Due::Never
        );
    }
}
