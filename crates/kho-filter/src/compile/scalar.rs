//! Values: columns, literals, foldings, arithmetic; and two of them made of one type.

use super::{Compiler, Named, Result, kind, unknown, wrong};
use crate::FilterError;
use crate::tree::{Arithmetic, Fold, Literal, Scalar, number};
use chrono::{DateTime, NaiveDate};
use cql2::Expr;
use kho_layer::{ColumnType, KHO_ID, MAX_FEATURE_ID};
use std::cmp::Ordering;
use unicode_normalization::UnicodeNormalization;

/// Whether it makes a value of values.
pub(super) fn is_operator(name: &str) -> bool {
    fold(name).is_some() || arithmetic(name).is_some()
}

fn fold(name: &str) -> Option<Fold> {
    match name {
        "casei" => Some(Fold::Case),
        "accenti" => Some(Fold::Accents),
        _ => None,
    }
}

fn arithmetic(name: &str) -> Option<Arithmetic> {
    Some(match name {
        "+" => Arithmetic::Add,
        "-" => Arithmetic::Subtract,
        "*" => Arithmetic::Multiply,
        "/" => Arithmetic::Divide,
        "%" => Arithmetic::Modulo,
        "^" => Arithmetic::Power,
        "div" => Arithmetic::Whole,
        _ => return None,
    })
}

impl Compiler<'_> {
    /// A value. Numbers are floats and dates in bare quotes texts, until they meet what they are
    /// compared with.
    pub(super) fn scalar(&mut self, expr: &Expr) -> Result<Scalar> {
        match expr {
            Expr::Property { property } => match self.named(property)? {
                Named::Id => Ok(Scalar::Column { name: KHO_ID.to_owned(), ty: ColumnType::Integer }),
                Named::Column(column) => Ok(Scalar::Column { name: column.name.clone(), ty: column.ty }),
                Named::Geometry => {
                    Err(wrong(expr, "geometries are compared with S_EQUALS, S_INTERSECTS and so on"))
                }
            },
            Expr::Float(value) => match number(*value) {
                Some(value) => Ok(Scalar::Literal(Literal::Float(value))),
                None => Err(wrong(expr, "this number is more than a double holds")),
            },
            // At rest text is NFC.
            Expr::Literal(text) => Ok(Scalar::Literal(Literal::Text(text.nfc().collect()))),
            Expr::Bool(value) => Ok(Scalar::Literal(Literal::Boolean(*value))),
            Expr::Date { date } => match &**date {
                Expr::Literal(text) => Ok(Scalar::Literal(day(expr, text)?)),
                _ => Err(wrong(expr, "DATE takes a date in quotes")),
            },
            Expr::Timestamp { timestamp } => match &**timestamp {
                Expr::Literal(text) => Ok(Scalar::Literal(instant(expr, text)?)),
                _ => Err(wrong(expr, "TIMESTAMP takes a timestamp in quotes")),
            },
            Expr::Null => Err(wrong(expr, "nothing equals null: ask with IS NULL")),
            Expr::Operation { op, args } => self.deeper(|c| c.made(expr, op, args)),
            Expr::Array(_) => {
                Err(wrong(expr, "a list is for IN and the array functions; one value is expected here"))
            }
            Expr::Geometry(_) | Expr::BBox { .. } => {
                Err(wrong(expr, "geometries are compared with S_EQUALS, S_INTERSECTS and so on"))
            }
            Expr::Interval { .. } => {
                Err(wrong(expr, "intervals are compared with T_INTERSECTS, T_DURING and so on"))
            }
        }
    }

    /// A value made of others.
    fn made(&mut self, expr: &Expr, op: &str, args: &[Box<Expr>]) -> Result<Scalar> {
        let name = op.to_ascii_lowercase();
        if let Some(fold) = fold(&name) {
            let [inner] = self.operands(expr, args)?;
            let inner = self.scalar(inner)?;
            if inner.ty() != ColumnType::Text {
                return Err(wrong(expr, format!("{} is for text, and this is {}", op, kind(inner.ty()))));
            }
            return match inner {
                Scalar::Literal(Literal::Text(text)) => Ok(Scalar::Literal(Literal::Text(fold.of(&text)))),
                inner => {
                    self.fold()?;
                    Ok(Scalar::Fold(fold, Box::new(inner)))
                }
            };
        }
        let Some(op) = arithmetic(&name) else {
            let condition = Self::is_condition(&name);
            return Err(if condition {
                wrong(expr, "a value is expected here, and this is a condition")
            } else {
                unknown(expr, op)
            });
        };
        // JSON may chain: a + b + c in one list, worked out from the left.
        let [first, second, rest @ ..] = args else {
            return Err(wrong(expr, "two operands are expected here"));
        };
        self.sum()?;
        let mut value = self.arithmetic(expr, op, first, second)?;
        for next in rest {
            self.sum()?;
            let next = self.float(expr, next)?;
            value = joined(expr, op, value, next)?;
        }
        Ok(value)
    }

    fn is_condition(name: &str) -> bool {
        super::comparison(name).is_some()
            || super::relation(name).is_some()
            || super::period::relation(name).is_some()
            || super::array::relation(name).is_some()
            || ["and", "or", "not", "isnull", "like", "between", "in"].contains(&name)
    }

    fn arithmetic(&mut self, expr: &Expr, op: Arithmetic, left: &Expr, right: &Expr) -> Result<Scalar> {
        let (left, right) = (self.float(expr, left)?, self.float(expr, right)?);
        joined(expr, op, left, right)
    }

    /// An operand of arithmetic.
    fn float(&mut self, whole: &Expr, expr: &Expr) -> Result<Scalar> {
        let value = self.scalar(expr)?;
        match value.ty() {
            ColumnType::Float => Ok(value),
            ColumnType::Integer => Ok(Scalar::Widen(Box::new(value))),
            ty => Err(wrong(whole, format!("arithmetic is for numbers, and this has {} in it", kind(ty)))),
        }
    }

    /// Two values that are to be compared, made of one type.
    pub(super) fn pair(&mut self, whole: &Expr, left: &Expr, right: &Expr) -> Result<(Scalar, Scalar)> {
        let (left, right) = (self.scalar(left)?, self.scalar(right)?);
        unified(whole, left, right)
    }
}

