/** The server's style, made ready for a page. */

import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from "maplibre-gl";
import { labelSource } from "./labels";
import { partOf } from "./layers";
import type { KhoStyle, LayerInfo } from "./types";

/** What lies above what within a layer, lowest first: codes of a column, or a slice of its value. */
const STACK: Record<string, { column: string; slice?: [number, number]; order: string[] }> = {
  // the most detailed plan is the one that counts; its level is part of the file's code (TT 16/2025/TT-BXD)
  planning_zone: { column: "ma_ho_so", slice: [2, 5], order: ["QHC", "QPK", "QCT"] },
  planning_project: { column: "ma_ho_so", slice: [2, 5], order: ["QHC", "QPK", "QCT"] },
  road: { column: "loai", order: ["hem", "noi_bo", "khu_vuc", "truc_chinh", "quoc_lo"] },
};

/** The city's day, ISO. */
export function today(now = new Date()): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Ho_Chi_Minh" }).format(now);
}

/** What is valid on `day`: an abolished ward or a plan that has lapsed is not part of the map of today. */
export function validOn(layer: LayerInfo | undefined, day: string): FilterSpecification | undefined {
  const has = (name: string) => layer?.columns.some((c) => c.name === name);
  const date = (name: string): ExpressionSpecification => ["to-string", ["get", name]];
  const rules: ExpressionSpecification[] = [];
  if (has("valid_from")) rules.push(["<=", date("valid_from"), day]);
  if (has("valid_to")) rules.push(["any", ["==", date("valid_to"), ""], [">=", date("valid_to"), day]]);
  return rules.length ? ["all", ...rules] : undefined;
}

function stacked(layer: LayerInfo, type: string): Record<string, unknown> {
  const stack = STACK[layer.name];
  if (!stack || !["fill", "line"].includes(type) || !layer.columns.some((c) => c.name === stack.column)) return {};
  const text = ["to-string", ["get", stack.column]];
  const code = stack.slice ? ["slice", text, ...stack.slice] : text;
  return { [`${type}-sort-key`]: ["match", code, ...stack.order.flatMap((c, at) => [c, at + 1]), 0] };
}

/** A layer whose opacity starts from 0 at some zoom need not be loaded below it. */
export function visibleFrom(spec: LayerSpecification): number {
  const opacity: unknown = (spec.paint as Record<string, unknown> | undefined)?.[`${spec.type}-opacity`];
  const usual = spec.minzoom ?? 0;
  if (!Array.isArray(opacity) || opacity[0] !== "interpolate" || JSON.stringify(opacity[2]) !== '["zoom"]') return usual;
  const [zoom, value]: unknown[] = opacity.slice(3);
  return typeof zoom === "number" && value === 0 ? Math.max(usual, zoom) : usual;
}

export interface Prepared {
  style: KhoStyle;
  /** Layers whose labels the page places. */
  labelled: { layer: string; filter?: FilterSpecification | undefined }[];
}

export function prepare(style: KhoStyle, layers: LayerInfo[], day = today()): Prepared {
  const labelled: Prepared["labelled"] = [];
  const sources = { ...style.sources };
  const drawn = style.layers.map((spec): LayerSpecification => {
    const part = partOf(spec);
    const info = layers.find((l) => l.name === part?.layer);
    if (!part || !info || !("source" in spec)) return spec;
    const valid = validOn(info, day);
    if (spec.type === "symbol" && info.geometry === "polygon") {
      // a label and an icon stand in one place
      if (!labelled.some((l) => l.layer === info.name)) labelled.push({ layer: info.name, filter: valid });
      sources[labelSource(info.name)] = { type: "geojson", data: { type: "FeatureCollection", features: [] } };
      const { "source-layer": _, filter: __, ...rest } = spec;
      return { ...rest, source: labelSource(info.name) };
    }
    const own = "filter" in spec ? spec.filter : undefined;
    const filter = own && valid ? (["all", own, valid] as FilterSpecification) : (own ?? valid);
    const layout = { ...spec.layout, ...stacked(info, spec.type) };
    return { ...spec, ...(filter ? { filter } : {}), minzoom: visibleFrom(spec), layout } as LayerSpecification;
  });
  // without glyphs MapLibre draws the letters itself, from the page's own font: twice as fine, and nothing to load
  const { glyphs: _, ...rest } = style;
  return { style: { ...rest, sources, layers: drawn }, labelled };
}
