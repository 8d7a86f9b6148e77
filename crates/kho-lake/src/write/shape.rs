//! From a layer's definition to its two tables: which columns lie where, under which ids.

use crate::catalog::TableColumn;
use crate::error::LakeError;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use kho_layer::{AccessClass, GEOMETRY, LayerDef, arrow_schema};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One of a layer's tables.
#[derive(Debug, Clone)]
pub(crate) struct TableShape {
    /// The columns as the catalog has them.
    pub columns: Vec<TableColumn>,
    /// The schema to write, with field ids.
    pub schema: SchemaRef,
    /// Where its columns are in the layer's batches.
    pub projection: Vec<usize>,
    /// Whether it is the restricted sibling.
    pub restricted: bool,
}

/// A layer's tables: all but the restricted columns, and `kho_id` with these, if there are any.
pub(crate) fn tables(layer: &LayerDef) -> Result<(TableShape, Option<TableShape>), LakeError> {
    let all = arrow_schema(layer);
    let hidden = |name: &str| layer.column(name).is_some_and(|c| c.access == AccessClass::Restricted);
    let indices = 0..all.fields().len();
    let open = indices.clone().filter(|i| !hidden(all.field(*i).name()));
    let main = shape(layer, &all, open.collect(), false)?;
    if !layer.has_restricted() {
        return Ok((main, None));
    }
    let closed = indices.filter(|i| *i == 0 || hidden(all.field(*i).name()));
    Ok((main, Some(shape(layer, &all, closed.collect(), true)?)))
}

fn shape(
    layer: &LayerDef,
    all: &Schema,
    projection: Vec<usize>,
    restricted: bool,
) -> Result<TableShape, LakeError> {
    let mut columns = Vec::with_capacity(projection.len());
    let mut fields = Vec::with_capacity(projection.len());
    let mut ids = HashSet::new();
    for i in &projection {
        let field = all.field(*i);
        let ty = ducklake_type(field)?;
        let id = field_id(field.name(), ty);
        if !ids.insert(id) {
            return Err(LakeError::Shape {
                layer: layer.name.clone(),
                message: format!("give column {} another name: its id is taken", field.name()),
            });
        }
        columns.push(TableColumn {
            id,
            name: field.name().clone(),
            ty: ty.to_owned(),
            nullable: field.is_nullable(),
        });
        let mut metadata = HashMap::from([(PARQUET_FIELD_ID_META_KEY.into(), id.to_string())]);
        if field.name() == GEOMETRY {
            // No CRS is CRS84 in Parquet's GEOMETRY, and what every reader understands.
            metadata.insert("ARROW:extension:name".into(), "geoarrow.wkb".into());
            metadata.insert("ARROW:extension:metadata".into(), "{}".into());
        }
        fields.push(field.clone().with_metadata(metadata));
    }
    Ok(TableShape { columns, schema: Arc::new(Schema::new(fields)), projection, restricted })
}

/// A column's id, in the catalog and in every file: a hash of name and type (FNV-1a, 30 bits), so
/// that files can be written before the commit that makes or changes the table, and without
/// asking it. The same column has the same id again after it was away for some snapshots.
fn field_id(name: &str, ty: &str) -> i64 {
    let bytes = name.bytes().chain([0]).chain(ty.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    // never 0, and a positive i32 as Parquet has it
    i64::from((hash ^ (hash >> 30)) & 0x3fff_ffff) + 1
}

fn ducklake_type(field: &Field) -> Result<&'static str, LakeError> {
    Ok(match field.data_type() {
        DataType::Int64 => "int64",
        DataType::Float64 => "float64",
        DataType::Utf8 => "varchar",
        DataType::Boolean => "boolean",
        DataType::Date32 => "date",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Binary if field.name() == GEOMETRY => "geometry",
        other => {
            return Err(LakeError::Damaged(format!(
                "column {} has the type {other}, which the lake does not keep",
                field.name()
            )));
        }
    })
}

/// The Arrow field of a column in the catalog: the inverse of what was written.
pub(crate) fn arrow_field(name: &str, ty: &str) -> Result<Field, LakeError> {
    use arrow::datatypes::TimeUnit::Microsecond;
    let ty = match ty {
        _ if name == kho_layer::KHO_ID => return Ok(kho_layer::id_field()),
        "geometry" if name == GEOMETRY => return Ok(kho_layer::geometry_field()),
        "int64" => DataType::Int64,
        "float64" => DataType::Float64,
        "varchar" => DataType::Utf8,
        "boolean" => DataType::Boolean,
        "date" => DataType::Date32,
        "timestamptz" => DataType::Timestamp(Microsecond, Some("UTC".into())),
        other => {
            return Err(LakeError::Damaged(format!(
                "column {name} has the type {other}, which kho does not write"
            )));
        }
    };
    Ok(Field::new(name, ty, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kho_layer::StandardModel;

    #[test]
    fn restricted_columns_are_in_the_sibling_only() {
        let model = StandardModel::load().unwrap();
        let parcel = model.layer("land_parcel").unwrap();
        let (main, restricted) = tables(parcel).unwrap();
        let restricted = restricted.unwrap();
        let names = |t: &TableShape| t.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        assert!(!names(&main).contains(&"chu_su_dung".to_owned()));
        assert!(names(&restricted).contains(&"chu_su_dung".to_owned()));
        assert_eq!(names(&restricted)[0], "kho_id");
        assert_eq!(names(&main).last().unwrap(), "geometry");
        assert_eq!(main.columns.len() + restricted.columns.len(), parcel.columns.len() + 3);
    }

    #[test]
    fn fields_come_back() {
        let model = StandardModel::load().unwrap();
        for layer in model.layers() {
            let (main, _) = tables(layer).unwrap();
            for (column, i) in main.columns.iter().zip(&main.projection) {
                let field = arrow_field(&column.name, &column.ty).unwrap();
                assert_eq!(&field, arrow_schema(layer).field(*i));
            }
        }
    }

    #[test]
    fn ids_tell_types_apart_and_never_change() {
        assert_ne!(field_id("so_to", "int64"), field_id("so_to", "varchar"));
        assert_eq!(field_id("kho_id", "int64"), 442_273_136);
    }
}
