"""SQL: parcels × zones by ST_Intersects ÷ the sedonadb package on the same files; a window query
(bbox, count, sum) ÷ PostGIS. Interleaved; medians of the third asking in one process, so every
engine is warm.

usage: python benches/sql.py [PARCELS] [ROUNDS]
"""

import json
import re
import subprocess
import sys
import time

from lib import KHO, Postgres, city, median, record, run, say

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
home = city(parcels)


def ours(sql):
    """Milliseconds of the last of three askings in one process, and the answer."""
    done = subprocess.run([KHO, "--city", str(home), "query", sql, "--format", "json", "--repeat", "3"], capture_output=True, text=True, check=True)
    return float(re.findall(r"([\d.]+) ms", done.stderr)[-1]), json.loads(done.stdout)


try:
    import sedonadb
except ImportError:
    say("skipped: sedonadb is not installed (make setup-bench)")
    raise SystemExit(0)
sd = sedonadb.connect()
for layer in ("land_parcel", "planning_zone"):
    files = sorted(str(f) for f in (home / "lake/data").rglob("*.parquet") if f"/{layer}/" in str(f))
    sd.read_parquet(files).to_view(layer)

lines = ["| question | kho | peer | ratio |", "|---|---|---|---|"]
# All zones of the sample, and as near as may be to 4 000 of them.
every = json.loads(run([KHO, "--city", home, "query", "SELECT count(*) AS n FROM planning_zone", "--format", "json"]))[0]["n"]
some = f"(SELECT * FROM planning_zone WHERE kho_id % 1000 < {round(4_000_000 / every)})"
for zones in ("planning_zone", some):
    join = f"SELECT count(*) AS n FROM land_parcel p JOIN {zones} z ON ST_Intersects(p.geometry, z.geometry)"
    number = json.loads(run([KHO, "--city", home, "query", f"SELECT count(*) AS n FROM {zones} z", "--format", "json"]))[0]["n"]
    a, b = [], []
    for _ in range(rounds):
        ms, answer = ours(join)
        a.append(ms)
        for _ in range(3):
            start = time.perf_counter()
            counted = sd.sql(join).to_pandas()["n"][0]
            took = (time.perf_counter() - start) * 1e3
        b.append(took)
        assert answer[0]["n"] == counted, (answer, counted)
    x, y = median(a), median(b)
    lines.append(f"| {parcels} parcels × {number} zones, ST_Intersects: {counted} pairs | {x:.0f} ms | sedonadb {y:.0f} ms | {x / y:.2f} |")
    say(lines[-1])

box = json.loads(run([KHO, "--city", home, "query", "--format", "json",
                      "SELECT avg(ST_XMin(geometry)) x, avg(ST_YMin(geometry)) y FROM land_parcel"]))[0]
w = (box["x"] - 0.005, box["y"] - 0.005, box["x"] + 0.005, box["y"] + 0.005)
polygon = "POLYGON(({0} {1}, {2} {1}, {2} {3}, {0} {3}, {0} {1}))".format(*w)
window = f"SELECT count(*) AS n, sum(dien_tich) AS m2 FROM land_parcel WHERE ST_Intersects(geometry, ST_GeomFromText('{polygon}', 4326))"
with Postgres() as postgres:
    say("loading PostGIS")
    postgres.sql("CREATE TABLE land_parcel (dien_tich double precision, geometry geometry(Geometry, 4326))")
    dump = subprocess.Popen([KHO, "--city", str(home), "query", "--format", "csv", "SELECT dien_tich, geometry FROM land_parcel"], stdout=subprocess.PIPE)
    subprocess.run(postgres.psql("-c", "\\copy land_parcel FROM STDIN WITH (FORMAT csv, HEADER true)"), stdin=dump.stdout, check=True)
    postgres.sql("CREATE INDEX ON land_parcel USING gist (geometry)")
    postgres.sql("VACUUM ANALYZE land_parcel")
    a, b = [], []
    for _ in range(rounds):
        ms, answer = ours(window)
        a.append(ms)
        out = subprocess.run(postgres.psql("-c", "\\timing on", "-c", window, "-c", window, "-c", window), capture_output=True, text=True, check=True).stdout
        b.append(float(re.findall(r"Time: ([\d.]+) ms", out)[-1]))
        assert int(re.findall(r"^(\d+)\|", out, re.M)[-1]) == answer[0]["n"], (out, answer)
x, y = median(a), median(b)
lines.append(f"| window of {answer[0]['n']} parcels: count, sum | {x:.1f} ms | PostGIS {y:.1f} ms | {x / y:.2f} |")
record("SQL", lines)
