//! Checks a published month from its files alone.
//!
//! Three questions: is each file the one that was signed; do the CSV and the
//! Parquet of each table say the same in every cell; do figures and counts
//! follow from the tests by the law. A changed cell is named with its file,
//! line and column.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use metric::area::AreaKey;
use metric::key::sha256_hex;
use metric::validity::{Reason, counts_for, state};
use serde::Serialize;

use super::bounds::{self, Broken};
use super::figures::{OF_DEVICES, area_of};
use super::frame::{Column, Difference, Frame};
use super::manifest::{Listed, MANIFEST, Manifest};
use super::{TABLES, columnar, delimited, figures};
use crate::access::Technology;
use crate::store::observation::Observed;
use crate::table::FigureTable;
use jiff::Timestamp;
use jiff::civil::DateTime;
use metric::month::VIETNAM;

/// The figures of areas from their observations, by the law of the program.
pub type Law<'a> = &'a dyn Fn(&Manifest, &[(AreaKey, Vec<Observed>)]) -> Result<Vec<FigureTable>>;

/// Something that does not hold.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// File it is in.
    pub file: String,
    /// Line of the CSV, or row of the Parquet counted the same way: the header is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// What came of a check.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Whether everything holds.
    pub holds: bool,
    /// The key that signed the manifest, 16 hex digits: compare it with the
    /// one that the publisher made known.
    pub key_id: String,
    /// Edition of the methodology.
    pub edition: u16,
    /// Rows that were read, by table.
    pub rows: BTreeMap<String, usize>,
    /// Cells that were compared with the law.
    pub recomputed_cells: usize,
    /// Columns that only an auditor's file can compute again; without one they
    /// are held against what must be true of them whatever the devices are.
    /// Empty with one.
    pub unchecked_columns: Vec<String>,
    /// What does not hold; at most [`MOST`] for each comparison.
    pub findings: Vec<Finding>,
}

/// Places named for each comparison.
pub const MOST: usize = 20;

/// Checks the month in a folder. `audit` is the auditor's file; `done` is
/// called with the name of each step.
///
/// # Errors
///
/// When the folder holds no manifest that can be read, or its signature fails.
pub fn verify(
    folder: &Path,
    audit: Option<&Path>,
    law: Law<'_>,
    mut done: impl FnMut(&str),
) -> Result<Outcome> {
    let bytes = read(folder, MANIFEST)?;
    let manifest =
        Manifest::read(&bytes).with_context(|| format!("{}/{MANIFEST}", folder.display()))?;
    let mut check = Check {
        folder,
        manifest: &manifest,
        findings: vec![],
        damaged: BTreeSet::new(),
    };
    check.listed(&mut done);
    let mut frames = BTreeMap::new();
    for (name, columns) in TABLES {
        if let Some(frame) = check.table(name, columns) {
            frames.insert(name, frame);
        }
        done(name);
    }
    let devices = audit
        .map(|path| check.audit(path, &frames))
        .transpose()?
        .flatten();
    let recomputed_cells = check.recompute(&frames, devices.as_deref(), law)?;
    done("law");
    let unchecked = if devices.is_some() {
        &[][..]
    } else {
        &OF_DEVICES[..]
    };
    Ok(Outcome {
        holds: check.findings.is_empty(),
        key_id: manifest.key_id(),
        edition: manifest.edition,
        rows: frames
            .iter()
            .map(|(name, frame)| ((*name).to_owned(), frame.rows()))
            .collect(),
        recomputed_cells,
        unchecked_columns: unchecked.iter().map(|name| (*name).to_owned()).collect(),
        findings: check.findings,
    })
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    std::fs::read(&path).with_context(|| format!("reading {}", path.display()))
}

struct Check<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    findings: Vec<Finding>,
    /// Files that are not the signed ones.
    damaged: BTreeSet<String>,
}

