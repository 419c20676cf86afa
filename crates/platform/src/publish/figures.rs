//! The tables that follow from the tests: figures and counts of each area, and
//! the areas themselves.

use metric::area::AreaKey;
use serde_json::Value;

use super::frame::{Cell, Column, Frame, Kind};
use super::tests::columns;
use crate::table::{AreaSummary, FigureRow, FigureTable, QuotaTable};

/// The columns of the table of figures: one row for each area, operator,
/// technology and metric.
pub(super) const FIGURES: &[Column] = columns! {
    "area_code" Text "Mã địa bàn" "Code of the area";
    "area_valid_from" Text "Ngày đầu có hiệu lực của địa bàn" "First day of the area";
    "operator" Text "Nhà mạng, all hoặc unknown" "Operator, all or unknown";
    "technology" Text "Công nghệ; mobile: mọi mạng di động" "Technology; mobile: all mobile ones";
    "metric" Text "Đại lượng, có đơn vị trong tên" "Metric, the unit in its name";
    "tests" Integer "Số lần đo" "Tests";
    "devices" Integer "Số thiết bị" "Devices";
    "device_days" Integer "Số cặp thiết bị và ngày" "Pairs of device and day";
    "state" Text "published: được công bố; withheld: chưa đủ mẫu" "published, or withheld for want of tests";
    "why" Text "Vì sao chưa được công bố" "Why it is withheld";
    "grade" Text "Hạng tin cậy A, B, C" "Grade A, B, C";
    "n" Integer "Số giá trị" "Values";
    "n_effective" Integer "Số lần đo độc lập tương đương" "Independent tests that would say as much";
    "median" Integer "Trung vị" "Median";
    "median_low" Integer "Cận dưới 95 % của trung vị" "Lower end of the 95 % interval of the median";
    "median_high" Integer "Cận trên 95 % của trung vị" "Upper end of the 95 % interval of the median";
    "mean" Integer "Trung bình cộng (định nghĩa của QCVN)" "Arithmetic mean (QCVN's definition)";
    "mean_low" Integer "Cận dưới 95 % của trung bình" "Lower end of the 95 % interval of the mean";
    "mean_high" Integer "Cận trên 95 % của trung bình" "Upper end of the 95 % interval of the mean";
    "p5" Integer "Phân vị 5 %" "5 % quantile";
    "p25" Integer "Phân vị 25 %" "25 % quantile";
    "p75" Integer "Phân vị 75 %" "75 % quantile";
    "p95" Integer "Phân vị 95 %" "95 % quantile";
};

/// The columns that the table of tests alone does not give, because they need
/// to know which days belong to one device.
pub(super) const OF_DEVICES: [&str; 9] = [
    "devices",
    "state",
    "why",
    "grade",
    "n_effective",
    "median_low",
    "median_high",
    "mean_low",
    "mean_high",
];

/// The table of figures.
pub fn figures(tables: &[FigureTable]) -> Frame {
    let mut frame = Frame::empty(FIGURES);
    for table in tables {
        let from = table.area.valid_from.map(|day| day.to_string());
        for row in &table.figures {
            for (metric, figure) in of_metrics(row) {
                push(
                    &mut frame,
                    [&table.area.code, from.as_deref().unwrap_or_default()],
                    row,
                    metric,
                    &figure,
                );
            }
        }
    }
    frame
}

/// Every figure of a row by its name, as the API writes it.
fn of_metrics(row: &FigureRow) -> Vec<(String, Value)> {
    let figures = serde_json::to_value(row.figures).unwrap_or_default();
    let members = figures.as_object().cloned().unwrap_or_default();
    let has_state = |(_, figure): &(String, Value)| figure.get("state").is_some();
    members.into_iter().filter(has_state).collect()
}

