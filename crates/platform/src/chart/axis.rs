//! A linear axis from zero, its round ticks, and the plot they span.

use super::palette::{GRID, SOFT};
use super::svg::{Anchor, Svg};

/// The rectangle in which values are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Plot {
    pub(super) const fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) const fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The middle of the slot `at` of `of` equal ones from left to right.
    pub(super) fn slot(&self, at: usize, of: usize) -> f64 {
        let (at, of) = (as_f64(at), as_f64(of.max(1)));
        self.left + self.width() * (at + 0.5) / of
    }
}

pub(super) const fn as_f64(n: usize) -> f64 {
    metric::unit::to_f64(n as u64)
}

/// An axis from zero to a round number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    step: f64,
    pub(super) top: f64,
}

impl Axis {
    /// The axis that holds `largest` with about `ticks` steps.
    pub(super) fn to(largest: f64, ticks: f64) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 {
            largest
        } else {
            1.0
        };
        let raw = largest / ticks;
        let power = 10_f64.powf(raw.log10().floor());
        let nice = [1.0, 2.0, 2.5, 5.0, 10.0];
        let step = nice.into_iter().find(|n| n * power >= raw - 1e-12);
        let step = step.unwrap_or(10.0) * power;
        let top = (largest / step - 1e-9).ceil() * step;
        Self { step, top }
    }

    /// The ticks, zero first.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let step = self.step;
        let count = metric::unit::floor_u64(self.top / step + 0.5);
        (0..=count).map(move |n| metric::unit::to_f64(n) * step)
    }

    pub(super) fn y(&self, plot: &Plot, value: f64) -> f64 {
        plot.bottom - plot.height() * (value / self.top).clamp(0.0, 1.0)
    }

    pub(super) fn x(&self, plot: &Plot, value: f64) -> f64 {
        plot.left + plot.width() * (value / self.top).clamp(0.0, 1.0)
    }

    fn said(&self, tick: f64) -> String {
        if self.step < 1.0 {
            super::number(tick, 2)
        } else {
            super::number(tick, usize::from(self.step % 1.0 > 0.0))
        }
    }

    /// Horizontal lines with their numbers on the left, and the unit above them.
    pub(super) fn rows(&self, svg: &mut Svg, plot: &Plot, unit: &str) {
        for tick in self.ticks() {
            let y = self.y(plot, tick);
            svg.line(
                [plot.left, y],
                [plot.right, y],
                &format!(r#"stroke="{GRID}""#),
            );
            let at = [plot.left - 6.0, y + 4.0];
            svg.text(at, Anchor::End, SOFT, &self.said(tick));
        }
        // Beside the plot, where no label of a line at its top can be.
        svg.small([plot.left - 2.0, plot.top - 8.0], Anchor::End, SOFT, unit);
    }

    /// Vertical lines with their numbers below, and the unit on the right.
    pub(super) fn columns(&self, svg: &mut Svg, plot: &Plot, unit: &str) {
        for tick in self.ticks() {
            let x = self.x(plot, tick);
            svg.line(
                [x, plot.top],
                [x, plot.bottom],
                &format!(r#"stroke="{GRID}""#),
            );
            let at = [x, plot.bottom + 16.0];
            svg.text(at, Anchor::Middle, SOFT, &self.said(tick));
        }
        svg.small([plot.right, plot.bottom + 30.0], Anchor::End, SOFT, unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_largest() {
        let ticks = |largest| Axis::to(largest, 5.0).ticks().collect::<Vec<_>>();
        assert_eq!(ticks(100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(101.0).last(), Some(&125.0));
        assert_eq!(ticks(0.0).last(), Some(&1.0));
        assert_eq!(ticks(f64::NAN).last(), Some(&1.0));
    }

    proptest::proptest! {
        #[test]
        fn any_largest_fits(largest in 1e-3_f64..1e9) {
            let axis = Axis::to(largest, 5.0);
            let ticks = axis.ticks().count();
            proptest::prop_assert!(axis.top >= largest * 0.999_999 && (2..=8).contains(&ticks));
        }
    }
}
