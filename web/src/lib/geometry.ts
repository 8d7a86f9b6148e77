import type { Geometry, Position } from "geojson";
import type { BBox } from "./types";

/** West, south, east, north of a geometry; undefined when it has no point. */
export function bbox(geometry: Geometry | null | undefined): BBox | undefined {
  const box: BBox = [Infinity, Infinity, -Infinity, -Infinity];
  const walk = (c: unknown): void => {
    if (!Array.isArray(c)) return;
    if (typeof c[0] === "number") {
      const [x, y] = c as Position as [number, number];
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    } else c.forEach(walk);
  };
  if (geometry?.type === "GeometryCollection") {
    for (const g of geometry.geometries) {
      const b = bbox(g);
      if (b) walk([[b[0], b[1]], [b[2], b[3]]]);
    }
  } else if (geometry) walk(geometry.coordinates);
  return box[0] <= box[2] ? box : undefined;
}
