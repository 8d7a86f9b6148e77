/**
 * VN-2000 plane coordinates of a province's TM-3 zone.
 *
 * The datum shift is that of Decision 05/2007/QĐ-BTNMT (EPSG:6960, a coordinate-frame rotation); the projection is
 * Krüger's series to the third order in n, good to a millimetre within a zone.
 */

const A = 6378137;
const F = 1 / 298.257223563;
const E2 = F * (2 - F);
const K0 = 0.9999;
const FALSE_EASTING = 500_000;

/** Central meridians of the TM-3 zones by EPSG code. */
const MERIDIAN: Record<number, number> = {
  5896: 102, 5897: 105, 5898: 108, 5899: 107.75,
  9205: 103, 9206: 104, 9207: 104.5, 9208: 104.75, 9209: 105.5, 9210: 105.75, 9211: 106, 9212: 106.25,
  9213: 106.5, 9214: 107, 9215: 107.25, 9216: 107.5, 9217: 108.25, 9218: 108.5,
};

const SECOND = Math.PI / 648_000;
// VN-2000 → WGS 84, as decided
const T = [-191.90441429, -39.30318279, -111.45032835] as const;
const R = [-0.00928836 * SECOND, 0.01975479 * SECOND, -0.00427372 * SECOND] as const;
const SCALE = 1.000000252906278;

type Vec = readonly [number, number, number];

function toCartesian(lon: number, lat: number): Vec {
  const n = A / Math.sqrt(1 - E2 * Math.sin(lat) ** 2);
  return [n * Math.cos(lat) * Math.cos(lon), n * Math.cos(lat) * Math.sin(lon), n * (1 - E2) * Math.sin(lat)];
}

function toGeographic([x, y, z]: Vec): [lon: number, lat: number] {
  const p = Math.hypot(x, y);
  let lat = Math.atan2(z, p * (1 - E2));
  for (let i = 0; i < 6; i++) {
    const n = A / Math.sqrt(1 - E2 * Math.sin(lat) ** 2);
    lat = Math.atan2(z + E2 * n * Math.sin(lat), p);
  }
  return [Math.atan2(y, x), lat];
}

/** Coordinate-frame convention: the axes turn, so the vector turns the other way. */
function toWgs84([x, y, z]: Vec): Vec {
  const [rx, ry, rz] = R;
  return [
    T[0] + SCALE * (x + rz * y - ry * z),
    T[1] + SCALE * (-rz * x + y + rx * z),
    T[2] + SCALE * (ry * x - rx * y + z),
  ];
}

/** The rotation is under 0.02″, so its transpose is its inverse to far below a millimetre. */
function fromWgs84([x, y, z]: Vec): Vec {
  const [rx, ry, rz] = R;
  const [u, v, w] = [(x - T[0]) / SCALE, (y - T[1]) / SCALE, (z - T[2]) / SCALE];
  return [u - rz * v + ry * w, rz * u + v - rx * w, -ry * u + rx * v + w];
}

const N = F / (2 - F);
const RECTIFYING = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const ALPHA = [N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3, (13 / 48) * N ** 2 - (3 / 5) * N ** 3, (61 / 240) * N ** 3];
const BETA = [N / 2 - (2 / 3) * N ** 2 + (37 / 96) * N ** 3, N ** 2 / 48 + N ** 3 / 15, (17 / 480) * N ** 3];
const DELTA = [2 * N - (2 / 3) * N ** 2 - 2 * N ** 3, (7 / 3) * N ** 2 - (8 / 5) * N ** 3, (56 / 15) * N ** 3];

/** Whether `srid` is a TM-3 zone that this module knows. */
export function isZone(srid: number): boolean {
  return srid in MERIDIAN;
}

/** WGS 84 degrees → easting and northing in metres; undefined for another CRS or far outside the zone. */
export function project(lon: number, lat: number, srid: number): [easting: number, northing: number] | undefined {
  const meridian = MERIDIAN[srid];
  // far from its meridian a zone has no meaning, and the series no accuracy
  if (meridian === undefined || Math.abs(lon - meridian) > 4) return undefined;
  const [l, phi] = toGeographic(fromWgs84(toCartesian((lon * Math.PI) / 180, (lat * Math.PI) / 180)));
  const dl = l - (meridian * Math.PI) / 180;
  const c = (2 * Math.sqrt(N)) / (1 + N);
  const t = Math.sinh(Math.atanh(Math.sin(phi)) - c * Math.atanh(c * Math.sin(phi)));
  const xi = Math.atan2(t, Math.cos(dl));
  const eta = Math.atanh(Math.sin(dl) / Math.sqrt(1 + t * t));
  let [x, y] = [eta, xi];
  ALPHA.forEach((a, i) => {
    const k = 2 * (i + 1);
    x += a * Math.cos(k * xi) * Math.sinh(k * eta);
    y += a * Math.sin(k * xi) * Math.cosh(k * eta);
  });
  return [FALSE_EASTING + K0 * RECTIFYING * x, K0 * RECTIFYING * y];
}

/** Easting and northing in metres → WGS 84 degrees; undefined for another CRS. */
export function unproject(easting: number, northing: number, srid: number): [lon: number, lat: number] | undefined {
  const meridian = MERIDIAN[srid];
  if (meridian === undefined) return undefined;
  const xi0 = northing / (K0 * RECTIFYING);
  const eta0 = (easting - FALSE_EASTING) / (K0 * RECTIFYING);
  let [xi, eta] = [xi0, eta0];
  BETA.forEach((b, i) => {
    const k = 2 * (i + 1);
    xi -= b * Math.sin(k * xi0) * Math.cosh(k * eta0);
    eta -= b * Math.cos(k * xi0) * Math.sinh(k * eta0);
  });
  const chi = Math.asin(Math.sin(xi) / Math.cosh(eta));
  let phi = chi;
  DELTA.forEach((d, i) => (phi += d * Math.sin(2 * (i + 1) * chi)));
  const l = (meridian * Math.PI) / 180 + Math.atan2(Math.sinh(eta), Math.cos(xi));
  const [lon, lat] = toGeographic(toWgs84(toCartesian(l, phi)));
  return [(lon * 180) / Math.PI, (lat * 180) / Math.PI];
}
