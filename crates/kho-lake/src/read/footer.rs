//! Parquet footers, kept: they never change, and every read begins with one.

use crate::bounds::Bounds;
use crate::error::{LakeError, at};
use crate::model::DataFile;
use parquet::basic::LogicalType;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

/// How many footers are kept before all are forgotten: a city of ten million parcels has a dozen
/// files, so only a walk through many snapshots gets there.
const KEPT: usize = 1_024;

/// The footers that have been read, by file id.
#[derive(Debug, Default)]
pub(crate) struct Footers(Mutex<HashMap<i64, Arc<ParquetMetaData>>>);

impl Footers {
    pub fn get(&self, file: &DataFile) -> Result<Arc<ParquetMetaData>, LakeError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(footer) = kept.get(&file.id) {
            return Ok(Arc::clone(footer));
        }
        drop(kept);
        let opened = File::open(&file.path).map_err(at(&file.path))?;
        // With the page index, which lies beside the footer: readers use it to skip pages.
        let footer = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_prefetch_hint(usize::try_from(file.footer_bytes).ok())
            .parse_and_finish(&opened)?;
        let footer = Arc::new(footer);
        kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(file.id, Arc::clone(&footer));
        Ok(footer)
    }
}

/// The box around the features of each row group, CRS84, out of its geospatial statistics; `None`
/// where there are none, and then the row group must be read.
pub fn row_group_bounds(metadata: &ParquetMetaData) -> Vec<Option<Bounds>> {
    let schema = metadata.file_metadata().schema_descr();
    let geometry = schema
        .columns()
        .iter()
        .position(|c| matches!(c.logical_type_ref(), Some(LogicalType::Geometry { .. })));
    metadata
        .row_groups()
        .iter()
        .map(|group| {
            let bounds = group.column(geometry?).geo_statistics()?.bounding_box()?;
            Some([bounds.get_xmin(), bounds.get_ymin(), bounds.get_xmax(), bounds.get_ymax()])
        })
        .collect()
}
