//! The table: per client and family, then per link.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::gate;
use crate::row::Row;

/// What a group of rows comes to. Counts of rows are of directions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Those that count.
    pub(crate) n: usize,
    pub(crate) void: usize,
    pub(crate) failed: usize,
    pub(crate) median_error: Option<f64>,
    pub(crate) median_abs_error: Option<f64>,
    pub(crate) p90_abs_error: Option<f64>,
    /// What was moved, in ten seconds of the truth.
    pub(crate) median_data_ratio: Option<f64>,
    pub(crate) mean_data_ratio: Option<f64>,
    pub(crate) median_seconds: Option<f64>,
    /// Share of the stated intervals that hold the truth.
    pub(crate) coverage: Option<f64>,
    /// Idle round trip, less that of the link.
    pub(crate) median_rtt_error_us: Option<f64>,
    pub(crate) median_cpu_seconds: Option<f64>,
}

/// The middle of some values, between two where their number is even; NaN of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values[..] {
        [] => f64::NAN,
        _ if values.len() % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Smallest value with at least `share` of all at or below it.
pub(crate) fn quantile(values: impl Iterator<Item = f64>, share: f64) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

impl Figures {
    pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Self {
        let good = rows.clone().filter(|row| row.counts());
        let median = |value: fn(&Row) -> Option<f64>| quantile(good.clone().filter_map(value), 0.5);
        let covers: Vec<_> = good.clone().filter_map(Row::covers).collect();
        let covered = covers.iter().filter(|covers| **covers).count();
        let magnitude = good.clone().filter_map(|row| row.error).map(f64::abs);
        Self {
            n: good.clone().count(),
            void: rows.clone().filter(|row| !row.void.is_empty()).count(),
            failed: rows
                .clone()
                .filter(|row| row.void.is_empty() && row.error.is_none())
                .count(),
            median_error: median(|row| row.error),
            median_abs_error: quantile(magnitude.clone(), 0.5),
            p90_abs_error: quantile(magnitude, 0.9),
            median_data_ratio: median(|row| row.data_ratio),
            mean_data_ratio: mean(good.clone().filter_map(|row| row.data_ratio)),
            median_seconds: median(|row| row.seconds),
            coverage: (!covers.is_empty()).then(|| covered as f64 / covers.len() as f64),
            median_rtt_error_us: median(|row| Some(row.idle_rtt_us? - row.link_rtt_us as f64)),
            median_cpu_seconds: median(|row| row.cpu_seconds),
        }
    }

    /// Cells of a line of the table.
    fn cells(&self) -> String {
        let percent = |value: Option<f64>| shown(value.map(|v| v * 100.0), 1);
        [
            self.n.to_string(),
            self.void.to_string(),
            self.failed.to_string(),
            percent(self.median_error),
            percent(self.median_abs_error),
            percent(self.p90_abs_error),
            shown(self.median_data_ratio, 2),
            shown(self.mean_data_ratio, 2),
            shown(self.median_seconds, 1),
            percent(self.coverage),
            shown(self.median_rtt_error_us.map(|us| us / 1e3), 2),
            shown(self.median_cpu_seconds, 2),
        ]
        .join(" | ")
    }
}

const COLUMNS: &str = "n | void | failed | median error % | median abs error % | p90 abs error % \
| data / 10 s of truth, median | mean | seconds | coverage of 95 % interval, % | idle RTT error ms | CPU s a run";

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".into(), |value| format!("{value:.digits$}"))
}

/// A group of rows with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Group {
    pub(crate) client: String,
    pub(crate) of: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) direction: Option<String>,
    pub(crate) figures: Figures,
}

/// Everything that is said about a set of rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) gate: &'static str,
    pub(crate) notes: Vec<String>,
    pub(crate) families: Vec<Group>,
    pub(crate) links: Vec<Group>,
}

