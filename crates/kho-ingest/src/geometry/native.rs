//! GeoArrow's native encodings (nested lists of x/y structs) → [`Shapes`].

use super::shapes::Head;
use super::{Reason, Shapes};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StructArray};
use arrow::datatypes::{DataType, Float64Type};
use kho_layer::GeometryKind;
use std::ops::Range;

/// Adds the geometry in `row` of a native array; `encoding` is GeoParquet's name of it.
pub(crate) fn push_native(shapes: &mut Shapes, array: &ArrayRef, row: usize, encoding: &str) {
    let mark = shapes.mark();
    let (kind, multi) = match encoding.trim_start_matches("geoarrow.") {
        "point" => (GeometryKind::Point, false),
        "linestring" => (GeometryKind::Line, false),
        "polygon" => (GeometryKind::Polygon, false),
        "multipoint" => (GeometryKind::Point, true),
        "multilinestring" => (GeometryKind::Line, true),
        _ => (GeometryKind::Polygon, true),
    };
    let mut mended = false;
    let pushed = if array.is_null(row) {
        Err(Reason::Empty)
    } else if multi {
        items(array, row).ok_or(Reason::NotWkb).and_then(|(child, run)| {
            run.into_iter().try_for_each(|i| part(shapes, &child, i, kind, &mut mended))
        })
    } else {
        part(shapes, array, row, kind, &mut mended)
    };
    shapes.end_shape(mark, pushed.map(|()| Head { kind, multi, mended }));
}

fn part(
    shapes: &mut Shapes,
    array: &ArrayRef,
    at: usize,
    kind: GeometryKind,
    mended: &mut bool,
) -> Result<(), Reason> {
    let start = shapes.x.len();
    match kind {
        GeometryKind::Point => {
            let (x, y) = xy(array).ok_or(Reason::NotWkb)?;
            if array.is_null(at) || (x.value(at).is_nan() && y.value(at).is_nan()) {
                return Ok(());
            }
            shapes.x.push(x.value(at));
            shapes.y.push(y.value(at));
            shapes.end_ring();
        }
        GeometryKind::Line => {
            if coords(shapes, array, at)? == 0 {
                return Ok(());
            }
            if shapes.x.len() - start < 2 {
                return Err(Reason::TooFewPoints);
            }
            shapes.end_ring();
        }
        GeometryKind::Polygon => {
            let (child, rings) = items(array, at).ok_or(Reason::NotWkb)?;
            let mut border = false;
            for ring in rings {
                let start = shapes.x.len();
                if coords(shapes, &child, ring)? > 0 {
                    shapes.finish_ring(start, border, mended)?;
                    border = true;
                }
            }
            if !border {
                return Ok(());
            }
        }
    }
    shapes.end_part();
    Ok(())
}

fn coords(shapes: &mut Shapes, array: &ArrayRef, at: usize) -> Result<usize, Reason> {
    let (child, run) = items(array, at).ok_or(Reason::NotWkb)?;
    let (x, y) = xy(&child).ok_or(Reason::NotWkb)?;
    let start = shapes.x.len();
    for i in run.clone() {
        shapes.push(start, x.value(i), y.value(i));
    }
    Ok(run.len())
}

fn items(array: &ArrayRef, at: usize) -> Option<(ArrayRef, Range<usize>)> {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let o = list.value_offsets();
            Some((list.values().clone(), o[at] as usize..o[at + 1] as usize))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let o = list.value_offsets();
            Some((list.values().clone(), o[at] as usize..o[at + 1] as usize))
        }
        _ => None,
    }
}

fn xy(array: &ArrayRef) -> Option<(&Float64Array, &Float64Array)> {
    let coords: &StructArray = array.as_struct_opt()?;
    let get = |name| coords.column_by_name(name)?.as_primitive_opt::<Float64Type>();
    Some((get("x")?, get("y")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{FixedSizeListArray, ListArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Field;
    use std::sync::Arc;

    fn points(xy: &[(f64, f64)]) -> ArrayRef {
        let column = |f: fn(&(f64, f64)) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(xy.iter().map(f)))
        };
        Arc::new(StructArray::from(vec![
            (Arc::new(Field::new("x", DataType::Float64, false)), column(|p| p.0)),
            (Arc::new(Field::new("y", DataType::Float64, false)), column(|p| p.1)),
        ]))
    }

    fn list(lengths: &[usize], values: ArrayRef) -> ArrayRef {
        let field = Arc::new(Field::new("item", values.data_type().clone(), false));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), values, None))
    }

    #[test]
    fn native_polygons_are_read_like_wkb() {
        let ring = points(&[(0., 0.), (4., 0.), (4., 4.), (0., 4.), (0., 0.), (9., 9.)]);
        let polygons = list(&[1], list(&[5], ring));
        let mut shapes = Shapes::default();
        push_native(&mut shapes, &polygons, 0, "polygon");
        assert_eq!(shapes.twice_area_of(0), 32.0);
        let lines = list(&[2, 1], points(&[(0., 0.), (1., 0.), (1., 1.)]));
        push_native(&mut shapes, &lines, 0, "linestring");
        push_native(&mut shapes, &lines, 1, "linestring");
        assert!(shapes.head(1).is_ok());
        assert_eq!(shapes.head(2), Err(Reason::TooFewPoints));
        let odd: ArrayRef = Arc::new(FixedSizeListArray::new_null(
            Arc::new(Field::new("item", DataType::Float64, true)),
            2,
            1,
        ));
        push_native(&mut shapes, &odd, 0, "linestring");
        assert!(shapes.head(3).is_err());
    }
}