impl Check<'_> {
    fn find(&mut self, file: &str, what: String) {
        self.findings.push(Finding {
            file: file.to_owned(),
            line: None,
            column: None,
            what,
        });
    }

    /// Every file of the manifest, and no other.
    fn listed(&mut self, done: &mut impl FnMut(&str)) {
        for (name, listed) in &self.manifest.files {
            let bytes = std::fs::read(self.folder.join(name));
            let found = bytes.map(|bytes| Listed::of(&bytes, None));
            match found {
                Err(error) => self.find(name, format!("listed in the manifest, but: {error}")),
                Ok(found) if found.sha256 != listed.sha256 => {
                    self.damaged.insert(name.clone());
                    let (was, is) = (&listed.sha256, &found.sha256);
                    self.find(
                        name,
                        format!("is not the signed file: SHA-256 {is}, signed {was}"),
                    );
                }
                Ok(_) => {}
            }
            done(name);
        }
        let inside = std::fs::read_dir(self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let names = inside.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut others: Vec<_> = names
            .filter(|name| name != MANIFEST && !self.manifest.files.contains_key(name))
            .collect();
        others.sort();
        for name in others {
            self.find(&name, "is not in the manifest".into());
        }
        for (name, _) in TABLES {
            for file in [format!("{name}.csv"), format!("{name}.parquet")] {
                if !self.manifest.files.contains_key(&file) {
                    self.find(&file, "is missing from the manifest".into());
                }
            }
        }
    }

    /// The table of both files; where they differ, the signed one.
    fn table(&mut self, name: &str, columns: &'static [Column]) -> Option<Frame> {
        let (csv, parquet) = (format!("{name}.csv"), format!("{name}.parquet"));
        let from_csv = read(self.folder, &csv).and_then(|bytes| delimited::read(&bytes, columns));
        let from_parquet =
            read(self.folder, &parquet).and_then(|bytes| columnar::read(bytes, columns));
        for (file, read) in [(&csv, &from_csv), (&parquet, &from_parquet)] {
            if let Err(error) = read {
                self.find(file, format!("{error:#}"));
            }
        }
        match (from_csv.ok(), from_parquet.ok()) {
            (Some(a), Some(b)) => {
                let rows = self.manifest.files.get(&csv).and_then(|listed| listed.rows);
                if rows.is_some_and(|rows| rows != a.rows() as u64) {
                    self.find(
                        &csv,
                        format!(
                            "has {} rows, the manifest says {}",
                            a.rows(),
                            rows.unwrap_or(0)
                        ),
                    );
                }
                let wrong = self.damaged.contains(&csv);
                let (changed, other) = if wrong {
                    (&csv, &parquet)
                } else {
                    (&parquet, &csv)
                };
                let (here, there) = if wrong { (&a, &b) } else { (&b, &a) };
                for difference in here.differences(there, |_, _| true, MOST) {
                    self.differs(changed, &difference, &format!("{other} says"));
                }
                Some(if wrong { b } else { a })
            }
            (a, b) => a.or(b),
        }
    }

    fn differs(&mut self, file: &str, difference: &Difference, whose: &str) {
        let Difference {
            row,
            column,
            here,
            there,
        } = difference;
        self.findings.push(Finding {
            file: file.to_owned(),
            line: Some(row + 2),
            column: Some((*column).to_owned()),
            what: format!("{here:?}, {whose} {there:?}"),
        });
    }

    /// Device of each row of the tests; `None` when the file is not the one of
    /// the manifest, which is a finding.
    fn audit(&mut self, path: &Path, frames: &BTreeMap<&str, Frame>) -> Result<Option<Vec<u32>>> {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        if self.manifest.audit_sha256.as_deref() != Some(sha256_hex(&bytes).as_str()) {
            self.find(
                &path.display().to_string(),
                "is not the auditor's file of this manifest".into(),
            );
            return Ok(None);
        }
        let text = String::from_utf8(bytes)?;
        let devices = text
            .lines()
            .skip(1)
            .map(str::parse)
            .collect::<Result<Vec<u32>, _>>()?;
        let rows = frames.get("tests").map_or(0, Frame::rows);
        ensure!(
            devices.len() == rows,
            "the auditor's file has {} rows, the tests {rows}",
            devices.len()
        );
        Ok(Some(devices))
    }

    /// Figures, counts and states from the tests; says how many cells were compared.
    fn recompute(
        &mut self,
        frames: &BTreeMap<&str, Frame>,
        devices: Option<&[u32]>,
        law: Law<'_>,
    ) -> Result<usize> {
        let [Some(tests), Some(published), Some(counts), Some(areas)] =
            ["tests", "figures", "counts", "areas"].map(|name| frames.get(name))
        else {
            return Ok(0);
        };
        self.states(tests);
        let keys: Vec<_> = (0..areas.rows()).map(|row| area_of(areas, row)).collect();
        let observations = observations(tests, &keys, devices);
        let recomputed = figures::figures(&law(self.manifest, &observations)?);
        let audited = devices.is_some();
        let withheld = |row: usize| published.text("state", row) == Some("withheld");
        let looked_at = |row: usize, column: &str| {
            audited || !(OF_DEVICES.contains(&column) || withheld(row) && VALUES.contains(&column))
        };
        for difference in published.differences(&recomputed, looked_at, MOST) {
            self.differs("figures.csv", &difference, "the tests give");
        }
        let days = self.manifest.month.days();
        for Broken { row, column, what } in bounds::broken(published, &recomputed, days)
            .into_iter()
            .take(MOST)
        {
            self.findings.push(Finding {
                file: "figures.csv".into(),
                line: Some(row + 2),
                column: Some(column.to_owned()),
                what,
            });
        }
        self.counts(tests, counts, areas);
        Ok(published.rows() * published.columns.len() + counts.rows() + tests.rows() * 6)
    }

    /// What a test counts for follows from its reasons.
    fn states(&mut self, tests: &Frame) {
        for row in 0..tests.rows() {
            let Some(reasons) = reasons(tests, row) else {
                self.at(row, "reasons", "names a reason that is not known".into());
                continue;
            };
            let uses = counts_for(&reasons);
            for (column, r#use) in COUNTS.iter().zip(metric::validity::Use::ALL) {
                let follows = uses.contains(&r#use);
                if tests.boolean(column, row) != Some(follows) {
                    self.at(row, column, format!("its reasons give {follows}"));
                }
            }
            let state = serde_json::to_value(state(&reasons)).unwrap_or_default();
            if tests.text("state", row) != state.as_str() {
                self.at(row, "state", format!("its reasons give {state}"));
            }
            if self.findings.len() >= MOST {
                return;
            }
        }
    }

    fn at(&mut self, row: usize, column: &str, what: String) {
        let column = Some(column.to_owned());
        self.findings.push(Finding {
            file: "tests.csv".into(),
            line: Some(row + 2),
            column,
            what,
        });
    }

    /// Raw, qualified and reasons of each area. Refused submissions are in no
    /// row; a reason that no test can have is left to the signature.
    fn counts(&mut self, tests: &Frame, counts: &Frame, areas: &Frame) {
        let mut found: BTreeMap<(AreaKey, String), i64> = BTreeMap::new();
        for row in 0..areas.rows() {
            let key = area_of(areas, row);
            found.insert((key.clone(), "raw".into()), 0);
            found.insert((key, "qualified".into()), 0);
        }
        let by_qualified = |row: usize| areas.text("rule", row) != Some("raw");
        let rules: BTreeMap<_, _> = (0..areas.rows())
            .map(|row| (area_of(areas, row), by_qualified(row)))
            .collect();
        for row in 0..tests.rows() {
            let Some(key) = area_in(tests, row) else {
                continue;
            };
            for measure in measures(tests, row, rules.get(&key).copied().unwrap_or(true)) {
                *found.entry((key.clone(), measure)).or_default() += 1;
            }
        }
        for row in 0..counts.rows() {
            let measure = counts.text("measure", row).unwrap_or_default().to_owned();
            let key = AreaKey {
                code: counts.text("area_code", row).unwrap_or_default().to_owned(),
                valid_from: counts
                    .text("area_valid_from", row)
                    .and_then(|day| day.parse().ok()),
            };
            let published = counts.integer("count", row).unwrap_or(0);
            let of_tests = |code: &str| Reason::ALL.iter().any(|reason| reason.code() == code);
            let known =
                measure.strip_prefix("reason:").is_none_or(of_tests) && measure != "devices";
            let follows = found.remove(&(key, measure)).unwrap_or(0);
            if known && follows != published {
                self.findings.push(Finding {
                    file: "counts.csv".into(),
                    line: Some(row + 2),
                    column: Some("count".into()),
                    what: format!("{published}, the tests give {follows}"),
                });
            }
        }
        let missing = found.into_iter().filter(|(_, count)| *count > 0);
        for ((key, measure), count) in missing.take(MOST) {
            self.find(
                "counts.csv",
                format!("has no row {measure} of {key}, the tests give {count}"),
            );
        }
    }
}

/// Values of figures, which a withheld one does not have.
const VALUES: [&str; 7] = ["n", "median", "mean", "p5", "p25", "p75", "p95"];

/// The columns of what a test counts for, in the order of [`metric::validity::Use`].
const COUNTS: [&str; 5] = [
    "counts_quota_raw",
    "counts_quota",
    "counts_ward",
    "counts_operator",
    "counts_country",
];

fn reasons(tests: &Frame, row: usize) -> Option<Vec<Reason>> {
    let codes = tests
        .text("reasons", row)
        .unwrap_or_default()
        .split_whitespace();
    let read = |code: &str| Reason::ALL.into_iter().find(|reason| reason.code() == code);
    codes.map(read).collect()
}

/// What a test adds to in the counts of its area.
fn measures(tests: &Frame, row: usize, qualified: bool) -> Vec<String> {
    let counts = |column| tests.boolean(column, row) == Some(true);
    let (raw, without_repeats) = (counts("counts_quota_raw"), counts("counts_quota"));
    let mut measures = vec![];
    measures.extend(raw.then(|| "raw".to_owned()));
    measures.extend(without_repeats.then(|| "qualified".to_owned()));
    let (counted, r#use) = if qualified {
        (without_repeats, metric::validity::Use::Quota)
    } else {
        (raw, metric::validity::Use::QuotaRaw)
    };
    if !counted {
        let against = reasons(tests, row).unwrap_or_default().into_iter();
        let against = against.filter(|reason| reason.bars(r#use));
        measures.extend(against.map(|reason| format!("reason:{}", reason.code())));
    }
    measures
}

fn area_in(tests: &Frame, row: usize) -> Option<AreaKey> {
    Some(AreaKey {
        code: tests.text("area_code", row)?.to_owned(),
        valid_from: tests
            .text("area_valid_from", row)
            .and_then(|day| day.parse().ok()),
    })
}

/// The tests that count for figures, by area in the order of `keys`.
fn observations(
    tests: &Frame,
    keys: &[AreaKey],
    devices: Option<&[u32]>,
) -> Vec<(AreaKey, Vec<Observed>)> {
    let mut by_area: BTreeMap<AreaKey, Vec<Observed>> = BTreeMap::new();
    for row in 0..tests.rows() {
        let counts = tests.boolean("counts_ward", row) == Some(true);
        if let Some(key) = area_in(tests, row).filter(|_| counts) {
            let device = devices.map(|devices| devices[row]);
            by_area
                .entry(key)
                .or_default()
                .extend(observation(tests, row, device));
        }
    }
    let of = |key: &AreaKey| (key.clone(), by_area.remove(key).unwrap_or_default());
    keys.iter().map(of).collect()
}

fn observation(tests: &Frame, row: usize, device: Option<u32>) -> Option<Observed> {
    let public = tests.text("public_id", row)?;
    let value = |name| tests.integer(name, row).and_then(|v| u64::try_from(v).ok());
    Some(Observed {
        area: area_in(tests, row),
        operator: tests.text("operator", row)?.to_owned(),
        technology: Technology::from_code(tests.text("technology", row)?)?,
        device: device.map_or_else(|| public.to_owned(), |number| format!("{number:010}")),
        measured_at: beginning(tests.text("hour", row)?)?,
        mobilised: false,
        of_operator: tests.boolean("counts_operator", row)?,
        values: [
            value("download_bits_per_second"),
            value("upload_bits_per_second"),
            value("idle_rtt_us"),
            value("working_rtt_us"),
        ],
        cell: None,
        position: None,
        on_ground: None,
    })
}

/// The first instant of an hour as the table writes it, `2024-11-08T09`.
fn beginning(hour: &str) -> Option<Timestamp> {
    let local: DateTime = format!("{hour}:00:00").parse().ok()?;
    VIETNAM.to_timestamp(local).ok()
}
