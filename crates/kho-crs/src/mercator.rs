//! Transverse Mercator on WGS 84's ellipsoid, by Krüger's series to the sixth order in n (Karney
//! 2011, eq. 35 for α and 36 for β; the latitude by its Fourier series in the conformal one):
//! better than a nanometre within the zones. Ingest's tests hold the inverse to PROJ, and the tests
//! of the zones hold the two directions to each other.

use crate::{EQUATORIAL_RADIUS as A, FLATTENING as F, SinCos};
use std::f64::consts::FRAC_PI_2;

/// Sine and cosine of the sum of two angles.
pub(crate) fn plus(a: SinCos, b: SinCos) -> SinCos {
    (a.0 * b.1 + a.1 * b.0, a.1 * b.1 - a.0 * b.0)
}

/// The projection for one scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mercator {
    /// Radius of the rectifying sphere times the scale.
    radius: f64,
    alpha: [f64; 6],
    beta: [f64; 6],
    /// Of the latitude's series in the conformal latitude.
    delta: [f64; 6],
}

impl Mercator {
    /// For a scale on the central meridian.
    pub(crate) fn new(scale: f64) -> Self {
        let n = F / (2.0 - F);
        let n2 = n * n;
        let (n3, n4, n5, n6) = (n2 * n, n2 * n2, n2 * n2 * n, n2 * n2 * n2);
        Self {
            radius: scale * A / (1.0 + n) * (1.0 + n2 / 4.0 + n4 / 64.0 + n6 / 256.0),
            alpha: [
                n / 2.0 - 2.0 / 3.0 * n2 + 5.0 / 16.0 * n3 + 41.0 / 180.0 * n4 - 127.0 / 288.0 * n5
                    + 7891.0 / 37_800.0 * n6,
                13.0 / 48.0 * n2 - 3.0 / 5.0 * n3 + 557.0 / 1440.0 * n4 + 281.0 / 630.0 * n5
                    - 1_983_433.0 / 1_935_360.0 * n6,
                61.0 / 240.0 * n3 - 103.0 / 140.0 * n4
                    + 15_061.0 / 26_880.0 * n5
                    + 167_603.0 / 181_440.0 * n6,
                49_561.0 / 161_280.0 * n4 - 179.0 / 168.0 * n5 + 6_601_661.0 / 7_257_600.0 * n6,
                34_729.0 / 80_640.0 * n5 - 3_418_889.0 / 1_995_840.0 * n6,
                212_378_941.0 / 319_334_400.0 * n6,
            ],
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

    /// East and north of a point given by its latitude and its longitude from the central meridian
    /// (sines and cosines). `None` a quarter of the globe away, where the series means nothing.
    pub(crate) fn forward(&self, (sin_lat, cos_lat): SinCos, (sin_lon, cos_lon): SinCos) -> Option<[f64; 2]> {
        let e = (F * (2.0 - F)).sqrt();
        // The tangent of the conformal latitude (Karney, eq. 7 to 9).
        let t = (sin_lat.atanh() - e * (e * sin_lat).atanh()).sinh();
        let h = t.hypot(cos_lon);
        let eta = (sin_lon / h).asinh();
        if !(cos_lat > 0.0 && cos_lon > 0.0 && eta.abs() <= 0.6) {
            return None;
        }
        // Sine and cosine of 2ξ from those of ξ.
        let (s, c) = (t / h, cos_lon / h);
        let (re, im) = clenshaw(&self.alpha, (2.0 * s * c, c * c - s * s), 2.0 * eta);
        Some([self.radius * (eta + im), self.radius * (t.atan2(cos_lon) + re)])
    }

    /// Latitude and longitude (from the central meridian) of a point given from the origin.
    /// `None` a quarter of the globe away, where the series means nothing.
    pub(crate) fn inverse(&self, east: f64, north: f64) -> Option<(SinCos, SinCos)> {
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
