/** What the server's HTTP API answers. Coordinates are longitude, latitude (CRS84) unless said otherwise. */

import type { Feature, Geometry } from "geojson";
import type { StyleSpecification } from "maplibre-gl";

export type Lang = "vi" | "en";

/** A text for people; a missing English text means: show the Vietnamese. */
export interface Text {
  vi: string;
  en?: string;
}

export type BBox = [west: number, south: number, east: number, north: number];
export type GeometryKind = "point" | "line" | "polygon";

export interface City {
  name: Text;
  center: [number, number];
  zoom: number;
  bounds: BBox;
  synthetic: boolean;
  /** EPSG code of the VN-2000 zone in which the city measures. */
  srid: number;
}

export interface Column {
  name: string;
  title: Text;
  type: "text" | "integer" | "float" | "boolean" | "date" | "timestamp";
  unit?: string | null;
  code_list?: string | null;
}

export interface LayerInfo {
  name: string;
  title: Text;
  description?: Text | null;
  theme: string;
  geometry: GeometryKind;
  published?: boolean;
  feature_count: number;
  bounds?: BBox | null;
  since_snapshot?: number | null;
  columns: Column[];
  /** Where each feature is drawn as itself. */
  zoom: { min: number; max: number };
  /** The first zoom with tiles, overviews included. */
  first_zoom?: number;
}

export interface CodeEntry {
  code: string;
  title: Text;
  color?: string | null;
}

export interface CodeList {
  name: string;
  version: string;
  title: Text;
  entries: CodeEntry[];
}

export interface Snapshot {
  id: number;
  /** ISO 8601, UTC. */
  at: string;
}

/** Kept wide on purpose: the server may label in both languages or in one. */
export interface Label {
  title: Text | string;
  value: Text | string | null;
}

export type FeatureAnswer = Feature<Geometry | null, Record<string, unknown>> & {
  labels?: Record<string, Label>;
};

export interface SearchResult {
  kind: string;
  layer: string;
  id: number;
  label: Text | string;
  bbox: BBox;
  center: [number, number];
}

export interface PlanningZone {
  id: number;
  function: string;
  title?: Text | string | null;
  area_m2: number;
  /** Part of the parcel, 0 to 1. */
  share: number;
  /** The zone's own sign on the plan. */
  symbol?: string | null;
  color?: string | null;
  max_floors?: number | null;
  /** Per cent. */
  density?: number | null;
  floor_area_ratio?: number | null;
}

export interface PlanningProject {
  code: string;
  name?: string | null;
  level?: string | null;
  authority?: string | null;
  status?: string | null;
  /** The part of the parcel that lies in the plan's extent, 0 to 1, where the extent is known. */
  share?: number | null;
  decision?: string | null;
  decision_date?: string | null;
  zones: PlanningZone[];
}

export interface PlanningReport {
  parcel: Record<string, unknown>;
  area_m2: number;
  snapshot: number;
  data_date?: string | null;
  notice: Text;
  projects: PlanningProject[];
  no_planning_found: boolean;
  /** Within the right of way of planned roads. */
  lost_to_roads_m2?: number;
  in_setback_m2?: number;
  /** The address of the sheet to print, with a code that can be checked. */
  sheet?: string;
}

export interface WardCounts {
  code: string;
  name: string;
  counts: Record<string, number>;
}

export interface WardIndicators {
  snapshot: number;
  wards: WardCounts[];
}

export interface LegendEntry {
  value: string | null;
  title: Text;
  color: string;
  outline?: string | null;
  /** What lies on the disc; without a colour it has its own. */
  icon?: { url: string; color: string | null };
  /** The address of the pattern in its colour, one tile. */
  pattern?: string;
}

export interface Legend {
  layer: string;
  title: Text;
  theme?: string;
  geometry: GeometryKind;
  entries: LegendEntry[];
}

export interface View {
  id: string;
  title: Text;
  /** Layer names, or `layer:part`. */
  show: string[];
}

export interface StyleMetadata {
  "kho:legend"?: Legend[];
  "kho:views"?: View[];
  "kho:dark"?: boolean;
}

export type KhoStyle = StyleSpecification & { metadata?: StyleMetadata };

/** One feature of one layer. */
export interface FeatureRef {
  layer: string;
  id: number;
}
