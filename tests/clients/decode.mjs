// Decodes tiles with the decoders that MapLibre draws with: @mapbox/vector-tile, or with the argument `mlt` @maplibre/mlt.
//
// stdin: for each tile its length (4 bytes, big-endian) and its bytes; stdout: for each a line of JSON,
// {layer: [[id, type, geometry, properties]…]}: polygons as MultiPolygon coordinates, lines and points as lists of parts.
// Needs `npm ci` in web/ (it comes with maplibre-gl).

import { createRequire, register } from "node:module";

const from = createRequire(process.env.KHO_WEB ? `${process.env.KHO_WEB}/package.json` : new URL("../../web/package.json", import.meta.url));
const { VectorTile, classifyRings } = await import(from.resolve("@mapbox/vector-tile"));
const pbf = await import(from.resolve("pbf"));
const Reader = pbf.PbfReader ?? pbf.Pbf ?? pbf.default;

// @maplibre/mlt is made for bundlers: its modules name each other without their extension, as Node does not.
const resolve = `export const resolve = (name, context, next) =>
  next(name, context).catch((error) => { if (!name.startsWith(".")) throw error; return next(name + ".js", context); });`;

async function mltDecoder() {
  register(`data:text/javascript,${encodeURIComponent(resolve)}`);
  const { decodeTile, GEOMETRY_TYPE } = await import(from.resolve("@maplibre/mlt"));
  const { POINT, LINESTRING, POLYGON, MULTIPOINT, MULTILINESTRING, MULTIPOLYGON } = GEOMETRY_TYPE;
  const kind = { [POINT]: 1, [MULTIPOINT]: 1, [LINESTRING]: 2, [MULTILINESTRING]: 2, [POLYGON]: 3, [MULTIPOLYGON]: 3 };
  return (bytes) => {
    const out = {};
    for (const table of decodeTile(bytes)) {
      out[table.name] = table.getFeatures().map(({ id, geometry, properties }) => {
        const parts = geometry.coordinates;
        const type = kind[geometry.type];
        const places = type === 3 ? classifyRings(parts).map((rings) => rings.map(plain)) : parts.map(plain);
        // MapLibre makes a number of the id too; a property that is a BigInt makes JSON throw, and is a fault.
        return [id === undefined ? null : Number(id), type, places, properties];
      });
    }
    return out;
  };
}

const plain = (part) => part.map((p) => [p.x, p.y]);
const decode = process.argv[2] === "mlt" ? await mltDecoder() : decoded;

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
    process.stdout.write(`${JSON.stringify(decode(new Uint8Array(held.subarray(4, end))))}\n`);
    held = held.subarray(end);
  }
}
