//! Temporal predicates.

use super::{column, data_type};
use crate::FilterError;
use crate::time::{End, Period, Relation, Unit, first, last};
use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use kho_layer::ColumnType;

/// Before and after all time.
const OPEN: (i64, i64) = (i64::MIN, i64::MAX);

/// A period that hangs on no column.
pub(crate) fn literal_span(of: &Period, unit: Unit) -> Option<(i64, i64)> {
    let (from, to) = of.ends();
    Some((literal(from, unit)?.0, literal(to, unit)?.1))
}

/// The first and last moment of an end that is no column.
fn literal(end: &End, unit: Unit) -> Option<(i64, i64)> {
    match end {
        End::Open => Some(OPEN),
        End::Literal(at) => {
            let moment = at.moment()?;
            Some((first(moment, at.ty(), unit), last(moment, at.ty(), unit)))
        }
        End::Column { .. } => None,
    }
}

pub(super) fn relate(
    relation: Relation,
    left: &Period,
    right: &Period,
    unit: Unit,
    batch: &RecordBatch,
) -> Result<BooleanArray, FilterError> {
    let (left, right) = (Spans::new(left, unit, batch)?, Spans::new(right, unit, batch)?);
    Ok((0..batch.num_rows()).map(|row| Some(relation.holds(left.at(row)?, right.at(row)?))).collect())
}

/// A period of every row.
struct Spans {
    from: Moments,
    to: Moments,
    /// Whether null is open; in an instant it is unknown.
    interval: bool,
}

enum Moments {
    Same((i64, i64)),
    Each(Int64Array, ColumnType, Unit),
}

impl Spans {
    fn new(period: &Period, unit: Unit, batch: &RecordBatch) -> Result<Self, FilterError> {
        let (from, to) = period.ends();
        Ok(Self {
            from: Moments::new(from, unit, batch)?,
            to: Moments::new(to, unit, batch)?,
            interval: matches!(period, Period::Interval(..)),
        })
    }

    fn at(&self, row: usize) -> Option<(i64, i64)> {
        match (self.from.at(row), self.to.at(row)) {
            (Some(from), Some(to)) => Some((from.0, to.1)),
            (from, to) if self.interval => Some((from.unwrap_or(OPEN).0, to.unwrap_or(OPEN).1)),
            _ => None,
        }
    }
}

impl Moments {
    fn new(end: &End, unit: Unit, batch: &RecordBatch) -> Result<Self, FilterError> {
        let (name, ty) = match end {
            End::Column { name, ty } => (name, *ty),
            fixed => return Ok(Self::Same(literal(fixed, unit).unwrap_or(OPEN))),
        };
        let values = column(batch, name, &data_type(ty))?;
        let numbers: Int64Array = if ty == ColumnType::Date {
            values.as_primitive::<Date32Type>().unary::<_, Int64Type>(i64::from)
        } else {
            values.as_primitive::<TimestampMicrosecondType>().unary::<_, Int64Type>(|v| v)
        };
        Ok(Self::Each(numbers, ty, unit))
    }

    /// The first and last moment.
    fn at(&self, row: usize) -> Option<(i64, i64)> {
        match self {
            Self::Same(span) => Some(*span),
            Self::Each(values, ty, unit) => values
                .is_valid(row)
                .then(|| (first(values.value(row), *ty, *unit), last(values.value(row), *ty, *unit))),
        }
    }
}
