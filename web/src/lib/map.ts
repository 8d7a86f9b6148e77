/** The map, without any framework around it. */

import * as maplibregl from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import type { Geometry } from "geojson";
import { tilesIn, zoomsHeld, type ChangedLayer } from "./changes";
import { bbox } from "./geometry";
import { keepLabelled } from "./labels";
import { drawing, partOf } from "./layers";
import { prepare } from "./style";
import type { BBox, FeatureRef, KhoStyle, LayerInfo } from "./types";

// a file of our own origin: no blob: in the Content-Security-Policy
maplibregl.setWorkerUrl(workerUrl);

export type KhoMap = maplibregl.Map;

/** Labels are drawn with the page's font: both subsets must be there before the first letter is. */
export async function fontsReady(): Promise<void> {
  const sample = "Phường Vĩnh Hải, đường số 12";
  const load = Promise.all(["400", "600"].map((w) => document.fonts.load(`${w} 16px "Be Vietnam Pro"`, sample)));
  const late = new Promise((resolve) => setTimeout(resolve, 3000));
  await Promise.race([load, late]).catch(() => undefined); // without the font the map is plainer, not absent
}

/** What the tile requests of a map say about the snapshot; change it, then refresh. */
export interface TileVersion {
  snapshot: number | undefined;
}

function absolute(url: string): string {
  return url.startsWith("/") ? location.origin + url : url;
}

/** Tile addresses carry the snapshot, so that a cached tile of the last one never stands beside a new one. */
export function tileUrl(url: string, version: TileVersion): string {
  const at = absolute(url);
  if (version.snapshot === undefined || !at.startsWith(location.origin) || at.includes("snapshot=")) return at;
  return `${at}${at.includes("?") ? "&" : "?"}snapshot=${version.snapshot}`;
}

export interface MapOptions {
  container: HTMLElement;
  style: KhoStyle;
  center: [number, number];
  zoom: number;
  version: TileVersion;
  layers: LayerInfo[];
}

