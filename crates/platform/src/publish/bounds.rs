//! What must hold of a figure whichever days belong to one device: the checks
//! of a published month that need no auditor's file.
//!
//! The interval itself cannot be computed from open data, whose names change
//! every day so that nobody can be followed. But it holds its figure; it is
//! hardly narrower than if every device-day were a device of its own; the grade
//! follows from it and from the numbers beside it; and devices are between two
//! bounds.

use metric::figure::FLOOR_DEVICE_DAYS;
use metric::summary::Floors;
use metric::unit::to_f64;

use super::frame::Frame;

/// A cell that cannot be true.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Broken {
    pub(super) row: usize,
    pub(super) column: &'static str,
    pub(super) what: String,
}

/// Least width of an interval, as a share of that of independent device-days:
/// tests of one device are alike, which widens it, and resampling is noisy.
const NARROWEST: f64 = 0.5;

/// The cells of published figures that cannot be true. `independent` has the
/// same rows, computed as if every device-day were a device; `days` is the
/// length of the month.
pub(super) fn broken(published: &Frame, independent: &Frame, days: u8) -> Vec<Broken> {
    let mut found = vec![];
    for row in 0..published.rows() {
        let figure = Row {
            frame: published,
            row,
        };
        let mut say = |column, what: String| found.push(Broken { row, column, what });
        figure.devices(days, &mut say);
        if published.text("state", row) == Some("published") {
            figure.ends(&mut say);
            figure.grade(&mut say);
            let other = Row {
                frame: independent,
                row,
            };
            figure.width(&other, &mut say);
        }
    }
    found
}

struct Row<'a> {
    frame: &'a Frame,
    row: usize,
}

