//! Writes the columns of a table as a Parquet file.
//!
//! Enters: columns of equal length. Leaves: the bytes of a file. Laws: an absent value is null, a list without values is an empty
//! list; nothing of the clock or the machine is in the file.

use std::sync::Arc;

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type, TypePtr},
};

use crate::time::Time;

/// A column with its values, one for each row.
#[derive(Debug)]
pub(super) struct Column {
    name: &'static str,
    is_optional: bool,
    values: ColumnValues,
}

#[derive(Debug)]
enum ColumnValues {
    Text(Vec<Option<ByteArray>>),
    Count(Vec<Option<i64>>),
    /// Milliseconds since 1970, UTC.
    Time(Vec<Option<i64>>),
    Score(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
    List(Vec<Vec<ByteArray>>),
}

impl Column {
    pub(super) fn text<T: AsRef<str>>(name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        let values = values.into_iter().map(|value| Some(bytes(value.as_ref()))).collect();
        Self { name, is_optional: false, values: ColumnValues::Text(values) }
    }

    pub(super) fn optional_text<T: AsRef<str>>(
        name: &'static str,
        values: impl IntoIterator<Item = Option<T>>,
    ) -> Self {
        let values = values.into_iter().map(|value| Some(bytes(value?.as_ref()))).collect();
        Self { name, is_optional: true, values: ColumnValues::Text(values) }
    }

    pub(super) fn count(name: &'static str, values: impl IntoIterator<Item = u64>) -> Self {
        let signed = |count| Some(i64::try_from(count).unwrap_or(i64::MAX));
        let values = values.into_iter().map(signed).collect();
        Self { name, is_optional: false, values: ColumnValues::Count(values) }
    }

    pub(super) fn time(name: &'static str, values: impl IntoIterator<Item = Option<Time>>) -> Self {
        let values = values.into_iter().map(|time| Some(i64::from(time?.0) * 1_000)).collect();
        Self { name, is_optional: true, values: ColumnValues::Time(values) }
    }

    pub(super) fn score(name: &'static str, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        Self { name, is_optional: true, values: ColumnValues::Score(values.into_iter().collect()) }
    }

    pub(super) fn flag(name: &'static str, values: impl IntoIterator<Item = bool>) -> Self {
        let values = values.into_iter().map(Some).collect();
        Self { name, is_optional: false, values: ColumnValues::Flag(values) }
    }

    pub(super) fn list<'a, T: AsRef<str> + 'a, L: IntoIterator<Item = &'a T>>(
        name: &'static str,
        values: impl IntoIterator<Item = L>,
    ) -> Self {
        let list = |values: L| values.into_iter().map(|value| bytes(value.as_ref())).collect();
        Self { name, is_optional: false, values: ColumnValues::List(values.into_iter().map(list).collect()) }
    }

    const fn rows(&self) -> usize {
        match &self.values {
            ColumnValues::Text(values) => values.len(),
            ColumnValues::Count(values) | ColumnValues::Time(values) => values.len(),
            ColumnValues::Score(values) => values.len(),
            ColumnValues::Flag(values) => values.len(),
            ColumnValues::List(values) => values.len(),
        }
    }

    /// The column in the schema of the file.
    fn schema(&self) -> Result<TypePtr, ParquetError> {
        let repetition = if self.is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let (physical, logical) = match &self.values {
            ColumnValues::Text(_) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            ColumnValues::Count(_) => (PhysicalType::INT64, Some(LogicalType::integer(64, true))),
            ColumnValues::Time(_) => {
                (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
            }
            ColumnValues::Score(_) => (PhysicalType::DOUBLE, None),
            ColumnValues::Flag(_) => (PhysicalType::BOOLEAN, None),
            ColumnValues::List(_) => return list_schema(self.name),
        };
        let column = Type::primitive_type_builder(self.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .build()?;
        Ok(Arc::new(column))
    }

    fn write(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match &self.values {
            ColumnValues::Text(values) => self.write_values::<ByteArrayType>(writer, values),
            ColumnValues::Count(values) | ColumnValues::Time(values) => {
                self.write_values::<Int64Type>(writer, values)
            }
            ColumnValues::Score(values) => self.write_values::<DoubleType>(writer, values),
            ColumnValues::Flag(values) => self.write_values::<BoolType>(writer, values),
            ColumnValues::List(values) => write_lists(writer, values),
        }
    }

    /// Writes values, with the level 1 for one that is there and 0 for null.
    fn write_values<T: DataType>(
        &self,
        writer: &mut SerializedColumnWriter<'_>,
        values: &[Option<T::T>],
    ) -> Result<(), ParquetError> {
        let present: Vec<T::T> = values.iter().flatten().cloned().collect();
        let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
        let levels = self.is_optional.then_some(&*levels);
        writer.typed::<T>().write_batch(&present, levels, None).map(|_| ())
    }
}

/// A list of texts in three levels, as the specification of Parquet has it; neither the list nor a text is ever null.
fn list_schema(name: &str) -> Result<TypePtr, ParquetError> {
    let element = Type::primitive_type_builder("element", PhysicalType::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::String))
        .build()?;
    let list = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    let column = Type::group_type_builder(name)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(list)])
        .build()?;
    Ok(Arc::new(column))
}

/// Writes lists. The definition level is 0 for a list without values and 1 for a value; the repetition level is 0 for the first
/// entry of a list and 1 for each further one.
fn write_lists(
    writer: &mut SerializedColumnWriter<'_>,
    lists: &[Vec<ByteArray>],
) -> Result<(), ParquetError> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for list in lists {
        if list.is_empty() {
            defined.push(0);
            repeated.push(0);
        }
        for (place, value) in list.iter().enumerate() {
            values.push(value.clone());
            defined.push(1);
            repeated.push(i16::from(place > 0));
        }
    }
    let writer = writer.typed::<ByteArrayType>();
    writer.write_batch(&values, Some(&defined), Some(&repeated)).map(|_| ())
}

/// The file of a table.
pub(super) fn write_table(columns: &[Column]) -> Result<Vec<u8>, ParquetError> {
    let fields = columns.iter().map(Column::schema).collect::<Result<_, _>>()?;
    let schema = Arc::new(Type::group_type_builder("report").with_fields(fields).build()?);
    let properties = WriterProperties::builder()
        .set_created_by("onlooker".to_owned())
        .set_compression(Compression::SNAPPY)
        .build();
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties))?;
    if columns.first().is_some_and(|column| column.rows() > 0) {
        let mut group = file.next_row_group()?;
        for column in columns {
            let Some(mut writer) = group.next_column()? else { break };
            column.write(&mut writer)?;
            writer.close()?;
        }
        group.close()?;
    }
    file.close()?;
    Ok(bytes)
}

fn bytes(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}
