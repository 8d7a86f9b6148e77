// Decodes tiles with @mapbox/vector-tile, the decoder that MapLibre draws with.
//
// stdin: for each tile its length (4 bytes, big-endian) and its bytes; stdout: for each a line of JSON,
// {layer: [[id, type, geometry, properties]…]}: polygons as MultiPolygon coordinates, lines and points as lists of parts.
// Needs `npm ci` in web/ (it comes with maplibre-gl).

import { createRequire } from "node:module";

const from = createRequire(process.env.KHO_WEB ? `${process.env.KHO_WEB}/package.json` : new URL("../../web/package.json", import.meta.url));
const { VectorTile, classifyRings } = await import(from.resolve("@mapbox/vector-tile"));
const pbf = await import(from.resolve("pbf"));
const Reader = pbf.PbfReader ?? pbf.Pbf ?? pbf.default;

function decoded(bytes) {
  const tile = new VectorTile(new Reader(bytes));
  const out = {};
  for (const [name, layer] of Object.entries(tile.layers)) {
    out[name] = [];
    for (let i = 0; i < layer.length; i++) {
      const f = layer.feature(i);
      const parts = f.loadGeometry().map((part) => part.map((p) => [p.x, p.y]));
      const geometry =
        f.type === 3 ? classifyRings(f.loadGeometry()).map((rings) => rings.map((ring) => ring.map((p) => [p.x, p.y]))) : parts;
      out[name].push([f.id ?? null, f.type, geometry, f.properties]);
    }
  }
  return out;
}

let held = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  held = held.length ? Buffer.concat([held, chunk]) : chunk;
  while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
    const end = 4 + held.readUInt32BE(0);
    process.stdout.write(`${JSON.stringify(decoded(new Uint8Array(held.subarray(4, end))))}\n`);
    held = held.subarray(end);
  }
}
