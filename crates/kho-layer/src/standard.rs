//! The standard city model that ships inside the binary and that `kho init` writes out.

use crate::{City, CodeList, LayerDef, LayerError};
use std::path::{Path, PathBuf};

/// The standard city model: the files as they are written out, comments included.
#[derive(Debug, Clone, Copy)]
pub struct StandardModel;

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../model/", $path)))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "kho.toml",
    "layers/address_point.toml",
    "layers/admin_unit.toml",
    "layers/drain_node.toml",
    "layers/drain_pipe.toml",
    "layers/land_parcel.toml",
    "layers/lighting_cabinet.toml",
    "layers/planning_project.toml",
    "layers/planning_road.toml",
    "layers/planning_zone.toml",
    "layers/road.toml",
    "layers/street_light.toml",
    "layers/water_body.toml",
    "codes/condition.toml",
    "codes/drain_function.toml",
    "codes/drain_node_type.toml",
    "codes/lamp_type.toml",
    "codes/land_use.toml",
    "codes/planning_function.toml",
    "codes/planning_level.toml",
    "codes/road_class.toml",
    "codes/water_type.toml",
];

impl StandardModel {
    /// The files of the model: path relative to the city's folder, content.
    pub fn files() -> &'static [(&'static str, &'static str)] {
        FILES
    }

    /// The model as a city.
    ///
    /// # Errors
    /// None in a released build: a test loads it.
    pub fn load() -> Result<City, LayerError> {
        let mut config = None;
        let mut layers = Vec::new();
        let mut codes: Vec<CodeList> = Vec::new();
        let bad =
            |path: &str, e: toml::de::Error| LayerError::Toml { path: path.into(), message: e.to_string() };
        for (path, text) in FILES {
            if path.starts_with("layers/") {
                layers.push(LayerDef::parse(text, Path::new(path))?);
            } else if path.starts_with("codes/") {
                codes.push(toml::from_str(text).map_err(|e| bad(path, e))?);
            } else {
                config = Some(toml::from_str(text).map_err(|e| bad(path, e))?);
            }
        }
        let config = config.ok_or_else(|| LayerError::NotACity(PathBuf::from("model")))?;
        City::new(config, layers, codes)
    }

    /// Writes the model into `dir`, which is made if missing. Files that are there are kept.
    /// Returns the paths written.
    ///
    /// # Errors
    /// [`LayerError::Io`].
    pub fn write(dir: &Path) -> Result<Vec<PathBuf>, LayerError> {
        let mut written = Vec::new();
        for (name, text) in FILES {
            let path = dir.join(name);
            if path.exists() {
                continue;
            }
            let io = |source| LayerError::Io { path: path.clone(), source };
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(io)?;
            }
            std::fs::write(&path, text).map_err(io)?;
            written.push(path);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccessClass;

    #[test]
    fn the_model_loads_and_survives_a_round_trip_to_disk() -> Result<(), Box<dyn std::error::Error>> {
        let model = StandardModel::load()?;
        let dir = tempfile::tempdir()?;
        assert_eq!(StandardModel::write(dir.path())?.len(), FILES.len());
        let read = City::load(dir.path())?;
        assert_eq!(read.layers().count(), 12);
        assert!(read.layers().eq(model.layers()));
        assert!(StandardModel::write(dir.path())?.is_empty(), "files that are there are kept");
        Ok(())
    }

    /// domain.md: never public are names, birth dates, ID or phone numbers, certificate numbers,
    /// free-text notes.
    #[test]
    fn personal_columns_are_restricted() -> Result<(), LayerError> {
        let model = StandardModel::load()?;
        for name in ["chu_su_dung", "so_giay_to", "so_gcn", "nguoi_dai_dien", "dien_thoai"] {
            let found: Vec<_> = model.layers().flat_map(|l| &l.columns).filter(|c| c.name == name).collect();
            assert!(!found.is_empty(), "{name} is in the model");
            assert!(found.iter().all(|c| c.access == AccessClass::Restricted), "{name}");
        }
        for note in model.layers().flat_map(|l| &l.columns).filter(|c| c.name == "ghi_chu") {
            assert_ne!(note.access, AccessClass::Public);
        }
        Ok(())
    }

    #[test]
    fn every_title_is_in_both_languages() -> Result<(), LayerError> {
        let model = StandardModel::load()?;
        for layer in model.layers() {
            assert!(!layer.title.vi.is_empty() && !layer.title.en.is_empty(), "{}", layer.name);
            for c in &layer.columns {
                assert!(!c.title.vi.is_empty() && !c.title.en.is_empty(), "{}.{}", layer.name, c.name);
            }
        }
        Ok(())
    }
}
