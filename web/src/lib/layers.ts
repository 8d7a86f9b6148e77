/** Which parts of which layers are drawn. `show` is a list of layer names and `layer:part`. */

import type { LayerSpecification } from "maplibre-gl";
import type { LayerInfo, View } from "./types";

/** Order of the branches of the layer tree; a department's own themes follow. */
const THEMES = ["planning", "land", "address", "drainage", "lighting", "boundary", "base"];

export interface Branch {
  theme: string;
  layers: LayerInfo[];
}

/** The layer tree: themes in our order, layers within a theme in the legend's order (top of the map first). */
export function tree(layers: LayerInfo[], legendOrder: string[]): Branch[] {
  const rank = (list: string[], name: string) => {
    const at = list.indexOf(name);
    return at < 0 ? list.length : at;
  };
  const themes = [...new Set(layers.map((l) => l.theme))].sort(
    (a, b) => rank(THEMES, a) - rank(THEMES, b) || a.localeCompare(b),
  );
  return themes.map((theme) => ({
    theme,
    layers: layers
      .filter((l) => l.theme === theme)
      .sort((a, b) => rank(legendOrder, a.name) - rank(legendOrder, b.name) || a.name.localeCompare(b.name)),
  }));
}

export type Shown = "all" | "part" | "none";

const layerOf = (entry: string) => entry.split(":", 1)[0] ?? entry;

export function shown(show: string[], layer: string): Shown {
  if (show.includes(layer)) return "all";
  return show.some((entry) => layerOf(entry) === layer) ? "part" : "none";
}

/** The list with a layer wholly shown or wholly hidden. */
export function toggle(show: string[], layer: string, on: boolean): string[] {
  const rest = show.filter((entry) => layerOf(entry) !== layer);
  return on ? [...rest, layer] : rest;
}

/**
 * The list that a view stands for: what it names, plus the layers that no view names and the style shows by itself
 * (a department's own layers do not vanish when the subject changes).
 */
export function viewShow(view: View | undefined, views: View[], styleVisible: string[], known: string[]): string[] {
  if (!view) return styleVisible;
  const named = new Set(views.flatMap((v) => v.show.map(layerOf)));
  return [
    ...view.show.filter((entry) => known.includes(layerOf(entry))),
    ...styleVisible.filter((name) => !named.has(name)),
  ];
}

export function sameShow(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((entry) => b.includes(entry));
}

export type Drawing = "visible" | "clear" | "none";

/**
 * How one map layer is drawn. A hidden fill of a layer whose border is shown is drawn fully transparent rather than
 * not at all, so that a click inside the border still finds the feature.
 */
export function drawing(show: string[], layer: string, part: string): Drawing {
  if (show.includes(layer) || show.includes(`${layer}:${part}`)) return "visible";
  return part === "fill" && shown(show, layer) === "part" ? "clear" : "none";
}

interface KhoMetadata {
  "kho:layer"?: string;
  "kho:part"?: string;
}

/** The kho layer and part that a map layer draws; undefined for the background and the page's own. */
export function partOf(layer: Pick<LayerSpecification, "id" | "metadata">): { layer: string; part: string } | undefined {
  const meta = layer.metadata as KhoMetadata | undefined;
  const name = meta?.["kho:layer"];
  if (!name) return undefined;
  return { layer: name, part: meta["kho:part"] ?? layer.id.split(":")[1] ?? "fill" };
}

/** Names of the layers that the style shows by itself. */
export function styleVisible(layers: LayerSpecification[]): string[] {
  const names = layers
    .filter((l) => !("layout" in l) || (l.layout as { visibility?: string } | undefined)?.visibility !== "none")
    .map((l) => partOf(l)?.layer)
    .filter((name): name is string => name !== undefined);
  return [...new Set(names)];
}
