// Renders the pages of a running server in Chromium, on a desktop and on a phone, and uses them as a person would.
//
//   node tests/clients/pages.mjs http://127.0.0.1:8080 OUT_DIR
//
// Then draws the served styles without the pages, as other people's clients do: with the server's glyphs and sprite.
//
// Fails on a console error, a failed request, a request off loopback, an icon or pattern that is missing, a blank map, or
// a step that does not answer.
// Writes screenshots to OUT_DIR and one JSON document to stdout; exit code 1 if anything failed.
// Needs `npm ci` in web/ (playwright-core) and a Chromium: CHROMIUM, else /usr/bin/chromium.

import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = new URL("../../web/", import.meta.url);
const { chromium } = createRequire(new URL("package.json", web))("playwright-core");

const [base = "http://127.0.0.1:8080", out = "pages"] = process.argv.slice(2);
const PATIENCE = Number(process.env.PAGES_TIMEOUT_MS ?? 120_000);
const origin = new URL(base).origin;
const screens = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};
const report = { base, steps: [], failures: [], screenshots: [], requests: 0 };
mkdirSync(out, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking", "--no-first-run"],
});

/** Watches everything a page says and asks for. */
async function open(screen, path, more = {}) {
  const context = await browser.newContext({ ...screens[screen], locale: "vi-VN", reducedMotion: "reduce", ...more });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  // What browsers ask of every host by themselves; the pages name their own icon.
  await context.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  const fail = (what) => report.failures.push(`${screen} ${path}: ${what}`);
  const asked = [];
  // MapLibre only warns of an image that its style names and its sprite lacks
  page.on("console", (m) => (m.type() === "error" || /could not be loaded|Unable to load/.test(m.text())) && fail(`console: ${m.text()}`));
  page.on("pageerror", (e) => fail(`error: ${e.message}`));
  page.on("request", (r) => {
    report.requests++;
    const url = new URL(r.url());
    asked.push(url.pathname);
    if (!["data:", "blob:"].includes(url.protocol) && url.origin !== origin) fail(`request to ${url.origin}`);
  });
  page.on("response", (r) => r.status() >= 400 && fail(`${r.status()} ${r.url()}`));
  page.on("requestfailed", (r) => {
    // a map that moves on drops the tiles it no longer needs
    if (r.failure()?.errorText !== "net::ERR_ABORTED") fail(`${r.failure()?.errorText} ${r.url()}`);
  });
  await page.goto(new URL(path, base).href);
  return { page, context, fail, asked };
}

async function step(name, fail, work) {
  const start = Date.now();
  try {
    const found = await work();
    report.steps.push({ name, ms: Date.now() - start, ...(found ? { found } : {}) });
  } catch (error) {
    fail(`${name}: ${error.message.split("\n")[0]}`);
  }
}

/** Waits until everything asked for is drawn; what the map complained of fails the step. */
async function idle(page) {
  await page.waitForSelector('[data-map="idle"]', { state: "attached" });
  const complaint = await page.locator("[data-map]").getAttribute("data-map-error");
  if (complaint) throw new Error(`the map: ${complaint}`);
}

async function shot(page, name) {
  const path = join(out, `${name}.png`);
  const png = await page.screenshot({ path });
  report.screenshots.push(path);
  return png;
}

/** Different colours in a picture: a blank map has a handful. */
async function colours(png) {
  const page = await browser.newPage();
  try {
    return await page.evaluate(async (data) => {
      const picture = new Image();
      picture.src = `data:image/png;base64,${data}`;
      await picture.decode();
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const draw = canvas.getContext("2d");
      draw.drawImage(picture, 0, 0);
      const px = new Uint32Array(draw.getImageData(0, 0, picture.width, picture.height).data.buffer);
      return new Set(px).size;
    }, png.toString("base64"));
  } finally {
    await page.close();
  }
}

async function json(path) {
  const response = await fetch(new URL(path, base));
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  return response.json();
}

/** A parcel of the city to look for, if it has parcels. */
async function someParcel() {
  const layers = await json("/api/layers");
  if (!layers.some((l) => l.name === "land_parcel" && l.feature_count > 0)) return undefined;
  const { features } = await json("/ogc/collections/land_parcel/items?limit=1");
  return features[0]?.properties;
}

