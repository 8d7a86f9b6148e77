//! A parcel laid over the plans, in the plane of the city's VN-2000 zone: square metres as the cadastre
//! computes them.

use arrow::array::{Array, AsArray, RecordBatch};
use geo::algorithm::buffer::Buffer;
use geo::{Area, BooleanOps, BoundingRect, GeodesicArea, MapCoords, unary_union};
use geo_types::{Coord, Geometry, MultiLineString, MultiPolygon};
use kho_crs::{Plane, Zone};
use kho_lake::Bounds;
use kho_layer::GEOMETRY;

use super::answer::{Part, Plan, Road};
use super::plans::{Feature, Plans};
use crate::data::filter::{Day, date};
use crate::data::geojson::id;
use crate::data::shape;

/// Overlaps smaller than this, m², are the noise of two digitisations of one border.
pub(super) const NOISE_M2: f64 = 0.05;

/// A parcel in the plane.
pub(super) struct Overlay {
    plane: Plane,
    /// Metres: east, north.
    pub(super) parcel: MultiPolygon<f64>,
    /// The parcel, CRS84.
    pub(super) place: MultiPolygon<f64>,
    /// m² in the plane.
    pub(super) area: f64,
}

/// What planned roads take of a parcel.
#[derive(Default)]
pub(super) struct Roads {
    /// Each that takes something.
    pub(super) each: Vec<Road>,
    /// m² within any right of way.
    pub(super) lost: f64,
    /// m² within a setback and no right of way.
    pub(super) setback: f64,
    /// How many near roads say no width.
    pub(super) without_width: usize,
}

/// The plane of a city: its own zone, or the nearest if it names none.
pub(super) fn plane(srid: u32, lon: f64) -> Plane {
    Zone::of(srid).unwrap_or_else(|| Zone::near(lon)).plane()
}

impl Overlay {
    /// The parcel of a row; `None` if it has no area on the map.
    pub(super) fn new(plane: Plane, batch: &RecordBatch, row: usize) -> Option<Self> {
        let place = areas(batch, row)?;
        let parcel = project(&plane, &place)?;
        let area = parcel.unsigned_area();
        (area > 0.0).then_some(Self { plane, parcel, place, area })
    }

    /// The box around it, CRS84.
    pub(super) fn bounds(&self) -> Option<Bounds> {
        self.place.bounding_rect().map(|r| [r.min().x, r.min().y, r.max().x, r.max().y])
    }

    /// Its area on the ellipsoid, m².
    pub(super) fn ellipsoid_area(&self) -> f64 {
        self.place.geodesic_area_unsigned()
    }

    /// What a polygon covers of the parcel; `None` for noise.
    fn covered(&self, feature: &Feature<'_>) -> Option<MultiPolygon<f64>> {
        let other = project(&self.plane, &areas(feature.batch, feature.row)?)?;
        let part = self.parcel.intersection(&other);
        // A parcel smaller than the noise still has its plan.
        (part.unsigned_area() > NOISE_M2.min(self.area / 2.0)).then_some(part)
    }

