//! The tiles of each layer in figures, for `/metrics`. The names are those of layers and composites that
//! everybody may see, so there is at most a series for each of these and each zoom.

use std::fmt::Write as _;

use kho_access::Grant;
use kho_tile::{LayerFigures, ZoomStats};

use super::composite;
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Catalogue;
use crate::http::metrics::{escape, heading};
use crate::http::problem::Problem;

/// A figure: its name, kind and meaning, and how it is had.
type Figure<T> = (&'static str, &'static str, &'static str, fn(&T) -> f64);

const ON_DEMAND: [Figure<LayerFigures>; 5] = [
    ("kho_layer_tiles_made_total", "counter", "Tiles of a layer made on demand, empty ones too.", |f| {
        f.tiles as f64
    }),
    ("kho_layer_tile_bytes_total", "counter", "Bytes of these, as they were packed.", |f| f.bytes as f64),
    ("kho_layer_tile_features_total", "counter", "Features in these.", |f| f.features as f64),
    ("kho_layer_tile_left_out_total", "counter", "Features left out of these for their size.", |f| {
        f.left_out as f64
    }),
    ("kho_layer_tile_slowest_seconds", "gauge", "The slowest of these, from blocks to bytes.", |f| {
        f.slowest_micros as f64 / 1e6
    }),
];

const BAKED: [Figure<ZoomStats>; 4] = [
    ("kho_baked_tiles", "gauge", "Tiles in the current bake.", |z| z.tiles as f64),
    ("kho_baked_tile_bytes", "gauge", "Compressed bytes of these.", |z| z.bytes as f64),
    ("kho_baked_largest_tile_bytes", "gauge", "The compressed size of the largest of these.", |z| {
        z.largest_bytes as f64
    }),
    ("kho_baked_left_out_ratio", "gauge", "The share of features left out of these for their size.", |z| {
        z.left_out_share()
    }),
];

/// All of them at the current snapshot.
pub(crate) async fn text(app: &App) -> Result<String, Problem> {
    let catalogue = Catalogue::at(app, app.current().await?).await?;
    let at = At { catalogue, pinned: false };
    let (mut made, mut baked, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for layer in &at.catalogue.layers {
        let name = layer.name();
        made.extend(app.tiles.layer_stats(name).into_iter().flatten().map(|f| (name, f.zoom, f)));
        if let Some(archive) = app.bakes.archive(&app.tiles, &layer.grant).await? {
            files.push((name, archive.file().len(), archive.unused_bytes()));
            baked.extend(archive.stats().into_iter().flatten().map(|z| (name, z.zoom, z)));
        }
    }
    for (name, layers) in composite::all(app, &at) {
        let grants: Vec<&Grant> = layers.iter().map(|layer| &layer.grant).collect();
        if let Some(archive) = app.bakes.composite(&app.tiles, name, &grants).await? {
            files.push((name, archive.file().len(), archive.unused_bytes()));
            baked.extend(archive.stats().into_iter().flatten().map(|z| (name, z.zoom, z)));
        }
    }
    let mut out = String::new();
    by_zoom(&mut out, &ON_DEMAND, &made);
    by_zoom(&mut out, &BAKED, &baked);
    for (metric, help, which) in [
        ("kho_baked_file_bytes", "The size of the current bake.", false),
        ("kho_baked_unused_bytes", "Bytes of it that no tile uses any more.", true),
    ] {
        heading(&mut out, metric, "gauge", help);
        for (name, size, unused) in &files {
            let value = if which { *unused } else { *size as u64 };
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{metric}{{layer=\"{}\"}} {value}", escape(name));
        }
    }
    Ok(out)
}

fn by_zoom<T>(out: &mut String, figures: &[Figure<T>], all: &[(&str, u8, T)]) {
    for (metric, kind, help, value) in figures {
        heading(out, metric, kind, help);
        for (name, zoom, of) in all {
            let _ = writeln!(out, "{metric}{{layer=\"{}\",zoom=\"{zoom}\"}} {}", escape(name), value(of));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_its_heading_once() {
        let mut out = String::new();
        let figures = LayerFigures { zoom: 14, tiles: 3, slowest_micros: 1_500, ..LayerFigures::default() };
        by_zoom(&mut out, &ON_DEMAND, &[("road", 14, figures), ("road", 15, figures)]);
        assert!(out.contains("kho_layer_tiles_made_total{layer=\"road\",zoom=\"14\"} 3\n"));
        assert!(out.contains("kho_layer_tile_slowest_seconds{layer=\"road\",zoom=\"15\"} 0.0015\n"));
        assert_eq!(out.matches("# TYPE kho_layer_tiles_made_total counter").count(), 1);
    }
}
