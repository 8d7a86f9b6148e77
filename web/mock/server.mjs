// A stand-in for `kho serve`, for working on the pages: the API of the server over a made-up city.
//   node mock/server.mjs [PORT] [DIR]    serves web/dist; POST /mock/snapshot makes a new snapshot land
// With DIR, the layers are DIR/NAME.geojson (WGS 84) instead of the made-up blocks; plans and figures are then empty.

import { GeoJSONVT } from "@maplibre/geojson-vt";
import { fromGeojsonVt } from "@maplibre/vt-pbf";
import { readdirSync, readFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { parse } from "smol-toml";
import { makeCity } from "./city.mjs";
import { composeStyle } from "./style.mjs";

const port = Number(process.argv[2] ?? 8080);
const root = join(import.meta.dirname, "..");
const model = join(root, "../crates/kho-layer/model");
const dist = join(root, "dist");
const toml = (path) => parse(readFileSync(path, "utf8"));
const folder = (path) => readdirSync(path).filter((f) => f.endsWith(".toml")).map((f) => toml(join(path, f)));

const defs = folder(join(model, "layers")).map(({ column, ...l }) => ({ ...l, columns: column.filter((c) => c.access === "public") }));
const codes = Object.fromEntries(folder(join(model, "codes")).map(({ entry, ...c }) => [c.name, { ...c, entries: entry }]));
const dir = process.argv[3];
const city = dir ? readCity(dir) : makeCity();

function readCity(from) {
  const found = {};
  for (const { name, columns } of defs) {
    const file = join(from, `${name}.geojson`);
    if (!existsSync(file)) continue;
    const open = new Set(columns.map((c) => c.name));
    found[name] = JSON.parse(readFileSync(file, "utf8")).features.map((f, i) => ({
      type: "Feature",
      id: i + 1,
      geometry: f.geometry,
      properties: Object.fromEntries(Object.entries(f.properties).filter(([k, v]) => open.has(k) && v !== null)),
    }));
  }
  const today = new Date().toISOString().slice(0, 10);
  const wards = (found.admin_unit ?? []).map((f) => f.properties).filter((p) => !(p.valid_to < today));
  const none = { land_parcel: 0, street_light: 0, drain_node: 0, address_point: 0 };
  return {
    layers: found, center: [109.1905, 12.2475],
    wards: wards.map((p) => ({ code: p.ma_dvhc, name: `${p.loai} ${p.ten}`, counts: { ...none, land_parcel: found.land_parcel.filter((f) => f.properties.ma_xa === p.ma_dvhc).length } })),
    planning: (id) => ({ parcel: found.land_parcel[id - 1]?.properties, area_m2: 1, projects: [], hits: [] }),
  };
}

const index = Object.fromEntries(Object.entries(city.layers).map(([name, features]) => [name, new GeoJSONVT({ type: "FeatureCollection", features }, { maxZoom: 16, indexMaxZoom: 12, tolerance: 2, extent: 4096, buffer: 64 })]));
const layers = defs.filter((l) => city.layers[l.name]).map((l) => ({ ...l, feature_count: city.layers[l.name].length, since_snapshot: 3, bounds: null }));
let snapshot = { id: 3, at: "2026-03-05T02:14:07Z" };
/** Open answers to /events. */
const listeners = new Set();

const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8" };

const problem = (status, title, detail) => ({ status, type: "application/problem+json", body: JSON.stringify({ type: "about:blank", status, title, detail }) });
const json = (value) => ({ status: 200, type: "application/json", body: JSON.stringify(value) });

function answer(url, method) {
  const path = decodeURIComponent(url.pathname);
  const part = path.split("/").slice(1);
  if (path === "/mock/snapshot" && method === "POST") {
    snapshot = { id: snapshot.id + 1, at: new Date().toISOString() };
    for (const w of city.wards) for (const k of Object.keys(w.counts)) w.counts[k] += Math.ceil(Math.random() * 30);
    const changed = layers.map((l) => ({ name: l.name, added: 0, removed: 0, changed: 1, boxes: null }));
    for (const l of listeners) l.write(`event: commit\nid: ${snapshot.id}\ndata: ${JSON.stringify({ snapshot: snapshot.id, layers: changed })}\n\n`);
    return json(snapshot);
  }
  if (part[0] === "tiles") return tile(part, url);
  if (part[0] === "styles") {
    const file = join(root, "../styles", normalize(part[1]).replace(/\.json$/, ".toml"));
    if (!existsSync(file)) return problem(404, "Không có kiểu bản đồ này", part[1]);
    return json(composeStyle(toml(file), layers, codes, { base: url.origin, latitude: city.center[1] }));
  }
  if (path === "/ogc/collections/land_parcel/items") return json({ type: "FeatureCollection", features: [city.layers.land_parcel[4000]] });
  if (part[0] === "api") return api(part.slice(1), url.searchParams);
  const file = join(dist, path === "/" ? "index.html" : path === "/ioc" ? "ioc.html" : normalize(path));
  if (!existsSync(file)) return problem(404, "Không có trang này", path);
  return { status: 200, type: types[extname(file)] ?? "application/octet-stream", body: readFileSync(file), csp: extname(file) === ".html" };
}

function tile([, name, z, x, y], url) {
  if (!index[name]) return problem(404, "Không có lớp này", name);
  const layer = layers.find((l) => l.name === name);
  if (z === undefined) return json({ tilejson: "3.0.0", tiles: [`${url.origin}/tiles/${name}/{z}/{x}/{y}`], minzoom: layer.zoom.min, maxzoom: layer.zoom.max, vector_layers: [{ id: name, fields: {} }] });
  const t = index[name].getTile(Number(z), Number(x), Number(y));
  if (!t) return { status: 204, type: "application/vnd.mapbox-vector-tile", body: "" };
  return { status: 200, type: "application/vnd.mapbox-vector-tile", body: Buffer.from(fromGeojsonVt({ [name]: t })) };
}

function api(part, query) {
  switch (part[0]) {
    case "city":
      return json({ name: { vi: "Nha Trang", en: "Nha Trang" }, center: city.center, zoom: 13.5, bounds: [109.17, 12.225, 109.21, 12.262], synthetic: true, srid: 9217 });
    case "snapshot":
      return json(snapshot);
    case "codes":
      return codes[part[1]] ? json(codes[part[1]]) : problem(404, "Không có danh mục này", part[1]);
    case "indicators":
      return json({ snapshot: snapshot.id, wards: city.wards });
    case "search": {
      const q = query.get("q") ?? "";
      const m = /(\d+)\D+(\d+)/.exec(q);
      if (q.includes("lỗi")) return problem(503, "Máy chủ đang bận", "Hãy thử lại sau ít phút.");
      const found = m ? city.layers.land_parcel.filter((f) => f.properties.so_to === +m[1] && f.properties.so_thua === +m[2]) : [];
      return json({ results: found.map((f) => {
        const xs = f.geometry.coordinates[0];
        const bbox = [Math.min(...xs.map((p) => p[0])), Math.min(...xs.map((p) => p[1])), Math.max(...xs.map((p) => p[0])), Math.max(...xs.map((p) => p[1]))];
        const ward = city.wards.find((w) => w.code === f.properties.ma_xa)?.name;
        return { kind: "parcel", layer: "land_parcel", id: f.id, label: `Tờ ${f.properties.so_to}, thửa ${f.properties.so_thua} – ${ward}`, bbox, center: [(bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2] };
      }) });
    }
    case "parcels": {
      const found = city.planning(Number(part[1]));
      if (!found) return problem(404, "Không có thửa đất này", part[1]);
      const { hits: _, ...rest } = found;
      return json({ ...rest, snapshot: snapshot.id, data_date: "2026-03-05", no_planning_found: rest.projects.length === 0, notice: { vi: "Thông tin tra cứu có giá trị tham khảo, không thay thế giấy chứng nhận hay chứng chỉ quy hoạch.", en: "This is information, not a certificate." } });
    }
    case "layers": {
      if (part.length === 1) return json(layers);
      const f = city.layers[part[1]]?.find((f) => f.id === Number(part[3]));
      if (!f) return problem(404, "Không có đối tượng này", `${part[1]} không có đối tượng ${part[3]} trong bản ${snapshot.id}.`);
      return json({ ...f, labels: {} });
    }
  }
  return problem(404, "Không có dịch vụ này", part.join("/"));
}

createServer((request, response) => {
  const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
  if (url.pathname === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.write(`event: snapshot\nid: ${snapshot.id}\ndata: {"snapshot":${snapshot.id}}\n\n`);
    listeners.add(response);
    response.on("close", () => listeners.delete(response));
    return;
  }
  let a;
  try {
    a = answer(url, request.method);
  } catch (error) {
    a = problem(500, "Lỗi của máy chủ giả", String(error));
  }
  response.writeHead(a.status, { "content-type": a.type, "cache-control": "no-cache", "x-content-type-options": "nosniff", ...(a.csp ? { "content-security-policy": csp } : {}) });
  response.end(a.body);
}).listen(port, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${port}/\n`));
