//! Open data: a month as CSV and Parquet with a data dictionary and a signed
//! manifest, and the check that recomputes it from the files alone.
//!
//! What leaves here holds no exact position, no address, no device that can be
//! followed from one day to the next. The bytes follow from the store, the key
//! and the version of the program. Figures are computed elsewhere and handed
//! in; the check is handed the same law.

mod bounds;
mod columnar;
mod delimited;
mod dictionary;
pub mod figures;
pub mod frame;
pub mod manifest;
mod privacy;
pub mod tests;
pub mod verify;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use metric::key::{SiteKey, sha256_hex};
use metric::month::Month;

use frame::{Column, Frame};
use manifest::{FORMAT, Listed, MANIFEST, Manifest};

/// The tables of a month by name, in the order they are written.
pub(crate) const TABLES: [(&str, &[Column]); 4] = [
    ("tests", tests::COLUMNS),
    ("figures", figures::FIGURES),
    ("counts", figures::COUNTS),
    ("areas", figures::AREAS),
];

/// A month about to be published.
#[derive(Debug)]
pub struct Edition {
    /// The month.
    pub month: Month,
    /// Whether the tests are those of a simulation.
    pub synthetic: bool,
    /// Edition of the methodology behind the figures.
    pub edition: u16,
    /// The tables, in the order of `TABLES`.
    pub tables: [Frame; 4],
    /// Device of each row of the tests, for the auditor.
    pub devices: Vec<u32>,
}

/// The secret behind the public names of devices in a month. It follows from
/// the publication key, so that a month can be written again with the same
/// bytes, and is gone with it.
pub fn secret_of(key: &SiteKey, month: Month) -> String {
    let signed = key.sign(format!("ispeed public names of devices {month}").as_bytes());
    sha256_hex(signed.as_bytes())
}

/// Writes a month into a folder, which is made and must be empty; `audit` is
/// the path of the auditor's file, outside the folder. `done` is called after
/// each file.
///
/// # Errors
///
/// When the folder holds something, or a file cannot be written.
pub fn write(
    edition: &Edition,
    key: &SiteKey,
    folder: &Path,
    audit: Option<&Path>,
    mut done: impl FnMut(&str),
) -> Result<Manifest> {
    prepare(folder)?;
    let mut files = BTreeMap::new();
    let mut put = |name: String, bytes: &[u8], rows: Option<usize>| -> Result<()> {
        store(&folder.join(&name), bytes)?;
        done(&name);
        files.insert(name, Listed::of(bytes, rows));
        Ok(())
    };
    for ((name, _), frame) in TABLES.iter().zip(&edition.tables) {
        let (mut csv, mut parquet) = (vec![], vec![]);
        delimited::write(frame, &mut csv)?;
        put(format!("{name}.csv"), &csv, Some(frame.rows()))?;
        columnar::write(frame, &mut parquet)?;
        put(format!("{name}.parquet"), &parquet, Some(frame.rows()))?;
    }
    put("dictionary.json".into(), &dictionary::json()?, None)?;
    let readme = dictionary::readme(edition.month, edition.synthetic, edition.edition);
    put("README.md".into(), readme.as_bytes(), None)?;
    let audit_sha256 = audit.map(|path| write_audit(edition, path)).transpose()?;
    let manifest = Manifest {
        format: FORMAT,
        month: edition.month,
        synthetic: edition.synthetic,
        edition: edition.edition,
        software: concat!("ispeed ", env!("CARGO_PKG_VERSION")).into(),
        files,
        audit_sha256,
        public_key: String::new(),
        signature: String::new(),
    };
    let manifest = manifest.sign(key)?;
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    store(&folder.join(MANIFEST), &text)?;
    Ok(manifest)
}

fn prepare(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let mut inside = std::fs::read_dir(folder)?;
    ensure!(
        inside.next().is_none(),
        "{} is not empty; give a new folder, a published month is never written over",
        folder.display()
    );
    Ok(())
}

fn store(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// One line for each row of `tests.csv`: the number of its device in the month.
fn write_audit(edition: &Edition, path: &Path) -> Result<String> {
    let mut text = String::from("device\n");
    for device in &edition.devices {
        text += &format!("{device}\n");
    }
    store(path, text.as_bytes())?;
    Ok(sha256_hex(text.as_bytes()))
}
