//! A draft of a layer's definition from a file.

use crate::column::{boolean, date, float, fold_name, integer, timestamp};
use crate::geometry::{Reason, Shapes, push_native};
use crate::source::{Encoding, Location, open};
use crate::{IngestError, ReadOptions};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field};
use kho_layer::{
    AccessClass, Column, ColumnType, GeometryKind, LayerDef, LayerStyle, Overview, OverviewRule, Text,
    ZoomRange,
};
use std::collections::HashSet;

/// Drafts the definition of the layer `name` from the delivery at `path`, which is read whole:
/// column types from the file's own types (from the values, for CSV), the kind of geometry, a key
/// if some id-like column is unique, titles from the column names. If a feature has no geometry, the
/// layer allows that. Columns are internal, or, with `public`, public and the layer published.
///
/// # Errors
/// [`IngestError`], as for [`crate::read_source`]; the coordinate system is not looked at.
pub fn infer_layer(
    name: &str,
    path: &str,
    opts: &ReadOptions,
    public: bool,
) -> Result<LayerDef, IngestError> {
    let location = Location::find(path)?;
    let opened = open(&location, opts.source_layer.as_deref())?;
    let typed = opened.typed;
    let mut columns: Vec<Guess> = opened
        .schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(i, f)| *i != opened.geometry && !f.data_type().is_nested())
        .map(|(i, f)| Guess::new(i, f, typed))
        .collect();
    let mut kinds = [0u64; 3];
    let (mut features, mut undrawn) = (0, 0);
    let (geometry, encoding) = (opened.geometry, opened.encoding);
    let mut reader = opened.reader;
    reader.read(opts.rows(), &mut |batch: RecordBatch| {
        features += batch.num_rows() as u64;
        for column in &mut columns {
            column.look(batch.column(column.index));
        }
        undrawn += count_kinds(batch.column(geometry), &encoding, &mut kinds);
        true
    })?;
    let declared = || opened.kinds.and_then(|k| k.first().copied());
    let geometry = most(&kinds).or_else(declared).ok_or_else(|| match features {
        0 => IngestError::NoFeatures { path: path.into() },
        _ => {
            IngestError::NoGeometry { path: path.into(), hint: ": every feature's geometry is empty".into() }
        }
    })?;

    let access = if public { AccessClass::Public } else { AccessClass::Internal };
    let mut taken = HashSet::from(["kho_id".to_owned(), "geometry".to_owned()]);
    let mut key: Option<(u8, String)> = None;
    let mut label = None;
    let mut defined = Vec::with_capacity(columns.len());
    // Bytes that are mostly no text are another geometry or a picture.
    for guess in columns.iter().filter(|c| c.values == 0 || c.binary * 2 < c.values) {
        let column_name = unique_name(&guess.name, &mut taken);
        if let Some(rank) = guess.key_rank(features)
            && key.as_ref().is_none_or(|(best, _)| rank < *best)
        {
            key = Some((rank, column_name.clone()));
        }
        if label.is_none() && ["ten", "name", "ten_doi_tuong"].contains(&column_name.as_str()) {
            label = Some(column_name.clone());
        }
        let aliases =
            if fold_name(&guess.name) == column_name { Vec::new() } else { vec![guess.name.clone()] };
        defined.push(Column {
            ty: guess.ty(),
            title: Text::new(title(&guess.name), ""),
            access,
            code_list: None,
            unit: None,
            required: false,
            aliases,
            name: column_name,
        });
    }
    let layer = LayerDef {
        name: name.to_owned(),
        title: Text::new(title(name), ""),
        description: None,
        theme: "other".into(),
        geometry,
        geometry_optional: undrawn > 0,
        key: key.map(|(_, k)| k).into_iter().collect(),
        published: public,
        fabric: false,
        valid_from: None,
        valid_to: None,
        zoom: zoom(features),
        overview: overview(features, geometry),
        style: LayerStyle { label, ..LayerStyle::derived(name, geometry) },
        columns: defined,
    };
    layer.check()?;
    Ok(layer)
}

/// The first zoom at which this many features make a readable tile.
fn zoom(features: u64) -> ZoomRange {
    let min = match features {
        0..=1_000 => 5,
        1_001..=20_000 => 10,
        _ => 12,
    };
    ZoomRange { min, max: 16 }
}

