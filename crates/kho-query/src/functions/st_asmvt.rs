//! `ST_AsMVT(row[, name[, extent[, geom_name[, feature_id_name]]]])` → binary, an aggregate: the rows of
//! a group as one layer of a Mapbox Vector Tile.
//!
//! PostGIS takes a row; here it is a struct:
//! `ST_AsMVT(named_struct('geom', ST_AsMVTGeom(…), 'so_to', so_to), 'parcels')`. `name` is the layer's
//! ("default"), `extent` its units (4096). The geometry is the field `geom_name`, or else the first
//! that holds geometry or bytes (`named_struct` drops what tells the two apart,
//! <https://github.com/apache/datafusion/issues/21982>); its coordinates must be the tile's, as
//! ST_AsMVTGeom makes them. `feature_id_name` names a field of integers. The other fields are
//! properties: booleans, integers, floats and texts as such, anything else as text; NULL is left out.
//! Rows without a geometry are left out too; without rows the tile has no bytes. The layers of a tile
//! are put together with `||`. What is kept of the rows counts as the query's memory; they are in no
//! particular order.

use super::kernel::read;
use super::mvt::{Layer, Property};
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, ListArray, StructArray, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type, Int64Type, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{ScalarValue, exec_err, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use sedona_expr::aggregate_udf::{SedonaAccumulator, SedonaAggregateUDF};
use sedona_schema::datatypes::SedonaType;
use sedona_schema::matchers::ArgMatcher;
use std::sync::Arc;

const NAME: &str = "ST_AsMVT";

pub(super) fn udaf() -> SedonaAggregateUDF {
    SedonaAggregateUDF::from_impl("st_asmvt", AsMvt)
        .with_order_sensitivity(AggregateOrderSensitivity::Insensitive)
}

#[derive(Debug)]
struct AsMvt;

impl SedonaAccumulator for AsMvt {
    fn return_type(&self, args: &[SedonaType]) -> Result<Option<SedonaType>> {
        let (text, integer) = (ArgMatcher::is_string(), ArgMatcher::is_integer());
        let fits = |(i, arg): (usize, &SedonaType)| match i {
            0 => matches!(arg, SedonaType::Arrow(DataType::Struct(_))),
            _ if *arg == SedonaType::Arrow(DataType::Null) => true,
            2 => integer.match_type(arg),
            _ => text.match_type(arg),
        };
        let fit = (1..=5).contains(&args.len()) && args.iter().enumerate().all(fits);
        Ok(fit.then_some(SedonaType::Arrow(DataType::Binary)))
    }

    fn accumulator(&self, args: &[SedonaType], _output: &SedonaType) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Rows { ty: row_type(args)?, rows: Vec::new(), options: Options::default() }))
    }

    fn state_fields(&self, args: &[SedonaType]) -> Result<Vec<FieldRef>> {
        Ok(vec![
            Arc::new(Field::new("rows", DataType::List(item(&row_type(args)?)), true)),
            Arc::new(Field::new("name", DataType::Utf8, true)),
            Arc::new(Field::new("extent", DataType::Int64, true)),
            Arc::new(Field::new("geom_name", DataType::Utf8, true)),
            Arc::new(Field::new("feature_id_name", DataType::Utf8, true)),
        ])
    }
}

fn row_type(args: &[SedonaType]) -> Result<DataType> {
    match args.first() {
        Some(ty) => Ok(ty.storage_type().clone()),
        None => internal_err!("{NAME} got no row"),
    }
}

fn item(row: &DataType) -> FieldRef {
    Arc::new(Field::new("item", row.clone(), true))
}

/// The arguments after the row: the same for all rows, so the first one's count.
#[derive(Debug, Default, Clone)]
struct Options {
    name: Option<String>,
    extent: Option<i64>,
    geometry: Option<String>,
    id: Option<String>,
}

