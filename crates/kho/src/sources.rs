//! `kho sources`.

use crate::context::{Context, LOCAL};
use kho_access::Policy;
use kho_layer::SourceKind;
use kho_tile::{Federation, SourceStatus};
use std::sync::Arc;

pub fn run(context: &Context) -> anyhow::Result<()> {
    let city = Arc::new(context.city()?);
    let federation = Federation::new(&city, &context.dir, 0)?;
    context.wait(federation.look());
    let mut rows = Vec::new();
    let mut text = String::new();
    for grant in Policy::new(Arc::clone(&city)).source_grants(&LOCAL) {
        let source = grant.source();
        let Some(status) = federation.status(&grant) else { continue };
        let kind = match source.kind()? {
            SourceKind::Postgres(_) => "postgres",
            SourceKind::PmTiles(_) => "pmtiles",
            SourceKind::MbTiles(_) => "mbtiles",
        };
        text += &in_words(&status, kind, source.published);
        rows.push(serde_json::json!({
            "name": source.name,
            "title": source.title,
            "kind": kind,
            "published": source.published,
            "problem": status.problem,
            "notes": status.notes,
            "layers": status.layers,
        }));
    }
    context.answer(&serde_json::json!({ "sources": rows }), || {
        if text.is_empty() {
            "no sources; [[source]] in kho.toml names one (docs/federation.md)".to_owned()
        } else {
            text
        }
    })
}

/// A source, then a line for each layer: zooms, name, what is open of it.
fn in_words(status: &SourceStatus, kind: &str, published: bool) -> String {
    let seen = if published { "published" } else { "not published" };
    let how = status.problem.as_ref().map_or_else(|| "ok".to_owned(), |problem| format!("DOWN: {problem}"));
    let mut text = format!("{}  {kind}, {seen}: {how}\n", status.name);
    for layer in &status.layers {
        let fields: Vec<&str> =
            layer.vector_layers.iter().flat_map(|l| l.fields.keys()).map(String::as_str).collect();
        let (min, max) = layer.zooms;
        text += &format!("  z{min}-{max}  {}  {}\n", layer.name, fields.join(", "));
    }
    for note in &status.notes {
        text += &format!("  ! {note}\n");
    }
    text
}
