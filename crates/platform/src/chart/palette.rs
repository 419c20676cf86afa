//! Colours, dashes, markers and patterns.
//!
//! Six colours for series, at least 3:1 against white (WCAG 2.1, 1.4.11) and
//! apart from one another for every common kind of colour blindness; the test
//! computes both. Ramps have one hue and fall in luminance, so that they also
//! read in grey.

/// How one series looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) colour: &'static str,
    /// Dash pattern of the line; empty for a solid one.
    pub(super) dash: &'static str,
    pub(super) marker: Marker,
}

/// Shape of a point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Cross,
}

/// The style of the series with a number; they repeat after six.
pub(super) fn style(series: usize) -> Style {
    STYLES[series % STYLES.len()]
}

const STYLES: [Style; 6] = [
    look("#0B63A8", "", Marker::Circle),
    look("#C36C13", "7 3", Marker::Square),
    look("#1B1B1B", "2 3", Marker::Triangle),
    look("#EE2371", "10 3 2 3", Marker::Diamond),
    look("#7520DA", "4 2", Marker::Down),
    look("#62380D", "1 2", Marker::Cross),
];

const fn look(colour: &'static str, dash: &'static str, marker: Marker) -> Style {
    Style {
        colour,
        dash,
        marker,
    }
}

/// A ramp of six from light to dark, for classes and heat maps.
pub(super) const RAMP: [&str; 6] = [
    "#EEF5FB", "#C6DDF0", "#8FBDE0", "#4F93C8", "#1F669F", "#0A3A66",
];

/// Ink that reads on a step of the ramp.
pub(super) const fn ink_on(step: usize) -> &'static str {
    if step < 3 { INK } else { "#FFFFFF" }
}

pub(super) const INK: &str = "#12202B";
pub(super) const SOFT: &str = "#4D5D69";
pub(super) const GRID: &str = "#D3DCE2";
pub(super) const ALARM: &str = "#B3261E";

#[cfg(test)]
mod tests {
    use super::*;

    type Linear = [f64; 3];

    fn linear(hex: &str) -> Linear {
        [1, 3, 5].map(|at| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn dot(row: Linear, c: Linear) -> f64 {
        row.iter().zip(c).map(|(m, x)| m * x).sum()
    }

    fn luminance(c: Linear) -> f64 {
        dot([0.2126, 0.7152, 0.0722], c)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(linear(a)), luminance(linear(b)));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// CIE 1976 L*a*b* of a linear colour, white D65.
    fn lab(c: Linear) -> Linear {
        let c = c.map(|x| x.clamp(0.0, 1.0));
        let f = |t: f64| {
            if t > 0.008_856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            }
        };
        let x = f(dot([0.4124, 0.3576, 0.1805], c) / 0.9505);
        let y = f(luminance(c));
        let z = f(dot([0.0193, 0.1192, 0.9505], c) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// Machado, Oliveira & Fernandes 2009, severity 1.0: normal sight, then
    /// protanopia, deuteranopia, tritanopia.
    const SIGHT: [[Linear; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    #[test]
    fn colours_stay_apart_for_every_sight() {
        for (at, sight) in SIGHT.iter().enumerate() {
            let seen = |hex: &str| lab(sight.map(|row| dot(row, linear(hex))));
            for (i, a) in STYLES.iter().enumerate() {
                for b in &STYLES[i + 1..] {
                    let (p, q) = (seen(a.colour), seen(b.colour));
                    let squares = p.iter().zip(q).map(|(x, y)| (x - y).powi(2));
                    let distance = squares.sum::<f64>().sqrt();
                    assert!(
                        distance > 25.0,
                        "{at}: {} {} {distance}",
                        a.colour,
                        b.colour
                    );
                }
            }
        }
    }

    #[test]
    fn lines_and_letters_stand_out_from_what_is_behind_them() {
        for style in STYLES {
            assert!(contrast(style.colour, "#FFFFFF") >= 3.0, "{style:?}");
        }
        for (step, ground) in RAMP.iter().enumerate() {
            assert!(contrast(ink_on(step), ground) >= 3.0, "{ground}");
        }
        assert!(contrast(SOFT, "#FFFFFF") >= 4.5);
    }

    #[test]
    fn the_ramp_falls_in_grey_too() {
        let grey: Vec<_> = RAMP.iter().map(|hex| luminance(linear(hex))).collect();
        assert!(
            grey.windows(2).all(|pair| pair[0] > pair[1] * 1.25),
            "{grey:?}"
        );
    }
}
