//! Kernels that compute row by row: arguments are cast to what they are read as, and NULL among them
//! gives NULL (PostGIS's functions here are STRICT).

use super::shape::Geometry;
use crate::format::wkb;
use arrow::array::{
    Array, ArrayBuilder, ArrayRef, AsArray, BinaryBuilder, Float64Builder, Int32Builder, ListArray,
    StructArray, UInt32Builder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{ScalarValue, exec_err, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use sedona_expr::item_crs::ItemCrsKernel;
use sedona_expr::scalar_udf::{ScalarKernelRef, SedonaScalarKernel, SedonaScalarUDF};
use sedona_schema::crs::Crs;
use sedona_schema::datatypes::{Edges, SedonaType, WKB_GEOMETRY};
use sedona_schema::matchers::{ArgMatcher, TypeMatcher};
use std::sync::Arc;

/// How many geometries the lists of one call (a batch of rows) may hold together: at some 150 bytes
/// each, 75 MB. A function has no access to its query's memory pool.
pub(super) const MOST_PIECES: usize = 500_000;

/// What an argument is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Geometry,
    Number,
    Integer,
    Text,
    Flag,
}

impl Kind {
    fn matcher(self) -> Arc<dyn TypeMatcher + Send + Sync> {
        match self {
            Self::Geometry => ArgMatcher::is_geometry(),
            Self::Number => ArgMatcher::is_numeric(),
            Self::Integer => ArgMatcher::is_integer(),
            Self::Text => ArgMatcher::is_string(),
            Self::Flag => ArgMatcher::is_boolean(),
        }
    }

    fn storage(self) -> DataType {
        match self {
            Self::Geometry => DataType::Binary,
            Self::Number => DataType::Float64,
            Self::Integer => DataType::Int64,
            Self::Text => DataType::Utf8,
            Self::Flag => DataType::Boolean,
        }
    }
}

/// What comes out.
#[derive(Debug, Clone)]
pub(super) enum Gives {
    /// A geometry in the CRS of the arguments.
    Geometry,
    /// A geometry in this CRS.
    GeometryIn(Crs),
    /// A double.
    Number,
    /// An unsigned 32-bit integer.
    Unsigned,
    /// A list of structs with `geom`, in the CRS of the arguments.
    Pieces,
    /// A list of structs with `geom`, and `i` and `j`, the column and row of a grid.
    Cells,
}

/// One row's result.
pub(super) enum Value {
    Wkb(Vec<u8>),
    Number(f64),
    Unsigned(u32),
    Pieces(Vec<Vec<u8>>),
    Cells(Vec<(Vec<u8>, i32, i32)>),
}

impl Value {
    /// A geometry as a result.
    pub(super) fn geometry(geometry: &Geometry) -> Result<Option<Self>> {
        Ok(Some(Self::Wkb(super::shape::to_wkb(geometry))))
    }
}

type Make = for<'r> fn(&Row<'r>) -> Result<Option<Value>>;

/// A kernel of the arguments `takes`, of which the first `required` must be there.
#[derive(Debug)]
pub(super) struct RowKernel {
    takes: Vec<Kind>,
    required: usize,
    gives: Gives,
    make: Make,
}

impl RowKernel {
    pub(super) fn new(takes: &[Kind], gives: Gives, make: Make) -> Self {
        Self { takes: takes.to_vec(), required: takes.len(), gives, make }
    }

    /// Makes all arguments after the first `required` optional.
    pub(super) fn requires(self, required: usize) -> Self {
        Self { required, ..self }
    }

    /// Whether rows may bring a CRS of their own. Lists have no such form.
    fn takes_item_crs(&self) -> bool {
        self.takes.contains(&Kind::Geometry)
            && matches!(self.gives, Gives::Geometry | Gives::Number | Gives::Unsigned)
    }

    fn compute(&self, arg_types: &[SedonaType], args: &[ColumnarValue]) -> Result<ColumnarValue> {
        let Some(gives) = self.return_type(arg_types)? else {
            return internal_err!("a kernel was called with arguments that it does not take");
        };
        let columns = self
            .takes
            .iter()
            .zip(args)
            .map(|(kind, arg)| Column::new(*kind, arg))
            .collect::<Result<Vec<_>>>()?;
        let rows = columns.iter().find(|c| !c.single).map_or(1, |c| c.array.len());
        let mut out = Out::new(&self.gives, rows);
        for row in 0..rows {
            let row = Row { columns: &columns, row };
            out.push(if row.has_null() { None } else { (self.make)(&row)? })?;
        }
        let array = out.finish(gives.storage_type())?;
        if columns.iter().all(|c| c.single) {
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
        } else {
            Ok(ColumnarValue::Array(array))
        }
    }
}

