//! The digest of a layer's version: for each feature three hashes of its values and its box.
//!
//! A file of 48-byte records, little endian: a header, then the features in the order of their
//! ids.
//!
//! ```text
//! header   magic and version (8 bytes)
//!          hash of the names of the version's data files (u64)
//!          number of features (u64)
//!          hash of the names and types of the public, internal, restricted columns (3 × u64)
//! feature  kho_id (i64)
//!          hash of the public values and the geometry, the internal, the restricted ones (3 × u64)
//!          box in CRS84, rounded outwards (4 × f32: west, south, east, north); NaN for none
//! ```
//!
//! It lies at `lake/digests/LAYER/`, under the name of the version's first data file with the
//! ending `digest`: so no table has to list digests, and a digest is known to the catalog exactly
//! when its data file is. A version without features has none. Whoever finds no digest, or one
//! that is not of the files it should be of, knows nothing, and everything may have changed.

use crate::bounds::Bounds;
use crate::error::{LakeError, at};
use crate::stage::make_file;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType,
};
use kho_layer::{AccessClass, GEOMETRY, LayerDef};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: [u8; 8] = *b"khodig\x00\x01";
const RECORD: usize = 48;

/// The ending of a digest's name.
const ENDING: &str = "digest";

/// The public values (and the geometry), the internal and the restricted ones.
pub(crate) const PUBLIC: usize = 0;
pub(crate) const INTERNAL: usize = 1;
pub(crate) const RESTRICTED: usize = 2;

/// The place of a class in arrays of three.
pub(crate) fn place(class: AccessClass) -> usize {
    match class {
        AccessClass::Public => PUBLIC,
        AccessClass::Internal => INTERNAL,
        AccessClass::Restricted => RESTRICTED,
    }
}

/// One feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Record {
    pub id: i64,
    pub hashes: [u64; 3],
    bounds: [f32; 4],
}

impl Record {
    /// A feature in a box, for tests.
    #[cfg(test)]
    pub fn of(id: i64, hashes: [u64; 3], bounds: [f32; 4]) -> Self {
        Self { id, hashes, bounds }
    }

    /// The feature's box, a little larger than it is; `None` without a geometry.
    pub fn bounds(&self) -> Option<Bounds> {
        (!self.bounds[0].is_nan()).then(|| self.bounds.map(f64::from))
    }
}

/// What a digest begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub files: u64,
    pub count: u64,
    pub shapes: [u64; 3],
}

/// A hash of the names of a version's data files: those of the main table, then the restricted
/// ones, each in the order of their ids.
pub(crate) fn files_id<'a>(names: impl Iterator<Item = &'a str>) -> u64 {
    let text: String = names.flat_map(|name| [name, "\n"]).collect();
    xxh3_64(text.as_bytes())
}

/// The name of the digest of a version whose first data file has this one.
pub(crate) fn digest_name(first: &str) -> String {
    Path::new(first).with_extension(ENDING).to_string_lossy().into_owned()
}

/// The name of the data file that a digest of this name belongs to; other names as they are.
pub(crate) fn data_name(name: &str) -> String {
    let path = Path::new(name);
    match path.extension() {
        Some(ending) if ending == ENDING => path.with_extension("parquet").to_string_lossy().into_owned(),
        _ => name.to_owned(),
    }
}

/// A digest in the making. Takes 48 bytes a feature.
#[derive(Debug)]
pub(crate) struct Digest {
    shapes: [u64; 3],
    /// The class of each column of the layer's batches; `None` for `kho_id`.
    classes: Vec<Option<usize>>,
    records: Vec<Record>,
}

impl Digest {
    pub fn new(layer: &LayerDef, schema: &Schema) -> Self {
        let class = |name: &str| {
            if name == GEOMETRY {
                return Some(PUBLIC);
            }
            layer.column(name).map(|column| place(column.access))
        };
        Self {
            shapes: super::shapes(layer),
            classes: schema.fields().iter().map(|field| class(field.name())).collect(),
            records: Vec::new(),
        }
    }

    /// [`super::shapes`] of the layer.
    pub fn shapes(&self) -> [u64; 3] {
        self.shapes
    }

