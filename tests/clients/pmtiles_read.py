"""What another reader (the Python package pmtiles) finds in an archive, as one JSON object: version, tiles by zoom, whether
they lie in order, the layers. With a second archive also the tiles that differ, once unpacked.

usage: pmtiles_read.py FILE [OTHER]
"""

import collections
import gzip
import json
import sys

from pmtiles.reader import MmapSource, Reader, all_tiles


def read(path):
    with open(path, "rb") as file:
        source = MmapSource(file)
        reader = Reader(source)
        header, metadata = reader.header(), reader.metadata()
        tiles = {}
        for (z, x, y), data in all_tiles(source):
            assert (z, x, y) not in tiles, f"{z}/{x}/{y} is there twice"
            assert header["min_zoom"] <= z <= header["max_zoom"], f"{z}/{x}/{y} is outside of the zooms"
            # By its address, too: the directory is searched, not walked.
            assert reader.get(z, x, y) == data, f"{z}/{x}/{y} is not found"
            tiles[z, x, y] = gzip.decompress(data)
    assert len(tiles) == header["addressed_tiles_count"], "the header counts other tiles"
    return header, metadata, tiles


header, metadata, tiles = read(sys.argv[1])
report = {
    "version": header["version"],
    "clustered": bool(header["clustered"]),
    "tiles": len(tiles),
    "zooms": collections.Counter(z for z, _, _ in tiles),
    "layers": [layer["id"] for layer in metadata["vector_layers"]],
}
if len(sys.argv) > 2:
    _, _, others = read(sys.argv[2])
    report["differing"] = sorted(tile for tile in tiles.keys() | others.keys() if tiles.get(tile) != others.get(tile))
json.dump(report, sys.stdout)
