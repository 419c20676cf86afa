//! The table of tests: one row each, coarse enough to be open.

use std::collections::HashMap;

use metric::area::AreaKey;

use super::frame::{Cell, Column, Data, Frame, Kind, Texts};
use super::privacy::{Located, cell_text, hour, merged_cells, public_id};
use crate::store::publication::MonthTest;

macro_rules! columns {
    ($($name:literal $kind:ident $meaning:literal $english:literal;)*) => {
        &[$(Column { name: $name, kind: Kind::$kind, meaning: $meaning, meaning_en: $english }),*]
    };
}
pub(super) use columns;

/// The columns of the table.
pub(super) const COLUMNS: &[Column] = columns! {
    "hour" Text "Giờ đo, theo giờ Việt Nam (UTC+7), làm tròn xuống" "Hour of the test, Vietnam time (UTC+7), rounded down";
    "public_id" Text "Tên của thiết bị trong ngày; đổi mỗi ngày và không nối lại được" "Name of the device on that day; changes every day and cannot be linked";
    "area_code" Text "Mã địa bàn; trống khi không xác định" "Code of the area; empty when in none";
    "area_valid_from" Text "Ngày đầu có hiệu lực của địa bàn; trống: có từ trước khi có dữ liệu" "First day of the area; empty: before records begin";
    "cell" Text "Ô H3 nhỏ nhất (cấp 8 đến 5) có ít nhất 5 thiết bị của địa bàn; trống: chỉ biết địa bàn" "Finest H3 cell (resolution 8 to 5) that at least 5 devices of the area share; empty: the area alone";
    "operator" Text "Nhà mạng, hoặc unknown" "Operator, or unknown";
    "operator_source" Text "Biết nhà mạng nhờ đâu: address, declared, unknown" "How the operator is known: address, declared, unknown";
    "asn" Integer "Số hiệu mạng (AS) của địa chỉ" "Autonomous system of the address";
    "technology" Text "2g, 3g, 4g, 5g, mobile_other, fixed" "2g, 3g, 4g, 5g, mobile_other, fixed";
    "state" Text "accepted, limited, excluded, incomplete" "accepted, limited, excluded, incomplete";
    "reasons" Text "Mọi lý do không được tính, cách nhau bằng dấu cách" "Every reason against the test, separated by spaces";
    "counts_quota_raw" Boolean "Được tính vào chỉ tiêu đếm mọi lần đo" "Counts for a quota that counts every test";
    "counts_quota" Boolean "Được tính vào chỉ tiêu không trùng lặp" "Counts for a quota without repeats";
    "counts_ward" Boolean "Được tính vào số liệu của địa bàn" "Counts for the figures of the area";
    "counts_operator" Boolean "Được tính vào số liệu của nhà mạng" "Counts for the figures of the operator";
    "counts_country" Boolean "Được tính vào số liệu cả nước" "Counts for the figures of the country";
    "download_bits_per_second" Integer "Tốc độ tải xuống, bit/s" "Download, bit/s";
    "upload_bits_per_second" Integer "Tốc độ tải lên, bit/s" "Upload, bit/s";
    "idle_rtt_us" Integer "Độ trễ khi mạng rảnh, µs" "Round-trip delay without load, µs";
    "working_rtt_us" Integer "Độ trễ khi đang tải, µs" "Round-trip delay under load, µs";
    "site" Text "Điểm đo đã ký biên nhận" "Site that signed the receipt";
    "protocol" Text "Giao thức đo" "Protocol";
    "mode" Text "Cách dừng của lần đo" "Mode of the method";
    "method" Integer "Phiên bản phương pháp của lần đo" "Edition of the methodology of the test";
    "key_id" Text "Khóa đã ký biên nhận" "Key that signed the receipt";
};

/// The table under way. Devices are numbers from the first moment on.
#[derive(Debug)]
pub struct TestTable {
    secret: String,
    frame: Frame,
    devices: HashMap<String, u32>,
    areas: HashMap<AreaKey, u32>,
    located: Vec<Option<Located>>,
    /// Device of each row.
    device: Vec<u32>,
}

impl TestTable {
    /// An empty table; `secret` keys the public names of devices.
    pub fn new(secret: String) -> Self {
        Self {
            secret,
            frame: Frame::empty(COLUMNS),
            devices: HashMap::new(),
            areas: HashMap::new(),
            located: vec![],
            device: vec![],
        }
    }

