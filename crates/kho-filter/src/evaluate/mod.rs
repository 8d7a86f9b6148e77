//! Predicates over Arrow batches.

mod scalar;
mod spatial;
mod temporal;

pub(crate) use temporal::literal_span;

use crate::FilterError;
use crate::tree::{Comparison, Literal, Predicate, Scalar};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::kernels::cmp;
use arrow::compute::{and_kleene, cast, is_null, not, or_kleene};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use kho_layer::{ColumnType, GEOMETRY};
use scalar::{datum, scalar};
use std::collections::HashSet;

/// Works a predicate out for every row: true, false or null.
pub(crate) fn predicate(of: &Predicate, batch: &RecordBatch) -> Result<BooleanArray, FilterError> {
    match of {
        Predicate::Constant(value) => Ok(constant(*value, batch.num_rows())),
        Predicate::And(all) => joined(all, batch, true),
        Predicate::Or(all) => joined(all, batch, false),
        Predicate::Not(inner) => Ok(not(&predicate(inner, batch)?)?),
        Predicate::IsNull(value) => Ok(is_null(&scalar(value, batch)?)?),
        Predicate::NoGeometry => Ok(is_null(&column(batch, GEOMETRY, &DataType::Binary)?)?),
        Predicate::Truth(value) => Ok(scalar(value, batch)?.as_boolean().clone()),
        Predicate::Compare { op, left, right } => compare(*op, left, right, batch),
        Predicate::Like { text, pattern } => {
            let text = scalar(text, batch)?;
            Ok(text.as_string::<i32>().iter().map(|text| Some(pattern.matches(text?))).collect())
        }
        Predicate::In { value, list } => within(value, list, batch),
        Predicate::Spatial { relation, left, right } => spatial::relate(*relation, left, right, batch),
        Predicate::Temporal { relation, left, right, unit } => {
            temporal::relate(*relation, left, right, *unit, batch)
        }
    }
}

fn constant(value: Option<bool>, rows: usize) -> BooleanArray {
    match value {
        Some(value) => BooleanArray::from(vec![value; rows]),
        None => BooleanArray::new_null(rows),
    }
}

/// `AND` or `OR` of all. Once every row is decided the rest is not asked.
fn joined(all: &[Predicate], batch: &RecordBatch, and: bool) -> Result<BooleanArray, FilterError> {
    let mut so_far = constant(Some(and), batch.num_rows());
    for part in all {
        let next = predicate(part, batch)?;
        so_far = if and { and_kleene(&so_far, &next)? } else { or_kleene(&so_far, &next)? };
        let decided = if and { so_far.false_count() } else { so_far.true_count() };
        if decided == so_far.len() {
            break;
        }
    }
    Ok(so_far)
}

fn compare(
    op: Comparison,
    left: &Scalar,
    right: &Scalar,
    batch: &RecordBatch,
) -> Result<BooleanArray, FilterError> {
    let (left, right) = (datum(left, batch)?, datum(right, batch)?);
    let (left, right) = (&*left, &*right);
    Ok(match op {
        Comparison::Equal => cmp::eq(left, right),
        Comparison::NotEqual => cmp::neq(left, right),
        Comparison::Less => cmp::lt(left, right),
        Comparison::LessOrEqual => cmp::lt_eq(left, right),
        Comparison::Greater => cmp::gt(left, right),
        Comparison::GreaterOrEqual => cmp::gt_eq(left, right),
    }?)
}

/// `IN`: one look-up a row, however long the list is.
fn within(value: &Scalar, list: &[Literal], batch: &RecordBatch) -> Result<BooleanArray, FilterError> {
    let values = scalar(value, batch)?;
    macro_rules! among {
        ($literal:path, $ty:ty) => {{
            let set: HashSet<_> =
                list.iter().filter_map(|l| if let $literal(v) = l { Some(*v) } else { None }).collect();
            values.as_primitive::<$ty>().iter().map(|v| Some(set.contains(&v?))).collect()
        }};
    }
    Ok(match value.ty() {
        ColumnType::Text => {
            let texts = list.iter().filter_map(|l| match l {
                Literal::Text(text) => Some(text.as_str()),
                _ => None,
            });
            let set: HashSet<&str> = texts.collect();
            values.as_string::<i32>().iter().map(|v| Some(set.contains(v?))).collect()
        }
        ColumnType::Integer => among!(Literal::Integer, Int64Type),
        ColumnType::Date => among!(Literal::Date, Date32Type),
        ColumnType::Timestamp => among!(Literal::Timestamp, TimestampMicrosecondType),
        ColumnType::Float => {
            // Both sides have one zero and no NaN, so equal numbers have equal bits.
            let bits = |l: &Literal| if let Literal::Float(v) = l { Some(v.to_bits()) } else { None };
            let set: HashSet<u64> = list.iter().filter_map(bits).collect();
            values.as_primitive::<Float64Type>().iter().map(|v| Some(set.contains(&v?.to_bits()))).collect()
        }
        ColumnType::Boolean => {
            values.as_boolean().iter().map(|v| Some(list.contains(&Literal::Boolean(v?)))).collect()
        }
    })
}

/// A column in a type; null throughout if the batch does not have it.
fn column(batch: &RecordBatch, name: &str, ty: &DataType) -> Result<ArrayRef, FilterError> {
    match batch.column_by_name(name) {
        None => Ok(new_null_array(ty, batch.num_rows())),
        Some(column) if column.data_type() == ty => Ok(column.clone()),
        Some(column) => Ok(cast(column, ty)?),
    }
}

/// The Arrow type of a column's values, as they are at rest.
fn data_type(ty: ColumnType) -> DataType {
    match ty {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}
