//! One batch of a source → one batch of the layer. Pure, so that batches can be done in parallel.

use crate::column::{Mapping, convert, expected, write_key};
use crate::crs::{SourceCrs, Transformer};
use crate::geometry::{Reason, Repaired, Shapes, is_clean, push_native, repair};
use crate::source::Encoding;
use crate::{IngestError, quarantine};
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, RecordBatch};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::filter;
use kho_layer::{AccessClass, FeatureIds, GeometryKind, LayerDef};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What is the same for all batches of a source.
pub(crate) struct Plan<'a> {
    pub layer: &'a LayerDef,
    /// The source's name, for the quarantine file.
    pub source: String,
    pub mapping: Mapping,
    /// Index of the source's geometry column.
    pub geometry: usize,
    pub encoding: Encoding,
    pub crs: SourceCrs,
    /// Whether lines for the quarantine file are wanted.
    pub lines: bool,
}

/// What became of a batch.
#[derive(Default)]
pub(crate) struct Chunk {
    /// The layer's columns, then the geometry; without `kho_id`, which needs the whole delivery.
    pub columns: Vec<ArrayRef>,
    /// For each row the hash its id is made of.
    pub hashes: Vec<u64>,
    /// Features in the source batch.
    pub read: u64,
    pub repaired: u64,
    /// Kept features without a geometry.
    pub undrawn: u64,
    pub rejected: BTreeMap<String, u64>,
    /// For each column, how many values of kept features could not be read.
    pub unreadable: Vec<u64>,
    /// Lines for the quarantine file.
    pub lines: Vec<u8>,
    /// Set if most features lie where they cannot be.
    pub doubt: Option<Doubt>,
}

/// Why the whole source is doubtful, with its first coordinate as delivered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Doubt {
    Swapped(f64, f64),
    Outside(f64, f64),
}

