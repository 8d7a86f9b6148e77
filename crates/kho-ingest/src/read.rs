//! Reading a source: one thread reads, two do the work, the caller's receives in order.

use crate::batch::{Chunk, Doubt, Plan};
use crate::column::{Mapping, expected};
use crate::crs::SourceCrs;
use crate::quarantine::Quarantine;
use crate::source::{Location, Opened, open};
use crate::{IngestError, ReadOptions, SourceFile, Summary};
use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use kho_layer::{FeatureIds, GeometryKind, LayerDef, arrow_schema};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Threads that transform and check; the reader feeds them.
const WORKERS: usize = 2;

/// Reads the delivery at `path` as features of `layer`.
///
/// `path` is a file or folder that GDAL reads, a GeoParquet file, or something in a zip archive
/// (`a.zip/b.gdb`). Batches go to `sink` in the order of the file, with the schema of
/// [`arrow_schema`]: `kho_id`, the layer's columns, `geometry` (WKB, CRS84). Text is UTF-8, NFC
/// and trimmed; empty text is null. `progress` is called with the features read so far and the
/// number the file claims to have.
///
/// A source without features is refused: it would empty the layer, and a layer that is published
/// empty by mistake is worse than a delivery that has to be made again.
///
/// # Errors
/// [`IngestError`]: the source is refused as a whole, or the sink failed. Batches may have been
/// handed on before: they are not to be kept then.
pub fn read_source(
    path: &str,
    opts: &ReadOptions,
    layer: &LayerDef,
    sink: &mut dyn FnMut(RecordBatch) -> Result<(), IngestError>,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<Summary, IngestError> {
    let mut run = Run::new(opts);
    let summary = read_one(path, opts, layer, &mut run, sink, progress)?;
    refuse_nothing(&[path.to_owned()], std::slice::from_ref(&summary))?;
    run.quarantine.finish()?;
    Ok(summary)
}

/// Reads several deliveries as one layer, one after the other: as [`read_source`], but an id that
/// one source has used is not given again in the next, and the features set aside of all of them
/// are in one file. Gives a summary for each; `progress` starts anew with each. One of them may
/// be without features, which its summary then warns of; all of them may not.
///
/// # Errors
/// [`IngestError`] of the first source that is refused.
pub fn read_sources(
    paths: &[String],
    opts: &ReadOptions,
    layer: &LayerDef,
    sink: &mut dyn FnMut(RecordBatch) -> Result<(), IngestError>,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<Vec<Summary>, IngestError> {
    let mut run = Run::new(opts);
    let summaries = paths
        .iter()
        .map(|path| read_one(path, opts, layer, &mut run, sink, progress))
        .collect::<Result<Vec<_>, _>>()?;
    refuse_nothing(paths, &summaries)?;
    run.quarantine.finish()?;
    Ok(summaries)
}

/// Refuses sources that hold no feature between them.
fn refuse_nothing(paths: &[String], summaries: &[Summary]) -> Result<(), IngestError> {
    if summaries.iter().all(|s| s.source.features_read == 0) {
        return Err(IngestError::NoFeatures { path: paths.join(", ") });
    }
    Ok(())
}

/// What the sources of one layer share.
struct Run {
    ids: FeatureIds,
    quarantine: Quarantine,
}

impl Run {
    fn new(opts: &ReadOptions) -> Self {
        Self { ids: FeatureIds::default(), quarantine: Quarantine::new(opts.quarantine.as_deref()) }
    }
}

fn read_one(
    path: &str,
    opts: &ReadOptions,
    layer: &LayerDef,
    run: &mut Run,
    sink: &mut dyn FnMut(RecordBatch) -> Result<(), IngestError>,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<Summary, IngestError> {
    layer.check()?;
    let Run { ids, quarantine } = run;
    let location = Location::find(path)?;
    let opened = open(&location, opts.source_layer.as_deref())?;
    let mut warnings = opened.warnings.clone();
    let crs =
        SourceCrs::decide(path, opened.crs.as_ref(), opts.crs.as_deref(), opened.why_no_crs, &mut warnings)?;
    let mapping = Mapping::new(layer, &opened.schema, opened.geometry, opened.short_names);
    // Without a feature some formats have no columns either (GeoJSON): that is no misfit.
    if opened.total != Some(0) {
        refuse_misfits(path, layer, &opened, &mapping)?;
    }

    let label = crs.label.clone();
    let left_out = mapping.unmapped.iter().filter(|name| !opened.coordinates.contains(name));
    let unmapped: Vec<String> = left_out.cloned().collect();
    let plan = Plan {
        layer,
        source: location.name.clone(),
        mapping,
        geometry: opened.geometry,
        encoding: opened.encoding,
        crs,
        lines: quarantine.wanted(),
    };
    let mut done = Done::new(layer, ids);
    let mut reader = opened.reader;
    let total = opened.total;

    let digest = thread::scope(|scope| {
        let digest = scope.spawn(|| location.digest());
        let (to_work, work) = sync_channel::<Work>(WORKERS);
        let (to_us, ours) = sync_channel(WORKERS);
        let work = Arc::new(Mutex::new(work));
        for _ in 0..WORKERS {
            let (work, to_us, plan) = (Arc::clone(&work), to_us.clone(), &plan);
            scope.spawn(move || work_off(plan, &work, &to_us));
        }
        // The receiver of work must go when the workers go, or the reader would wait for ever.
        drop((work, to_us));
        let reading = scope.spawn(move || {
            let (mut sequence, mut first) = (0, 1);
            reader.read(opts.rows(), &mut |batch| {
                let next = first + batch.num_rows() as u64;
                let sent = to_work.send(Work { sequence, first, batch }).is_ok();
                (sequence, first) = (sequence + 1, next);
                sent
            })
        });
        in_order(ours, |chunk| {
            let chunk = chunk?;
            if let Some(doubt) = chunk.doubt {
                return Err(doubtful(path, &label, doubt));
            }
            quarantine.write(&chunk.lines)?;
            done.take(chunk, sink)?;
            progress(done.read, total);
            Ok(())
        })?;
        reading.join().map_err(|_| IngestError::Internal("the reader panicked".into()))??;
        digest.join().map_err(|_| IngestError::Internal("the hasher panicked".into()))?
    })?;

    done.warn(layer, &mut warnings);
    if done.read > 0 && done.written == 0 {
        let reasons = done.rejected.iter().map(|(r, n)| format!("{r} ({n})"));
        return Err(IngestError::NothingUsable {
            path: path.into(),
            features: done.read,
            reasons: reasons.collect::<Vec<_>>().join("; "),
        });
    }
    if done.read == 0 {
        warnings.push("the source has no features".into());
    }
    if let Some(total) = total.filter(|total| *total > done.read) {
        warnings.push(format!(
            "the file says that it has {total} features, but only {} came out of it: the others were deleted in it, or it is damaged",
            done.read
        ));
    }
    Ok(Summary {
        source: SourceFile {
            name: location.name,
            sha256: digest.sha256,
            bytes: digest.bytes,
            source_crs: label,
            features_read: done.read,
        },
        features_written: done.written,
        repaired: done.repaired,
        quarantined: done.rejected,
        warnings,
        unmapped,
    })
}

/// Refuses what cannot become the layer, before anything is read.
fn refuse_misfits(
    path: &str,
    layer: &LayerDef,
    opened: &Opened,
    mapping: &Mapping,
) -> Result<(), IngestError> {
    if let Some(kinds) = opened.kinds.as_ref().filter(|k| !k.contains(&layer.geometry)) {
        let found: Vec<_> = kinds.iter().map(|k| plural(*k)).collect();
        return Err(IngestError::GeometryMismatch {
            path: path.into(),
            source_layer: opened.layer.clone(),
            found: found.join(" and "),
            layer: layer.name.clone(),
            wanted: plural(layer.geometry).into(),
        });
    }
    let missing = mapping.missing(layer);
    if !missing.is_empty() {
        let found = opened.schema.fields().iter().enumerate().filter(|(i, _)| *i != opened.geometry);
        return Err(IngestError::MissingColumns {
            path: path.into(),
            layer: layer.name.clone(),
            missing: missing.join(", "),
            found: found.map(|(_, f)| f.name().as_str()).collect::<Vec<_>>().join(", "),
        });
    }
    Ok(())
}

fn plural(kind: GeometryKind) -> &'static str {
    match kind {
        GeometryKind::Point => "points",
        GeometryKind::Line => "lines",
        GeometryKind::Polygon => "polygons",
    }
}

fn doubtful(path: &str, crs: &str, doubt: Doubt) -> IngestError {
    let (path, crs) = (path.to_owned(), crs.to_owned());
    match doubt {
        Doubt::Swapped(x, y) => IngestError::SwappedAxes { path, crs, x, y },
        Doubt::Outside(x, y) => IngestError::OutsideCrs { path, crs, x, y },
    }
}

struct Work {
    sequence: u64,
    first: u64,
    batch: RecordBatch,
}

/// One chunk, with its place in the order of the file.
type Numbered = (u64, Result<Chunk, IngestError>);

/// A worker: takes batches until there are none, or nobody wants them.
fn work_off(plan: &Plan<'_>, work: &Mutex<Receiver<Work>>, to_us: &SyncSender<Numbered>) {
    let transformer = match plan.crs.transformer() {
        Ok(transformer) => transformer,
        Err(e) => {
            let _ = to_us.send((0, Err(e)));
            return;
        }
    };
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Work { sequence, first, batch }) = next else { return };
        let chunk = plan.process(&batch, first, &transformer);
        if to_us.send((sequence, chunk)).is_err() {
            return;
        }
    }
}

