//! Geometries made in a query without a CRS are CRS84, as everything in the lake is.
//!
//! Sedona gives such a geometry no CRS and then refuses to compare it with a column that has
//! one, so that every window query would need ST_SetSRID. Here there is one CRS at rest, and
//! the constructors say so.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use sedona_expr::function_set::FunctionSet;
use sedona_expr::scalar_udf::{ScalarKernelRef, SedonaScalarKernel};
use sedona_schema::crs::lnglat;
use sedona_schema::datatypes::{Edges, SedonaType};
use std::sync::Arc;

/// The constructors from plain numbers, text and bytes. Not those of EWKT and EWKB, which bring
/// their own.
const CONSTRUCTORS: &[&str] = &[
    "st_point",
    "st_pointz",
    "st_pointm",
    "st_pointzm",
    "st_makeenvelope",
    "st_geomfromwkt",
    "st_geomcollfromtext",
    "st_linefromtext",
    "st_mlinefromtext",
    "st_mpointfromtext",
    "st_mpolyfromtext",
    "st_pointfromtext",
    "st_polygonfromtext",
    "st_geomfromwkb",
    "st_geomfromwkbunchecked",
    "st_linestringfromwkb",
    "st_pointfromwkb",
];

/// Makes the constructors in `functions` yield CRS84 unless told otherwise.
pub(crate) fn apply(functions: &mut FunctionSet) {
    for name in CONSTRUCTORS {
        if let Some(udf) = functions.scalar_udf_mut(name) {
            let kernels = udf.kernels().iter().cloned().map(|k| Arc::new(InCrs84(k)) as ScalarKernelRef);
            *udf = udf.clone().with_kernels(kernels.collect());
        }
    }
}

#[derive(Debug)]
struct InCrs84(ScalarKernelRef);

impl SedonaScalarKernel for InCrs84 {
    fn return_type(&self, args: &[SedonaType]) -> Result<Option<SedonaType>> {
        self.return_type_from_args_and_scalars(args, &vec![None; args.len()])
    }

    fn return_type_from_args_and_scalars(
        &self,
        args: &[SedonaType],
        scalars: &[Option<&ScalarValue>],
    ) -> Result<Option<SedonaType>> {
        Ok(match self.0.return_type_from_args_and_scalars(args, scalars)? {
            Some(SedonaType::Wkb(Edges::Planar, None)) if args.iter().all(is_plain) => {
                Some(SedonaType::Wkb(Edges::Planar, lnglat()))
            }
            other => other,
        })
    }

    fn invoke_batch(&self, arg_types: &[SedonaType], args: &[ColumnarValue]) -> Result<ColumnarValue> {
        self.0.invoke_batch(arg_types, args)
    }

    fn invoke_batch_from_args(
        &self,
        arg_types: &[SedonaType],
        args: &[ColumnarValue],
        return_type: &SedonaType,
        num_rows: usize,
        config_options: Option<&ConfigOptions>,
    ) -> Result<ColumnarValue> {
        self.0.invoke_batch_from_args(arg_types, args, return_type, num_rows, config_options)
    }
}

/// A geometry argument has a CRS decision of its own already.
fn is_plain(arg: &SedonaType) -> bool {
    matches!(arg, SedonaType::Arrow(ty) if !matches!(ty, DataType::Struct(_)))
}
