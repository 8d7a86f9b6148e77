//! The files deliveries come in.
//!
//! A source is opened once to learn what is in it ([`Opened`]), then read front to back by one
//! thread ([`Reader`]).

mod csv;
mod files;
mod gdal_file;
mod parquet_file;

use crate::IngestError;
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use gdal::spatial_ref::SpatialRef;
use kho_layer::GeometryKind;
use std::sync::{Arc, Once};

pub(crate) use files::Location;

/// How the geometry column holds its geometries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Encoding {
    Wkb,
    /// One of GeoArrow's native encodings, by GeoParquet's name of it.
    Native(String),
}

/// What a source says about itself.
pub(crate) struct Opened {
    /// The layer in the source, for messages.
    pub layer: String,
    /// The columns as they will arrive: text as `Binary`, because nothing has checked it yet.
    pub schema: SchemaRef,
    /// Which of them is the geometry.
    pub geometry: usize,
    pub encoding: Encoding,
    /// The kinds of geometry it declares; `None` if it does not say.
    pub kinds: Option<Vec<GeometryKind>>,
    pub crs: Option<SpatialRef>,
    /// Why it has no CRS, where the format explains it; begins with a separator.
    pub why_no_crs: &'static str,
    /// How many features it claims to have.
    pub total: Option<u64>,
    /// Whether column names may be cut to ten characters.
    pub short_names: bool,
    /// Whether its columns have types; in a CSV file all is text.
    pub typed: bool,
    /// Columns that the geometry is made of: attributes too, but nothing is lost if no column of
    /// the layer takes them.
    pub coordinates: Vec<String>,
    pub warnings: Vec<String>,
    pub reader: Box<dyn Reader>,
}

/// Reads a source front to back.
pub(crate) trait Reader: Send {
    /// Hands batches of about `rows` features to `emit` until the end, or until it returns false.
    fn read(&mut self, rows: usize, emit: &mut dyn FnMut(RecordBatch) -> bool) -> Result<(), IngestError>;
}

/// Opens a source.
pub(crate) fn open(location: &Location, source_layer: Option<&str>) -> Result<Opened, IngestError> {
    prepare_gdal();
    if location.is_parquet() { parquet_file::open(location) } else { gdal_file::open(location, source_layer) }
}

/// Settings of GDAL that hold for the whole process.
pub(crate) fn prepare_gdal() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // GDAL would put 5896 for the deprecated 6956, and so move the data without a word.
        let _ = gdal::config::set_config_option("OSR_USE_NON_DEPRECATED", "NO");
        // What goes wrong comes back as an error; stderr belongs to the command line.
        gdal::config::set_error_handler(|class, number, message| {
            tracing::debug!(?class, number, said = %unquoted(message), "GDAL");
        });
    });
}

/// A message of GDAL without what stands in quotation marks: it quotes values of features, and a
/// log is no place for a name or a document's number.
fn unquoted(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut until = None;
    for c in message.chars() {
        match until {
            Some(end) if c == end => {
                until = None;
                out.extend(['…', c]);
            }
            Some(_) => {}
            None => {
                out.push(c);
                until = match c {
                    '`' => Some('\''),
                    '\'' | '"' => Some(c),
                    _ => None,
                };
            }
        }
    }
    out
}

/// The type a column arrives as after [`plain`].
fn plain_type(ty: &DataType) -> DataType {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Binary,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Dictionary(_, value) => plain_type(value),
        other => other.clone(),
    }
}

fn plain_schema(schema: &Schema, ty: impl Fn(&Field) -> DataType) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| Field::new(f.name(), ty(f), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Text as bytes, so that nothing downstream relies on its being UTF-8; dictionaries unfolded.
fn plain(array: &ArrayRef) -> Result<ArrayRef, IngestError> {
    Ok(match array.data_type() {
        DataType::Utf8 => {
            let (offsets, values, nulls) = array.as_string::<i32>().clone().into_parts();
            Arc::new(BinaryArray::try_new(offsets, values, nulls)?)
        }
        DataType::Dictionary(_, value) => plain(&cast(array, value)?)?,
        DataType::LargeUtf8 | DataType::Utf8View => plain(&cast(array, &DataType::Utf8)?)?,
        ty if plain_type(ty) != *ty => cast(array, &plain_type(ty))?,
        _ => array.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_stay_out_of_the_log() {
        assert_eq!(
            unquoted("Value '079123' of field a.cccd parsed incompletely to \"12\" (2)"),
            "Value '…' of field a.cccd parsed incompletely to \"…\" (2)"
        );
        assert_eq!(unquoted("Failed at `Trần Văn"), "Failed at `");
    }
}
