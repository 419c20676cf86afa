//! What statistics are made of: one value for each device and day.
//!
//! Tests of one device on one day say the same thing several times, and a
//! device that tests all day would speak for its whole ward. So the tests of
//! one device, day, operator and technology are collapsed to their median
//! before anything else, as Ookla and RTR do for phones (docs/METHODOLOGY.md §4).

use crate::unit::{floor_u64, to_f64};

/// One measured value with what it belongs to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Reading {
    /// Number of the device.
    pub device: u32,
    /// Number of the day.
    pub day: u32,
    /// Number of the operator and technology together.
    pub group: u32,
    /// The value, in the unit of the metric.
    pub value: u64,
}

/// How values of a metric are spread, so where the middle of two lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scale {
    /// By factors: rates and delays. The middle of two is their geometric mean.
    Log,
    /// By differences: shares. The middle of two is their arithmetic mean.
    Linear,
}

impl Scale {
    /// The middle of two values, rounded down.
    pub fn middle(self, low: u64, high: u64) -> u64 {
        match self {
            Self::Log if low < high => floor_u64((to_f64(low) * to_f64(high)).sqrt()),
            _ => low.midpoint(high),
        }
    }

    /// A value where it is spread evenly: its logarithm, or itself. Zero, which
    /// has no logarithm, stands as one.
    pub fn of(self, value: u64) -> f64 {
        match self {
            Self::Log => to_f64(value.max(1)).ln(),
            Self::Linear => to_f64(value),
        }
    }

    /// The value of [`Self::of`], rounded down.
    pub fn back(self, x: f64) -> u64 {
        match self {
            Self::Log => floor_u64(x.exp()),
            Self::Linear => floor_u64(x),
        }
    }
}

/// Median of some values: the middle one, or the middle of the two middle ones.
/// Sorts them; `None` for none.
///
/// Taking the lower of two would make a device that tests twice a day slower
/// than one that tests once: by 0.56 standard deviations.
pub fn middle(values: &mut [u64], scale: Scale) -> Option<u64> {
    values.sort_unstable();
    let high = *values.get(values.len() / 2)?;
    let low = values[(values.len() - 1) / 2];
    Some(scale.middle(low, high))
}

/// One value of a sample.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Unit {
    /// The value, in the unit of the metric.
    pub value: u64,
    /// Number of the device.
    pub device: u32,
    /// Weight in units of [`WEIGHT_ONE`].
    pub weight: u32,
}

/// The weight of a value that is not weighted.
pub const WEIGHT_ONE: u32 = 64;

/// Collapses readings to one value for each device, day and group. Sorts them;
/// the order of what comes out is that of device, day and group.
pub fn collapse(readings: &mut [Reading], scale: Scale) -> Vec<Unit> {
    let key = |r: &Reading| (r.device, r.day, r.group);
    readings.sort_unstable();
    let days = readings.chunk_by(|a, b| key(a) == key(b));
    let unit = |day: &[Reading]| {
        let mut values: Vec<_> = day.iter().map(|r| r.value).collect();
        Some(Unit {
            value: middle(&mut values, scale)?,
            device: day[0].device,
            weight: WEIGHT_ONE,
        })
    };
    days.filter_map(unit).collect()
}

/// Device-days with their values, in order of value; devices are numbered from
/// 0 without gaps.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sample {
    units: Vec<Unit>,
    devices: usize,
}

impl Sample {
    /// A sample of some device-days, in any order and with devices numbered in
    /// any way. Devices are numbered again in the order of their numbers, so
    /// that the same tests give the same resamples.
    pub fn new(mut units: Vec<Unit>) -> Self {
        let mut devices: Vec<_> = units.iter().map(|unit| unit.device).collect();
        devices.sort_unstable();
        devices.dedup();
        for unit in &mut units {
            let number = devices.binary_search(&unit.device).unwrap_or_default();
            unit.device = u32::try_from(number).unwrap_or(u32::MAX);
        }
        units.sort_unstable();
        Self {
            units,
            devices: devices.len(),
        }
    }

    /// The device-days in order of value.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Number of devices.
    pub const fn devices(&self) -> usize {
        self.devices
    }

    /// Number of device-days.
    pub const fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Sum of all weights.
    pub fn weight(&self) -> u64 {
        self.units.iter().map(|unit| u64::from(unit.weight)).sum()
    }

