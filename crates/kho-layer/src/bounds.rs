//! Bounding boxes: of a geometry at rest, of many, against a window.

/// `[min x, min y, max x, max y]` in CRS84 degrees: west, south, east, north.
pub type Bounds = [f64; 4];

/// Whether two boxes share a point; touching counts.
pub fn intersects(a: &Bounds, b: &Bounds) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

/// The bounding box of a geometry in WKB (ISO, little endian, any dimension; Z and M are passed
/// over). `None` for an empty geometry and for bytes that are not such WKB.
///
/// ```
/// let point = [&[1u8, 1, 0, 0, 0][..], &109.2f64.to_le_bytes(), &12.25f64.to_le_bytes()].concat();
/// assert_eq!(kho_layer::wkb_bounds(&point), Some([109.2, 12.25, 109.2, 12.25]));
/// ```
pub fn wkb_bounds(wkb: &[u8]) -> Option<Bounds> {
    let mut walk =
        Walk { rest: wkb, bounds: [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY] };
    walk.geometry(0)?;
    (walk.bounds[0] <= walk.bounds[2] && walk.bounds[1] <= walk.bounds[3]).then_some(walk.bounds)
}

/// Collections within collections: more than any city has, few enough for the stack.
const MAX_DEPTH: u8 = 16;

struct Walk<'a> {
    rest: &'a [u8],
    bounds: Bounds,
}

impl Walk<'_> {
    fn geometry(&mut self, depth: u8) -> Option<()> {
        let [1, a, b, c, d, rest @ ..] = self.rest else {
            return None;
        };
        self.rest = rest;
        let code = u32::from_le_bytes([*a, *b, *c, *d]);
        let width = match code / 1000 {
            0 => 16,
            1 | 2 => 24,
            3 => 32,
            _ => return None,
        };
        match code % 1000 {
            1 => self.positions(1, width),
            2 => {
                let n = self.count()?;
                self.positions(n, width)
            }
            3 => {
                for _ in 0..self.count()? {
                    let n = self.count()?;
                    self.positions(n, width)?;
                }
                Some(())
            }
            4..=7 if depth < MAX_DEPTH => {
                for _ in 0..self.count()? {
                    self.geometry(depth + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn count(&mut self) -> Option<u32> {
        let (n, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*n))
    }

    fn positions(&mut self, n: u32, width: usize) -> Option<()> {
        let (here, rest) = self.rest.split_at_checked(n as usize * width)?;
        self.rest = rest;
        let b = &mut self.bounds;
        for position in here.chunks_exact(width) {
            let (x, y) = (number(position, 0), number(position, 8));
            // min and max pass over NaN, which is how WKB writes an empty point
            b[0] = b[0].min(x);
            b[1] = b[1].min(y);
            b[2] = b[2].max(x);
            b[3] = b[3].max(y);
        }
        Some(())
    }
}

fn number(bytes: &[u8], at: usize) -> f64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(f64::NAN, |b| f64::from_le_bytes(*b))
}
