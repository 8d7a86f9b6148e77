//! Of which type a column is. MVT gives each value a type of its own; in MLT a column has one.

use mlt_core::fast_mvt::MvtValueRef;
use mlt_core::{PropKind, PropValue};

/// The whole numbers up to this, and down to its opposite, are doubles exactly.
const EXACT: i128 = 1 << 53;

/// What values a column holds.
#[derive(Debug, Default)]
pub(super) struct Column {
    text: bool,
    truth: bool,
    float: bool,
    double: bool,
    /// The least and the greatest whole number.
    whole: Option<(i128, i128)>,
}

impl Column {
    pub fn add(&mut self, value: MvtValueRef<'_>) {
        match value {
            MvtValueRef::String(_) => self.text = true,
            MvtValueRef::Bool(_) => self.truth = true,
            MvtValueRef::Float(_) => self.float = true,
            MvtValueRef::Double(_) => self.double = true,
            MvtValueRef::Int(_) | MvtValueRef::SInt(_) | MvtValueRef::UInt(_) => {
                if let Some(n) = whole(value) {
                    let (least, most) = self.whole.unwrap_or((n, n));
                    self.whole = Some((least.min(n), most.max(n)));
                }
            }
            MvtValueRef::Null => {}
        }
    }

    /// The type that holds all of its values as they are. Where none does, which no tile of kho's own
    /// has, they become text.
    pub fn kind(&self) -> PropKind {
        let number = self.float || self.double || self.whole.is_some();
        match (self.text, self.truth, number) {
            (false, true, false) => PropKind::Bool,
            (false, false, true) => self.number(),
            _ => PropKind::Str,
        }
    }

    fn number(&self) -> PropKind {
        let fractions = self.float || self.double;
        let Some((least, most)) = self.whole else {
            return if self.double { PropKind::F64 } else { PropKind::F32 };
        };
        let within = |low: i128, high: i128| low <= least && most <= high;
        if fractions {
            return if within(-EXACT, EXACT) { PropKind::F64 } else { PropKind::Str };
        }
        if within(0, u32::MAX.into()) {
            PropKind::U32
        } else if within(i32::MIN.into(), i32::MAX.into()) {
            PropKind::I32
        } else if within(-EXACT, EXACT) {
            // MapLibre GL reads 64-bit integers as BigInt, which no style expression takes for a number
            // (https://github.com/maplibre/maplibre-tile-spec/pull/1465). As doubles they are the
            // numbers that it makes of the same integers in an MVT tile.
            PropKind::F64
        } else if within(0, u64::MAX.into()) {
            PropKind::U64
        } else if within(i64::MIN.into(), i64::MAX.into()) {
            PropKind::I64
        } else {
            PropKind::Str
        }
    }
}

/// A value in a column of a type that holds it.
pub(super) fn cell(kind: PropKind, value: MvtValueRef<'_>) -> PropValue {
    let n = whole(value);
    match kind {
        PropKind::Str => PropValue::Str(text(value)),
        PropKind::U32 => PropValue::U32(n.and_then(|n| n.try_into().ok())),
        PropKind::I32 => PropValue::I32(n.and_then(|n| n.try_into().ok())),
        PropKind::U64 => PropValue::U64(n.and_then(|n| n.try_into().ok())),
        PropKind::I64 => PropValue::I64(n.and_then(|n| n.try_into().ok())),
        PropKind::F64 => PropValue::F64(match value {
            MvtValueRef::Float(v) => Some(v.into()),
            MvtValueRef::Double(v) => Some(v),
            _ => n.map(|n| n as f64),
        }),
        PropKind::F32 => PropValue::F32(if let MvtValueRef::Float(v) = value { Some(v) } else { None }),
        PropKind::Bool => PropValue::Bool(if let MvtValueRef::Bool(v) = value { Some(v) } else { None }),
        PropKind::I8 | PropKind::U8 => PropValue::null(kind),
    }
}

/// A whole number, of whichever of MVT's three types.
fn whole(value: MvtValueRef<'_>) -> Option<i128> {
    match value {
        MvtValueRef::Int(n) | MvtValueRef::SInt(n) => Some(n.into()),
        MvtValueRef::UInt(n) => Some(n.into()),
        _ => None,
    }
}

fn text(value: MvtValueRef<'_>) -> Option<String> {
    Some(match value {
        MvtValueRef::String(v) => v.to_owned(),
        MvtValueRef::Float(v) => v.to_string(),
        MvtValueRef::Double(v) => v.to_string(),
        MvtValueRef::Int(v) | MvtValueRef::SInt(v) => v.to_string(),
        MvtValueRef::UInt(v) => v.to_string(),
        MvtValueRef::Bool(v) => v.to_string(),
        MvtValueRef::Null => return None,
    })
}