/// Two values made of one type: a literal becomes what the column is, an integer that meets a float
/// one.
pub(super) fn unified(whole: &Expr, left: Scalar, right: Scalar) -> Result<(Scalar, Scalar)> {
    if left.ty() == right.ty() {
        return Ok((left, right));
    }
    match (left, right) {
        (left, Scalar::Literal(literal)) => coerced(whole, left, literal),
        (Scalar::Literal(literal), right) => {
            let (right, literal) = coerced(whole, right, literal)?;
            Ok((literal, right))
        }
        (left, right) => match (left.ty(), right.ty()) {
            (ColumnType::Integer, ColumnType::Float) => Ok((Scalar::Widen(Box::new(left)), right)),
            (ColumnType::Float, ColumnType::Integer) => Ok((left, Scalar::Widen(Box::new(right)))),
            (a, b) => Err(unlike(whole, a, b)),
        },
    }
}

fn joined(whole: &Expr, op: Arithmetic, left: Scalar, right: Scalar) -> Result<Scalar> {
    match (&left, &right) {
        (Scalar::Literal(Literal::Float(a)), Scalar::Literal(Literal::Float(b))) => match op.of(*a, *b) {
            Some(value) => Ok(Scalar::Literal(Literal::Float(value))),
            None => Err(wrong(whole, "there is no such number")),
        },
        _ => Ok(Scalar::Arithmetic(op, Box::new(left), Box::new(right))),
    }
}

/// A literal as what it is compared with; and that, widened if the literal has a fraction.
fn coerced(whole: &Expr, value: Scalar, literal: Literal) -> Result<(Scalar, Scalar)> {
    let made = match (value.ty(), literal) {
        (ColumnType::Integer, Literal::Float(number)) => {
            if number.fract() != 0.0 {
                return Ok((Scalar::Widen(Box::new(value)), Scalar::Literal(Literal::Float(number))));
            }
            // A double past this may stand for several whole numbers.
            if number.abs() > MAX_FEATURE_ID as f64 {
                let message = format!("whole numbers past ±{MAX_FEATURE_ID} cannot be compared exactly");
                return Err(wrong(whole, message));
            }
            Literal::Integer(number as i64)
        }
        (ColumnType::Date, Literal::Text(text)) => day(whole, &text)?,
        (ColumnType::Timestamp, Literal::Text(text)) => instant(whole, &text)?,
        (ty, literal) => return Err(unlike(whole, ty, literal.ty())),
    };
    Ok((value, Scalar::Literal(made)))
}

fn unlike(whole: &Expr, a: ColumnType, b: ColumnType) -> FilterError {
    wrong(whole, format!("{} cannot be compared with {}", kind(a), kind(b)))
}

/// A date as CQL2 writes it.
pub(super) fn day(whole: &Expr, text: &str) -> Result<Literal> {
    let days = text
        .parse::<NaiveDate>()
        .ok()
        .filter(|_| text.len() == 10)
        .and_then(|date| i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok());
    match days {
        Some(days) => Ok(Literal::Date(days)),
        None => Err(wrong(whole, format!("{:?} is no date; one is 2025-07-01", crate::parse::short(text)))),
    }
}

/// A timestamp as CQL2 writes it (RFC 3339), cut to the microsecond.
pub(super) fn instant(whole: &Expr, text: &str) -> Result<Literal> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Ok(Literal::Timestamp(at.timestamp_micros())),
        Err(_) => Err(wrong(
            whole,
            format!("{:?} is no timestamp; one is 2025-07-01T00:00:00Z", crate::parse::short(text)),
        )),
    }
}

impl Literal {
    /// How two literals of one type compare.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}
