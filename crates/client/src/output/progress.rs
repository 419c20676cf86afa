//! A live display on the terminal.

use indicatif::{ProgressBar, ProgressStyle};
use metric::unit::Micros;

use crate::run::Progress;

/// Shows how far a test is; silent when standard error is no terminal.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    english: bool,
}

/// What one direction is expected to take, for the length of the bar.
const EXPECTED: Micros = Micros(11_500_000);

impl Bar {
    /// A bar in Vietnamese or English.
    pub fn new(english: bool) -> Self {
        let bar = ProgressBar::new(EXPECTED.0);
        let style = ProgressStyle::with_template("{spinner:.green} {msg:44} {bar:24.green/dim}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        Self { bar, english }
    }

    /// Shows a step.
    pub fn show(&self, progress: Progress<'_>) {
        let say = |vi: &str, en: &str| String::from(if self.english { en } else { vi });
        let rate = |name: String, rate: metric::unit::BitRate| {
            format!("{name} {:>6} Mbit/s", rate.0 / 1_000_000)
        };
        let (message, at) = match progress {
            Progress::Session { site, .. } => {
                (format!("{} {site}", say("Điểm đo", "Site")), Micros(0))
            }
            Progress::Idle => (say("Đang đo độ trễ", "Measuring latency"), Micros(0)),
            Progress::Download(r, at) => (rate(say("Tải xuống", "Download"), r), at),
            Progress::Upload(r, at) => (rate(say("Tải lên", "Upload"), r), at),
            Progress::Loss => (say("Đang đo mất gói", "Measuring loss"), EXPECTED),
            Progress::Receipt => (say("Đang lấy biên nhận", "Fetching the receipt"), EXPECTED),
        };
        self.bar.set_message(message);
        self.bar.set_position(at.0.min(EXPECTED.0));
    }

    /// Clears the display.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
