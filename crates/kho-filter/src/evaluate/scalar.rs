//! Values of rows.

use super::{column, data_type};
use crate::FilterError;
use crate::tree::{Arithmetic, Literal, Scalar, number};
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Datum, Float64Array, Int64Array, RecordBatch,
    Scalar as One, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int64Type};
use kho_layer::ColumnType;
use std::sync::Arc;

/// A value of every row, or the one of all: for a kernel.
pub(super) fn datum(of: &Scalar, batch: &RecordBatch) -> Result<Box<dyn Datum>, FilterError> {
    match of {
        Scalar::Literal(literal) => Ok(Box::new(One::new(array(literal, 1)))),
        other => Ok(Box::new(scalar(other, batch)?)),
    }
}

/// The value of every row.
pub(super) fn scalar(of: &Scalar, batch: &RecordBatch) -> Result<ArrayRef, FilterError> {
    match of {
        Scalar::Column { name, ty } => {
            let values = column(batch, name, &data_type(*ty))?;
            if *ty != ColumnType::Float {
                return Ok(values);
            }
            // Kernels order floats totally: they would tell two zeros apart, and take NaN for a number.
            Ok(Arc::new(values.as_primitive::<Float64Type>().unary_opt::<_, Float64Type>(number)))
        }
        Scalar::Literal(literal) => Ok(array(literal, batch.num_rows())),
        Scalar::Widen(inner) => {
            let values = scalar(inner, batch)?;
            let values = values.as_primitive::<Int64Type>();
            Ok(Arc::new(values.unary::<_, Float64Type>(|v| v as f64)))
        }
        Scalar::Fold(fold, inner) => {
            let values = scalar(inner, batch)?;
            let folded = values.as_string::<i32>().iter().map(|text| text.map(|text| fold.of(text)));
            Ok(Arc::new(folded.collect::<StringArray>()))
        }
        Scalar::Arithmetic(op, left, right) => arithmetic(*op, left, right, batch),
    }
}

fn arithmetic(
    op: Arithmetic,
    left: &Scalar,
    right: &Scalar,
    batch: &RecordBatch,
) -> Result<ArrayRef, FilterError> {
    let values: Float64Array = match (left, right) {
        (Scalar::Literal(Literal::Float(a)), right) => {
            let right = scalar(right, batch)?;
            right.as_primitive::<Float64Type>().unary_opt(|b| op.of(*a, b))
        }
        (left, Scalar::Literal(Literal::Float(b))) => {
            let left = scalar(left, batch)?;
            left.as_primitive::<Float64Type>().unary_opt(|a| op.of(a, *b))
        }
        (left, right) => {
            let (left, right) = (scalar(left, batch)?, scalar(right, batch)?);
            let (left, right) = (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
            left.iter().zip(right).map(|(a, b)| op.of(a?, b?)).collect()
        }
    };
    Ok(Arc::new(values))
}

fn array(literal: &Literal, rows: usize) -> ArrayRef {
    match literal {
        Literal::Text(text) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))),
        Literal::Integer(value) => Arc::new(Int64Array::from(vec![*value; rows])),
        Literal::Float(value) => Arc::new(Float64Array::from(vec![*value; rows])),
        Literal::Boolean(value) => Arc::new(BooleanArray::from(vec![*value; rows])),
        Literal::Date(days) => Arc::new(Date32Array::from(vec![*days; rows])),
        Literal::Timestamp(at) => {
            Arc::new(TimestampMicrosecondArray::from(vec![*at; rows]).with_timezone("UTC"))
        }
    }
}
