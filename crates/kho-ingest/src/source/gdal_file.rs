//! Anything GDAL reads, through its Arrow stream.

use super::{Encoding, Location, Opened, Reader, files::has_extension, plain, plain_schema, plain_type};
use crate::IngestError;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchReader};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use gdal::cpl::CslStringList;
use gdal::vector::{Layer, LayerAccess};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use kho_layer::GeometryKind;
use std::sync::Arc;

/// Column names that hold a coordinate in a CSV file, most telling first.
const CSV_OPTIONS: [&str; 4] = [
    "X_POSSIBLE_NAMES=lon,lng,long,longitude,kinh_do,kinhdo,easting,east,x",
    "Y_POSSIBLE_NAMES=lat,latitude,vi_do,vido,northing,north,y",
    "GEOM_POSSIBLE_NAMES=wkt,geom,geometry,the_geom,wkb_geometry,shape",
    "EMPTY_STRING_AS_NULL=YES",
];

pub(super) fn open(location: &Location, wanted: Option<&str>) -> Result<Opened, IngestError> {
    let path = &location.given;
    let dataset = open_dataset(location)?;
    let driver = dataset.driver().short_name();
    let (name, index) = choose(&dataset, path, wanted, &driver)?;
    let unreadable = |message: String| IngestError::Unreadable { path: path.clone(), message };
    let mut layer = dataset.layer(index).map_err(|e| unreadable(e.to_string()))?;
    let defn = layer.defn();
    let kinds = kinds(defn.geometry_type());
    let geometry_name = defn.geom_fields().next().map(|f| f.name()).unwrap_or_default();
    let crs = layer.spatial_ref();
    let total = layer.try_feature_count();
    let schema = stream(&mut layer, 1).map_err(unreadable)?.schema();
    let geometry = geometry_index(&schema, &geometry_name).ok_or_else(|| no_geometry(path, &driver))?;
    drop(layer);
    let schema = plain_schema(&schema, field_type);
    Ok(Opened {
        layer: name,
        schema,
        geometry,
        encoding: Encoding::Wkb,
        kinds,
        crs,
        why_no_crs: match driver.as_str() {
            "TopoJSON" => " (TopoJSON never does)",
            "CSV" => " (a CSV file cannot)",
            "ESRI Shapefile" => " (its .prj file is missing)",
            _ => "",
        },
        total,
        short_names: driver == "ESRI Shapefile",
        typed: driver != "CSV",
        warnings: Vec::new(),
        reader: Box::new(GdalReader { dataset, index, path: path.clone() }),
    })
}

fn open_dataset(location: &Location) -> Result<Dataset, IngestError> {
    let mut options: Vec<&str> = Vec::new();
    if has_extension(&location.file, &["csv", "tsv", "txt"]) {
        options.extend(CSV_OPTIONS);
    }
    // Without a .cpg GDAL takes the text for Latin-1, which no Vietnamese file is: leave the
    // bytes alone, so that UTF-8 comes through and everything else is noticed.
    let cpg = ["cpg", "CPG"].iter().any(|e| location.file.with_extension(e).exists());
    if has_extension(&location.file, &["shp"]) && !cpg {
        options.push("ENCODING=UTF-8");
    }
    let opened = Dataset::open_ex(
        &location.gdal,
        DatasetOptions {
            open_flags: GdalOpenFlags::GDAL_OF_READONLY
                | GdalOpenFlags::GDAL_OF_VECTOR
                | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR,
            open_options: Some(&options),
            ..Default::default()
        },
    );
    opened.map_err(|e| {
        if location.is_archive() {
            let entries = gdal::vsi::read_dir(&location.gdal, false).unwrap_or_default();
            let names: Vec<String> = entries.iter().map(|p| p.display().to_string()).collect();
            if let Some(first) = names.first() {
                return IngestError::ChooseEntry {
                    path: location.given.clone(),
                    example: first.clone(),
                    entries: names.join(", "),
                };
            }
        }
        IngestError::Unreadable { path: location.given.clone(), message: said(&e) }
    })
}

/// GDAL's own words, without the name of the C function.
fn said(error: &gdal::errors::GdalError) -> String {
    use gdal::errors::GdalError;
    match error {
        GdalError::NullPointer { msg, .. } | GdalError::CplError { msg, .. } if !msg.trim().is_empty() => {
            msg.trim().to_owned()
        }
        _ => "no format that GDAL knows".into(),
    }
}

