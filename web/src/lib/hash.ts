/** The page's state in the URL's fragment, so that a link shows what its sender saw. */

import type { FeatureRef, Lang } from "./types";

export interface HashState {
  /** Zoom, latitude, longitude: the order map links have everywhere. */
  map?: { zoom: number; lat: number; lon: number };
  view?: string;
  /** What is shown, when it is not just what the view shows. */
  show?: string[];
  sel?: FeatureRef;
  lang?: Lang;
}

const NAME = /^[a-z][a-z0-9_]*(:[a-z]+)?$/;

export function writeHash(state: HashState): string {
  const parts: string[] = [];
  if (state.map) {
    const { zoom, lat, lon } = state.map;
    parts.push(`map=${trim(zoom, 2)}/${trim(lat, 6)}/${trim(lon, 6)}`);
  }
  if (state.view) parts.push(`view=${encodeURIComponent(state.view)}`);
  if (state.show) parts.push(`show=${state.show.join(",")}`);
  if (state.sel) parts.push(`sel=${state.sel.layer}/${state.sel.id}`);
  if (state.lang) parts.push(`lang=${state.lang}`);
  return parts.length ? `#${parts.join("&")}` : "";
}

/** Reads what it can; a part that makes no sense is left out, since people cut links short. */
export function readHash(hash: string): HashState {
  const state: HashState = {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const cut = part.indexOf("=");
    if (cut < 0) continue;
    const value = safeDecode(part.slice(cut + 1));
    switch (part.slice(0, cut)) {
      case "map": {
        const [zoom, lat, lon] = value.split("/").map(Number);
        if (ok(zoom, 0, 24) && ok(lat, -85, 85) && ok(lon, -180, 180)) state.map = { zoom, lat, lon };
        break;
      }
      case "view":
        if (/^[\w-]+$/.test(value)) state.view = value;
        break;
      case "show":
        state.show = value.split(",").filter((name) => NAME.test(name));
        break;
      case "sel": {
        const [layer, id] = value.split("/");
        if (layer && id && NAME.test(layer) && /^\d{1,16}$/.test(id)) state.sel = { layer, id: Number(id) };
        break;
      }
      case "lang":
        if (value === "vi" || value === "en") state.lang = value;
        break;
    }
  }
  return state;
}

function ok(value: number | undefined, min: number, max: number): value is number {
  return value !== undefined && Number.isFinite(value) && value >= min && value <= max;
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
