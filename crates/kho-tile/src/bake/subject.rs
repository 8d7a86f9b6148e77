//! What goes into one archive: a layer, or several layers in one tile.

use crate::bake::seal;
use crate::engine::TileEngine;
use crate::grid::{Grid, TileFrame};
use crate::index::LayerIndex;
use crate::tile::Packing;
use crate::{BakeOptions, Encoding, Format, Representation, Tile, TileError};
use kho_access::Grant;
use kho_layer::{ColumnType, LayerDef};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Layers as their grants open them, under one name.
pub(super) struct Subject<'a> {
    pub name: String,
    pub members: Vec<Member<'a>>,
    /// Whether it is a composite: its tiles are made as [`TileEngine::composite`] makes them, though
    /// only one layer may have data.
    pub composite: bool,
}

/// A layer of it.
pub(super) struct Member<'a> {
    pub grant: &'a Grant,
    pub index: Arc<LayerIndex>,
}

impl Member<'_> {
    /// The first zoom at which the layer has tiles.
    pub fn first_zoom(&self) -> u8 {
        self.grant.layer().first_zoom()
    }
}

impl Subject<'_> {
    /// The newest snapshot that changed any of the layers.
    pub fn since(&self) -> i64 {
        self.members.iter().map(|m| m.index.version).max().unwrap_or_default()
    }

    /// A hash of all that tells its versions apart: of a layer, its open columns, for the snapshot
    /// stands beside it; of a composite, each layer's snapshot and columns.
    pub fn version(&self) -> u64 {
        if !self.composite {
            return self.members.first().map_or(0, |m| m.index.columns);
        }
        let words = self.members.iter().map(|m| (&m.index.layer, m.index.version, m.index.columns));
        let text: String = words.map(|(l, since, columns)| format!("{l} {since} {columns:x}\n")).collect();
        xxh3_64(text.as_bytes())
    }

    /// The first and the last zoom of its archive.
    pub fn zooms(&self, options: &BakeOptions) -> (u8, u8) {
        let first = self.members.iter().map(Member::first_zoom).min().unwrap_or_default();
        let last = self.members.iter().map(|m| m.grant.layer().zoom.max).max().unwrap_or_default();
        (options.min_zoom.unwrap_or(first).max(first), options.max_zoom.unwrap_or(last))
    }

    /// What the archive says of itself; `kho` is for the next bake.
    pub fn metadata(&self, (min, max): (u8, u8), format: Format, kho: Value) -> Value {
        let titles: Vec<&str> = self.members.iter().map(|m| m.grant.layer().title.vi.as_str()).collect();
        let layers: Vec<Value> = self
            .members
            .iter()
            .map(|m| {
                let layer = m.grant.layer();
                json!({
                    "id": layer.name,
                    "description": layer.title.vi,
                    "minzoom": m.first_zoom().max(min),
                    "maxzoom": max,
                    "fields": fields(m.grant),
                })
            })
            .collect();
        json!({
            "name": self.name,
            "description": titles.join("; "),
            "type": "overlay",
            // As tippecanoe and its readers call MVT.
            "format": if format == Format::Mvt { "pbf" } else { format.name() },
            "version": format!("{}.0.0", self.since()),
            "vector_layers": layers,
            "kho": kho,
        })
    }

    /// For the metadata: what was baked, and how.
    pub fn kho(&self, drawn: &str, manner: &str) -> Value {
        let member = |m: &Member<'_>| json!({"layer": m.index.layer, "since": m.index.version});
        let members: Vec<Value> = self.members.iter().map(member).collect();
        json!({
            "since": self.since(),
            "members": members,
            "drawn": drawn,
            "manner": manner,
        })
    }
}

fn fields(grant: &Grant) -> Map<String, Value> {
    let kind = |ty: ColumnType| match ty {
        ColumnType::Integer | ColumnType::Float => "Number",
        ColumnType::Boolean => "Boolean",
        _ => "String",
    };
    grant.open_columns().map(|c| (c.name.clone(), kind(c.ty).into())).collect()
}

