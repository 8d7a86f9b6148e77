//! Reading columns of record batches by name, whatever Arrow type they were delivered with.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use geo_traits::to_geo::ToGeoGeometry;
use geo_types::Geometry;
use kho_layer::{GEOMETRY, KHO_ID};

use crate::error::NetworkError;

/// One batch of one layer, with its columns found and cast once.
pub(crate) struct Rows<'a> {
    layer: &'static str,
    batch: &'a RecordBatch,
    ids: Int64Array,
    geometry: BinaryArray,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(layer: &'static str, batch: &'a RecordBatch) -> Result<Self, NetworkError> {
        let ids = typed(layer, batch, KHO_ID, &DataType::Int64, "a whole number")?
            .ok_or(NetworkError::MissingColumn { layer, column: KHO_ID })?;
        let geometry = typed(layer, batch, GEOMETRY, &DataType::Binary, "WKB")?
            .ok_or(NetworkError::MissingColumn { layer, column: GEOMETRY })?;
        Ok(Self {
            layer,
            batch,
            ids: ids.as_primitive::<Int64Type>().clone(),
            geometry: geometry.as_binary::<i32>().clone(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub(crate) fn id(&self, row: usize) -> i64 {
        self.ids.value(row)
    }

    /// A column that the network cannot do without.
    pub(crate) fn text(&self, column: &'static str) -> Result<TextColumn, NetworkError> {
        let found = self.optional_text(column)?;
        if found.0.is_none() {
            return Err(NetworkError::MissingColumn { layer: self.layer, column });
        }
        Ok(found)
    }

    /// A column that may be absent, or outside the grant: then every value is missing.
    pub(crate) fn optional_text(&self, column: &'static str) -> Result<TextColumn, NetworkError> {
        let array = typed(self.layer, self.batch, column, &DataType::Utf8, "text")?;
        Ok(TextColumn(array.map(|a| a.as_string::<i32>().clone())))
    }

    /// A number column that may be absent, or outside the grant.
    pub(crate) fn number(&self, column: &'static str) -> Result<NumberColumn, NetworkError> {
        let array = typed(self.layer, self.batch, column, &DataType::Float64, "a number")?;
        Ok(NumberColumn(array.map(|a| a.as_primitive::<Float64Type>().clone())))
    }

    /// The vertices of a line, or the single vertex of a point; empty when there is no geometry.
    ///
    /// The parts of a multi-part line are joined in order: a pipe delivered as a MultiLineString
    /// of one part is the common case, and the ends are what the network asks for.
    pub(crate) fn path(&self, row: usize) -> Vec<[f64; 2]> {
        if self.geometry.is_null(row) {
            return Vec::new();
        }
        let Ok(wkb) = wkb::reader::read_wkb(self.geometry.value(row)) else { return Vec::new() };
        let mut path = Vec::new();
        if let Some(geometry) = wkb.try_to_geometry() {
            collect(&geometry, &mut path);
        }
        path
    }
}

fn collect(geometry: &Geometry<f64>, into: &mut Vec<[f64; 2]>) {
    match geometry {
        Geometry::Point(p) => into.push([p.x(), p.y()]),
        Geometry::MultiPoint(points) => into.extend(points.iter().map(|p| [p.x(), p.y()])),
        Geometry::LineString(line) => into.extend(line.coords().map(|c| [c.x, c.y])),
        Geometry::MultiLineString(lines) => {
            into.extend(lines.iter().flat_map(|l| l.coords()).map(|c| [c.x, c.y]));
        }
        // Areas are no part of a network.
        _ => {}
    }
}

/// A text column, or nothing.
pub(crate) struct TextColumn(Option<StringArray>);

impl TextColumn {
    /// The value without surrounding blanks; `None` when null, blank or absent.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        let array = self.0.as_ref()?;
        if array.is_null(row) {
            return None;
        }
        let value = array.value(row).trim();
        (!value.is_empty()).then_some(value)
    }
}

/// A number column, or nothing.
pub(crate) struct NumberColumn(Option<Float64Array>);

impl NumberColumn {
    /// The value; `None` when null, not finite or absent.
    pub(crate) fn get(&self, row: usize) -> Option<f64> {
        let array = self.0.as_ref()?;
        (!array.is_null(row)).then(|| array.value(row)).filter(|v| v.is_finite())
    }
}

fn typed(
    layer: &'static str,
    batch: &RecordBatch,
    column: &'static str,
    to: &DataType,
    wanted: &'static str,
) -> Result<Option<ArrayRef>, NetworkError> {
    let Some(array) = batch.column_by_name(column) else { return Ok(None) };
    match cast(array, to) {
        Ok(array) => Ok(Some(array)),
        Err(_) => {
            Err(NetworkError::ColumnType { layer, column, found: array.data_type().to_string(), wanted })
        }
    }
}