    /// The plans that cover some of the parcel on a day, the most detailed first, of two alike the
    /// newer one; with each the zones it puts there, largest first.
    pub(super) fn plans(&self, plans: &Plans, day: Day) -> Vec<Plan> {
        let Some(window) = self.bounds() else { return Vec::new() };
        let mut found: Vec<Plan> = Vec::new();
        let mut pieces: Vec<Vec<MultiPolygon<f64>>> = Vec::new();
        let slot = |found: &mut Vec<Plan>, pieces: &mut Vec<Vec<MultiPolygon<f64>>>, code: String| match found
            .iter()
            .position(|plan| plan.code == code)
        {
            Some(at) => at,
            None => {
                found.push(Plan { code, ..Plan::default() });
                pieces.push(Vec::new());
                found.len() - 1
            }
        };
        for zone in plans.zones.iter().flat_map(|f| f.around(&window, day)) {
            let Some(part) = self.covered(&zone) else { continue };
            let at = slot(&mut found, &mut pieces, zone.text("ma_ho_so").unwrap_or_default());
            let area = part.unsigned_area();
            found[at].zones.push(Part {
                id: id(zone.batch, zone.row).unwrap_or_default(),
                symbol: zone.text("ky_hieu"),
                function: zone.text("chuc_nang"),
                max_floors: zone.number("tang_cao_max"),
                density: zone.number("mat_do_xd"),
                floor_area_ratio: zone.number("he_so_sdd"),
                area_m2: tenth(area),
                share: self.share(area),
            });
            pieces[at].push(part);
        }
        for project in plans.projects.iter().flat_map(|f| f.around(&window, day)) {
            let code = project.text("ma_ho_so").unwrap_or_default();
            let part = self.covered(&project);
            if part.is_none() && !found.iter().any(|plan| plan.code == code) {
                continue;
            }
            let at = slot(&mut found, &mut pieces, code);
            let plan = &mut found[at];
            plan.name = project.text("ten");
            plan.level = project.text("cap_do");
            plan.decision = project.text("so_quyet_dinh");
            plan.decision_date = project.date("ngay_quyet_dinh").and_then(date).map(|d| d.to_string());
            plan.authority = project.text("co_quan");
            plan.status = project.text("trang_thai");
            if let Some(area) = part.map(|p| p.unsigned_area()) {
                plan.area_m2 = Some(tenth(area));
                plan.share = Some(self.share(area));
            }
        }
        for (plan, pieces) in found.iter_mut().zip(&pieces) {
            plan.zones.sort_by(|a, b| b.area_m2.total_cmp(&a.area_m2).then(a.id.cmp(&b.id)));
            let sum: f64 = pieces.iter().map(Area::unsigned_area).sum();
            let union = match pieces.as_slice() {
                [] => 0.0,
                [one] => one.unsigned_area(),
                many => unary_union(many.iter()).unsigned_area(),
            };
            plan.without_zone_m2 = tenth(more_than_noise(self.area - union));
            plan.overlapping_m2 = tenth(more_than_noise(sum - union));
        }
        found.sort_by(|a, b| a.order().cmp(&b.order()));
        found
    }

    /// What planned roads take: half of the right of way to either side of the centre line, and the
    /// setback beyond.
    pub(super) fn roads(&self, plans: &Plans, day: Day) -> Roads {
        let (mut roads, mut ways, mut strips) = (Roads::default(), Vec::new(), Vec::new());
        let Some(window) = self.bounds() else { return roads };
        for road in plans.roads.iter().flat_map(|f| f.around(&window, day)) {
            let Some(line) = self.line(&road) else { continue };
            let width = |column| road.number(column).filter(|w| *w > 0.0);
            let Some(right_of_way) = width("lo_gioi") else {
                roads.without_width += 1;
                continue;
            };
            let setback = width("khoang_lui");
            let way = self.parcel.intersection(&line.buffer(right_of_way / 2.0));
            let strip = match setback {
                Some(setback) => {
                    self.parcel.intersection(&line.buffer(right_of_way / 2.0 + setback)).difference(&way)
                }
                None => MultiPolygon::new(Vec::new()),
            };
            let (lost, kept_free) = (way.unsigned_area(), strip.unsigned_area());
            if lost.max(kept_free) <= NOISE_M2 {
                continue;
            }
            roads.each.push(Road {
                id: id(road.batch, road.row).unwrap_or_default(),
                plan: road.text("ma_ho_so"),
                name: road.text("ten"),
                right_of_way_m: right_of_way,
                setback_m: setback,
                area_m2: tenth(lost),
                setback_m2: tenth(kept_free),
            });
            ways.push(way);
            strips.push(strip);
        }
        // A corner plot must not lose the crossing twice.
        let ways = unary_union(ways.iter());
        roads.lost = ways.unsigned_area();
        roads.setback = unary_union(strips.iter()).difference(&ways).unsigned_area();
        roads.each.sort_by(|a, b| b.area_m2.total_cmp(&a.area_m2).then(a.id.cmp(&b.id)));
        roads
    }

    fn line(&self, road: &Feature<'_>) -> Option<MultiLineString<f64>> {
        let line = match shape::geometry(road.shape()?)? {
            Geometry::LineString(line) => MultiLineString::new(vec![line]),
            Geometry::MultiLineString(lines) => lines,
            _ => return None,
        };
        line.try_map_coords(|c| to_plane(&self.plane, c)).ok()
    }

