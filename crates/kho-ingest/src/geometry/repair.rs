//! The slow answer for suspicious polygons: GEOS decides, and mends what it can.

use super::{Reason, Shapes};
use gdal::cpl::CslStringList;
use gdal::vector::Geometry;

/// A repair may change the area by less than this share; more would be another plot of land.
const TOLERANCE: f64 = 0.01;

/// What became of a suspicious polygon.
pub(crate) enum Repaired {
    /// It is valid as it is.
    Valid,
    /// The one shape in here replaces it.
    Mended(Shapes),
}

/// Decides on the polygon `shape`. A repair keeps all vertices where they are, because
/// neighbours share them.
pub(crate) fn repair(shapes: &Shapes, shape: usize) -> Result<Repaired, Reason> {
    let geometry = Geometry::from_wkb(&shapes.wkb(shape)).map_err(|_| Reason::NotWkb)?;
    let before = shapes.twice_area_of(shape);
    if geometry.is_valid() {
        return if before == 0.0 { Err(Reason::NoArea) } else { Ok(Repaired::Valid) };
    }
    let mut options = CslStringList::new();
    let mended = options
        .set_name_value("METHOD", "STRUCTURE")
        .and_then(|()| geometry.make_valid(&options))
        .and_then(|g| g.iso_wkb())
        .map_err(|_| Reason::SelfIntersection)?;
    let mut out = Shapes::default();
    out.push_wkb(Some(&mended));
    match out.head(0) {
        Err(Reason::Empty) => return Err(Reason::NoArea),
        Ok(head) if head.kind == kho_layer::GeometryKind::Polygon => {}
        _ => return Err(Reason::NoArea),
    }
    let after = out.twice_area_of(0);
    if after <= 0.0 {
        return Err(Reason::NoArea);
    }
    if (after - before).abs() > TOLERANCE * before.abs().max(after) {
        return Err(Reason::SelfIntersection);
    }
    Ok(Repaired::Mended(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(wkt: &str) -> Result<Option<Shapes>, Reason> {
        let mut shapes = Shapes::default();
        let wkb = Geometry::from_wkt(wkt).unwrap().iso_wkb().unwrap();
        shapes.push_wkb(Some(&wkb));
        repair(&shapes, 0).map(|r| match r {
            Repaired::Valid => None,
            Repaired::Mended(shapes) => Some(shapes),
        })
    }

    #[test]
    fn a_spike_is_cut_off_and_a_bow_tie_is_not_repaired() {
        let spike = verdict("POLYGON ((0 0, 4 0, 4 4, 2 4, 2 6, 2 4, 0 4, 0 0))").unwrap();
        assert_eq!(spike.map(|s| s.twice_area_of(0)), Some(32.0));
        let tie = verdict("POLYGON ((0 0, 4 4, 4 0, 0 4, 0 0))");
        assert!(matches!(tie, Err(Reason::SelfIntersection | Reason::NoArea)));
        // A hole that touches the border in one point is valid.
        let touch = verdict("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (0 2, 1 3, 1 1, 0 2))");
        assert!(matches!(touch, Ok(None)));
        let flat = verdict("POLYGON ((0 0, 4 0, 2 0, 0 0))");
        assert!(matches!(flat, Err(Reason::NoArea)));
    }
}
