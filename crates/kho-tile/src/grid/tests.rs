//! Grids: that neighbours agree, that projections are what they say, that nothing comes from
//! outside.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use proptest::prelude::*;

fn khanh_hoa() -> Grid {
    Grid::Vn2000(Vn2000Grid::of(9217).unwrap())
}

fn grids() -> impl Strategy<Value = Grid> {
    prop_oneof![Just(Grid::WebMercatorQuad), Just(Grid::WorldCrs84Quad), Just(khanh_hoa())]
}

/// World units of a point that must lie in the grid.
fn inside(grid: Grid, lon: f64, lat: f64) -> Result<[u32; 2], TestCaseError> {
    match grid.projector().place(lon, lat) {
        Place::In(w) => Ok(w),
        other => Err(TestCaseError::fail(format!("{lon} {lat} in {grid} is {other:?}"))),
    }
}

/// A point in units of the grid's CRS, from its world units.
fn in_crs(grid: Grid, w: [u32; 2]) -> [f64; 2] {
    let unit = grid.matrix(0).map_or(0.0, |m| m.cell_size * 256.0 * f64::from(m.columns)) / WORLD;
    let [x, y] = grid.origin();
    [x + f64::from(w[0]) * unit, y - f64::from(w[1]) * unit]
}

#[test]
fn the_corners_of_the_world() {
    let mercator = Grid::WebMercatorQuad.projector();
    assert_eq!(mercator.place(-180.0, 90.0), Place::Edge([0, 0]));
    assert_eq!(mercator.place(0.0, 0.0), Place::In([1 << 31, 1 << 31]));
    assert_eq!(mercator.place(180.0, -90.0), Place::Edge([u32::MAX, u32::MAX]));
    let degrees = Grid::WorldCrs84Quad.projector();
    assert_eq!(degrees.place(-180.0, 90.0), Place::In([0, 0]));
    assert_eq!(degrees.place(180.0, -90.0), Place::In([u32::MAX, 1 << 31]));
    assert_eq!(degrees.place(0.0, 91.0), Place::Edge([1 << 31, 0]));
    let vn = khanh_hoa().projector();
    for (lon, lat) in [(108.25, 5.0), (108.25, 25.0), (97.0, 12.0), (120.0, 12.0), (-71.0, 12.0)] {
        assert_eq!(vn.place(lon, lat), Place::Out, "{lon} {lat}");
    }
}

#[test]
fn there_are_no_tiles_outside() {
    let frame = |grid, (z, x, y)| TileFrame::new(grid, z, x, y, 64);
    for tile in [(3, 7, 7), (0, 0, 0), (22, (1 << 22) - 1, 0)] {
        assert!(frame(Grid::WebMercatorQuad, tile).is_ok(), "{tile:?}");
    }
    for tile in [(3, 8, 0), (3, 0, 8), (23, 0, 0), (0, 1, 0), (22, u32::MAX, 0)] {
        assert!(frame(Grid::WebMercatorQuad, tile).is_err(), "{tile:?}");
    }
    for tile in [(0, 1, 0), (3, 15, 7), (21, (1 << 22) - 1, (1 << 21) - 1)] {
        assert!(frame(Grid::WorldCrs84Quad, tile).is_ok(), "{tile:?}");
    }
    for tile in [(0, 2, 0), (0, 0, 1), (3, 0, 8), (22, 0, 0), (255, 0, 0)] {
        assert!(frame(Grid::WorldCrs84Quad, tile).is_err(), "{tile:?}");
    }
    assert!(frame(khanh_hoa(), (18, (1 << 18) - 1, 0)).is_ok());
    assert!(frame(khanh_hoa(), (19, 0, 0)).is_err());
    assert_eq!(Vn2000Grid::of(6956), None);
}

#[test]
fn scales_are_those_of_the_registry() {
    // OGC's registry, WebMercatorQuad.json and WorldCRS84Quad.json: zoom, denominator, cell.
    for (grid, z, scale, cell) in [
        (Grid::WebMercatorQuad, 0, 559_082_264.028_717, 156_543.033_928_041),
        (Grid::WebMercatorQuad, 16, 8_530.918_335_399_13, 2.388_657_133_911_75),
        (Grid::WorldCrs84Quad, 0, 279_541_132.014_358, 0.703_125),
        (Grid::WorldCrs84Quad, 17, 2_132.729_583_849_78, 0.000_005_364_418_029_785),
        (khanh_hoa(), 0, 8192.0 / 0.000_28, 8192.0),
        (khanh_hoa(), 13, 1.0 / 0.000_28, 1.0),
    ] {
        let m = grid.matrix(z).unwrap();
        assert!((m.scale_denominator / scale - 1.0).abs() < 1e-13, "{grid} {z}: {m:?}");
        assert!((m.cell_size / cell - 1.0).abs() < 1e-12, "{grid} {z}: {m:?}");
    }
    let m = Grid::WorldCrs84Quad.matrix(2).unwrap();
    assert_eq!((m.columns, m.rows), (8, 4));
    assert_eq!(khanh_hoa().origin(), [-548_576.0, 2_700_000.0]);
    assert_eq!((khanh_hoa().id(), khanh_hoa().uri()), ("VN2000_9217".to_owned(), None));
}

