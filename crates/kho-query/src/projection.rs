//! PROJ, for ST_Transform: the system's own library, the one GDAL uses too, loaded by name.

use sedona_geometry::bounding_box::BoundingBox;
use sedona_geometry::error::SedonaGeometryError;
use sedona_geometry::transform::{CrsEngine, CrsTransform};
use sedona_proj::register::{ProjCrsEngineBuilder, configure_global_proj_engine};
use sedona_proj::transform::LazyProjEngine;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// Names by which the dynamic linker knows PROJ 9, 8, 7 and a development install. Newest first:
/// Debian 12 has the first.
const LIBRARIES: &[&str] = &["libproj.so.25", "libproj.so.22", "libproj.so.19", "libproj.so"];

/// The CRS engine for every session. Without PROJ all else works, and ST_Transform says what is
/// missing.
pub(crate) fn crs_engine() -> Arc<dyn CrsEngine + Send + Sync> {
    static FOUND: OnceLock<bool> = OnceLock::new();
    if *FOUND.get_or_init(load) { Arc::new(LazyProjEngine) } else { Arc::new(NoProj) }
}

fn load() -> bool {
    for name in LIBRARIES {
        let builder = ProjCrsEngineBuilder::default().with_shared_library(PathBuf::from(name));
        match builder.build() {
            Ok(_) => {
                return configure_global_proj_engine(builder)
                    .inspect_err(|e| tracing::warn!(error = %e, "PROJ could not be configured"))
                    .is_ok();
            }
            Err(e) => tracing::debug!(library = name, error = %e, "PROJ not found under this name"),
        }
    }
    tracing::warn!("no PROJ library was found: ST_Transform will not work");
    false
}

#[derive(Debug)]
struct NoProj;

impl NoProj {
    fn error<T>() -> Result<T, SedonaGeometryError> {
        Err(SedonaGeometryError::Invalid(
            "ST_Transform needs the PROJ library, which is not installed on this machine (Debian: apt-get install libproj25)".into(),
        ))
    }
}

impl CrsEngine for NoProj {
    fn get_transform_crs_to_crs(
        &self,
        _from: &str,
        _to: &str,
        _area_of_interest: Option<BoundingBox>,
        _options: &str,
    ) -> Result<Rc<dyn CrsTransform>, SedonaGeometryError> {
        Self::error()
    }

    fn get_transform_pipeline(
        &self,
        _pipeline: &str,
        _options: &str,
    ) -> Result<Rc<dyn CrsTransform>, SedonaGeometryError> {
        Self::error()
    }

    fn to_projjson(&self, _crs: &str) -> Result<String, SedonaGeometryError> {
        Self::error()
    }
}