impl Plan<'_> {
    /// Does one batch; `first` is the number of its first feature, from 1.
    pub(crate) fn process(
        &self,
        source: &RecordBatch,
        first: u64,
        to_crs84: &Transformer,
    ) -> Result<Chunk, IngestError> {
        let rows = source.num_rows();
        let mut shapes = self.shapes(source)?;
        let finite = finite(&shapes);
        let delivered = (first == 1).then(|| (shapes.x.clone(), shapes.y.clone()));
        to_crs84.apply(&mut shapes.x, &mut shapes.y);
        let doubt = delivered.and_then(|(x, y)| self.doubt(&shapes, &x, &y, to_crs84));
        if doubt.is_some() {
            return Ok(Chunk { doubt, read: rows as u64, ..Chunk::default() });
        }

        let mut reasons: HashMap<usize, Vec<String>> = HashMap::new();
        let mut mended: HashMap<usize, Shapes> = HashMap::new();
        let mut repaired = vec![false; rows];
        for row in 0..rows {
            if self.layer.geometry_optional && shapes.head(row) == Err(Reason::Empty) {
                continue;
            }
            match self.check(&shapes, row, finite.as_ref().is_none_or(|f| f[row])) {
                Ok(None) => {
                    repaired[row] = shapes.head(row).is_ok_and(|h| h.mended);
                    if self.layer.geometry == GeometryKind::Polygon {
                        shapes.wind(row);
                    }
                }
                Ok(Some(mut better)) => {
                    better.wind(0);
                    repaired[row] = true;
                    mended.insert(row, better);
                }
                Err(reason) => reasons.entry(row).or_default().push(reason.text().into()),
            }
        }

        let (columns, unreadable) = self.columns(source, &mut reasons);
        let keep = (!reasons.is_empty())
            .then(|| BooleanArray::from_iter((0..rows).map(|r| Some(!reasons.contains_key(&r)))));
        let kept = |r: &usize| !reasons.contains_key(r);
        let counts =
            unreadable.iter().map(|rows| rows.iter().filter(|r| kept(&(**r as usize))).count() as u64);

        let geometry = wkb(&shapes, &mended, rows, &reasons)?;
        let mut columns = match &keep {
            None => columns,
            Some(keep) => columns.iter().map(|c| filter(c, keep)).collect::<Result<_, _>>()?,
        };
        let hashes = self.hashes(&columns, &geometry);
        let undrawn = geometry.null_count() as u64;
        columns.push(Arc::new(geometry));

        let mut chunk = Chunk {
            columns,
            hashes,
            read: rows as u64,
            repaired: (0..rows).filter(|r| repaired[*r] && kept(r)).count() as u64,
            undrawn,
            unreadable: counts.collect(),
            ..Chunk::default()
        };
        let mut rejected: Vec<_> = reasons.into_iter().collect();
        rejected.sort_by_key(|(row, _)| *row);
        for (row, reasons) in rejected {
            if self.lines {
                let number = first + row as u64;
                let place = quarantine::Place { source: &self.source, feature: number };
                chunk.lines.extend(quarantine::line(&place, source, self.geometry, row, &reasons, &shapes));
            }
            if let Some(reason) = reasons.into_iter().next() {
                *chunk.rejected.entry(reason).or_default() += 1;
            }
        }
        Ok(chunk)
    }

    fn shapes(&self, source: &RecordBatch) -> Result<Shapes, IngestError> {
        let column = source.column(self.geometry);
        match &self.encoding {
            Encoding::Wkb => {
                let wkb = column
                    .as_binary_opt::<i32>()
                    .ok_or_else(|| IngestError::Internal("the geometry column is not binary".into()))?;
                let mut shapes = Shapes::with_capacity(wkb.len(), wkb.value_data().len() / 16);
                for value in wkb {
                    shapes.push_wkb(value);
                }
                Ok(shapes)
            }
            Encoding::Native(encoding) => {
                let mut shapes = Shapes::with_capacity(column.len(), column.len());
                for row in 0..column.len() {
                    push_native(&mut shapes, column, row, encoding);
                }
                Ok(shapes)
            }
        }
    }

    /// Whether a shape can be used as it is (`None`), or as something better.
    fn check(&self, shapes: &Shapes, row: usize, finite: bool) -> Result<Option<Shapes>, Reason> {
        let head = shapes.head(row)?;
        if head.kind != self.layer.geometry {
            return Err(Reason::WrongKind(self.layer.geometry));
        }
        if !finite {
            return Err(Reason::NotFinite);
        }
        let [west, south, east, north] = self.crs.limits;
        let span = shapes.span(row);
        // Written so that NaN fails.
        let inside = shapes.x[span.clone()].iter().all(|x| *x >= west && *x <= east)
            && shapes.y[span].iter().all(|y| *y >= south && *y <= north);
        if !inside {
            return Err(Reason::OutOfRange);
        }
        if head.kind == GeometryKind::Polygon && !is_clean(shapes, row) {
            return match repair(shapes, row)? {
                Repaired::Valid => Ok(None),
                Repaired::Mended(better) => Ok(Some(better)),
            };
        }
        Ok(None)
    }

    /// Whether most shapes lie where the source's CRS cannot be, and whether exchanging x and y
    /// would bring them back.
    fn doubt(&self, shapes: &Shapes, x: &[f64], y: &[f64], to_crs84: &Transformer) -> Option<Doubt> {
        let firsts: Vec<usize> =
            (0..shapes.len()).filter(|s| shapes.head(*s).is_ok()).map(|s| shapes.span(s).start).collect();
        let stray = |i: &&usize| !within(self.crs.home, shapes.x[**i], shapes.y[**i]);
        let first = *firsts.iter().find(stray)?;
        if firsts.iter().filter(stray).count() * 2 <= firsts.len() {
            return None;
        }
        let mut swapped_x: Vec<f64> = firsts.iter().map(|i| y[*i]).collect();
        let mut swapped_y: Vec<f64> = firsts.iter().map(|i| x[*i]).collect();
        to_crs84.apply(&mut swapped_x, &mut swapped_y);
        let back = swapped_x.iter().zip(&swapped_y).filter(|(x, y)| within(self.crs.home, **x, **y)).count();
        if back * 2 > firsts.len() {
            return Some(Doubt::Swapped(x[first], y[first]));
        }
        let outside = firsts.iter().filter(|i| !within(self.crs.area, shapes.x[**i], shapes.y[**i])).count();
        (outside * 2 > firsts.len()).then_some(Doubt::Outside(x[first], y[first]))
    }

    /// Converts the columns. Rows without a required value get a reason; for optional columns
    /// the unreadable rows are given back.
    fn columns(
        &self,
        source: &RecordBatch,
        reasons: &mut HashMap<usize, Vec<String>>,
    ) -> (Vec<ArrayRef>, Vec<Vec<u32>>) {
        let mut arrays = Vec::with_capacity(self.layer.columns.len() + 1);
        let mut unreadable = Vec::with_capacity(self.layer.columns.len());
        for (column, from) in self.layer.columns.iter().zip(&self.mapping.sources) {
            let converted = convert(column, from.map(|i| source.column(i)), source.num_rows());
            if column.required && converted.array.null_count() > 0 {
                let mut bad = converted.unreadable.iter().peekable();
                for row in (0..source.num_rows()).filter(|r| converted.array.is_null(*r)) {
                    let said = if bad.next_if(|b| **b as usize == row).is_some() {
                        format!("{}: {}", column.name, expected(column.ty))
                    } else {
                        format!("{}: no value", column.name)
                    };
                    reasons.entry(row).or_default().push(said);
                }
                unreadable.push(Vec::new());
            } else {
                unreadable.push(converted.unreadable);
            }
            arrays.push(converted.array);
        }
        (arrays, unreadable)
    }

    /// The hash of each feature's key. Without a key, or with all of it null, that of its
    /// geometry (to a millimetre) and public values: an id is public, so nothing secret may be
    /// guessed from it.
    fn hashes(&self, columns: &[ArrayRef], geometry: &BinaryArray) -> Vec<u64> {
        let named = |wanted: &dyn Fn(&kho_layer::Column) -> bool| -> Vec<&ArrayRef> {
            let columns = self.layer.columns.iter().zip(columns);
            columns.filter(|(c, _)| wanted(c)).map(|(_, a)| a).collect()
        };
        let key: Vec<&ArrayRef> = self
            .layer
            .key
            .iter()
            .filter_map(|k| columns.get(self.layer.columns.iter().position(|c| c.name == *k)?))
            .collect();
        let public = named(&|c| c.access == AccessClass::Public);
        let mut bytes = Vec::with_capacity(128);
        let mut whole = Shapes::default();
        (0..geometry.len())
            .map(|row| {
                bytes.clear();
                let mut any = false;
                for (i, array) in key.iter().enumerate() {
                    if i > 0 {
                        bytes.push(0x1f);
                    }
                    any |= write_key(array.as_ref(), row, &mut bytes);
                }
                if !any {
                    bytes.clear();
                    whole.rewind_all();
                    whole.push_wkb(geometry.is_valid(row).then(|| geometry.value(row)));
                    for (x, y) in whole.x.iter().zip(&whole.y) {
                        bytes.extend(((x * 1e8).round() as i64).to_le_bytes());
                        bytes.extend(((y * 1e8).round() as i64).to_le_bytes());
                    }
                    for array in &public {
                        bytes.push(0x1f);
                        write_key(array.as_ref(), row, &mut bytes);
                    }
                }
                FeatureIds::hash(&bytes)
            })
            .collect()
    }
}

