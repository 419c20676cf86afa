//! The columns of the month's table, in Vietnamese, for both kinds of file.

use metric::figure::Figure;
use metric::unit::to_f64;
use metric::validity::Reason;

use crate::table::{MonthRow, MonthTable};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing to say.
    Empty,
    Text(String),
    Count(u64),
    /// In Mbit/s or ms.
    Quantity(f64),
}

/// A column of the table.
pub(super) struct Column {
    pub(super) header: String,
    /// In characters.
    pub(super) width: u8,
    /// Whether the total row holds the sum of the column.
    pub(super) summed: bool,
    value: Box<dyn Fn(&Line<'_>) -> Cell>,
}

/// A row of the table and its surroundings.
struct Line<'a> {
    number: u64,
    row: &'a MonthRow,
    table: &'a MonthTable,
}

/// Every column in order.
pub(super) fn columns() -> Vec<Column> {
    let mut columns = counts();
    columns.extend(rates("Tải xuống", |row| {
        row.figures.download_bits_per_second
    }));
    columns.extend(rates("Tải lên", |row| {
        row.figures.upload_bits_per_second
    }));
    columns.extend(delays());
    columns.extend(reasons());
    columns.push(text("Ghi chú", 34, note));
    columns
}

/// The rows of the table without its total.
pub(super) fn rows(table: &MonthTable, columns: &[Column]) -> Vec<Vec<Cell>> {
    let line = |(number, row)| Line { number, row, table };
    let lines = (1..).zip(&table.rows).map(line);
    lines
        .map(|line| columns.iter().map(|c| (c.value)(&line)).collect())
        .collect()
}

/// The total row: sums of the rows where a sum means something.
pub(super) fn total(table: &MonthTable, columns: &[Column], rows: &[Vec<Cell>]) -> Vec<Cell> {
    let sum = |i: usize| Cell::Count(rows.iter().map(|row| count(&row[i])).sum());
    let reached = format!("{}/{}", table.total.reached_areas, table.total.areas);
    let value = |(i, column): (usize, &Column)| match column.header.as_str() {
        AREA => Cell::Text("Tổng cộng".into()),
        REACHED => Cell::Text(reached.clone()),
        _ if column.summed => sum(i),
        _ => Cell::Empty,
    };
    columns.iter().enumerate().map(value).collect()
}

fn counts() -> Vec<Column> {
    vec![
        single(number("STT", 5, |line| line.number)),
        text("Mã", 8, |line| line.row.area.code.clone()),
        text(AREA, 22, |line| line.row.area.full_name.clone()),
        number("Chỉ tiêu", 10, |line| line.row.quota),
        number("Được tính", 10, |line| line.row.counts.counted),
        number("Toàn bộ", 10, |line| line.row.counts.raw),
        number("Không trùng lặp", 10, |line| line.row.counts.qualified),
        // A device may measure in several areas.
        single(number("Số thiết bị", 10, |line| {
            line.row.counts.devices
        })),
        number("Còn thiếu", 10, |line| line.row.shortfall),
        text(REACHED, 9, |line| {
            let reached = line.row.reached;
            if reached { "Đạt" } else { "Chưa đạt" }.into()
        }),
    ]
}

const AREA: &str = "Phường";
const REACHED: &str = "Đạt";

fn rates(direction: &str, of: fn(&MonthRow) -> Figure) -> Vec<Column> {
    figure_columns(direction, "Mbit/s", 1e6, of)
}

fn delays() -> Vec<Column> {
    figure_columns("Độ trễ", "ms", 1e3, |row| row.figures.idle_rtt_us)
}

/// Median and the two ends of its interval.
fn figure_columns(what: &str, unit: &str, scale: f64, of: fn(&MonthRow) -> Figure) -> Vec<Column> {
    let column = |part: Part| Column {
        header: format!("{what}: {} ({unit})", part.name()),
        width: 13,
        summed: false,
        value: Box::new(move |line| quantity(of(line.row), part, scale)),
    };
    Part::ALL.into_iter().map(column).collect()
}

fn quantity(figure: Figure, part: Part, scale: f64) -> Cell {
    match (figure, part.of(figure)) {
        (_, Some(value)) => Cell::Quantity(to_f64(value) / scale),
        (Figure::Withheld { .. }, None) => Cell::Text("chưa đủ mẫu".into()),
        (Figure::Published { .. }, None) => Cell::Empty,
    }
}

/// What a column shows of a figure.
#[derive(Clone, Copy)]
enum Part {
    Median,
    Low,
    High,
}

