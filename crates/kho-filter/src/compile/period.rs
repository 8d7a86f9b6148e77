//! Temporal predicates.

use super::scalar::{day, instant};
use super::{Compiler, Named, Result, kind, wrong};
use crate::evaluate;
use crate::time::{End, Period, Relation};
use crate::tree::Predicate;
use cql2::Expr;
use kho_layer::ColumnType;

/// A relation by its name, in lower case.
pub(super) fn relation(name: &str) -> Option<Relation> {
    Relation::ALL.into_iter().find(|relation| relation.name().eq_ignore_ascii_case(name))
}

impl Compiler<'_> {
    pub(super) fn temporal(
        &mut self,
        expr: &Expr,
        relation: Relation,
        args: &[Box<Expr>],
    ) -> Result<Predicate> {
        let [left, right] = self.operands(expr, args)?;
        let (left, right) = (self.period(expr, left)?, self.period(expr, right)?);
        let instants = [&left, &right].map(|period| matches!(period, Period::Instant(_)));
        // The standard has instants in five of them. An instant may lie within an interval, too.
        let allowed = match relation {
            Relation::After
            | Relation::Before
            | Relation::Disjoint
            | Relation::Equals
            | Relation::Intersects => true,
            Relation::During => !instants[1],
            Relation::Contains => !instants[0],
            _ => instants == [false, false],
        };
        if !allowed {
            let message = format!("{} takes intervals: INTERVAL(from, to)", relation.name());
            return Err(wrong(expr, message));
        }
        let unit = left.unit(&right);
        if let (Some(a), Some(b)) =
            (evaluate::literal_span(&left, unit), evaluate::literal_span(&right, unit))
        {
            return Ok(Predicate::Constant(Some(relation.holds(a, b))));
        }
        Ok(Predicate::Temporal { relation, left, right, unit })
    }

    /// An operand: an instant, or an interval.
    fn period(&mut self, whole: &Expr, expr: &Expr) -> Result<Period> {
        let Expr::Interval { interval } = expr else {
            return match self.end(whole, expr)? {
                End::Open => Err(wrong(whole, "'..' has its place in an INTERVAL only")),
                at => Ok(Period::Instant(at)),
            };
        };
        let [from, to] = self.operands(expr, interval)?;
        let (from, to) = (self.end(whole, from)?, self.end(whole, to)?);
        if let (End::Literal(a), End::Literal(b)) = (&from, &to) {
            let unit = Period::Instant(from.clone()).unit(&Period::Instant(to.clone()));
            let span = |at: &crate::tree::Literal| at.moment().map(|m| crate::time::first(m, at.ty(), unit));
            if span(a) > span(b) {
                return Err(wrong(expr, "it ends before it begins"));
            }
        }
        Ok(Period::Interval(from, to))
    }

    fn end(&mut self, whole: &Expr, expr: &Expr) -> Result<End> {
        match expr {
            Expr::Property { property } => match self.named(property)? {
                Named::Column(column) if matches!(column.ty, ColumnType::Date | ColumnType::Timestamp) => {
                    Ok(End::Column { name: column.name.clone(), ty: column.ty })
                }
                Named::Column(column) => {
                    let message = format!("{} is {}, not a date or timestamp", column.name, kind(column.ty));
                    Err(wrong(whole, message))
                }
                Named::Id => Err(wrong(whole, "kho_id is no date or timestamp")),
                Named::Geometry => Err(wrong(whole, "geometry is no date or timestamp")),
            },
            Expr::Literal(text) if text == ".." => Ok(End::Open),
            // Bare, as in INTERVAL('2025-01-01', '..').
            Expr::Literal(text) if text.len() > 10 => Ok(End::Literal(instant(whole, text)?)),
            Expr::Literal(text) => Ok(End::Literal(day(whole, text)?)),
            Expr::Date { .. } | Expr::Timestamp { .. } => match self.scalar(expr)? {
                crate::tree::Scalar::Literal(at) => Ok(End::Literal(at)),
                _ => Err(wrong(whole, "a date or timestamp is expected here")),
            },
            _ => Err(wrong(whole, "a date, a timestamp or an INTERVAL is expected here")),
        }
    }
}
