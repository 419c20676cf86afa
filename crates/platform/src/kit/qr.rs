//! A link as a QR code (ISO/IEC 18004), drawn as SVG.

use std::fmt::Write as _;

use anyhow::{Result, anyhow, ensure};
use base64::Engine as _;
use fast_qr::{ECL, QRBuilder, QRCode};

/// How much of a code may be dirty or covered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// 7 %.
    Low,
    /// 15 %.
    Medium,
    /// 25 %.
    Quartile,
    /// 30 %; needed where a logo covers the middle.
    High,
}

/// A code.
pub struct Qr {
    code: QRCode,
    logo: Option<Vec<u8>>,
}

/// White modules around a code, which readers need.
const QUIET: usize = 4;

/// Smallest width of a module that phones read from paper, mm.
const SMALLEST_MM: f64 = 0.4;

/// Share of the width that a logo takes: 4 % of the area.
const LOGO: f64 = 0.2;

impl Qr {
    /// The code of a link, perhaps with a logo (PNG or SVG) in its middle.
    ///
    /// # Errors
    ///
    /// Names a link that is none or too long, or a logo that the level cannot bear.
    pub fn of(link: &str, level: Level, logo: Option<Vec<u8>>) -> Result<Self> {
        let web = link.starts_with("https://") || link.starts_with("http://");
        let plain = !link.contains(|c: char| c.is_whitespace() || c.is_control());
        ensure!(
            web && plain && link.len() <= LONGEST,
            "link {link:?} is no web address of at most {LONGEST} letters without spaces, \
             expected for example https://do.example.vn/areas/26740"
        );
        ensure!(
            logo.is_none() || level == Level::High,
            "logo covers a part of the code, which only level h bears; the level is {level}"
        );
        let built = QRBuilder::new(link).ecl(level.into()).build();
        let code = built.map_err(|_| anyhow!("link {link:?} is too long for a QR code"))?;
        Ok(Self { code, logo })
    }

    /// Modules from edge to edge, with the white around them.
    pub fn modules(&self) -> usize {
        self.code.size + 2 * QUIET
    }

    /// Checks that phones can read the code at a printed width.
    ///
    /// # Errors
    ///
    /// Names the width and the least that would do.
    pub fn fits(&self, millimetres: f64) -> Result<()> {
        let least = (metric::unit::to_f64(self.modules() as u64) * SMALLEST_MM).ceil();
        ensure!(
            (least..=MOST_MM).contains(&millimetres),
            "size is {millimetres} mm, expected {least} to {MOST_MM} mm for a code of {} modules",
            self.modules()
        );
        Ok(())
    }

    /// The code as SVG, a unit to a module.
    pub fn svg(&self) -> String {
        let all = self.modules();
        let mut dark = String::new();
        for y in 0..self.code.size {
            for x in (0..self.code.size).filter(|x| self.code[y][*x].value()) {
                let _ = write!(dark, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
        let logo = self.logo.as_deref().map(|logo| badge(logo, all));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {all} {all}\" width=\"{all}\" \
             height=\"{all}\" shape-rendering=\"crispEdges\"><rect width=\"{all}\" \
             height=\"{all}\" fill=\"#FFFFFF\"/><path d=\"{dark}\" fill=\"#000000\"/>{}</svg>\n",
            logo.unwrap_or_default()
        )
    }
}

const LONGEST: usize = 300;
/// The width of a sheet of A4 between its margins.
const MOST_MM: f64 = 180.0;

/// A logo in the middle, on white.
fn badge(logo: &[u8], modules: usize) -> String {
    let all = metric::unit::to_f64(modules as u64);
    let width = ((all - 2.0 * metric::unit::to_f64(QUIET as u64)) * LOGO).floor();
    let at = (all - width) / 2.0;
    let kind = if logo.starts_with(b"\x89PNG") {
        "image/png"
    } else {
        "image/svg+xml"
    };
    let data = base64::engine::general_purpose::STANDARD.encode(logo);
    format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#FFFFFF\"/><image x=\"{at}\" \
         y=\"{at}\" width=\"{width}\" height=\"{width}\" href=\"data:{kind};base64,{data}\"/>",
        at - 0.5,
        at - 0.5,
        width + 1.0,
        width + 1.0
    )
}

impl From<Level> for ECL {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Self::L,
            Level::Medium => Self::M,
            Level::Quartile => Self::Q,
            Level::High => Self::H,
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Low => "l",
            Self::Medium => "m",
            Self::Quartile => "q",
            Self::High => "h",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://do.example.vn/areas/26740";

    #[test]
    fn a_wrong_link_size_or_logo_is_named() {
        let refused = |link: &str, level, logo| {
            let error = Qr::of(link, level, logo).err();
            error.map(|error| error.to_string()).unwrap_or_default()
        };
        for link in [
            "",
            "do.example.vn",
            "javascript:x",
            "https://a b",
            &"https://a/".repeat(40),
        ] {
            assert!(
                refused(link, Level::Medium, None).starts_with("link "),
                "{link}"
            );
        }
        let logo = refused(LINK, Level::Medium, Some(vec![1]));
        assert!(logo.contains("the level is m"), "{logo}");
        let qr = Qr::of(LINK, Level::Quartile, None).unwrap();
        assert!(qr.fits(40.0).is_ok());
        for size in [0.0, 5.0, 400.0, f64::NAN] {
            let error = qr.fits(size).unwrap_err().to_string();
            assert!(error.starts_with("size is "), "{error}");
        }
    }
}
