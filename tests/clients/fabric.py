"""How well a fabric fits in its tiles: overlaps and gaps along shared borders, steps at the seams, in square grid units.

A fabric is a layer whose neighbours share their borders. Its tiles of a zoom are decoded, cut to their own extent and
laid side by side on the zoom's grid (4096 units to a tile), and compared with the exact features, which are read
through OGC API Features and projected onto the same grid:

- overlap: what two features cover together, beyond what they cover together in the data. Pairs that overlap in the
  data by more than two centimetres on average (plans over each other, units of other years) are left out.
- gaps: what lies inside the exact union, farther than --tolerance units from its edge, and no feature covers. Of that
  "lost" is what belongs to features that are not drawn at all; "slivers" counts the gaps that are holes of the drawn
  union where the exact union has none.
- seams: along borders between two tiles, the length on which they do not hold the same features.

Of a layer with valid_from and valid_to only what is valid on --on is compared; features with different values of the
column --by (plans that lie over each other) are fabrics of their own. At a zoom with more than --most tiles
the first ones of a seeded window are taken; the report says so. Prints one JSON object; with --strict exits 1 if there
is an overlap or a gap.

usage: fabric.py URL LAYER… [--zooms 13-16] [--on 2026-01-01] [--by COLUMN] [--most 400] [--tolerance 1.5] [--strict]
"""

import argparse
import datetime
import json
import sys

import numpy
import shapely
from mvt import POLYGON, Server, at, parsed, parts, polygons, under

EXTENT = 4096
TINY = 0.01
# Two features share a border if their overlap in the data is no wider than this, in metres of the map.
SHARED = 0.02


def exact(server, layer):
    """Every feature of a layer in degrees, with its properties, by id."""
    found, path = {}, f"/ogc/collections/{layer}/items?limit=1000"
    while path:
        page = server.json(path)
        for f in page["features"]:
            if f.get("geometry"):
                found[int(f["id"])] = (shapely.from_geojson(json.dumps(f["geometry"])), f["properties"])
        following = [x["href"] for x in page["links"] if x["rel"] == "next"]
        path = following[0].removeprefix(server.base) if following else None
    return found


def on_grid(shapes, z):
    """Shapes in degrees on the grid of a zoom, y down."""
    scale = 2**z * EXTENT

    def project(c):
        x = (c[:, 0] + 180) / 360 * scale
        y = (1 - numpy.arcsinh(numpy.tan(numpy.radians(c[:, 1]))) / numpy.pi) / 2 * scale
        return numpy.column_stack([x, y])

    moved = shapely.transform(shapes, project)
    return numpy.where(shapely.is_valid(moved), moved, shapely.make_valid(moved))


def drawn(server, layer, wanted, ids):
    """For each tile its features on the grid, cut to the tile's extent: {tile: {id: shape}}."""
    found = {}
    for (z, x, y), data in server.tiles(layer, wanted):
        box, here = shapely.box(0, 0, EXTENT, EXTENT), {}
        for part in parsed(data).layers:
            if part.name != layer:
                continue
            for f in part.features:
                if f.type == POLYGON and f.id in ids:
                    shape = shapely.MultiPolygon(polygons(parts(f.geometry, f.type)))
                    shape = shape if shape.is_valid else shapely.make_valid(shape)
                    x0, y0, x1, y1 = shape.bounds
                    inside = x0 >= 0 and y0 >= 0 and x1 <= EXTENT and y1 <= EXTENT
                    shape = shape if inside else shape.intersection(box)
                    if shape.area:
                        here[f.id] = shapely.transform(shape, lambda c: c + [x * EXTENT, y * EXTENT])
        found[z, x, y] = here
    return found


def overlaps(shapes, true, unit):
    """(area, pairs, worst) by which features overlap that do not in the data."""
    keys = list(shapes)
    array = numpy.array([shapes[k] for k in keys], dtype=object)
    a, b = shapely.STRtree(array).query(array, predicate="intersects")
    a, b = a[a < b], b[a < b]
    both = shapely.area(shapely.intersection(array[a], array[b]))
    # Cuts at the extent leave rounding errors of the last bit.
    total, pairs, worst = 0.0, 0, 0.0
    for i in numpy.flatnonzero(both > 1e-6):
        known = shapely.intersection(true[keys[a[i]]], true[keys[b[i]]])
        more = float(both[i] - known.area)
        # Neighbours, not plans over each other: what they share is nowhere near wide.
        if 2 * known.area <= known.length * SHARED / unit and more > 0:
            total, pairs, worst = total + more, pairs + 1, max(worst, more)
    return total, pairs, worst


