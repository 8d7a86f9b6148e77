/** What both pages need before they can show anything, and the code lists as they are asked for. */

import { get, url } from "./api";
import { readCommit, type ChangedLayer } from "./changes";
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

/** What a page wants to know about the lake. */
export interface Watcher {
  /** The snapshot that the page shows. */
  shows: () => number | undefined;
  /** Another snapshot is current. Without layers, anything may have changed. */
  landed: (now: Snapshot, layers?: ChangedLayer[]) => void;
  /** The server is there. */
  alive?: () => void;
  /** The server is not there. */
  lost?: () => void;
}

/** Hears of commits as they land; where that cannot be had, asks every `ms`. */
export function watchLake(ms: number, page: Watcher): () => void {
  const changed = (now: Snapshot, layers?: ChangedLayer[]) => {
    page.alive?.();
    if (now.id !== page.shows()) page.landed(now, layers);
  };
  const poll = () => watchSnapshot(ms, changed, page.lost);
  if (typeof EventSource === "undefined") return poll();

  const shown = page.shows();
  const stream = new EventSource(url("events", shown === undefined ? {} : { since: String(shown) }));
  let stop = () => stream.close();
  /** An event has no time; the clock beside the figures wants one. */
  const at = async (id: number): Promise<Snapshot> => {
    const now = await get<Snapshot>("api/snapshot").catch(() => undefined);
    return { id, at: now?.id === id ? now.at : new Date().toISOString() };
  };
  // one after the other, however long the time of each takes to come
  let last: Promise<void> = Promise.resolve();
  const tell = (id: number, layers?: ChangedLayer[]) => {
    last = last.then(async () => changed(await at(id), layers)).catch(() => undefined);
  };
  stream.onopen = () => page.alive?.();
  stream.addEventListener("snapshot", (event: MessageEvent<string>) => {
    // with an id of its own it is not followed by what was missed
    const id = Number(event.lastEventId);
    if (event.data === `{"snapshot":${id}}` && id !== page.shows()) tell(id);
  });
  stream.addEventListener("commit", (event: MessageEvent<string>) => {
    tell(Number(event.lastEventId), readCommit(event.data)?.layers);
  });
  stream.onerror = () => {
    page.lost?.();
    // the browser comes back by itself unless the server has refused it
    if (stream.readyState === EventSource.CLOSED) stop = poll();
  };
  return () => stop();
}