impl Row<'_> {
    fn number(&self, column: &str) -> Option<u64> {
        let number = self.frame.integer(column, self.row)?;
        u64::try_from(number).ok()
    }

    fn devices(&self, days: u8, say: &mut impl FnMut(&'static str, String)) {
        let (Some(devices), Some(device_days)) =
            (self.number("devices"), self.number("device_days"))
        else {
            return say("devices", "is missing".into());
        };
        let least = device_days.div_ceil(u64::from(days.max(1)));
        if !(least..=device_days).contains(&devices) {
            let what = format!("{devices}, between {least} and {device_days} are possible");
            say("devices", what);
        }
    }

    fn ends(&self, say: &mut impl FnMut(&'static str, String)) {
        for [of, low, high] in [
            ["median", "median_low", "median_high"],
            ["mean", "mean_low", "mean_high"],
        ] {
            let ends = self.number(low).zip(self.number(high));
            let (Some(value), Some((from, to))) = (self.number(of), ends) else {
                continue;
            };
            if from > value {
                say(low_name(of), format!("{from} is above the {of} {value}"));
            }
            if to < value {
                say(high_name(of), format!("{to} is below the {of} {value}"));
            }
        }
    }

    /// Half width of the median's interval on its longer side, per cent.
    fn half_width(&self) -> Option<f64> {
        let value = to_f64(self.number("median")?.max(1));
        let (low, high) = (self.number("median_low")?, self.number("median_high")?);
        Some((to_f64(high) - value).max(value - to_f64(low)) / value * 100.0)
    }

    fn grade(&self, say: &mut impl FnMut(&'static str, String)) {
        let floors = Floors::default();
        let n = self.number("n").unwrap_or(0);
        if n < FLOOR_DEVICE_DAYS {
            let floor = FLOOR_DEVICE_DAYS;
            say(
                "state",
                format!("published with {n} values, the floor is {floor}"),
            );
        }
        let independent = self.number("n_effective").unwrap_or(0);
        if independent > n {
            say("n_effective", format!("{independent} of {n} values"));
        }
        let Some(percent) = self.half_width() else {
            return;
        };
        if percent > f64::from(floors.max_half_width_percent) {
            say(
                "state",
                format!("published with an interval of ±{percent:.0} %"),
            );
        }
        let narrow = percent <= f64::from(floors.b_half_width_percent);
        let devices = self.number("devices").unwrap_or(0);
        let follows = match self.frame.text("grade", self.row) {
            Some("A") => {
                independent >= u64::from(floors.a_n_effective)
                    && devices >= u64::from(floors.a_devices)
            }
            Some("B") => narrow,
            Some("C") => !narrow && independent >= u64::from(floors.c_n_effective),
            _ => false,
        };
        if !follows {
            let grade = self.frame.text("grade", self.row).unwrap_or("none");
            let what = format!(
                "{grade}, which {independent} independent values of {devices} devices \
                 with an interval of ±{percent:.0} % are not"
            );
            say("grade", what);
        }
    }

    fn width(&self, independent: &Self, say: &mut impl FnMut(&'static str, String)) {
        let width = |row: &Self| {
            let (low, high) = (row.number("median_low")?, row.number("median_high")?);
            Some(to_f64(high.max(1)).ln() - to_f64(low.max(1)).ln())
        };
        let Some((here, least)) = width(self).zip(width(independent)) else {
            return;
        };
        if here < NARROWEST * least {
            let what = format!(
                "the interval is {:.0} % as wide as that of independent device-days",
                here / least * 100.0
            );
            say("median_low", what);
        }
    }
}

fn low_name(of: &str) -> &'static str {
    if of == "mean" {
        "mean_low"
    } else {
        "median_low"
    }
}

fn high_name(of: &str) -> &'static str {
    if of == "mean" {
        "mean_high"
    } else {
        "median_high"
    }
}

#[cfg(test)]
mod tests {
    use super::super::delimited;
    use super::super::figures::FIGURES;
    use super::*;

    const GOOD: &str = "26740,,all,mobile,download_bits_per_second,350,80,300,published,,B,300,190,\
                        40000000,36000000,44000000,50000000,45000000,55000000,6,20,60,90";

    fn frame(row: &str) -> Frame {
        let names: Vec<_> = FIGURES.iter().map(|column| column.name).collect();
        let text = format!("{}\n{row}\n", names.join(","));
        delimited::read(text.as_bytes(), FIGURES).unwrap()
    }

    /// The columns at fault when a text of the good row is another.
    fn at_fault(from: &str, to: &str) -> Vec<&'static str> {
        assert!(GOOD.contains(from), "{from}");
        let found = broken(&frame(&GOOD.replacen(from, to, 1)), &frame(GOOD), 30);
        found.into_iter().map(|broken| broken.column).collect()
    }

    #[test]
    fn what_no_devices_could_give_is_named() {
        assert_eq!(broken(&frame(GOOD), &frame(GOOD), 30), []);
        assert_eq!(at_fault(",80,300,", ",301,300,"), ["devices"]);
        assert_eq!(at_fault(",80,300,", ",9,300,"), ["devices"]);
        assert_eq!(
            at_fault("36000000", "41000000"),
            ["median_low", "median_low"]
        );
        assert_eq!(at_fault("55000000", "49000000"), ["mean_high"]);
        assert_eq!(at_fault("300,190", "300,301"), ["n_effective"]);
        assert_eq!(at_fault(",B,", ",A,"), ["grade"]);
        assert_eq!(at_fault(",B,", ",C,"), ["grade"]);
        assert_eq!(at_fault("44000000", "62000000"), ["state", "grade"]);
        assert_eq!(
            at_fault("36000000,44000000", "39500000,40500000"),
            ["median_low"]
        );
        assert_eq!(at_fault(",B,300,", ",B,29,"), ["state", "n_effective"]);
    }

    #[test]
    fn what_is_withheld_has_only_devices() {
        let withheld = "26740,,all,mobile,idle_rtt_us,9,5,9,withheld,too_few,,9,,,,,,,,,,,";
        assert_eq!(broken(&frame(withheld), &frame(withheld), 30), []);
    }
}
