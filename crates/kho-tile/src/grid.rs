//! The WebMercatorQuad grid in whole numbers.
//!
//! The world square is 2³² **world units** to a side, x to the east, y to the south, origin in the
//! north-west corner (-180°, 85.05°). A world unit is 9.3 mm at the equator and less elsewhere.
//! A tile is 2^(32-z) of them and a grid unit 2^(20-z), so snapping to the grid is an addition and
//! a shift, and a point snaps to the same place of the world in every tile that holds it.

use crate::TileError;
use crate::geom::{ClipBox, P};
use crate::mvt::EXTENT;
use std::f64::consts::PI;

/// The last zoom at which tiles are made.
pub const MAX_ZOOM: u8 = 22;
const EXTENT_BITS: u32 = EXTENT.trailing_zeros();
const WORLD: f64 = 4_294_967_296.0;
/// The latitude at which the world square ends.
const MAX_LATITUDE: f64 = 85.051_128_779_806_59;

/// Longitude and latitude (CRS84, degrees) to world units. Outside of the square: its edge.
#[inline]
pub(crate) fn project(lon: f64, lat: f64) -> [u32; 2] {
    [project_x(lon), project_y(lat)]
}

#[inline]
pub(crate) fn project_x(lon: f64) -> u32 {
    // `as` saturates, which is what is wanted at 180°.
    ((lon / 360.0 + 0.5) * WORLD).round() as u32
}

#[inline]
pub(crate) fn project_y(lat: f64) -> u32 {
    let s = lat.clamp(-MAX_LATITUDE, MAX_LATITUDE).to_radians().sin();
    ((0.5 - ((1.0 + s) / (1.0 - s)).ln() / (4.0 * PI)) * WORLD).round() as u32
}

/// A box in world units, edges included: min x, min y, max x, max y.
pub(crate) type WorldBox = [u32; 4];

/// The box that meets nothing.
pub(crate) const NOWHERE: WorldBox = [u32::MAX, u32::MAX, 0, 0];
/// The box that meets everything.
pub(crate) const EVERYWHERE: WorldBox = [0, 0, u32::MAX, u32::MAX];

#[inline(always)]
pub(crate) fn meets(a: &WorldBox, b: &WorldBox) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

/// Whether `inner` lies in `outer`.
#[inline(always)]
pub(crate) fn within(inner: &WorldBox, outer: &WorldBox) -> bool {
    inner[0] >= outer[0] && inner[1] >= outer[1] && inner[2] <= outer[2] && inner[3] <= outer[3]
}

/// The smallest box around two.
#[inline(always)]
pub(crate) fn hull(a: &WorldBox, b: &WorldBox) -> WorldBox {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

/// A CRS84 box (min lon, min lat, max lon, max lat; degrees) in world units.
pub(crate) fn project_box(b: [f64; 4]) -> WorldBox {
    if b.iter().any(|v| v.is_nan()) {
        return EVERYWHERE;
    }
    [project_x(b[0]), project_y(b[3]), project_x(b[2]), project_y(b[1])]
}

/// The place of one tile, and how world units become its grid units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TileFrame {
    x0: i64,
    y0: i64,
    /// World units to grid units: shift left by `up`, add `half`, shift right by `down`.
    up: u32,
    down: u32,
    half: i64,
    /// What is kept, in grid units.
    pub clip: ClipBox,
    /// What is looked for, in world units: all that snaps into the tile and its buffer, which is
    /// half a grid unit more than they are.
    pub window: WorldBox,
    /// A feature smaller than this to both sides (world units) is not seen: half a grid unit.
    pub least: u32,
}

