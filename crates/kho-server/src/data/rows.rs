//! Reading features of a published layer: page by page, or single rows.
//!
//! A page is read from a [`Position`], which is a place in a file that never changes: going on costs
//! the same on the last page as on the first, and nothing is skipped or repeated when another
//! snapshot lands in between, because the position belongs to a snapshot.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use kho_lake::{DataFile, Lake};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::catalogue::Published;
use super::filter::Filter;
use super::parquet::{Open, conform, granted};
use crate::http::problem::Problem;

/// A row of a layer at one snapshot: the file's `data_file_id` and the row in it, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) file: i64,
    pub(crate) row: u64,
}

/// Some features, and where the next ones are.
pub(crate) struct Page {
    /// In the layer's granted schema.
    pub(crate) batches: Vec<RecordBatch>,
    /// How many there are in `batches`.
    pub(crate) count: usize,
    /// The first feature after them that passes the filter; `None` at the end.
    pub(crate) next: Option<Position>,
}

/// Reads up to `limit` features that pass, from `start` (or the first).
pub(crate) async fn page(
    lake: &Lake,
    layer: &Arc<Published>,
    filter: Filter,
    start: Option<Position>,
    limit: usize,
) -> Result<Page, Problem> {
    let (lake, layer) = (lake.clone(), Arc::clone(layer));
    tokio::task::spawn_blocking(move || read_page(&lake, &layer, &filter, start, limit)).await?
}

fn read_page(
    lake: &Lake,
    layer: &Published,
    filter: &Filter,
    start: Option<Position>,
    limit: usize,
) -> Result<Page, Problem> {
    let files = &layer.files.files;
    let first = match start {
        None => 0,
        Some(start) => {
            files.iter().position(|file| file.id == start.file && start.row < file.rows).ok_or_else(|| {
                Problem::bad_request("next is not a token of this collection; begin again without it.")
            })?
        }
    };
    let mut page = Page { batches: Vec::new(), count: 0, next: None };
    for (index, file) in files.iter().enumerate().skip(first) {
        let skip = start.filter(|_| index == first).map_or(0, |start| start.row);
        if read_file(lake, layer, file, filter, skip, limit, &mut page)?.is_break() {
            break;
        }
    }
    Ok(page)
}

