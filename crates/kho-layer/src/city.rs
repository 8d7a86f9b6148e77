//! A city: `kho.toml`, `layers/*.toml` and `codes/*.toml` in one folder.

use crate::source::without_secrets;
use crate::{CodeList, LayerDef, LayerError, SourceDef, Text, is_name};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The content of `kho.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CityConfig {
    /// The city's name.
    pub name: Text,
    /// EPSG code of the VN-2000 zone in which the city computes areas (9217 for Khánh Hòa).
    pub srid: u32,
    /// Where the map opens: longitude, latitude (CRS84).
    pub center: [f64; 2],
    /// The zoom at which it opens.
    pub zoom: f64,
    /// West, south, east, north (CRS84): where the city's data is expected.
    pub bounds: [f64; 4],
    /// Whether the data is made up; every page then says so.
    #[serde(default)]
    pub synthetic: bool,
    /// Where the catalog is kept: absent for `lake/catalog.sqlite`, else `postgresql://…`.
    /// The variable KHO_CATALOG overrides it, so that a password need not stand in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    /// Tiles that others keep: `[[source]]`.
    #[serde(default, rename = "source", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceDef>,
    /// What `kho bake` makes beside each layer's own tiles.
    #[serde(default, skip_serializing_if = "BakeConfig::is_empty")]
    pub bake: BakeConfig,
}

/// The section `bake` of `kho.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BakeConfig {
    /// Several layers in one tile, under a name of their own.
    #[serde(default, rename = "composite", skip_serializing_if = "Vec::is_empty")]
    pub composites: Vec<Composite>,
}

impl BakeConfig {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.composites.is_empty()
    }

    /// The composite of this name.
    pub fn composite(&self, name: &str) -> Option<&Composite> {
        self.composites.iter().find(|composite| composite.name == name)
    }
}

/// A `[[bake.composite]]`: layers that are read together, in tiles that hold them all. Only published
/// layers can be in tiles that everybody may copy, so a composite with another one is not made, and
/// not there for those who ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composite {
    /// The name in URLs, where layers have theirs: no layer may be called the same.
    pub name: String,
    /// The layers, in the order in which they stand in the tile.
    pub layers: Vec<String>,
}

/// The most layers that a tile holds.
pub const MAX_TILE_LAYERS: usize = 16;

/// A city's configuration, layers and code lists, read and checked.
#[derive(Debug, Clone)]
pub struct City {
    /// `kho.toml`.
    pub config: CityConfig,
    layers: BTreeMap<String, Arc<LayerDef>>,
    codes: BTreeMap<String, Arc<CodeList>>,
    sources: BTreeMap<String, Arc<SourceDef>>,
}

/// Where a city keeps the definition of a layer.
pub fn layer_path(city: &Path, layer: &str) -> PathBuf {
    city.join("layers").join(format!("{layer}.toml"))
}

impl City {
    /// Reads the city in `dir`.
    ///
    /// # Errors
    /// [`LayerError::NotACity`] without a `kho.toml`; else what is wrong with the first bad file.
    pub fn load(dir: &Path) -> Result<Self, LayerError> {
        let path = dir.join("kho.toml");
        if !path.is_file() {
            return Err(LayerError::NotACity(dir.to_owned()));
        }
        let config = parse(&path, &read(&path)?)?;
        let mut layers = Vec::new();
        for path in toml_files(&dir.join("layers"))? {
            let layer = LayerDef::parse(&read(&path)?, &path)?;
            if path.file_stem().and_then(|s| s.to_str()) != Some(layer.name.as_str()) {
                return Err(LayerError::Definition {
                    message: format!("its file must be called {}.toml, not {}", layer.name, path.display()),
                    layer: layer.name,
                });
            }
            layers.push(layer);
        }
        let mut codes = Vec::new();
        for path in toml_files(&dir.join("codes"))? {
            codes.push(parse(&path, &read(&path)?)?);
        }
        let city = Self::new(config, layers, codes)?;
        city.check_composites()?;
        Ok(city)
    }

    /// Whether every composite has a name of its own and layers that the city has.
    fn check_composites(&self) -> Result<(), LayerError> {
        let mut names = HashSet::new();
        for Composite { name, layers } in &self.config.bake.composites {
            let wrong = |message: String| Err(LayerError::Composite { name: name.clone(), message });
            if !is_name(name) {
                return wrong("a name is a lower-case letter, then letters a-z, digits and _".into());
            }
            if self.layer(name).is_some() || !names.insert(name) {
                return wrong("another layer or composite has that name".into());
            }
            if !(2..=MAX_TILE_LAYERS).contains(&layers.len()) {
                return wrong(format!("it takes 2 to {MAX_TILE_LAYERS} layers, not {}", layers.len()));
            }
            let mut seen = HashSet::new();
            for layer in layers {
                if self.layer(layer).is_none() {
                    return wrong(format!(
                        "it names the layer {layer}, but layers/{layer}.toml is missing; make the layer or take it out"
                    ));
                }
                if !seen.insert(layer) {
                    return wrong(format!("layer {layer} is in it twice"));
                }
            }
        }
        Ok(())
    }

