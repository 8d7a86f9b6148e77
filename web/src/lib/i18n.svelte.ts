/** The page's language, and texts in it. */

import { messages, type MessageKey } from "./messages";
import type { Lang, Text } from "./types";

const STORE = "kho.lang";

function remembered(): Lang {
  try {
    return localStorage.getItem(STORE) === "en" ? "en" : "vi";
  } catch {
    return "vi"; // storage is forbidden: nothing to remember
  }
}

class I18n {
  #lang = $state<Lang>(remembered());

  get lang(): Lang {
    return this.#lang;
  }

  set lang(lang: Lang) {
    this.#lang = lang;
    document.documentElement.lang = lang;
    try {
      localStorage.setItem(STORE, lang);
    } catch {
      // as above
    }
  }

  /** A sentence of ours. */
  t = (key: MessageKey, vars: Record<string, string | number> = {}): string => {
    const text: string = messages[key][this.#lang];
    return text.replace(/\{(\w+)\}/g, (_, name: string) => String(vars[name] ?? ""));
  };

  /** A sentence that may not exist (theme and count names come from the city). */
  maybe = (key: string): string | undefined =>
    key in messages ? messages[key as MessageKey][this.#lang] : undefined;

  /** A text of the server. */
  text = (text: Text | string | null | undefined): string => {
    if (text == null) return "";
    if (typeof text === "string") return text;
    return (this.#lang === "en" && text.en) || text.vi;
  };
}

export const i18n = new I18n();
