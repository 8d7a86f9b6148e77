//! The first 127 bytes of an archive (PMTiles 3, section 3). All numbers are little-endian.

use super::directory::HEADER;

/// gzip, as compressions are numbered.
pub(super) const GZIP: u8 = 2;
/// None.
pub(super) const PLAIN: u8 = 1;
/// Mapbox vector tiles, as kinds of tiles are numbered.
pub(super) const MVT: u8 = 1;
/// MapLibre tiles.
pub(super) const MLT: u8 = 6;

const MAGIC: &[u8; 8] = b"PMTiles\x03";
/// Coordinates are whole numbers of this part of a degree.
const DEGREE: f64 = 1e7;

/// A run of bytes in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Section {
    pub offset: u64,
    pub length: u64,
}

/// What the header says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub root: Section,
    pub metadata: Section,
    pub leaves: Section,
    pub tiles: Section,
    /// Tiles that are not empty.
    pub addressed: u64,
    /// Entries of the directory, leaves not counted.
    pub entries: u64,
    /// Contents: tiles that hold the same share one.
    pub contents: u64,
    /// Whether the contents lie in the order of the tile ids.
    pub clustered: bool,
    /// How directories and metadata are compressed.
    pub inner: u8,
    /// How tiles are compressed.
    pub compression: u8,
    /// What the tiles are.
    pub kind: u8,
    pub min_zoom: u8,
    pub max_zoom: u8,
    /// West, south, east, north; degrees.
    pub bounds: [f64; 4],
    pub center_zoom: u8,
}

impl Header {
    /// The bytes. The centre is the middle of the bounds.
    pub fn bytes(&self) -> [u8; HEADER] {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(MAGIC);
        for section in [self.root, self.metadata, self.leaves, self.tiles] {
            out.extend(section.offset.to_le_bytes());
            out.extend(section.length.to_le_bytes());
        }
        for number in [self.addressed, self.entries, self.contents] {
            out.extend(number.to_le_bytes());
        }
        out.extend([u8::from(self.clustered), self.inner, self.compression, self.kind]);
        out.extend([self.min_zoom, self.max_zoom]);
        let degrees = |v: f64| ((v * DEGREE).round() as i32).to_le_bytes();
        out.extend(self.bounds.into_iter().flat_map(degrees));
        out.push(self.center_zoom);
        let [west, south, east, north] = self.bounds;
        out.extend([(west + east) / 2.0, (south + north) / 2.0].into_iter().flat_map(degrees));
        let mut fixed = [0; HEADER];
        fixed.copy_from_slice(&out);
        fixed
    }

    /// Reads a header; `None` if it is none of version 3.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.get(..HEADER)?.strip_prefix(MAGIC)?;
        let long = |i: usize| rest.get(i * 8..)?.first_chunk().map(|b| u64::from_le_bytes(*b));
        let section = |i: usize| Some(Section { offset: long(i * 2)?, length: long(i * 2 + 1)? });
        let (&[clustered, inner, compression, kind, min_zoom, max_zoom], places) =
            rest.get(88..)?.split_first_chunk()?;
        let degrees =
            |i: usize| places.get(i * 4..)?.first_chunk().map(|b| f64::from(i32::from_le_bytes(*b)) / DEGREE);
        Some(Self {
            root: section(0)?,
            metadata: section(1)?,
            leaves: section(2)?,
            tiles: section(3)?,
            addressed: long(8)?,
            entries: long(9)?,
            contents: long(10)?,
            clustered: clustered == 1,
            inner,
            compression,
            kind,
            min_zoom,
            max_zoom,
            bounds: [degrees(0)?, degrees(1)?, degrees(2)?, degrees(3)?],
            center_zoom: *places.get(16)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back() {
        let section = |offset| Section { offset, length: offset + 7 };
        let header = Header {
            root: section(127),
            metadata: section(1 << 40),
            leaves: section(3),
            tiles: section(16_384),
            addressed: 10,
            entries: 9,
            contents: 8,
            clustered: true,
            inner: GZIP,
            compression: GZIP,
            kind: MVT,
            min_zoom: 3,
            max_zoom: 16,
            bounds: [109.1, -12.25, 109.3, 12.5],
            center_zoom: 12,
        };
        assert_eq!(Header::read(&header.bytes()), Some(header.clone()));
        let theirs = pmtiles::Header::try_from_bytes(header.bytes().to_vec().into()).unwrap();
        assert_eq!((theirs.min_zoom, theirs.max_zoom, theirs.center_zoom), (3, 16, 12));
        assert_eq!((theirs.center_longitude, theirs.min_latitude), (109.2, -12.25));
        assert_eq!(theirs.n_tile_contents().map(std::num::NonZeroU64::get), Some(8));
        assert_eq!(Header::read(&header.bytes()[..126]), None);
        assert_eq!(Header::read(&[0; 127]), None);
    }
}
