//! The rules by which grants are given.

use crate::grant::ClassSet;
use crate::{AccessError, Grant, SourceGrant};
use kho_layer::{City, LayerDef, SourceDef};
use std::sync::Arc;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Anybody on the network.
    Anonymous,
    /// A person at the command line of the city's own machine, who can read the files anyway.
    LocalCli,
}

/// The access policy of one city: anonymous sees the public columns of the layers whose file says
/// `published = true`; the command line on the city's own machine sees all.
#[derive(Debug, Clone)]
pub struct Policy {
    city: Arc<City>,
}

impl Policy {
    /// The policy over a city's layers.
    pub fn new(city: Arc<City>) -> Self {
        Self { city }
    }

    /// The permission to read `layer` at `snapshot`.
    ///
    /// # Errors
    /// [`AccessError::NoSuchLayer`] if the layer is not there or not for `who`.
    pub fn grant(&self, who: &Principal, layer: &str, snapshot: i64) -> Result<Grant, AccessError> {
        self.city
            .layer(layer)
            .and_then(|def| Self::decide(who, def, snapshot))
            .ok_or_else(|| AccessError::NoSuchLayer(layer.to_owned()))
    }

    /// The permissions to read every layer that `who` may see, by name.
    pub fn grants(&self, who: &Principal, snapshot: i64) -> Vec<Grant> {
        self.city.layers().filter_map(|def| Self::decide(who, def, snapshot)).collect()
    }

    /// The permission to read the source of this name.
    ///
    /// # Errors
    /// [`AccessError::NoSuchLayer`] if the source is not there or not for `who`: to whom it is closed, its
    /// name is as good as any that no layer has.
    pub fn source_grant(&self, who: &Principal, source: &str) -> Result<SourceGrant, AccessError> {
        self.city
            .source(source)
            .filter(|def| Self::opens(who, def))
            .map(|def| SourceGrant::new(Arc::clone(def)))
            .ok_or_else(|| AccessError::NoSuchLayer(source.to_owned()))
    }

    /// The permissions to read every source that `who` may see, by name.
    pub fn source_grants(&self, who: &Principal) -> Vec<SourceGrant> {
        let open = self.city.sources().filter(|def| Self::opens(who, def));
        open.map(|def| SourceGrant::new(Arc::clone(def))).collect()
    }

    /// The city whose policy this is.
    pub fn city(&self) -> &Arc<City> {
        &self.city
    }

    fn opens(who: &Principal, source: &SourceDef) -> bool {
        match who {
            Principal::LocalCli => true,
            Principal::Anonymous => source.published,
        }
    }

    fn decide(who: &Principal, layer: &Arc<LayerDef>, snapshot: i64) -> Option<Grant> {
        let classes = match who {
            Principal::LocalCli => ClassSet { internal: true, restricted: true },
            Principal::Anonymous if layer.published => ClassSet { internal: false, restricted: false },
            Principal::Anonymous => return None,
        };
        Some(Grant::new(Arc::clone(layer), snapshot, classes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kho_layer::{AccessClass, StandardModel, Text};

    fn policy() -> Result<Policy, Box<dyn std::error::Error>> {
        Ok(Policy::new(Arc::new(StandardModel::load()?)))
    }

    #[test]
    fn anonymous_gets_public_columns_of_published_layers_only() -> Result<(), Box<dyn std::error::Error>> {
        let policy = policy()?;
        let grants = policy.grants(&Principal::Anonymous, 1);
        assert!(!grants.is_empty());
        for layer in policy.city().layers() {
            let open = policy.grant(&Principal::Anonymous, &layer.name, 1).is_ok();
            assert_eq!(open, layer.published, "{}", layer.name);
            assert_eq!(open, grants.iter().any(|g| g.layer().name == layer.name), "{}", layer.name);
        }
        for grant in grants {
            assert!(grant.layer().published);
            assert!(grant.columns().all(|c| c.access == AccessClass::Public));
            assert_eq!(grant.class(), "public");
        }
        Ok(())
    }

    #[test]
    fn hidden_and_missing_look_the_same() -> Result<(), Box<dyn std::error::Error>> {
        let policy = policy()?;
        let grant = policy.grant(&Principal::Anonymous, "land_parcel", 1)?;
        let shape = |e: Result<(), AccessError>, name: &str| e.map_err(|e| e.to_string().replace(name, "X"));
        assert_eq!(shape(grant.require("chu_su_dung"), "chu_su_dung"), shape(grant.require("nope"), "nope"));
        Ok(())
    }

    #[test]
    fn a_source_is_closed_until_it_is_published() -> Result<(), Box<dyn std::error::Error>> {
        let model = StandardModel::load()?;
        let mut config = model.config.clone();
        for (name, published) in [("open", true), ("closed", false)] {
            config.sources.push(SourceDef {
                name: name.into(),
                title: Text::new("Nền", "Base"),
                published,
                refresh_seconds: 30,
                cache_seconds: 0,
                max_tile_bytes: 1_000_000,
                zoom: None,
                postgres: None,
                pmtiles: Some(format!("{name}.pmtiles")),
                mbtiles: None,
            });
        }
        let codes = model.code_lists().map(|c| (**c).clone()).collect();
        let policy = Policy::new(Arc::new(City::new(config, Vec::new(), codes)?));
        assert!(policy.source_grant(&Principal::Anonymous, "open")?.is_everybodys());
        let refused = |name: &str| {
            let error = policy.source_grant(&Principal::Anonymous, name).err();
            error.map(|e| e.to_string().replace(name, "X"))
        };
        assert!(refused("closed").is_some());
        assert_eq!(refused("closed"), refused("nope"), "hidden and missing look the same");
        assert_eq!(policy.source_grants(&Principal::Anonymous).len(), 1);
        assert_eq!(policy.source_grants(&Principal::LocalCli).len(), 2);
        assert!(!policy.source_grant(&Principal::LocalCli, "closed")?.is_everybodys());
        Ok(())
    }

    #[test]
    fn the_command_line_sees_all() -> Result<(), Box<dyn std::error::Error>> {
        let grant = policy()?.grant(&Principal::LocalCli, "land_parcel", 1)?;
        assert_eq!(grant.columns().count(), grant.layer().columns.len());
        assert!(grant.restricted_columns().count() >= 4);
        assert_eq!(grant.class(), "all");
        Ok(())
    }
}
