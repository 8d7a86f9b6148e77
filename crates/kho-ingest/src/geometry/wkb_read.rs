//! WKB in all its dialects (both byte orders, ISO and EWKB, Z and M) → [`Shapes`], in 2D.

use super::linear::linearize;
use super::shapes::Head;
use super::{Reason, Shapes};
use kho_layer::GeometryKind;

/// Deeper nesting than any real file; keeps a malicious one from exhausting the stack.
const MAX_DEPTH: u8 = 8;

impl Shapes {
    /// Adds one WKB geometry. `None` is a feature without geometry. Never fails: a shape that
    /// cannot be used is kept as its reason.
    pub(crate) fn push_wkb(&mut self, wkb: Option<&[u8]>) {
        let mark = self.mark();
        let head = match wkb {
            None => Err(Reason::Empty),
            Some(bytes) => match self.read(bytes) {
                Err(Bad::Curve) => {
                    self.rewind(mark);
                    match linearize(bytes) {
                        Some(straight) => self.read(&straight).map_err(Bad::reason),
                        None => Err(Reason::NotWkb),
                    }
                }
                other => other.map_err(Bad::reason),
            },
        };
        self.end_shape(mark, head);
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Head, Bad> {
        let mut reader = Reader { bytes, at: 0 };
        let mut seen = Seen::default();
        reader.geometry(self, &mut seen, 0)?;
        Ok(Head {
            kind: seen.kind.ok_or(Bad::Reason(Reason::Empty))?,
            multi: seen.multi,
            mended: seen.mended,
        })
    }
}

enum Bad {
    /// A curved geometry, which GDAL makes straight first.
    Curve,
    Reason(Reason),
}

impl Bad {
    fn reason(self) -> Reason {
        match self {
            Self::Curve => Reason::NotWkb,
            Self::Reason(reason) => reason,
        }
    }
}

impl From<Reason> for Bad {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

#[derive(Default)]
struct Seen {
    kind: Option<GeometryKind>,
    multi: bool,
    mended: bool,
}

impl Seen {
    fn is(&mut self, kind: GeometryKind) -> Result<(), Bad> {
        match self.kind.replace(kind) {
            Some(before) if before != kind => Err(Reason::Mixed.into()),
            _ => Ok(()),
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Byte order and bytes per coordinate.
#[derive(Clone, Copy)]
struct Layout {
    little: bool,
    stride: usize,
}

impl Reader<'_> {
    fn geometry(&mut self, out: &mut Shapes, seen: &mut Seen, depth: u8) -> Result<(), Bad> {
        if depth > MAX_DEPTH {
            return Err(Reason::NotWkb.into());
        }
        let little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            _ => return Err(Reason::NotWkb.into()),
        };
        let code = self.u32(little)?;
        if code & 0x2000_0000 != 0 {
            self.u32(little)?; // EWKB: the SRID, which the source's CRS already says
        }
        let iso = (code & 0x0FFF_FFFF) / 1000;
        let z = code & 0x8000_0000 != 0 || iso == 1 || iso == 3;
        let m = code & 0x4000_0000 != 0 || iso == 2 || iso == 3;
        let layout = Layout { little, stride: 16 + if z { 8 } else { 0 } + if m { 8 } else { 0 } };
        if iso > 3 {
            return Err(Reason::NotWkb.into());
        }
        match (code & 0x0FFF_FFFF) % 1000 {
            1 => self.point(out, seen, layout),
            2 => self.line(out, seen, layout),
            3 | 17 => self.polygon(out, seen, layout),
            // Multi-geometries, collections, polyhedral surfaces and TINs: a run of geometries.
            4..=7 | 15 | 16 => {
                seen.multi = true;
                let n = self.count(little, 9)?;
                for _ in 0..n {
                    self.geometry(out, seen, depth + 1)?;
                }
                Ok(())
            }
            8..=14 => Err(Bad::Curve),
            _ => Err(Reason::NotWkb.into()),
        }
    }

    fn point(&mut self, out: &mut Shapes, seen: &mut Seen, layout: Layout) -> Result<(), Bad> {
        let (x, y) = self.coord(layout)?;
        seen.is(GeometryKind::Point)?;
        if x.is_nan() && y.is_nan() {
            return Ok(()); // how WKB writes an empty point
        }
        out.x.push(x);
        out.y.push(y);
        out.end_ring();
        out.end_part();
        Ok(())
    }

    fn line(&mut self, out: &mut Shapes, seen: &mut Seen, layout: Layout) -> Result<(), Bad> {
        seen.is(GeometryKind::Line)?;
        let start = out.x.len();
        if self.run(out, layout)? == 0 {
            return Ok(());
        }
        if out.x.len() - start < 2 {
            return Err(Reason::TooFewPoints.into());
        }
        out.end_ring();
        out.end_part();
        Ok(())
    }

    fn polygon(&mut self, out: &mut Shapes, seen: &mut Seen, layout: Layout) -> Result<(), Bad> {
        seen.is(GeometryKind::Polygon)?;
        let rings = self.count(layout.little, 4)?;
        let mut border = false;
        for _ in 0..rings {
            let start = out.x.len();
            if self.run(out, layout)? == 0 {
                continue;
            }
            out.finish_ring(start, border, &mut seen.mended)?;
            border = true;
        }
        if border {
            out.end_part();
        }
        Ok(())
    }

    /// Reads a counted run of coordinates; gives back the count before repeats were dropped.
    fn run(&mut self, out: &mut Shapes, layout: Layout) -> Result<usize, Bad> {
        let n = self.count(layout.little, layout.stride)?;
        let start = out.x.len();
        if layout.little {
            let end = self.at + n * layout.stride;
            for c in self.bytes[self.at..end].chunks_exact(layout.stride) {
                let (x, y) = (le(c, 0), le(c, 8));
                out.push(start, x, y);
            }
            self.at = end;
        } else {
            for _ in 0..n {
                let (x, y) = self.coord(layout)?;
                out.push(start, x, y);
            }
        }
        Ok(n)
    }

    fn coord(&mut self, layout: Layout) -> Result<(f64, f64), Bad> {
        let x: [u8; 8] = self.take()?;
        let y: [u8; 8] = self.take()?;
        let rest = layout.stride - 16;
        if self.bytes.len() - self.at < rest {
            return Err(Reason::NotWkb.into());
        }
        self.at += rest;
        Ok(if layout.little {
            (f64::from_le_bytes(x), f64::from_le_bytes(y))
        } else {
            (f64::from_be_bytes(x), f64::from_be_bytes(y))
        })
    }

    /// A count, checked against what is left: each item takes at least `size` bytes.
    fn count(&mut self, little: bool, size: usize) -> Result<usize, Bad> {
        let n = self.u32(little)? as usize;
        if n > (self.bytes.len() - self.at) / size {
            return Err(Reason::NotWkb.into());
        }
        Ok(n)
    }

    fn u32(&mut self, little: bool) -> Result<u32, Bad> {
        let b = self.take::<4>()?;
        Ok(if little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let b = self.bytes.get(self.at..self.at + N).and_then(|b| b.try_into().ok()).ok_or(Reason::NotWkb)?;
        self.at += N;
        Ok(b)
    }
}

#[inline]
fn le(c: &[u8], at: usize) -> f64 {
    let mut b = [0; 8];
    b.copy_from_slice(&c[at..at + 8]);
    f64::from_le_bytes(b)
}
