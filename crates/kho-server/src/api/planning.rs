//! What is planned on a parcel: zones with square metres and shares, by project.
//!
//! Areas are computed in the plane of the city's VN-2000 zone, as the cadastre does. The answer is
//! information, not a certificate, and says so; that nothing was found does not mean that nothing
//! is planned.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use geo::{Area, BooleanOps, BoundingRect};
use geo_types::{Geometry, MultiPolygon};
use kho_layer::{City, GEOMETRY, Text};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::filter::{Filter, Span, today};
use crate::data::geojson::{id, value};
use crate::data::index;
use crate::data::rows::page;
use crate::data::shape;
use crate::data::vn2000::Zone;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::Segments;
use crate::http::problem::Problem;

/// Overlaps smaller than this, m², are the noise of two digitisations of one border.
const NOISE_M2: f64 = 0.05;
/// The most zones and projects that are looked at around one parcel.
const AROUND: usize = 10_000;

pub(super) async fn planning(
    State(app): State<App>,
    at: At,
    Segments(parcel_id): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layer = at.catalogue.require("land_parcel")?;
    let parcel = index::feature(&app, layer, index::id(&parcel_id)?).await?;
    let area = areas(&parcel, 0).ok_or_else(|| {
        Problem::not_found("This parcel has no area on the map, so no plan can be laid over it.")
    })?;
    let around = area.bounding_rect().map(|r| [r.min().x, r.min().y, r.max().x, r.max().y]);
    // Plans change by the day, and a pinned answer must not: it is about the day of its snapshot.
    let day = match at.catalogue.committed.filter(|_| at.pinned) {
        Some(committed) => crate::data::filter::day(committed.date_naive()),
        None => today(),
    };
    let filter = Filter { window: around, valid: Some(Span::on(day)), passing: None };
    let near = |name: &'static str| {
        let (app, layer, filter) = (app.clone(), at.catalogue.layer(name).cloned(), filter.clone());
        async move {
            match layer {
                Some(layer) => Ok::<_, Problem>(page(&app.lake, &layer, filter, None, AROUND).await?.batches),
                None => Ok(Vec::new()),
            }
        }
    };
    let (zones, projects) = futures::try_join!(near("planning_zone"), near("planning_project"))?;
    let city = Arc::clone(&app.city);
    let report =
        tokio::task::spawn_blocking(move || Overlay::new(&city, area).report(&city, &zones, &projects))
            .await?;
    let mut body = json!({
        "parcel": properties(layer, &parcel),
        "snapshot": at.snapshot(),
        "data_date": data_date(&at),
        "notice": notice(),
        "srid": app.city.config.srid,
    });
    if let (Value::Object(body), Value::Object(report)) = (&mut body, report) {
        body.extend(report);
    }
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

/// The parcel's own facts, with its id.
fn properties(layer: &Published, parcel: &RecordBatch) -> Value {
    let mut facts = Map::new();
    facts.insert("id".into(), json!(id(parcel, 0)));
    facts.extend(layer.grant.columns().map(|c| (c.name.clone(), value(parcel, &c.name, 0))));
    Value::Object(facts)
}

/// The day of the oldest planning data in the answer: it is no fresher than that.
fn data_date(at: &At) -> Option<String> {
    let delivered = ["planning_zone", "planning_project"]
        .into_iter()
        .filter_map(|name| at.catalogue.layer(name)?.delivered);
    delivered.min().or(at.catalogue.committed).map(|day| day.date_naive().to_string())
}

fn notice() -> Text {
    Text::new(
        "Thông tin tra cứu từ dữ liệu đã công bố, chỉ để tham khảo, không thay thế văn bản xác nhận của cơ quan có thẩm quyền. \
         Không tìm thấy quy hoạch không có nghĩa là thửa đất không bị hạn chế.",
        "Information from published data, for reference only; it does not replace a certificate of the competent authority. \
         That no plan was found does not mean that the parcel is free of restrictions.",
    )
}

