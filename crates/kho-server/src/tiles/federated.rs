//! Tiles of sources, in the same catalogue as those of layers and behind the same door.

use std::fmt::Write;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use kho_access::{Principal, SourceGrant};
use kho_layer::Text;
use kho_tile::{Description, Encoding, Federation, Format, Representation, SourceStatus, source_of};
use serde_json::{Map, Value, json};

use super::describe::{around, vector_layer};
use super::tile::{Address, send};
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::{MAX_LAYERS, Published};
use crate::http::negotiate;
use crate::http::problem::Problem;

/// What one name in an address stands for.
pub(super) enum Part {
    /// A layer of the lake.
    Layer(Arc<Published>),
    /// Something that a source opens, by its whole name. Whether it is there the source says.
    Source(SourceGrant, String),
}

impl Part {
    fn name(&self) -> &str {
        match self {
            Self::Layer(layer) => layer.name(),
            Self::Source(_, name) => name,
        }
    }
}

/// What names with commas between stand for, in their order and each once; `None` if none of them is of a
/// source that everybody may see, so that closed sources are refused in the words for missing layers.
pub(super) fn parts(app: &App, at: &At, names: &str) -> Result<Option<Vec<Part>>, Problem> {
    let granted = |name: &str| app.policy.source_grant(&Principal::Anonymous, source_of(name)).ok();
    if names.split(',').all(|name| granted(name).is_none()) {
        return Ok(None);
    }
    if at.pinned {
        return Err(Problem::bad_request(
            "What is not kept in the lake has no snapshots: ask for it without ?snapshot=.",
        ));
    }
    let mut parts: Vec<Part> = Vec::new();
    for name in names.split(',') {
        if parts.iter().any(|known| known.name() == name) {
            continue;
        }
        parts.push(match granted(name) {
            Some(grant) => Part::Source(grant, name.to_owned()),
            None => Part::Layer(Arc::clone(at.catalogue.require(name)?)),
        });
        if parts.len() > MAX_LAYERS {
            return Err(Problem::bad_request(format!("A tile has {MAX_LAYERS} layers at most.")));
        }
    }
    Ok(Some(parts))
}

/// The tile of such parts. A tile that one source keeps gzipped goes out as it is to who takes gzip.
pub(super) async fn tile(
    app: &App,
    at: &At,
    parts: &[Part],
    address: Address,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let encoding = negotiate::encoding(headers);
    let Address { z, x, y, .. } = address;
    let tile = match parts {
        [Part::Source(grant, name)] => {
            let gzip = negotiate::takes_gzip(headers);
            app.federation.tile(grant, name, (z, x, y), encoding, gzip).await?
        }
        parts => {
            let plain: Vec<_> = parts.iter().map(|part| plain(app, part, address)).collect();
            Federation::join(futures::future::try_join_all(plain).await?, encoding).await?
        }
    };
    let sent = Representation { format: Format::Mvt, encoding: tile.encoding };
    Ok(send(at, headers, tile.body, tile.etag, sent))
}

async fn plain(app: &App, part: &Part, Address { grid, z, x, y }: Address) -> Result<Bytes, Problem> {
    Ok(match part {
        Part::Layer(layer) => {
            app.tiles.composite(&[&layer.grant], grid, z, x, y, Encoding::Plain).await?.body
        }
        Part::Source(grant, name) => {
            app.federation.tile(grant, name, (z, x, y), Encoding::Plain, false).await?.body
        }
    })
}

/// The lines of the list of tiles.
pub(super) fn listed(app: &App, base: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for grant in app.policy.source_grants(&Principal::Anonymous) {
        for layer in app.federation.layers(&grant) {
            all.push(json!({
                "layer": layer.name,
                "title": title(&grant, &layer),
                "tilejson": format!("{base}/tiles/{}", segment(&layer.name)),
                "source": grant.source().name,
            }));
        }
    }
    all
}

