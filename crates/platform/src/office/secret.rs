//! Tokens and codes: drawn from the system's chance; of a token only the
//! SHA-256 is stored.

use anyhow::Result;
use metric::key::sha256_hex;

use crate::centre::Centre;
use crate::store::audit::Act;
use crate::store::campaign::Campaign;

/// Letters of codes that people read out: none looks like another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A token of 256 bits, as 64 hex digits.
pub(crate) fn token(centre: &Centre) -> Result<String> {
    let bytes: [u8; 32] = centre.chance()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A new address of a campaign's table for a shared sheet; those before end.
///
/// # Errors
///
/// When the store or the source of chance fails.
pub fn sheet_path(centre: &Centre, campaign: &Campaign, who: &str) -> Result<String> {
    let token = token(centre)?;
    let act = Act {
        who,
        at: centre.now(),
    };
    centre
        .store()
        .make_sheet_link(&campaign.id, &hashed(&token), act)?;
    Ok(format!("/sheets/{token}.csv"))
}

/// What is stored of a token.
pub(crate) fn hashed(token: &str) -> String {
    sha256_hex(token.as_bytes())
}

/// A code of 80 bits in 16 letters, for links that are printed.
pub(crate) fn code(centre: &Centre) -> Result<String> {
    let bytes: [u8; 16] = centre.chance()?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(bytes.iter().map(letter).collect())
}

/// Whether a text can be a code: anything else is not looked up.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| LETTERS.contains(&byte))
}
