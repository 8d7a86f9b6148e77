/** What a person may type into the search box, read before the server is asked. */

import { isZone, unproject } from "./vn2000";

/** Folds case and diacritics: marks dropped, đ→d explicitly, since U+0111 does not decompose. */
export function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("đ", "d");
}

export interface ParcelQuery {
  sheet: number;
  parcel: number;
}

/** "tờ 12 thửa 345", "thửa 345 tờ 12", "12/345", "12 345", in any accents and case. */
export function parseParcel(text: string): ParcelQuery | undefined {
  const folded = fold(text).replace(/[.,;:]/g, " ").trim();
  const of = (word: string) => new RegExp(`(?:^|[^a-z])${word}(?:\\s+(?:ban do|dat))?(?:\\s+so)?\\s*(\\d{1,6})(?!\\d)`).exec(folded)?.[1];
  const sheet = of("to") ?? of("sheet");
  const parcel = of("thua") ?? of("parcel") ?? of("plot");
  if (sheet && parcel) return { sheet: Number(sheet), parcel: Number(parcel) };
  const pair = /^(\d{1,6})\s*[/\-\s]\s*(\d{1,6})$/.exec(folded);
  return pair ? { sheet: Number(pair[1]), parcel: Number(pair[2]) } : undefined;
}

export interface PointQuery {
  lon: number;
  lat: number;
  /** Set when it was given in metres of the city's VN-2000 zone. */
  vn2000: boolean;
}

/** Viet Nam with its sea: the two axes' ranges do not meet, so the order of a pair cannot be mistaken. */
const isLat = (v: number) => v >= 6 && v <= 24;
const isLon = (v: number) => v >= 101 && v <= 118;

/**
 * "12.2388, 109.1967", "12,2388 109,1967" (decimal commas), either order; or easting and northing in metres of the
 * city's VN-2000 zone, either order.
 */
export function parsePoint(text: string, srid: number): PointQuery | undefined {
  const bare = text.replace(/[°ºNEBĐnebđ]/g, " ").trim();
  const numbers =
    bare.includes(".") && bare.includes(",") && !/\d,\d/.test(bare.replace(/,\s/g, " "))
      ? bare.split(/[\s,;]+/)
      : /^\d+\.\d+\s*,\s*\d+\.\d+$/.test(bare)
        ? bare.split(",")
        : bare.replace(/,(?=\s)/g, " ").replaceAll(",", ".").split(/[\s;]+/);
  const parts = numbers.map((n) => n.trim()).filter(Boolean);
  if (parts.length !== 2 || parts.some((n) => !/^\d+(\.\d+)?$/.test(n))) return undefined;
  const [a, b] = parts.map(Number) as [number, number];
  const decimal = parts.some((n) => n.includes("."));
  if (decimal && isLat(a) && isLon(b)) return { lat: a, lon: b, vn2000: false };
  if (decimal && isLon(a) && isLat(b)) return { lat: b, lon: a, vn2000: false };
  if (!isZone(srid)) return undefined;
  const [northing, easting] = a > b ? [a, b] : [b, a];
  if (easting < 200_000 || easting > 800_000 || northing < 880_000 || northing > 2_600_000) return undefined;
  const at = unproject(easting, northing, srid);
  return at && { lon: at[0], lat: at[1], vn2000: true };
}
