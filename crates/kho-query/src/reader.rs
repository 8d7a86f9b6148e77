//! Bytes of the lake's data files for the Parquet reader.
//!
//! The scan hands over the open footer with the path, so that no query parses a footer twice,
//! and the object store that DataFusion insists on stays empty: a path that does not come from
//! a [`Grant`](kho_access::Grant) cannot be read at all.

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{ParquetFileMetrics, ParquetFileReaderFactory};
use datafusion::error::Result;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaData;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Ranges closer together than this are read as one.
const GAP: u64 = 64 << 10;

/// What the scan knows about a data file; rides on the [`PartitionedFile`].
#[derive(Debug)]
pub(crate) struct LakeFile {
    pub path: PathBuf,
    pub footer: Arc<ParquetMetaData>,
}

/// Opens the files that a scan was granted.
#[derive(Debug)]
pub(crate) struct LakeReaders;

impl ParquetFileReaderFactory for LakeReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let Some(lake_file) = file.extension::<Arc<LakeFile>>().cloned() else {
            return datafusion::common::internal_err!("a file that is not the lake's: {}", file.path());
        };
        let metrics = ParquetFileMetrics::new(partition, file.path().as_ref(), metrics);
        Ok(Box::new(LakeReader { file: lake_file, handle: None, metrics }))
    }
}

struct LakeReader {
    file: Arc<LakeFile>,
    handle: Option<Arc<File>>,
    metrics: ParquetFileMetrics,
}

impl LakeReader {
    fn read(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move {
            let (file, handle) = (Arc::clone(&self.file), self.handle.clone());
            let wanted: u64 = ranges.iter().map(|r| r.end - r.start).sum();
            self.metrics.bytes_scanned.add(usize::try_from(wanted).unwrap_or(usize::MAX));
            let task = tokio::task::spawn_blocking(move || -> io::Result<_> {
                let handle = match handle {
                    Some(handle) => handle,
                    None => Arc::new(File::open(&file.path)?),
                };
                let bytes = read_ranges(&handle, &ranges)?;
                Ok((handle, bytes))
            });
            let (handle, bytes) = task.await.map_err(|e| ParquetError::External(Box::new(e)))?.map_err(|e| {
                tracing::error!(path = %self.file.path.display(), error = %e, "data file cannot be read");
                ParquetError::General(format!("a data file of the lake cannot be read: {}", e.kind()))
            })?;
            self.handle = Some(handle);
            Ok(bytes)
        }
        .boxed()
    }
}

/// Reads ascending ranges with as few calls as sensible.
fn read_ranges(file: &File, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
    let mut out = Vec::with_capacity(ranges.len());
    let mut rest = ranges;
    while let Some(first) = rest.first() {
        let mut end = first.end;
        let mut count = 1;
        while let Some(next) = rest.get(count).filter(|r| r.start >= first.start && r.start <= end + GAP) {
            end = end.max(next.end);
            count += 1;
        }
        let too_big = |_| io::Error::new(io::ErrorKind::InvalidInput, "range");
        let mut buffer = vec![0; usize::try_from(end - first.start).map_err(too_big)?];
        file.read_exact_at(&mut buffer, first.start)?;
        let buffer = Bytes::from(buffer);
        let (these, others) = rest.split_at(count);
        for r in these {
            let at = |offset: u64| usize::try_from(offset - first.start).map_err(too_big);
            out.push(buffer.slice(at(r.start)?..at(r.end)?));
        }
        rest = others;
    }
    Ok(out)
}

impl AsyncFileReader for LakeReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            let mut bytes = self.read(vec![range]).await?;
            bytes.pop().ok_or_else(|| ParquetError::General("no bytes".into()))
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.read(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        futures::future::ready(Ok(Arc::clone(&self.file.footer))).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    proptest! {
        #[test]
        fn ranges_come_back_as_asked(
            len in 1_usize..400_000,
            cuts in proptest::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 0..8),
        ) {
            let content: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let mut file = tempfile::tempfile()?;
            file.write_all(&content)?;
            let at = |f: f64| (f * len as f64) as u64;
            let ranges: Vec<_> = cuts.iter().map(|(a, b)| at(a.min(*b))..at(a.max(*b))).collect();
            let read = read_ranges(&file, &ranges)?;
            prop_assert_eq!(read.len(), ranges.len());
            for (bytes, r) in read.iter().zip(&ranges) {
                prop_assert_eq!(&bytes[..], &content[r.start as usize..r.end as usize]);
            }
        }
    }
}
