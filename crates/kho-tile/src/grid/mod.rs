//! Tile grids: where the tiles of a zoom lie, and in which coordinates.
//!
//! Every grid is embedded in a square of 2³² **world units** to a side, x to the east, y to the
//! south, origin in the north-west corner, so that all that comes after the projection (the trees,
//! snapping by shifts, clipping, checks, repair) is the same for all of them.
//!
//! | grid | the square | a world unit |
//! |---|---|---|
//! | WebMercatorQuad | the world to ±85.05°, EPSG:3857 | 9.3 mm at the equator |
//! | WorldCRS84Quad | 360° × 360°, from 90° N down; the lower half is empty | 9.3 mm at the equator |
//! | a zone of VN-2000 | 2²¹ m × 2²¹ m around Vietnam | 0.49 mm |

mod boxes;
mod frame;
mod project;
mod vn2000;

pub(crate) use boxes::{EVERYWHERE, NOWHERE, WorldBox, hull, meets, within};
pub(crate) use frame::TileFrame;
pub(crate) use project::{Place, Projector};
pub use vn2000::Vn2000Grid;

use kho_layer::ZoomRange;
use std::f64::consts::PI;
use std::fmt;

/// The last zoom at which WebMercatorQuad's tiles are made.
pub const MAX_ZOOM: u8 = 22;
/// The width and height of a tile that zooms and scales are named for, in pixels.
pub const TILE_PIXELS: u32 = 256;
/// The side of the square in world units.
const WORLD: f64 = 4_294_967_296.0;
/// The side of a pixel as OGC 17-083r4 (6.1.1) has it, metres: scale denominators are for it.
const PIXEL: f64 = 0.000_28;
/// Half of the equator, metres: the edge of EPSG:3857.
const HALF_EQUATOR: f64 = PI * kho_crs::EQUATORIAL_RADIUS;

/// A grid of tiles: a tile matrix set of OGC 17-083r4. A tile of it is `z/x/y`, the column x from
/// the west, the row y from the north.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Grid {
    /// What the maps of the web use: EPSG:3857, one tile at zoom 0, zooms 0 to 22.
    #[default]
    WebMercatorQuad,
    /// Longitude and latitude (CRS84) as they are: two tiles at zoom 0, the western half of the
    /// world and the eastern one, zooms 0 to 21.
    WorldCrs84Quad,
    /// The plane of a zone of VN-2000, zooms 0 to 18.
    Vn2000(Vn2000Grid),
}

/// One zoom of a [`Grid`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileMatrix {
    /// Tiles from west to east.
    pub columns: u32,
    /// Tiles from north to south.
    pub rows: u32,
    /// The side of a pixel, of which a tile has 256 × 256, in units of the CRS.
    pub cell_size: f64,
    /// The scale at which such a pixel is 0.28 mm wide (on the equator, for degrees).
    pub scale_denominator: f64,
}

/// The tiles of one zoom that a box meets; ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileRange {
    /// The westernmost column.
    pub min_column: u32,
    /// The easternmost column.
    pub max_column: u32,
    /// The northernmost row.
    pub min_row: u32,
    /// The southernmost row.
    pub max_row: u32,
}

impl Grid {
    /// The grid's name in addresses: `WebMercatorQuad`, `WorldCRS84Quad`, `VN2000_9217`.
    pub fn id(self) -> String {
        self.to_string()
    }

