//! The slow answer for suspicious polygons: GEOS decides, and mends what it can.

use super::{Reason, Shapes};
use gdal::cpl::CslStringList;
use gdal::vector::Geometry;

/// A repair may change the area by less than this share; more would be another plot of land.
const TOLERANCE: f64 = 0.01;
/// Where a border crosses itself, a part of the polygon is wound against the rest, and nobody can
/// say whether it was meant. Up to this many square metres it is kept without asking: less than
/// the accuracy of a boundary is worth, and nothing of the delivered outline is lost.
const LOOP: f64 = 1.0;
/// Metres in a degree of latitude.
const DEGREE: f64 = 111_320.0;

/// What became of a suspicious polygon.
pub(crate) enum Repaired {
    /// It is valid as it is.
    Valid,
    /// The one shape in here replaces it.
    Mended(Shapes),
}

/// Decides on the polygon `shape`, which is in CRS84. A repair keeps all vertices where they are,
/// because neighbours share them.
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
    let change = after - before;
    if change.abs() > TOLERANCE * before.abs().max(after) && !is_loop(change, shapes, shape) {
        return Err(Reason::SelfIntersection);
    }
    Ok(Repaired::Mended(out))
}

/// Whether a change of (twice) the area is that of a small loop: it counted negative, and now
/// counts positive, so that the area grows by twice its own.
fn is_loop(change: f64, shapes: &Shapes, shape: usize) -> bool {
    let latitude = shapes.y.get(shapes.span(shape).start).copied().unwrap_or(0.0);
    let square_metres = change / 4.0 * DEGREE * DEGREE * latitude.to_radians().cos();
    square_metres > 0.0 && square_metres <= LOOP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(wkt: &str) -> Shapes {
        let mut shapes = Shapes::default();
        let wkb = Geometry::from_wkt(wkt).unwrap().iso_wkb().unwrap();
        shapes.push_wkb(Some(&wkb));
        shapes
    }

    fn verdict(wkt: &str) -> Result<Option<Shapes>, Reason> {
        repair(&shapes(wkt), 0).map(|r| match r {
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
        // A parcel of Cambridge, 3 m long and less than 1 m wide, whose border crosses itself at
        // its tip: both ends of it stay.
        let sliver = "POLYGON ((-71.09351084078635 42.37074288888873, -71.09351084078635 42.37076356703947, \
            -71.09352031255779 42.37076356703947, -71.09352031255779 42.370768736577155, \
            -71.09351084078635 42.37074288888873))";
        let (before, after) = (shapes(sliver), verdict(sliver).unwrap().unwrap());
        assert!(after.twice_area_of(0) > before.twice_area_of(0));
        let ends =
            |y: &[f64]| (y.iter().copied().fold(99.0, f64::min), y.iter().copied().fold(0.0, f64::max));
        assert_eq!(ends(&after.y), ends(&before.y));
        let flat = verdict("POLYGON ((0 0, 4 0, 2 0, 0 0))");
        assert!(matches!(flat, Err(Reason::NoArea)));
    }
}
