//! Inverse transverse Mercator on WGS 84's ellipsoid, by Krüger's series to the sixth order in n
//! (Karney 2011, eq. 36 for β; the latitude by its Fourier series in the conformal one): better
//! than a nanometre within the zones. Its tests are those of the zones, against PROJ.

use std::f64::consts::FRAC_PI_2;

/// The ellipsoid's equatorial radius.
pub(super) const A: f64 = 6_378_137.0;
/// Its flattening.
pub(super) const F: f64 = 1.0 / 298.257_223_563;

/// Sine and cosine of an angle.
pub(super) type SinCos = (f64, f64);

/// Sine and cosine of the sum of two angles.
pub(super) fn plus(a: SinCos, b: SinCos) -> SinCos {
    (a.0 * b.1 + a.1 * b.0, a.1 * b.1 - a.0 * b.0)
}

/// The inverse projection for one scale.
pub(super) struct Mercator {
    /// Radius of the rectifying sphere times the scale.
    radius: f64,
    beta: [f64; 6],
    /// Of the latitude's series in the conformal latitude.
    delta: [f64; 6],
}

impl Mercator {
    /// For a scale on the central meridian.
    pub(super) fn new(scale: f64) -> Self {
        let n = F / (2.0 - F);
        let n2 = n * n;
        let (n3, n4, n5, n6) = (n2 * n, n2 * n2, n2 * n2 * n, n2 * n2 * n2);
        Self {
            radius: scale * A / (1.0 + n) * (1.0 + n2 / 4.0 + n4 / 64.0 + n6 / 256.0),
            beta: [
                n / 2.0 - 2.0 / 3.0 * n2 + 37.0 / 96.0 * n3 - n4 / 360.0 - 81.0 / 512.0 * n5
                    + 96_199.0 / 604_800.0 * n6,
                n2 / 48.0 + n3 / 15.0 - 437.0 / 1440.0 * n4 + 46.0 / 105.0 * n5
                    - 1_118_711.0 / 3_870_720.0 * n6,
                17.0 / 480.0 * n3 - 37.0 / 840.0 * n4 - 209.0 / 4480.0 * n5 + 5569.0 / 90_720.0 * n6,
                4397.0 / 161_280.0 * n4 - 11.0 / 504.0 * n5 - 830_251.0 / 7_257_600.0 * n6,
                4583.0 / 161_280.0 * n5 - 108_847.0 / 3_991_680.0 * n6,
                20_648_693.0 / 638_668_800.0 * n6,
            ],
            delta: [
                2.0 * n - 2.0 / 3.0 * n2 - 2.0 * n3 + 116.0 / 45.0 * n4 + 26.0 / 45.0 * n5
                    - 2854.0 / 675.0 * n6,
                7.0 / 3.0 * n2 - 8.0 / 5.0 * n3 - 227.0 / 45.0 * n4
                    + 2704.0 / 315.0 * n5
                    + 2323.0 / 945.0 * n6,
                56.0 / 15.0 * n3 - 136.0 / 35.0 * n4 - 1262.0 / 105.0 * n5 + 73_814.0 / 2835.0 * n6,
                4279.0 / 630.0 * n4 - 332.0 / 35.0 * n5 - 399_572.0 / 14_175.0 * n6,
                4174.0 / 315.0 * n5 - 144_838.0 / 6237.0 * n6,
                601_676.0 / 22_275.0 * n6,
            ],
        }
    }

    /// Latitude and longitude (from the central meridian) of a point given from the origin.
    /// `None` a quarter of the globe away, where the series means nothing.
    pub(super) fn inverse(&self, east: f64, north: f64) -> Option<(SinCos, SinCos)> {
        let (xi, eta) = (north / self.radius, east / self.radius);
        if !(xi.abs() <= FRAC_PI_2 && eta.abs() <= 0.6) {
            return None;
        }
        let (re, im) = clenshaw(&self.beta, (2.0 * xi).sin_cos(), 2.0 * eta);
        let (sin_xi, cos_xi) = (xi - re).sin_cos();
        let eta = eta - im;
        let (sinh, cosh) = (eta.sinh(), eta.cosh());
        let h = sinh.hypot(cos_xi);
        let lon = (sinh / h, cos_xi / h);
        // Conformal latitude, then the geodetic one by its Fourier series.
        let (sin_chi, cos_chi) = (sin_xi / cosh, h / cosh);
        let twice = (2.0 * sin_chi * cos_chi, cos_chi * cos_chi - sin_chi * sin_chi);
        let (add, _) = clenshaw_real(&self.delta, twice);
        Some((plus((sin_chi, cos_chi), add.sin_cos()), lon))
    }
}

/// Σ cₖ sin(2k·ζ) for complex ζ = ξ + iη, given sin and cos of 2ξ, and 2η.
fn clenshaw(c: &[f64; 6], (s, co): SinCos, eta2: f64) -> (f64, f64) {
    let (sh, ch) = (eta2.sinh(), eta2.cosh());
    // 2·cos(2ζ)
    let (ar, ai) = (2.0 * co * ch, -2.0 * s * sh);
    let (mut br, mut bi, mut dr, mut di) = (0.0, 0.0, 0.0, 0.0);
    for c in c.iter().rev() {
        let r = ar * br - ai * bi - dr + c;
        let i = ar * bi + ai * br - di;
        (dr, di, br, bi) = (br, bi, r, i);
    }
    // times sin(2ζ)
    let (sr, si) = (s * ch, co * sh);
    (br * sr - bi * si, br * si + bi * sr)
}

/// Σ cₖ sin(2kχ), given sin and cos of 2χ.
fn clenshaw_real(c: &[f64; 6], (s, co): SinCos) -> (f64, f64) {
    let (mut b, mut d) = (0.0, 0.0);
    for c in c.iter().rev() {
        (d, b) = (b, 2.0 * co * b - d + c);
    }
    (b * s, d)
}
