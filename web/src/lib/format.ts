/** Numbers, areas and days in the page's language. Days are the city's (UTC+7), not the reader's. */

import type { Lang } from "./types";

const ZONE = "Asia/Ho_Chi_Minh";

/** The narrow no-break space that keeps a number and its unit on one line. */
const NB = "\u202f";

function locale(lang: Lang): string {
  return lang === "vi" ? "vi-VN" : "en-GB";
}

export function number(value: number, lang: Lang, digits = 0): string {
  return new Intl.NumberFormat(locale(lang), { maximumFractionDigits: digits }).format(value);
}

/** Square metres to one decimal, as a land certificate has them; hectares past 10 ha. */
export function area(m2: number, lang: Lang): string {
  return m2 >= 100_000 ? `${number(m2 / 10_000, lang, 2)}${NB}ha` : `${number(m2, lang, 1)}${NB}m²`;
}

/** A share of 0 to 1 as per cent; a sliver is not rounded to nothing, and almost all not to all. */
export function share(part: number, lang: Lang): string {
  const percent = part * 100;
  if (percent > 0 && percent < 0.1) return `<${NB}${number(0.1, lang, 1)}${NB}%`;
  if (percent < 100 && percent > 99.9) return `>${NB}${number(99.9, lang, 1)}${NB}%`;
  return `${number(percent, lang, 1)}${NB}%`;
}

const UNITS_EN: Record<string, string> = { tầng: "storeys", năm: "years", lô: "circuits" };

export function withUnit(value: string, unit: string | null | undefined, lang: Lang): string {
  if (!unit) return value;
  return `${value}${NB}${lang === "en" ? (UNITS_EN[unit] ?? unit) : unit}`;
}

/** A day: `2026-03-05` (or an instant) → 05/03/2026, 5 March 2026. What is no day stays as it is. */
export function day(iso: string, lang: Lang): string {
  const at = new Date(/^\d{4}-\d{2}-\d{2}$/.test(iso) ? `${iso}T00:00:00+07:00` : iso);
  if (Number.isNaN(at.getTime())) return iso;
  const options: Intl.DateTimeFormatOptions =
    lang === "vi"
      ? { day: "2-digit", month: "2-digit", year: "numeric" }
      : { day: "numeric", month: "long", year: "numeric" };
  return new Intl.DateTimeFormat(locale(lang), { ...options, timeZone: ZONE }).format(at);
}

/** The time of an instant, to the second when asked. */
export function time(iso: string | Date, lang: Lang, seconds = false): string {
  const at = typeof iso === "string" ? new Date(iso) : iso;
  if (Number.isNaN(at.getTime())) return "";
  return new Intl.DateTimeFormat(locale(lang), {
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" as const } : {}),
    hourCycle: "h23",
    timeZone: ZONE,
  }).format(at);
}

export function instant(iso: string, lang: Lang): string {
  const clock = time(iso, lang);
  return clock ? `${clock} ${day(iso, lang)}` : iso;
}

/** Degrees to six decimals (0.1 m), in the language's own decimal sign. */
export function degrees(value: number, lang: Lang): string {
  return new Intl.NumberFormat(locale(lang), { minimumFractionDigits: 6, maximumFractionDigits: 6 }).format(value);
}