impl SedonaScalarKernel for RowKernel {
    fn return_type(&self, args: &[SedonaType]) -> Result<Option<SedonaType>> {
        if args.len() < self.required || args.len() > self.takes.len() {
            return Ok(None);
        }
        let matchers = self.takes[..args.len()].iter().map(|k| k.matcher()).collect();
        let like = match self.gives {
            Gives::Number => SedonaType::Arrow(DataType::Float64),
            Gives::Unsigned => SedonaType::Arrow(DataType::UInt32),
            _ => WKB_GEOMETRY,
        };
        let Some(matched) = ArgMatcher::new(matchers, like).match_args(args)? else {
            return Ok(None);
        };
        Ok(Some(match &self.gives {
            Gives::GeometryIn(crs) => SedonaType::Wkb(Edges::Planar, crs.clone()),
            Gives::Pieces | Gives::Cells => {
                let mut fields = vec![matched.to_storage_field("geom", true)?];
                if matches!(self.gives, Gives::Cells) {
                    fields.extend(["i", "j"].map(|name| Field::new(name, DataType::Int32, true)));
                }
                let item = Field::new("item", DataType::Struct(Fields::from(fields)), true);
                SedonaType::Arrow(DataType::List(Arc::new(item)))
            }
            _ => matched,
        }))
    }

    fn invoke_batch(&self, arg_types: &[SedonaType], args: &[ColumnarValue]) -> Result<ColumnarValue> {
        self.compute(arg_types, args)
    }

    fn invoke_batch_from_args(
        &self,
        arg_types: &[SedonaType],
        args: &[ColumnarValue],
        _return_type: &SedonaType,
        _num_rows: usize,
        _config_options: Option<&ConfigOptions>,
    ) -> Result<ColumnarValue> {
        self.compute(arg_types, args)
    }
}

/// A function of these kernels; of those that fit, the last runs.
pub(super) fn udf(name: &str, kernels: Vec<RowKernel>) -> SedonaScalarUDF {
    let mut with_item_crs: Vec<ScalarKernelRef> = Vec::new();
    let mut plain: Vec<ScalarKernelRef> = Vec::new();
    for kernel in kernels {
        let item = kernel.takes_item_crs();
        let kernel: ScalarKernelRef = Arc::new(kernel);
        if item {
            with_item_crs.push(ItemCrsKernel::new_ref(Arc::clone(&kernel)));
        }
        plain.push(kernel);
    }
    with_item_crs.append(&mut plain);
    SedonaScalarUDF::from_impl(name, with_item_crs)
}

/// An argument as an array; of one value if it is a scalar.
struct Column {
    array: ArrayRef,
    single: bool,
}

impl Column {
    fn new(kind: Kind, arg: &ColumnarValue) -> Result<Self> {
        let single = matches!(arg, ColumnarValue::Scalar(_));
        let array = arg.cast_to(&kind.storage(), None)?.to_array(1)?;
        Ok(Self { array, single })
    }
}

/// The arguments of one row. None of them is NULL; those that are left out are not there.
pub(super) struct Row<'a> {
    columns: &'a [Column],
    row: usize,
}

impl Row<'_> {
    fn at(&self, i: usize) -> Option<(&ArrayRef, usize)> {
        self.columns.get(i).map(|c| (&c.array, if c.single { 0 } else { self.row }))
    }

    fn must(&self, i: usize) -> Result<(&ArrayRef, usize)> {
        self.at(i).ok_or_else(|| DataFusionError::Internal(format!("argument {i} is missing")))
    }

    fn has_null(&self) -> bool {
        (0..self.columns.len()).any(|i| self.at(i).is_some_and(|(a, row)| a.is_null(row)))
    }

    /// How many arguments there are.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// The WKB of a geometry.
    pub(super) fn wkb(&self, i: usize) -> Result<&[u8]> {
        let (array, row) = self.must(i)?;
        Ok(array.as_binary::<i32>().value(row))
    }

    /// A geometry.
    pub(super) fn geometry(&self, i: usize) -> Result<Geometry> {
        read(self.wkb(i)?)
    }

    /// A number, also NaN or infinite.
    pub(super) fn number(&self, i: usize) -> Result<f64> {
        let (array, row) = self.must(i)?;
        Ok(array.as_primitive::<Float64Type>().value(row))
    }

    /// A number that must be finite; `function` and `name` are for the message.
    pub(super) fn finite(&self, i: usize, function: &str, name: &str) -> Result<f64> {
        let v = self.number(i)?;
        if v.is_finite() { Ok(v) } else { exec_err!("{function}: {name} must be a finite number, not {v}") }
    }

    pub(super) fn integer(&self, i: usize) -> Result<i64> {
        let (array, row) = self.must(i)?;
        Ok(array.as_primitive::<Int64Type>().value(row))
    }

    pub(super) fn text(&self, i: usize) -> Result<&str> {
        let (array, row) = self.must(i)?;
        Ok(array.as_string::<i32>().value(row))
    }

    pub(super) fn flag(&self, i: usize) -> Result<bool> {
        let (array, row) = self.must(i)?;
        Ok(array.as_boolean().value(row))
    }
}

