// The theme format of styles/README.md, carried out. The server does the same in Rust; this copy serves the mock only.

const KINDS = ["polygon", "line", "point"];

export function composeStyle(theme, layers, codes, { base, latitude }) {
  const byName = new Map(layers.map((l) => [l.name, l]));
  const rules = (l) => ({ ...(theme.layer?.[l.name] ?? theme.defaults?.[l.geometry] ?? {}) });
  const drawn = new Map(layers.map((l) => [l.name, parts(theme, l, rules(l), codes, latitude)]));

  const single = new Set((theme.order ?? []).filter((e) => e.includes(":")));
  const take = (name, keep) => (drawn.get(name) ?? []).filter(keep);
  const label = (m) => m.metadata["kho:part"] === "label";
  const below = [], above = [];
  for (const entry of theme.order ?? []) {
    const [name] = entry.split(":");
    if (!byName.has(name)) continue;
    const chosen = entry.includes(":") ? take(name, (m) => m.id === entry) : take(name, (m) => !single.has(m.id));
    for (const m of chosen) (label(m) ? above : below).push(m);
  }
  const listed = new Set((theme.order ?? []).map((e) => e.split(":")[0]));
  for (const kind of KINDS) {
    for (const l of layers.filter((l) => l.geometry === kind && !listed.has(l.name))) {
      for (const m of drawn.get(l.name)) (label(m) ? above : below).push(m);
    }
  }
  const mapLayers = [...below, ...above];
  const legendOrder = [...new Set(mapLayers.toReversed().filter((m) => !label(m)).map((m) => m.source))];
  return {
    version: 8,
    name: theme.title.vi,
    metadata: {
      "kho:dark": theme.dark ?? false,
      "kho:views": theme.view ?? [],
      "kho:legend": legendOrder.map((name) => legend(byName.get(name), rules(byName.get(name)), codes)),
    },
    sources: Object.fromEntries(layers.map((l) => [l.name, { type: "vector", url: `${base}/tiles/${l.name}` }])),
    layers: [{ id: "background", type: "background", paint: { "background-color": theme.background.color } }, ...mapLayers],
  };
}

const color = (l, r) => r.color ?? l.style?.color ?? "#7a869a";
const by = (l, r) => (r.by ?? l.style?.by) || undefined;
const outline = (l, r) => (r.outline ?? l.style?.outline) || undefined;

function coded(l, r, codes) {
  const column = by(l, r) && l.columns.find((c) => c.name === by(l, r));
  const list = column?.code_list && codes[column.code_list];
  if (!list) return [];
  return list.entries.map((e) => ({ ...e, color: r.colors?.[e.code] ?? e.color })).filter((e) => e.color);
}

function colour(l, r, codes) {
  const entries = coded(l, r, codes);
  if (entries.length === 0) return color(l, r);
  return ["match", ["to-string", ["get", by(l, r)]], ...entries.flatMap((e) => [e.code, e.color]), color(l, r)];
}

function legend(l, r, codes) {
  const entries = coded(l, r, codes);
  const ring = outline(l, r) ?? null;
  return {
    layer: l.name, title: l.title, theme: l.theme, geometry: l.geometry,
    entries: entries.length
      ? entries.map((e) => ({ value: e.code, title: e.title, color: e.color, outline: ring }))
      : [{ value: null, title: l.title, color: color(l, r), outline: ring }],
  };
}

const ramp = (value, fallback, each = (v) => v) => {
  const v = value ?? fallback;
  return typeof v === "number" ? each(v) : ["interpolate", ["exponential", 1.5], ["zoom"], ...v.flatMap(([z, x]) => [z, each(x)])];
};

