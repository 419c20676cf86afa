//! Tests that wait for the collector, on disk.
//!
//! One file per test, written before the first attempt and removed only when
//! the collector has acknowledged it, so that neither a crash nor a dead
//! network loses a test. What the collector refuses for good is kept beside,
//! in `refused`, with its reason.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use metric::submission::Submission;
use uuid::Uuid;

use crate::Error;
use crate::http::Base;
use crate::submit::{Answer, submit};

/// The folder of waiting tests.
#[derive(Clone, Debug)]
pub struct Queue {
    folder: PathBuf,
}

/// A test that waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// Its name.
    pub test_id: Uuid,
    /// Its file.
    pub path: PathBuf,
}

impl Queue {
    /// The queue in `folder`, which is made when it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let refused = folder.join("refused");
        fs::create_dir_all(&refused).map_err(disk(&refused))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Keeps a test; returns once it is on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`].
    pub fn keep(&self, submission: &Submission) -> Result<Waiting, Error> {
        let test_id = submission.receipt.test_id;
        let path = self.folder.join(format!("{test_id}.json"));
        let half = self.folder.join(format!("{test_id}.part"));
        let write = || {
            let mut file = File::create(&half)?;
            file.write_all(&serde_json::to_vec(submission)?)?;
            file.sync_all()?;
            fs::rename(&half, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(disk(&path))?;
        Ok(Waiting { test_id, path })
    }

    /// The tests that wait, oldest first (their names begin with the time).
    ///
    /// # Errors
    ///
    /// [`Error::Disk`].
    pub fn waiting(&self) -> Result<Vec<Waiting>, Error> {
        let entries = fs::read_dir(&self.folder).map_err(disk(&self.folder))?;
        let named = |entry: io::Result<fs::DirEntry>| {
            let path = entry.ok()?.path();
            let is_test = path.extension()? == "json";
            let test_id = path.file_stem()?.to_str()?.parse().ok()?;
            is_test.then_some(Waiting { test_id, path })
        };
        let mut waiting: Vec<_> = entries.filter_map(named).collect();
        waiting.sort_unstable_by_key(|w| w.test_id);
        Ok(waiting)
    }

    /// Submits one waiting test. Acknowledged, it leaves the queue; refused for
    /// good, it moves to `refused`; otherwise it goes on waiting.
    ///
    /// # Errors
    ///
    /// Why it was refused or still waits.
    pub async fn submit(&self, centre: &Base, waiting: &Waiting) -> Result<Answer, Error> {
        let text = fs::read(&waiting.path).map_err(disk(&waiting.path))?;
        let submission = serde_json::from_slice(&text).map_err(io::Error::other);
        let submission: Submission = submission.map_err(disk(&waiting.path))?;
        let answer = submit(centre, &submission).await;
        match &answer {
            Ok(_) => fs::remove_file(&waiting.path).map_err(disk(&waiting.path))?,
            Err(Error::Refused(problem)) => self.set_aside(waiting, &problem.detail)?,
            Err(_) => {}
        }
        answer
    }

    fn set_aside(&self, waiting: &Waiting, why: &str) -> Result<(), Error> {
        let refused = self.folder.join("refused");
        let reason = refused.join(format!("{}.txt", waiting.test_id));
        fs::write(&reason, why).map_err(disk(&reason))?;
        let to = refused.join(format!("{}.json", waiting.test_id));
        fs::rename(&waiting.path, &to).map_err(disk(&to))
    }
}

fn disk(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |error| Error::Disk {
        path: path.display().to_string(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metric::submission::{App, Context, Observed, Version};

    fn submission() -> Submission {
        let receipt = include_str!("../../../testdata/receipt/v1.json");
        Submission {
            submission: Version::V1,
            receipt: serde_json::from_str(receipt).unwrap(),
            nonce: "00112233445566778899aabbccddeeff".into(),
            observed: Observed::default(),
            context: Context {
                measured_at: "2024-11-08T02:00:00Z".parse().unwrap(),
                position: None,
                network: None,
                technology: None,
                operator: None,
                device: "0123456789".into(),
                unit: None,
                app: App {
                    name: "cli".into(),
                    version: "0.1.0".into(),
                },
                mock_location: None,
                roaming: None,
                mcc_mnc: None,
            },
        }
    }

    /// A port where nobody listens.
    fn nobody() -> Base {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Base::parse(&format!("http://{}", port.local_addr().unwrap())).unwrap()
    }

    #[tokio::test]
    async fn a_test_waits_until_it_is_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::open(folder.path()).unwrap();
        let kept = queue.keep(&submission()).unwrap();
        assert_eq!(queue.waiting().unwrap(), std::slice::from_ref(&kept));
        let answer = queue.submit(&nobody(), &kept).await;
        assert!(matches!(answer, Err(Error::Network(_))), "{answer:?}");
        let reopened = Queue::open(folder.path()).unwrap();
        assert_eq!(reopened.waiting().unwrap(), [kept]);
    }

    #[test]
    fn a_half_written_test_is_not_in_the_queue() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::open(folder.path()).unwrap();
        fs::write(
            folder
                .path()
                .join("0192e6a1-7c5a-7d3e-9f00-2b6f1c5e8a11.part"),
            "{",
        )
        .unwrap();
        assert!(queue.waiting().unwrap().is_empty());
    }
}
