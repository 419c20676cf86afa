//! Whether the statistics keep their word, by simulation: wards whose truth is
//! known, and figures held against it.
//!
//! Run by `ispeed method calibrate`; results in `docs/calibration/`.

pub mod coverage;
pub mod document;
pub mod gaming;

/// What a run costs: more runs, narrower answers.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Simulated wards of each case.
    pub runs: u32,
    /// Chance begins here.
    pub seed: u64,
}
