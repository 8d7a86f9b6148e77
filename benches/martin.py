"""On-demand tiles over HTTP ÷ Martin on PostGIS: the same distinct tiles, four connections, nothing kept.

The tiles hold parcels and are chosen with a seed. kho serves with KHO_TILE_CACHE_BYTES=0, Martin with its cache off;
PostGIS holds the same columns, geometry in EPSG:3857, clustered by its GiST index. Rounds are interleaved (kho, Martin,
kho, …) after one that warms both; servers, PostgreSQL and the client (a curl with a connection of its own, four times)
share the machine. First the sets of feature ids of some tiles are compared.

usage: python benches/martin.py [PARCELS] [ROUNDS]
"""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import mapbox_vector_tile
from lib import Postgres, answers, city, client_alone, curls, fetch, free_port, load_parcels, median, need, record, run, running, say, served, tiles_with_parcels, tool

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
CONNECTIONS = 4
SAMPLE = 5
need("curl", "curl")
martin = tool("martin")
if not martin:
    say("skipped: martin is not installed (make setup-martin)")
    raise SystemExit(0)
version = run([martin, "--version"]).strip()
home = city(parcels)
tiles = tiles_with_parcels(home, {14: 24, 15: 80, 16: 240, 17: 800})


def features(body, headers):
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    found = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True}) if body else {}
    return {f["id"]: f for layer in found.values() for f in layer["features"]}


def inner(feature):
    """Whether a feature reaches out of the buffer: into the tile itself."""

    def places(c):
        return [tuple(c)] if not isinstance(c[0], (list, tuple)) else [p for part in c for p in places(part)]

    xs, ys = zip(*places(feature["geometry"]["coordinates"]))
    return max(xs) >= 0 and min(xs) <= 4096 and max(ys) >= 0 and min(ys) <= 4096


with Postgres() as postgres, tempfile.TemporaryDirectory() as scratch:
    names = load_parcels(postgres, home)
    address = f"127.0.0.1:{free_port()}"
    table = {"schema": "public", "table": "land_parcel", "srid": 3857, "geometry_column": "geometry", "geometry_type": "GEOMETRY", "id_column": "kho_id",
             "minzoom": 0, "maxzoom": 22, "extent": 4096, "buffer": 64, "clip_geom": True,
             "properties": {n: "text" for n in names if n != "kho_id"}}
    # JSON is YAML.
    config = pathlib.Path(scratch) / "martin.yaml"
    config.write_text(json.dumps({"listen_addresses": address, "cache": {"size_mb": 0}, "preferred_encoding": "gzip",
                                  "postgres": {"connection_string": postgres.url, "pool_size": 8, "auto_bounds": "skip", "tables": {"land_parcel": table}}}))
    with (
        served(home, KHO_TILE_CACHE_BYTES="0") as (kho, _),
        open(pathlib.Path(scratch) / "martin.log", "w+") as log,
        running([martin, "--config", config], stdout=log, stderr=subprocess.STDOUT),
    ):
        answers(address, "/health")
        ours = {z: [f"/tiles/land_parcel/{z}/{x}/{y}" for z, x, y in some] for z, some in tiles.items()}
        theirs = {z: [f"/land_parcel/{z}/{x}/{y}" for z, x, y in some] for z, some in tiles.items()}
        compared = rim = 0
        for z in tiles:
            for a, b in zip(ours[z][:SAMPLE], theirs[z][:SAMPLE]):
                (s1, h1, b1), (s2, h2, b2) = (fetch(w, p, **{"Accept-Encoding": "gzip"}) for w, p in ((kho, a), (address, b)))
                assert s1 in (200, 204) and s2 in (200, 204), (a, s1, s2, b2[:200])
                mine, its = features(b1, h1), features(b2, h2)
                apart = [(k, (mine.get(k) or its.get(k))) for k in mine.keys() ^ its.keys()]
                # On the edge of the buffer half a grid unit decides; inside of the tile nothing may differ.
                wrong = [k for k, f in apart if inner(f)]
                assert not wrong, f"{a}: {len(wrong)} features on one side only: {wrong[:5]}"
                compared, rim = compared + len(mine.keys() & its.keys()), rim + len(apart)
        assert compared, "no feature to compare"
        say(f"{compared} features have equal ids, {rim} in the buffer on one side only")
        alone = client_alone(kho, CONNECTIONS)
        lines = [f"{version}; {compared} features of {SAMPLE * len(tiles)} tiles have equal ids, and {rim} more touch the edge of the buffer on one side only. "
                 f"The client alone (kho's /health): {alone:.0f} requests/s.", "",
                 "| zoom | tiles | encoding | kho, requests/s | Martin + PostGIS, requests/s | ratio (kho ÷ Martin, more is better) |", "|---|---|---|---|---|---|"]
        for z, some in tiles.items():
            for encoding in ("gzip", "identity"):
                curls(kho, ours[z], CONNECTIONS, encoding)
                curls(address, theirs[z], CONNECTIONS, encoding)
                a, b = [], []
                for _ in range(rounds):
                    a.append(len(some) / curls(kho, ours[z], CONNECTIONS, encoding))
                    b.append(len(some) / curls(address, theirs[z], CONNECTIONS, encoding))
                x, y = median(a), median(b)
                lines.append(f"| {z} | {len(some)} | {encoding} | {x:.0f} | {y:.1f} | {x / y:.1f} |")
                say(lines[-1])
        record("On-demand tiles beside Martin", lines)