impl Summary {
    pub(crate) fn of(rows: &[Row], notes: &[String]) -> Self {
        let families: BTreeSet<_> = rows.iter().map(|row| (&row.family, &row.client)).collect();
        let family = |(family, client): (&String, &String)| Group {
            client: client.clone(),
            of: family.clone(),
            direction: None,
            figures: Figures::of(
                rows.iter()
                    .filter(|r| r.family == *family && r.client == *client),
            ),
        };
        let clients: BTreeSet<_> = rows.iter().map(|row| &row.client).collect();
        let all = clients.into_iter().map(|client| Group {
            client: client.clone(),
            of: "both".into(),
            direction: None,
            figures: Figures::of(rows.iter().filter(|r| r.client == *client)),
        });
        let mut cells: Vec<(&str, &str, &str)> = vec![];
        for row in rows {
            let cell = (
                row.link.as_str(),
                row.client.as_str(),
                row.direction.as_str(),
            );
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells.sort_by_key(|cell| rows.iter().position(|row| row.link == cell.0));
        let link = |(link, client, direction): (&str, &str, &str)| Group {
            client: client.into(),
            of: link.into(),
            direction: Some(direction.into()),
            figures: Figures::of(rows.iter().filter(|row| {
                (
                    row.link.as_str(),
                    row.client.as_str(),
                    row.direction.as_str(),
                ) == (link, client, direction)
            })),
        };
        Self {
            gate: gate::RULE,
            notes: notes.to_vec(),
            families: families.into_iter().map(family).chain(all).collect(),
            links: cells.into_iter().map(link).collect(),
        }
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("# Bench of links\n\n");
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        let _ = writeln!(text, "- Gate, fixed in advance: {}.", self.gate);
        text += "- Truth: constant links, the configured rate × 1448/1500 less the random loss; varying links, what the \
                 link could carry in the ten seconds from the start of the direction × 1448/1500.\n";
        text += "\n## By family\n\nBoth directions together.\n\n";
        let rule = "---|".repeat(COLUMNS.split('|').count());
        let _ = writeln!(text, "| family | client | {COLUMNS} |\n|---|---|{rule}");
        for Group {
            client,
            of,
            figures,
            ..
        } in &self.families
        {
            let _ = writeln!(text, "| {of} | {client} | {} |", figures.cells());
        }
        let _ = writeln!(
            text,
            "\n## By link\n\n| link | direction | client | {COLUMNS} |"
        );
        let _ = writeln!(text, "|---|---|---|{rule}");
        for Group {
            client,
            of,
            direction,
            figures,
        } in &self.links
        {
            let direction = direction.as_deref().unwrap_or_default();
            let _ = writeln!(
                text,
                "| {of} | {direction} | {client} | {} |",
                figures.cells()
            );
        }
        text
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(link: &str, client: &str, error: Option<f64>) -> Row {
        Row {
            link: link.into(),
            family: "constant".into(),
            client: client.into(),
            run: 1,
            seed: 1,
            direction: "download".into(),
            reported_bits_per_second: error.map(|error| 100.0 * (1.0 + error)),
            low_bits_per_second: error.map(|error| 100.0 * (1.0 + error) - 5.0),
            high_bits_per_second: error.map(|error| 100.0 * (1.0 + error) + 5.0),
            bytes: 100,
            seconds: Some(10.0),
            stop: "complete".into(),
            limited_by: None,
            truth_bits_per_second: Some(100.0),
            error,
            data_ratio: Some(1.0),
            cpu_seconds: Some(1.0),
            idle_rtt_us: Some(10_500.0),
            link_rtt_us: 10_000,
            began_seconds: Some(1.0),
            late_share: 0.0,
            overflow: 0,
            policed: 0,
            lost: 0,
            void: String::new(),
            failed: String::new(),
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn quantiles_are_observed_values() {
        let values = || [3.0, 1.0, 2.0, 4.0].into_iter();
        assert_eq!(quantile(values(), 0.5), Some(2.0));
        assert_eq!(quantile(values(), 0.9), Some(4.0));
        assert_eq!(quantile(std::iter::empty(), 0.5), None);
    }

    #[test]
    fn void_and_failed_runs_are_counted_and_left_out() {
        let mut void = row("a", "x", Some(9.0));
        void.void = "late".into();
        let rows = [
            row("a", "x", Some(-0.02)),
            row("a", "x", Some(0.10)),
            void,
            row("a", "x", None),
        ];
        let figures = Figures::of(rows.iter());
        assert_eq!((figures.n, figures.void, figures.failed), (2, 1, 1));
        assert_eq!(figures.median_error, Some(-0.02));
        assert_eq!(figures.p90_abs_error, Some(0.10));
        assert_eq!(figures.coverage, Some(0.5));
        assert_eq!(figures.median_rtt_error_us, Some(500.0));
    }

    #[test]
    fn the_table_has_a_line_for_each_cell() {
        let rows = [
            row("a", "x", Some(0.0)),
            row("b", "x", Some(0.0)),
            row("a", "y", None),
        ];
        let summary = Summary::of(&rows, &["a note".into()]);
        assert_eq!((summary.families.len(), summary.links.len()), (4, 3));
        let text = summary.markdown();
        assert!(text.contains("- a note") && text.contains(gate::RULE));
        let widths: BTreeSet<_> = text
            .lines()
            .filter(|l| l.starts_with("| "))
            .map(|l| l.matches('|').count())
            .collect();
        assert!(widths.len() <= 2, "{text}");
    }
}
