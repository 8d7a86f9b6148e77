//! Array functions. No layer has columns of lists, so they are known of literals alone, and worked out
//! at once.

use super::{Compiler, Result, wrong};
use crate::tree::{Literal, Predicate, Scalar};
use cql2::Expr;
use std::collections::HashSet;

/// How two sets lie to each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Relation {
    Equals,
    Contains,
    ContainedBy,
    Overlaps,
}

pub(super) fn relation(name: &str) -> Option<Relation> {
    Some(match name {
        "a_equals" => Relation::Equals,
        "a_contains" => Relation::Contains,
        "a_containedby" => Relation::ContainedBy,
        "a_overlaps" => Relation::Overlaps,
        _ => return None,
    })
}

impl Compiler<'_> {
    pub(super) fn arrays(
        &mut self,
        expr: &Expr,
        relation: Relation,
        args: &[Box<Expr>],
    ) -> Result<Predicate> {
        let [left, right] = self.operands(expr, args)?;
        let (left, right) = (self.set(expr, left)?, self.set(expr, right)?);
        let holds = match relation {
            Relation::Equals => left == right,
            Relation::Contains => left.is_superset(&right),
            Relation::ContainedBy => left.is_subset(&right),
            Relation::Overlaps => !left.is_disjoint(&right),
        };
        Ok(Predicate::Constant(Some(holds)))
    }

    /// The items of a list, spelled in the one way: equal ones are spelled equally.
    fn set(&mut self, whole: &Expr, expr: &Expr) -> Result<HashSet<String>> {
        let items = match expr {
            Expr::Array(items) => items,
            other => {
                // A column outside the grant is that, before it is anything else.
                self.scalar(other)?;
                return Err(wrong(
                    whole,
                    "this layer has no columns that hold lists; A_… compares lists in brackets",
                ));
            }
        };
        let mut set = HashSet::with_capacity(items.len());
        for item in items {
            match self.scalar(item)? {
                Scalar::Literal(literal) => set.insert(spelled(&literal)),
                _ => return Err(wrong(whole, "the lists that A_… compares hold literals")),
            };
        }
        Ok(set)
    }
}

fn spelled(literal: &Literal) -> String {
    literal.to_string()
}