/// Reads on in one file from row `skip`; breaks when the page is full.
fn read_file(
    lake: &Lake,
    layer: &Published,
    file: &DataFile,
    filter: &Filter,
    skip: u64,
    limit: usize,
    page: &mut Page,
) -> Result<ControlFlow<()>, Problem> {
    if !filter.may_meet(file.bounds.as_ref()) {
        return Ok(ControlFlow::Continue(()));
    }
    let open = Open::new(lake, file)?;
    let mut first_row = 0_u64;
    for (number, group) in open.groups().into_iter().enumerate() {
        let rows = group.rows;
        let group_start = first_row;
        first_row += rows;
        if first_row <= skip || !filter.may_meet(group.bounds.as_ref()) {
            continue;
        }
        if nothing_passes(&open, layer, filter, number)? {
            continue;
        }
        let skipped = skip.saturating_sub(group_start);
        let selection = (skipped > 0).then(|| {
            let [skipped, rest] = [skipped, rows - skipped].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
            RowSelection::from(vec![RowSelector::skip(skipped), RowSelector::select(rest)])
        });
        // One more than is missing, to see whether there is a next page.
        let wanted = (limit + 1 - page.count).clamp(64, 4096);
        let mut row = group_start + skipped;
        for batch in open.read(&layer.files.schema, vec![number], selection, wanted)? {
            let batch = conform(&batch?, &layer.files.schema)?;
            let rows = batch.num_rows() as u64;
            if let Some(next) = take(batch, layer, filter, limit, page)? {
                page.next = Some(Position { file: file.id, row: row + next });
                return Ok(ControlFlow::Break(()));
            }
            row += rows;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Whether nothing in a row group passes the CQL2 filter, as far as its own columns tell: most of a
/// layer is not decoded for a filter that few features pass. Geometries are not read twice.
fn nothing_passes(open: &Open, layer: &Published, filter: &Filter, group: usize) -> Result<bool, Problem> {
    let Some(passing) = filter.passing.as_ref().filter(|p| !p.is_spatial() && !p.columns().is_empty()) else {
        return Ok(false);
    };
    let names: Vec<&str> = passing.columns().iter().map(String::as_str).collect();
    let schema = granted(&layer.files, &names);
    if schema.fields().is_empty() {
        return Ok(false);
    }
    for batch in open.read(&schema, vec![group], None, 8192)? {
        if passing.matches(&conform(&batch?, &schema)?)?.true_count() > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds what passes to the page; the number of the first row that no longer fits, if any.
fn take(
    batch: RecordBatch,
    layer: &Published,
    filter: &Filter,
    limit: usize,
    page: &mut Page,
) -> Result<Option<u64>, Problem> {
    let room = limit - page.count;
    let Some(keep) = filter.rows(&batch, layer.def())? else {
        let fits = batch.num_rows().min(room);
        let over = batch.num_rows() > room;
        page.count += fits;
        page.batches.push(batch.slice(0, fits));
        return Ok(over.then_some(fits as u64));
    };
    let passing = (0..keep.len()).filter(|&row| keep.value(row));
    let over = passing.clone().nth(room);
    let count = passing.take(room).count();
    if count > 0 {
        let upto = over.unwrap_or(keep.len());
        let kept = filter_record_batch(&batch.slice(0, upto), &keep.slice(0, upto))?;
        page.count += count;
        page.batches.push(kept);
    }
    Ok(over.map(|row| row as u64))
}

/// Reads single rows, numbered through all files of the layer in order; ascending, no row twice.
pub(crate) async fn at_rows(
    lake: &Lake,
    layer: &Arc<Published>,
    rows: Vec<u64>,
) -> Result<Vec<RecordBatch>, Problem> {
    let (lake, layer) = (lake.clone(), Arc::clone(layer));
    tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        let mut before = 0;
        for file in &layer.files.files {
            let here: Vec<u64> = rows
                .iter()
                .filter(|&&row| row >= before && row < before + file.rows)
                .map(|row| row - before)
                .collect();
            before += file.rows;
            if !here.is_empty() {
                single_rows(&lake, &layer, file, &here, &mut found)?;
            }
        }
        Ok(found)
    })
    .await?
}

fn single_rows(
    lake: &Lake,
    layer: &Published,
    file: &DataFile,
    rows: &[u64],
    found: &mut Vec<RecordBatch>,
) -> Result<(), Problem> {
    let open = Open::new(lake, file)?;
    let mut first_row = 0_u64;
    for (number, group) in open.groups().into_iter().enumerate() {
        let count = group.rows;
        let ranges: Vec<_> = rows
            .iter()
            .filter(|&&row| row >= first_row && row < first_row + count)
            .map(|row| usize::try_from(row - first_row).unwrap_or(usize::MAX))
            .map(|row| row..row + 1)
            .collect();
        first_row += count;
        if ranges.is_empty() {
            continue;
        }
        let wanted = ranges.len();
        let total = usize::try_from(count).unwrap_or(usize::MAX);
        let selection = RowSelection::from_consecutive_ranges(ranges.into_iter(), total);
        for batch in open.read(&layer.files.schema, vec![number], Some(selection), wanted)? {
            found.push(conform(&batch?, &layer.files.schema)?);
        }
    }
    Ok(())
}

/// Hands some columns of the whole layer to `each`, batch by batch, with the number of the batch's
/// first row; blocks. Names outside the grant are left out.
pub(crate) fn each(
    lake: &Lake,
    layer: &Published,
    columns: &[&str],
    mut each: impl FnMut(u64, &RecordBatch) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let schema = granted(&layer.files, columns);
    let mut before = 0;
    for file in &layer.files.files {
        let open = Open::new(lake, file)?;
        let mut row = before;
        for batch in open.read(&schema, (0..open.groups().len()).collect(), None, 8192)? {
            let batch = conform(&batch?, &schema)?;
            each(row, &batch)?;
            row += batch.num_rows() as u64;
        }
        before += file.rows;
    }
    Ok(())
}
