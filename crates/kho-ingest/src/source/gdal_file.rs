//! Anything GDAL reads, through its Arrow stream.

use super::{Encoding, Location, Opened, Reader, csv, plain, plain_schema, plain_type};
use crate::IngestError;
use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchReader, make_array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use gdal::cpl::CslStringList;
use gdal::vector::{Layer, LayerAccess};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags, Metadata};
use kho_layer::GeometryKind;

pub(super) fn open(location: &Location, wanted: Option<&str>) -> Result<Opened, IngestError> {
    let path = &location.given;
    let first = open_dataset(location, &[])?;
    let driver = first.driver().short_name();
    let mut coordinates = Vec::new();
    // Some formats have to be looked into before it is known how to read them.
    let dataset = match driver.as_str() {
        "CSV" => {
            let mut options = vec!["EMPTY_STRING_AS_NULL=YES".to_owned()];
            if let Some(place) = csv::Place::find(&field_names(&first, wanted)) {
                options.extend(place.options());
                coordinates = place.coordinates();
            }
            open_dataset(location, &options)?
        }
        // Without a .cpg GDAL goes by a byte in the .dbf that most software leaves at "ANSI", and
        // takes the text for Latin-1, which no Vietnamese file is: leave the bytes alone, so that
        // UTF-8 comes through and everything else is noticed.
        "ESRI Shapefile" if !says_its_encoding(&first, wanted) => {
            open_dataset(location, &["ENCODING=UTF-8".to_owned()])?
        }
        _ => first,
    };
    let (name, index) = choose(&dataset, path, wanted, &driver)?;
    let unreadable = |message: String| IngestError::Unreadable { path: path.clone(), message };
    let mut layer = dataset.layer(index).map_err(|e| unreadable(e.to_string()))?;
    let defn = layer.defn();
    if let Some(column) = defn.fields().map(|f| f.name()).find(|n| n.contains('\u{fffd}')) {
        return Err(unreadable(format!(
            "the name of its column {column:?} is not UTF-8; save the file again with UTF-8 text"
        )));
    }
    let kinds = kinds(defn.geometry_type());
    let geometry_name = defn.geom_fields().next().map(|f| f.name()).unwrap_or_default();
    let crs = layer.spatial_ref();
    let total = layer.try_feature_count();
    let schema = stream(&mut layer, 1).map_err(unreadable)?.schema();
    let geometry = geometry_index(&schema, &geometry_name).ok_or_else(|| no_geometry(path, &driver))?;
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
        coordinates,
        warnings: Vec::new(),
        reader: Box::new(GdalReader { dataset, index, path: path.clone() }),
    })
}

fn open_dataset(location: &Location, options: &[String]) -> Result<Dataset, IngestError> {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
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

/// The columns of the layer called `wanted`, or of the first.
fn field_names(dataset: &Dataset, wanted: Option<&str>) -> Vec<String> {
    let layer = wanted.and_then(|w| dataset.layers().find(|l| l.name() == w));
    let mut names = Vec::new();
    if let Some(layer) = layer.or_else(|| dataset.layers().next()) {
        for field in layer.defn().fields() {
            names.push(field.name());
        }
    }
    names
}

/// Whether the shapefiles among which one is chosen say in which encoding their text is.
fn says_its_encoding(dataset: &Dataset, wanted: Option<&str>) -> bool {
    dataset
        .layers()
        .filter(|l| wanted.is_none_or(|w| l.name() == w) && l.defn().geom_fields().next().is_some())
        .all(|l| l.metadata_item("CPG_VALUE", "SHAPEFILE").is_some())
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
    match array.as_any_dictionary_opt() {
        Some(coded) => Ok(make_array(coded.keys().to_data())),
        None => plain(array),
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, DictionaryArray, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;
    use std::sync::Arc;

    #[test]
    fn a_coded_domain_gives_its_codes_whatever_their_width() {
        let keys = Int64Array::from(vec![Some(1), None, Some(0)]);
        let meanings = Arc::new(StringArray::from(vec!["hỏng", "tốt"]));
        let coded: ArrayRef = Arc::new(DictionaryArray::<Int64Type>::try_new(keys, meanings).unwrap());
        let codes = column(&coded).unwrap();
        let field = Field::new("tinh_trang", coded.data_type().clone(), true);
        assert_eq!(*codes.data_type(), field_type(&field));
        let codes: Vec<_> = codes.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(codes, [Some(1), None, Some(0)]);
    }

    #[test]
    fn declared_types_name_their_kinds() {
        assert_eq!(kinds(1003), Some(vec![GeometryKind::Polygon]));
        assert_eq!(kinds(0x8000_0002), Some(vec![GeometryKind::Line]));
        assert_eq!(kinds(0), None);
    }
}