#[test]
fn zooms_mean_the_same_detail() {
    let parcel = ZoomRange { min: 13, max: 16 };
    assert_eq!(Grid::WebMercatorQuad.zooms(parcel), (13, 16));
    assert_eq!(Grid::WorldCrs84Quad.zooms(parcel), (12, 15));
    assert_eq!(khanh_hoa().zooms(parcel), (9, 12));
    assert_eq!(khanh_hoa().zooms(ZoomRange { min: 0, max: 22 }), (0, 18));
    for grid in [Grid::WebMercatorQuad, Grid::WorldCrs84Quad, khanh_hoa()] {
        let there = Grid::WebMercatorQuad.matrix(grid.mercator_zoom(0)).unwrap().scale_denominator;
        let here = grid.matrix(0).unwrap().scale_denominator;
        assert!((here / there).log2().abs() <= 0.5, "{grid}: {here} {there}");
    }
}

#[test]
fn the_check_point_of_khanh_hoa_is_where_it_should_be() {
    // Computed with PROJ: 109.1967, 12.2388 is EPSG:9217 602805.660, 1353660.028.
    let w = inside(khanh_hoa(), 109.1967, 12.2388).unwrap();
    let [east, north] = in_crs(khanh_hoa(), w);
    // Half a world unit and half a digit.
    assert!((east - 602_805.660).abs() < 0.001 && (north - 1_353_660.028).abs() < 0.001, "{east} {north}");
}

proptest! {
    #[test]
    fn neighbours_agree_where_a_point_is(
        grid in grids(), lon in 108.5..110.0f64, lat in 12.0..12.5f64, z in 10u8..=18,
    ) {
        let w = inside(grid, lon, lat)?;
        let shift = 32 - u32::from(grid.square_zoom(z));
        let (x, y) = (w[0] >> shift, w[1] >> shift);
        let here = TileFrame::new(grid, z, x, y, 64)?.snap(w);
        let beside = TileFrame::new(grid, z, x + 1, y - 1, 64)?.snap(w);
        prop_assert_eq!(here, [beside[0] + 4096, beside[1] - 4096]);
        prop_assert!(here.iter().all(|v| (0..=4096).contains(v)));
    }

    #[test]
    fn the_window_is_what_snaps_into_the_tile(z in 8u8..=22, dx in -40i64..40, far in any::<bool>()) {
        // World units around the edge of the buffer, on the near side or on the far one.
        let (x, y) = ((1u32 << z) / 2, (1u32 << z) / 3);
        let frame = TileFrame::new(Grid::WebMercatorQuad, z, x, y, 64)?;
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
    fn mercator_is_as_exact_as_the_formula(lon in -179.9..179.9f64, lat in -85.0..85.0f64) {
        let [x, y] = inside(Grid::WebMercatorQuad, lon, lat)?.map(|v| f64::from(v) / WORLD);
        let ym = 0.5 - lat.to_radians().tan().asinh() / (2.0 * PI);
        prop_assert!((x - (lon / 360.0 + 0.5)).abs() < 2e-10);
        prop_assert!((y - ym).abs() < 2e-10);
    }

    #[test]
    fn degrees_stay_degrees(lon in -180.0..179.9f64, lat in -90.0..90.0f64) {
        let [x, y] = in_crs(Grid::WorldCrs84Quad, inside(Grid::WorldCrs84Quad, lon, lat)?);
        // Half a world unit.
        prop_assert!((x - lon).abs() < 4.3e-8 && (y - lat).abs() < 4.3e-8);
    }

    /// By the inverse projection, which is another series and is held to PROJ.
    #[test]
    fn a_zone_is_as_exact_as_the_formula(lon in 99.5..117.0f64, lat in 6.0..24.0f64) {
        let plane = kho_crs::Zone::of(9217).map(kho_crs::Zone::plane);
        let [east, north] = in_crs(khanh_hoa(), inside(khanh_hoa(), lon, lat)?);
        let back = plane.and_then(|p| p.unproject(east, north));
        // A world unit is 0.49 mm; there and back the datum's shift drops a height, for some millimetres.
        prop_assert!(
            back.is_some_and(|[l, b]| (l - lon).abs() < 5e-8 && (b - lat).abs() < 5e-8),
            "{back:?} for {lon} {lat}"
        );
    }

    /// The box of row groups: no point of it may be missed in any grid.
    #[test]
    fn a_box_holds_its_points(
        grid in grids(),
        west in 100.0..116.0f64, south in 5.0..24.0f64, width in 0.0..8.0f64, height in 0.0..6.0f64,
        across in 0.0..=1.0f64, up in 0.0..=1.0f64,
    ) {
        let bounds = [west, south, west + width, south + height];
        let b = grid.projector().project_box(bounds);
        if let Place::In([x, y]) = grid.projector().place(west + across * width, south + up * height) {
            prop_assert!((b[0]..=b[2]).contains(&x) && (b[1]..=b[3]).contains(&y), "{:?} {} {}", b, x, y);
            let z = 9;
            let range = grid.tiles(z, bounds).ok_or_else(|| TestCaseError::fail("a zoom"))?;
            let shift = 32 - u32::from(grid.square_zoom(z));
            prop_assert!((range.min_column..=range.max_column).contains(&(x >> shift)));
            prop_assert!((range.min_row..=range.max_row).contains(&(y >> shift)));
        }
    }

    #[test]
    fn what_is_outside_is_never_inside(lon in -180.0..180.0f64, lat in -89.9..89.9f64) {
        let place = khanh_hoa().projector().place(lon, lat);
        // Well inside the square, and well outside.
        if (100.0..116.5).contains(&lon) && (6.0..24.0).contains(&lat) {
            prop_assert!(matches!(place, Place::In(_)), "{:?}", place);
        }
        if !(97.0..120.0).contains(&lon) || !(5.0..25.5).contains(&lat) {
            prop_assert_eq!(place, Place::Out);
        }
    }
}