/// WKB as a geometry.
pub(super) fn read(bytes: &[u8]) -> Result<Geometry> {
    match wkb::read(bytes) {
        Some(geometry) => Ok(geometry),
        None => exec_err!("a geometry cannot be read: it is not WKB, or its collections nest too deeply"),
    }
}

/// The results, as they come.
enum Out {
    Wkb(BinaryBuilder),
    Number(Float64Builder),
    Unsigned(UInt32Builder),
    List { geom: BinaryBuilder, i: Int32Builder, j: Int32Builder, lengths: Vec<usize>, valid: Vec<bool> },
}

impl Out {
    fn new(gives: &Gives, rows: usize) -> Self {
        match gives {
            Gives::Geometry | Gives::GeometryIn(_) => {
                Self::Wkb(BinaryBuilder::with_capacity(rows, rows * 93))
            }
            Gives::Number => Self::Number(Float64Builder::with_capacity(rows)),
            Gives::Unsigned => Self::Unsigned(UInt32Builder::with_capacity(rows)),
            Gives::Pieces | Gives::Cells => Self::List {
                geom: BinaryBuilder::new(),
                i: Int32Builder::new(),
                j: Int32Builder::new(),
                lengths: Vec::with_capacity(rows),
                valid: Vec::with_capacity(rows),
            },
        }
    }

    fn push(&mut self, value: Option<Value>) -> Result<()> {
        match (self, value) {
            (Self::Wkb(out), Some(Value::Wkb(v))) => out.append_value(v),
            (Self::Wkb(out), None) => out.append_null(),
            (Self::Number(out), Some(Value::Number(v))) => out.append_value(v),
            (Self::Number(out), None) => out.append_null(),
            (Self::Unsigned(out), Some(Value::Unsigned(v))) => out.append_value(v),
            (Self::Unsigned(out), None) => out.append_null(),
            (Self::List { geom, lengths, valid, .. }, Some(Value::Pieces(pieces))) => {
                few_enough(geom.len() + pieces.len())?;
                lengths.push(pieces.len());
                valid.push(true);
                pieces.iter().for_each(|p| geom.append_value(p));
            }
            (Self::List { geom, i, j, lengths, valid }, Some(Value::Cells(cells))) => {
                few_enough(geom.len() + cells.len())?;
                lengths.push(cells.len());
                valid.push(true);
                for (wkb, column, row) in &cells {
                    geom.append_value(wkb);
                    i.append_value(*column);
                    j.append_value(*row);
                }
            }
            (Self::List { lengths, valid, .. }, None) => {
                lengths.push(0);
                valid.push(false);
            }
            _ => return internal_err!("a kernel made a value of another type than it said"),
        }
        Ok(())
    }

    fn finish(self, storage: &DataType) -> Result<ArrayRef> {
        Ok(match self {
            Self::Wkb(mut out) => Arc::new(out.finish()),
            Self::Number(mut out) => Arc::new(out.finish()),
            Self::Unsigned(mut out) => Arc::new(out.finish()),
            Self::List { mut geom, mut i, mut j, lengths, valid } => {
                let DataType::List(item) = storage else {
                    return internal_err!("pieces are a list");
                };
                let DataType::Struct(fields) = item.data_type() else {
                    return internal_err!("pieces are structs");
                };
                let mut columns: Vec<ArrayRef> = vec![Arc::new(geom.finish())];
                if fields.len() > 1 {
                    columns.push(Arc::new(i.finish()));
                    columns.push(Arc::new(j.finish()));
                }
                let structs = StructArray::try_new(fields.clone(), columns, None)?;
                let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
                let nulls = NullBuffer::from(valid);
                Arc::new(ListArray::try_new(Arc::clone(item), offsets, Arc::new(structs), Some(nulls))?)
            }
        })
    }
}

fn few_enough(pieces: usize) -> Result<()> {
    if pieces > MOST_PIECES {
        return exec_err!("the lists of one batch would hold more than {MOST_PIECES} geometries");
    }
    Ok(())
}