async function portal(screen, parcel) {
  const { page, context, fail, asked } = await open(screen, "/");
  const view = screens[screen].viewport;
  await step(`${screen} portal draws`, fail, async () => {
    await idle(page);
    if (!asked.some((path) => path.includes("/styles/sprites/"))) throw new Error("no icons were asked for");
    if (asked.some((path) => path.includes("/fonts/"))) throw new Error("glyphs were loaded that the page can draw");
    const n = await colours(await shot(page, `portal-${screen}`));
    if (n < 60) throw new Error(`only ${n} colours: the map is blank`);
    return { colours: n };
  });
  if (parcel) {
    await step(`${screen} search`, fail, async () => {
      const box = page.getByRole("combobox");
      await box.fill(`tờ ${parcel.so_to} thửa ${parcel.so_thua}`);
      await page.getByRole("option").first().waitFor();
      await box.press("Enter");
      const heading = page.locator("aside h2").filter({ hasText: String(parcel.so_thua) });
      await heading.waitFor();
      await page.waitForSelector('section[aria-labelledby="planning-title"][aria-busy="false"]', { state: "attached" });
      await idle(page);
      const plan = await page.locator('section[aria-labelledby="planning-title"]').innerText();
      if (!/m²|Chưa tìm thấy/.test(plan)) throw new Error(`the planning section says: ${plan}`);
      if (!page.url().includes("sel=land_parcel/")) throw new Error("the link does not hold the parcel");
      await shot(page, `parcel-${screen}`);
      return { heading: await heading.innerText() };
    });
  }
  await step(`${screen} click`, fail, async () => {
    const back = page.locator("aside button.back");
    if (await back.count()) await back.click();
    // the middle of what the sheet leaves free on a phone
    const y = screen === "phone" ? 300 : view.height / 2;
    const x = screen === "phone" ? view.width / 2 : 400 + (view.width - 400) / 2;
    await idle(page);
    await page.mouse.click(x, y);
    await page.locator("aside h2[tabindex]").waitFor();
    const facts = await page.locator("aside dl > div").count();
    if (facts === 0) throw new Error("no attributes");
    return { title: await page.locator("aside h2").first().innerText(), facts };
  });
  await step(`${screen} other views`, fail, async () => {
    const back = page.locator("aside button.back");
    if (await back.count()) await back.click();
    const tabs = page.locator(".views button");
    for (let at = 1; at < (await tabs.count()); at++) {
      await tabs.nth(at).click();
      await page.waitForTimeout(300);
      await idle(page);
      await shot(page, `view-${at}-${screen}`);
    }
  });
  await step(`${screen} English`, fail, async () => {
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: /planning map/ }).waitFor();
    if (!page.url().includes("lang=en")) throw new Error("the link does not hold the language");
    await shot(page, `english-${screen}`);
  });
  await context.close();
}

async function ioc(screen) {
  const { page, context, fail } = await open(screen, "/ioc");
  await step(`${screen} ioc draws`, fail, async () => {
    await idle(page);
    await page.locator("aside ol, aside .empty").first().waitFor();
    const wards = await page.locator("aside ol li").count();
    const n = await colours(await shot(page, `ioc-${screen}`));
    if (n < 60) throw new Error(`only ${n} colours: the map is blank`);
    return { colours: n, wards };
  });
  await context.close();
}

/** A style as it is served, drawn around the first feature of a layer: its symbols are there, and came from here. */
async function asServed(style, layer, zoom, parts) {
  const found = await json(`/ogc/collections/${layer}/items?limit=1`).catch(() => ({ features: [] }));
  const geometry = found.features[0]?.geometry;
  if (!geometry) return;
  const center = geometry.coordinates.flat(9).slice(0, 2);
  const { page, context, fail, asked } = await open("desktop", "/styles", { bypassCSP: true });
  await step(`${style} as served`, fail, async () => {
    const dist = fileURLToPath(new URL("node_modules/maplibre-gl/dist/", web));
    await context.route("**/maplibre/*", (route) => route.fulfill({ path: join(dist, basename(new URL(route.request().url()).pathname)), contentType: "text/javascript" }));
    const drawn = await page.evaluate(async ({ url, center, zoom, ids }) => {
      const maplibre = await import("/maplibre/maplibre-gl.mjs");
      maplibre.setWorkerUrl(new URL("/maplibre/maplibre-gl-worker.mjs", location.href).href);
      document.body.replaceChildren();
      Object.assign(document.body.style, { margin: "0", width: "100vw", height: "100vh" });
      const style = await (await fetch(url)).json();
      for (const l of style.layers) if (l.layout?.visibility) l.layout.visibility = "visible";
      const map = new maplibre.Map({ container: document.body, style, center, zoom, fadeDuration: 0, attributionControl: false });
      const errors = [];
      map.on("error", (e) => errors.push(e.error.message));
      await new Promise((resolve) => map.once("idle", resolve));
      const count = (id) => (map.getLayer(id) ? map.queryRenderedFeatures({ layers: [id] }).length : -1);
      return { errors, counts: Object.fromEntries(ids.map((id) => [id, count(id)])) };
    }, { url: new URL(`/styles/${style}.json`, base).href, center, zoom, ids: parts.map((part) => `${layer}:${part}`) });
    if (drawn.errors.length) throw new Error(drawn.errors.join("; "));
    const none = Object.entries(drawn.counts).filter(([, n]) => n <= 0);
    if (none.length) throw new Error(`nothing drawn of ${none.map(([id]) => id).join(", ")}`);
    const glyphs = asked.filter((path) => /\/fonts\/.*\.pbf$/.test(path)).length;
    if (glyphs === 0 || !asked.some((path) => /\/styles\/sprites\/.*\.png$/.test(path))) throw new Error("glyphs or sprite were not asked for");
    const n = await colours(await shot(page, `served-${style}-${layer}`));
    if (n < 30) throw new Error(`only ${n} colours: the map is blank`);
    return { ...drawn.counts, glyphs };
  });
  await context.close();
}

try {
  const parcel = await someParcel().catch((e) => void report.failures.push(`a parcel to look for: ${e.message}`));
  for (const screen of Object.keys(screens)) {
    await portal(screen, parcel);
    await ioc(screen);
  }
  await asServed("infrastructure", "drain_node", 18.5, ["circle", "icon", "label"]);
  await asServed("ioc", "street_light", 18, ["circle", "icon"]);
  await asServed("portal", "planning_zone", 15.5, ["fill", "label"]);
} finally {
  await browser.close();
}
report.ok = report.failures.length === 0;
writeFileSync(join(out, "pages.json"), JSON.stringify(report, null, 2));
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exitCode = report.ok ? 0 : 1;
