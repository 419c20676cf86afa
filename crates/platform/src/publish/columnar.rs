//! Tables as Parquet: every column optional, Snappy, one row group for each
//! [`GROUP`] rows. The bytes follow from the rows alone.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::frame::{Column, Data, Frame, Kind, Texts};

/// Rows of a row group.
const GROUP: usize = 131_072;

/// The table as Parquet.
///
/// # Errors
///
/// The writer's.
pub(super) fn write(frame: &Frame, to: impl Write + Send) -> Result<()> {
    let properties = WriterProperties::builder()
        .set_created_by(concat!("ispeed ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .build();
    let schema = schema(frame.columns)?;
    let mut writer = SerializedFileWriter::new(to, schema, Arc::new(properties))?;
    let mut from = 0;
    while from < frame.rows() {
        let to = (from + GROUP).min(frame.rows());
        let mut group = writer.next_row_group()?;
        for data in &frame.data {
            let mut column = group
                .next_column()?
                .context("a column for each of the schema")?;
            write_column(column.untyped(), data, from..to)?;
            column.close()?;
        }
        group.close()?;
        from = to;
    }
    writer.close()?;
    Ok(())
}

fn schema(columns: &[Column]) -> Result<TypePtr> {
    let fields = columns.iter().map(|column| field(column).map(Arc::new));
    let fields = fields.collect::<Result<Vec<_>>>()?;
    let root = Type::group_type_builder("table")
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(root))
}

fn field(column: &Column) -> Result<Type> {
    let physical = match column.kind {
        Kind::Integer => Physical::INT64,
        Kind::Text => Physical::BYTE_ARRAY,
        Kind::Boolean => Physical::BOOLEAN,
    };
    let builder =
        Type::primitive_type_builder(column.name, physical).with_repetition(Repetition::OPTIONAL);
    let builder = if column.kind == Kind::Text {
        let builder = builder.with_logical_type(Some(LogicalType::String));
        builder.with_converted_type(ConvertedType::UTF8)
    } else {
        builder
    };
    Ok(builder.build()?)
}

fn write_column(
    writer: &mut ColumnWriter<'_>,
    data: &Data,
    rows: std::ops::Range<usize>,
) -> Result<()> {
    match (writer, data) {
        (ColumnWriter::Int64ColumnWriter(writer), Data::Integer(values)) => {
            let (values, levels) = present(values[rows].iter().copied());
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (ColumnWriter::BoolColumnWriter(writer), Data::Boolean(values)) => {
            let (values, levels) = present(values[rows].iter().copied());
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), Data::Text(texts)) => {
            let (values, levels) = present(rows.map(|row| texts.get(row).map(ByteArray::from)));
            writer.write_batch(&values, Some(&levels), None)?;
        }
        _ => bail!("the schema and the table have different kinds of columns"),
    }
    Ok(())
}

/// The values that are there, and for each row whether there is one.
fn present<T>(rows: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
    let (mut values, mut levels) = (vec![], vec![]);
    for value in rows {
        levels.push(i16::from(value.is_some()));
        values.extend(value);
    }
    (values, levels)
}

/// The table in a Parquet file.
///
/// # Errors
///
/// When it is no Parquet, or has other columns.
pub(super) fn read(bytes: Vec<u8>, columns: &'static [Column]) -> Result<Frame> {
    let reader = SerializedFileReader::new(Bytes::from(bytes))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let found: Vec<_> = schema
        .columns()
        .iter()
        .map(|c| c.name().to_owned())
        .collect();
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    ensure!(
        found == names,
        "its columns are {found:?}, expected {names:?}"
    );
    let mut frame = Frame::empty(columns);
    for at in 0..reader.num_row_groups() {
        let group = reader.get_row_group(at)?;
        let rows = usize::try_from(group.metadata().num_rows())?;
        for (number, data) in frame.data.iter_mut().enumerate() {
            let column = group.get_column_reader(number)?;
            read_column(column, data, rows).with_context(|| format!("column {}", names[number]))?;
        }
    }
    Ok(frame)
}

fn read_column(reader: ColumnReader, data: &mut Data, rows: usize) -> Result<()> {
    match (reader, data) {
        (ColumnReader::Int64ColumnReader(reader), Data::Integer(values)) => {
            values.extend(optional::<Int64Type>(reader, rows)?);
        }
        (ColumnReader::BoolColumnReader(reader), Data::Boolean(values)) => {
            values.extend(optional::<BoolType>(reader, rows)?);
        }
        (ColumnReader::ByteArrayColumnReader(reader), Data::Text(texts)) => {
            push_texts(texts, optional::<ByteArrayType>(reader, rows)?)?;
        }
        _ => bail!("it is of another kind than the data dictionary says"),
    }
    Ok(())
}

fn push_texts(texts: &mut Texts, rows: Vec<Option<ByteArray>>) -> Result<()> {
    for row in rows {
        let text = row.as_ref().map(ByteArray::as_utf8).transpose()?;
        texts.push(text);
    }
    Ok(())
}

fn optional<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
) -> Result<Vec<Option<T::T>>> {
    let (mut values, mut levels) = (vec![], vec![]);
    while levels.len() < rows {
        let (read, ..) =
            reader.read_records(rows - levels.len(), Some(&mut levels), None, &mut values)?;
        ensure!(read > 0, "it ends before its {rows} rows");
    }
    let mut values = values.into_iter();
    let row = |level: i16| if level == 1 { values.next() } else { None };
    Ok(levels.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::super::frame::Cell;
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: &[Column] = &[
        Column {
            name: "n",
            kind: Kind::Integer,
            meaning: "",
            meaning_en: "",
        },
        Column {
            name: "t",
            kind: Kind::Text,
            meaning: "",
            meaning_en: "",
        },
        Column {
            name: "b",
            kind: Kind::Boolean,
            meaning: "",
            meaning_en: "",
        },
    ];

    proptest! {
        #[test]
        fn both_files_give_back_the_table(
            rows in proptest::collection::vec((any::<Option<i64>>(), "[a-zđàệ,\"\n]{0,6}", any::<Option<bool>>()), 0..60)
        ) {
            let mut frame = Frame::empty(COLUMNS);
            for (n, t, b) in &rows {
                frame.push(&[Cell::Integer(*n), Cell::Text(Some(t)), Cell::Boolean(*b)]);
            }
            let (mut parquet, mut again, mut csv) = (vec![], vec![], vec![]);
            write(&frame, &mut parquet).unwrap();
            write(&frame, &mut again).unwrap();
            prop_assert_eq!(&parquet, &again);
            prop_assert_eq!(read(parquet, COLUMNS).unwrap(), frame.clone());
            super::super::delimited::write(&frame, &mut csv).unwrap();
            prop_assert_eq!(super::super::delimited::read(&csv, COLUMNS).unwrap(), frame);
        }
    }

    #[test]
    fn what_is_no_parquet_is_an_error() {
        assert!(read(b"PAR1 no".to_vec(), COLUMNS).is_err());
        assert!(read(vec![], COLUMNS).is_err());
    }
}
