//! What a site writes down beside its receipts: foreign tests and archives.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::Offset;

/// Most bytes of one day; a site is not filled up from outside.
const MOST_BYTES_A_DAY: u64 = 256 * 1024 * 1024;

/// A folder that takes records, within a budget for each day.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    spent: Arc<Mutex<(Date, u64)>>,
    /// Held while writing, so that lines stay whole.
    writing: Arc<Mutex<()>>,
}

impl Spool {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            spent: Arc::new(Mutex::new((Date::ZERO, 0))),
            writing: Arc::default(),
        }
    }

    /// Adds a line to a file below the folder.
    pub(crate) fn append(&self, path: String, line: String) {
        self.write(path, line + "\n", true);
    }

    /// Writes a file below the folder.
    pub(crate) fn put(&self, path: String, text: String) {
        self.write(path, text, false);
    }

    fn write(&self, path: String, text: String, append: bool) {
        if !self.affords(text.len() as u64) {
            return;
        }
        let path = self.folder.join(path);
        let writing = Arc::clone(&self.writing);
        // Disks block; the measuring threads must not.
        tokio::task::spawn_blocking(move || {
            let _one = writing.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = write(&path, &text, append) {
                tracing::error!(%error, "Could not keep a record");
            }
        });
    }

    fn affords(&self, bytes: u64) -> bool {
        let today = Offset::UTC.to_datetime(net::wall_clock()).date();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.0 != today {
            *spent = (today, 0);
        }
        let before = spent.1;
        spent.1 = before.saturating_add(bytes);
        if before <= MOST_BYTES_A_DAY && spent.1 > MOST_BYTES_A_DAY {
            tracing::warn!("The records of foreign tests are full for today");
        }
        spent.1 <= MOST_BYTES_A_DAY
    }
}

fn write(path: &Path, text: &str, append: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true).append(append);
    options.truncate(!append);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_budget() {
        let spool = Spool::new(PathBuf::new());
        assert!(spool.affords(MOST_BYTES_A_DAY));
        assert!(!spool.affords(1));
    }

    #[test]
    fn lines_are_added_and_files_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        for append in [true, true, false] {
            write(&path, "x\n", append).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
        write(&path, "y\n", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\ny\n");
    }
}
