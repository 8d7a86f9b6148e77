//! The file of features that were set aside, for the city's own people to mend.

use crate::IngestError;
use crate::column::json_value;
use crate::geometry::Shapes;
use arrow::array::RecordBatch;
use kho_layer::GeometryKind;
use serde_json::{Map, Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where a feature was delivered.
pub(crate) struct Place<'a> {
    /// The name of the source.
    pub source: &'a str,
    /// The feature's number in it, from 1.
    pub feature: u64,
}

/// One feature as a line of GeoJSON with all its delivered attributes. Its geometry is in CRS84,
/// or null where it could not be brought there.
pub(crate) fn line(
    place: &Place<'_>,
    source: &RecordBatch,
    geometry: usize,
    row: usize,
    reasons: &[String],
    shapes: &Shapes,
) -> Vec<u8> {
    let schema = source.schema();
    let properties: Map<String, Value> = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != geometry)
        .map(|(i, f)| (f.name().clone(), json_value(source.column(i), row)))
        .collect();
    let feature = json!({
        "type": "Feature",
        "properties": properties,
        "geometry": geojson(shapes, row),
        "kho": { "source": place.source, "feature": place.feature, "reasons": reasons },
    });
    let mut line = feature.to_string().into_bytes();
    line.push(b'\n');
    line
}

fn geojson(shapes: &Shapes, shape: usize) -> Value {
    let Ok(head) = shapes.head(shape) else {
        return Value::Null;
    };
    let span = shapes.span(shape);
    let finite = |v: &[f64]| v.iter().all(|v| v.is_finite());
    if !finite(&shapes.x[span.clone()]) || !finite(&shapes.y[span]) {
        return Value::Null;
    }
    let ring = |r: usize| -> Vec<[f64; 2]> { shapes.coords(r).map(|i| [shapes.x[i], shapes.y[i]]).collect() };
    let part = |p: usize| -> Value {
        let rings = shapes.rings(p);
        match head.kind {
            GeometryKind::Point => json!(ring(rings.start).first()),
            GeometryKind::Line => json!(ring(rings.start)),
            GeometryKind::Polygon => json!(rings.map(ring).collect::<Vec<_>>()),
        }
    };
    let single = match head.kind {
        GeometryKind::Point => "Point",
        GeometryKind::Line => "LineString",
        GeometryKind::Polygon => "Polygon",
    };
    let parts = shapes.parts(shape);
    if head.multi {
        let all: Vec<Value> = parts.map(part).collect();
        json!({ "type": format!("Multi{single}"), "coordinates": all })
    } else {
        json!({ "type": single, "coordinates": part(parts.start) })
    }
}

/// Writes the file when there is something to write.
pub(crate) struct Quarantine {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

impl Quarantine {
    pub(crate) fn new(path: Option<&Path>) -> Self {
        Self { path: path.map(Path::to_owned), file: None }
    }

    pub(crate) fn wanted(&self) -> bool {
        self.path.is_some()
    }

    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<(), IngestError> {
        let Some(path) = &self.path else { return Ok(()) };
        if lines.is_empty() {
            return Ok(());
        }
        let io = |source| IngestError::Io { path: path.clone(), source };
        if self.file.is_none() {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(io)?;
            }
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path)
                .map_err(io)?;
            // A file that was there before keeps its mode otherwise.
            file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(io)?;
            self.file = Some(BufWriter::new(file));
        }
        match &mut self.file {
            Some(file) => file.write_all(lines).map_err(io),
            None => Ok(()),
        }
    }

    pub(crate) fn finish(mut self) -> Result<(), IngestError> {
        match (self.file.take(), self.path) {
            (Some(mut file), Some(path)) => file.flush().map_err(|source| IngestError::Io { path, source }),
            _ => Ok(()),
        }
    }
}
