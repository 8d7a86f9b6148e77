import { describe, expect, it } from "vitest";
import { problem } from "./api";
import { facts, title, type Words } from "./facts";
import * as format from "./format";
import { bbox } from "./geometry";
import { labelPoint } from "./labels";
import { readHash, writeHash } from "./hash";
import { prepare, today, validOn, visibleFrom } from "./style";
import { changes, kinds, ranked, totals } from "./wards";
import { drawing, sameShow, shown, toggle, tree, viewShow } from "./layers";
import { messages } from "./messages";
import { fold, parseParcel, parsePoint } from "./search";
import type { FeatureAnswer, KhoStyle, LayerInfo, WardCounts } from "./types";
import { project, unproject } from "./vn2000";

describe("search", () => {
  it("folds đ, which does not decompose", () => {
    expect(fold("Đường Trần Phú")).toBe("duong tran phu");
    expect(fold("oà")).toBe(fold("òa"));
  });
  it("reads sheet and parcel in every way people write them", () => {
    for (const text of ["tờ 12 thửa 345", "Tờ bản đồ số 12, thửa đất số 345", "thửa 345 tờ 12", "to 12 thua 345", "12/345", "12 345", "12-345", "sheet 12 parcel 345", "TỜ 12, THỬA 345"]) {
      expect(parseParcel(text), text).toEqual({ sheet: 12, parcel: 345 });
    }
    for (const text of ["", "12", "Trần Phú", "tờ 12", "12/3/4A", "12.2388 109.1967"]) {
      expect(parseParcel(text), text).toBeUndefined();
    }
  });
  it("reads degrees in either order and with decimal commas", () => {
    for (const text of ["12.2388, 109.1967", "12.2388 109.1967", "109.1967,12.2388", "12,2388 109,1967", "12,2388; 109,1967", "12,2388, 109,1967", "12.2388°N 109.1967°E"]) {
      expect(parsePoint(text, 9217), text).toEqual({ lat: 12.2388, lon: 109.1967, vn2000: false });
    }
    expect(parsePoint("12 109", 9217)).toBeUndefined(); // rather sheet 12, parcel 109
    expect(parsePoint("12/345", 9217)).toBeUndefined();
  });
  it("reads VN-2000 metres in the city's zone", () => {
    for (const text of ["1353660.028 602805.660", "602805,660 1353660,028"]) {
      const at = parsePoint(text, 9217);
      expect(at?.lon).toBeCloseTo(109.1967, 7);
      expect(at?.lat).toBeCloseTo(12.2388, 7);
    }
    expect(parsePoint("1353660 602805", 4326)).toBeUndefined();
  });
});

describe("vn2000", () => {
  it("agrees with PROJ at Nha Trang to a millimetre", () => {
    const [e, n] = project(109.1967, 12.2388, 9217) ?? [NaN, NaN];
    expect(Math.abs(e - 602805.66)).toBeLessThan(0.001);
    expect(Math.abs(n - 1353660.028)).toBeLessThan(0.001);
  });
  it("comes back", () => {
    for (const [lon, lat] of [[108.3, 11.9], [109.45, 12.9], [107.1, 13.3]] as const) {
      const [e, n] = project(lon, lat, 9217) ?? [NaN, NaN];
      const [x, y] = unproject(e, n, 9217) ?? [NaN, NaN];
      expect(x).toBeCloseTo(lon, 8);
      expect(y).toBeCloseTo(lat, 8);
    }
    expect(project(109, 12, 6956)).toBeUndefined();
  });
});

describe("hash", () => {
  it("comes back", () => {
    const state = {
      map: { zoom: 15.25, lat: 12.2388, lon: 109.1967 },
      view: "planning",
      show: ["land_parcel:outline", "road"],
      sel: { layer: "land_parcel", id: 9007199254740991 },
      lang: "en" as const,
    };
    expect(readHash(writeHash(state))).toEqual(state);
    expect(writeHash({})).toBe("");
  });
  it("leaves out what makes no sense", () => {
    expect(readHash("#map=99/1/2&sel=x&lang=fr&view=a b&show=Land,<x>,road&%%%=1&%E0")).toEqual({ show: ["road"] });
  });
});

