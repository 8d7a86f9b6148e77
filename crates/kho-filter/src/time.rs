//! Periods, and how they lie to each other (Allen 1983).

use crate::tree::Literal;
use kho_layer::ColumnType;

/// What a temporal predicate counts in: days if both sides are days, else microseconds, and a day is
/// then as long as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Day,
    Microsecond,
}

/// One end of a period.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Open,
    /// A date or a timestamp.
    Literal(Literal),
    /// Of dates or timestamps.
    Column {
        name: String,
        ty: ColumnType,
    },
}

/// An instant, or an interval with both ends in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Period {
    /// Never open.
    Instant(End),
    /// An end that is null is open.
    Interval(End, End),
}

/// How the first period lies to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    After,
    Before,
    Contains,
    Disjoint,
    During,
    Equals,
    FinishedBy,
    Finishes,
    Intersects,
    Meets,
    MetBy,
    OverlappedBy,
    Overlaps,
    StartedBy,
    Starts,
}

/// A day in microseconds.
pub(crate) const DAY: i64 = 86_400_000_000;

impl Relation {
    /// Whether it holds of periods from `a` to `b` and from `c` to `d`.
    pub fn holds(self, (a, b): (i64, i64), (c, d): (i64, i64)) -> bool {
        match self {
            Self::Before => b < c,
            Self::After => a > d,
            Self::Meets => b == c,
            Self::MetBy => a == d,
            Self::Overlaps => a < c && b > c && b < d,
            Self::OverlappedBy => a > c && a < d && b > d,
            Self::Starts => a == c && b < d,
            Self::StartedBy => a == c && b > d,
            Self::During => a > c && b < d,
            Self::Contains => a < c && b > d,
            Self::Finishes => a > c && b == d,
            Self::FinishedBy => a < c && b == d,
            Self::Equals => a == c && b == d,
            Self::Disjoint => b < c || a > d,
            Self::Intersects => b >= c && a <= d,
        }
    }

    /// Its name in CQL2.
    pub fn name(self) -> &'static str {
        match self {
            Self::After => "T_AFTER",
            Self::Before => "T_BEFORE",
            Self::Contains => "T_CONTAINS",
            Self::Disjoint => "T_DISJOINT",
            Self::During => "T_DURING",
            Self::Equals => "T_EQUALS",
            Self::FinishedBy => "T_FINISHEDBY",
            Self::Finishes => "T_FINISHES",
            Self::Intersects => "T_INTERSECTS",
            Self::Meets => "T_MEETS",
            Self::MetBy => "T_METBY",
            Self::OverlappedBy => "T_OVERLAPPEDBY",
            Self::Overlaps => "T_OVERLAPS",
            Self::StartedBy => "T_STARTEDBY",
            Self::Starts => "T_STARTS",
        }
    }

    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::After,
        Self::Before,
        Self::Contains,
        Self::Disjoint,
        Self::During,
        Self::Equals,
        Self::FinishedBy,
        Self::Finishes,
        Self::Intersects,
        Self::Meets,
        Self::MetBy,
        Self::OverlappedBy,
        Self::Overlaps,
        Self::StartedBy,
        Self::Starts,
    ];
}

impl End {
    /// Whether it is a day; an open end is either.
    pub fn ty(&self) -> Option<ColumnType> {
        match self {
            Self::Open => None,
            Self::Literal(literal) => Some(literal.ty()),
            Self::Column { ty, .. } => Some(*ty),
        }
    }
}

impl Period {
    /// Both ends.
    pub fn ends(&self) -> (&End, &End) {
        match self {
            Self::Instant(at) => (at, at),
            Self::Interval(from, to) => (from, to),
        }
    }

    /// What it and another period are to be counted in.
    pub fn unit(&self, other: &Self) -> Unit {
        let days = |period: &Self| {
            let (from, to) = period.ends();
            [from, to].into_iter().all(|end| end.ty().is_none_or(|ty| ty == ColumnType::Date))
        };
        if days(self) && days(other) { Unit::Day } else { Unit::Microsecond }
    }

    pub(crate) fn columns<'a>(&'a self, each: &mut impl FnMut(&'a str)) {
        let (from, to) = self.ends();
        for end in [from, to] {
            if let End::Column { name, .. } = end {
                each(name);
            }
        }
    }
}

/// The first moment of a day or instant.
pub(crate) fn first(value: i64, ty: ColumnType, unit: Unit) -> i64 {
    if ty == ColumnType::Date && unit == Unit::Microsecond { value.saturating_mul(DAY) } else { value }
}

/// The last moment of a day or instant.
pub(crate) fn last(value: i64, ty: ColumnType, unit: Unit) -> i64 {
    if ty == ColumnType::Date && unit == Unit::Microsecond {
        value.saturating_mul(DAY).saturating_add(DAY - 1)
    } else {
        value
    }
}

impl Literal {
    /// A date or timestamp as a number.
    pub(crate) fn moment(&self) -> Option<i64> {
        match self {
            Self::Date(days) => Some(i64::from(*days)),
            Self::Timestamp(micros) => Some(*micros),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Of proper intervals exactly one of Allen's thirteen relations holds.
        #[test]
        fn exactly_one_holds(a in 0..9i64, b in 1..9i64, c in 0..9i64, d in 1..9i64) {
            let (one, two) = ((a, a + b), (c, c + d));
            let holding = Relation::ALL
                .into_iter()
                .filter(|r| !matches!(r, Relation::Disjoint | Relation::Intersects))
                .filter(|r| r.holds(one, two));
            prop_assert_eq!(holding.count(), 1);
            prop_assert_ne!(Relation::Disjoint.holds(one, two), Relation::Intersects.holds(one, two));
        }
    }
}