function width(l, r, latitude, extra = 0) {
  const factor = r.width_by && ["match", ["to-string", ["get", r.width_by.column]], ...Object.entries(r.width_by.factor).flat(), 1];
  const wide = (v) => {
    const scaled = factor ? ["*", v, factor] : v;
    return extra === 0 ? scaled : typeof scaled === "number" ? scaled + extra : ["+", scaled, extra];
  };
  const stops = r.width ?? l.style?.width ?? 1.5;
  if (!r.width_metres) return ramp(stops, 1.5, wide);
  const from = r.width_metres.from_zoom;
  const metres = (zoom) => {
    const m = (78271.517 * Math.cos((latitude * Math.PI) / 180)) / 2 ** zoom;
    const px = ["/", ["coalesce", ["get", r.width_metres.column], 4], m];
    return extra === 0 ? px : ["+", px, extra];
  };
  const low = (typeof stops === "number" ? [[0, stops]] : stops).filter(([z]) => z < from);
  return ["interpolate", ["exponential", 2], ["zoom"], ...low.flatMap(([z, v]) => [z, wide(v)]), from, metres(from), 22, metres(22)];
}

function parts(theme, l, r, codes, latitude) {
  const out = [];
  const visibility = r.visible === false ? "none" : "visible";
  const part = (name, type, paint, layout = {}, zoom) => {
    const minzoom = zoom ?? r.min_zoom ?? l.zoom.min;
    const m = { id: `${l.name}:${name}`, type, source: l.name, "source-layer": l.name, metadata: { "kho:layer": l.name, "kho:part": name }, minzoom, layout: { visibility, ...layout }, paint };
    if (r.max_zoom !== undefined) m.maxzoom = r.max_zoom;
    out.push(m);
  };
  const fill = colour(l, r, codes);
  const ring = outline(l, r);
  const round = { "line-cap": "round", "line-join": "round" };
  if (l.geometry === "polygon") {
    part("fill", "fill", { "fill-color": fill, "fill-opacity": ramp(r.opacity, 1), "fill-antialias": false });
    if (ring) part("outline", "line", { "line-color": ring, "line-width": ramp(r.outline_width, 0.6), "line-opacity": ramp(r.outline_opacity, 1), ...(r.dash ? { "line-dasharray": r.dash } : {}) }, { "line-join": "round" });
  } else if (l.geometry === "line") {
    if (r.halo) part("halo", "line", { "line-color": r.halo.color ?? fill, "line-opacity": r.halo.opacity ?? 0.3, "line-width": ramp(r.halo.width, 6), "line-blur": r.halo.blur ?? 0 }, round);
    if (r.casing) part("casing", "line", { "line-color": r.casing, "line-width": width(l, r, latitude, 2 * (r.casing_width ?? 1)) }, round);
    part("line", "line", { "line-color": fill, "line-width": width(l, r, latitude), "line-opacity": ramp(r.opacity, 1), ...(r.dash ? { "line-dasharray": r.dash } : {}), ...(r.blur ? { "line-blur": r.blur } : {}) }, r.dash ? { "line-join": "round" } : round);
  } else {
    if (r.halo) part("halo", "circle", { "circle-color": r.halo.color ?? fill, "circle-opacity": r.halo.opacity ?? 0.3, "circle-radius": ramp(r.halo.radius, 10), "circle-blur": r.halo.blur ?? 0 });
    part("circle", "circle", { "circle-color": fill, "circle-opacity": ramp(r.opacity, 1), "circle-radius": ramp(r.radius, l.style?.radius ?? 4), ...(r.blur ? { "circle-blur": r.blur } : {}), ...(ring ? { "circle-stroke-color": ring, "circle-stroke-width": ramp(r.outline_width, 0.6) } : {}) });
  }
  const text = r.label ?? (l.style?.label ? `{${l.style.label}}` : "");
  if (text) {
    const t = theme.text ?? {};
    part("label", "symbol",
      { "text-color": r.label_color ?? t.color ?? "#333333", "text-halo-color": r.label_halo ?? t.halo ?? "#ffffff", "text-halo-width": t.halo_width ?? 1.4 },
      {
        "text-field": text, "text-font": ["Be Vietnam Pro"], "text-size": ramp(r.label_size, t.size ?? 12), "text-max-width": 8, "text-padding": 4,
        ...(l.geometry === "line" ? { "symbol-placement": "line" } : {}),
        ...(l.geometry === "point" ? { "text-offset": [0, 1.1], "text-anchor": "top" } : {}),
        ...(r.label_caps ? { "text-transform": "uppercase", "text-letter-spacing": 0.12 } : {}),
      },
      Math.max(r.label_zoom ?? 15, l.zoom.min));
  }
  return out;
}