fn push(
    frame: &mut Frame,
    [code, from]: [&str; 2],
    row: &FigureRow,
    metric: String,
    figure: &Value,
) {
    let text = |name: &str| figure.get(name).and_then(Value::as_str);
    let number = |name: &str| Cell::Integer(figure.get(name).and_then(Value::as_i64));
    let end = |name: &str, at: usize| {
        let ends = figure.get(format!("{name}_interval"));
        Cell::Integer(ends.and_then(|ends| ends.get(at)).and_then(Value::as_i64))
    };
    let count = |n: u64| Cell::Integer(i64::try_from(n).ok());
    frame.push(&[
        Cell::Text(Some(code)),
        Cell::Text(Some(from)),
        Cell::Text(Some(&row.operator)),
        Cell::Text(Some(&row.technology)),
        Cell::Text(Some(&metric)),
        count(row.tests),
        count(row.devices),
        count(row.device_days),
        Cell::Text(text("state")),
        Cell::Text(text("why")),
        Cell::Text(text("grade")),
        number("n"),
        number("n_effective"),
        number("median"),
        end("median", 0),
        end("median", 1),
        number("mean"),
        end("mean", 0),
        end("mean", 1),
        number("p5"),
        number("p25"),
        number("p75"),
        number("p95"),
    ]);
}

/// The columns of the table of counts.
pub(super) const COUNTS: &[Column] = columns! {
    "area_code" Text "Mã địa bàn" "Code of the area";
    "area_valid_from" Text "Ngày đầu có hiệu lực của địa bàn" "First day of the area";
    "measure" Text "raw, qualified, devices, hoặc reason: và lý do không được tính" "raw, qualified, devices, or reason: and a reason for not counting";
    "count" Integer "Số lượng" "Count";
};

/// The table of counts. Reasons of refused submissions stand among the others;
/// they are in no row of the tests.
pub fn counts(tables: &[QuotaTable]) -> Frame {
    let mut frame = Frame::empty(COUNTS);
    for table in tables {
        let counts = &table.counts;
        let fixed = [
            ("raw", counts.raw),
            ("qualified", counts.qualified),
            ("devices", counts.devices),
        ];
        for (measure, count) in fixed {
            push_count(&mut frame, &table.area, measure, count);
        }
        for (reason, count) in &counts.not_counted {
            push_count(&mut frame, &table.area, &format!("reason:{reason}"), *count);
        }
    }
    frame
}

fn push_count(frame: &mut Frame, area: &AreaSummary, measure: &str, count: u64) {
    let from = area.valid_from.map(|day| day.to_string());
    frame.push(&[
        Cell::Text(Some(&area.code)),
        Cell::Text(from.as_deref()),
        Cell::Text(Some(measure)),
        Cell::Integer(i64::try_from(count).ok()),
    ]);
}

/// The columns of the table of areas.
pub(super) const AREAS: &[Column] = columns! {
    "code" Text "Mã địa bàn theo danh mục" "Code of the official list";
    "valid_from" Text "Ngày đầu có hiệu lực; trống: có từ trước khi có dữ liệu" "First day; empty: before records begin";
    "valid_to" Text "Ngày đầu hết hiệu lực; trống: còn hiệu lực" "First day no longer valid; empty: still valid";
    "name" Text "Tên" "Name";
    "full_name" Text "Tên đầy đủ" "Name with its kind";
    "approximate" Boolean "Ranh giới gần đúng, không chính thức" "Borders drawn roughly, not official";
    "rule" Text "Chỉ tiêu đếm theo: raw hoặc qualified" "Which tests the quota counts: raw or qualified";
    "quota" Integer "Chỉ tiêu mỗi tháng; trống: không có" "Tests owed a month; empty: none";
};

/// The table of areas.
pub fn areas(tables: &[QuotaTable]) -> Frame {
    let mut frame = Frame::empty(AREAS);
    for QuotaTable {
        area, rule, quota, ..
    } in tables
    {
        let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
        let (from, to) = (day(area.valid_from), day(area.valid_to));
        let rule = serde_json::to_value(rule).unwrap_or_default();
        frame.push(&[
            Cell::Text(Some(&area.code)),
            Cell::Text(from.as_deref()),
            Cell::Text(to.as_deref()),
            Cell::Text(Some(&area.name)),
            Cell::Text(Some(&area.full_name)),
            Cell::Boolean(Some(area.approximate)),
            Cell::Text(rule.as_str()),
            Cell::Integer(quota.and_then(|n| i64::try_from(n).ok())),
        ]);
    }
    frame
}

/// The key of the area in a row of the table of areas.
pub(super) fn area_of(frame: &Frame, row: usize) -> AreaKey {
    AreaKey {
        code: frame.text("code", row).unwrap_or_default().to_owned(),
        valid_from: frame
            .text("valid_from", row)
            .and_then(|day| day.parse().ok()),
    }
}