def polygonal(shape):
    return [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"] if not shape.is_empty else []


def gaps(tiles, true, area, tolerance):
    """What the exact union covers and the tiles do not, away from its edge."""
    pieces = [s for here in tiles.values() for s in here.values()]
    union = shapely.union_all(pieces) if pieces else shapely.Polygon()
    whole = shapely.union_all(list(true.values())).intersection(area)
    # Slivers of the data itself are no holes.
    whole = whole.buffer(TINY, join_style="mitre").buffer(-TINY, join_style="mitre")
    missing = [p for p in polygonal(whole.buffer(-tolerance).intersection(area.buffer(-tolerance)).difference(union)) if p.area > 1e-6]
    shown = {key for here in tiles.values() for key in here}
    lost = shapely.union_all([s for key, s in true.items() if key not in shown])
    slivers = 0
    for part in polygonal(union):
        for ring in part.interiors:
            hole = shapely.Polygon(ring)
            # The exact hole may lie a unit aside.
            if hole.area > 1e-6 and hole.buffer(1.0).difference(whole).area < TINY:
                slivers += 1
    return {
        "gap_area": round(sum(p.area for p in missing), 3),
        "gaps": len(missing),
        "gap_worst": round(max((p.area for p in missing), default=0), 3),
        "lost_features": len(true.keys() - shown),
        "lost_area": round(sum(p.intersection(lost).area for p in missing), 3),
        "slivers": slivers,
        "area": round(whole.area, 1),
    }


def along(here, line):
    """(from, to, id) of the features on a seam."""
    found = {}
    for key, shape in here.items():
        met = shape.intersection(line)
        if met.length:
            found[key] = met
    return found


def seams(tiles):
    """The length of seams whose two tiles differ, and the longest stretch."""
    length, worst, count = 0.0, 0.0, 0
    for (z, x, y), here in tiles.items():
        right, down = tiles.get((z, x + 1, y)), tiles.get((z, x, y + 1))
        x1, y1 = (x + 1) * EXTENT, (y + 1) * EXTENT
        for other, line in ((right, [(x1, y * EXTENT), (x1, y1)]), (down, [(x * EXTENT, y1), (x1, y1)])):
            if other is None:
                continue
            line = shapely.LineString(line)
            # Only what reaches the seam.
            ours = along({k: s for k, s in here.items() if s.distance(line) == 0}, line)
            theirs = along({k: s for k, s in other.items() if s.distance(line) == 0}, line)
            for key in ours.keys() | theirs.keys():
                a, b = ours.get(key, shapely.LineString()), theirs.get(key, shapely.LineString())
                step = a.symmetric_difference(b).length
                if step > 1e-6:
                    length, worst, count = length + step, max(worst, step), count + 1
    return {"seam_steps": count, "seam_length": round(length, 3), "seam_worst": round(worst, 3)}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("layers", nargs="+")
    arguments.add_argument("--zooms", default="13-16")
    arguments.add_argument("--on", default=datetime.date.today().isoformat())
    arguments.add_argument("--by")
    arguments.add_argument("--most", type=int, default=400)
    arguments.add_argument("--tolerance", type=float, default=1.5)
    arguments.add_argument("--strict", action="store_true")
    o = arguments.parse_args()
    low, _, high = o.zooms.partition("-")
    server = Server(o.url)
    report, wrong = {}, False
    for layer in o.layers:
        bounds = server.layer(layer)["bounds"]
        features = exact(server, layer)
        valid = {k: s for k, (s, p) in features.items() if (p.get("valid_from") or "") <= o.on < (p.get("valid_to") or "9999")}
        groups = {}
        for k in valid:
            groups.setdefault(features[k][1].get(o.by), set()).add(k)
        out = report[layer] = {"features": len(features), "compared": len(valid), "on": o.on, "fabrics": len(groups), "zooms": {}}
        for z in range(int(low), int(high or low) + 1):
            wanted, count = under(bounds, z)
            sampled = o.most and count > o.most
            if sampled:
                # A window of neighbours around a feature, so that seams are compared too.
                side = int(o.most**0.5)
                middle = valid[sorted(valid)[len(valid) // 2]].point_on_surface()
                mx, my = (int(v) for v in at(middle.x, middle.y, z))
                wanted = [(z, x, y) for y in range(my - side // 2, my - side // 2 + side) for x in range(mx - side // 2, mx - side // 2 + side)]
            tiles = drawn(server, layer, wanted, valid)
            if not any(tiles.values()):
                out["zooms"][z] = {"tiles": 0}
                continue
            area = shapely.union_all([shapely.box(x * EXTENT, y * EXTENT, (x + 1) * EXTENT, (y + 1) * EXTENT) for _, x, y in wanted])
            keys = list(valid)
            true = dict(zip(keys, on_grid(numpy.array([valid[k] for k in keys], dtype=object), z)))
            row = out["zooms"][z] = {"tiles": sum(1 for here in tiles.values() if here), **({"window_of": count} if sampled else {})}
            for members in groups.values():
                some = {tile: {k: s for k, s in here.items() if k in members} for tile, here in tiles.items()}
                total, pairs, worst = 0.0, 0, 0.0
                for here in some.values():
                    t, p, w = overlaps(here, true, 40075016.686 / 2**z / EXTENT)
                    total, pairs, worst = total + t, pairs + p, max(worst, w)
                inside = {k: true[k] for k in members if true[k].intersects(area)}
                found = {"overlap_area": round(total, 3), "overlaps": pairs, "overlap_worst": round(worst, 3), **gaps(some, inside, area, o.tolerance), **seams(some)}
                for name, value in found.items():
                    row[name] = max(row.get(name, 0), value) if name.endswith("worst") else round(row.get(name, 0) + value, 3)
            wrong = wrong or bool(row["overlaps"] or row["gaps"] or row["slivers"])
            print(f"{layer} z{z}: {row}", file=sys.stderr, flush=True)
    print(json.dumps({"layers": report, "fits": not wrong}, indent=1))
    raise SystemExit(1 if wrong and o.strict else 0)


if __name__ == "__main__":
    main()
