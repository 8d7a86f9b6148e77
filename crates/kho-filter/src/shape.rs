//! Geometries that a filter brings, and how geometries lie to each other.

use crate::tree::Relation;
use geo::{BoundingRect, CoordsIter, Intersects, MapCoords, Relate};
use geo_traits::to_geo::ToGeoGeometry;
use geo_types::{Geometry, MultiPolygon, Polygon, Rect, coord};
use kho_layer::Bounds;
use std::sync::Arc;

/// A geometry in CRS84 with at least one corner, all of them finite, and its box.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    geometry: Arc<Geometry<f64>>,
    bounds: Bounds,
}

impl Shape {
    /// `None` for an empty geometry and for corners that are no places.
    pub fn new(geometry: Geometry<f64>) -> Option<Self> {
        if !geometry.coords_iter().all(|c| c.x.is_finite() && c.y.is_finite()) {
            return None;
        }
        let rect = geometry.bounding_rect()?;
        let bounds = [rect.min().x, rect.min().y, rect.max().x, rect.max().y];
        Some(Self { geometry: Arc::new(geometry), bounds })
    }

    /// The area of a box. One whose west is east of its east crosses the antimeridian and comes in two.
    pub fn of_box([west, south, east, north]: Bounds) -> Option<Self> {
        let area = |west: f64, east: f64| -> Polygon<f64> {
            Rect::new(coord! { x: west, y: south }, coord! { x: east, y: north }).to_polygon()
        };
        if south > north {
            return None;
        }
        if west <= east {
            return Self::new(area(west, east).into());
        }
        Self::new(MultiPolygon(vec![area(west, 180.0), area(-180.0, east)]).into())
    }

    pub fn geometry(&self) -> &Geometry<f64> {
        &self.geometry
    }

    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How many corners it has.
    pub fn vertices(&self) -> usize {
        self.geometry.coords_count()
    }

    /// The geometry with its corners moved; `None` if one has no place to go.
    pub fn moved(
        geometry: &Geometry<f64>,
        to: impl Fn(f64, f64) -> Option<[f64; 2]>,
    ) -> Option<Geometry<f64>> {
        geometry.try_map_coords(|c| to(c.x, c.y).map(|[x, y]| coord! { x: x, y: y }).ok_or(())).ok()
    }
}

/// A geometry at rest; `None` for what is empty or no WKB.
pub(crate) fn at_rest(bytes: &[u8]) -> Option<Geometry<f64>> {
    let geometry = wkb::reader::read_wkb(bytes).ok()?.try_to_geometry()?;
    // Relate must not see a NaN.
    let finite = geometry.coords_iter().all(|c| c.x.is_finite() && c.y.is_finite());
    finite.then_some(geometry)
}

/// Whether the relation holds of two geometries.
pub(crate) fn relate(relation: Relation, a: &Geometry<f64>, b: &Geometry<f64>) -> bool {
    match relation {
        // Asked more than all others together, and answered without a topology graph.
        Relation::Intersects => a.intersects(b),
        Relation::Disjoint => !a.intersects(b),
        relation => {
            let matrix = a.relate(b);
            match relation {
                Relation::Equals => matrix.is_equal_topo(),
                Relation::Touches => matrix.is_touches(),
                Relation::Crosses => matrix.is_crosses(),
                Relation::Within => matrix.is_within(),
                Relation::Contains => matrix.is_contains(),
                Relation::Overlaps => matrix.is_overlaps(),
                Relation::Intersects => matrix.is_intersects(),
                Relation::Disjoint => matrix.is_disjoint(),
            }
        }
    }
}
