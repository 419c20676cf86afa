//! What the files of a month hold, for programs and for people.

use anyhow::Result;
use metric::month::Month;
use serde_json::{Value, json};

use super::TABLES;
use super::frame::Column;

/// The data dictionary as JSON.
pub(super) fn json() -> Result<Vec<u8>> {
    let column = |column: &Column| {
        json!({"name": column.name, "kind": column.kind, "absent": true,
               "meaning": {"vi": column.meaning, "en": column.meaning_en}})
    };
    let table = |(name, columns): &(&str, &[Column])| {
        let columns: Vec<Value> = columns.iter().map(column).collect();
        json!({"name": name, "files": [format!("{name}.csv"), format!("{name}.parquet")], "columns": columns})
    };
    let tables: Vec<Value> = TABLES.iter().map(table).collect();
    let mut bytes = serde_json::to_vec_pretty(&json!({"dictionary": "1", "tables": tables}))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The same for people, with what is hidden and how to check.
pub(super) fn readme(month: Month, synthetic: bool, edition: u16) -> String {
    let mut text = format!("# Số liệu mở ispeed, tháng {month}\n\n");
    if synthetic {
        text += "**SỐ LIỆU MÔ PHỎNG: mọi con số do máy tạo ra để trình diễn, không phải kết quả đo thật.**\n\n";
    }
    text += &format!("Phương pháp bản {edition}.\n\n{ABOUT}");
    for (name, columns) in TABLES {
        text += &format!(
            "\n## {name}.csv, {name}.parquet\n\n| cột | kiểu | ý nghĩa |\n|---|---|---|\n"
        );
        for column in columns {
            let kind = format!("{:?}", column.kind).to_lowercase();
            text += &format!("| `{}` | {kind} | {} |\n", column.name, column.meaning);
        }
    }
    text
}

const ABOUT: &str = "\
Mỗi bảng có hai tệp giống hệt nhau về nội dung: CSV (UTF-8, dấu phẩy, ô trống là không có giá trị) và Parquet.
Đơn vị nằm trong tên cột: `_bits_per_second` là bit/s, `_us` là micro giây.

**Bảo vệ người đo.** Không có vị trí chính xác, địa chỉ hay mã thiết bị.
Giờ đo được làm tròn xuống; tên của thiết bị đổi mỗi ngày; ô H3 chỉ được ghi khi có ít nhất 5 thiết bị cùng địa bàn trong ô, nếu không thì dùng ô lớn hơn.

**Kiểm tra.** `ispeed verify month THƯ_MỤC` kiểm tra chữ ký, so CSV với Parquet từng ô, và tính lại các bảng từ `tests.csv`.
Số thiết bị, hạng và khoảng tin cậy cần biết những ngày nào thuộc cùng một thiết bị, điều mà số liệu mở không cho biết; người kiểm toán được giao tệp riêng (`--audit`) để tính lại cả các cột này.
";
