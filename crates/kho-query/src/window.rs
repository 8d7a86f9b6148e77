//! ST_Intersects against one fixed geometry, bounding boxes first.
//!
//! A window leaves some row groups, and most features in them lie plainly outside of it, or
//! plainly inside. Sedona's kernels parse every geometry; here the coordinates are only looked
//! over, and what neither the boxes nor the rectangle decide is left to the kernel.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use kho_lake::wkb_bounds;
use sedona_expr::function_set::FunctionSet;
use sedona_expr::scalar_udf::{ScalarKernelRef, SedonaScalarKernel};
use sedona_schema::datatypes::{Edges, SedonaType};
use std::sync::Arc;

/// Puts the boxes in front of every planar kernel of ST_Intersects.
pub(crate) fn apply(functions: &mut FunctionSet) {
    if let Some(udf) = functions.scalar_udf_mut("st_intersects") {
        let kernels = udf.kernels().iter().cloned().map(|k| Arc::new(BoxesFirst(k)) as ScalarKernelRef);
        *udf = udf.clone().with_kernels(kernels.collect());
    }
}

#[derive(Debug)]
struct BoxesFirst(ScalarKernelRef);

impl SedonaScalarKernel for BoxesFirst {
    fn return_type(&self, args: &[SedonaType]) -> Result<Option<SedonaType>> {
        self.0.return_type(args)
    }

    fn return_type_from_args_and_scalars(
        &self,
        args: &[SedonaType],
        scalars: &[Option<&ScalarValue>],
    ) -> Result<Option<SedonaType>> {
        self.0.return_type_from_args_and_scalars(args, scalars)
    }

    fn invoke_batch(&self, arg_types: &[SedonaType], args: &[ColumnarValue]) -> Result<ColumnarValue> {
        self.invoke_batch_from_args(arg_types, args, &SedonaType::Arrow(DataType::Boolean), 1, None)
    }

    fn invoke_batch_from_args(
        &self,
        arg_types: &[SedonaType],
        args: &[ColumnarValue],
        return_type: &SedonaType,
        num_rows: usize,
        config: Option<&ConfigOptions>,
    ) -> Result<ColumnarValue> {
        let kernel = |args: &[ColumnarValue], rows| {
            self.0.invoke_batch_from_args(arg_types, args, return_type, rows, config)
        };
        let (position, array, window) = match args {
            [ColumnarValue::Array(a), ColumnarValue::Scalar(s)] if planar(arg_types) => (0, a, window(s)),
            [ColumnarValue::Scalar(s), ColumnarValue::Array(a)] if planar(arg_types) => (1, a, window(s)),
            _ => return kernel(args, num_rows),
        };
        let Some((decided, open)) = window.and_then(|w| w.decide(array)) else {
            return kernel(args, num_rows);
        };
        if open.is_empty() {
            return Ok(ColumnarValue::Array(Arc::new(decided)));
        }
        if open.len() == array.len() {
            return kernel(args, num_rows);
        }
        let open = UInt32Array::from(open);
        let mut rest = args.to_vec();
        rest[position] = ColumnarValue::Array(take(array, &open, None)?);
        let answers = kernel(&rest, open.len())?.into_array(open.len())?;
        Ok(ColumnarValue::Array(Arc::new(scatter(&decided, &open, answers.as_boolean()))))
    }
}

fn planar(types: &[SedonaType]) -> bool {
    types.iter().all(|t| {
        matches!(
            t,
            SedonaType::Wkb(Edges::Planar, _)
                | SedonaType::WkbLarge(Edges::Planar, _)
                | SedonaType::WkbView(Edges::Planar, _)
        )
    })
}

struct Window {
    bounds: [f64; 4],
    /// Whether the geometry is the box itself, so that what lies in the box meets it.
    rectangle: bool,
}

