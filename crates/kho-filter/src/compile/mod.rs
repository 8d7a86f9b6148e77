//! Names, types, literals: from what was written to what is meant.

mod array;
mod geometry;
mod period;
mod place;
mod scalar;

use crate::FilterError;
use crate::like::Pattern;
use crate::limits::{MAX_DEPTH, MAX_FOLDS, MAX_PATTERN, MAX_SPATIAL, MAX_SUMS, MAX_VERTICES};
use crate::tree::{Comparison, Literal, Place, Predicate, Relation, Scalar};
use cql2::Expr;
use kho_access::Grant;
use kho_layer::{Column, ColumnType, GEOMETRY, KHO_ID};

/// Checks an expression against a grant.
pub(crate) fn predicate(
    expr: &Expr,
    grant: &Grant,
    to_crs84: &dyn Fn(f64, f64) -> Option<[f64; 2]>,
) -> Result<Predicate> {
    Compiler { grant, to_crs84, depth: 0, vertices: 0, spatial: 0, folds: 0, sums: 0 }.condition(expr)
}

struct Compiler<'a> {
    grant: &'a Grant,
    to_crs84: &'a dyn Fn(f64, f64) -> Option<[f64; 2]>,
    depth: usize,
    vertices: usize,
    spatial: usize,
    folds: usize,
    sums: usize,
}

/// What a name stands for.
enum Named<'a> {
    Id,
    Geometry,
    Column(&'a Column),
}

type Result<T> = std::result::Result<T, FilterError>;