impl Options {
    /// Takes what is not known yet from a row of the arrays name, extent, geom_name, feature_id_name.
    fn learn(&mut self, arrays: &[ArrayRef], row: usize) -> Result<()> {
        let text = |i: usize| -> Result<Option<String>> {
            let Some(array) = arrays.get(i).filter(|a| a.is_valid(row)) else {
                return Ok(None);
            };
            let one = cast(&array.slice(row, 1), &DataType::Utf8)?;
            Ok(one.is_valid(0).then(|| one.as_string::<i32>().value(0).to_owned()))
        };
        if self.extent.is_none()
            && let Some(array) = arrays.get(1).filter(|a| a.is_valid(row))
        {
            let one = cast(&array.slice(row, 1), &DataType::Int64)?;
            self.extent = one.is_valid(0).then(|| one.as_primitive::<Int64Type>().value(0));
        }
        for (known, i) in [(&mut self.name, 0), (&mut self.geometry, 2), (&mut self.id, 3)] {
            if known.is_none() {
                *known = text(i)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Rows {
    ty: DataType,
    rows: Vec<ArrayRef>,
    options: Options,
}

impl Accumulator for Rows {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some((rows, options)) = values.split_first() else {
            return internal_err!("{NAME} got no row");
        };
        if !rows.is_empty() {
            self.options.learn(options, 0)?;
            self.rows.push(Arc::clone(rows));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let extent = self.options.extent.unwrap_or(4096);
        let Some(extent) = u32::try_from(extent).ok().filter(|e| *e > 0) else {
            return exec_err!("{NAME}: the extent must be above 0, not {extent}");
        };
        let mut layer = Layer::default();
        for rows in &self.rows {
            add(&mut layer, rows.as_struct(), &self.options)?;
        }
        let name = self.options.name.as_deref().unwrap_or("default");
        Ok(ScalarValue::Binary(Some(layer.finish(name, extent))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.rows.iter().map(|r| r.get_array_memory_size()).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let arrays: Vec<_> = self.rows.iter().map(|r| r.as_ref()).collect();
        let all = if arrays.is_empty() { new_empty_array(&self.ty) } else { concat(&arrays)? };
        let offsets = OffsetBuffer::<i32>::from_lengths([all.len()]);
        let list = ListArray::try_new(item(&self.ty), offsets, all, None)?;
        self.rows.clear();
        let options = self.options.clone();
        Ok(vec![
            ScalarValue::List(Arc::new(list)),
            ScalarValue::Utf8(options.name),
            ScalarValue::Int64(options.extent),
            ScalarValue::Utf8(options.geometry),
            ScalarValue::Utf8(options.id),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some((lists, options)) = states.split_first() else {
            return internal_err!("{NAME} got no state");
        };
        let lists = lists.as_list::<i32>();
        for row in 0..lists.len() {
            self.options.learn(options, row)?;
            if lists.is_valid(row) && lists.value_length(row) > 0 {
                self.rows.push(lists.value(row));
            }
        }
        Ok(())
    }
}

fn add(layer: &mut Layer, rows: &StructArray, options: &Options) -> Result<()> {
    let geometry_at = geometry_column(rows, options.geometry.as_deref())?;
    let id_at = options.id.as_deref().map(|name| id_column(rows, name)).transpose()?;
    let geometries = cast(rows.column(geometry_at), &DataType::Binary)?;
    let geometries: &BinaryArray = geometries.as_binary();
    let ids = id_at.map(|i| cast(rows.column(i), &DataType::Int64)).transpose()?;
    let format = FormatOptions::default();
    let mut columns = Vec::new();
    for (i, (name, column)) in rows.column_names().into_iter().zip(rows.columns()).enumerate() {
        if i != geometry_at && Some(i) != id_at {
            columns.push((name, Column::new(column, &format)?));
        }
    }
    for row in 0..rows.len() {
        if rows.is_null(row) || geometries.is_null(row) {
            continue;
        }
        let id = ids
            .as_ref()
            .filter(|ids| ids.is_valid(row))
            .map(|ids| ids.as_primitive::<Int64Type>().value(row));
        // Negative ones are left out, as in PostGIS.
        let id = id.and_then(|id| u64::try_from(id).ok());
        let properties = columns.iter().filter_map(|(name, column)| Some((*name, column.at(row)?)));
        layer.add(id, &read(geometries.value(row))?, properties);
    }
    Ok(())
}

fn geometry_column(rows: &StructArray, name: Option<&str>) -> Result<usize> {
    let bytes = |f: &FieldRef| {
        matches!(f.data_type(), DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
    };
    let told = |f: &FieldRef| f.metadata().contains_key("ARROW:extension:name");
    let fields = rows.fields();
    let found = match name {
        Some(name) => fields.iter().position(|f| f.name() == name && bytes(f)),
        None => fields.iter().position(|f| bytes(f) && told(f)).or_else(|| fields.iter().position(bytes)),
    };
    match (found, name) {
        (Some(i), _) => Ok(i),
        (None, Some(name)) => exec_err!("{NAME}: the row has no geometry called {name}"),
        (None, None) => exec_err!("{NAME}: the row has no geometry"),
    }
}

fn id_column(rows: &StructArray, name: &str) -> Result<usize> {
    match rows.fields().iter().position(|f| f.name() == name && f.data_type().is_integer()) {
        Some(i) => Ok(i),
        None => exec_err!("{NAME}: the row has no integer called {name}"),
    }
}

/// A column of properties.
enum Column<'a> {
    Flag(&'a ArrayRef),
    Signed(ArrayRef),
    Unsigned(ArrayRef),
    Float(ArrayRef),
    Double(&'a ArrayRef),
    Text(&'a ArrayRef, ArrayFormatter<'a>),
}

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef, format: &FormatOptions<'a>) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Boolean => Self::Flag(array),
            DataType::Float64 => Self::Double(array),
            DataType::Float32 | DataType::Float16 => Self::Float(cast(array, &DataType::Float32)?),
            t if t.is_unsigned_integer() => Self::Unsigned(cast(array, &DataType::UInt64)?),
            t if t.is_integer() => Self::Signed(cast(array, &DataType::Int64)?),
            _ => Self::Text(array, ArrayFormatter::try_new(array.as_ref(), format)?),
        })
    }

    fn at(&self, row: usize) -> Option<Property> {
        let valid = match self {
            Self::Flag(a) | Self::Double(a) | Self::Text(a, _) => a.is_valid(row),
            Self::Signed(a) | Self::Unsigned(a) | Self::Float(a) => a.is_valid(row),
        };
        valid.then(|| match self {
            Self::Flag(a) => Property::Flag(a.as_boolean().value(row)),
            Self::Double(a) => Property::Double(a.as_primitive::<Float64Type>().value(row)),
            Self::Float(a) => Property::Float(a.as_primitive::<Float32Type>().value(row)),
            Self::Unsigned(a) => Property::Unsigned(a.as_primitive::<UInt64Type>().value(row)),
            Self::Signed(a) => {
                let v = a.as_primitive::<Int64Type>().value(row);
                // PostGIS writes what is not negative as unsigned.
                u64::try_from(v).map_or(Property::Signed(v), Property::Unsigned)
            }
            Self::Text(_, text) => Property::Text(text.value(row).to_string()),
        })
    }
}