/// The polygons of a row.
fn areas(batch: &RecordBatch, row: usize) -> Option<MultiPolygon<f64>> {
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

/// A parcel in the plane.
struct Overlay {
    zone: Zone,
    parcel: MultiPolygon<f64>,
    area_m2: f64,
}

impl Overlay {
    fn new(city: &City, parcel: MultiPolygon<f64>) -> Self {
        let zone = Zone::of(city.config.srid).unwrap_or_else(|| Zone::near(city.config.center[0]));
        let parcel = zone.plane(&parcel);
        let area_m2 = parcel.unsigned_area();
        Self { zone, parcel, area_m2 }
    }

    /// How much of the parcel a feature covers, m²; `None` for noise.
    fn covered(&self, batch: &RecordBatch, row: usize) -> Option<f64> {
        let area = self.parcel.intersection(&self.zone.plane(&areas(batch, row)?)).unsigned_area();
        // A parcel smaller than the noise still has its plan.
        (area > NOISE_M2.min(self.area_m2 / 2.0)).then_some(area)
    }

    fn share(&self, area: f64) -> f64 {
        if self.area_m2 > 0.0 { round(area / self.area_m2, 1e6).min(1.0) } else { 0.0 }
    }

    fn report(&self, city: &City, zones: &[RecordBatch], projects: &[RecordBatch]) -> Value {
        let mut by_project: BTreeMap<String, Project> = BTreeMap::new();
        for batch in zones {
            for row in 0..batch.num_rows() {
                if let Some(area) = self.covered(batch, row) {
                    let code = text(batch, "ma_ho_so", row);
                    by_project.entry(code).or_default().zones.push((area, self.zone(city, batch, row, area)));
                }
            }
        }
        for batch in projects {
            for row in 0..batch.num_rows() {
                let code = text(batch, "ma_ho_so", row);
                let covered = self.covered(batch, row);
                if covered.is_some() || by_project.contains_key(&code) {
                    let project = by_project.entry(code).or_default();
                    project.facts = Some(facts(batch, row));
                    project.covered = covered;
                }
            }
        }
        let mut projects: Vec<(String, Project)> = by_project.into_iter().collect();
        // The most detailed plan first, of two alike the newer one.
        projects
            .sort_by_key(|(_, project)| (project.rank(), std::cmp::Reverse(project.fact("decision_date"))));
        json!({
            "area_m2": round(self.area_m2, 100.0),
            "no_planning_found": projects.is_empty(),
            "projects": projects.into_iter().map(|(code, project)| self.project(code, project)).collect::<Vec<_>>(),
        })
    }

    fn zone(&self, city: &City, batch: &RecordBatch, row: usize, area: f64) -> Value {
        let function = text(batch, "chuc_nang", row);
        let list = city
            .layer("planning_zone")
            .and_then(|l| l.column("chuc_nang"))
            .and_then(|c| c.code_list.as_ref());
        let entry = list.and_then(|list| city.code_list(list)).and_then(|list| list.entry(&function));
        json!({
            "id": id(batch, row),
            "function": function,
            "title": entry.map(|e| e.title.clone()),
            "color": entry.and_then(|e| e.color.clone()),
            "symbol": value(batch, "ky_hieu", row),
            "max_floors": value(batch, "tang_cao_max", row),
            "density": value(batch, "mat_do_xd", row),
            "floor_area_ratio": value(batch, "he_so_sdd", row),
            "area_m2": round(area, 100.0),
            "share": self.share(area),
        })
    }

    fn project(&self, code: String, project: Project) -> Value {
        let mut zones = project.zones;
        zones.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut body =
            json!({"code": code, "name": null, "level": null, "decision": null, "decision_date": null});
        if let (Value::Object(body), Some(facts)) = (&mut body, project.facts) {
            body.extend(facts);
        }
        body["area_m2"] = json!(project.covered.map(|area| round(area, 100.0)));
        body["share"] = json!(project.covered.map(|area| self.share(area)));
        body["zones"] = zones.into_iter().map(|(_, zone)| zone).collect();
        body
    }
}

/// What is known of a project that touches the parcel.
#[derive(Default)]
struct Project {
    facts: Option<Map<String, Value>>,
    covered: Option<f64>,
    zones: Vec<(f64, Value)>,
}

impl Project {
    fn fact(&self, name: &str) -> String {
        let fact = self.facts.as_ref().and_then(|facts| facts.get(name)).and_then(Value::as_str);
        fact.unwrap_or_default().to_owned()
    }

    /// Detailed, then subdivision, then general plans.
    fn rank(&self) -> u8 {
        match self.fact("level").as_str() {
            "QCT" => 0,
            "QPK" => 1,
            "QHC" => 2,
            _ => 3,
        }
    }
}

fn facts(batch: &RecordBatch, row: usize) -> Map<String, Value> {
    [
        ("id", json!(id(batch, row))),
        ("name", value(batch, "ten", row)),
        ("level", value(batch, "cap_do", row)),
        ("decision", value(batch, "so_quyet_dinh", row)),
        ("decision_date", value(batch, "ngay_quyet_dinh", row)),
        ("authority", value(batch, "co_quan", row)),
        ("status", value(batch, "trang_thai", row)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn text(batch: &RecordBatch, column: &str, row: usize) -> String {
    value(batch, column, row).as_str().unwrap_or_default().to_owned()
}

fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, BinaryArray, Int64Array, StringArray};
    use geo_types::polygon;
    use kho_layer::StandardModel;

    fn square(x: f64, y: f64, w: f64, h: f64) -> MultiPolygon<f64> {
        polygon![(x: x, y: y), (x: x + w, y: y), (x: x + w, y: y + h), (x: x, y: y + h)].into()
    }

    fn wkb(area: &MultiPolygon<f64>) -> Vec<u8> {
        let mut out = Vec::new();
        wkb::writer::write_geometry(&mut out, area, &wkb::writer::WriteOptions::default()).unwrap();
        out
    }

    fn batch(rows: &[(i64, &str, MultiPolygon<f64>)], column: &str, values: &[&str]) -> RecordBatch {
        RecordBatch::try_from_iter::<_, &str>([
            ("kho_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0))) as ArrayRef),
            ("ma_ho_so", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1)))),
            (column, Arc::new(StringArray::from(values.to_vec()))),
            ("geometry", Arc::new(BinaryArray::from_iter_values(rows.iter().map(|r| wkb(&r.2))))),
        ])
        .unwrap()
    }

    #[test]
    fn a_parcel_across_zones_gets_all_of_them_with_their_shares() {
        let city = StandardModel::load().unwrap();
        let (x, y, d) = (109.19, 12.24, 0.0002);
        let zones = batch(
            &[
                (1, "A", square(x - d, y - d, d + d / 4.0, 3.0 * d)),
                (2, "A", square(x + d / 4.0, y - d, d * 2.0, 3.0 * d)),
                (3, "B", square(x - d, y - d, 3.0 * d, 3.0 * d)),
                // Touches along the border only.
                (4, "C", square(x + d, y, d, d)),
            ],
            "chuc_nang",
            &["ODT", "CX", "DGT", "X"],
        );
        let projects = batch(
            &[
                (10, "B", square(x - d, y - d, 3.0 * d, 3.0 * d)),
                (11, "D", square(x, y, d, d)),
                (12, "E", square(x + 1.0, y, d, d)),
            ],
            "cap_do",
            &["QHC", "QCT", "QPK"],
        );
        let report = Overlay::new(&city, square(x, y, d, d)).report(&city, &[zones], &[projects]);
        let codes: Vec<_> =
            report["projects"].as_array().unwrap().iter().map(|p| p["code"].as_str().unwrap()).collect();
        // The detailed plan, the general plan, then the one that nothing is known of.
        assert_eq!(codes, ["D", "B", "A"]);
        let zones = report["projects"][2]["zones"].as_array().unwrap();
        let shares: Vec<f64> = zones.iter().map(|z| z["share"].as_f64().unwrap()).collect();
        assert_eq!(zones[0]["id"], 2);
        assert!((shares[0] - 0.75).abs() < 1e-4 && (shares[1] - 0.25).abs() < 1e-4, "{shares:?}");
        let area = report["area_m2"].as_f64().unwrap();
        assert!((area - 21.77 * 22.12).abs() < 1.0, "{area}");
        assert_eq!(report["no_planning_found"], false);
        assert_eq!(report["projects"][0]["share"], 1.0);
        assert_eq!(report["projects"][0]["zones"], json!([]));
    }

    #[test]
    fn nothing_found_is_said() {
        let city = StandardModel::load().unwrap();
        let report = Overlay::new(&city, square(109.19, 12.24, 0.0001, 0.0001)).report(&city, &[], &[]);
        assert_eq!(report["no_planning_found"], true);
    }
}
