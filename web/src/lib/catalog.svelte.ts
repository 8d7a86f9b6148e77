/** What both pages need before they can show anything, and the code lists as they are asked for. */

import { get } from "./api";
import type { City, CodeList, KhoStyle, LayerInfo, Snapshot } from "./types";

export class Catalog {
  city = $state.raw<City>();
  layers = $state.raw<LayerInfo[]>([]);
  style = $state.raw<KhoStyle>();
  snapshot = $state.raw<Snapshot>();
  error = $state.raw<unknown>();
  codes = $state.raw<Record<string, CodeList>>({});

  /** Promises of code lists, so that each is fetched once. */
  #asked = new Map<string, Promise<void>>();

  constructor(readonly theme: "portal" | "ioc") {}

  async load(): Promise<boolean> {
    this.error = undefined;
    try {
      const [city, layers, style, snapshot] = await Promise.all([
        get<City>("api/city"),
        get<LayerInfo[]>("api/layers"),
        get<KhoStyle>(`styles/${this.theme}.json`),
        get<Snapshot>("api/snapshot"),
      ]);
      this.city = city;
      this.layers = layers;
      this.style = style;
      this.snapshot = snapshot;
      return true;
    } catch (error) {
      this.error = error;
      return false;
    }
  }

  layer(name: string): LayerInfo | undefined {
    return this.layers.find((l) => l.name === name);
  }

  /** Fetches the code lists that are missing. One that cannot be had leaves bare codes, not an error. */
  async want(lists: Iterable<string>): Promise<void> {
    await Promise.all(
      [...new Set(lists)].map((name) => {
        const asked =
          this.#asked.get(name) ??
          get<CodeList>(`api/codes/${encodeURIComponent(name)}`).then(
            (list) => {
              this.codes = { ...this.codes, [name]: list };
            },
            () => {
              this.#asked.delete(name);
            },
          );
        this.#asked.set(name, asked);
        return asked;
      }),
    );
  }
}

/** Asks for the current snapshot every `ms`, while the page is seen; tells when it changed, and when asking fails. */
export function watchSnapshot(ms: number, now: (snapshot: Snapshot) => void, lost: () => void = () => undefined): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const ask = async () => {
    if (document.visibilityState === "visible") {
      await get<Snapshot>("api/snapshot").then(now, lost);
    }
    timer = setTimeout(() => void ask(), ms);
  };
  timer = setTimeout(() => void ask(), ms);
  return () => clearTimeout(timer);
}
