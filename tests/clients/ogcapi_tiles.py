"""Reads a collection's tiles with GDAL's OGCAPI driver, which finds them by the links of OGC API Tiles.

The driver takes the tileset of WorldCRS84Quad, its limits, its tile matrix set and its item template, and makes a layer
of each zoom. Prints one JSON object: the layers' names, and of the last one the number of distinct feature ids and the
box around all geometries. pyogrio brings a GDAL of its own; Debian's 3.6 has the driver without vector tiles.

usage: ogcapi_tiles.py OGCAPI:http://HOST/ogc/collections/LAYER
"""

import json
import sys

import pyogrio
import shapely


def main(address):
    layers = [str(name) for name, _ in pyogrio.list_layers(address)]
    meta, _, shapes, fields = pyogrio.raw.read(address, layer=layers[-1])
    ids = fields[list(meta["fields"]).index("mvt_id")]
    bounds = shapely.total_bounds(shapely.from_wkb(shapes))
    print(json.dumps({"layers": layers, "ids": len({int(i) for i in ids}), "bounds": [float(v) for v in bounds]}))


if __name__ == "__main__":
    main(sys.argv[1])