/** Throws when the browser has no WebGL 2. */
export function createMap(options: MapOptions): KhoMap {
  const { style, labelled } = prepare(options.style, options.layers);
  const map = new maplibregl.Map({
    container: options.container,
    style,
    center: options.center,
    zoom: options.zoom,
    minZoom: 5,
    maxZoom: 21,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: false,
    // MapLibre cannot refresh tiles that it keeps out of sight; the browser's cache has them for the asking
    maxTileCacheSize: 0,
    fadeDuration: reducedMotion() ? 0 : 150,
    transformRequest: (url, type) => ({ url: type === "Tile" ? tileUrl(url, options.version) : absolute(url) }),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  keepLabelled(map, labelled);
  showState(map);
  return map;
}

export function reducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Reads every tile again, keeping the old ones on screen until the new ones are there. */
export function refreshTiles(map: KhoMap): void {
  for (const [id, source] of Object.entries(map.getStyle().sources)) {
    if (source.type === "vector") map.refreshTiles(id);
  }
}

/** Reads the tiles again that a change touches: those on the screen, and once more what was still on its way. */
export function refreshChanged(map: KhoMap, layers: ChangedLayer[]): void {
  const refresh = () => {
    const [west, south, east, north] = map.getBounds().toArray().flat() as BBox;
    for (const [id, source] of Object.entries(map.getStyle().sources)) {
      const layer = layers.find((l) => l.name === id);
      if (!layer || source.type !== "vector") continue;
      // from a TileJSON: what the style leaves out, the source has learned
      const { minzoom = 0, maxzoom = 22 } = map.getSource(id) as maplibregl.VectorTileSource;
      const tiles = layer.boxes && tilesIn(layer.boxes, [west, south, east, north], ...zoomsHeld(map.getZoom(), minzoom, maxzoom));
      if (!tiles) map.refreshTiles(id);
      else if (tiles.length > 0) map.refreshTiles(id, tiles);
    }
  };
  const whole = map.areTilesLoaded();
  refresh();
  // a tile asked for before the commit comes as it was
  if (!whole) map.once("idle", refresh);
}

/** The zoom from which the inside of a merely outlined feature can be clicked. */
const CLICKABLE = 14.5;

/** Fills as the style has them, before the page made any transparent. */
const originals = new WeakMap<KhoMap, Map<string, { opacity: unknown; minzoom: number }>>();

/** Draws what `show` lists. */
export function applyShow(map: KhoMap, show: string[]): void {
  const kept = originals.get(map) ?? new Map<string, { opacity: unknown; minzoom: number }>();
  originals.set(map, kept);
  for (const layer of map.getStyle().layers) {
    const part = partOf(layer);
    if (!part) continue;
    const how = drawing(show, part.layer, part.part);
    map.setLayoutProperty(layer.id, "visibility", how === "none" ? "none" : "visible");
    if (layer.type === "fill") {
      const was = kept.get(layer.id) ?? { opacity: map.getPaintProperty(layer.id, "fill-opacity"), minzoom: layer.minzoom ?? 0 };
      kept.set(layer.id, was);
      // parcels too small to be meant are not worth their tiles
      map.setLayerZoomRange(layer.id, Math.max(was.minzoom, how === "clear" ? CLICKABLE : 0), layer.maxzoom ?? 24);
      map.setPaintProperty(layer.id, "fill-opacity", how === "clear" ? 0 : (was.opacity as number | undefined));
    }
  }
}

/** Tells the pages' tests, on the map's element, when everything asked for is drawn, and what the map complained of. */
function showState(map: KhoMap): void {
  const element = map.getContainer();
  map.on("dataloading", () => (element.dataset.map = "busy"));
  map.on("movestart", () => (element.dataset.map = "busy"));
  map.on("idle", () => {
    // placing the labels, just before, has set a source loading again: another idle follows
    if (map.loaded()) element.dataset.map = "idle";
  });
  // this listener also keeps MapLibre from writing to the console
  map.on("error", (event) => (element.dataset.mapError = event.error.message));
}

/** What a person most likely means comes first: a parcel, else the smallest kind of thing, else the topmost. */
const KIND_RANK: Record<string, number> = { circle: 1, line: 2, fill: 3 };

export interface Hit extends FeatureRef {
  properties: Record<string, unknown>;
}

/** The features at a place of the screen, each once. `reach` in px is for fingers and thin lines. */
export function hitsAt(map: KhoMap, point: { x: number; y: number }, reach: number): Hit[] {
  const drawn = map.getStyle().layers.filter((l) => partOf(l) && ["fill", "line", "circle"].includes(l.type));
  const ids = (type: (t: string) => boolean) => drawn.filter((l) => type(l.type)).map((l) => l.id);
  const around: [[number, number], [number, number]] = [
    [point.x - reach, point.y - reach],
    [point.x + reach, point.y + reach],
  ];
  const found = [
    ...map.queryRenderedFeatures(around, { layers: ids((t) => t === "circle" || t === "line") }).filter((f) => {
      const part = f.layer.metadata ? partOf(f.layer as never)?.part : undefined;
      return part !== "outline" && part !== "casing"; // a border near the click is not a feature near the click
    }),
    ...map.queryRenderedFeatures([point.x, point.y], { layers: ids((t) => t === "fill") }),
  ];
  const seen = new Set<string>();
  const hits: (Hit & { rank: number })[] = [];
  for (const f of found) {
    const layer = f.source;
    const id = Number(f.id);
    if (!Number.isSafeInteger(id) || seen.has(`${layer}/${id}`)) continue;
    seen.add(`${layer}/${id}`);
    hits.push({ layer, id, properties: f.properties, rank: KIND_RANK[f.layer.type] ?? 4 });
  }
  const rank = (hit: (typeof hits)[number]) => (hit.rank === 3 && hit.layer === "land_parcel" ? 2.5 : hit.rank);
  return hits.sort((a, b) => rank(a) - rank(b)).map(({ rank: _, ...hit }) => hit);
}

const SELECTED = "kho-selected";

/** Marks one feature, or a bare point, or (undefined) nothing. */
export function mark(map: KhoMap, geometry: Geometry | null | undefined, dark = false): void {
  const data = geometry
    ? { type: "Feature" as const, geometry, properties: {} }
    : { type: "FeatureCollection" as const, features: [] };
  const source = map.getSource(SELECTED) as maplibregl.GeoJSONSource | undefined;
  if (source) {
    void source.setData(data);
    return;
  }
  const line = dark ? "#ffffff" : "#0b3fd6";
  map.addSource(SELECTED, { type: "geojson", data });
  map.addLayer({ id: "kho-selected-fill", type: "fill", source: SELECTED, filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": line, "fill-opacity": 0.12 } });
  map.addLayer({ id: "kho-selected-halo", type: "line", source: SELECTED, layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": dark ? "#000000" : "#ffffff", "line-width": 6, "line-opacity": 0.9 } });
  map.addLayer({ id: "kho-selected-line", type: "line", source: SELECTED, layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": line, "line-width": 3 } });
  map.addLayer({ id: "kho-selected-point", type: "circle", source: SELECTED, filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 10, "circle-color": line, "circle-opacity": 0.2, "circle-stroke-color": line, "circle-stroke-width": 3 } });
}

/** Flies to a box, small things not closer than they can be understood. */
export function goTo(map: KhoMap, box: BBox, padding: Partial<Record<"top" | "bottom" | "left" | "right", number>> = {}, maxZoom = 18.5): void {
  map.fitBounds([[box[0], box[1]], [box[2], box[3]]], {
    padding: { top: 70, bottom: 70, left: 50, right: 50, ...padding },
    maxZoom,
    duration: reducedMotion() ? 0 : 900,
  });
}

export function goToGeometry(map: KhoMap, geometry: Geometry | null | undefined, padding = {}): void {
  const box = bbox(geometry);
  if (box) goTo(map, box, padding);
}

/** A picture of the map as it stands, for the printed page. */
export function picture(map: KhoMap): Promise<string> {
  return new Promise((resolve) => {
    map.once("render", () => resolve(map.getCanvas().toDataURL("image/png")));
    map.triggerRepaint();
  });
}
