//! The slow road, for the few polygons that snapping or clipping broke.

use super::P;
use super::check::Ring;
use super::ring::{area2, clean_ring};
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::IntOverlayOptions;
use i_overlay::core::simplify::Simplify;
use i_overlay::i_float::int::point::IntPoint;

/// Replaces the rings by valid ones that cover the same area: an overlay of the rings with
/// themselves, in integers, so that what comes out is on the grid. Areas around which the rings
/// wind to either side stay (non-zero rule): a sliver that snapping turned over is still there.
pub(super) fn repair(points: &mut Vec<P>, rings: &mut Vec<Ring>) {
    let paths: Vec<Vec<IntPoint<i32>>> =
        rings.iter().map(|r| r.of(points).iter().map(|p| IntPoint::new(p.x, p.y)).collect()).collect();
    let shapes = paths.simplify(FillRule::NonZero, IntOverlayOptions::ogc());
    points.clear();
    rings.clear();
    for shape in shapes {
        for (number, contour) in shape.iter().enumerate() {
            let exterior = number == 0;
            let start = points.len();
            if clean_ring(contour.iter().map(|p| P { x: p.x, y: p.y }), points) == 0 {
                if exterior {
                    break;
                }
                continue;
            }
            if (area2(&points[start..]) > 0) != exterior {
                points[start..].reverse();
            }
            rings.push(Ring { start: start as u32, end: points.len() as u32, exterior });
        }
    }
}