describe("layers", () => {
  const views = [
    { id: "planning", title: { vi: "" }, show: ["planning_zone", "land_parcel:outline"] },
    { id: "land", title: { vi: "" }, show: ["land_parcel", "nowhere"] },
  ];
  it("a view hides what other views name and leaves a department's own layers alone", () => {
    const known = ["planning_zone", "land_parcel", "tree"];
    const visible = ["tree", "planning_zone", "land_parcel"];
    expect(viewShow(views[0], views, visible, known)).toEqual(["planning_zone", "land_parcel:outline", "tree"]);
    expect(viewShow(views[1], views, visible, known)).toEqual(["land_parcel", "tree"]);
    expect(viewShow(undefined, views, visible, known)).toEqual(visible);
  });
  it("keeps a bordered parcel clickable", () => {
    const show = views[0]!.show;
    expect(drawing(show, "land_parcel", "outline")).toBe("visible");
    expect(drawing(show, "land_parcel", "fill")).toBe("clear");
    expect(drawing(show, "land_parcel", "label")).toBe("none");
    expect(drawing(show, "road", "line")).toBe("none");
    expect(shown(show, "land_parcel")).toBe("part");
  });
  it("toggles whole layers", () => {
    expect(toggle(["a:outline", "a:label", "b"], "a", true)).toEqual(["b", "a"]);
    expect(toggle(["a:outline", "b"], "a", false)).toEqual(["b"]);
    expect(sameShow(["a", "b"], ["b", "a"])).toBe(true);
    expect(sameShow(["a"], ["a", "b"])).toBe(false);
  });
  it("orders the tree by theme, then as drawn", () => {
    const layer = (name: string, theme: string) => ({ name, theme }) as LayerInfo;
    const layers = [layer("road", "base"), layer("a", "park"), layer("zone", "planning"), layer("project", "planning")];
    const got = tree(layers, ["project", "zone", "road"]).map((b) => [b.theme, b.layers.map((l) => l.name)]);
    expect(got).toEqual([["planning", ["project", "zone"]], ["base", ["road"]], ["park", ["a"]]]);
  });
});

describe("format", () => {
  it("writes numbers as each language does", () => {
    expect(format.number(1234567.891, "vi", 2)).toBe("1.234.567,89");
    expect(format.number(1234567.891, "en", 2)).toBe("1,234,567.89");
    expect(format.area(123.44, "vi")).toBe("123,4\u202fm²");
    expect(format.area(250_000, "en")).toBe("25\u202fha");
  });
  it("never rounds a sliver away", () => {
    expect(format.share(0.0002, "vi")).toBe("<\u202f0,1\u202f%");
    expect(format.share(0.9999, "en")).toBe(">\u202f99.9\u202f%");
    expect(format.share(1, "en")).toBe("100\u202f%");
    expect(format.share(0, "en")).toBe("0\u202f%");
    expect(format.share(0.4444, "vi")).toBe("44,4\u202f%");
  });
  it("gives the city's day, not the reader's", () => {
    expect(format.day("2026-03-05", "vi")).toBe("05/03/2026");
    expect(format.day("2026-03-05", "en")).toBe("5 March 2026");
    expect(format.day("2026-03-05T18:30:00Z", "vi")).toBe("06/03/2026");
    expect(format.day("soon", "vi")).toBe("soon");
    expect(format.time("2026-03-05T18:30:09Z", "vi", true)).toBe("01:30:09");
  });
});

