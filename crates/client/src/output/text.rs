//! The result for people, in Vietnamese or English.

use std::fmt::Write as _;

use metric::bottleneck::{self, Bottleneck};
use metric::goodput::StopReason;
use metric::submission::ObservedSubtest;
use metric::unit::BitRate;
use wire::native::message::DataNotice;

use super::choice;
use super::json::Submitted;
use super::latency::{self, decimal};
use crate::run::Outcome;
use crate::trouble::Trouble;

/// A few lines for a terminal.
pub fn text(outcome: &Outcome, submitted: &Submitted, english: bool) -> String {
    let say = |vi: &'static str, en: &'static str| if english { en } else { vi };
    let observed = &outcome.observed;
    let none = say("không đo được", "not measured");
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<22}{value}");
    };
    line(
        say("Tải xuống", "Download"),
        direction(observed.download.as_ref(), none, english),
    );
    line(
        say("Tải lên", "Upload"),
        direction(observed.upload.as_ref(), none, english),
    );
    for (name, value) in latency::lines(observed, english) {
        line(name, value);
    }
    line(
        say("Dữ liệu đã dùng", "Data used"),
        megabytes(outcome.used_bytes(), english),
    );
    line(
        say("Giới hạn bởi", "Limited by"),
        limits(outcome, none, english),
    );
    if let Some(trouble) = outcome.trouble {
        line(say("Sự cố", "Trouble"), troubled(trouble, english).into());
    }
    line(say("Điểm đo", "Site"), outcome.session.site.clone());
    for (name, value) in choice::lines(observed, english) {
        line(name, value);
    }
    line(
        say("Mã lần đo", "Test"),
        outcome.session.test_id.to_string(),
    );
    line(
        say("Được tính?", "Does it count?"),
        counted(submitted, english),
    );
    out
}

/// What limited each direction, where one was measured.
fn limits(outcome: &Outcome, none: &str, english: bool) -> String {
    let (receipt, observed) = (outcome.receipt.as_ref(), &outcome.observed);
    let say = |vi: &'static str, en: &'static str| if english { en } else { vi };
    let directions = [
        (
            say("tải xuống", "download"),
            bottleneck::download(receipt, observed),
        ),
        (
            say("tải lên", "upload"),
            bottleneck::upload(receipt, observed),
        ),
    ];
    let said: Vec<String> = directions
        .into_iter()
        .filter_map(|(name, by)| Some(format!("{name}: {}", limited_by(by?, english))))
        .collect();
    if said.is_empty() {
        none.into()
    } else {
        said.join("; ")
    }
}

/// What went wrong, and what to do.
const fn troubled(trouble: Trouble, english: bool) -> &'static str {
    let (vi, en) = match trouble {
        Trouble::Offline => (
            "mất kết nối; hãy đến nơi có sóng tốt hơn rồi đo lại",
            "the connection was lost; measure again where the signal is better",
        ),
        Trouble::Cut => (
            "kết nối bị cắt giữa chừng; hãy đo lại",
            "the connections were cut; measure again",
        ),
        Trouble::Blocked => (
            "mạng này chen vào kết nối đo; hãy đăng nhập mạng hoặc dùng mạng khác",
            "something on the way interferes; sign in to the network, or use another",
        ),
        Trouble::SiteError => (
            "điểm đo trả lời sai; hãy dùng điểm đo khác",
            "the site refused, or said what cannot be true; use another",
        ),
        Trouble::Interrupted => (
            "máy đã ngủ khi đang đo; hãy giữ máy thức rồi đo lại",
            "this device slept while measuring; keep it awake and measure again",
        ),
    };
    if english { en } else { vi }
}

const fn limited_by(by: Bottleneck, english: bool) -> &'static str {
    let (vi, en) = match by {
        Bottleneck::ReceiveWindow => ("cửa sổ nhận", "the receive window"),
        Bottleneck::Sender => ("bên gửi", "the sender"),
        Bottleneck::Network => ("mạng", "the network"),
        Bottleneck::ClientCpu => (
            "thiết bị đo quá tải",
            "this device, which could not keep up",
        ),
        Bottleneck::Unknown => ("không rõ", "not known"),
    };
    if english { en } else { vi }
}

fn direction(subtest: Option<&ObservedSubtest>, none: &str, english: bool) -> String {
    let Some(rate) = subtest.and_then(|s| s.goodput_bits_per_second) else {
        let spent = subtest.is_some_and(|s| s.stop_reason == StopReason::ByteCap);
        let why = match (spent, english) {
            (false, _) => "",
            (true, false) => " (hết hạn mức dữ liệu trước khi đủ để tính)",
            (true, true) => " (the data budget was spent before there was enough to tell)",
        };
        return format!("{none}{why}");
    };
    let interval = subtest.and_then(|s| s.interval_bits_per_second);
    let interval = interval.map(|[low, high]| {
        format!(
            "  (95 %: {} – {})",
            megabits(low, english),
            megabits(high, english)
        )
    });
    format!(
        "{} Mbit/s{}",
        megabits(rate, english),
        interval.unwrap_or_default()
    )
}

