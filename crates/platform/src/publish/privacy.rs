//! What leaves a test before it is published: the cell is made coarse enough
//! to be shared, the device gets another name each day, the time keeps its hour.

use std::collections::{BTreeMap, BTreeSet};

use h3o::{CellIndex, Resolution};
use jiff::Timestamp;
use metric::key::sha256_hex;
use metric::month::{VIETNAM, civil_date};

/// Devices that have to share a cell before it is named.
pub(super) const DEVICES_OF_A_CELL: usize = 5;

/// Resolutions of cells, finest first: about 0.7, 5, 36 and 250 km².
const RESOLUTIONS: [Resolution; 4] = [
    Resolution::Eight,
    Resolution::Seven,
    Resolution::Six,
    Resolution::Five,
];

/// Where a test was made, for [`merged_cells`]; its device is only compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    /// Number of its area.
    pub(super) area: u32,
    /// Its cell of resolution 8.
    pub(super) cell: u64,
    /// Number of its device.
    pub(super) device: u32,
}

/// For each test the finest cell that at least [`DEVICES_OF_A_CELL`] devices of
/// its area share; `None` where not even the coarsest has as many, so that the
/// area alone is named. Tests that share a fine cell do not help others to
/// theirs: what is left over is counted alone.
pub(super) fn merged_cells(tests: &[Option<Located>]) -> Vec<Option<u64>> {
    let mut cells = vec![None; tests.len()];
    for resolution in RESOLUTIONS {
        let open = || (0..tests.len()).filter(|at| cells[*at].is_none());
        let place = |at: usize| {
            let test = tests[at]?;
            let cell = CellIndex::try_from(test.cell).ok()?.parent(resolution)?;
            Some(((test.area, u64::from(cell)), test.device))
        };
        let mut devices: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
        for (key, device) in open().filter_map(place) {
            devices.entry(key).or_default().insert(device);
        }
        let shared = |key: &(u32, u64)| {
            devices
                .get(key)
                .is_some_and(|d| d.len() >= DEVICES_OF_A_CELL)
        };
        let found: Vec<_> = open()
            .filter_map(|at| place(at).map(|(key, _)| (at, key)))
            .filter(|(_, key)| shared(key))
            .collect();
        for (at, (_, cell)) in found {
            cells[at] = Some(cell);
        }
    }
    cells
}

/// A cell as text.
pub(super) fn cell_text(cell: u64) -> String {
    format!("{cell:x}")
}

/// The name of a device on a day: 16 hex digits that nobody without `secret`
/// can link with those of another day.
pub(super) fn public_id(secret: &str, device: &str, at: Timestamp) -> String {
    let text = format!("{secret}\n{}\n{device}", civil_date(at));
    sha256_hex(text.as_bytes()).chars().take(16).collect()
}

/// The hour of an instant in Vietnam, as `2024-11-08T09`.
pub(super) fn hour(at: Timestamp) -> String {
    let local = VIETNAM.to_datetime(at);
    format!("{}T{:02}", local.date(), local.hour())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: u64 = 0x0886_5b56_ab7f_ffff;

    fn neighbours() -> (u64, u64) {
        let cell = h3o::LatLng::new(10.7798, 106.7035)
            .unwrap()
            .to_cell(Resolution::Eight);
        let parent = cell.parent(Resolution::Seven).unwrap();
        let mut children = parent.children(Resolution::Eight).map(u64::from);
        (children.next().unwrap(), children.next().unwrap())
    }

    #[test]
    fn a_cell_of_five_devices_is_named_and_one_of_four_is_merged() {
        let (a, b) = neighbours();
        let at = |device: u32, cell| {
            Some(Located {
                area: 1,
                cell,
                device,
            })
        };
        let mut tests: Vec<_> = (0..5).map(|n| at(n, a)).collect();
        assert_eq!(merged_cells(&tests), [Some(a); 5]);
        tests.extend((5..9).map(|n| at(n, b)));
        // Four in the neighbouring cell: five in the parent would need the others.
        assert_eq!(merged_cells(&tests)[5..], [None; 4]);
        tests.push(at(0, b));
        assert_eq!(merged_cells(&tests)[5..], [Some(b); 5]);
    }

    #[test]
    fn two_small_cells_are_named_by_their_parent() {
        let (a, b) = neighbours();
        let tests: Vec<_> = (0..6)
            .map(|n| {
                Some(Located {
                    area: 1,
                    cell: if n < 3 { a } else { b },
                    device: n,
                })
            })
            .collect();
        let parent = CellIndex::try_from(a)
            .unwrap()
            .parent(Resolution::Seven)
            .unwrap();
        assert_eq!(merged_cells(&tests), [Some(u64::from(parent)); 6]);
        let mut apart = tests.clone();
        apart[0] = Some(Located {
            area: 2,
            ..tests[0].unwrap()
        });
        assert_eq!(
            merged_cells(&apart)[0],
            None,
            "another area is another place"
        );
        apart[0] = None;
        assert_eq!(merged_cells(&apart)[0], None);
    }

    #[test]
    fn many_tests_of_one_device_are_one_device() {
        let test = Some(Located {
            area: 1,
            cell: CELL,
            device: 1,
        });
        assert_eq!(merged_cells(&[test; 40]), [None; 40]);
    }

    #[test]
    fn a_device_has_another_name_each_day_and_one_within_it() {
        let at = |text: &str| text.parse().unwrap();
        let id = |text| public_id("s", "device", at(text));
        assert_eq!(id("2024-11-08T02:00:00Z"), id("2024-11-08T16:59:59Z"));
        assert_ne!(id("2024-11-08T02:00:00Z"), id("2024-11-08T17:00:00Z"));
        let other = public_id("t", "device", at("2024-11-08T02:00:00Z"));
        assert_ne!(id("2024-11-08T02:00:00Z"), other);
        assert_eq!(hour(at("2024-11-08T17:30:00Z")), "2024-11-09T00");
    }
}