    /// Adds a test.
    pub fn push(&mut self, test: &MonthTest) {
        let next = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        let device = *self.devices.entry(test.device.clone()).or_insert(next);
        self.device.push(device);
        let located = test.area.as_ref().zip(test.cell).map(|(area, cell)| {
            let next = u32::try_from(self.areas.len()).unwrap_or(u32::MAX);
            let area = *self.areas.entry(area.clone()).or_insert(next);
            Located { area, cell, device }
        });
        self.located.push(located);
        self.row(test);
    }

    fn row(&mut self, test: &MonthTest) {
        let hour = hour(test.measured_at);
        let id = public_id(&self.secret, &test.device, test.measured_at);
        let area = test.area.as_ref();
        let from = area
            .and_then(|key| key.valid_from)
            .map(|day| day.to_string());
        let reasons: Vec<_> = test.reasons.iter().map(|reason| reason.code()).collect();
        let reasons = reasons.join(" ");
        let [site, protocol, mode, key] = &test.receipt;
        let number = |value: Option<u64>| Cell::Integer(value.and_then(|v| i64::try_from(v).ok()));
        let counts = test.counts.map(|counts| Cell::Boolean(Some(counts)));
        let mut cells = vec![
            Cell::Text(Some(&hour)),
            Cell::Text(Some(&id)),
            Cell::Text(area.map(|key| key.code.as_str())),
            Cell::Text(from.as_deref()),
            Cell::Text(None),
            Cell::Text(Some(&test.operator)),
            Cell::Text(Some(&test.operator_source)),
            Cell::Integer(test.asn.map(i64::from)),
            Cell::Text(Some(&test.technology)),
            Cell::Text(Some(&test.state)),
            Cell::Text(Some(&reasons)),
        ];
        cells.extend(counts);
        cells.extend(test.values.map(number));
        cells.extend([site, protocol, mode].map(|text| Cell::Text(Some(text))));
        cells.extend([
            Cell::Integer(Some(i64::from(test.method))),
            Cell::Text(Some(key)),
        ]);
        self.frame.push(&cells);
    }

    /// The finished table, in an order that says nothing about the time within
    /// an hour; and the device of each row, for the auditor alone.
    pub fn finish(mut self) -> (Frame, Vec<u32>) {
        let cells = merged_cells(&self.located);
        let texts = cells.iter().map(|cell| cell.map(cell_text));
        let texts: Vec<_> = texts.collect();
        let cells: Texts = texts.iter().map(Option::as_deref).collect();
        let at = COLUMNS.iter().position(|column| column.name == "cell");
        self.frame.data[at.unwrap_or_default()] = Data::Text(cells);
        let mut order: Vec<usize> = (0..self.frame.rows()).collect();
        order.sort_by_cached_key(|row| self.key(*row));
        let ranks = ranked(&self.devices);
        let rank = |row: &usize| ranks[self.device[*row] as usize];
        let devices = order.iter().map(rank).collect();
        (self.frame.reordered(&order), devices)
    }

    /// By place and hour, then by what the row holds: nothing that it hides.
    fn key(&self, row: usize) -> ([String; 4], [Option<i64>; 4], String) {
        let text = |name| self.frame.text(name, row).unwrap_or_default().to_owned();
        let number = |name| self.frame.integer(name, row);
        let place = ["area_code", "area_valid_from", "hour", "public_id"].map(text);
        (place, VALUES.map(number), text("reasons"))
    }
}

/// The columns of measured values.
pub(super) const VALUES: [&str; 4] = [
    "download_bits_per_second",
    "upload_bits_per_second",
    "idle_rtt_us",
    "working_rtt_us",
];

/// Devices numbered by the order of their pseudonyms, in which figures draw
/// them; so an auditor draws the same.
fn ranked(names: &HashMap<String, u32>) -> Vec<u32> {
    let mut sorted: Vec<_> = names.iter().collect();
    sorted.sort();
    let mut ranks = vec![0; sorted.len()];
    for (rank, (_, number)) in (0_u32..).zip(sorted) {
        if let Some(place) = ranks.get_mut(*number as usize) {
            *place = rank;
        }
    }
    ranks
}
