//! How Vietnamese documents write what an answer of the store says, written
//! here a second time, so that a mistake of the documents is not repeated.

use serde_json::Value;

/// Where a figure is not given.
pub(super) const WITHHELD: &str = "chưa đủ mẫu";

/// A count: 1.412.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('.');
        }
        out.push(digit);
    }
    out
}

/// A number with a decimal comma; halves go up.
pub(super) fn decimal(value: f64, decimals: i32) -> String {
    let scale = 10_f64.powi(decimals);
    let rounded = (value * scale).round() / scale;
    let text = format!("{rounded:.*}", decimals.unsigned_abs() as usize);
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole = count(whole.parse().unwrap_or(0));
    if rest.is_empty() {
        whole
    } else {
        format!("{whole},{rest}")
    }
}

/// What is measured: its names in answers and documents, its unit and scale.
#[derive(Clone, Copy)]
pub(super) struct Quantity {
    pub(super) json: &'static str,
    pub(super) field: &'static str,
    pub(super) unit: &'static str,
    scale: f64,
}

pub(super) const QUANTITIES: [Quantity; 3] = [
    Quantity {
        json: "download_bits_per_second",
        field: "download",
        unit: "Mbit/s",
        scale: 1e6,
    },
    Quantity {
        json: "upload_bits_per_second",
        field: "upload",
        unit: "Mbit/s",
        scale: 1e6,
    },
    Quantity {
        json: "idle_rtt_us",
        field: "idle_rtt",
        unit: "ms",
        scale: 1e3,
    },
];

impl Quantity {
    /// The median, in the unit that people read.
    pub(super) fn median(self, figure: &Value) -> Option<f64> {
        Some(figure["median"].as_f64()? / self.scale)
    }

    /// The median as it is written.
    pub(super) fn written(self, figure: &Value) -> String {
        let median = self.median(figure);
        median.map_or_else(
            || WITHHELD.into(),
            |value| decimal(value, self.decimals(value)),
        )
    }

    /// The interval of the median as it is written: both ends of a rate with
    /// the decimals of the upper one.
    pub(super) fn interval(self, figure: &Value) -> Option<String> {
        let end = |at: usize| Some(figure["median_interval"][at].as_f64()? / self.scale);
        let (low, high) = (end(0)?, end(1)?);
        let of_low = if self.unit == "ms" { low } else { high };
        let low = decimal(low, self.decimals(of_low));
        Some(format!("{low}–{}", decimal(high, self.decimals(high))))
    }

    /// Median and interval in a sentence.
    pub(super) fn sentence(self, figure: &Value) -> String {
        let unit = self.unit;
        match (self.median(figure), self.interval(figure)) {
            (None, _) => WITHHELD.into(),
            (_, None) => format!("{} {unit}", self.written(figure)),
            (_, Some(ends)) => {
                let median = self.written(figure);
                format!("{median} {unit} (khoảng tin cậy 95%: {ends} {unit})")
            }
        }
    }

    fn decimals(self, value: f64) -> i32 {
        match self.unit {
            "ms" => i32::from(value < 10.0),
            _ if value < 1.0 => 2,
            _ => i32::from(value < 100.0),
        }
    }
}

/// A day of an answer, `2024-11-08`, as documents write it.
pub(super) fn day(iso: &str) -> String {
    let mut parts = iso.split('-').map(|part| part.parse().unwrap_or(0_u32));
    let mut part = || parts.next().unwrap_or(0);
    let (year, month, day) = (part(), part(), part());
    format!("ngày {day:02} tháng {} năm {year}", self::month(month))
}

/// A month with its nought where it has one.
pub(super) fn month(month: u32) -> String {
    if month <= 2 {
        format!("{month:02}")
    } else {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_written_as_documents_do() {
        assert_eq!(
            [count(0), count(999), count(1_234_567)],
            ["0", "999", "1.234.567"]
        );
        assert_eq!([decimal(72.65, 1), decimal(99.96, 1)], ["72,7", "100,0"]);
        let figure = json!({"median": 75_053_000, "median_interval": [56_690_000, 104_110_000]});
        let [download, _, delay] = QUANTITIES;
        assert_eq!(
            download.sentence(&figure),
            "75,1 Mbit/s (khoảng tin cậy 95%: 57–104 Mbit/s)"
        );
        assert_eq!(delay.written(&json!({"median": 9_840})), "9,8");
        assert_eq!(delay.sentence(&json!({"state": "withheld"})), WITHHELD);
    }

    #[test]
    fn days_have_noughts_where_the_decree_wants_them() {
        assert_eq!(day("2024-11-08"), "ngày 08 tháng 11 năm 2024");
        assert_eq!(day("2025-02-10"), "ngày 10 tháng 02 năm 2025");
    }
}
