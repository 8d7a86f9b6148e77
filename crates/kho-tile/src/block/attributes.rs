//! The attributes of a row group, ready to be written into tiles.

use crate::mvt::{NULL, ValueDictionary, ValueMap};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The granted attributes of a row group: a table of codes, a row to a feature and a column to a
/// key, into a dictionary of values that are already serialised.
#[derive(Debug)]
pub(crate) struct AttributeBlock {
    width: usize,
    codes: Vec<u32>,
    dictionary: ValueDictionary,
}

impl AttributeBlock {
    /// From batches whose columns are found by name; a column that is not there (a file older than
    /// the column) is null throughout.
    ///
    /// # Errors
    /// If a value of an unusual type cannot be printed.
    pub fn new(keys: &[String], batches: &[RecordBatch]) -> Result<Self, ArrowError> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let width = keys.len();
        let mut codes = vec![NULL; rows * width];
        let mut values = ValueMap::default();
        let mut first = 0;
        for batch in batches {
            for (at, key) in keys.iter().enumerate() {
                if let Some(column) = batch.column_by_name(key) {
                    let mut cells = Cells { codes: &mut codes[first * width..], width, at };
                    cells.fill(column, &mut values)?;
                }
            }
            first += batch.num_rows();
        }
        Ok(Self { width, codes, dictionary: values.finish() })
    }

    /// The codes of a row, one for each key.
    #[inline]
    pub fn row(&self, row: usize) -> &[u32] {
        &self.codes[row * self.width..(row + 1) * self.width]
    }

    /// The values.
    pub fn dictionary(&self) -> &ValueDictionary {
        &self.dictionary
    }

    /// Bytes of memory held.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.codes.capacity() * 4 + self.dictionary.weight()
    }
}

/// One column of the table of codes.
struct Cells<'a> {
    codes: &'a mut [u32],
    width: usize,
    at: usize,
}

impl Cells<'_> {
    fn set<T: PartialEq + Copy>(
        &mut self,
        values: impl Iterator<Item = Option<T>>,
        mut code: impl FnMut(T) -> u32,
    ) {
        // Sorted along a curve, neighbours share wards, sheets and dates.
        let mut last: Option<(T, u32)> = None;
        for (row, value) in values.enumerate() {
            let Some(value) = value else { continue };
            let code = match last {
                Some((v, c)) if v == value => c,
                _ => code(value),
            };
            last = Some((value, code));
            self.codes[row * self.width + self.at] = code;
        }
    }

    fn fill(&mut self, column: &ArrayRef, values: &mut ValueMap) -> Result<(), ArrowError> {
        macro_rules! integers {
            ($t:ty) => {
                self.set(column.as_primitive::<$t>().iter(), |v| values.integer(i64::from(v)))
            };
        }
        match column.data_type() {
            DataType::Utf8 => self.set(column.as_string::<i32>().iter(), |v| values.text(v)),
            DataType::LargeUtf8 => self.set(column.as_string::<i64>().iter(), |v| values.text(v)),
            DataType::Utf8View => self.set(column.as_string_view().iter(), |v| values.text(v)),
            DataType::Int64 => integers!(Int64Type),
            DataType::Int32 => integers!(Int32Type),
            DataType::Int16 => integers!(Int16Type),
            DataType::Int8 => integers!(Int8Type),
            DataType::UInt32 => integers!(UInt32Type),
            DataType::UInt16 => integers!(UInt16Type),
            DataType::UInt8 => integers!(UInt8Type),
            DataType::Float64 => self.set(column.as_primitive::<Float64Type>().iter(), |v| values.double(v)),
            DataType::Float32 => {
                self.set(column.as_primitive::<Float32Type>().iter(), |v| values.double(f64::from(v)));
            }
            DataType::Boolean => self.set(column.as_boolean().iter(), |v| values.boolean(v)),
            DataType::Null => {}
            DataType::Date32 => {
                let print = printer(column)?;
                let days = column.as_primitive::<Date32Type>();
                for row in (0..days.len()).filter(|&r| days.is_valid(r)) {
                    self.codes[row * self.width + self.at] =
                        values.day(days.value(row), || print.value(row).to_string());
                }
            }
            // Instants, decimals and whatever else: as they are printed, ISO 8601 for instants.
            _ => {
                let print = printer(column)?;
                for row in (0..column.len()).filter(|&r| column.is_valid(r)) {
                    let text = print.value(row).try_to_string()?;
                    self.codes[row * self.width + self.at] = values.text(&text);
                }
            }
        }
        Ok(())
    }
}

fn printer(column: &ArrayRef) -> Result<ArrayFormatter<'_>, ArrowError> {
    const OPTIONS: &FormatOptions<'static> = &FormatOptions::new();
    ArrayFormatter::try_new(column.as_ref(), OPTIONS)
}