impl Compiler<'_> {
    /// A name, through the grant and nothing else.
    fn named(&self, name: &str) -> Result<Named<'_>> {
        match name {
            KHO_ID => Ok(Named::Id),
            GEOMETRY => Ok(Named::Geometry),
            name => match self.grant.columns().find(|c| c.name == name) {
                Some(column) => Ok(Named::Column(column)),
                None => {
                    self.grant.require(name)?;
                    Err(FilterError::Internal(format!("a grant allows {name} and does not have it")))
                }
            },
        }
    }

    /// Goes one level down, if there is one.
    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= 2 * MAX_DEPTH {
            return Err(FilterError::TooBig { what: "operators within operators", most: 2 * MAX_DEPTH });
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    fn condition(&mut self, expr: &Expr) -> Result<Predicate> {
        match expr {
            Expr::Bool(value) => Ok(Predicate::Constant(Some(*value))),
            Expr::Property { property } => match self.named(property)? {
                Named::Column(column) if column.ty == ColumnType::Boolean => {
                    Ok(Predicate::Truth(Scalar::Column { name: column.name.clone(), ty: column.ty }))
                }
                Named::Column(column) => {
                    Err(wrong(expr, format!("a condition is expected here, not {}", kind(column.ty))))
                }
                Named::Id => Err(wrong(expr, "a condition is expected here, not a whole number")),
                Named::Geometry => Err(wrong(expr, "a condition is expected here, not a geometry")),
            },
            Expr::Operation { op, args } => self.deeper(|c| c.operation(expr, op, args)),
            _ => Err(wrong(expr, "a condition is expected here, such as a comparison")),
        }
    }

    fn operation(&mut self, expr: &Expr, op: &str, args: &[Box<Expr>]) -> Result<Predicate> {
        let name = op.to_ascii_lowercase();
        match name.as_str() {
            "and" | "or" => {
                if args.len() < 2 {
                    return Err(wrong(expr, format!("{name} joins two conditions or more")));
                }
                let mut all = Vec::with_capacity(args.len());
                for arg in args {
                    // Brackets around a part of a chain say nothing.
                    match (self.condition(arg)?, name.as_str()) {
                        (Predicate::And(inner), "and") | (Predicate::Or(inner), "or") => all.extend(inner),
                        (other, _) => all.push(other),
                    }
                }
                Ok(if name == "and" { Predicate::And(all) } else { Predicate::Or(all) })
            }
            "not" => {
                let [inner] = self.operands(expr, args)?;
                Ok(Predicate::Not(Box::new(self.condition(inner)?)))
            }
            "isnull" => {
                let [value] = self.operands(expr, args)?;
                match value {
                    Expr::Property { property } if matches!(self.named(property)?, Named::Geometry) => {
                        Ok(Predicate::NoGeometry)
                    }
                    value => match self.scalar(value)? {
                        Scalar::Literal(_) => Ok(Predicate::Constant(Some(false))),
                        value => Ok(Predicate::IsNull(value)),
                    },
                }
            }
            "like" => self.like(expr, args),
            "between" => {
                let [value, low, high] = self.operands(expr, args)?;
                let low = self.compare(expr, Comparison::GreaterOrEqual, value, low)?;
                let high = self.compare(expr, Comparison::LessOrEqual, value, high)?;
                Ok(Predicate::And(vec![low, high]))
            }
            "in" => self.within_list(expr, args),
            name => {
                if let Some(op) = comparison(name) {
                    let [left, right] = self.operands(expr, args)?;
                    return self.compare(expr, op, left, right);
                }
                if let Some(relation) = relation(name) {
                    return self.spatial(expr, relation, args);
                }
                if let Some(relation) = period::relation(name) {
                    return self.temporal(expr, relation, args);
                }
                if let Some(relation) = array::relation(name) {
                    return self.arrays(expr, relation, args);
                }
                if scalar::is_operator(name) {
                    return Err(wrong(expr, "a condition is expected here, and this is a value"));
                }
                Err(unknown(expr, op))
            }
        }
    }

    /// The operands, if there are as many as there should be.
    fn operands<'e, const N: usize>(&self, expr: &Expr, args: &'e [Box<Expr>]) -> Result<[&'e Expr; N]> {
        let all: Vec<&Expr> = args.iter().map(|arg| &**arg).collect();
        let found = all.len();
        <[&Expr; N]>::try_from(all)
            .map_err(|_| wrong(expr, format!("{N} operands are expected here, not {found}")))
    }

    fn compare(&mut self, expr: &Expr, op: Comparison, left: &Expr, right: &Expr) -> Result<Predicate> {
        let (left, right) = self.pair(expr, left, right)?;
        if left.ty() == ColumnType::Boolean && !matches!(op, Comparison::Equal | Comparison::NotEqual) {
            return Err(wrong(expr, "truth has no order: compare it with = or <>"));
        }
        if let (Scalar::Literal(a), Scalar::Literal(b)) = (&left, &right) {
            return Ok(Predicate::Constant(a.order(b).map(|order| op.holds(order))));
        }
        Ok(Predicate::Compare { op, left, right })
    }

    fn like(&mut self, expr: &Expr, args: &[Box<Expr>]) -> Result<Predicate> {
        let [text, pattern] = self.operands(expr, args)?;
        let text = self.scalar(text)?;
        if text.ty() != ColumnType::Text {
            return Err(wrong(expr, format!("LIKE is for text, and this is {}", kind(text.ty()))));
        }
        let Scalar::Literal(Literal::Text(pattern)) = self.scalar(pattern)? else {
            return Err(wrong(
                expr,
                "the pattern of LIKE is a text in quotes, with CASEI or ACCENTI around it or not",
            ));
        };
        if pattern.chars().count() > MAX_PATTERN {
            return Err(FilterError::TooBig { what: "characters in a pattern", most: MAX_PATTERN });
        }
        let Some(pattern) = Pattern::new(&pattern) else {
            return Err(wrong(expr, r"the pattern ends in a backslash; write \\ for the character itself"));
        };
        Ok(match text {
            Scalar::Literal(Literal::Text(text)) => Predicate::Constant(Some(pattern.matches(&text))),
            text => Predicate::Like { text, pattern },
        })
    }

    fn within_list(&mut self, expr: &Expr, args: &[Box<Expr>]) -> Result<Predicate> {
        let [value, list] = self.operands(expr, args)?;
        let Expr::Array(items) = list else {
            return Err(wrong(expr, "IN takes a list in brackets"));
        };
        let value = self.scalar(value)?;
        // Each for itself: a whole number and a fraction meet a column of whole numbers differently.
        let mut pairs = Vec::with_capacity(items.len());
        for item in items {
            let item = self.scalar(item)?;
            pairs.push(scalar::unified(expr, value.clone(), item)?);
        }
        let Some((first, _)) = pairs.first() else { return Ok(Predicate::Constant(Some(false))) };
        let alike = pairs.iter().all(|(value, item)| value == first && matches!(item, Scalar::Literal(_)));
        if alike && !matches!(first, Scalar::Literal(_)) {
            let value = first.clone();
            let literal = |(_, item): (Scalar, Scalar)| match item {
                Scalar::Literal(literal) => Some(literal),
                _ => None,
            };
            return Ok(Predicate::In { value, list: pairs.into_iter().filter_map(literal).collect() });
        }
        if pairs.len() > MAX_FOLDS {
            return Err(FilterError::TooBig {
                what: "items in a list that holds more than literals",
                most: MAX_FOLDS,
            });
        }
        let equal = |(left, right): (Scalar, Scalar)| match (&left, &right) {
            (Scalar::Literal(a), Scalar::Literal(b)) => Predicate::Constant(a.order(b).map(|o| o.is_eq())),
            _ => Predicate::Compare { op: Comparison::Equal, left, right },
        };
        Ok(Predicate::Or(pairs.into_iter().map(equal).collect()))
    }

    fn spatial(&mut self, expr: &Expr, relation: Relation, args: &[Box<Expr>]) -> Result<Predicate> {
        let [left, right] = self.operands(expr, args)?;
        let (left, right) = (self.place(expr, left)?, self.place(expr, right)?);
        if let (Place::Literal(a), Place::Literal(b)) = (&left, &right) {
            let holds = crate::shape::relate(relation, a.geometry(), b.geometry());
            return Ok(Predicate::Constant(Some(holds)));
        }
        self.spatial += 1;
        if self.spatial > MAX_SPATIAL {
            return Err(FilterError::TooBig { what: "spatial predicates", most: MAX_SPATIAL });
        }
        Ok(Predicate::Spatial { relation, left, right })
    }

    /// An operand of a spatial predicate.
    fn place(&mut self, whole: &Expr, expr: &Expr) -> Result<Place> {
        match expr {
            Expr::Property { property } => match self.named(property)? {
                Named::Geometry => Ok(Place::Column),
                Named::Id => Err(wrong(whole, "kho_id is no geometry; the features' is called geometry")),
                Named::Column(column) => Err(wrong(
                    whole,
                    format!(
                        "{} is {}, not a geometry; the features' is called geometry",
                        column.name,
                        kind(column.ty)
                    ),
                )),
            },
            Expr::Geometry(_) | Expr::BBox { .. } => {
                let shape = geometry::shape(expr, self.to_crs84)?;
                self.vertices += shape.vertices();
                if self.vertices > MAX_VERTICES {
                    return Err(FilterError::TooBig { what: "corners of geometries", most: MAX_VERTICES });
                }
                Ok(Place::Literal(shape))
            }
            _ => Err(wrong(
                whole,
                "a geometry is expected here: geometry, a WKT or GeoJSON literal, or BBOX(…)",
            )),
        }
    }

    /// One more sum, product and so on.
    fn sum(&mut self) -> Result<()> {
        self.sums += 1;
        if self.sums > MAX_SUMS {
            return Err(FilterError::TooBig { what: "times arithmetic", most: MAX_SUMS });
        }
        Ok(())
    }

    /// One more folding of a column.
    fn fold(&mut self) -> Result<()> {
        self.folds += 1;
        if self.folds > MAX_FOLDS {
            return Err(FilterError::TooBig { what: "times CASEI and ACCENTI", most: MAX_FOLDS });
        }
        Ok(())
    }
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        "=" => Comparison::Equal,
        "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn relation(name: &str) -> Option<Relation> {
    Some(match name {
        "s_intersects" => Relation::Intersects,
        "s_equals" => Relation::Equals,
        "s_disjoint" => Relation::Disjoint,
        "s_touches" => Relation::Touches,
        "s_crosses" => Relation::Crosses,
        "s_within" => Relation::Within,
        "s_contains" => Relation::Contains,
        "s_overlaps" => Relation::Overlaps,
        _ => return None,
    })
}

/// A type in words.
fn kind(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Text => "text",
        ColumnType::Integer => "a whole number",
        ColumnType::Float => "a number",
        ColumnType::Boolean => "true or false",
        ColumnType::Date => "a date",
        ColumnType::Timestamp => "a timestamp",
    }
}

fn wrong(expr: &Expr, message: impl Into<String>) -> FilterError {
    FilterError::Meaning { place: place::place(expr), message: message.into() }
}

fn unknown(expr: &Expr, op: &str) -> FilterError {
    let name = crate::parse::short(op);
    wrong(expr, format!("there is no function {name}; those of CQL2 are CASEI, ACCENTI, S_…, T_… and A_…"))
}
