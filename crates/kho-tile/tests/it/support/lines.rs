//! What tiles hold, as lines of text: equal lines, equal tiles, whichever their formats are.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests; each uses its part")]

use fast_mvt::{MvtReaderRef, MvtValue};
use mlt_core::{Decoder, Parser, PropValue, TileLayer};

/// A line for every feature of an MVT tile, plain: layer, extent, id, geometry, properties with their
/// types by name.
pub fn of_mvt(tile: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for layer in MvtReaderRef::new(tile).unwrap().to_tile().unwrap().layers {
        for feature in layer.features {
            let properties = feature.properties.into_iter().filter_map(|(name, value)| {
                let value = match value {
                    MvtValue::String(v) => format!("{v:?}"),
                    MvtValue::Float(v) => format!("float {v:?}"),
                    MvtValue::Double(v) => format!("double {v:?}"),
                    MvtValue::Int(v) | MvtValue::SInt(v) => format!("whole {v}"),
                    MvtValue::UInt(v) => format!("whole {v}"),
                    MvtValue::Bool(v) => format!("{v}"),
                    MvtValue::Null => return None,
                };
                Some(format!("{name}: {value}"))
            });
            let (name, extent) = (&layer.name, layer.extent.get());
            lines.push(line(name, extent, feature.id, &format!("{:?}", feature.geometry), properties));
        }
    }
    lines.sort_unstable();
    lines
}

/// The same for an MLT tile.
pub fn of_mlt(tile: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for layer in layers(tile) {
        for feature in layer.features() {
            let named = layer.property_names().iter().zip(feature.properties());
            let properties = named.filter_map(|(name, value)| {
                let value = match value {
                    PropValue::Str(v) => v.as_ref().map(|v| format!("{v:?}")),
                    PropValue::F32(v) => v.map(|v| format!("float {v:?}")),
                    PropValue::F64(v) => v.map(|v| format!("double {v:?}")),
                    PropValue::U32(v) => v.map(|v| format!("whole {v}")),
                    PropValue::I32(v) => v.map(|v| format!("whole {v}")),
                    PropValue::U64(v) => v.map(|v| format!("whole {v}")),
                    PropValue::I64(v) => v.map(|v| format!("whole {v}")),
                    PropValue::Bool(v) => v.map(|v| format!("{v}")),
                    PropValue::I8(_) | PropValue::U8(_) => panic!("{name} is a byte"),
                };
                value.map(|value| format!("{name}: {value}"))
            });
            let geometry = format!("{:?}", feature.geometry());
            lines.push(line(layer.name(), layer.extent().get(), feature.id(), &geometry, properties));
        }
    }
    lines.sort_unstable();
    lines
}

/// The layers of an MLT tile, read back.
pub fn layers(tile: &[u8]) -> Vec<TileLayer> {
    const ROOM: u32 = 1 << 28;
    let mut decoder = Decoder::with_max_size(ROOM);
    let layers = Parser::with_max_size(ROOM).parse_layers(tile).unwrap();
    let known = layers.into_iter().map(|layer| layer.into_layer01().unwrap());
    known.map(|layer| layer.into_tile(&mut decoder).unwrap()).collect()
}

fn line(
    layer: &str,
    extent: u32,
    id: Option<u64>,
    geometry: &str,
    properties: impl Iterator<Item = String>,
) -> String {
    let mut properties: Vec<String> = properties.collect();
    properties.sort_unstable();
    format!("{layer}/{extent}/{id:?} {geometry} {}", properties.join(", "))
}