/// What the zooms below it show, of a layer that begins too late to be found from afar. Which values
/// make a class is for people to say, so nothing is coalesced here.
fn overview(features: u64, geometry: GeometryKind) -> Option<Overview> {
    let rule = match geometry {
        GeometryKind::Point => OverviewRule::Cluster,
        GeometryKind::Line | GeometryKind::Polygon => OverviewRule::DropSmallest,
    };
    let min = zoom(features).min;
    (features > 1_000).then(|| Overview::new(min.saturating_sub(4), rule))
}

const KINDS: [GeometryKind; 3] = [GeometryKind::Point, GeometryKind::Line, GeometryKind::Polygon];

/// Counts the shapes of each kind; gives how many features have none.
fn count_kinds(column: &ArrayRef, encoding: &Encoding, kinds: &mut [u64; 3]) -> u64 {
    let mut undrawn = 0;
    let mut shapes = Shapes::default();
    for row in 0..column.len() {
        shapes.rewind_all();
        match encoding {
            Encoding::Wkb => shapes
                .push_wkb(column.as_binary_opt::<i32>().filter(|a| a.is_valid(row)).map(|a| a.value(row))),
            Encoding::Native(name) => push_native(&mut shapes, column, row, name),
        }
        match shapes.head(0) {
            Ok(head) => {
                for (_, n) in KINDS.iter().zip(&mut *kinds).filter(|(k, _)| **k == head.kind) {
                    *n += 1;
                }
            }
            Err(Reason::Empty) => undrawn += 1,
            Err(_) => {}
        }
    }
    undrawn
}

fn most(kinds: &[u64; 3]) -> Option<GeometryKind> {
    let most = *kinds.iter().max()?;
    let at = kinds.iter().position(|n| *n == most && most > 0)?;
    KINDS.get(at).copied()
}

/// `Diện tích (m2)` → `Diện tích (m2)`; `dien_tich` → `dien tich`.
fn title(name: &str) -> String {
    name.replace('_', " ").trim().to_owned()
}

/// A name that SQL takes without quotes: folded, camel case split, each at most once.
fn unique_name(name: &str, taken: &mut HashSet<String>) -> String {
    let mut split = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for c in name.chars() {
        if before.is_lowercase() && c.is_uppercase() {
            split.push('_');
        }
        split.push(c);
        before = c;
    }
    let mut safe = String::with_capacity(split.len());
    for c in fold_name(&split).chars() {
        match c {
            'a'..='z' | '0'..='9' => safe.push(c),
            _ if safe.ends_with('_') || safe.is_empty() => {}
            _ => safe.push('_'),
        }
    }
    let mut safe = safe.trim_end_matches('_').to_owned();
    if !safe.starts_with(|c: char| c.is_ascii_lowercase()) {
        safe = format!("c_{safe}").trim_end_matches('_').to_owned();
    }
    safe.truncate(58);
    let mut unique = safe.clone();
    let mut n = 2;
    while !taken.insert(unique.clone()) {
        unique = format!("{safe}_{n}");
        n += 1;
    }
    unique
}

/// What has been seen of a column.
struct Guess {
    index: usize,
    name: String,
    /// The type its file gives it; `None` where the values must tell.
    declared: Option<ColumnType>,
    /// Types that all values so far can be read as, most specific first.
    possible: Vec<ColumnType>,
    values: u64,
    /// Values among them that are no UTF-8.
    binary: u64,
    /// Hashes of the values while they are all different.
    unique: Option<HashSet<u64>>,
}

impl Guess {
    fn new(index: usize, field: &Field, typed: bool) -> Self {
        let declared = match field.data_type() {
            DataType::Boolean => Some(ColumnType::Boolean),
            t if t.is_integer() => Some(ColumnType::Integer),
            t if t.is_numeric() => Some(ColumnType::Float),
            DataType::Date32 => Some(ColumnType::Date),
            DataType::Date64 | DataType::Timestamp(..) => Some(ColumnType::Timestamp),
            DataType::Binary if !typed => None,
            _ => Some(ColumnType::Text),
        };
        let name = field.name().clone();
        let may_be_key =
            rank(&name).is_some() && matches!(declared, None | Some(ColumnType::Integer | ColumnType::Text));
        Self {
            index,
            declared,
            possible: vec![
                ColumnType::Integer,
                ColumnType::Float,
                ColumnType::Date,
                ColumnType::Timestamp,
                ColumnType::Boolean,
            ],
            values: 0,
            binary: 0,
            unique: may_be_key.then(HashSet::new),
            name,
        }
    }