    /// Takes features of the layer's shape, with their boxes; `false` if a column has a type that
    /// no layer has.
    pub fn push(&mut self, batch: &RecordBatch, bounds: &[Option<Bounds>]) -> bool {
        let columns: Option<Vec<(usize, Values<'_>)>> = batch
            .columns()
            .iter()
            .zip(&self.classes)
            .filter_map(|(array, class)| class.map(|class| (class, array)))
            .map(|(class, array)| Some((class, Values::of(array)?)))
            .collect();
        let ids = batch.column(0).as_primitive_opt::<Int64Type>();
        let (Some(columns), Some(ids), Some(geometry)) = (columns, ids, batch.columns().last()) else {
            return false;
        };
        let record = |buffers: &mut [Vec<u8>; 3], row: usize| {
            buffers.iter_mut().for_each(Vec::clear);
            for (class, values) in &columns {
                values.append(row, &mut buffers[*class]);
            }
            // A geometry of unknown place may be anywhere.
            let unknown = || geometry.is_valid(row).then_some(WORLD);
            let bounds = bounds.get(row).copied().flatten().or_else(unknown);
            Record {
                id: ids.value(row),
                hashes: buffers.each_ref().map(|buffer| xxh3_64(buffer)),
                bounds: bounds.map_or([f32::NAN; 4], outwards),
            }
        };
        let records = (0..batch.num_rows())
            .into_par_iter()
            .with_min_len(4_096)
            .map_init(<[Vec<u8>; 3]>::default, record);
        self.records.par_extend(records);
        true
    }

    /// Writes and syncs the digest of a version with these data files ([`files_id`]).
    pub fn write(mut self, path: &Path, files: u64) -> Result<(), LakeError> {
        self.records.par_sort_unstable_by_key(|r| (r.id, r.hashes));
        let file = make_file(path, true)?;
        let write = || {
            let mut out = BufWriter::with_capacity(1 << 18, file);
            out.write_all(&MAGIC)?;
            out.write_all(&files.to_le_bytes())?;
            out.write_all(&(self.records.len() as u64).to_le_bytes())?;
            for shape in self.shapes {
                out.write_all(&shape.to_le_bytes())?;
            }
            for record in &self.records {
                out.write_all(&record.id.to_le_bytes())?;
                for hash in record.hashes {
                    out.write_all(&hash.to_le_bytes())?;
                }
                for side in record.bounds {
                    out.write_all(&side.to_le_bytes())?;
                }
            }
            let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.sync_all()
        };
        write().map_err(at(path))
    }
}

/// A digest, read from front to end.
#[derive(Debug)]
pub(crate) struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    pub header: Header,
    left: u64,
    last: i64,
}

impl Reader {
    /// Opens a digest; `None` if it is not there.
    pub fn open(path: &Path) -> Result<Option<Self>, LakeError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(at(path)(e)),
        };
        let mut file = BufReader::with_capacity(1 << 18, file);
        let words = record(&mut file, path)?;
        if words[0].to_le_bytes() != MAGIC {
            return Err(LakeError::Damaged(format!("{} is no digest of this kho", path.display())));
        }
        let [_, files, count, shapes @ ..] = words;
        let header = Header { files, count, shapes };
        Ok(Some(Self { file, path: path.to_owned(), header, left: count, last: i64::MIN }))
    }

    /// The next feature, in the order of the ids.
    pub fn next(&mut self) -> Result<Option<Record>, LakeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let [id, hashes @ .., west_south, east_north] = record(&mut self.file, &self.path)?;
        let id = i64::from_le_bytes(id.to_le_bytes());
        if id < self.last {
            return Err(LakeError::Damaged(format!("{} is not in order", self.path.display())));
        }
        self.last = id;
        let halves = |word: u64| [word as u32, (word >> 32) as u32].map(f32::from_bits);
        let ([west, south], [east, north]) = (halves(west_south), halves(east_north));
        Ok(Some(Record { id, hashes, bounds: [west, south, east, north] }))
    }
}

/// The six words of a record.
fn record(file: &mut impl Read, path: &Path) -> Result<[u64; RECORD / 8], LakeError> {
    let mut bytes = [0u8; RECORD];
    file.read_exact(&mut bytes).map_err(at(path))?;
    let mut words = [0u64; RECORD / 8];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    Ok(words)
}

/// Where a feature may be of which nothing is known.
const WORLD: Bounds = [-180.0, -90.0, 180.0, 90.0];

/// A box in 32 bits a side that holds the given one. Rounding costs up to a metre. What lies
/// beyond the world is moved to its edge, where maps draw it.
fn outwards([west, south, east, north]: Bounds) -> [f32; 4] {
    let down = |v: f64| {
        let near = v as f32;
        if f64::from(near) > v { near.next_down() } else { near }
    };
    let up = |v: f64| -down(-v);
    let (lon, lat) = (|v: f64| v.clamp(-180.0, 180.0), |v: f64| v.clamp(-90.0, 90.0));
    [down(lon(west)), down(lat(south)), up(lon(east)), up(lat(north))]
}

