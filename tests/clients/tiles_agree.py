"""Compares pairs of tiles, NAME.kho and NAME.pg, decoded by an independent decoder.

They agree when they hold the same ids, with the same attributes, and geometries that are nowhere
further apart than one grid unit along each axis. Prints one JSON object.

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


def sliver(feature):
    """Whether a geometry is thinner than two grid units: snapping may keep it or drop it."""
    g = make_valid(shape(feature["geometry"]))
    if g.geom_type.endswith("Polygon"):
        return g.area <= max(1.0, g.length)
    return g.length <= 2.0 and not g.geom_type.endswith("Point")


def differences(ours, theirs):
    found = []
    for key in ours.keys() | theirs.keys():
        a, b = ours.get(key), theirs.get(key)
        if a is None or b is None:
            # At the border of the buffer, and for slivers, one side may keep what the other drops.
            if not sliver(a or b):
                found.append((key, "only in " + ("kho" if b is None else "PostGIS"), shape((a or b)["geometry"]).wkt[:200]))
            continue
        if a["properties"] != b["properties"]:
            found.append((key, "properties", [a["properties"], b["properties"]]))
            continue
        ga, gb = make_valid(shape(a["geometry"])), make_valid(shape(b["geometry"]))
        if ga.equals(gb):
            continue
        far = hausdorff_distance(ga, gb)
        if far > TOLERANCE and not (sliver(a) and sliver(b)):
            found.append((key, f"{far:.2f} units apart", [ga.wkt[:200], gb.wkt[:200]]))
    return found


def main():
    tiles = features = 0
    all_found = []
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.kho")):
        ours, theirs = decoded(path), decoded(path.with_suffix(".pg"))
        tiles += 1
        features += len(ours)
        all_found += [(path.stem, *d) for d in differences(ours, theirs)]
    print(json.dumps({"tiles": tiles, "features": features, "differences": len(all_found), "first": all_found[:5]}, default=str))


main()