    /// Puts a city together, checking that every code list that a column names is there and that no
    /// source has the name of another or of a layer.
    ///
    /// # Errors
    /// [`LayerError::Definition`], [`LayerError::Source`].
    pub fn new(config: CityConfig, layers: Vec<LayerDef>, codes: Vec<CodeList>) -> Result<Self, LayerError> {
        let codes: BTreeMap<_, _> = codes.into_iter().map(|c| (c.name.clone(), Arc::new(c))).collect();
        for layer in &layers {
            layer.check()?;
            for column in &layer.columns {
                if let Some(list) = column.code_list.as_ref().filter(|l| !codes.contains_key(*l)) {
                    return Err(LayerError::Definition {
                        layer: layer.name.clone(),
                        message: format!(
                            "column {} names the code list {list}, but codes/{list}.toml is missing",
                            column.name
                        ),
                    });
                }
            }
        }
        let layers: BTreeMap<_, _> = layers.into_iter().map(|l| (l.name.clone(), Arc::new(l))).collect();
        let mut sources = BTreeMap::new();
        for source in &config.sources {
            source.check()?;
            let taken = layers.contains_key(&source.name) || sources.contains_key(&source.name);
            if taken {
                let message = "a layer or another source has this name already".to_owned();
                return Err(LayerError::Source { name: source.name.clone(), message });
            }
            sources.insert(source.name.clone(), Arc::new(source.clone()));
        }
        Ok(Self { config, layers, codes, sources })
    }

    /// The layer of this name.
    pub fn layer(&self, name: &str) -> Option<&Arc<LayerDef>> {
        self.layers.get(name)
    }

    /// The layer of this name, or an error that lists the names there are. For the city's own
    /// people only: the list names unpublished layers too.
    ///
    /// # Errors
    /// [`LayerError::UnknownLayer`].
    pub fn require(&self, name: &str) -> Result<&Arc<LayerDef>, LayerError> {
        self.layer(name).ok_or_else(|| LayerError::UnknownLayer {
            name: name.to_owned(),
            known: self.layers.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// All layers, by name.
    pub fn layers(&self) -> impl Iterator<Item = &Arc<LayerDef>> {
        self.layers.values()
    }

    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&Arc<SourceDef>> {
        self.sources.get(name)
    }

    /// All sources, by name.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<SourceDef>> {
        self.sources.values()
    }

    /// The code list of this name.
    pub fn code_list(&self, name: &str) -> Option<&Arc<CodeList>> {
        self.codes.get(name)
    }

    /// All code lists, by name.
    pub fn code_lists(&self) -> impl Iterator<Item = &Arc<CodeList>> {
        self.codes.values()
    }
}

fn read(path: &Path) -> Result<String, LayerError> {
    std::fs::read_to_string(path).map_err(|source| LayerError::Io { path: path.to_owned(), source })
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, LayerError> {
    toml::from_str(text)
        .map_err(|e| LayerError::Toml { path: path.to_owned(), message: without_secrets(&e.to_string()) })
}

fn toml_files(dir: &Path) -> Result<Vec<PathBuf>, LayerError> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let io = |source| LayerError::Io { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StandardModel;

    #[test]
    fn composites_are_checked() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        StandardModel::write(dir.path())?;
        let standard = City::load(dir.path())?;
        assert!(!standard.config.bake.is_empty());
        let path = dir.path().join("kho.toml");
        let text = std::fs::read_to_string(&path)?;
        for (more, said) in [
            ("name = 'a'\nlayers = ['road', 'nope']", "nope"),
            ("name = 'a'\nlayers = ['road', 'road']", "twice"),
            ("name = 'a'\nlayers = ['road']", "2 to 16"),
            ("name = 'road'\nlayers = ['road', 'admin_unit']", "has that name"),
            ("name = 'base'\nlayers = ['road', 'admin_unit']", "has that name"),
            ("name = 'A/b'\nlayers = ['road', 'admin_unit']", "lower-case"),
        ] {
            std::fs::write(&path, format!("{text}\n[[bake.composite]]\n{more}\n"))?;
            let error = City::load(dir.path()).map(|_| ()).map_err(|e| e.to_string());
            assert!(error.as_ref().is_err_and(|e| e.contains(said)), "{more}: {error:?}");
        }
        std::fs::write(
            &path,
            format!("{text}\n[[bake.composite]]\nname = 'a'\nlayers = ['road', 'admin_unit']\n"),
        )?;
        assert!(City::load(dir.path())?.config.bake.composite("a").is_some());
        Ok(())
    }
}