/// A column's values, to be hashed.
enum Values<'a> {
    Integer(&'a Int64Array),
    Float(&'a Float64Array),
    Text(&'a StringArray),
    Boolean(&'a BooleanArray),
    Date(&'a Date32Array),
    Time(&'a TimestampMicrosecondArray),
    Bytes(&'a BinaryArray),
}

impl<'a> Values<'a> {
    fn of(array: &'a ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Int64 => Self::Integer(array.as_primitive_opt::<Int64Type>()?),
            DataType::Float64 => Self::Float(array.as_primitive_opt::<Float64Type>()?),
            DataType::Utf8 => Self::Text(array.as_string_opt::<i32>()?),
            DataType::Boolean => Self::Boolean(array.as_boolean_opt()?),
            DataType::Date32 => Self::Date(array.as_primitive_opt::<Date32Type>()?),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Time(array.as_primitive_opt::<TimestampMicrosecondType>()?)
            }
            DataType::Binary => Self::Bytes(array.as_binary_opt::<i32>()?),
            _ => return None,
        })
    }

    /// Appends a row's value so that no two rows of values look the same.
    fn append(&self, row: usize, out: &mut Vec<u8>) {
        let null = match self {
            Self::Integer(a) => a.is_null(row),
            Self::Float(a) => a.is_null(row),
            Self::Text(a) => a.is_null(row),
            Self::Boolean(a) => a.is_null(row),
            Self::Date(a) => a.is_null(row),
            Self::Time(a) => a.is_null(row),
            Self::Bytes(a) => a.is_null(row),
        };
        out.push(u8::from(!null));
        if null {
            return;
        }
        let mut sized = |bytes: &[u8]| {
            out.extend((bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Text(a) => sized(a.value(row).as_bytes()),
            Self::Bytes(a) => sized(a.value(row)),
            Self::Integer(a) => out.extend(a.value(row).to_le_bytes()),
            Self::Float(a) => out.extend(a.value(row).to_bits().to_le_bytes()),
            Self::Boolean(a) => out.push(u8::from(a.value(row))),
            Self::Date(a) => out.extend(a.value(row).to_le_bytes()),
            Self::Time(a) => out.extend(a.value(row).to_le_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn boxes_only_grow_and_by_a_metre_at_most(x in -180.0..180.0f64, y in -90.0..90.0f64) {
            let [west, south, east, north] = outwards([x, y, x, y]).map(f64::from);
            prop_assert!(west <= x && x <= east && south <= y && y <= north);
            prop_assert!(east - west < 4e-5 && north - south < 4e-5);
        }
    }

    #[test]
    fn boxes_beyond_the_world_end_at_its_edge() {
        let all = [f64::NEG_INFINITY, -100.0, 200.0, f64::INFINITY];
        assert_eq!(outwards(all), [-180.0, -90.0, 180.0, 90.0]);
    }

    #[test]
    fn a_digest_comes_back_in_the_order_of_its_ids() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("a.digest");
        let record = |id: i64, bounds| Record { id, hashes: [id as u64, u64::MAX, 7], bounds };
        let records = vec![record(9, [1.0, 2.0, 3.5, -4.0]), record(-2, [f32::NAN; 4]), record(4, [0.0; 4])];
        let digest = Digest { shapes: [1, 2, 3], classes: Vec::new(), records: records.clone() };
        digest.write(&path, 77).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 4 * 48);
        let mut reader = Reader::open(&path).unwrap().unwrap();
        assert_eq!(reader.header, Header { files: 77, count: 3, shapes: [1, 2, 3] });
        let nowhere = reader.next().unwrap().unwrap();
        assert_eq!((nowhere.id, nowhere.hashes, nowhere.bounds()), (-2, records[1].hashes, None));
        assert_eq!(reader.next().unwrap(), Some(records[2]));
        let last = reader.next().unwrap().unwrap();
        assert_eq!(last.bounds(), Some([1.0, 2.0, 3.5, -4.0]));
        assert_eq!((last, reader.next().unwrap()), (records[0], None));
        assert!(Reader::open(&dir.path().join("none")).unwrap().is_none());
        std::fs::write(&path, [0u8; 48]).unwrap();
        assert!(matches!(Reader::open(&path), Err(LakeError::Damaged(_))));
        std::fs::write(&path, [0u8; 10]).unwrap();
        assert!(matches!(Reader::open(&path), Err(LakeError::Io { .. })));
    }

    #[test]
    fn a_digest_is_named_after_its_data_file() {
        assert_eq!(digest_name("kho-1.parquet"), "kho-1.digest");
        assert_eq!(data_name("kho-1.digest"), "kho-1.parquet");
        assert_eq!(data_name("kho-1.parquet"), "kho-1.parquet");
    }

    #[test]
    fn values_that_differ_do_not_look_the_same() {
        let text = |values: [&str; 2]| {
            let array: ArrayRef = std::sync::Arc::new(StringArray::from(values.to_vec()));
            let values = Values::of(&array).unwrap();
            let mut out = Vec::new();
            values.append(0, &mut out);
            values.append(1, &mut out);
            out
        };
        assert_ne!(text(["ab", "c"]), text(["a", "bc"]));
        assert_ne!(text(["", ""]), text(["\0", ""]));
    }
}
