//! Tables as CSV: UTF-8, comma, a header, `\n`; an empty field is absent.

use std::io::Write;

use anyhow::{Context as _, Result, bail};

use super::frame::{Column, Frame};

/// The table as CSV.
///
/// # Errors
///
/// The writer's.
pub(super) fn write(frame: &Frame, to: impl Write) -> Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(to);
    writer.write_record(frame.columns.iter().map(|column| column.name))?;
    for row in 0..frame.rows() {
        writer.write_record(frame.data.iter().map(|data| data.written(row)))?;
    }
    writer.flush()?;
    Ok(())
}

/// The table in a CSV.
///
/// # Errors
///
/// Names the line and the column that cannot be read.
pub(super) fn read(bytes: &[u8], columns: &'static [Column]) -> Result<Frame> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().context("line 1: the header")?;
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    if header.iter().ne(names.iter().copied()) {
        let found = header.iter().collect::<Vec<_>>().join(",");
        bail!(
            "line 1: the header is {found}, expected {}",
            names.join(",")
        );
    }
    let mut frame = Frame::empty(columns);
    for (at, record) in reader.records().enumerate() {
        let line = at + 2;
        let record = record.with_context(|| format!("line {line}"))?;
        for ((data, column), text) in frame.data.iter_mut().zip(columns).zip(&record) {
            if !data.read(text) {
                let kind = column.kind;
                bail!(
                    "line {line}, column {}: {text:?} is not of kind {kind:?}",
                    column.name
                );
            }
        }
    }
    Ok(frame)
}