    /// The address under which OGC has registered the grid; the zones of VN-2000 are not.
    pub fn uri(self) -> Option<&'static str> {
        match self {
            Self::WebMercatorQuad => Some("http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"),
            Self::WorldCrs84Quad => Some("http://www.opengis.net/def/tilematrixset/OGC/1.0/WorldCRS84Quad"),
            Self::Vn2000(_) => None,
        }
    }

    /// The CRS, as a URI.
    pub fn crs(self) -> String {
        match self {
            Self::WebMercatorQuad => "http://www.opengis.net/def/crs/EPSG/0/3857".into(),
            Self::WorldCrs84Quad => "http://www.opengis.net/def/crs/OGC/1.3/CRS84".into(),
            Self::Vn2000(zone) => format!("http://www.opengis.net/def/crs/EPSG/0/{}", zone.epsg()),
        }
    }

    /// The names of the CRS's axes, in its order. All grids have the eastward axis first: EPSG gives
    /// easting, then northing, to every zone of VN-2000.
    pub fn axes(self) -> [&'static str; 2] {
        match self {
            Self::WebMercatorQuad => ["X", "Y"],
            Self::WorldCrs84Quad => ["Lon", "Lat"],
            Self::Vn2000(_) => ["E", "N"],
        }
    }

    /// The north-west corner of all zooms, in units and axis order of the CRS.
    pub fn origin(self) -> [f64; 2] {
        match self {
            Self::WebMercatorQuad => [-HALF_EQUATOR, HALF_EQUATOR],
            Self::WorldCrs84Quad => [-180.0, 90.0],
            Self::Vn2000(_) => vn2000::ORIGIN,
        }
    }

    /// The last zoom.
    pub fn max_zoom(self) -> u8 {
        match self {
            Self::WebMercatorQuad => MAX_ZOOM,
            Self::WorldCrs84Quad => MAX_ZOOM - 1,
            Self::Vn2000(_) => 18,
        }
    }

    /// A zoom; `None` past the last one.
    pub fn matrix(self, z: u8) -> Option<TileMatrix> {
        if z > self.max_zoom() {
            return None;
        }
        let (side, metres) = match self {
            Self::WebMercatorQuad => (2.0 * HALF_EQUATOR, 1.0),
            Self::WorldCrs84Quad => (360.0, HALF_EQUATOR / 180.0),
            Self::Vn2000(_) => (vn2000::SIDE, 1.0),
        };
        let zoom = u32::from(self.square_zoom(z));
        let cell_size = side / f64::from(TILE_PIXELS) / f64::from(1u32 << zoom);
        Some(TileMatrix {
            columns: 1 << zoom,
            rows: 1 << z,
            cell_size,
            scale_denominator: cell_size * metres / PIXEL,
        })
    }

    /// Whether the grid has a tile.
    pub fn has(self, z: u8, x: u32, y: u32) -> bool {
        self.matrix(z).is_some_and(|m| x < m.columns && y < m.rows)
    }

    /// The zoom of WebMercatorQuad whose pixels are as wide, on the ground at the equator, as this
    /// grid's at `z`; the nearest one for VN-2000, whose pixels are 0.84 times as wide. What a layer
    /// says of zooms ([`ZoomRange`]) is said of WebMercatorQuad, and means the same detail in every
    /// grid through this.
    pub fn mercator_zoom(self, z: u8) -> u8 {
        z.saturating_add(self.finer_by())
    }

    /// The zooms of this grid at which a layer of such a range has tiles: first and last.
    pub fn zooms(self, range: ZoomRange) -> (u8, u8) {
        let own = |zoom: u8| zoom.saturating_sub(self.finer_by()).min(self.max_zoom());
        (own(range.min), own(range.max))
    }

    /// The tiles of a zoom that a CRS84 box (west, south, east, north; degrees) may meet. `None`
    /// past the last zoom.
    pub fn tiles(self, z: u8, bounds: [f64; 4]) -> Option<TileRange> {
        let matrix = self.matrix(z)?;
        let shift = 32 - u32::from(self.square_zoom(z));
        let [x0, y0, x1, y1] =
            self.projector().project_box(bounds).map(|v| u32::try_from(u64::from(v) >> shift).unwrap_or(0));
        Some(TileRange {
            min_column: x0.min(matrix.columns - 1),
            max_column: x1.min(matrix.columns - 1),
            min_row: y0.min(matrix.rows - 1),
            max_row: y1.min(matrix.rows - 1),
        })
    }

    /// What takes coordinates to this grid's world units.
    pub(crate) fn projector(self) -> Projector {
        match self {
            Self::WebMercatorQuad => Projector::Mercator,
            Self::WorldCrs84Quad => Projector::Degrees,
            Self::Vn2000(zone) => Projector::Vn2000(zone.plane()),
        }
    }

    /// How often the square is halved to get the tiles of a zoom. WorldCRS84Quad begins with the
    /// square's second zoom, of which it uses the upper half.
    fn square_zoom(self, z: u8) -> u8 {
        match self {
            Self::WebMercatorQuad | Self::Vn2000(_) => z,
            Self::WorldCrs84Quad => z.saturating_add(1),
        }
    }

    /// How many zooms of WebMercatorQuad lie above this grid's zoom 0.
    fn finer_by(self) -> u8 {
        match self {
            Self::WebMercatorQuad => 0,
            Self::WorldCrs84Quad => 1,
            Self::Vn2000(_) => 4,
        }
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebMercatorQuad => f.write_str("WebMercatorQuad"),
            Self::WorldCrs84Quad => f.write_str("WorldCRS84Quad"),
            Self::Vn2000(zone) => write!(f, "VN2000_{}", zone.epsg()),
        }
    }
}

#[cfg(test)]
mod tests;