fn window(scalar: &ScalarValue) -> Option<Window> {
    let (ScalarValue::Binary(Some(wkb))
    | ScalarValue::LargeBinary(Some(wkb))
    | ScalarValue::BinaryView(Some(wkb))) = scalar
    else {
        return None;
    };
    let bounds = wkb_bounds(wkb).filter(|b| b.iter().all(|v| v.is_finite()))?;
    Some(Window { bounds, rectangle: is_rectangle(wkb, &bounds) })
}

/// Whether little-endian WKB is a polygon of one ring of five points along the edges of `b`.
fn is_rectangle(wkb: &[u8], b: &[f64; 4]) -> bool {
    const HEAD: [u8; 13] = [1, 3, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0];
    let Some(coords) = wkb.strip_prefix(&HEAD).filter(|c| c.len() == 80) else {
        return false;
    };
    let ordinate = |i: usize| {
        coords.get(i * 8..).and_then(|c| c.first_chunk()).map_or(f64::NAN, |c| f64::from_le_bytes(*c))
    };
    let points: Vec<(f64, f64)> = (0..5).map(|i| (ordinate(2 * i), ordinate(2 * i + 1))).collect();
    let on_corner = |(x, y): &(f64, f64)| (*x == b[0] || *x == b[2]) && (*y == b[1] || *y == b[3]);
    let one_step = |w: &[(f64, f64)]| (w[0].0 == w[1].0) != (w[0].1 == w[1].1);
    let opposite = points[0].0 != points[2].0 && points[0].1 != points[2].1;
    points.iter().all(on_corner) && points.windows(2).all(one_step) && opposite && points[0] == points[4]
}

impl Window {
    /// The answers that boxes can give, and the rows that are open. Nothing if the array's
    /// layout is not one of bytes.
    fn decide(&self, array: &ArrayRef) -> Option<(BooleanArray, Vec<u32>)> {
        let mut answers = BooleanBuilder::with_capacity(array.len());
        let mut open = Vec::new();
        let mut one = |row: usize, wkb: Option<&[u8]>| match wkb.map(|w| self.answer(w)) {
            None => answers.append_null(),
            Some(Some(known)) => answers.append_value(known),
            Some(None) => {
                open.push(row as u32);
                answers.append_value(false);
            }
        };
        match array.data_type() {
            DataType::Binary => array.as_binary::<i32>().iter().enumerate().for_each(|(i, w)| one(i, w)),
            DataType::LargeBinary => array.as_binary::<i64>().iter().enumerate().for_each(|(i, w)| one(i, w)),
            DataType::BinaryView => array.as_binary_view().iter().enumerate().for_each(|(i, w)| one(i, w)),
            _ => return None,
        }
        Some((answers.finish(), open))
    }

    fn answer(&self, wkb: &[u8]) -> Option<bool> {
        // No bounds: empty or not WKB; the kernel knows what to say.
        let g = wkb_bounds(wkb)?;
        let w = &self.bounds;
        if g[0] > w[2] || g[2] < w[0] || g[1] > w[3] || g[3] < w[1] {
            return Some(false);
        }
        let inside = g[0] >= w[0] && g[2] <= w[2] && g[1] >= w[1] && g[3] <= w[3];
        (inside && self.rectangle).then_some(true)
    }
}