/// Hands chunks on in the order of the file, whichever worker finishes first.
fn in_order(
    ours: Receiver<Numbered>,
    mut take: impl FnMut(Result<Chunk, IngestError>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (sequence, chunk) in ours {
        early.insert(sequence, chunk);
        while let Some(chunk) = early.remove(&next) {
            take(chunk)?;
            next += 1;
        }
    }
    Ok(())
}

/// What has been handed on so far.
struct Done<'a> {
    schema: SchemaRef,
    ids: &'a mut FeatureIds,
    /// Duplicates that earlier sources had.
    duplicates_before: u64,
    read: u64,
    written: u64,
    repaired: u64,
    undrawn: u64,
    rejected: BTreeMap<String, u64>,
    unreadable: Vec<u64>,
}

impl<'a> Done<'a> {
    fn new(layer: &LayerDef, ids: &'a mut FeatureIds) -> Self {
        Self {
            schema: arrow_schema(layer),
            duplicates_before: ids.duplicates(),
            ids,
            read: 0,
            written: 0,
            repaired: 0,
            undrawn: 0,
            rejected: BTreeMap::new(),
            unreadable: vec![0; layer.columns.len()],
        }
    }

    fn take(
        &mut self,
        chunk: Chunk,
        sink: &mut dyn FnMut(RecordBatch) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        self.read += chunk.read;
        self.repaired += chunk.repaired;
        self.undrawn += chunk.undrawn;
        for (reason, n) in chunk.rejected {
            *self.rejected.entry(reason).or_default() += n;
        }
        for (sum, n) in self.unreadable.iter_mut().zip(chunk.unreadable) {
            *sum += n;
        }
        if chunk.hashes.is_empty() {
            return Ok(());
        }
        self.written += chunk.hashes.len() as u64;
        let ids: Int64Array = chunk.hashes.iter().map(|h| self.ids.id_of_hash(*h)).collect::<Vec<_>>().into();
        let mut columns = chunk.columns;
        columns.insert(0, Arc::new(ids));
        sink(RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    fn warn(&self, layer: &LayerDef, warnings: &mut Vec<String>) {
        for (column, n) in layer.columns.iter().zip(&self.unreadable).filter(|(_, n)| **n > 0) {
            warnings.push(format!(
                "{}: {n} values left empty, because they are {}",
                column.name,
                expected(column.ty)
            ));
        }
        if self.undrawn > 0 {
            warnings
                .push(format!("{} features have no geometry; they are kept, but on no map", self.undrawn));
        }
        let duplicates = self.ids.duplicates() - self.duplicates_before;
        if duplicates > 0 && !layer.key.is_empty() {
            warnings.push(format!(
                "{duplicates} features have the same {} as an earlier one; all are kept",
                layer.key.join(", ")
            ));
        }
    }
}
