/** The server's style, made ready for a page. */

import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from "maplibre-gl";
import { labelSource } from "./labels";
import { partOf } from "./layers";
import type { KhoStyle, LayerInfo } from "./types";

/** Layers of polygons with at most so many features get one label a feature; more would take too long to place. */
const FEW = 1500;

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
    if (spec.type === "symbol" && info.geometry === "polygon" && info.feature_count <= FEW) {
      labelled.push({ layer: info.name, filter: valid });
      sources[labelSource(info.name)] = { type: "geojson", data: { type: "FeatureCollection", features: [] } };
      const { "source-layer": _, filter: __, ...rest } = spec;
      return { ...rest, source: labelSource(info.name) };
    }
    if (!valid) return spec;
    const own = "filter" in spec ? spec.filter : undefined;
    return { ...spec, filter: own ? (["all", own, valid] as FilterSpecification) : valid } as LayerSpecification;
  });
  return { style: { ...style, sources, layers: drawn }, labelled };
}