fn within([west, south, east, north]: [f64; 4], x: f64, y: f64) -> bool {
    x >= west && x <= east && y >= south && y <= north
}

/// For each shape whether all its coordinates are numbers; `None` if all are.
fn finite(shapes: &Shapes) -> Option<Vec<bool>> {
    let ok = |v: &[f64]| v.iter().all(|v| v.is_finite());
    if ok(&shapes.x) && ok(&shapes.y) {
        return None;
    }
    let each = (0..shapes.len()).map(|s| {
        let span = shapes.span(s);
        ok(&shapes.x[span.clone()]) && ok(&shapes.y[span])
    });
    Some(each.collect())
}

/// The kept geometries as one array; null where there is none.
fn wkb(
    shapes: &Shapes,
    mended: &HashMap<usize, Shapes>,
    rows: usize,
    rejected: &HashMap<usize, Vec<String>>,
) -> Result<BinaryArray, IngestError> {
    let mut bytes = Vec::with_capacity(shapes.x.len() * 16 + rows * 18);
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0);
    let mut drawn = Vec::with_capacity(rows);
    for row in (0..rows).filter(|r| !rejected.contains_key(r)) {
        match mended.get(&row) {
            Some(better) => better.write_wkb(0, &mut bytes),
            None => shapes.write_wkb(row, &mut bytes),
        }
        drawn.push(mended.contains_key(&row) || shapes.head(row).is_ok());
        offsets.push(i32::try_from(bytes.len()).map_err(|_| {
            IngestError::Internal("a batch has more than 2 GB of geometry; read it in smaller batches".into())
        })?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let nulls = drawn.contains(&false).then(|| NullBuffer::from(drawn));
    Ok(BinaryArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?)
}