describe("facts", () => {
  const layer: LayerInfo = {
    name: "land_parcel", title: { vi: "Thửa đất" }, theme: "land", geometry: "polygon", feature_count: 1,
    zoom: { min: 13, max: 16 },
    columns: [
      { name: "so_to", type: "integer", title: { vi: "Số tờ", en: "Sheet" } },
      { name: "so_thua", type: "integer", title: { vi: "Số thửa" } },
      { name: "dien_tich", type: "float", title: { vi: "Diện tích" }, unit: "m²" },
      { name: "loai_dat", type: "text", title: { vi: "Loại đất" }, code_list: "land_use" },
      { name: "valid_to", type: "date", title: { vi: "Hết hiệu lực" } },
    ],
  };
  const feature: FeatureAnswer = {
    type: "Feature", geometry: null,
    properties: { so_to: 1012, so_thua: 345, dien_tich: 1234.5, loai_dat: "ODT", valid_to: null, chu_su_dung: "x" },
  };
  const words: Words = { lang: "vi", text: (t) => (typeof t === "string" ? t : (t?.vi ?? "")), yes: "có", no: "không" };
  const codes = () => ({ name: "land_use", version: "1", title: { vi: "" }, entries: [{ code: "ODT", title: { vi: "Đất ở tại đô thị" }, color: "#f8a" }] });
  it("says codes, units and numbers in words, and nothing that the layer does not describe", () => {
    expect(facts(layer, feature, codes, words)).toEqual([
      { name: "so_to", title: "Số tờ", value: "1012" },
      { name: "so_thua", title: "Số thửa", value: "345" },
      { name: "dien_tich", title: "Diện tích", value: "1.234,5\u202fm²" },
      { name: "loai_dat", title: "Loại đất", value: "Đất ở tại đô thị (ODT)", color: "#f8a" },
    ]);
    expect(title(layer, feature, words, (s, p) => `${p}/${s}`)).toBe("345/1012");
  });
});

describe("labels", () => {
  const square = (x: number, y: number, w: number, h: number) => [[[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]]];
  it("stand in the middle of what is seen", () => {
    const [x, y] = labelPoint([square(0, 0, 10, 10)], [0, 0, 4, 10]) ?? [NaN, NaN];
    expect(x).toBeCloseTo(2, 0);
    expect(y).toBeCloseTo(5, 0);
    expect(labelPoint([square(0, 0, 10, 10)], [20, 20, 30, 30])).toBeUndefined();
  });
  it("join the pieces of tiles", () => {
    const [x] = labelPoint([square(0, 0, 5, 4), square(5, 0, 5, 4)], [-1, -1, 11, 5]) ?? [NaN];
    expect(x).toBeGreaterThan(3);
    expect(x).toBeLessThan(7);
  });
  it("stay inside a hollow shape and are left off slivers", () => {
    const bent = [[[0, 0], [10, 0], [10, 2], [2, 2], [2, 10], [0, 10], [0, 0]]];
    const [x, y] = labelPoint([bent], [-1, -1, 11, 11]) ?? [NaN, NaN];
    expect(x < 2 || y < 2).toBe(true);
    expect(labelPoint([square(-10, -10, 10.01, 20)], [0, 0, 10, 10])).toBeUndefined();
  });
});

