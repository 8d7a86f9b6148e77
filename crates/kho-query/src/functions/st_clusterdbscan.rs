//! `ST_ClusterDBSCAN(geometry, eps, minpoints) OVER (…)` → integer, a window function.
//!
//! Density-based clusters (M. Ester et al., "A density-based algorithm for discovering clusters in
//! large spatial databases with noise", KDD 1996) of the geometries of a partition: one with at least
//! `minpoints` geometries within the distance `eps`, itself among them, is a core, and cores within
//! `eps` of each other are one cluster; others within `eps` of a core belong to the first such core's.
//! NULL for noise and for NULL. `eps` is in the units of the CRS. Clusters are numbered from 0 in the
//! order of their first rows; PostGIS's numbers are the same sets in another order. An empty geometry
//! is near nothing. The frame and the ORDER BY of the window do not matter to the sets, but rows on
//! the border of two clusters go to the one that comes first.

use super::kernel::read;
use super::shape::{Geometry, Shape, XY, ranges};
use super::topology::{failed, to_geos};
use arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{exec_err, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};
use geos::Geom;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use sedona_schema::datatypes::SedonaType;
use sedona_schema::matchers::ArgMatcher;
use std::sync::Arc;

const NAME: &str = "ST_ClusterDBSCAN";

/// Neighbours that one partition may look at: some seconds. A kernel does not yield.
const MOST_PAIRS: usize = 200_000_000;

pub(super) fn udwf() -> WindowUDF {
    WindowUDF::from(ClusterDbscan { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ClusterDbscan {
    signature: Signature,
}

impl WindowUDFImpl for ClusterDbscan {
    fn name(&self) -> &str {
        "st_clusterdbscan"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [geometry, _, _] => Ok(vec![geometry.clone(), DataType::Float64, DataType::Int64]),
            _ => plan_err!("{NAME} takes a geometry, a distance and a number of geometries"),
        }
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let geometry = match args.input_fields().first() {
            Some(field) => SedonaType::from_storage_field(field)?,
            None => return plan_err!("{NAME} takes a geometry"),
        };
        if !ArgMatcher::is_geometry().match_type(&geometry) && geometry != SedonaType::Arrow(DataType::Null) {
            return plan_err!("{NAME} takes a geometry, not {}", geometry.logical_type_name());
        }
        Ok(Arc::new(Field::new(args.name(), DataType::Int32, true)))
    }

    fn partition_evaluator(&self, _args: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Partition))
    }
}

#[derive(Debug)]
struct Partition;

impl PartitionEvaluator for Partition {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let [geometries, eps, least] = values else {
            return internal_err!("{NAME} got {} arguments", values.len());
        };
        let geometries = cast(geometries, &DataType::Binary)?;
        let geometries = geometries.as_binary::<i32>();
        let (eps, least) = (cast(eps, &DataType::Float64)?, cast(least, &DataType::Int64)?);
        if num_rows == 0 {
            return Ok(Arc::new(Int32Array::from(Vec::<i32>::new())));
        }
        let eps = eps.is_valid(0).then(|| eps.as_primitive::<Float64Type>().value(0));
        let least = least.is_valid(0).then(|| least.as_primitive::<Int64Type>().value(0));
        let Some(eps) = eps.filter(|e| e.is_finite() && *e >= 0.0) else {
            return exec_err!("{NAME}: the distance must be a finite number from 0");
        };
        let Some(least) = least.and_then(|n| usize::try_from(n).ok()) else {
            return exec_err!("{NAME}: the number of geometries must be 0 or more");
        };
        let items = (0..num_rows)
            .map(|i| match geometries.is_valid(i) {
                true => Item::new(&read(geometries.value(i))?).map(Some),
                false => Ok(None),
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(Int32Array::from(clusters(&items, eps, least)?)))
    }
}

/// A geometry with what its distance needs.
struct Item {
    /// None: it has no place.
    bounds: Option<[f64; 4]>,
    /// None: it is the point in the middle of `bounds`.
    shape: Option<geos::Geometry>,
}

impl Item {
    fn new(geometry: &Geometry) -> Result<Self> {
        let bounds = ranges(geometry).map(|r| [r.at[0].0, r.at[1].0, r.at[0].1, r.at[1].1]);
        let bounds = bounds.filter(|b| b.iter().all(|v| v.is_finite()));
        let point = matches!(geometry.shape, Shape::Point(_));
        let shape = if point || bounds.is_none() { None } else { Some(to_geos(geometry, NAME)?) };
        Ok(Self { bounds, shape })
    }

    fn within(&self, other: &Self, eps: f64) -> Result<bool> {
        let (Some(a), Some(b)) = (self.bounds, other.bounds) else {
            return Ok(false);
        };
        let point =
            |[x, y, ..]: [f64; 4]| to_geos(&Geometry { dims: XY, shape: Shape::Point(vec![x, y]) }, NAME);
        let distance = match (&self.shape, &other.shape) {
            (None, None) => Ok((a[0] - b[0]).hypot(a[1] - b[1])),
            (Some(a), Some(b)) => a.distance(b),
            (Some(a), None) => a.distance(&point(b)?),
            (None, Some(b)) => point(a)?.distance(b),
        };
        distance.map(|d| d <= eps).map_err(|e| failed(NAME, &e))
    }
}

