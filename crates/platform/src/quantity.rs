//! The quantities that figures are made of, with their units for people.

use metric::figure::Figure;
use metric::unit::to_f64;

use crate::chart::Estimate;
use crate::table::Figures;

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quantity {
    /// Download.
    Download,
    /// Upload.
    Upload,
    /// Round-trip delay without load.
    IdleRtt,
}

impl Quantity {
    /// Every quantity.
    pub const ALL: [Self; 3] = [Self::Download, Self::Upload, Self::IdleRtt];

    /// Its name in the API, the unit in it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download_bits_per_second",
            Self::Upload => "upload_bits_per_second",
            Self::IdleRtt => "idle_rtt_us",
        }
    }

    /// The quantity of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|quantity| quantity.name() == name)
    }

    /// Its Vietnamese name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Download => "Tải xuống",
            Self::Upload => "Tải lên",
            Self::IdleRtt => "Độ trễ",
        }
    }

    /// The unit that people read.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Download | Self::Upload => "Mbit/s",
            Self::IdleRtt => "ms",
        }
    }

    /// A value in the unit that people read.
    pub fn shown(self, value: u64) -> f64 {
        let scale = match self {
            Self::Download | Self::Upload => 1e6,
            Self::IdleRtt => 1e3,
        };
        to_f64(value) / scale
    }

    /// Whether more is better.
    pub const fn more_is_better(self) -> bool {
        !matches!(self, Self::IdleRtt)
    }

    /// Where classes of a map part, in the unit that people read. Those of a
    /// mobile download are i-Speed's; 40 Mbit/s is the national target.
    pub const fn breaks(self) -> [f64; 5] {
        match self {
            Self::Download => [40.0, 80.0, 120.0, 160.0, 200.0],
            Self::Upload => [10.0, 20.0, 30.0, 40.0, 60.0],
            Self::IdleRtt => [20.0, 30.0, 40.0, 60.0, 100.0],
        }
    }

    /// Its figure.
    pub const fn figure(self, figures: &Figures) -> &Figure {
        match self {
            Self::Download => &figures.download_bits_per_second,
            Self::Upload => &figures.upload_bits_per_second,
            Self::IdleRtt => &figures.idle_rtt_us,
        }
    }

    /// The median of a figure with its interval, in the unit that people read.
    pub fn estimate(self, figure: &Figure) -> Estimate {
        match figure.median() {
            Some(median) => Estimate::Known {
                value: self.shown(median),
                interval: figure
                    .median_interval()
                    .map(|ends| ends.map(|end| self.shown(end))),
            },
            None => Estimate::Withheld,
        }
    }
}
