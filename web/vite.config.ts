import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Plugin } from "vite";
import { defineConfig } from "vitest/config";

const shipped = ["@fontsource/be-vietnam-pro", "maplibre-gl", "svelte"];

/** Ships the licences of what the pages carry: the OFL asks for it, and so do BSD and MIT. */
function licences(): Plugin {
  const file = (name: string) => {
    for (const candidate of ["LICENSE", "LICENSE.txt", "LICENSE.md"]) {
      try {
        return readFileSync(resolve(import.meta.dirname, "node_modules", name, candidate), "utf8");
      } catch {
        // the next spelling
      }
    }
    throw new Error(`${name} has no licence file`);
  };
  return {
    name: "kho-licences",
    apply: "build",
    generateBundle() {
      const text = shipped.map((name) => `=== ${name} ===\n\n${file(name).trim()}\n`).join("\n\n");
      this.emitFile({ type: "asset", fileName: "assets/licences.txt", source: text });
    },
  };
}

export default defineConfig({
  // relative, so that the pages work behind a proxy that adds a prefix
  base: "./",
  plugins: [svelte(), licences()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // a data: font or image would need a wider Content-Security-Policy
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      input: {
        index: resolve(import.meta.dirname, "index.html"),
        ioc: resolve(import.meta.dirname, "ioc.html"),
      },
    },
  },
  server: { proxy: Object.fromEntries(["/api", "/events", "/styles", "/tiles", "/ogc"].map((p) => [p, "http://127.0.0.1:8080"])) },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