fn scatter(decided: &BooleanArray, open: &UInt32Array, answers: &BooleanArray) -> BooleanArray {
    let mut out = BooleanBuilder::with_capacity(decided.len());
    let mut next = open.values().iter().zip(answers).peekable();
    for (row, known) in decided.iter().enumerate() {
        match next.next_if(|(i, _)| **i as usize == row) {
            Some((_, answer)) => out.append_option(answer),
            None => out.append_option(known),
        }
    }
    out.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use arrow::array::BinaryArray;
    use datafusion::arrow::datatypes::Field;
    use datafusion::logical_expr::{ScalarFunctionArgs, ScalarUDF};
    use proptest::prelude::*;

    fn polygon(points: &[(f64, f64)]) -> Vec<u8> {
        let mut out = vec![1, 3, 0, 0, 0, 1, 0, 0, 0];
        out.extend((points.len() as u32).to_le_bytes());
        for (x, y) in points {
            out.extend(x.to_le_bytes());
            out.extend(y.to_le_bytes());
        }
        out
    }

    fn rectangle(x: f64, y: f64, w: f64, h: f64) -> Vec<u8> {
        polygon(&[(x, y), (x, y + h), (x + w, y + h), (x + w, y), (x, y)])
    }

    fn triangle(x: f64, y: f64, w: f64, h: f64) -> Vec<u8> {
        polygon(&[(x, y), (x + w, y), (x, y + h), (x, y)])
    }

    fn ask(udf: &ScalarUDF, array: &ArrayRef, window: &[u8], flip: bool) -> BooleanArray {
        let field = Arc::new(SedonaType::Wkb(Edges::Planar, None).to_storage_field("g", true).unwrap());
        let mut args = vec![
            ColumnarValue::Array(Arc::clone(array)),
            ColumnarValue::Scalar(ScalarValue::Binary(Some(window.to_vec()))),
        ];
        if flip {
            args.reverse();
        }
        let asked = ScalarFunctionArgs {
            args,
            arg_fields: vec![Arc::clone(&field), field],
            number_rows: array.len(),
            return_field: Arc::new(Field::new("", DataType::Boolean, true)),
            config_options: Arc::default(),
        };
        let answer = udf.invoke_with_args(asked).unwrap().into_array(array.len()).unwrap();
        answer.as_boolean().clone()
    }

    fn udfs() -> (ScalarUDF, ScalarUDF) {
        let mut functions = sedona_functions::register::default_function_set();
        for (name, kernels) in sedona_tg::register::scalar_kernels() {
            functions.add_scalar_udf_impl(name, kernels).unwrap();
        }
        let plain = functions.scalar_udf("st_intersects").unwrap().clone();
        apply(&mut functions);
        let ours = functions.scalar_udf("st_intersects").unwrap().clone();
        (plain.into(), ours.into())
    }

    proptest! {
        /// The same answers as the kernel alone, for windows that are boxes and that are not,
        /// on a coarse grid so that edges and corners meet often.
        #[test]
        fn boxes_change_no_answer(
            shapes in proptest::collection::vec((0_i8..8, 0_i8..8, 1_i8..4, 1_i8..4, any::<bool>(), any::<bool>()), 1..40),
            w in (0_i8..8, 0_i8..8, 1_i8..5, 1_i8..5, any::<bool>()),
            flip in any::<bool>(),
        ) {
            let (plain, ours) = udfs();
            let make = |(x, y, dx, dy): (i8, i8, i8, i8), boxy: bool| {
                let [x, y, dx, dy] = [x, y, dx, dy].map(f64::from);
                if boxy { rectangle(x, y, dx, dy) } else { triangle(x, y, dx, dy) }
            };
            let array: BinaryArray = shapes
                .iter()
                .map(|(x, y, dx, dy, boxy, null)| (!null).then(|| make((*x, *y, *dx, *dy), *boxy)))
                .collect();
            let array: ArrayRef = Arc::new(array);
            let window = make((w.0, w.1, w.2, w.3), w.4);
            prop_assert_eq!(ask(&plain, &array, &window, flip), ask(&ours, &array, &window, flip));
        }
    }

    #[test]
    fn rectangles_are_told_from_what_only_looks_like_one() {
        let check = |wkb: &[u8]| is_rectangle(wkb, &wkb_bounds(wkb).unwrap());
        assert!(check(&rectangle(1.0, 2.0, 3.0, 4.0)));
        assert!(!check(&polygon(&[(0., 0.), (1., 1.), (1., 0.), (0., 1.), (0., 0.)])), "a bow tie");
        assert!(!check(&polygon(&[(0., 0.), (1., 0.), (0., 0.), (0., 1.), (0., 0.)])), "an L without area");
        assert!(!check(&triangle(0., 0., 1., 1.)));
    }
}
