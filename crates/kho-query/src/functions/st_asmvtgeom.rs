//! `ST_AsMVTGeom(geometry, bounds[, extent[, buffer[, clip]]])` → geometry.
//!
//! A geometry in the coordinates of a tile that covers the bounding box of `bounds`: integers from 0
//! to `extent` (4096), x to the right, y down. With `clip` (true) what lies more than `buffer` (256)
//! outside is cut off. Polygons are made valid after rounding, and their shells wound as the Mapbox
//! Vector Tile specification wants it (positive area in these coordinates). Of a collection, only
//! the parts of the highest dimension remain. NULL if nothing remains, also for lines and polygons
//! smaller than half a unit each way. The result has no CRS, because it is in none.
//!
//! Differs from PostGIS: vertices that rounding leaves apart are kept, where PostGIS simplifies by
//! half a unit first; invalid polygons are repaired by GEOS's MakeValid, where PostGIS uses Wagyu.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{
    Basic, Geometry, Ranges, Shape, highest, is_empty, map_xy, of_type, ranges, rectangle, to_wkb, twice_area,
};
use super::st_clipbybox2d::clip;
use super::st_snaptogrid::{Grid, snap};
use super::topology::{failed, from_geos, intersection, to_geos};
use datafusion::common::exec_err;
use datafusion::error::Result;
use geos::Geom;
use sedona_expr::scalar_udf::SedonaScalarUDF;
use std::collections::HashSet;

const NAME: &str = "ST_AsMVTGeom";

/// Rounding can make a valid polygon invalid, and repairing it can leave the integers.
const ROUNDS: usize = 4;

pub(super) fn udf() -> SedonaScalarUDF {
    use Kind::{Flag, Geometry, Integer};
    make_udf(
        "st_asmvtgeom",
        vec![
            RowKernel::new(&[Geometry, Geometry, Integer, Integer, Flag], Gives::GeometryIn(None), run)
                .requires(2),
        ],
    )
}

fn run(row: &Row<'_>) -> Result<Option<Value>> {
    let extent = if row.len() > 2 { row.integer(2)? } else { 4096 };
    let buffer = if row.len() > 3 { row.integer(3)? } else { 256 };
    let clipped = if row.len() > 4 { row.flag(4)? } else { true };
    if !(1..=1 << 24).contains(&extent) || !(0..=1 << 24).contains(&buffer) {
        return exec_err!(
            "{NAME}: the extent must be 1 to 2^24 and the buffer 0 to 2^24, not {extent} and {buffer}"
        );
    }
    let tile = match ranges(&row.geometry(1)?) {
        Some(b) if b.width() > 0.0 && b.height() > 0.0 && b.width().is_finite() && b.height().is_finite() => {
            b
        }
        _ => return exec_err!("{NAME}: the bounds must have a finite width and height"),
    };
    let frame = Frame { tile, extent: extent as f64, buffer: clipped.then_some(buffer as f64) };
    match frame.place(&row.geometry(0)?)? {
        Some(placed) => Value::geometry(&placed),
        None => Ok(None),
    }
}

struct Frame {
    tile: Ranges,
    extent: f64,
    /// Cut off beyond this many units outside; `None` cuts nothing.
    buffer: Option<f64>,
}

impl Frame {
    fn place(&self, geometry: &Geometry) -> Result<Option<Geometry>> {
        let (Some(own), Some(is)) = (ranges(geometry), highest(geometry)) else {
            return Ok(None);
        };
        let (fx, fy) = (self.extent / self.tile.width(), self.extent / self.tile.height());
        if is > Basic::Point && own.width() * fx < 0.5 && own.height() * fy < 0.5 {
            return Ok(None);
        }
        let (x0, y1) = (self.tile.at[0].0, self.tile.at[1].1);
        let parts = is.multi(geometry.dims, of_type(geometry, is));
        let moved = snap(&map_xy(&parts, &|x, y| ((x - x0) * fx, (y1 - y) * fy)), &WHOLE);
        // Coordinates of the other hemisphere at a high zoom: more than the format can say.
        let within = |r: &Ranges| r.at[..2].iter().all(|(a, b)| a.abs() < 2e9 && b.abs() < 2e9);
        let Some(bounds) = ranges(&moved).filter(|r| self.buffer.is_some() || within(r)) else {
            return Ok(None);
        };
        let cutter = self.buffer.map(|by| Ranges {
            at: [(-by, self.extent + by), (-by, self.extent + by), (0.0, 0.0), (0.0, 0.0)],
        });
        let cutter = match cutter {
            Some(cutter) if !cutter.meets(&bounds) => return Ok(None),
            Some(cutter) if cutter.contains(&bounds) => None,
            other => other,
        };
        let placed = if is == Basic::Polygon {
            polygons(moved, cutter.as_ref())?
        } else {
            let cut = match &cutter {
                Some(cutter) => clip(&moved, cutter, NAME)?,
                None => moved,
            };
            once(snap(&only(is, &cut), &WHOLE))
        };
        Ok((!is_empty(&placed)).then(|| alone(placed)))
    }
}

/// The grid of whole numbers.
const WHOLE: Grid = Grid { origin: [0.0; 4], size: [1.0, 1.0, 0.0, 0.0] };

/// The parts of one type as a multi-geometry.
fn only(is: Basic, geometry: &Geometry) -> Geometry {
    is.multi(geometry.dims, of_type(geometry, is))
}

