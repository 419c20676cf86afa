//! The files that a bench leaves, and several benches read together.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::frontier::frontier;
use crate::plot;
use crate::row::Row;
use crate::summary::Summary;

/// Writes `results.csv`, `summary.md`, `summary.json`, `errors.svg` and
/// `data.svg` into a folder.
pub(crate) fn write(folder: &Path, rows: &[Row], notes: &[String]) -> anyhow::Result<Summary> {
    let path = |name: &str| folder.join(name);
    let mut table = csv::Writer::from_path(path("results.csv"))?;
    for row in rows {
        table.serialize(row)?;
    }
    table.flush()?;
    let summary = Summary::of(rows, notes);
    std::fs::write(path("summary.md"), summary.markdown())?;
    std::fs::write(path("summary.json"), serde_json::to_vec_pretty(&summary)?)?;
    std::fs::write(path("errors.svg"), plot::errors(rows))?;
    std::fs::write(path("data.svg"), frontier(&summary))?;
    Ok(summary)
}

/// Reads the rows of several folders, in order.
pub(crate) fn read(folders: &[PathBuf]) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![];
    for folder in folders {
        let path = folder.join("results.csv");
        let table = csv::Reader::from_path(&path);
        let mut table = table.with_context(|| format!("opening {}", path.display()))?;
        for (line, row) in table.deserialize().enumerate() {
            rows.push(row.with_context(|| format!("{}, row {}", path.display(), line + 1))?);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::row;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [row("a", "x", Some(0.5)), row("a", "x", None)];
        write(folder.path(), &rows, &[]).unwrap();
        let place = folder.path().to_owned();
        assert_eq!(
            read(&[place.clone(), place]).unwrap(),
            [&rows[..], &rows].concat()
        );
    }

    #[test]
    fn a_folder_without_results_is_named() {
        let error = read(&["nowhere".into()]).unwrap_err();
        assert!(format!("{error:#}").contains("nowhere"));
    }
}
