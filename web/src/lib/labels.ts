/**
 * One label a polygon. A polygon arrives cut into tiles, and a map would label every piece; so labels of polygons are
 * placed here, in the middle of what is seen of each, whatever tiles it lies in.
 */

import type { FeatureCollection, Point, Position } from "geojson";
import type { FilterSpecification, GeoJSONSource } from "maplibre-gl";
import type { KhoMap } from "./map";
import type { BBox } from "./types";

/** Rings of one piece, the outer first. */
export type Piece = Position[][];

/** Cells of the search grid along the longer side. */
const GRID = 22;
/** A part of a polygon smaller than this share of the view is not worth its name. */
const WORTH = 0.004;

function boxOf(pieces: Piece[]): BBox {
  const box: BBox = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [outer] of pieces) {
    for (const p of outer ?? []) {
      const [x, y] = p as [number, number];
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    }
  }
  return box;
}

/** Even-odd over all rings, so holes count as outside. */
function inside(x: number, y: number, pieces: Piece[]): boolean {
  for (const piece of pieces) {
    let odd = false;
    for (const ring of piece) {
      for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
        const [xi, yi] = ring[i] as [number, number];
        const [xj, yj] = ring[j] as [number, number];
        if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
      }
    }
    if (odd) return true;
  }
  return false;
}

/** The cell of a grid over the seen part that lies deepest inside; undefined when too little is seen. */
export function labelPoint(pieces: Piece[], view: BBox): [number, number] | undefined {
  const whole = boxOf(pieces);
  const west = Math.max(whole[0], view[0]), south = Math.max(whole[1], view[1]);
  const east = Math.min(whole[2], view[2]), north = Math.min(whole[3], view[3]);
  if (!(west < east && south < north)) return undefined;
  const cell = Math.max(east - west, north - south) / GRID;
  const cols = Math.max(1, Math.round((east - west) / cell));
  const rows = Math.max(1, Math.round((north - south) / cell));
  const at = (c: number, r: number): [number, number] => [west + ((c + 0.5) * (east - west)) / cols, south + ((r + 0.5) * (north - south)) / rows];

  // distance to the outside in cells, by two passes (chamfer); the grid's own rim counts as outside
  const depth = new Float64Array((cols + 2) * (rows + 2));
  const index = (c: number, r: number) => (r + 1) * (cols + 2) + c + 1;
  let covered = 0;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      if (!inside(...at(c, r), pieces)) continue;
      covered++;
      depth[index(c, r)] = 1 + Math.min(d(c - 1, r), d(c, r - 1));
    }
  }
  function d(c: number, r: number): number {
    return depth[index(c, r)] ?? 0;
  }
  let best: [number, number] | undefined;
  let deepest = 0;
  for (let r = rows - 1; r >= 0; r--) {
    for (let c = cols - 1; c >= 0; c--) {
      if (d(c, r) === 0) continue;
      const value = Math.min(d(c, r), 1 + d(c + 1, r), 1 + d(c, r + 1));
      depth[index(c, r)] = value;
      // among equals, the one nearest the middle
      const score = value - Math.hypot(c - cols / 2, r - rows / 2) * 1e-3;
      if (score > deepest) {
        deepest = score;
        best = at(c, r);
      }
    }
  }
  const viewArea = (view[2] - view[0]) * (view[3] - view[1]);
  const seen = (covered / (cols * rows)) * (east - west) * (north - south);
  const allSeen = whole[0] >= view[0] && whole[1] >= view[1] && whole[2] <= view[2] && whole[3] <= view[3];
  return seen >= viewArea * WORTH || allSeen ? best : undefined;
}

/** The zoom from which single parcels are looked at. */
const CLOSE = 17;

function contains(box: BBox, view: BBox): boolean {
  return box[0] <= view[0] && box[1] <= view[1] && box[2] >= view[2] && box[3] >= view[3];
}

/** More labels than this nobody reads, and placing them would be felt. */
const MOST = 3000;

/** The source of a layer's placed labels. */
export const labelSource = (layer: string) => `kho-labels-${layer}`;

/** Places the labels of these layers again whenever the map comes to rest somewhere else or with other data. */
export function keepLabelled(map: KhoMap, layers: { layer: string; filter?: FilterSpecification | undefined }[]): void {
  let stale = true;
  map.on("moveend", () => (stale = true));
  map.on("sourcedata", (event) => {
    if (event.tile && layers.some((l) => l.layer === event.sourceId)) stale = true;
  });
  map.on("styledata", () => (stale = true)); // a layer was switched on
  map.on("idle", () => {
    if (!stale) return;
    stale = false;
    const b = map.getBounds();
    const view: BBox = [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()];
    for (const { layer, filter } of layers) {
      const from = Math.min(...["label", "icon"].map((part) => map.getLayer(`${layer}:${part}`)?.minzoom ?? Infinity));
      if (map.getZoom() < from) continue;
      // who reads house numbers knows the ward: the name of what is all around would only cover them
      const around = map.getZoom() >= CLOSE && from < CLOSE - 3;
      const byId = new Map<unknown, { properties: Record<string, unknown>; pieces: Piece[] }>();
      for (const f of map.querySourceFeatures(layer, { sourceLayer: layer, ...(filter ? { filter } : {}) })) {
        const { geometry } = f;
        if (geometry.type !== "Polygon" && geometry.type !== "MultiPolygon") continue;
        // copied: the tile's own object has no prototype, and MapLibre cannot send such a one to its worker
        const one = byId.get(f.id) ?? { properties: { ...f.properties }, pieces: [] as Piece[] };
        one.pieces.push(...(geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates));
        byId.set(f.id, one);
      }
      const data: FeatureCollection<Point> = { type: "FeatureCollection", features: [] };
      for (const { properties, pieces } of byId.values()) {
        if (data.features.length >= MOST) break;
        if (around && contains(boxOf(pieces), view)) continue;
        const coordinates = labelPoint(pieces, view);
        if (coordinates) data.features.push({ type: "Feature", properties, geometry: { type: "Point", coordinates } });
      }
      void map.getSource<GeoJSONSource>(labelSource(layer))?.setData(data);
    }
  });
}
