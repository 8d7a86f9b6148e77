"""On-demand tiles, uncached, on one core, ÷ PostGIS ST_AsMVT through psql, on one core.

The same distinct tiles of z14…z17 over N sample parcels, asked one after the other by a client in
C on the other core: curl over HTTP with one connection, as gzip and as plain bytes; psql, plain
bytes. PostGIS holds the geometry in EPSG:3857, clustered by its index, as a city would store it for
tiles. kho's decoded blocks and PostgreSQL's buffers are warm; no tile is kept (KHO_TILE_CACHE_BYTES=0).

usage: python benches/tiles.py [PARCELS] [ROUNDS]
"""

import http.client
import json
import math
import os
import subprocess
import sys
import time

from lib import KHO, Postgres, city, median, need, record, run, say

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
need("curl", "curl")
ZOOMS = {14: 12, 15: 30, 16: 80, 17: 200}
home = city(parcels)
rows = json.loads(run([KHO, "--city", home, "query", "--format", "json",
                       "SELECT ST_XMin(geometry) x, ST_YMin(geometry) y FROM land_parcel WHERE kho_id % 997 = 1 ORDER BY kho_id LIMIT 5000"]))


def tile(lon, lat, z):
    n = 2**z
    return z, int((lon + 180) / 360 * n), int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)


tiles = {}
for z, count in ZOOMS.items():
    seen = dict.fromkeys(tile(r["x"], r["y"], z) for r in rows)
    tiles[z] = list(seen)[:count]

server = subprocess.Popen(["taskset", "-c", "0", KHO, "--city", str(home), "serve", "--listen", "127.0.0.1:0", "--json"],
                          stdout=subprocess.PIPE, text=True, env={**os.environ, "KHO_TILE_CACHE_BYTES": "0"})
address = json.loads(server.stdout.readline())["listening"].removeprefix("http://")
try:
    with Postgres(cpus="0") as postgres:
        say("loading PostGIS")
        layers = http.client.HTTPConnection(address)
        layers.request("GET", "/api/layers")
        layer = next(x for x in json.loads(layers.getresponse().read()) if x["name"] == "land_parcel")
        types = {"integer": "bigint", "float": "double precision", "boolean": "boolean", "date": "date"}
        names = ["kho_id"] + [c["name"] for c in layer["columns"]]
        columns = ["kho_id bigint"] + [f"{c['name']} {types.get(c['type'], 'text')}" for c in layer["columns"]]
        postgres.sql(f"CREATE TABLE p ({', '.join(columns)}, geometry geometry)")
        dump = subprocess.Popen([KHO, "--city", str(home), "query", "--format", "csv", f"SELECT {', '.join(names)}, geometry FROM land_parcel"], stdout=subprocess.PIPE)
        subprocess.run(postgres.psql("-c", f"\\copy p ({', '.join(names)}, geometry) FROM STDIN WITH (FORMAT csv, HEADER true)"), stdin=dump.stdout, check=True)
        postgres.sql("ALTER TABLE p ALTER geometry TYPE geometry(Geometry, 3857) USING ST_Transform(ST_SetSRID(geometry, 4326), 3857)")
        postgres.sql("CREATE INDEX ON p USING gist (geometry)")
        postgres.sql("CLUSTER p USING p_geometry_idx")
        postgres.sql("VACUUM ANALYZE p")

        def ours(z, encoding):
            asked = "".join(f'url = "http://{address}/tiles/land_parcel/{z}/{x}/{y}"\noutput = "/dev/null"\n' for z, x, y in tiles[z])
            start = time.perf_counter()
            subprocess.run(["taskset", "-c", "1", "curl", "-s", "-f", "-H", f"Accept-Encoding: {encoding}", "-K", "-"],
                           input=asked, text=True, check=True)
            return time.perf_counter() - start

        def theirs(z):
            sql = "\n".join(
                f"WITH m AS (SELECT ST_AsMVTGeom(geometry, ST_TileEnvelope({z},{x},{y}), 4096, 64) AS geom, {', '.join(names)} FROM p "
                f"WHERE geometry && ST_TileEnvelope({z},{x},{y}, margin => 64.0/4096)) "
                f"SELECT ST_AsMVT(m, 'land_parcel', 4096, 'geom', 'kho_id') FROM m;"
                for z, x, y in tiles[z]
            )
            start = time.perf_counter()
            subprocess.run(["taskset", "-c", "1", *postgres.psql("-o", "/dev/null")], input=sql, text=True, check=True)
            return time.perf_counter() - start

        def features(z):
            return int(postgres.sql("; ".join(["SELECT sum(n) FROM (VALUES " + ",".join(
                f"((SELECT count(*) FROM p WHERE geometry && ST_TileEnvelope({z},{x},{y}, margin => 64.0/4096)))" for z, x, y in tiles[z]) + ") v(n)"])))

        lines = ["| zoom | tiles | features | kho, gzip | kho, plain | PostGIS | kho, gzip, a feature | PostGIS, a feature | ratio, gzip | ratio, plain |",
                 "|---|---|---|---|---|---|---|---|---|---|"]
        for z in ZOOMS:
            ours(z, "gzip")
            theirs(z)
            a, b, c = [], [], []
            for _ in range(rounds):
                a.append(ours(z, "gzip"))
                c.append(theirs(z))
                b.append(ours(z, "identity"))
            n, count = features(z), len(tiles[z])
            g, p, s = median(a), median(b), median(c)
            lines.append(f"| {z} | {count} | {n} | {g / count * 1e3:.2f} ms | {p / count * 1e3:.2f} ms | {s / count * 1e3:.2f} ms "
                         f"| {g / n * 1e6:.2f} µs | {s / n * 1e6:.2f} µs | {g / s:.3f} | {p / s:.3f} |")
            say(lines[-1])
        record("On-demand tiles", lines)
finally:
    server.kill()
