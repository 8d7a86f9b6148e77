//! From longitude and latitude (CRS84, degrees) to the world units of a grid.

use super::{EVERYWHERE, WORLD, WorldBox, vn2000};
use kho_crs::Plane;
use std::f64::consts::PI;

/// The latitude at which the square of WebMercatorQuad ends.
const MAX_LATITUDE: f64 = 85.051_128_779_806_59;
/// How many places along each edge of a box are projected to find where the box lies in a plane.
const SAMPLES: u32 = 16;
/// How far from the meridian, in degrees, a box may reach and still be projected by its edges.
const NEAR: f64 = 25.0;

/// Where a point lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the grid's square.
    In([u32; 2]),
    /// Outside, and this is the nearest place on the square's edge.
    Edge([u32; 2]),
    /// Outside, and the edge would be no use.
    Out,
}

/// Takes coordinates to world units.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Projector {
    /// WebMercatorQuad.
    #[default]
    Mercator,
    /// WorldCRS84Quad.
    Degrees,
    /// A zone of VN-2000.
    Vn2000(Plane),
}

impl Projector {
    /// A point in world units.
    ///
    /// What leaves the squares of the whole world runs along their edge, which is a pole or the
    /// 180th meridian. The edge of a zone's square is nothing of the kind, and an outline bent to
    /// it would lie: there, outside is [`Place::Out`].
    #[inline]
    pub fn place(&self, lon: f64, lat: f64) -> Place {
        match self {
            Self::Mercator => {
                let at = [across(lon), mercator_y(lat)];
                if lon.abs() <= 180.0 && lat.abs() <= MAX_LATITUDE { Place::In(at) } else { Place::Edge(at) }
            }
            Self::Degrees => {
                let at = [across(lon), degrees_y(lat)];
                if lon.abs() <= 180.0 && lat.abs() <= 90.0 { Place::In(at) } else { Place::Edge(at) }
            }
            Self::Vn2000(plane) => match plane.project(lon, lat).map(in_square) {
                Some([x, y]) if (0.0..=WORLD).contains(&x) && (0.0..=WORLD).contains(&y) => {
                    Place::In([x.round() as u32, y.round() as u32])
                }
                _ => Place::Out,
            },
        }
    }

    /// A box in world units that holds every point of a CRS84 box (west, south, east, north;
    /// degrees) that lies in the grid.
    pub fn project_box(&self, b: [f64; 4]) -> WorldBox {
        if b.iter().any(|v| v.is_nan()) {
            return EVERYWHERE;
        }
        match self {
            Self::Mercator => [across(b[0]), mercator_y(b[3]), across(b[2]), mercator_y(b[1])],
            Self::Degrees => [across(b[0]), degrees_y(b[3]), across(b[2]), degrees_y(b[1])],
            Self::Vn2000(plane) => box_in_plane(plane, b).unwrap_or(EVERYWHERE),
        }
    }
}

/// The column of a longitude where the square is 360° wide.
#[inline]
fn across(lon: f64) -> u32 {
    // `as` saturates, which is what is wanted at 180°.
    ((lon / 360.0 + 0.5) * WORLD).round() as u32
}

#[inline]
fn mercator_y(lat: f64) -> u32 {
    let s = lat.clamp(-MAX_LATITUDE, MAX_LATITUDE).to_radians().sin();
    ((0.5 - ((1.0 + s) / (1.0 - s)).ln() / (4.0 * PI)) * WORLD).round() as u32
}

#[inline]
fn degrees_y(lat: f64) -> u32 {
    ((90.0 - lat.clamp(-90.0, 90.0)) / 360.0 * WORLD).round() as u32
}

/// A point of a zone's plane (east, north; metres) in world units, not yet rounded.
#[inline]
fn in_square([east, north]: [f64; 2]) -> [f64; 2] {
    let unit = WORLD / vn2000::SIDE;
    [(east - vn2000::ORIGIN[0]) * unit, (vn2000::ORIGIN[1] - north) * unit]
}

/// The box around a CRS84 box in a plane; `None` if it reaches too far to tell.
///
/// A box in degrees is no box in the plane, but its least and greatest eastings and northings lie
/// on its edges. They are projected at [`SAMPLES`] places each, and at the meridian, where northings
/// are least, and the equator, where eastings are greatest. Between two places an edge bulges by no
/// more than the square of their distance (in radians) times the earth's radius; the margin is ten
/// times that, and a metre for the datum shift, which bends the edges a little.
fn box_in_plane(plane: &Plane, [west, south, east, north]: [f64; 4]) -> Option<WorldBox> {
    let meridian = plane.meridian();
    let near = west >= meridian - NEAR && east <= meridian + NEAR && south >= -60.0 && north <= 60.0;
    if !near || west > east || south > north {
        return None;
    }
    let (width, height) = (east - west, north - south);
    let steps = (0..=SAMPLES).map(|i| f64::from(i) / f64::from(SAMPLES));
    let lons = steps.clone().map(|s| west + s * width).chain([meridian.clamp(west, east)]);
    let lats = steps.map(|s| south + s * height).chain([0.0_f64.clamp(south, north)]);
    let edges = lons
        .flat_map(|lon| [(lon, south), (lon, north)])
        .chain(lats.flat_map(|lat| [(west, lat), (east, lat)]));
    let (mut least, mut most) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for (lon, lat) in edges {
        let at = plane.project(lon, lat)?;
        least = [least[0].min(at[0]), least[1].min(at[1])];
        most = [most[0].max(at[0]), most[1].max(at[1])];
    }
    let step = (width.max(height) / f64::from(SAMPLES)).to_radians();
    let margin = 1.0 + 10.0 * step * step * kho_crs::EQUATORIAL_RADIUS;
    let [x0, y0] = in_square([least[0] - margin, most[1] + margin]);
    let [x1, y1] = in_square([most[0] + margin, least[1] - margin]);
    // `as` saturates: what lies outside of the square is cut off at its edge.
    Some([x0.floor() as u32, y0.floor() as u32, x1.ceil() as u32, y1.ceil() as u32])
}
