//! `manifest.toml`: what a folder of deliveries holds.

use crate::context::shown;
use crate::ingest::Delivery;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(default)]
    delivery: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    layer: String,
    source: String,
    crs: Option<String>,
    source_layer: Option<String>,
    /// Of its text; only UTF-8 can be read.
    encoding: Option<String>,
}

/// Reads DIR/manifest.toml. Sources are relative to DIR and stay inside it.
pub fn read(dir: &Path) -> anyhow::Result<Vec<Delivery>> {
    let path = dir.join("manifest.toml");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "{}: a manifest lists what a folder holds, as [[delivery]] layer = \"…\" source = \"…\"",
            shown(&path)
        )
    })?;
    let manifest: Manifest = toml::from_str(&text).with_context(|| shown(&path))?;
    if manifest.delivery.is_empty() {
        bail!("{}: lists no [[delivery]]", shown(&path));
    }
    let mut plan: Vec<Delivery> = Vec::new();
    for entry in manifest.delivery {
        let relative = Path::new(&entry.source);
        let inside = relative
            .components()
            .all(|c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir));
        if !inside {
            bail!(
                "{}: source {:?} leaves the folder; a manifest names files beside itself",
                shown(&path),
                entry.source
            );
        }
        if let Some(encoding) = entry.encoding.filter(|e| !e.eq_ignore_ascii_case("utf-8")) {
            bail!(
                "{}: {:?} is said to be in {encoding}, but kho reads text as UTF-8; convert the file first",
                shown(&path),
                entry.source
            );
        }
        let source = shown(&dir.join(relative));
        let Some(same) = plan.iter_mut().find(|d| d.layer == entry.layer) else {
            plan.push(Delivery {
                layer: entry.layer,
                sources: vec![source],
                crs: entry.crs,
                source_layer: entry.source_layer,
            });
            continue;
        };
        if same.crs != entry.crs || same.source_layer != entry.source_layer {
            bail!(
                "{}: layer {} is there twice with different crs or source_layer",
                shown(&path),
                entry.layer
            );
        }
        same.sources.push(source);
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn try_read(text: &str) -> Result<Vec<Delivery>, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("kho-manifest-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("manifest.toml"), text).unwrap();
        let read = read(&dir).map_err(|e| format!("{e:#}"));
        std::fs::remove_dir_all(&dir).unwrap();
        read
    }

    #[test]
    fn several_files_of_a_layer_are_one_delivery() {
        let plan = try_read(
            "[[delivery]]\nlayer='road'\nsource='a.gpkg'\n[[delivery]]\nlayer='road'\nsource='b.gpkg'\n",
        )
        .unwrap();
        assert_eq!(plan.len(), 1);
        assert_eq!(plan[0].sources.len(), 2);
    }

    #[test]
    fn what_is_not_understood_is_not_passed_over() {
        let said = try_read("[[delivery]]\nlayer='road'\nsource='a'\nsourcelayer='b'\n").unwrap_err();
        assert!(said.contains("sourcelayer"), "{said}");
        let delivery =
            |encoding: &str| format!("[[delivery]]\nlayer='road'\nsource='a'\nencoding='{encoding}'\n");
        assert!(try_read(&delivery("UTF-8")).is_ok());
        assert!(try_read(&delivery("TCVN3")).unwrap_err().contains("TCVN3"));
    }

    #[test]
    fn paths_that_climb_out_are_refused() {
        for source in ["../x.gpkg", "/etc/passwd"] {
            let said = try_read(&format!("[[delivery]]\nlayer='road'\nsource='{source}'\n")).unwrap_err();
            assert!(said.contains("leaves the folder"), "{said}");
        }
    }
}
