//! The tables that a template may name.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::facts::{Facts, by_operator};
use super::model::{Align, Cell, Column, Table};
use crate::chart::Estimate;
use crate::quantity::Quantity;
use crate::report::reason_name;
use crate::table::{Figures, MonthRow};

/// The table of a name.
///
/// # Errors
///
/// Names a table that is not known, or that wants a ward.
pub(super) fn named(name: &str, facts: &Facts) -> Result<Table> {
    Ok(match name {
        "counts" => counts(facts, &facts.table.rows.iter().collect::<Vec<_>>()),
        "short" => counts(facts, &facts.rows(false).collect::<Vec<_>>()),
        "figures" => figures(facts),
        "reasons" => reasons(&facts.table.total.not_counted),
        "operators" => operators(facts, &facts.together),
        "unit" | "unit_reasons" | "unit_operators" => {
            let Some(unit) = &facts.unit else {
                bail!("table {name:?} is about one ward, and the document is not");
            };
            match name {
                "unit" => about(&unit.row, unit.quota),
                "unit_reasons" => reasons(&unit.row.counts.not_counted),
                _ => operators(facts, &unit.figures),
            }
        }
        _ => bail!("table {name:?} is not known; known: {}", NAMES.join(", ")),
    })
}

const NAMES: [&str; 8] = [
    "counts",
    "short",
    "figures",
    "reasons",
    "operators",
    "unit",
    "unit_reasons",
    "unit_operators",
];

/// A column of words.
fn column(header: &str, width: u16) -> Column {
    aligned(header, width, Align::Left)
}

/// A column of counts or measured values.
fn numbers(header: &str, width: u16) -> Column {
    aligned(header, width, Align::Right)
}

/// A column of ordinals, intervals or verdicts.
fn middle(header: &str, width: u16) -> Column {
    aligned(header, width, Align::Center)
}

fn aligned(header: &str, width: u16, align: Align) -> Column {
    Column {
        header: header.into(),
        width,
        align,
    }
}

fn counts(facts: &Facts, rows: &[&MonthRow]) -> Table {
    let quota = facts.table.quota;
    let line = |(number, row): (u64, &&MonthRow)| {
        vec![
            Cell::Count(number),
            Cell::Text(row.area.full_name.clone()),
            Cell::Count(quota),
            Cell::Count(row.counts.counted),
            Cell::Count(row.counts.devices),
            Cell::Count(row.shortfall),
            Cell::Text(
                if row.reached {
                    "Đạt"
                } else {
                    "Chưa đạt"
                }
                .into(),
            ),
        ]
    };
    let sum = |of: fn(&MonthRow) -> u64| Cell::Count(rows.iter().map(|row| of(row)).sum());
    let reached = rows.iter().filter(|row| row.reached).count();
    let total = vec![
        Cell::Empty,
        Cell::Text("Tổng cộng".into()),
        Cell::Count(quota * rows.len() as u64),
        sum(|row| row.counts.counted),
        // A device may measure in several wards.
        Cell::Empty,
        sum(|row| row.shortfall),
        Cell::Text(format!("Đạt {reached}/{}", rows.len())),
    ];
    Table {
        columns: vec![
            middle("STT", 7),
            column("Địa bàn", 28),
            numbers("Chỉ tiêu", 11),
            numbers("Số mẫu được tính", 14),
            numbers("Số thiết bị", 12),
            numbers("Còn thiếu", 11),
            middle("Kết quả", 16),
        ],
        rows: (1..).zip(rows).map(line).collect(),
        total: Some(total),
    }
}

