//! A filter, ready to be used.

use crate::tree::{Place, Predicate, Relation};
use crate::{FilterError, compile, evaluate, parse};
use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::prep_null_mask_filter;
use kho_access::Grant;
use kho_layer::{Bounds, GEOMETRY};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How a filter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// `cql2-text`.
    #[default]
    Text,
    /// `cql2-json`.
    Json,
}

impl FromStr for Language {
    type Err = FilterError;

    fn from_str(name: &str) -> Result<Self, FilterError> {
        match name {
            "cql2-text" => Ok(Self::Text),
            "cql2-json" => Ok(Self::Json),
            other => Err(FilterError::Language(parse::short(other))),
        }
    }
}

/// What tells filters apart in cache keys: the layer, the grant's class and what is asked. Equal
/// filters have equal ids in both languages, and no two different ones are known to (128 bits of
/// SHA-256).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterId(u128);

impl fmt::Display for FilterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for FilterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilterId({self})")
    }
}

/// A filter that was checked against a grant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Filter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    layer: String,
    class: &'static str,
    predicate: Predicate,
    text: String,
    id: FilterId,
    columns: Vec<String>,
    bounds: Option<Bounds>,
}

impl Filter {
    /// Reads a filter and checks it against what a grant opens. Its geometries are CRS84: longitude
    /// before latitude, in degrees.
    ///
    /// Takes milliseconds, and in the worst case of a hostile filter some tenths of a second.
    ///
    /// # Errors
    /// What is wrong with it, where, and what would be right.
    pub fn parse(filter: &str, language: Language, grant: &Grant) -> Result<Self, FilterError> {
        Self::parse_in(filter, language, grant, &|x, y| Some([x, y]))
    }

    /// [`Filter::parse`] for geometries in another CRS: `to_crs84` gives a corner's longitude and
    /// latitude, `None` where there is none. Edges stay straight in CRS84, and a `BBOX` becomes the
    /// polygon of its four corners.
    ///
    /// # Errors
    /// As [`Filter::parse`].
    pub fn parse_in(
        filter: &str,
        language: Language,
        grant: &Grant,
        to_crs84: &(dyn Fn(f64, f64) -> Option<[f64; 2]> + Sync),
    ) -> Result<Self, FilterError> {
        let predicate = parse::read(filter, language, |expr| compile::predicate(expr, grant, to_crs84))?;
        let text = predicate.to_string();
        let (layer, class) = (grant.layer().name.clone(), grant.class());
        let mut columns: Vec<String> = Vec::new();
        predicate.columns(&mut |name| {
            if !columns.iter().any(|c| c == name) {
                columns.push(name.to_owned());
            }
        });
        // No name holds a NUL.
        let digest = Sha256::digest(format!("{layer}\0{class}\0{text}"));
        let id = digest.iter().take(16).fold(0_u128, |id, byte| (id << 8) | u128::from(*byte));
        let bounds = bounds(&predicate);
        Ok(Self(Arc::new(Inner { layer, class, predicate, text, id: FilterId(id), columns, bounds })))
    }

    /// The filter in its one spelling, as CQL2 text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What tells it from other filters.
    pub fn id(&self) -> FilterId {
        self.0.id
    }

    /// The columns that it reads, `kho_id` and `geometry` among them if it does.
    pub fn columns(&self) -> &[String] {
        &self.0.columns
    }

    /// Whether it reads geometries.
    pub fn is_spatial(&self) -> bool {
        self.0.columns.iter().any(|c| c == GEOMETRY)
    }

    /// A box (CRS84) that meets the box of every feature that passes; `None` if it asks for no place.
    pub fn bounds(&self) -> Option<Bounds> {
        self.0.bounds
    }

    /// Whether it may be used with a grant: it was made for this layer and class, and all its columns
    /// are still open.
    ///
    /// # Errors
    /// [`FilterError::OtherGrant`], [`FilterError::Access`].
    pub fn check(&self, grant: &Grant) -> Result<(), FilterError> {
        if self.0.layer != grant.layer().name || self.0.class != grant.class() {
            return Err(FilterError::OtherGrant { layer: self.0.layer.clone(), made: self.0.class });
        }
        self.0.columns.iter().try_for_each(|column| Ok(grant.require(column)?))
    }

    /// Works it out for every row: true, false, or null for unknown. Columns are found by name; one
    /// that is not there (a file older than the column) is null throughout, and one of another type is
    /// cast.
    ///
    /// # Errors
    /// [`FilterError::Internal`] if a column cannot be cast.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, FilterError> {
        evaluate::predicate(&self.0.predicate, batch)
    }

    /// Which rows pass: [`Filter::evaluate`] with what is unknown left out, so never null.
    ///
    /// # Errors
    /// As [`Filter::evaluate`].
    pub fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray, FilterError> {
        let known = self.evaluate(batch)?;
        Ok(if known.nulls().is_some() { prep_null_mask_filter(&known) } else { known })
    }

    #[cfg(test)]
    pub(crate) fn predicate(&self) -> &Predicate {
        &self.0.predicate
    }
}

/// The box that every feature must meet for the predicate to be true.
fn bounds(predicate: &Predicate) -> Option<Bounds> {
    let area = |b: &Bounds| (b[2] - b[0]) * (b[3] - b[1]);
    match predicate {
        Predicate::Spatial { relation, .. } if *relation == Relation::Disjoint => None,
        Predicate::Spatial { left: Place::Column, right: Place::Literal(shape), .. }
        | Predicate::Spatial { left: Place::Literal(shape), right: Place::Column, .. } => {
            Some(shape.bounds())
        }
        // Each of them must be met. A feature that meets two boxes need not meet what they share, so
        // it is one of them, and the smallest says most.
        Predicate::And(all) => all.iter().filter_map(bounds).min_by(|a, b| area(a).total_cmp(&area(b))),
        Predicate::Or(all) => all.iter().map(bounds).reduce(|a, b| {
            let (a, b) = (a?, b?);
            Some([a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
        })?,
        _ => None,
    }
}
