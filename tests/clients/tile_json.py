"""Prints a vector tile as JSON, read by an independent decoder: layer → features. usage: tile_json.py FILE"""

import json
import pathlib
import sys

import mapbox_vector_tile

print(json.dumps(mapbox_vector_tile.decode(pathlib.Path(sys.argv[1]).read_bytes()), default=str))