    fn share(&self, area: f64) -> f64 {
        ((area / self.area * 1e6).round() / 1e6).min(1.0)
    }
}

/// Square metres to the tenth, as an answer gives them.
pub(super) fn tenth(area: f64) -> f64 {
    // Adding zero makes -0.0 plain.
    (area * 10.0).round() / 10.0 + 0.0
}

fn more_than_noise(area: f64) -> f64 {
    if area > NOISE_M2 { area } else { 0.0 }
}

/// The polygons of a row, CRS84.
pub(super) fn areas(batch: &RecordBatch, row: usize) -> Option<MultiPolygon<f64>> {
    let shapes = batch.column_by_name(GEOMETRY)?.as_binary_opt::<i32>()?;
    if shapes.is_null(row) {
        return None;
    }
    match shape::geometry(shapes.value(row))? {
        Geometry::Polygon(polygon) => Some(polygon.into()),
        Geometry::MultiPolygon(polygons) => Some(polygons),
        _ => None,
    }
}

fn project(plane: &Plane, areas: &MultiPolygon<f64>) -> Option<MultiPolygon<f64>> {
    areas.try_map_coords(|c| to_plane(plane, c)).ok()
}

fn to_plane(plane: &Plane, c: Coord<f64>) -> Result<Coord<f64>, ()> {
    plane.project(c.x, c.y).map(|[x, y]| Coord { x, y }).ok_or(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::plans::Features;
    use super::*;
    use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, StringArray};
    use geo_types::{LineString, polygon};
    use kho_layer::{City, StandardModel};

    const X: f64 = 109.19;
    const Y: f64 = 12.24;
    const D: f64 = 0.0002;

    fn city() -> City {
        StandardModel::load().unwrap()
    }

    fn square(x: f64, y: f64, w: f64, h: f64) -> Geometry<f64> {
        polygon![(x: x, y: y), (x: x + w, y: y), (x: x + w, y: y + h), (x: x, y: y + h)].into()
    }

    fn batch(rows: &[(i64, &str, Geometry<f64>)], more: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let wkb = |shape: &Geometry<f64>| {
            let mut out = Vec::new();
            wkb::writer::write_geometry(&mut out, shape, &wkb::writer::WriteOptions::default()).unwrap();
            out
        };
        let own: Vec<(&str, ArrayRef)> = vec![
            ("kho_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0)))),
            ("ma_ho_so", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1)))),
            ("geometry", Arc::new(BinaryArray::from_iter_values(rows.iter().map(|r| wkb(&r.2))))),
        ];
        RecordBatch::try_from_iter(own.into_iter().chain(more)).unwrap()
    }

    fn features(layer: &str, batch: RecordBatch) -> Option<Features> {
        Some(Features::of(vec![batch], city().layer(layer).unwrap()).unwrap())
    }

    fn parcel() -> Overlay {
        let one = batch(&[(1, "", square(X, Y, D, D))], Vec::new());
        Overlay::new(plane(9217, X), &one, 0).unwrap()
    }

    fn texts(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn a_parcel_across_zones_gets_all_of_them_and_they_add_up() {
        let zones = [
            (1, "A", square(X - D, Y - D, D + D / 4.0, 3.0 * D)),
            (2, "A", square(X + D / 4.0, Y - D, D * 2.0, 3.0 * D)),
            (3, "B", square(X - D, Y - D, 3.0 * D, 1.5 * D)),
            // Touches along the border only.
            (4, "C", square(X + D, Y, D, D)),
            // Overlapping zones of one plan.
            (5, "F", square(X, Y, D, D)),
            (6, "F", square(X, Y, D / 2.0, D)),
        ];
        let projects = [
            (10, "B", square(X - D, Y - D, 3.0 * D, 3.0 * D)),
            (11, "D", square(X, Y, D, D)),
            (12, "E", square(X + 1.0, Y, D, D)),
        ];
        let functions = texts(&["ODT", "CX", "DGT", "X", "CX", "CX"]);
        let plans = Plans {
            zones: features("planning_zone", batch(&zones, vec![("chuc_nang", functions)])),
            projects: features(
                "planning_project",
                batch(&projects, vec![("cap_do", texts(&["QHC", "QCT", "QPK"]))]),
            ),
            roads: None,
        };
        let overlay = parcel();
        let found = overlay.plans(&plans, 0);
        let codes: Vec<&str> = found.iter().map(|p| p.code.as_str()).collect();
        // The detailed plan, the general plan, then those that nothing is known of.
        assert_eq!(codes, ["D", "B", "A", "F"]);
        let [d, b, a, f] = &found[..] else { panic!() };
        assert_eq!((d.share, d.zones.len()), (Some(1.0), 0));
        assert!((a.zones[0].share - 0.75).abs() < 1e-4 && (a.zones[1].share - 0.25).abs() < 1e-4, "{a:?}");
        assert_eq!((a.zones[0].id, a.without_zone_m2, a.overlapping_m2), (2, 0.0, 0.0));
        for plan in [b, a] {
            let sum: f64 = plan.zones.iter().map(|z| z.area_m2).sum::<f64>() + plan.without_zone_m2;
            assert!((sum - overlay.area).abs() <= 0.15, "{sum} {}", overlay.area);
        }
        assert!((b.without_zone_m2 - overlay.area / 2.0).abs() < 0.1);
        assert!((f.overlapping_m2 - overlay.area / 2.0).abs() < 0.1 && f.without_zone_m2 == 0.0);
        assert!((overlay.area - 21.77 * 22.12).abs() < 1.0, "{}", overlay.area);
        // The plane's scale is 0.9999 at the meridian and more away from it.
        assert!((overlay.ellipsoid_area() / overlay.area - 1.0).abs() < 3e-4);
    }

    #[test]
    fn planned_roads_take_half_their_width_and_the_setback_beyond() {
        // Along the west edge: 6 m of right of way to a side, and 3 m of setback.
        let line: Geometry<f64> = LineString::from(vec![(X, Y - D), (X, Y + 2.0 * D)]).into();
        let cross: Geometry<f64> = LineString::from(vec![(X - D, Y), (X + 2.0 * D, Y)]).into();
        let rows = [(1, "A", line.clone()), (2, "A", cross), (3, "A", line)];
        let widths: ArrayRef = Arc::new(Float64Array::from(vec![Some(12.0), Some(12.0), None]));
        let setbacks: ArrayRef = Arc::new(Float64Array::from(vec![Some(3.0), None, None]));
        let road = batch(&rows, vec![("lo_gioi", widths), ("khoang_lui", setbacks)]);
        let plans = Plans { zones: None, projects: None, roads: features("planning_road", road) };
        let overlay = parcel();
        let roads = overlay.roads(&plans, 0);
        let (w, h) = (21.77, 22.12);
        assert_eq!((roads.each.len(), roads.without_width), (2, 1));
        let one = roads.each.iter().find(|r| r.id == 1).unwrap();
        assert!((one.area_m2 - 6.0 * h).abs() < 0.5 && (one.setback_m2 - 3.0 * h).abs() < 0.5, "{one:?}");
        // The crossing counts once.
        assert!((roads.lost - (6.0 * h + 6.0 * w - 36.0)).abs() < 0.5, "{}", roads.lost);
        assert!((roads.setback - 3.0 * (h - 6.0)).abs() < 0.5, "{}", roads.setback);
    }

    #[test]
    fn areas_have_the_scale_of_the_zone() {
        // A hundredth of a degree square beside the meridian, against the ellipsoid's area
        // (1 203 846.6 m² at 12.24° N) times the square of the scale 0.9999.
        let (x, y, d) = (108.25, 12.24, 0.005);
        let square =
            polygon![(x: x - d, y: y - d), (x: x + d, y: y - d), (x: x + d, y: y + d), (x: x - d, y: y + d)];
        let area = project(&plane(9217, x), &square.clone().into()).unwrap().unsigned_area();
        use kho_crs::{EQUATORIAL_RADIUS as RADIUS, FLATTENING as F};
        let e2 = F * (2.0 - F);
        let w = 1.0 - e2 * y.to_radians().sin().powi(2);
        let side = (0.01_f64).to_radians();
        let true_area = RADIUS * RADIUS * (1.0 - e2) / (w * w) * y.to_radians().cos() * side * side;
        assert!((area / true_area - 0.9998).abs() < 1e-5, "{}", area / true_area);
        // The other side of the globe has no place in it.
        assert!(project(&plane(0, -70.0), &square.into()).is_none());
    }
}