/// The TileJSON of such parts.
pub(super) fn tilejson(app: &App, parts: &[Part], base: &str) -> Result<Value, Problem> {
    let (mut vector_layers, mut words, mut zooms, mut boxes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Layer(layer) => {
                let def = layer.def();
                vector_layers.push(vector_layer(layer));
                words.push(def.title.vi.clone());
                zooms.push((def.zoom.min, def.zoom.max));
                boxes.push(around(std::slice::from_ref(layer)));
            }
            Part::Source(grant, name) => {
                let told = app.federation.describe(grant, name)?;
                let title = title(grant, &told).vi;
                vector_layers.extend(source_layers(&told, &title));
                words.push(title);
                zooms.push(told.zooms);
                boxes.push(told.bounds);
            }
        }
    }
    let names: Vec<String> = parts.iter().map(|part| segment(part.name())).collect();
    let min = zooms.iter().map(|z| z.0).min().unwrap_or_default();
    let max = zooms.iter().map(|z| z.1).max().unwrap_or_default();
    let mut document = json!({
        "tilejson": "3.0.0",
        "name": parts.iter().map(Part::name).collect::<Vec<_>>().join(","),
        "description": words.join("; "),
        "scheme": "xyz",
        "tiles": [format!("{base}/tiles/{}/{{z}}/{{x}}/{{y}}", names.join(","))],
        "minzoom": min,
        "maxzoom": max,
        "vector_layers": vector_layers,
    });
    let hull = |a: [f64; 4], b: [f64; 4]| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
    // A box around some of them would hide the others.
    let known: Option<Vec<[f64; 4]>> = boxes.into_iter().collect();
    if let Some([west, south, east, north]) = known.and_then(|all| all.into_iter().reduce(hull)) {
        document["bounds"] = json!([west, south, east, north]);
        document["center"] = json!([(west + east) / 2.0, (south + north) / 2.0, min.max(12).min(max)]);
    }
    Ok(document)
}

fn source_layers(told: &Description, title: &str) -> Vec<Value> {
    let layers = told.vector_layers.iter().map(|layer| {
        let fields: Map<String, Value> =
            layer.fields.iter().map(|(name, ty)| (name.clone(), ty.clone().into())).collect();
        json!({
            "id": layer.id,
            "description": title,
            "minzoom": told.zooms.0,
            "maxzoom": told.zooms.1,
            "fields": fields,
        })
    });
    layers.collect()
}

/// The source's title, with the table's name where there are tables.
fn title(grant: &SourceGrant, layer: &Description) -> Text {
    let title = &grant.source().title;
    match &layer.part {
        Some(part) => {
            Text::new(format!("{} – {part}", title.get("vi")), format!("{} – {part}", title.get("en")))
        }
        None => title.clone(),
    }
}

/// A name as one segment of an address (RFC 3986): a department's table may be called anything.
fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// How the sources are that everybody may see.
fn statuses(app: &App) -> Vec<SourceStatus> {
    let grants = app.policy.source_grants(&Principal::Anonymous);
    grants.iter().filter_map(|grant| app.federation.status(grant)).collect()
}

/// For `/health`: name and whether it answers. Why it does not is for the log.
pub(crate) fn health(app: &App) -> Vec<Value> {
    let all = statuses(app);
    all.iter()
        .map(|s| json!({"name": s.name, "status": if s.problem.is_none() { "ok" } else { "down" }}))
        .collect()
}

/// For `/metrics`.
pub(crate) fn metrics(app: &App, out: &mut String) {
    let all = statuses(app);
    let figures: [(&str, &str, &str, fn(&SourceStatus) -> u64); 3] = [
        ("kho_source_up", "gauge", "Whether a source answers.", |s| u64::from(s.problem.is_none())),
        ("kho_source_requests_total", "counter", "Tiles asked of a source.", |s| s.requests),
        ("kho_source_failures_total", "counter", "Tiles that a source did not give.", |s| s.failures),
    ];
    for (name, kind, help, figure) in figures {
        if !all.is_empty() {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        }
        for status in &all {
            let _ = writeln!(out, "{name}{{source=\"{}\"}} {}", status.name, figure(status));
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_one_segment() {
        assert_eq!(super::segment("gt.duong-1"), "gt.duong-1");
        assert_eq!(super::segment("gt.nhà máy\"?"), "gt.nh%C3%A0%20m%C3%A1y%22%3F");
    }
}
