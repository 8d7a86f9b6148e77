//! A compiled filter: typed, every name resolved, `AND` and `OR` flat.

use crate::like::Pattern;
use crate::shape::Shape;
use crate::time::{Period, Relation as TimeRelation, Unit};
use kho_layer::ColumnType;

/// A condition, with three values: true, false, unknown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Predicate {
    Constant(Option<bool>),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    IsNull(Scalar),
    NoGeometry,
    /// A boolean as it is.
    Truth(Scalar),
    /// Two operands of one type.
    Compare {
        op: Comparison,
        left: Scalar,
        right: Scalar,
    },
    Like {
        text: Scalar,
        pattern: Pattern,
    },
    /// Literals of the operand's type.
    In {
        value: Scalar,
        list: Vec<Literal>,
    },
    Spatial {
        relation: Relation,
        left: Place,
        right: Place,
    },
    Temporal {
        relation: TimeRelation,
        left: Period,
        right: Period,
        unit: Unit,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value of a row. Never a literal all through but where it is one: constants are worked out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Column {
        name: String,
        ty: ColumnType,
    },
    Literal(Literal),
    /// An integer as a float.
    Widen(Box<Scalar>),
    /// A text, folded.
    Fold(Fold, Box<Scalar>),
    /// Of two floats.
    Arithmetic(Arithmetic, Box<Scalar>, Box<Scalar>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    Case,
    Accents,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    /// Division, cut off towards zero.
    Whole,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Integer(i64),
    /// Finite, and not minus zero.
    Float(f64),
    Boolean(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
}

/// The geometry of the row, or one that the filter brings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Column,
    Literal(Shape),
}

/// The predicates of Simple Features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Intersects,
    Equals,
    Disjoint,
    Touches,
    Crosses,
    Within,
    Contains,
    Overlaps,
}

impl Scalar {
    /// The type of its values.
    pub fn ty(&self) -> ColumnType {
        match self {
            Self::Column { ty, .. } => *ty,
            Self::Literal(literal) => literal.ty(),
            Self::Widen(_) | Self::Arithmetic(..) => ColumnType::Float,
            Self::Fold(..) => ColumnType::Text,
        }
    }
}

impl Literal {
    pub fn ty(&self) -> ColumnType {
        match self {
            Self::Text(_) => ColumnType::Text,
            Self::Integer(_) => ColumnType::Integer,
            Self::Float(_) => ColumnType::Float,
            Self::Boolean(_) => ColumnType::Boolean,
            Self::Date(_) => ColumnType::Date,
            Self::Timestamp(_) => ColumnType::Timestamp,
        }
    }
}

impl Comparison {
    /// Whether it holds of two values that compare so.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Fold {
    pub fn of(self, text: &str) -> String {
        match self {
            Self::Case => kho_layer::fold_case(text),
            Self::Accents => kho_layer::fold_accents(text),
        }
    }
}

impl Arithmetic {
    /// `None` where there is no number: a division by zero, a root of a negative number, more than
    /// a double holds.
    pub fn of(self, a: f64, b: f64) -> Option<f64> {
        let value = match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Modulo => a % b,
            Self::Power => a.powf(b),
            Self::Whole => (a / b).trunc(),
        };
        number(value)
    }
}

/// A float as a value: no NaN, no infinity, one zero.
pub(crate) fn number(value: f64) -> Option<f64> {
    value.is_finite().then_some(value + 0.0)
}

impl Relation {
    /// The relation of the right operand to the left one.
    pub fn turned(self) -> Self {
        match self {
            Self::Within => Self::Contains,
            Self::Contains => Self::Within,
            same => same,
        }
    }
}

impl Predicate {
    /// Calls `each` with the name of every column that it reads; the geometry's for a spatial one.
    pub fn columns<'a>(&'a self, each: &mut impl FnMut(&'a str)) {
        match self {
            Self::Constant(_) => {}
            Self::And(all) | Self::Or(all) => all.iter().for_each(|p| p.columns(each)),
            Self::Not(inner) => inner.columns(each),
            Self::IsNull(value) | Self::Truth(value) | Self::In { value, .. } => value.columns(each),
            Self::Like { text, .. } => text.columns(each),
            Self::NoGeometry => each(kho_layer::GEOMETRY),
            Self::Compare { left, right, .. } => {
                left.columns(each);
                right.columns(each);
            }
            Self::Spatial { left, right, .. } => {
                if [left, right].into_iter().any(|place| *place == Place::Column) {
                    each(kho_layer::GEOMETRY);
                }
            }
            Self::Temporal { left, right, .. } => {
                left.columns(each);
                right.columns(each);
            }
        }
    }
}

impl Scalar {
    fn columns<'a>(&'a self, each: &mut impl FnMut(&'a str)) {
        match self {
            Self::Column { name, .. } => each(name),
            Self::Literal(_) => {}
            Self::Widen(inner) | Self::Fold(_, inner) => inner.columns(each),
            Self::Arithmetic(_, left, right) => {
                left.columns(each);
                right.columns(each);
            }
        }
    }
}
