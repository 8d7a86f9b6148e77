//! Well-known binary, read straight into a block.
//!
//! At rest a geometry is little-endian ISO WKB in two dimensions. Both byte orders and the further
//! dimensions are read all the same (Z and M are passed over), because a lake may also have been
//! written by other programs.

use super::geometry::GeometryBuilder;
use crate::mvt::FeatureKind;

/// Why bytes are no geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotWkb;

/// A place in the bytes.
struct Cursor<'a> {
    rest: &'a [u8],
}

struct Header {
    little: bool,
    kind: u32,
    /// Bytes from one point to the next.
    stride: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], NotWkb> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(NotWkb)?;
        self.rest = rest;
        Ok(head)
    }

    fn u32(&mut self, little: bool) -> Result<u32, NotWkb> {
        let bytes: [u8; 4] = self.take(4)?.try_into().map_err(|_| NotWkb)?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn header(&mut self) -> Result<Header, NotWkb> {
        let little = match self.take(1)? {
            [1] => true,
            [0] => false,
            _ => return Err(NotWkb),
        };
        let code = self.u32(little)?;
        // ISO adds 1000s for the dimensions, EWKB sets high bits and may add an SRID.
        let (kind, iso) = (code & 0x0fff_ffff, code >> 28);
        let extra = usize::from(iso & 8 != 0) + usize::from(iso & 4 != 0);
        let extra = extra + [0, 1, 1, 2][(kind as usize / 1000).min(3)];
        if iso & 2 != 0 {
            self.take(4)?;
        }
        Ok(Header { little, kind: kind % 1000, stride: 16 + 8 * extra })
    }

    /// The points of a sequence of `n`.
    fn points(&mut self, n: usize, h: &Header) -> Result<impl Iterator<Item = (f64, f64)> + 'a, NotWkb> {
        let bytes = self.take(n.checked_mul(h.stride).ok_or(NotWkb)?)?;
        let little = h.little;
        Ok(bytes.chunks_exact(h.stride).map(move |c| (f64_at(c, 0, little), f64_at(c, 8, little))))
    }
}

#[inline(always)]
fn f64_at(chunk: &[u8], at: usize, little: bool) -> f64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&chunk[at..at + 8]);
    if little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) }
}

/// Reads a geometry into the feature that `out` is at. Parts of a collection that are not of the
/// kind of its first part are passed over.
pub(super) fn read(bytes: &[u8], out: &mut GeometryBuilder) -> Result<(), NotWkb> {
    read_one(&mut Cursor { rest: bytes }, out, 0)
}

fn read_one(c: &mut Cursor<'_>, out: &mut GeometryBuilder, depth: u32) -> Result<(), NotWkb> {
    let h = c.header()?;
    match h.kind {
        1 => out.part(FeatureKind::Point, true, c.points(1, &h)?),
        2 => {
            let n = c.u32(h.little)? as usize;
            out.part(FeatureKind::Line, true, c.points(n, &h)?);
        }
        3 => {
            let rings = c.u32(h.little)?;
            for ring in 0..rings {
                let n = c.u32(h.little)? as usize;
                out.part(FeatureKind::Polygon, ring == 0, c.points(n, &h)?);
            }
        }
        4..=7 if depth < 8 => {
            let parts = c.u32(h.little)?;
            for _ in 0..parts {
                read_one(c, out, depth + 1)?;
            }
        }
        _ => return Err(NotWkb),
    }
    Ok(())
}
