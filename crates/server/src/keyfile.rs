//! The site's private key on disk: 32 bytes, readable by its owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use metric::key::SiteKey;

/// Reads the key at `path`, or makes one there when the file does not exist.
///
/// # Errors
///
/// The system's, with the path; or a file that is not a key, which is left as
/// it is: a key is never replaced unasked, because receipts hang on it.
pub fn load_or_create(path: &Path) -> io::Result<SiteKey> {
    let with_path = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    match fs::read(path) {
        Ok(bytes) => parse(&bytes).map_err(with_path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => create(path).map_err(with_path),
        Err(e) => Err(with_path(e)),
    }
}

fn parse(bytes: &[u8]) -> io::Result<SiteKey> {
    let seed = bytes.try_into().map_err(|_| {
        let found = format!("a key file holds 32 bytes, this one {}", bytes.len());
        io::Error::new(io::ErrorKind::InvalidData, found)
    })?;
    Ok(SiteKey::from_seed(seed))
}

fn create(path: &Path) -> io::Result<SiteKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(&seed)?;
    file.sync_all()?;
    Ok(SiteKey::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("site.key");
        let made = load_or_create(&path).unwrap().public();
        assert_eq!(load_or_create(&path).unwrap().public(), made);
        fs::write(&path, b"short").unwrap();
        let error = load_or_create(&path).unwrap_err().to_string();
        assert!(
            error.contains("site.key") && error.contains("32 bytes"),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