/// The cluster of each item, if any.
fn clusters(items: &[Option<Item>], eps: f64, least: usize) -> Result<Vec<Option<i32>>> {
    let least = least.max(1);
    let mut sets = Sets((0..items.len()).collect());
    let mut in_cluster = vec![false; items.len()];
    let mut core = vec![false; items.len()];
    let leaves = items.iter().enumerate().filter_map(|(i, item)| {
        let [x0, y0, x1, y1] = item.as_ref()?.bounds?;
        Some(GeomWithData::new(Rectangle::from_corners([x0, y0], [x1, y1]), i))
    });
    let tree = RTree::bulk_load(leaves.collect());
    let mut pairs = 0_usize;
    for (p, item) in items.iter().enumerate() {
        let Some((item, [x0, y0, x1, y1])) = item.as_ref().and_then(|i| Some((i, i.bounds?))) else {
            continue;
        };
        let around = AABB::from_corners([x0 - eps, y0 - eps], [x1 + eps, y1 + eps]);
        let mut near = Vec::new();
        for leaf in tree.locate_in_envelope_intersecting(&around) {
            pairs += 1;
            if pairs > MOST_PAIRS {
                return exec_err!(
                    "{NAME}: too many geometries lie within {eps} of each other; take a smaller distance"
                );
            }
            let q = leaf.data;
            // Known already: p is a core, and q is in its cluster or on the border of another.
            let known = near.len() >= least && (sets.find(p) == sets.find(q) || (in_cluster[q] && !core[q]));
            if known {
                continue;
            }
            let Some(other) = &items[q] else { continue };
            if !item.within(other, eps)? {
                continue;
            }
            near.push(q);
            if near.len() == least {
                core[p] = true;
                in_cluster[p] = true;
                for q in &near {
                    join(&mut sets, p, *q, &core, &mut in_cluster);
                }
            } else if near.len() > least {
                near.pop();
                join(&mut sets, p, q, &core, &mut in_cluster);
            }
        }
    }
    let mut numbers = vec![None; items.len()];
    let mut next = 0;
    let mut out = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        // With one geometry enough for a cluster, what has no place is one of its own.
        if item.is_none() || !(in_cluster[i] || least == 1) {
            out.push(None);
            continue;
        }
        let number = numbers[sets.find(i)].get_or_insert_with(|| {
            next += 1;
            next - 1
        });
        out.push(Some(*number));
    }
    Ok(out)
}

/// Puts q into the cluster of the core p, unless it is on the border of another.
fn join(sets: &mut Sets, p: usize, q: usize, core: &[bool], in_cluster: &mut [bool]) {
    if !in_cluster[q] || core[q] {
        sets.join(p, q);
        in_cluster[q] = true;
    }
}

/// Disjoint sets by their least member.
struct Sets(Vec<usize>);

impl Sets {
    fn find(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::shape::Basic;
    use super::*;
    use proptest::prelude::*;

    fn point(x: f64, y: f64) -> Option<Item> {
        Item::new(&Geometry { dims: XY, shape: Shape::Point(vec![x, y]) }).ok()
    }

    #[test]
    fn noise_null_and_empty() {
        let items = vec![
            point(0., 0.),
            point(1., 0.),
            None,
            Item::new(&Basic::Point.empty(XY)).ok(),
            point(2., 0.),
            point(9., 9.),
        ];
        assert_eq!(clusters(&items, 1.5, 3).unwrap(), [Some(0), Some(0), None, None, Some(0), None]);
        assert_eq!(clusters(&items, 1.5, 1).unwrap(), [Some(0), Some(0), None, Some(1), Some(0), Some(2)]);
    }

    proptest! {
        /// The definition, by brute force: cores within eps of each other share a cluster, borders
        /// have one of their cores', the rest has none.
        #[test]
        fn clusters_are_those_of_the_definition(
            places in proptest::collection::vec((0_i8..12, 0_i8..12), 1..40),
            least in 1_usize..5,
        ) {
            let eps = 1.5;
            let items: Vec<_> = places.iter().map(|(x, y)| point(f64::from(*x), f64::from(*y))).collect();
            let found = clusters(&items, eps, least).unwrap();
            let near = |a: usize, b: usize| {
                let ((ax, ay), (bx, by)) = (places[a], places[b]);
                (f64::from(ax) - f64::from(bx)).hypot(f64::from(ay) - f64::from(by)) <= eps
            };
            let all = 0..places.len();
            let core: Vec<bool> = all.clone().map(|p| all.clone().filter(|q| near(p, *q)).count() >= least).collect();
            for p in all.clone() {
                for q in all.clone().filter(|q| core[p] && core[*q] && near(p, *q)) {
                    prop_assert_eq!(found[p], found[q]);
                }
                let mine: Vec<_> = all.clone().filter(|q| core[*q] && near(p, *q)).map(|q| found[q]).collect();
                prop_assert_eq!(found[p].is_none(), mine.is_empty());
                prop_assert!(mine.is_empty() || mine.contains(&found[p]));
            }
            // No two clusters without a chain of cores between: as many as the cores' components.
            let mut sets = Sets(all.clone().collect());
            for p in all.clone().filter(|p| core[*p]) {
                for q in all.clone().filter(|q| core[*q] && near(p, *q)) {
                    sets.join(p, q);
                }
            }
            let mut roots: Vec<usize> = all.clone().filter(|p| core[*p]).map(|p| sets.find(p)).collect();
            roots.sort_unstable();
            roots.dedup();
            prop_assert_eq!(found.iter().flatten().max().map_or(0, |m| *m as usize + 1), roots.len());
        }
    }
}