/// The layer to read: the one named, else the only one with geometry.
fn choose(
    dataset: &Dataset,
    path: &str,
    wanted: Option<&str>,
    driver: &str,
) -> Result<(String, usize), IngestError> {
    let layers: Vec<(String, bool)> =
        dataset.layers().map(|l| (l.name(), l.defn().geom_fields().next().is_some())).collect();
    let names = |spatial: bool| {
        let names = layers.iter().filter(|l| l.1 || !spatial).map(|l| l.0.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    if let Some(wanted) = wanted {
        let found = layers.iter().position(|l| l.0 == wanted);
        return match found {
            None => Err(IngestError::UnknownSourceLayer {
                path: path.into(),
                name: wanted.into(),
                layers: names(false),
            }),
            Some(i) if !layers[i].1 => Err(no_geometry(path, driver)),
            Some(i) => Ok((wanted.into(), i)),
        };
    }
    let mut spatial = layers.iter().enumerate().filter(|(_, l)| l.1);
    match (spatial.next(), spatial.next()) {
        (None, _) => Err(no_geometry(path, driver)),
        (Some((i, l)), None) => Ok((l.0.clone(), i)),
        _ => Err(IngestError::ChooseLayer { path: path.into(), layers: names(true) }),
    }
}

fn no_geometry(path: &str, driver: &str) -> IngestError {
    let hint = if driver == "CSV" {
        ". A CSV file needs columns lon and lat, or easting and northing, or x and y, or one column wkt"
    } else {
        ""
    };
    IngestError::NoGeometry { path: path.into(), hint: hint.into() }
}

/// The kinds of geometry that a declared OGR type can hold; `None` for "any".
fn kinds(declared: u32) -> Option<Vec<GeometryKind>> {
    // 2.5D is a flag, Z and M are thousands.
    Some(match (declared & 0x7FFF_FFFF) % 1000 {
        1 | 4 => vec![GeometryKind::Point],
        2 | 5 | 8 | 9 | 11 | 13 => vec![GeometryKind::Line],
        3 | 6 | 10 | 12 | 14..=17 => vec![GeometryKind::Polygon],
        _ => return None,
    })
}

fn geometry_index(schema: &Schema, name: &str) -> Option<usize> {
    let is_wkb = |f: &Field| {
        f.metadata().get("ARROW:extension:name").is_some_and(|n| n == "ogc.wkb" || n == "geoarrow.wkb")
    };
    let fields = schema.fields();
    fields
        .iter()
        .position(|f| is_wkb(f) && (name.is_empty() || f.name() == name))
        .or_else(|| fields.iter().position(|f| is_wkb(f)))
}

/// A coded domain arrives as a dictionary whose keys are the codes themselves: the codes are the
/// data, their descriptions belong in a code list.
fn field_type(field: &Field) -> DataType {
    match field.data_type() {
        DataType::Dictionary(key, _) => key.as_ref().clone(),
        other => plain_type(other),
    }
}

fn column(array: &ArrayRef) -> Result<ArrayRef, IngestError> {
    match array.data_type() {
        DataType::Dictionary(key, _) if **key == DataType::Int32 => {
            Ok(Arc::new(array.as_dictionary::<Int32Type>().keys().clone()))
        }
        _ => plain(array),
    }
}

struct GdalReader {
    dataset: Dataset,
    index: usize,
    path: String,
}

impl Reader for GdalReader {
    fn read(&mut self, rows: usize, emit: &mut dyn FnMut(RecordBatch) -> bool) -> Result<(), IngestError> {
        let mut feature = 0;
        let broken = |feature, message| IngestError::Read { path: self.path.clone(), feature, message };
        let mut layer = self.dataset.layer(self.index).map_err(|e| broken(0, e.to_string()))?;
        let stream = stream(&mut layer, rows).map_err(|m| broken(0, m))?;
        let schema = plain_schema(&stream.schema(), field_type);
        for batch in stream {
            let batch = batch.map_err(|e| broken(feature, e.to_string()))?;
            let columns = batch.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
            let batch = RecordBatch::try_new(schema.clone(), columns)?;
            feature += batch.num_rows() as u64;
            if !emit(batch) {
                break;
            }
        }
        Ok(())
    }
}

/// Starts GDAL's Arrow stream over a layer. The stream must be dropped before the layer.
#[allow(unsafe_code, reason = "the Arrow C stream interface is a C interface")]
fn stream(layer: &mut Layer<'_>, rows: usize) -> Result<ArrowArrayStreamReader, String> {
    let mut options = CslStringList::new();
    options
        .set_name_value("INCLUDE_FID", "NO")
        .and_then(|()| options.set_name_value("MAX_FEATURES_IN_BATCH", &rows.max(1).to_string()))
        .map_err(|e| e.to_string())?;
    let mut raw = FFI_ArrowArrayStream::empty();
    // SAFETY: both structs are the C data interface's `ArrowArrayStream`, whose layout is fixed;
    // GDAL fills `raw`, or leaves it empty and reports failure.
    unsafe {
        let raw: *mut FFI_ArrowArrayStream = &raw mut raw;
        layer.read_arrow_stream(raw.cast(), &options).map_err(|e| e.to_string())?;
    }
    ArrowArrayStreamReader::try_new(raw).map_err(|e| e.to_string())
}
