//! What the two kinds of archives have in common: a file that somebody may replace.

use super::source::VectorLayer;
use kho_layer::{SourceDef, ZoomRange};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::Metadata;
use xxhash_rust::xxh3::xxh3_64;

/// So many layers and fields of an archive's own description are believed.
const MOST: usize = 1000;

/// Which file it is, and in which state: two that are equal are taken for the same bytes.
pub(super) fn identity(file: &Metadata) -> u64 {
    #[cfg(unix)]
    let inode = {
        use std::os::unix::fs::MetadataExt;
        (file.dev(), file.ino())
    };
    #[cfg(not(unix))]
    let inode = (0u64, 0u64);
    let modified = file.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    xxh3_64(format!("{inode:?} {} {:?}", file.len(), modified.map(|at| at.as_nanos())).as_bytes())
}

/// The fingerprint of a file that its definition shows in its own way.
pub(super) fn fingerprint(file: u64, def: &SourceDef) -> u64 {
    xxh3_64(format!("{file} {:?} {}", def.zoom, def.max_tile_bytes).as_bytes())
}

/// The zooms that both the archive and the definition have.
pub(super) fn zooms((min, max): (u8, u8), def: &SourceDef) -> (u8, u8) {
    let wanted = def.zoom.unwrap_or(ZoomRange { min: 0, max: 22 });
    (min.max(wanted.min), max.min(wanted.max))
}

/// A box that can be one: west, south, east, north in degrees.
pub(super) fn bounds(all: [f64; 4]) -> Option<[f64; 4]> {
    let [west, south, east, north] = all;
    let inside = |v: f64, most: f64| v.is_finite() && v.abs() <= most;
    let possible = inside(west, 180.0) && inside(east, 180.0) && inside(south, 90.0) && inside(north, 90.0);
    (possible && west <= east && south <= north).then_some(all)
}

/// The list `vector_layers` of an archive's metadata.
pub(super) fn vector_layers(metadata: &Value) -> Vec<VectorLayer> {
    let layers = metadata["vector_layers"].as_array().into_iter().flatten().take(MOST);
    layers
        .filter_map(|layer| {
            let id = layer["id"].as_str()?.to_owned();
            let fields = layer["fields"].as_object().into_iter().flatten().take(MOST);
            let fields: BTreeMap<String, String> =
                fields.map(|(name, ty)| (name.clone(), ty.as_str().unwrap_or("String").to_owned())).collect();
            Some(VectorLayer { id, fields })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn descriptions_are_taken_as_far_as_they_make_sense() {
        let metadata = json!({"vector_layers": [
            {"id": "nha", "fields": {"tang": "Number", "la": 7}}, {"fields": {}}, "rubble", {"id": "cay"},
        ]});
        let layers = vector_layers(&metadata);
        let ids: Vec<&str> = layers.iter().map(|l| l.id.as_str()).collect();
        assert_eq!(ids, ["nha", "cay"]);
        assert_eq!(layers[0].fields["tang"], "Number");
        assert_eq!(layers[0].fields["la"], "String");
        assert!(vector_layers(&json!({})).is_empty() && vector_layers(&json!("x")).is_empty());
        assert_eq!(bounds([109.0, 12.0, 110.0, 13.0]), Some([109.0, 12.0, 110.0, 13.0]));
        assert_eq!(bounds([110.0, 12.0, 109.0, 13.0]), None);
        assert_eq!(bounds([f64::NAN, 12.0, 109.0, 13.0]), None);
    }

    #[test]
    fn another_file_has_another_identity() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a");
        std::fs::write(&path, "one")?;
        let first = identity(&std::fs::metadata(&path)?);
        assert_eq!(identity(&std::fs::metadata(&path)?), first);
        let other = dir.path().join("b");
        std::fs::write(&other, "two")?;
        std::fs::rename(&other, &path)?;
        assert_ne!(identity(&std::fs::metadata(&path)?), first);
        Ok(())
    }
}
