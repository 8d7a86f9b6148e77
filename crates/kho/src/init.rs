//! `kho init` and `kho layer new`.

use crate::context::{Context, shown};
use anyhow::{Context as _, bail};
use kho_ingest::ReadOptions;
use kho_lake::{Lake, LakeError};
use kho_layer::{City, StandardModel, layer_path};
use std::path::Path;

pub fn init(context: &Context, dir: &Path, catalog: Option<&str>, synthetic: bool) -> anyhow::Result<()> {
    if let Some(url) = catalog
        && !(url.starts_with("postgresql://") || url.starts_with("postgres://"))
    {
        bail!(
            "--catalog takes postgresql://user@host/database; without it the catalog is lake/catalog.sqlite"
        );
    }
    let written = StandardModel::write(dir)?;
    if catalog.is_some() || synthetic {
        edit_config(&dir.join("kho.toml"), catalog, synthetic)?;
    }
    let city = City::load(dir)?;
    let catalog = crate::context::catalog_url(&city);
    match context.wait(Lake::create(dir, catalog.as_deref())) {
        // Run again, it adds what is missing and keeps what is there.
        Ok(_) | Err(LakeError::Exists(..)) => {}
        Err(error) => return Err(error.into()),
    }
    context.answer(
        &serde_json::json!({
            "city": dir,
            "layers": city.layers().map(|l| &l.name).collect::<Vec<_>>(),
            "written": written,
        }),
        || {
            format!(
                "{}: {} layers, {} code lists, an empty lake\nNext: kho --city {0} ingest LAYER FILE…, or kho --city {0} layer new NAME FILE for data outside the standard model",
                shown(dir),
                city.layers().count(),
                city.code_lists().count(),
            )
        },
    )
}

/// Changes the written kho.toml and keeps its comments.
fn edit_config(path: &Path, catalog: Option<&str>, synthetic: bool) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| shown(path))?;
    let mut doc: toml_edit::DocumentMut = text.parse().with_context(|| shown(path))?;
    if let Some(url) = catalog {
        doc["catalog"] = toml_edit::value(url);
    }
    if synthetic {
        doc["synthetic"] = toml_edit::value(true);
    }
    std::fs::write(path, doc.to_string()).with_context(|| shown(path))
}

pub fn new_layer(
    context: &Context,
    name: &str,
    source: &str,
    crs: Option<String>,
    source_layer: Option<String>,
    public: bool,
) -> anyhow::Result<()> {
    let city = context.city()?;
    let path = layer_path(&context.dir, name);
    if city.layer(name).is_some() || path.exists() {
        bail!("layer {name} is there already, in {}; edit it, or take another name", shown(&path));
    }
    let mut next = format!("kho ingest {name} {source}");
    for (option, value) in [("--crs", &crs), ("--source-layer", &source_layer)] {
        if let Some(value) = value {
            next += &format!(" {option} {value}");
        }
    }
    let options = ReadOptions { crs, source_layer, ..ReadOptions::default() };
    let layer = kho_ingest::infer_layer(name, source, &options, public)?;
    layer.check()?;
    let access = if public { "public: everybody may see them" } else { "internal until you open them" };
    let text = format!(
        "# Inferred from {}. Check the titles, the key and the access of each column.\n{}",
        Path::new(source).file_name().map_or_else(|| source.into(), |n| n.to_string_lossy()),
        layer.to_toml()?
    );
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| shown(parent))?;
    }
    std::fs::write(&path, text).with_context(|| shown(&path))?;
    context.answer(&serde_json::json!({ "layer": layer, "path": path }), || {
        format!("{}: {} columns, {access}\nNext: {next}", shown(&path), layer.columns.len())
    })
}
