//! What a synthetic month is made of.

use clap::Args;
use platform::simulate::Slow;

use super::StoreArgs;

#[derive(Args, Debug)]
pub(crate) struct SimulateArgs {
    /// Codes of the wards, with commas [default: all that were valid in the month]
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) wards: Vec<String>,
    /// The month.
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: metric::month::Month,
    /// The same seed makes the same month.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// An operator is slow within 400 m of a place, so that there is a problem
    /// area to be found; may be repeated.
    #[arg(long, value_name = "OPERATOR@LAT,LON", value_parser = slow)]
    pub(crate) slow: Vec<Slow>,
    /// About so many tests in all [default: some 400 for each ward]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tests: Option<u32>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Reads a place where an operator is slow, such as `viettel@10.78,106.70`.
fn slow(text: &str) -> Result<Slow, String> {
    let read = || {
        let (operator, at) = text.split_once('@')?;
        let (latitude, longitude) = at.split_once(',')?;
        let centre = [latitude.parse().ok()?, longitude.parse().ok()?];
        Some(Slow {
            operator: operator.to_owned(),
            centre,
            radius_metres: 400.0,
            factor: 0.05,
        })
    };
    read().ok_or_else(|| format!("{text:?}, expected for example viettel@10.78,106.70"))
}
