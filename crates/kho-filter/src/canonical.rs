//! The one spelling of a compiled filter, in CQL2 text: what is equal is written equally, whatever
//! language it came in.

use crate::shape::Shape;
use crate::time::{End, Period};
use crate::tree::{Arithmetic, Comparison, Fold, Literal, Place, Predicate, Relation, Scalar};
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};
use geo_types::{Coord, Geometry, LineString, Polygon};
use std::fmt::{Display, Formatter, Result};

/// Names that mean something else unless they are quoted.
const RESERVED: [&str; 12] =
    ["true", "false", "null", "not", "and", "or", "in", "is", "like", "between", "div", "date"];

/// A column's name.
struct Name<'a>(&'a str);

/// Some things with something between.
struct Joined<'a, T>(&'a [T], &'static str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if RESERVED.contains(&self.0) { write!(f, "\"{}\"", self.0) } else { f.write_str(self.0) }
    }
}

impl<T: Display> Display for Joined<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (n, item) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(self.1)?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Predicate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Constant(Some(true)) => f.write_str("TRUE"),
            Self::Constant(Some(false)) => f.write_str("FALSE"),
            Self::Constant(None) => f.write_str("NULL"),
            Self::And(all) => write!(f, "({})", Joined(all, " AND ")),
            Self::Or(all) => write!(f, "({})", Joined(all, " OR ")),
            Self::Not(inner) => write!(f, "NOT ({inner})"),
            Self::IsNull(value) => write!(f, "{value} IS NULL"),
            Self::NoGeometry => write!(f, "{} IS NULL", Name(kho_layer::GEOMETRY)),
            Self::Truth(value) => write!(f, "{value}"),
            Self::Compare { op, left, right } => write!(f, "{left} {op} {right}"),
            Self::Like { text, pattern } => write!(f, "{text} LIKE {}", Quoted(pattern.text())),
            Self::In { value, list } => write!(f, "{value} IN ({})", Joined(list, ", ")),
            Self::Spatial { relation, left, right } => write!(f, "{}({left}, {right})", relation.name()),
            Self::Temporal { relation, left, right, .. } => write!(f, "{}({left}, {right})", relation.name()),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

impl Display for Scalar {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Column { name, .. } => Name(name).fmt(f),
            Self::Literal(literal) => literal.fmt(f),
            Self::Widen(inner) => inner.fmt(f),
            Self::Fold(Fold::Case, inner) => write!(f, "CASEI({inner})"),
            Self::Fold(Fold::Accents, inner) => write!(f, "ACCENTI({inner})"),
            Self::Arithmetic(op, left, right) => write!(f, "({left} {op} {right})"),
        }
    }
}

impl Display for Arithmetic {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "^",
            Self::Whole => "div",
        })
    }
}

struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Integer(value) => value.fmt(f),
            // With a point, which an integer has not: `12` and `12.0` are compared differently.
            Self::Float(value) if value.fract() == 0.0 => write!(f, "{value:.1}"),
            Self::Float(value) => value.fmt(f),
            Self::Boolean(true) => f.write_str("TRUE"),
            Self::Boolean(false) => f.write_str("FALSE"),
            Self::Date(days) => {
                let date = NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(*days)));
                write!(f, "DATE('{}')", date.map(|d| d.to_string()).unwrap_or_default())
            }
            Self::Timestamp(micros) => {
                let at = DateTime::from_timestamp_micros(*micros);
                let text = at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
                write!(f, "TIMESTAMP('{}')", text.unwrap_or_default())
            }
        }
    }
}

impl Display for Period {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Instant(at) => at.fmt(f),
            Self::Interval(from, to) => write!(f, "INTERVAL({from}, {to})"),
        }
    }
}

impl Display for End {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Open => f.write_str("'..'"),
            Self::Literal(literal) => literal.fmt(f),
            Self::Column { name, .. } => Name(name).fmt(f),
        }
    }
}

impl Relation {
    fn name(self) -> &'static str {
        match self {
            Self::Intersects => "S_INTERSECTS",
            Self::Equals => "S_EQUALS",
            Self::Disjoint => "S_DISJOINT",
            Self::Touches => "S_TOUCHES",
            Self::Crosses => "S_CROSSES",
            Self::Within => "S_WITHIN",
            Self::Contains => "S_CONTAINS",
            Self::Overlaps => "S_OVERLAPS",
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Column => Name(kho_layer::GEOMETRY).fmt(f),
            Self::Literal(shape) => shape.fmt(f),
        }
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        geometry(self.geometry(), f)
    }
}

/// A geometry as WKT, each number in the shortest form that reads back as it.
fn geometry(of: &Geometry<f64>, f: &mut Formatter<'_>) -> Result {
    match of {
        Geometry::Point(p) => write!(f, "POINT({})", Corner(&p.0)),
        Geometry::LineString(line) => write!(f, "LINESTRING{}", Line(line)),
        Geometry::Polygon(polygon) => write!(f, "POLYGON{}", Area(polygon)),
        Geometry::MultiPoint(points) => {
            let points: Vec<_> = points.iter().map(|p| Corner(&p.0)).collect();
            write!(f, "MULTIPOINT({})", Joined(&points, ", "))
        }
        Geometry::MultiLineString(lines) => {
            let lines: Vec<_> = lines.iter().map(Line).collect();
            write!(f, "MULTILINESTRING({})", Joined(&lines, ", "))
        }
        Geometry::MultiPolygon(areas) => {
            let areas: Vec<_> = areas.iter().map(Area).collect();
            write!(f, "MULTIPOLYGON({})", Joined(&areas, ", "))
        }
        Geometry::GeometryCollection(all) => {
            f.write_str("GEOMETRYCOLLECTION(")?;
            for (n, one) in all.iter().enumerate() {
                if n > 0 {
                    f.write_str(", ")?;
                }
                geometry(one, f)?;
            }
            f.write_str(")")
        }
        Geometry::Line(line) => write!(f, "LINESTRING({}, {})", Corner(&line.start), Corner(&line.end)),
        Geometry::Rect(rect) => write!(f, "POLYGON{}", Area(&rect.to_polygon())),
        Geometry::Triangle(triangle) => write!(f, "POLYGON{}", Area(&triangle.to_polygon())),
    }
}

struct Corner<'a>(&'a Coord<f64>);
struct Line<'a>(&'a LineString<f64>);
struct Area<'a>(&'a Polygon<f64>);

impl Display for Corner<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}", self.0.x, self.0.y)
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let corners: Vec<_> = self.0.0.iter().map(Corner).collect();
        write!(f, "({})", Joined(&corners, ", "))
    }
}

impl Display for Area<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let rings: Vec<_> = std::iter::once(self.0.exterior()).chain(self.0.interiors()).map(Line).collect();
        write!(f, "({})", Joined(&rings, ", "))
    }
}