/// A multi-geometry of one part as that part.
fn alone(geometry: Geometry) -> Geometry {
    match geometry.shape {
        Shape::MultiPoint(mut p) | Shape::MultiLine(mut p) | Shape::MultiPolygon(mut p) if p.len() == 1 => {
            p.swap_remove(0)
        }
        shape => Geometry { shape, ..geometry },
    }
}

/// Points that rounding has made one, once. Lines may lie on each other.
fn once(mut geometry: Geometry) -> Geometry {
    if let Shape::MultiPoint(parts) = &mut geometry.shape {
        let mut seen = HashSet::new();
        parts.retain(|p| seen.insert(to_wkb(p)));
    }
    geometry
}

/// Polygons cut to the rectangle, valid, in whole numbers, and wound for tiles.
fn polygons(moved: Geometry, cutter: Option<&Ranges>) -> Result<Geometry> {
    let mut now = moved;
    let mut cutter = cutter;
    for _ in 0..ROUNDS {
        let mut whole = to_geos(&now, NAME)?;
        let mut changed = false;
        if !whole.is_valid().map_err(|e| failed(NAME, &e))? {
            whole = whole.make_valid().map_err(|e| failed(NAME, &e))?;
            changed = true;
        }
        if let Some(c) = cutter.take() {
            let [(x0, x1), (y0, y1), ..] = c.at;
            whole = intersection(&whole, &rectangle(x0, y0, x1, y1), None, NAME)?;
            changed = true;
        }
        if !changed {
            return Ok(wound(now));
        }
        now = snap(&only(Basic::Polygon, &from_geos(&whole, NAME)?), &WHOLE);
    }
    // Not valid after so many rounds: nothing, as in PostGIS, rather than something broken.
    let valid = to_geos(&now, NAME)?.is_valid().map_err(|e| failed(NAME, &e))?;
    Ok(if valid { wound(now) } else { only(Basic::Point, &now) })
}

/// Shells with positive area and holes with negative.
fn wound(mut geometry: Geometry) -> Geometry {
    if let Shape::MultiPolygon(parts) = &mut geometry.shape {
        for part in parts {
            let Shape::Polygon(rings) = &mut part.shape else {
                continue;
            };
            for (i, ring) in rings.iter_mut().enumerate() {
                if (twice_area(ring) > 0.0) != (i == 0) {
                    let turned: Vec<f64> = ring.chunks_exact(2).rev().flatten().copied().collect();
                    *ring = turned;
                }
            }
        }
    }
    geometry
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::shape::{XY, tests::any_geometry};
    use super::*;
    use proptest::prelude::*;

    fn frame(buffer: Option<f64>) -> Frame {
        let tile = ranges(&rectangle(-5.0, -5.0, 5.0, 5.0)).unwrap();
        Frame { tile, extent: 64.0, buffer }
    }

    fn closed(geometry: Geometry) -> Geometry {
        let close = |ring: Vec<f64>, n: usize| {
            let mut ring = ring;
            ring.extend_from_within(..n);
            ring
        };
        let dims = geometry.dims;
        let all = |p: Vec<Geometry>| p.into_iter().map(closed).collect();
        let shape = match geometry.shape {
            Shape::Polygon(rings) => {
                Shape::Polygon(rings.into_iter().map(|r| close(r, dims.stride())).collect())
            }
            Shape::MultiPolygon(p) => Shape::MultiPolygon(all(p)),
            Shape::Collection(p) => Shape::Collection(all(p)),
            other => other,
        };
        Geometry { dims, shape }
    }

    proptest! {
        /// Whatever comes, what goes out is whole numbers within the buffer, and valid polygons.
        #[test]
        fn what_is_placed_belongs_in_a_tile(geometry in any_geometry().prop_map(closed)) {
            // A line of one point is no geometry to GEOS.
            let Ok(placed) = frame(Some(4.0)).place(&geometry) else { return Ok(()) };
            let Some(placed) = placed else { return Ok(()) };
            prop_assert_eq!(highest(&placed), highest(&geometry));
            let bounds = ranges(&placed).unwrap();
            prop_assert!(bounds.at[..2].iter().all(|(a, b)| *a >= -4.0 && *b <= 68.0), "{:?}", bounds);
            super::super::shape::each_point(&placed, &mut |p| assert!(p.iter().all(|v| v.fract() == 0.0)));
            if highest(&placed) == Some(Basic::Polygon) {
                prop_assert!(to_geos(&placed, NAME).unwrap().is_valid().unwrap());
                for polygon in of_type(&placed, Basic::Polygon) {
                    let Shape::Polygon(rings) = polygon.shape else { continue };
                    for (i, ring) in rings.iter().enumerate() {
                        prop_assert_eq!(twice_area(ring) > 0.0, i == 0);
                    }
                }
            }
        }
    }

    #[test]
    fn y_runs_down() {
        let point = Geometry { dims: XY, shape: Shape::Point(vec![-5.0, 5.0]) };
        let placed = frame(Some(0.0)).place(&point).unwrap().unwrap();
        assert_eq!(placed.shape, Shape::Point(vec![0.0, 0.0]));
    }

    #[test]
    fn far_away_is_nothing_and_without_clipping_bounded() {
        let far = Geometry { dims: XY, shape: Shape::Point(vec![1e12, 0.0]) };
        assert_eq!(frame(Some(0.0)).place(&far).unwrap(), None);
        assert_eq!(frame(None).place(&far).unwrap(), None);
    }
}
