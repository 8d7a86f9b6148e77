/** A feature's attributes in plain words. */

import * as format from "./format";
import type { CodeList, Column, FeatureAnswer, Lang, LayerInfo, Text } from "./types";

export interface Fact {
  name: string;
  title: string;
  value: string;
  /** Colour of the code, for a swatch. */
  color?: string;
}

export interface Words {
  lang: Lang;
  text: (text: Text | string | null | undefined) => string;
  yes: string;
  no: string;
}

/** Years, sheet and house numbers are names: they take no thousands separator. */
const NAMES = /^(so_|nam_|ma_|pha$|lo$)|_cu$/;

export function value(column: Column, raw: unknown, codes: CodeList | undefined, words: Words): string {
  if (raw === null || raw === undefined || raw === "") return "";
  if (column.code_list) {
    const entry = codes?.entries.find((e) => e.code === String(raw));
    return entry ? `${words.text(entry.title)} (${entry.code})` : String(raw);
  }
  const { lang } = words;
  switch (column.type) {
    case "integer":
      return format.withUnit(
        typeof raw === "number" && (column.unit || !NAMES.test(column.name)) ? format.number(raw, lang) : String(raw),
        column.unit,
        lang,
      );
    case "float":
      return format.withUnit(typeof raw === "number" ? format.number(raw, lang, 2) : String(raw), column.unit, lang);
    case "boolean":
      return raw === true || raw === "true" ? words.yes : words.no;
    case "date":
      return format.day(String(raw), lang);
    case "timestamp":
      return format.instant(String(raw), lang);
    default:
      return format.withUnit(String(raw), column.unit, lang);
  }
}

/** Every attribute that has a value, in the layer's order; columns the layer does not describe come last, as sent. */
export function facts(
  layer: LayerInfo,
  feature: FeatureAnswer,
  codes: (list: string) => CodeList | undefined,
  words: Words,
): Fact[] {
  const properties = feature.properties ?? {};
  const out: Fact[] = [];
  for (const column of layer.columns) {
    const list = column.code_list ? codes(column.code_list) : undefined;
    const raw = properties[column.name];
    let said = value(column, raw, list, words);
    // the server knows more than the column: the name of a ward behind its code, say
    if (said && (column.code_list ? !list : column.type === "text")) said = words.text(feature.labels?.[column.name]?.value) || said;
    if (!said) continue;
    const color = list?.entries.find((e) => e.code === String(raw))?.color ?? undefined;
    out.push({ name: column.name, title: words.text(column.title), value: said, ...(color ? { color } : {}) });
  }
  return out;
}

/** What to call a feature: a parcel by its numbers, else its name, else its key. */
export function title(
  layer: LayerInfo,
  feature: FeatureAnswer,
  words: Words,
  parcel: (sheet: string, parcel: string) => string,
): string {
  const p = feature.properties ?? {};
  if (p.so_to != null && p.so_thua != null) return parcel(String(p.so_to), String(p.so_thua));
  for (const name of ["ten", "dia_chi_day_du", "ky_hieu", "ten_duong", "name"]) {
    if (typeof p[name] === "string" && p[name]) return p[name];
  }
  const first = layer.columns.map((c) => p[c.name]).find((v) => typeof v === "string" && v !== "");
  return typeof first === "string" ? first : words.text(layer.title);
}