fn figures(facts: &Facts) -> Table {
    let line = |(number, row): (u64, &MonthRow)| {
        let mut cells = vec![
            Cell::Count(number),
            Cell::Text(row.area.full_name.clone()),
            Cell::Count(row.counts.counted),
        ];
        cells.extend(medians(&row.figures));
        cells
    };
    let total = facts.overall().map(|figures| {
        let mut cells = vec![
            Cell::Empty,
            Cell::Text("Toàn địa bàn".into()),
            Cell::Count(facts.table.total.counted),
        ];
        cells.extend(medians(figures));
        cells
    });
    let mut columns = vec![
        middle("STT", 7),
        column("Địa bàn", 24),
        numbers("Số mẫu", 9),
    ];
    columns.extend(median_columns());
    Table {
        columns,
        rows: (1..).zip(&facts.table.rows).map(line).collect(),
        total,
    }
}

fn operators(facts: &Facts, rows: &[crate::table::FigureRow]) -> Table {
    let line = |(number, row): (u64, &crate::table::FigureRow)| {
        let mut cells = vec![
            Cell::Count(number),
            Cell::Text(facts.brand(&row.operator)),
            Cell::Count(row.tests),
        ];
        cells.extend(medians(&row.figures));
        cells
    };
    let mut columns = vec![
        middle("STT", 7),
        column("Nhà mạng", 20),
        numbers("Số lần đo", 9),
    ];
    columns.extend(median_columns());
    Table {
        columns,
        rows: (1..).zip(by_operator(rows)).map(line).collect(),
        total: None,
    }
}

fn median_columns() -> Vec<Column> {
    let of = |quantity: Quantity| {
        let (title, unit) = (quantity.title(), quantity.unit());
        let mut columns = vec![numbers(&format!("{title} ({unit})"), 12)];
        columns.push(middle("Khoảng 95%", 14));
        columns
    };
    Quantity::ALL.into_iter().flat_map(of).collect()
}

/// Median and interval of each quantity.
fn medians(figures: &Figures) -> Vec<Cell> {
    let of = |quantity: Quantity| {
        let unit = quantity.unit();
        match quantity.estimate(quantity.figure(figures)) {
            Estimate::Known { value, interval } => {
                let ends = interval.map(|ends| crate::chart::between(ends, unit));
                let ends = ends.map_or(Cell::Withheld, Cell::Text);
                [Cell::Quantity(value, unit), ends]
            }
            Estimate::Withheld => [Cell::Withheld, Cell::Empty],
        }
    };
    Quantity::ALL.into_iter().flat_map(of).collect()
}

fn reasons(not_counted: &BTreeMap<String, u64>) -> Table {
    let mut by_name: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, count) in not_counted {
        *by_name.entry(reason_name(code)).or_default() += count;
    }
    let mut rows: Vec<_> = by_name
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    rows.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let line = |(number, (name, count)): (u64, (&str, u64))| {
        vec![
            Cell::Count(number),
            Cell::Text(name.into()),
            Cell::Count(count),
        ]
    };
    Table {
        columns: vec![
            middle("STT", 8),
            column("Lý do không được tính", 60),
            numbers("Số lần đo", 20),
        ],
        rows: (1..).zip(rows).map(line).collect(),
        total: None,
    }
}

/// A ward's own month, a line for each number.
fn about(row: &MonthRow, quota: u64) -> Table {
    let count = |name: &str, count: u64| vec![Cell::Text(name.into()), Cell::Count(count)];
    let mut rows = vec![
        count("Chỉ tiêu (mẫu/tháng)", quota),
        count("Số mẫu được tính", row.counts.counted),
        count("Toàn bộ số mẫu đo di động", row.counts.raw),
        count("Số thiết bị tham gia đo", row.counts.devices),
        count("Còn thiếu so với chỉ tiêu", row.shortfall),
    ];
    for quantity in Quantity::ALL {
        let name = format!("{}, trung vị ({})", quantity.title(), quantity.unit());
        let value = match quantity.estimate(quantity.figure(&row.figures)) {
            Estimate::Known { value, .. } => Cell::Quantity(value, quantity.unit()),
            Estimate::Withheld => Cell::Withheld,
        };
        rows.push(vec![Cell::Text(name), value]);
    }
    Table {
        columns: vec![column("Nội dung", 60), numbers("Kết quả", 25)],
        rows,
        total: None,
    }
}
