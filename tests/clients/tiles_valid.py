"""Every tile of a layer decodes and is valid: read by two independent decoders and from the raw commands.

For each non-empty tile under a layer's bounds:
1. mapbox_vector_tile (PyPI) and @mapbox/vector-tile (npm, in Node) read the same ids, properties and geometries.
2. The commands are those that MVT 2 allows; version 2; every feature has an id, once a layer. Below a layer's own zooms
   (`zoom.min`), what was merged has none.
3. Every ring has an area, the first of a polygon and each exterior turns right on the screen, holes turn left.
4. Every polygon is valid in GEOS.
5. Coordinates lie inside the extent and the buffer.
6. With --mlt: the MapLibre tile of the place, read by @maplibre/mlt in Node, holds the same layers, ids, properties and
   geometries, whatever their order.

At a zoom with more than --most tiles under a layer's bounds, a seeded sample of --most of them; the report says so.
Prints one JSON object; exit code 1 at any fault.

usage: tiles_valid.py URL LAYER… [--zooms 8-16] [--most 2000] [--seed 1] [--buffer 64] [--jobs 1] [--mlt]
"""

import argparse
import json
import multiprocessing
import pathlib
import struct
import subprocess
import sys
from collections import Counter

import mapbox_vector_tile
import shapely
from mvt import LINE, POINT, POLYGON, Server, doubled_area, parsed, parts, polygons, under

DECODE = pathlib.Path(__file__).parent / "decode.mjs"
MLT = "application/vnd.maplibre-tile"
nodes = {}
server = None