impl Part {
    const ALL: [Self; 3] = [Self::Median, Self::Low, Self::High];

    const fn name(self) -> &'static str {
        match self {
            Self::Median => "trung vị",
            Self::Low => "cận dưới 95%",
            Self::High => "cận trên 95%",
        }
    }

    fn of(self, figure: Figure) -> Option<u64> {
        let Figure::Published {
            median,
            median_interval,
            ..
        } = figure
        else {
            return None;
        };
        match self {
            Self::Median => Some(median),
            Self::Low => median_interval.map(|interval| interval[0]),
            Self::High => median_interval.map(|interval| interval[1]),
        }
    }
}

/// Why tests are not counted: each reason, and refusals in three columns.
fn reasons() -> Vec<Column> {
    let own = Reason::ALL.map(|reason| (label(reason), reason.code()));
    let refusals = [
        ("Biên nhận không hợp lệ", "receipt_invalid"),
        ("Gửi trùng", "duplicate"),
    ];
    let column = |(label, code): (&str, &'static str)| {
        number(&format!("Không tính: {label}"), 12, move |line| {
            let reasons = &line.row.counts.not_counted;
            reasons.get(code).copied().unwrap_or(0)
        })
    };
    let mut columns: Vec<_> = own.into_iter().chain(refusals).map(column).collect();
    let other = "Không tính: Từ chối khác";
    columns.push(number(other, 12, |line| other_refusals(line.row)));
    columns
}

fn other_refusals(row: &MonthRow) -> u64 {
    let has_column = |code: &str| {
        matches!(code, "receipt_invalid" | "duplicate")
            || Reason::ALL.iter().any(|reason| reason.code() == code)
    };
    let reasons = row.counts.not_counted.iter();
    let others = reasons.filter(|(code, _)| !has_column(code));
    others.map(|(_, count)| count).sum()
}

/// Why tests are not counted, by the code of the reason.
pub(crate) fn reason_name(code: &str) -> &'static str {
    let own = Reason::ALL.into_iter().find(|reason| reason.code() == code);
    match (own, code) {
        (Some(reason), _) => label(reason),
        (None, "receipt_invalid") => "Biên nhận không hợp lệ",
        (None, "duplicate") => "Gửi trùng",
        (None, _) => "Từ chối khác",
    }
}

const fn label(reason: Reason) -> &'static str {
    match reason {
        Reason::Incomplete => "Đo chưa trọn vẹn",
        Reason::TooOld => "Gửi quá muộn",
        Reason::FromFuture => "Giờ ở tương lai",
        Reason::NotMobile => "Không phải mạng di động",
        Reason::Unlocated => "Không rõ vị trí",
        Reason::Outside => "Ngoài địa bàn",
        Reason::Repeat => "Đo lặp",
        Reason::ClientLimited => "Thiết bị đo quá tải",
        Reason::DeviceCap => "Quá số lần của một máy",
        Reason::MockLocation => "Vị trí giả",
        Reason::ImpossibleTravel => "Di chuyển quá nhanh",
        Reason::OperatorMismatch => "Nhà mạng khai khác",
        Reason::RoamingOrVpn => "Chuyển vùng hoặc VPN",
        Reason::ForeignAddress => "Địa chỉ nước ngoài",
        Reason::Implausible => "Số liệu bất thường",
    }
}

fn note(line: &Line<'_>) -> String {
    let notes = [
        line.table.synthetic.then_some(SYNTHETIC),
        line.row.area.approximate.then_some("Ranh giới gần đúng"),
    ];
    notes.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Says that the numbers are those of a simulation.
pub(super) const SYNTHETIC: &str = "SỐ LIỆU MÔ PHỎNG";

fn text(header: &str, width: u8, of: impl Fn(&Line<'_>) -> String + 'static) -> Column {
    Column {
        header: header.to_owned(),
        width,
        summed: false,
        value: Box::new(move |line| Cell::Text(of(line))),
    }
}

fn number(header: &str, width: u8, of: impl Fn(&Line<'_>) -> u64 + 'static) -> Column {
    Column {
        header: header.to_owned(),
        width,
        summed: true,
        value: Box::new(move |line| Cell::Count(of(line))),
    }
}

/// A column whose sum means nothing.
fn single(column: Column) -> Column {
    Column {
        summed: false,
        ..column
    }
}

const fn count(cell: &Cell) -> u64 {
    match cell {
        Cell::Count(count) => *count,
        _ => 0,
    }
}
