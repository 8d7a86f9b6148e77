//! Answers as bytes: a table for people, JSON and CSV for programs, Arrow and Parquet for
//! analysts.
//!
//! Geometry columns are told by their tag `geoarrow.wkb`. In a table they are shortened WKT, in
//! CSV whole WKT, in JSON GeoJSON geometries; Arrow and Parquet keep WKB, tag and CRS.

mod arrow_stream;
mod csv;
mod geometry;
mod json;
mod parquet_file;
mod table;
pub(crate) mod wkb;

use crate::{Answer, QueryError};
use arrow::datatypes::{Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::io::Write;
use std::str::FromStr;

pub(crate) use csv::binary_values;
pub use geometry::{geojson, wkt};

/// How to write an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Columns drawn with lines, for a terminal.
    Table,
    /// One JSON array of objects. Null values are written; dates are ISO 8601.
    Json,
    /// Comma-separated, with a header line (RFC 4180).
    Csv,
    /// The Arrow IPC stream format.
    Arrow,
    /// One Parquet file: native GEOMETRY columns, and the GeoParquet 1.1 keys for older readers.
    Parquet,
}

impl Format {
    /// The media type for HTTP.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    fn encoder(self, schema: &SchemaRef) -> Result<Box<dyn Encode>, QueryError> {
        Ok(match self {
            Self::Table => Box::new(table::Table::new(schema)),
            Self::Json => Box::new(json::Json::default()),
            Self::Csv => Box::new(csv::Csv::new(schema)),
            Self::Arrow => Box::new(arrow_stream::ArrowStream::new(schema)?),
            Self::Parquet => Box::new(parquet_file::ParquetFile::new(schema)?),
        })
    }
}

impl FromStr for Format {
    type Err = QueryError;

    fn from_str(s: &str) -> Result<Self, QueryError> {
        Ok(match s {
            "table" => Self::Table,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "arrow" => Self::Arrow,
            "parquet" => Self::Parquet,
            other => {
                return Err(QueryError::Invalid(format!(
                    "there is no format {other}; there are: table, json, csv, arrow, parquet"
                )));
            }
        })
    }
}

/// Turns batches into bytes, holding back no more than the format demands.
trait Encode: Send {
    /// The bytes that are ready after one more batch; may be none.
    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError>;
    /// The last bytes.
    fn finish(&mut self) -> Result<Vec<u8>, QueryError>;
}

/// The answer as a stream of bytes, for an HTTP body. An error ends it: the reader must not take
/// what came before for the whole.
///
/// # Errors
/// If the schema cannot be written in this format.
pub fn stream(
    answer: Answer,
    format: Format,
) -> Result<impl Stream<Item = Result<Bytes, QueryError>> + Send + use<>, QueryError> {
    let encoder = format.encoder(&answer.schema)?;
    let state = Some((answer.stream, encoder));
    Ok(futures::stream::unfold(state, |state| async {
        let (mut stream, mut encoder) = state?;
        loop {
            let next = match stream.next().await {
                Some(Ok(batch)) => encoder.batch(&batch),
                Some(Err(e)) => return Some((Err(e.into()), None)),
                None => return Some((encoder.finish().map(Bytes::from), None)),
            };
            match next {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Some((Ok(Bytes::from(bytes)), Some((stream, encoder)))),
                Err(e) => return Some((Err(e), None)),
            }
        }
    }))
}

/// Writes the whole answer.
///
/// # Errors
/// Those of the answer, and [`QueryError::Internal`] if `out` fails.
pub async fn write(answer: Answer, format: Format, out: &mut (dyn Write + '_)) -> Result<(), QueryError> {
    let mut bytes = std::pin::pin!(stream(answer, format)?);
    while let Some(chunk) = bytes.next().await {
        out.write_all(&chunk?).map_err(QueryError::internal)?;
    }
    out.flush().map_err(QueryError::internal)
}

macro_rules! writers {
    ($($(#[$doc:meta])* $name:ident: $format:ident),* $(,)?) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// Those of [`write()`].
        pub async fn $name(answer: Answer, out: &mut (dyn Write + '_)) -> Result<(), QueryError> {
            write(answer, Format::$format, out).await
        })*
    };
}

writers! {
    /// Writes the answer as a table for a terminal.
    write_table: Table,
    /// Writes the answer as a JSON array of objects.
    write_json: Json,
    /// Writes the answer as CSV.
    write_csv: Csv,
    /// Writes the answer as an Arrow IPC stream.
    write_arrow: Arrow,
    /// Writes the answer as one Parquet file.
    write_parquet: Parquet,
}

/// Whether a column holds WKB geometries.
fn is_geometry(field: &Field) -> bool {
    field.metadata().get("ARROW:extension:name").is_some_and(|name| name == kho_layer::GEOMETRY_EXTENSION)
}
