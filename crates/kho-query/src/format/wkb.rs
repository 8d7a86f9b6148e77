//! Reading WKB: ISO and EWKB, both byte orders, any dimension.

/// A geometry, coordinates flat.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Geometry {
    pub dims: Dims,
    pub shape: Shape,
}

/// Which ordinates follow x and y.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dims {
    pub z: bool,
    pub m: bool,
}

impl Dims {
    pub(crate) fn stride(self) -> usize {
        2 + usize::from(self.z) + usize::from(self.m)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// All NaN: empty.
    Point(Vec<f64>),
    Line(Vec<f64>),
    Polygon(Vec<Vec<f64>>),
    MultiPoint(Vec<Geometry>),
    MultiLine(Vec<Geometry>),
    MultiPolygon(Vec<Geometry>),
    Collection(Vec<Geometry>),
}

/// Collections may nest, but not to the stack's end.
const DEPTH: usize = 32;

/// The geometry, or nothing if the bytes are not WKB.
pub(crate) fn read(bytes: &[u8]) -> Option<Geometry> {
    let mut reader = Reader { bytes, little: true };
    reader.geometry(DEPTH)
}

struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*head)
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn f64(&mut self) -> Option<f64> {
        let bytes = self.take()?;
        Some(if self.little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    }

    /// A count of items of at least `size` bytes: never more than there are bytes for.
    fn count(&mut self, size: usize) -> Option<usize> {
        let n = usize::try_from(self.u32()?).ok()?;
        (n <= self.bytes.len() / size).then_some(n)
    }

    fn coords(&mut self, dims: Dims) -> Option<Vec<f64>> {
        let n = self.count(8 * dims.stride())?;
        (0..n * dims.stride()).map(|_| self.f64()).collect()
    }

    fn geometry(&mut self, depth: usize) -> Option<Geometry> {
        self.little = self.take::<1>()?[0] == 1;
        let code = self.u32()?;
        let (flags, iso) = (code >> 28, code & 0x0fff_ffff);
        if flags & 2 != 0 {
            self.u32()?; // EWKB: an SRID
        }
        let dims = Dims {
            z: flags & 8 != 0 || matches!(iso / 1000, 1 | 3),
            m: flags & 4 != 0 || matches!(iso / 1000, 2 | 3),
        };
        let shape = match iso % 1000 {
            1 => Shape::Point((0..dims.stride()).map(|_| self.f64()).collect::<Option<_>>()?),
            2 => Shape::Line(self.coords(dims)?),
            3 => {
                let n = self.count(4)?;
                Shape::Polygon((0..n).map(|_| self.coords(dims)).collect::<Option<_>>()?)
            }
            4 => Shape::MultiPoint(self.parts(depth)?),
            5 => Shape::MultiLine(self.parts(depth)?),
            6 => Shape::MultiPolygon(self.parts(depth)?),
            7 => Shape::Collection(self.parts(depth)?),
            _ => return None,
        };
        Some(Geometry { dims, shape })
    }

    fn parts(&mut self, depth: usize) -> Option<Vec<Geometry>> {
        let depth = depth.checked_sub(1)?;
        let n = self.count(9)?;
        (0..n).map(|_| self.geometry(depth)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever comes, it comes back: no panic, no memory beyond the input's own size.
        #[test]
        fn garbage_is_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn both_byte_orders_read_the_same(x in -180.0..180.0_f64, y in -90.0..90.0_f64) {
            let mut le = vec![1, 1, 0, 0, 0];
            le.extend(x.to_le_bytes());
            le.extend(y.to_le_bytes());
            let mut be = vec![0, 0, 0, 0, 1];
            be.extend(x.to_be_bytes());
            be.extend(y.to_be_bytes());
            prop_assert_eq!(read(&le), read(&be));
            prop_assert_eq!(read(&le).map(|g| g.shape), Some(Shape::Point(vec![x, y])));
        }
    }

    #[test]
    fn counts_are_not_believed() {
        // A line that claims 4 billion points.
        let mut bytes = vec![1, 2, 0, 0, 0];
        bytes.extend(u32::MAX.to_le_bytes());
        assert_eq!(read(&bytes), None);
    }
}