impl TileFrame {
    /// The frame of a tile with a buffer of `buffer` grid units around it.
    ///
    /// # Errors
    /// [`TileError::NoSuchTile`] if the grid has no such tile.
    pub fn new(z: u8, x: u32, y: u32, buffer: u32) -> Result<Self, TileError> {
        if z > MAX_ZOOM || u64::from(x) >> z != 0 || u64::from(y) >> z != 0 {
            return Err(TileError::NoSuchTile { z, x, y });
        }
        let z = u32::from(z);
        let side = 1i64 << (32 - z);
        let (x0, y0) = (i64::from(x) * side, i64::from(y) * side);
        let (up, down) = (z.saturating_sub(32 - EXTENT_BITS), (32 - EXTENT_BITS).saturating_sub(z));
        let edge = (i64::from(buffer) << down) >> up;
        let half = (1i64 << down) >> 1;
        // Halves snap upwards: the last place that snaps onto the far edge lies just below a half.
        let (before, after) = (edge + half, side + edge + (half - 1).max(0));
        let clamp = |v: i64| v.clamp(0, i64::from(u32::MAX)) as u32;
        Ok(Self {
            x0,
            y0,
            up,
            down,
            half,
            clip: ClipBox { min: -i64::from(buffer), max: i64::from(EXTENT) + i64::from(buffer) },
            window: [clamp(x0 - before), clamp(y0 - before), clamp(x0 + after), clamp(y0 + after)],
            least: ((1u64 << down) / 2) as u32,
        })
    }

    /// A point of the world on this tile's grid. May lie far outside of the tile.
    #[inline(always)]
    pub fn snap(&self, w: [u32; 2]) -> [i64; 2] {
        [
            (((i64::from(w[0]) - self.x0) << self.up) + self.half) >> self.down,
            (((i64::from(w[1]) - self.y0) << self.up) + self.half) >> self.down,
        ]
    }

    /// The same for a point known to lie in [`TileFrame::window`].
    #[inline(always)]
    pub fn snap_near(&self, w: [u32; 2]) -> P {
        let [x, y] = self.snap(w);
        P { x: x as i32, y: y as i32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_corners_of_the_world() {
        assert_eq!(project(-180.0, 90.0), [0, 0]);
        assert_eq!(project(0.0, 0.0), [1 << 31, 1 << 31]);
        assert_eq!(project(180.0, -90.0), [u32::MAX, u32::MAX]);
    }

    #[test]
    fn there_are_no_tiles_outside() {
        assert!(TileFrame::new(3, 7, 7, 64).is_ok());
        for (z, x, y) in [(3, 8, 0), (3, 0, 8), (23, 0, 0), (0, 1, 0), (22, u32::MAX, 0)] {
            assert!(TileFrame::new(z, x, y, 64).is_err(), "{z}/{x}/{y}");
        }
    }

    proptest! {
        #[test]
        fn neighbours_agree_where_a_point_is(lon in 109.0..110.0f64, lat in 12.0..12.5f64, z in 10u8..=20) {
            let w = project(lon, lat);
            let (x, y) = (w[0] >> (32 - u32::from(z)), w[1] >> (32 - u32::from(z)));
            let here = TileFrame::new(z, x, y, 64)?.snap(w);
            let beside = TileFrame::new(z, x + 1, y - 1, 64)?.snap(w);
            prop_assert_eq!(here, [beside[0] + 4096, beside[1] - 4096]);
            prop_assert!(here.iter().all(|v| (0..=4096).contains(v)));
        }

        #[test]
        fn the_window_is_what_snaps_into_the_tile(z in 8u8..=22, dx in -40i64..40, far in any::<bool>()) {
            // World units around the edge of the buffer, on the near side or on the far one.
            let (x, y) = ((1u32 << z) / 2, (1u32 << z) / 3);
            let frame = TileFrame::new(z, x, y, 64)?;
            let unit = 1i64 << 20u32.saturating_sub(u32::from(z));
            let side = 1i64 << (32 - u32::from(z));
            let buffer = (64 * unit) >> u32::from(z).saturating_sub(20);
            let edge = i64::from(x) * side;
            let edge = if far { edge + side + buffer } else { edge - buffer };
            let at = edge + dx * (unit / 16).max(1);
            let w = [u32::try_from(at).unwrap_or_default(), frame.window[1] + 1];
            let snapped = frame.snap(w);
            let found = (frame.window[0]..=frame.window[2]).contains(&w[0]);
            prop_assert_eq!(found, frame.clip.holds(snapped[0], 0), "{:?} {:?}", snapped, frame);
        }

        #[test]
        fn as_exact_as_the_formula(lon in -179.9..179.9f64, lat in -85.0..85.0f64) {
            let [x, y] = project(lon, lat).map(|v| f64::from(v) / WORLD);
            let ym = 0.5 - lat.to_radians().tan().asinh() / (2.0 * PI);
            prop_assert!((x - (lon / 360.0 + 0.5)).abs() < 2e-10);
            prop_assert!((y - ym).abs() < 2e-10);
        }
    }
}
