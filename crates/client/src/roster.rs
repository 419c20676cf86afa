//! A site's notices to its centre.

use wire::roster::notice::Signed;
use wire::roster::spec;
use wire::roster::standing::Standing;

use crate::Error;
use crate::http::Base;

/// Sends a notice, and returns how the site stands.
///
/// # Errors
///
/// [`Error::Refused`] when the centre does not take it; anything else may pass.
pub async fn notify(centre: &Base, notice: &Signed) -> Result<Standing, Error> {
    let (_, standing) = centre.post(spec::NOTICES_PATH, None, notice).await?;
    Ok(standing)
}