def javascript(data, kind="mvt"):
    node = nodes.get(kind)
    if node is None:
        node = nodes[kind] = subprocess.Popen(["node", str(DECODE), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    node.stdin.write(struct.pack(">I", len(data)) + data)
    node.stdin.flush()
    line = node.stdout.readline()
    if not line:
        del nodes[kind]
        raise ValueError(f"the decoder of {kind} gave up")
    return json.loads(line)


def lists(value):
    return [lists(v) for v in value] if isinstance(value, (list, tuple)) else value


def python(data):
    """What mapbox_vector_tile reads, in decode.mjs's form."""
    found = {}
    for name, layer in mapbox_vector_tile.decode(data, default_options={"y_coord_down": True}).items():
        found[name] = []
        for f in layer["features"]:
            shape = f["geometry"]
            kind, places = shape["type"], lists(shape["coordinates"])
            if kind in ("Point", "Polygon", "LineString"):
                places = [places]
            if kind.endswith("Point"):
                places = [[p] for p in places]
            number = POLYGON if "Polygon" in kind else LINE if "Line" in kind else POINT
            # A feature without an id comes with 0 here, and with null from Node.
            found[name].append([f.get("id") or None, number, places, f["properties"]])
    return found


def alike(mvt, mlt):
    """The faults of an MLT tile: where it differs from the MVT tile of its place."""
    try:
        a, b = javascript(mvt), javascript(mlt, "mlt")
    except Exception as why:  # whatever a decoder says of a tile is a fault of the tile
        return [f"MLT: a decoder refuses it: {why!r}"]
    if a.keys() != b.keys():
        return [f"MLT: other layers: {list(a)} and {list(b)}"]
    faults = []
    for name in a:
        ours, theirs = (sorted(features[name], key=lambda f: (f[0] is None, f[0] or 0)) for features in (a, b))
        if len(ours) != len(theirs):
            faults.append(f"MLT: layer {name}: {len(ours)} and {len(theirs)} features")
        for one, other in zip(ours, theirs):
            if one != other:
                faults.append(f"MLT: layer {name}, feature {one[0]}: {str(one)[:200]} | {str(other)[:200]}")
    return faults


def check(data, buffer, merged=False):
    """The faults of a tile, and what it counts."""
    faults, counts = [], Counter()
    raw = parsed(data)
    ids = set()
    if len({layer.name for layer in raw.layers}) != len(raw.layers):
        faults.append("a layer's name is there twice")
    for layer in raw.layers:
        here = f"layer {layer.name}"
        if layer.version != 2:
            faults.append(f"{here}: version {layer.version}")
        low, high = -buffer, layer.extent + buffer
        known = set()
        if not layer.features:
            faults.append(f"{here}: no features")
        for f in layer.features:
            where = f"{here}, feature {f.id}"
            own = layer.name.startswith("kho:")
            unnamed = merged and not f.HasField("id")
            if not own and not unnamed and not f.HasField("id"):
                faults.append(f"{where}: no id")
            if not own and not unnamed and f.id in known:
                faults.append(f"{where}: there twice")
            if not unnamed:
                known.add(f.id)
            if len(f.tags) % 2 or any(k >= len(layer.keys) for k in f.tags[::2]) or any(v >= len(layer.values) for v in f.tags[1::2]):
                faults.append(f"{where}: tags")
            try:
                found = parts(f.geometry, f.type)
                if f.type == POLYGON:
                    for ring in found:
                        if not doubled_area(ring):
                            raise ValueError("a ring without area")
                        if ring[0] == ring[-1]:
                            raise ValueError("a ring repeats its first point")
                    shape = shapely.MultiPolygon(polygons(found))
                    if not shape.is_valid:
                        raise ValueError(f"not valid: {shapely.is_valid_reason(shape)}")
                    counts["rings"] += len(found)
            except ValueError as why:
                faults.append(f"{where}: {why}")
                continue
            if any(not (low <= x <= high and low <= y <= high) for part in found for x, y in part):
                faults.append(f"{where}: outside of the extent and its buffer")
            counts["features"] += 1
            counts["points"] += sum(len(p) for p in found)
        if not layer.name.startswith("kho:"):
            ids |= known
    try:
        a, b = python(data), javascript(data)
        if a.keys() != b.keys():
            faults.append(f"the decoders read different layers: {list(a)} and {list(b)}")
        for name in a.keys() & b.keys():
            for ours, theirs in zip(a[name], b[name], strict=True):
                if ours != theirs:
                    faults.append(f"layer {name}, feature {ours[0]}: the decoders differ: {str(ours)[:200]} | {str(theirs)[:200]}")
    except Exception as why:  # whatever a decoder says of a tile is a fault of the tile
        faults.append(f"a decoder refuses it: {why!r}")
    return faults, counts, ids


def work(job):
    global server
    url, layer, tile, buffer, mlt, merged = job
    if server is None:
        server = Server(url)
    data = server.tile(layer, *tile)
    faults, counts, ids = check(data, buffer, merged) if data else ([], Counter(), set())
    if mlt:
        other = server.tile(layer, *tile, accept=MLT)
        counts["mlt_bytes"] = len(other)
        if data and other:
            faults += alike(data, other)
            counts["mlt_tiles"] = 1
        elif data or other:
            faults.append(f"MLT: {len(data)} bytes of MVT, {len(other)} of MLT")
    return tile, max(len(data), counts["mlt_bytes"]), len(data), faults, counts, ids


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("layers", nargs="+")
    arguments.add_argument("--zooms", default="8-16")
    arguments.add_argument("--most", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--buffer", type=int, default=64)
    arguments.add_argument("--jobs", type=int, default=1)
    arguments.add_argument("--mlt", action="store_true")
    o = arguments.parse_args()
    low, _, high = o.zooms.partition("-")
    asking = Server(o.url)
    own = {layer["name"]: layer["zoom"]["min"] for layer in asking.json("/api/layers")}
    report, first, wrong = {}, [], 0
    with multiprocessing.get_context("spawn").Pool(o.jobs) as pool:
        for layer in o.layers:
            bounds = asking.layer(layer)["bounds"]
            for z in range(int(low), int(high or low) + 1):
                wanted, all_tiles = under(bounds, z, o.most, o.seed)
                row, ids = Counter(), set()
                jobs = [(o.url, layer, tile, o.buffer, o.mlt, z < own[layer]) for tile in wanted]
                for tile, any_bytes, size, faults, counts, held in pool.imap(work, jobs, 8):
                    if not any_bytes:
                        continue
                    row += counts
                    row["tiles"] += 1
                    row["bytes"] += size
                    row["largest"] = max(row["largest"], size)
                    row["faults"] += len(faults)
                    ids |= held
                    first += [f"{layer}/{'/'.join(map(str, tile))}: {fault}" for fault in faults[: max(0, 10 - len(first))]]
                wrong += row["faults"]
                entry = report.setdefault(layer, {})[z] = {
                    "asked": len(wanted), **{k: row[k] for k in ("tiles", "features", "rings", "points", "bytes", "largest", "faults")}, "ids": len(ids)}
                if o.mlt:
                    entry |= {k: row[k] for k in ("mlt_tiles", "mlt_bytes")}
                if len(wanted) < all_tiles:
                    entry["sampled_of"] = all_tiles
                print(f"{layer} z{z}: {entry}", file=sys.stderr, flush=True)
    print(json.dumps({"layers": report, "faults": wrong, "first": first}, indent=1))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