    /// Weighted quantile `p` in per mille: the smallest value `x` with
    /// `F(x) ≥ p`, one that a device-day has. `None` for an empty sample.
    ///
    /// Source: RFC 2330 §11.3; Hyndman & Fan, type 1.
    pub fn quantile(&self, per_mille: u16) -> Option<u64> {
        let rank = rank(self.weight(), per_mille);
        let mut below = 0;
        let reaches = |unit: &&Unit| {
            below += u64::from(unit.weight);
            below >= rank
        };
        self.units.iter().find(reaches).map(|unit| unit.value)
    }

    /// Weighted arithmetic mean; `None` for an empty sample.
    pub fn mean(&self) -> Option<f64> {
        let weighted = |unit: &Unit| to_f64(unit.value) * f64::from(unit.weight);
        let sum: f64 = self.units.iter().map(weighted).sum();
        (!self.is_empty()).then(|| sum / to_f64(self.weight()))
    }

    /// The values of each device, in the order of the devices.
    pub fn by_device(&self) -> Vec<Vec<u64>> {
        let mut values = vec![vec![]; self.devices];
        for unit in &self.units {
            if let Some(device) = values.get_mut(unit.device as usize) {
                device.push(unit.value);
            }
        }
        values
    }

    /// Number of device-days of each device, in the order of the devices.
    pub fn sizes(&self) -> Vec<u32> {
        let mut sizes = vec![0; self.devices];
        for unit in &self.units {
            if let Some(size) = sizes.get_mut(unit.device as usize) {
                *size += 1;
            }
        }
        sizes
    }
}

/// The smallest sum of weights that reaches a quantile; at least 1.
pub(crate) fn rank(weight: u64, per_mille: u16) -> u64 {
    (weight * u64::from(per_mille)).div_ceil(1000).max(1)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::statistic::quantile;
    use proptest::prelude::*;

    /// A sample of values and the devices that have them.
    pub(crate) fn sample(values: &[(u64, u32)]) -> Sample {
        let unit = |&(value, device): &(u64, u32)| Unit {
            value,
            device,
            weight: WEIGHT_ONE,
        };
        Sample::new(values.iter().map(unit).collect())
    }

    fn reading(device: u32, day: u32, value: u64) -> Reading {
        Reading {
            device,
            day,
            group: 0,
            value,
        }
    }

    #[test]
    fn a_device_has_one_value_a_day() {
        let mut readings = [
            reading(7, 1, 90),
            reading(7, 1, 10),
            reading(7, 1, 20),
            reading(7, 2, 40),
            reading(3, 1, 100),
            reading(3, 1, 400),
        ];
        let units = collapse(&mut readings, Scale::Log);
        let seen: Vec<_> = units.iter().map(|u| (u.device, u.value)).collect();
        assert_eq!(seen, [(3, 200), (7, 20), (7, 40)]);
    }

    #[test]
    fn the_middle_of_two_depends_on_the_scale() {
        assert_eq!(middle(&mut [400, 100], Scale::Log), Some(200));
        assert_eq!(middle(&mut [400, 100], Scale::Linear), Some(250));
        assert_eq!(middle(&mut [0, 0], Scale::Log), Some(0));
        assert_eq!(middle(&mut [], Scale::Log), None);
    }

    #[test]
    fn a_weight_counts_like_so_many_values() {
        let unit = |value, weight| Unit {
            value,
            device: 1,
            weight,
        };
        let heavy = Sample::new(vec![unit(1, 1), unit(2, 1), unit(3, 3)]);
        assert_eq!(heavy.quantile(500), Some(3));
        assert_eq!(heavy.quantile(400), Some(2));
        assert_eq!(heavy.mean(), Some(2.4));
        assert_eq!(Sample::default().quantile(500), None);
        assert_eq!(Sample::default().mean(), None);
    }

    proptest! {
        #[test]
        fn without_weights_quantiles_are_the_plain_ones(values in proptest::collection::vec((0_u64..100, 0_u32..9), 1..60), p in 0_u16..=1000) {
            let mut plain: Vec<_> = values.iter().map(|v| v.0).collect();
            plain.sort_unstable();
            prop_assert_eq!(sample(&values).quantile(p), quantile(&plain, usize::from(p)));
        }

        #[test]
        fn the_order_and_the_names_of_devices_do_not_matter(mut values in proptest::collection::vec((0_u64..100, 0_u32..9), 1..60)) {
            let one = sample(&values);
            values.reverse();
            let renamed: Vec<_> = values.iter().map(|&(v, d)| (v, d * 10 + 3)).collect();
            prop_assert_eq!(&one, &sample(&renamed));
            prop_assert_eq!(one.sizes().iter().sum::<u32>() as usize, one.len());
        }
    }
}