/// Mbit/s with three significant digits, and the language's decimal mark.
fn megabits(rate: BitRate, english: bool) -> String {
    let (whole, thousandths) = (rate.0 / 1_000_000, rate.0 % 1_000_000 / 1_000);
    let text = match whole {
        0..=9 => format!("{whole}.{:02}", thousandths / 10),
        10..=99 => format!("{whole}.{}", thousandths / 100),
        _ => whole.to_string(),
    };
    decimal(text, english)
}

/// What a test may cost, before it begins. Both directions together.
pub fn notice(data: &DataNotice, english: bool) -> String {
    let expected = megabytes(2 * data.expected_bytes, english);
    let rate = megabits(data.assumed_bits_per_second, english);
    let most = data.most_bytes.map(|most| megabytes(2 * most, english));
    match (most, english) {
        (Some(most), false) => {
            format!("Dữ liệu: nhiều nhất {most}, khoảng {expected} nếu mạng chạy {rate} Mbit/s")
        }
        (None, false) => {
            format!("Dữ liệu: không giới hạn, khoảng {expected} nếu mạng chạy {rate} Mbit/s")
        }
        (Some(most), true) => {
            format!("Data: at most {most}, about {expected} on a line of {rate} Mbit/s")
        }
        (None, true) => {
            format!("Data: no limit, about {expected} on a line of {rate} Mbit/s")
        }
    }
}

fn megabytes(bytes: u64, english: bool) -> String {
    decimal(
        format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        english,
    )
}

fn counted(submitted: &Submitted, english: bool) -> String {
    let say = |vi: &str, en: &str| String::from(if english { en } else { vi });
    match submitted {
        Submitted::NotWanted => say("không gửi (--no-submit)", "not submitted (--no-submit)"),
        Submitted::NoReceipt => say(
            "không: điểm đo không trả biên nhận",
            "no: the site gave no receipt",
        ),
        Submitted::Queued(why) => {
            format!("{}: {why}", say("đang chờ gửi lại", "waiting to be sent"))
        }
        Submitted::Refused(why) => format!("{}: {why}", say("bị từ chối", "refused")),
        Submitted::Acknowledged(known) if known.reasons.is_empty() => {
            let area = known
                .more
                .get("area")
                .and_then(|area| area["full_name"].as_str());
            format!(
                "{}{}",
                say("có", "yes"),
                area.map(|a| format!(" – {a}")).unwrap_or_default()
            )
        }
        Submitted::Acknowledged(known) => {
            let reasons: Vec<_> = known.reasons.iter().map(|r| reason(r, english)).collect();
            format!(
                "{}: {}",
                say("một phần hoặc không", "in part or not"),
                reasons.join("; ")
            )
        }
    }
}

/// A reason in words; a code not known here stays a code.
fn reason(code: &str, english: bool) -> String {
    let (vi, en) = match code {
        "incomplete" => ("đo chưa trọn vẹn", "a direction was not finished"),
        "too_old" => ("gửi quá muộn", "submitted too late"),
        "from_future" => ("giờ ở tương lai", "dated in the future"),
        "not_mobile" => ("không phải mạng di động", "not a mobile network"),
        "unlocated" => ("không rõ vị trí", "no position, or one too vague"),
        "outside" => ("ngoài địa bàn", "outside every area"),
        "repeat" => ("đo lặp", "repeats a test made just before"),
        "client_limited" => ("thiết bị đo quá tải", "this device could not keep up"),
        other => (other, other),
    };
    if english { en.into() } else { vi.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_may_cost_is_told_in_both_languages() {
        let data = DataNotice {
            connection: None,
            most_bytes: Some(25_000_000),
            expected_bytes: 12_500_000,
            assumed_bits_per_second: BitRate(40_000_000),
        };
        assert_eq!(
            notice(&data, false),
            "Dữ liệu: nhiều nhất 50,0 MB, khoảng 25,0 MB nếu mạng chạy 40,0 Mbit/s"
        );
        let without = DataNotice {
            most_bytes: None,
            ..data
        };
        assert_eq!(
            notice(&without, true),
            "Data: no limit, about 25.0 MB on a line of 40.0 Mbit/s"
        );
    }

    #[test]
    fn three_digits_are_shown() {
        let vi = |rate| megabits(BitRate(rate), false);
        assert_eq!(vi(1_234_567), "1,23");
        assert_eq!(vi(48_219_000), "48,2");
        assert_eq!(vi(948_219_000), "948");
        assert_eq!(megabits(BitRate(48_219_000), true), "48.2");
    }
}
