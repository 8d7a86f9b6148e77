"""Compares pairs of tiles, NAME.kho and NAME.pg, decoded by an independent decoder.

They agree when they hold the same ids, with the same attributes, and geometries that differ by no
more than one grid unit along their outline. Slivers thinner than the grid, and what only touches
the outer edge of the buffer, may be on one side alone: they are counted apart. Prints one JSON
object.

usage: tiles_agree.py DIR
"""

import json
import pathlib
import sys

import mapbox_vector_tile
from shapely import hausdorff_distance, make_valid
from shapely.geometry import shape

# One grid unit along each axis, and the rounding of the distance itself.
TOLERANCE = 2**0.5 + 1e-6
EXTENT, BUFFER = 4096, 64


def decoded(path):
    data = path.read_bytes()
    if not data:
        return {}
    tile = mapbox_vector_tile.decode(data, default_options={"y_coord_down": True})
    features = {}
    for layer in tile.values():
        for f in layer["features"]:
            if f["id"] in features:
                raise SystemExit(f"{path}: id {f['id']} is there twice")
            features[f["id"]] = f
    return features


def may_miss(feature):
    """Whether one side may keep what the other drops: a sliver, or a touch of the buffer's edge."""
    g = make_valid(shape(feature["geometry"]))
    x0, y0, x1, y1 = g.bounds
    if x1 <= -BUFFER + 1 or y1 <= -BUFFER + 1 or x0 >= EXTENT + BUFFER - 1 or y0 >= EXTENT + BUFFER - 1:
        return True
    if g.geom_type.endswith("Polygon"):
        return g.area <= max(1.0, g.length)
    return g.length <= 2.0 and not g.geom_type.endswith("Point")


def apart(ga, gb):
    """Whether two geometries differ by more than one grid unit along their outline."""
    if hausdorff_distance(ga, gb) <= TOLERANCE:
        return False
    if ga.area and gb.area:
        # Where snapping pinches a polygon, one side may keep a corner that the other drops.
        return ga.symmetric_difference(gb).area > max(ga.length, gb.length)
    return True


def differences(ours, theirs):
    found, missed = [], 0
    for key in ours.keys() | theirs.keys():
        a, b = ours.get(key), theirs.get(key)
        if a is None or b is None:
            if may_miss(a or b):
                missed += 1
            else:
                found.append((key, "only in " + ("kho" if b is None else "PostGIS"), shape((a or b)["geometry"]).wkt[:200]))
            continue
        if a["properties"] != b["properties"]:
            found.append((key, "properties", [a["properties"], b["properties"]]))
            continue
        ga, gb = make_valid(shape(a["geometry"])), make_valid(shape(b["geometry"]))
        if not ga.equals(gb) and apart(ga, gb):
            found.append((key, f"{hausdorff_distance(ga, gb):.2f} units apart", [ga.wkt[:200], gb.wkt[:200]]))
    return found, missed


def main():
    tiles = features = at_the_edge = 0
    all_found = []
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.kho")):
        ours, theirs = decoded(path), decoded(path.with_suffix(".pg"))
        tiles += 1
        features += len(ours)
        found, missed = differences(ours, theirs)
        at_the_edge += missed
        all_found += [(path.stem, *d) for d in found]
    print(json.dumps({"tiles": tiles, "features": features, "slivers_or_edge": at_the_edge, "differences": len(all_found), "first": all_found[:5]}, default=str))


main()
