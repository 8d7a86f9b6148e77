import { describe, expect, it } from "vitest";
import { readCommit, tilesIn, zoomsHeld } from "./changes";
import type { BBox } from "./types";

const CITY: BBox = [109.1, 12.1, 109.4, 12.4];
const id = ({ z, x, y }: { z: number; x: number; y: number }) => `${z}/${x}/${y}`;

/** West, south, east, north of a tile. */
function boxOf(z: number, x: number, y: number): BBox {
  const side = 2 ** z;
  const lon = (v: number) => (v / side) * 360 - 180;
  const lat = (v: number) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * v) / side))) * 180) / Math.PI;
  return [lon(x), lat(y + 1), lon(x + 1), lat(y)];
}

describe("commits", () => {
  it("are read, and refused when they are not understood", () => {
    const layer = { name: "road", added: 0, removed: 0, changed: 1, boxes: [[1, 2, 3, 4]] };
    expect(readCommit(JSON.stringify({ snapshot: 3, layers: [layer, { ...layer, boxes: null }] }))?.layers.length).toBe(2);
    expect(readCommit('{"snapshot":3,"layers":[]}')).toEqual({ snapshot: 3, layers: [] });
    for (const text of ["", "null", "[]", '{"snapshot":3}', '{"snapshot":"3","layers":[]}', '{"snapshot":3,"layers":[null]}', '{"snapshot":3,"layers":[{"name":"a"}]}', '{"snapshot":3,"layers":[{"name":"a","boxes":[[1,2,3]]}]}']) {
      expect(readCommit(text), text).toBeUndefined();
    }
  });
});

describe("tiles of a change", () => {
  it("are those under it", () => {
    const [w, s, e, n] = boxOf(16, 52665, 30530);
    const middle: BBox = [(w + e) / 2, (s + n) / 2, (w + e) / 2, (s + n) / 2];
    expect(tilesIn([middle], CITY, 16, 16)?.map(id)).toEqual(["16/52665/30530"]);
    expect(tilesIn([middle], CITY, 14, 16)?.map(id)).toEqual(["14/13166/7632", "15/26332/15265", "16/52665/30530"]);
    expect(tilesIn([middle, middle], CITY, 16, 16)?.length).toBe(1);
    expect(tilesIn([], CITY, 0, 16)).toEqual([]);
  });
  it("include neighbours that draw it in their margin", () => {
    const [w, s, e, n] = boxOf(16, 52665, 30530);
    const near = (e - w) / 100;
    const corner: BBox = [e - near, s + near, e - near, s + near];
    expect(tilesIn([corner], CITY, 16, 16)?.map(id).sort()).toEqual(["16/52665/30530", "16/52665/30531", "16/52666/30530", "16/52666/30531"]);
    const further: BBox = [e - 3 * near, n - 3 * near, e - 3 * near, n - 3 * near];
    expect(tilesIn([further], CITY, 16, 16)?.map(id)).toEqual(["16/52665/30530"]);
  });
  it("are only those on the screen", () => {
    const screen = boxOf(14, 13166, 7632);
    const tiles = tilesIn([[-180, -85, 180, 85]], screen, 14, 14)?.map(id) ?? [];
    expect(tiles).toContain("14/13166/7632");
    expect(tiles.length).toBe(9);
    expect(tilesIn([[105, 20, 106, 21]], screen, 10, 16)).toEqual([]);
  });
  it("are not listed when they are too many", () => {
    expect(tilesIn([CITY], CITY, 20, 20)).toBeUndefined();
  });
  it("are looked for at the zooms that a map may hold", () => {
    expect(zoomsHeld(16.7, 10, 22)).toEqual([11, 18]);
    expect(zoomsHeld(20, 12, 18)).toEqual([13, 18]);
    expect(zoomsHeld(8, 12, 18)).toEqual([12, 14]);
  });
});
