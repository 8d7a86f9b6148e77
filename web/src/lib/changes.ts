/** What a commit changed, as /events tells it, and which tiles on the screen it touches. */

import type { BBox } from "./types";

/** One layer in which something changed that everybody may see. */
export interface ChangedLayer {
  name: string;
  added: number;
  removed: number;
  changed: number;
  /** Where the changed features were and are; null for everywhere. */
  boxes: BBox[] | null;
}

export interface Commit {
  snapshot: number;
  layers: ChangedLayer[];
}

export interface TileId {
  z: number;
  x: number;
  y: number;
}

function isBox(value: unknown): value is BBox {
  return Array.isArray(value) && value.length === 4 && value.every((v) => typeof v === "number");
}

/** The data of an event `commit`; undefined when it is not understood, and then anything may have changed. */
export function readCommit(text: string): Commit | undefined {
  try {
    const data = JSON.parse(text) as Partial<Commit> | null;
    if (typeof data?.snapshot !== "number" || !Array.isArray(data.layers)) return undefined;
    const understood = data.layers.every(
      (l) => typeof l?.name === "string" && (l.boxes === null || (Array.isArray(l.boxes) && l.boxes.every(isBox))),
    );
    return understood ? (data as Commit) : undefined;
  } catch {
    return undefined;
  }
}

/** What a tile shows beyond its edge, as a part of its side: the server's buffer of 64 in 4096, and half a grid unit. */
const BUFFER = 65 / 4096;
/** More tiles than this are not worth a list. */
const MOST = 4000;
const LIMIT = 85.0511287798;

/** Columns and rows of a place at a zoom, with their fractions (Web Mercator). */
function at(lon: number, lat: number, side: number): [x: number, y: number] {
  const sin = Math.sin((Math.min(LIMIT, Math.max(-LIMIT, lat)) * Math.PI) / 180);
  return [(lon / 360 + 0.5) * side, (0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)) * side];
}

/**
 * The tiles that show any of the boxes, at the zooms `from` to `to`, each once, as far as they are in `view`; undefined
 * when there are too many to list.
 */
export function tilesIn(boxes: BBox[], view: BBox, from: number, to: number): TileId[] | undefined {
  const tiles: TileId[] = [];
  for (let z = from; z <= to; z++) {
    const side = 2 ** z;
    const seen = new Set<number>();
    const range = (box: BBox): [west: number, north: number, east: number, south: number] => {
      const [west, north] = at(box[0], box[3], side);
      const [east, south] = at(box[2], box[1], side);
      const clamp = (v: number) => Math.min(side - 1, Math.max(0, Math.floor(v)));
      return [clamp(west - BUFFER), clamp(north - BUFFER), clamp(east + BUFFER), clamp(south + BUFFER)];
    };
    const screen = range(view);
    for (const box of boxes) {
      const [west, north, east, south] = range(box);
      for (let x = Math.max(west, screen[0]); x <= Math.min(east, screen[2]); x++) {
        for (let y = Math.max(north, screen[1]); y <= Math.min(south, screen[3]); y++) {
          if (seen.has(x * side + y)) continue;
          seen.add(x * side + y);
          tiles.push({ z, x, y });
          if (tiles.length > MOST) return undefined;
        }
      }
    }
  }
  return tiles;
}

/** The zooms at which a map may hold tiles of a source: its own, and those that stand in while others load. */
export function zoomsHeld(zoom: number, min: number, max: number): [from: number, to: number] {
  const own = Math.min(max, Math.max(min, Math.floor(zoom)));
  return [Math.max(min, own - 5), Math.min(max, own + 2)];
}