describe("style", () => {
  const layer = (name: string, geometry: string, count: number, columns: string[]) =>
    ({ name, geometry, feature_count: count, columns: columns.map((c) => ({ name: c })) }) as unknown as LayerInfo;
  it("leaves out what is not valid today, and keeps a filter that was there", () => {
    const ward = layer("w", "polygon", 5, ["valid_from", "valid_to"]);
    expect(validOn(layer("x", "polygon", 5, ["ten"]), "2026-03-05")).toBeUndefined();
    const style = {
      version: 8, sources: { w: { type: "vector" } },
      layers: [
        { id: "w:fill", type: "fill", source: "w", "source-layer": "w", filter: ["has", "ten"], metadata: { "kho:layer": "w", "kho:part": "fill" } },
        { id: "w:label", type: "symbol", source: "w", "source-layer": "w", metadata: { "kho:layer": "w", "kho:part": "label" } },
      ],
    } as unknown as KhoStyle;
    const made = prepare(style, [ward], "2026-03-05");
    expect(made.style.layers[0]).toMatchObject({ filter: ["all", ["has", "ten"], validOn(ward, "2026-03-05")] });
    expect(made.style.layers[1]).toMatchObject({ source: "kho-labels-w" });
    expect(made.labelled.map((l) => l.layer)).toEqual(["w"]);
  });
  it("draws its own letters, and places a polygon's icon where its label is", () => {
    const project = layer("p", "polygon", 5, []);
    const symbol = (part: string) => ({ id: `p:${part}`, type: "symbol", source: "p", "source-layer": "p", metadata: { "kho:layer": "p", "kho:part": part } });
    const style = { version: 8, sprite: "http://a.vn/s", glyphs: "http://a.vn/{fontstack}/{range}", sources: {}, layers: [symbol("icon"), symbol("label")] };
    const made = prepare(style as unknown as KhoStyle, [project]);
    expect(made.style).not.toHaveProperty("glyphs");
    expect(made.style.sprite).toBe("http://a.vn/s");
    expect(made.style.layers.map((l) => "source" in l && l.source)).toEqual(["kho-labels-p", "kho-labels-p"]);
    expect(made.labelled).toHaveLength(1);
  });
  it("lays the detailed plan over the general one", () => {
    const zones = layer("planning_zone", "polygon", 5, ["ma_ho_so"]);
    const spec = { id: "planning_zone:fill", type: "fill", source: "planning_zone", metadata: { "kho:layer": "planning_zone", "kho:part": "fill" } };
    const made = prepare({ version: 8, sources: {}, layers: [spec] } as unknown as KhoStyle, [zones]);
    expect(made.style.layers[0]?.layout).toEqual({
      "fill-sort-key": ["match", ["slice", ["to-string", ["get", "ma_ho_so"]], 2, 5], "QHC", 1, "QPK", 2, "QCT", 3, 0],
    });
  });
  it("does not load what is still transparent", () => {
    const line = (opacity: unknown) => visibleFrom({ id: "x", type: "line", source: "x", minzoom: 13, paint: { "line-opacity": opacity } } as never);
    expect(line(["interpolate", ["exponential", 1.5], ["zoom"], 14, 0, 16, 1])).toBe(14);
    expect(line(["interpolate", ["exponential", 1.5], ["zoom"], 14, 0.1, 16, 1])).toBe(13);
    expect(line(0.5)).toBe(13);
  });
  it("takes the city's day", () => {
    expect(today(new Date("2026-03-05T18:00:00Z"))).toBe("2026-03-06");
  });
});

describe("wards", () => {
  const ward = (code: string, land_parcel: number, street_light: number): WardCounts => ({ code, name: code, counts: { street_light, land_parcel } });
  const wards = [ward("b", 1, 5), ward("a", 1, 2), ward("c", 9, 0)];
  it("sums, ranks and compares", () => {
    expect(kinds(wards)).toEqual(["land_parcel", "street_light"]);
    expect(totals(wards)).toEqual({ land_parcel: 11, street_light: 7 });
    expect(ranked(wards, "land_parcel").map((w) => w.code)).toEqual(["c", "a", "b"]);
    expect(changes([ward("a", 1, 2), ward("c", 4, 0)], wards, "land_parcel")).toEqual({ c: 5 });
  });
});

describe("the rest", () => {
  it("measures boxes of nested coordinates", () => {
    expect(bbox({ type: "MultiPolygon", coordinates: [[[[1, 2], [3, 5], [0, 4], [1, 2]]]] })).toEqual([0, 2, 3, 5]);
    expect(bbox({ type: "GeometryCollection", geometries: [{ type: "Point", coordinates: [7, 8] }] })).toEqual([7, 8, 7, 8]);
    expect(bbox(null)).toBeUndefined();
  });
  it("reads problem documents and survives their absence", async () => {
    const body = JSON.stringify({ title: "Không có", detail: "Lớp x không có" });
    expect(await problem(new Response(body, { status: 404 }))).toMatchObject({ status: 404, title: "Không có", detail: "Lớp x không có" });
    expect(await problem(new Response("<html>", { status: 502 }))).toMatchObject({ status: 502, title: "HTTP 502" });
  });
  it("has every sentence in both languages with the same blanks", () => {
    const blanks = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
    for (const [key, { vi, en }] of Object.entries(messages)) {
      expect(vi.length * en.length, key).toBeGreaterThan(0);
      expect(blanks(vi), key).toEqual(blanks(en));
    }
  });
});