/// A hash of what a layer's file says of its tiles. Everything counts but words, colours and columns
/// (which have a hash of their own), so that a key that comes later cannot be forgotten here.
fn definition(layer: &LayerDef) -> u64 {
    let mut value = serde_json::to_value(layer).unwrap_or_default();
    if let Some(keys) = value.as_object_mut() {
        for words in ["title", "description", "theme", "style", "column", "published"] {
            keys.remove(words);
        }
    }
    xxh3_64(value.to_string().as_bytes())
}

impl TileEngine {
    /// One layer; of several with a name, a composite.
    pub(super) async fn subject<'a>(
        &self,
        composite: Option<&str>,
        grants: &[&'a Grant],
    ) -> Result<Subject<'a>, TileError> {
        let mut members = Vec::with_capacity(grants.len());
        for &grant in grants {
            let index = self.index(grant, Grid::default()).await?;
            members.push(Member { grant, index });
        }
        let first = members.first().map(|m| m.index.layer.clone());
        let name = composite.map(str::to_owned).or(first).unwrap_or_default();
        Ok(Subject { name, members, composite: composite.is_some() })
    }

    /// Everything but the features that decides what is in the tiles.
    pub(super) fn drawn(&self, subject: &Subject<'_>) -> String {
        let drawing = self.drawing();
        let mut text = format!(
            "{}/{}/{}/{}",
            crate::tile::FORMAT,
            drawing.buffer,
            drawing.full_zoom,
            self.max_tile_bytes()
        );
        for m in &subject.members {
            let layer = m.grant.layer();
            // Where it is small a fabric is thinned below the full zoom, and else not.
            let woven = u8::from(self.is_whole(m.grant, &m.index, drawing.full_zoom.saturating_sub(1)));
            let rule = m.index.rule.as_ref().map_or(0, |rule| rule.id);
            let (columns, file) = (m.index.columns, definition(layer));
            text += &format!("/{}:{columns:016x}:{file:016x}:{rule:016x}:{woven}", layer.name);
        }
        text
    }

    /// The tile at a place that some of the layers have, gzipped; with the time that drawing and
    /// packing took.
    pub(super) async fn baked_tile(
        &self,
        subject: &Subject<'_>,
        (z, x, y): (u8, u32, u32),
        options: BakeOptions,
    ) -> Result<(Tile, Duration), TileError> {
        let (level, format) = (options.gzip_level, options.format);
        let wanted = move |encoding| Representation { format, encoding };
        let mut parts = Vec::with_capacity(subject.members.len());
        let mut all = Duration::ZERO;
        for m in &subject.members {
            if z < m.first_zoom() {
                continue;
            }
            let packing = match subject.composite {
                true => self.packing(m.grant, z, wanted(Encoding::Plain)),
                false => Packing { level, ..self.packing(m.grant, z, wanted(Encoding::Gzip)) },
            };
            let frame = TileFrame::new(Grid::default(), z, x, y, self.reach(m.grant, z))?;
            let overview = self.overview(m.grant, &m.index, &frame, z).await?;
            let (tile, took) = self
                .make_timed(&m.index, overview, frame, self.manner(m.grant, &m.index, z), packing)
                .await?;
            all += took;
            if !tile.body.is_empty() {
                parts.push((m.index.layer.clone(), tile));
            }
        }
        if !subject.composite || parts.is_empty() {
            let one = parts.pop().map(|(_, tile)| tile);
            return Ok((one.unwrap_or_else(Tile::empty), all));
        }
        let join = move || {
            let start = std::time::Instant::now();
            // One part is a whole tile but for its packing.
            (Tile::joined(&parts, wanted(Encoding::Gzip), level), start.elapsed())
        };
        let joined = tokio::task::spawn_blocking(join).await;
        let (tile, took) = joined.map_err(|e| TileError::Internal(e.to_string()))?;
        Ok((tile?, all + took))
    }
}

/// Whether a former archive's bytes can be built on: what was written in this run of the machine is
/// whole; of an older one every tile is looked at.
pub(super) fn is_sound(archive: &crate::Archive) -> bool {
    let here = seal::boot();
    (here.is_some() && archive.boot() == here.as_deref()) || archive.is_whole()
}
