//! One Parquet file of one table.

use super::shape::TableShape;
use super::stats::ColumnStats;
use crate::catalog::NewFile;
use crate::error::{LakeError, at};
use crate::stage::{Stage, make_file};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use kho_layer::{GEOMETRY, KHO_ID};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowRowGroupWriterFactory, ArrowWriter, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::path::PathBuf;

/// How many features there are in a row group: the grain at which a map window reads.
pub(crate) const GROUP_ROWS: usize = 16_384;

/// A file being written. Row groups may be encoded in any order and thread; they are appended in
/// order.
pub(crate) struct TableFile<'a> {
    shape: &'a TableShape,
    writer: SerializedFileWriter<File>,
    factory: ArrowRowGroupWriterFactory,
    path: PathBuf,
    name: String,
}

impl<'a> TableFile<'a> {
    pub fn create(stage: &Stage, name: String, shape: &'a TableShape) -> Result<Self, LakeError> {
        let path = stage.path(&staged_name(&name, shape));
        let file = make_file(&path, shape.restricted)?;
        let options = ArrowWriterOptions::new()
            .with_properties(properties(shape)?)
            // Everything that a reader needs is in the Parquet schema.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, shape.schema.clone(), options)?;
        let (writer, factory) = writer.into_serialized_writer()?;
        Ok(Self { shape, writer, factory, path, name })
    }

    /// Encodes the row group of this number. `batch` is of the layer's shape, not the table's.
    pub fn encode(&self, number: usize, batch: &RecordBatch) -> Result<Vec<ArrowColumnChunk>, LakeError> {
        let mut columns = self.factory.create_column_writers(number)?;
        let fields = self.shape.schema.fields();
        for ((column, field), i) in columns.iter_mut().zip(fields).zip(&self.shape.projection) {
            for leaf in compute_leaves(field, batch.column(*i))? {
                column.write(&leaf)?;
            }
        }
        Ok(columns.into_iter().map(|column| column.close()).collect::<Result<_, _>>()?)
    }

    pub fn append(&mut self, chunks: Vec<ArrowColumnChunk>) -> Result<(), LakeError> {
        let mut group = self.writer.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    /// Writes the footer and syncs the file. `nan` says for each column of the layer whether it
    /// may hold NaN.
    pub fn finish(mut self, nan: &[bool]) -> Result<NewFile, LakeError> {
        if !self.shape.restricted {
            let geo = geoparquet_metadata(self.writer.flushed_row_groups())?;
            self.writer.append_key_value_metadata(KeyValue::new("geo".to_owned(), geo));
        }
        let metadata = self.writer.finish()?;
        let file = self.writer.inner();
        file.sync_all().map_err(at(&self.path))?;
        let bytes = file.metadata().map_err(at(&self.path))?.len();
        let columns = self.shape.columns.iter().zip(&self.shape.projection);
        let stats = columns
            .enumerate()
            .map(|(i, (column, source))| ColumnStats::of_column(&metadata, i, &column.ty, nan[*source]))
            .collect();
        Ok(NewFile {
            footer_bytes: footer_bytes(&self.path)?,
            rows: metadata.file_metadata().num_rows().unsigned_abs(),
            name: self.name,
            bytes,
            stats,
        })
    }
}

/// The name of a file in the staging folder, where both tables' files lie together.
pub(crate) fn staged_name(name: &str, shape: &TableShape) -> String {
    let table = if shape.restricted { "restricted" } else { "main" };
    format!("{table}-{name}")
}

fn properties(shape: &TableShape) -> Result<WriterProperties, LakeError> {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("kho {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for field in shape.schema.fields() {
        let path = || ColumnPath::from(field.name().as_str());
        // Values that do not repeat gain nothing from a dictionary.
        let unique =
            [KHO_ID, GEOMETRY].contains(&field.name().as_str()) || *field.data_type() == DataType::Float64;
        if unique {
            properties = properties.set_column_dictionary_enabled(path(), false);
        }
        // A smallest and a largest name is a name.
        if shape.restricted && field.name() != KHO_ID {
            properties = properties.set_column_statistics_enabled(path(), EnabledStatistics::None);
        }
    }
    Ok(properties.build())
}

/// The `geo` key of GeoParquet 2.0. No CRS means CRS84.
fn geoparquet_metadata(groups: &[parquet::file::metadata::RowGroupMetaData]) -> Result<String, LakeError> {
    let mut all = super::stats::GeometryStats::default();
    for group in groups {
        let geo = group.columns().last().and_then(|c| c.geo_statistics());
        let Some(geo) = geo else { continue };
        let bounds = geo.bounding_box().map(|b| [b.get_xmin(), b.get_ymin(), b.get_xmax(), b.get_ymax()]);
        all.bounds = crate::bounds::union(all.bounds, bounds);
        all.types.extend(geo.geospatial_types().into_iter().flatten());
    }
    let mut column = serde_json::json!({
        "encoding": "WKB",
        "geometry_types": all.geoparquet_types(),
    });
    if let Some(bounds) = all.bounds {
        column["bbox"] = serde_json::json!(bounds);
    }
    Ok(serde_json::to_string(&serde_json::json!({
        "version": "2.0.0",
        "primary_column": GEOMETRY,
        "columns": { GEOMETRY: column },
    }))?)
}

/// The length of the footer, as the file's last eight bytes say.
fn footer_bytes(path: &std::path::Path) -> Result<u64, LakeError> {
    use std::io::{Read, Seek, SeekFrom};
    let mut tail = [0u8; 4];
    File::open(path)
        .and_then(|mut file| {
            file.seek(SeekFrom::End(-8))?;
            file.read_exact(&mut tail)
        })
        .map_err(at(path))?;
    Ok(u32::from_le_bytes(tail).into())
}
