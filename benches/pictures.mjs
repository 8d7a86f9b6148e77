// Draws the same place from several tile servers side by side with MapLibre in Chromium.
//
//   node benches/pictures.mjs http://127.0.0.1:PORT LON LAT ZOOM OUT.png LAYER NAME…
//
// The server (benches/pictures.py) gives MapLibre under /maplibre/ and tiles under /tiles/NAME/{z}/{x}/{y}.
// Needs `npm ci` in web/ (playwright-core, maplibre-gl) and a Chromium: CHROMIUM, else /usr/bin/chromium.

import { createRequire } from "node:module";

const web = process.env.KHO_WEB ? `${process.env.KHO_WEB}/package.json` : new URL("../web/package.json", import.meta.url);
const { chromium } = createRequire(web)("playwright-core");
const [base, lon, lat, zoom, out, layer, ...names] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking", "--no-first-run"],
});
try {
  const page = await browser.newPage({ viewport: { width: 560 * names.length, height: 600 } });
  page.on("console", (m) => m.type() === "error" && console.error(`console: ${m.text()}`));
  page.on("pageerror", (e) => console.error(`error: ${e.message}`));
  await page.goto(new URL("/", base).href);
  const failed = await page.evaluate(
    async ({ base, lon, lat, zoom, layer, names }) => {
      const gl = await import("/maplibre/maplibre-gl.mjs");
      (gl.setWorkerUrl ?? gl.default?.setWorkerUrl)?.(`${base}/maplibre/maplibre-gl-worker.mjs`);
      const { Map } = gl.Map ? gl : gl.default;
      const wrong = [];
      await Promise.all(
        names.map(async (name) => {
          const box = document.createElement("figure");
          box.innerHTML = `<figcaption>${name}, z${zoom}</figcaption><div></div>`;
          document.body.append(box);
          const map = new Map({
            container: box.querySelector("div"),
            center: [lon, lat],
            zoom,
            attributionControl: false,
            fadeDuration: 0,
            interactive: false,
            style: {
              version: 8,
              sources: { s: { type: "vector", tiles: [`${base}/tiles/${encodeURIComponent(name)}/{z}/{x}/{y}`], minzoom: 10, maxzoom: 16 } },
              layers: [
                { id: "b", type: "background", paint: { "background-color": "#ffffff" } },
                { id: "f", type: "fill", source: "s", "source-layer": layer, paint: { "fill-color": "#e7cf9f", "fill-antialias": false } },
                { id: "l", type: "line", source: "s", "source-layer": layer, paint: { "line-color": "#7a5c36", "line-width": zoom < 13 ? 0.2 : 0.7 } },
              ],
            },
          });
          map.on("error", (e) => wrong.push(`${name}: ${e.error?.message}`));
          await map.once("idle");
        }),
      );
      return wrong;
    },
    { base, lon: Number(lon), lat: Number(lat), zoom: Number(zoom), layer, names },
  );
  await page.screenshot({ path: out });
  for (const what of failed) console.error(what);
  process.exitCode = failed.length ? 1 : 0;
} finally {
  await browser.close();
}