    fn look(&mut self, array: &ArrayRef) {
        let mut bytes = Vec::new();
        for row in 0..array.len() {
            if array.is_null(row) {
                continue;
            }
            if let Some(text) = array.as_binary_opt::<i32>() {
                let Ok(text) = std::str::from_utf8(text.value(row)) else {
                    self.binary += 1;
                    self.values += 1;
                    self.possible.clear();
                    continue;
                };
                if text.trim().is_empty() {
                    continue;
                }
                if self.declared.is_none() {
                    self.possible.retain(|ty| fits(*ty, text.trim()));
                }
            }
            self.values += 1;
            if let Some(unique) = &mut self.unique {
                bytes.clear();
                match array.as_binary_opt::<i32>() {
                    Some(text) => bytes.extend_from_slice(text.value(row).trim_ascii()),
                    None => {
                        crate::column::write_key(array.as_ref(), row, &mut bytes);
                    }
                }
                if !unique.insert(kho_layer::FeatureIds::hash(&bytes)) {
                    self.unique = None;
                }
            }
        }
    }

    fn ty(&self) -> ColumnType {
        self.declared.unwrap_or_else(|| match self.possible.first() {
            Some(ty) if self.values > 0 => *ty,
            _ => ColumnType::Text,
        })
    }

    /// How well it would do as a key; lower is better.
    fn key_rank(&self, features: u64) -> Option<u8> {
        (features > 0 && self.values == features && self.unique.is_some()).then(|| rank(&self.name)).flatten()
    }
}

/// How much a name sounds like a key: codes people use, then ids of systems, then row numbers
/// that change with every export.
fn rank(name: &str) -> Option<u8> {
    let name = fold_name(name);
    match name.as_str() {
        "objectid" | "fid" | "gid" | "ogc_fid" | "stt" => Some(4),
        "id" | "uuid" | "globalid" => Some(2),
        "ma" | "code" | "key" => Some(0),
        _ if name.starts_with("ma_") || name.starts_with("so_hieu") => Some(0),
        _ if name.starts_with("ma") && name.len() > 4 && name != "material" => Some(1),
        _ if name.ends_with("_id") || name.ends_with("code") => Some(1),
        _ if name.ends_with("id") || name.contains("_id") => Some(3),
        _ => None,
    }
}

/// Whether a value can be read as a type without losing anything: `007` is no integer.
fn fits(ty: ColumnType, text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    let padded =
        digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.") && !digits.starts_with("0,");
    match ty {
        ColumnType::Integer => !padded && text.parse::<i64>().is_ok() && integer(text).is_some(),
        ColumnType::Float => !padded && float(text).is_some(),
        ColumnType::Date => {
            text.contains(['/', '-', '.']) && !text.contains(['T', ' ']) && date(text).is_some()
        }
        ColumnType::Timestamp => text.contains(['T', ' ']) && timestamp(text).is_some(),
        ColumnType::Boolean => {
            !text.bytes().any(|b| b.is_ascii_digit()) && text.chars().count() > 1 && boolean(text).is_some()
        }
        ColumnType::Text => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_sql_names() {
        let mut taken = HashSet::from(["geometry".to_owned()]);
        let mut name = |n| unique_name(n, &mut taken);
        assert_eq!(name("maThongTinQH"), "ma_thong_tin_qh");
        assert_eq!(name("Diện tích (m²)"), "dien_tich_m");
        assert_eq!(name("OBJECTID"), "objectid");
        assert_eq!(name("2020"), "c_2020");
        assert_eq!(name("geometry"), "geometry_2");
        assert_eq!(name("objectid"), "objectid_2");
        assert_eq!(name("日本"), "c");
        assert!(kho_layer::is_name(&name(&"a".repeat(200))));
    }

    #[test]
    fn values_tell_types() {
        assert!(fits(ColumnType::Integer, "12") && !fits(ColumnType::Integer, "012"));
        assert!(fits(ColumnType::Float, "0,5") && !fits(ColumnType::Float, "00,5"));
        assert!(fits(ColumnType::Date, "01/11/2024") && !fits(ColumnType::Date, "20241101"));
        assert!(fits(ColumnType::Boolean, "có") && !fits(ColumnType::Boolean, "1"));
    }
}
