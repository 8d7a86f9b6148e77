/** Figures per ward, made ready for the wall. */

import type { WardCounts } from "./types";

/** Kinds of counts in the order of the wall; a city's own kinds follow. */
const ORDER = ["land_parcel", "address_point", "street_light", "drain_node"];

export function kinds(wards: WardCounts[]): string[] {
  const all = [...new Set(wards.flatMap((w) => Object.keys(w.counts)))];
  const rank = (k: string) => (ORDER.includes(k) ? ORDER.indexOf(k) : ORDER.length);
  return all.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

export function totals(wards: WardCounts[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const ward of wards) {
    for (const [kind, n] of Object.entries(ward.counts)) sum[kind] = (sum[kind] ?? 0) + n;
  }
  return sum;
}

/** The largest ward first, so that the eye finds it; equal ones by name. */
export function ranked(wards: WardCounts[], kind: string): WardCounts[] {
  const n = (w: WardCounts) => w.counts[kind] ?? 0;
  return [...wards].sort((a, b) => n(b) - n(a) || a.name.localeCompare(b.name, "vi"));
}

/** Each ward's change since the last figures. */
export function changes(before: WardCounts[], after: WardCounts[], kind: string): Record<string, number> {
  const old = new Map(before.map((w) => [w.code, w.counts[kind] ?? 0]));
  const out: Record<string, number> = {};
  for (const ward of after) {
    const was = old.get(ward.code);
    const by = was === undefined ? 0 : (ward.counts[kind] ?? 0) - was;
    if (by !== 0) out[ward.code] = by;
  }
  return out;
}
