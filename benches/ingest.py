"""Ingest of N sample parcels ÷ ogr2ogr into PostGIS with its index: the same file, interleaved.

usage: python benches/ingest.py [PARCELS] [ROUNDS]
"""

import json
import shutil
import sys

from lib import KHO, WORK, Postgres, deliveries, median, need, record, run, say, timed

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
need("ogr2ogr", "ogr2ogr")
source = deliveries(parcels) / "land_parcel.gpkg"
city = WORK / "ingest-city"
ours, theirs = [], []
with Postgres() as postgres:
    for number in range(rounds):
        shutil.rmtree(city, ignore_errors=True)
        run([KHO, "init", city, "--synthetic"])
        ours.append(timed([KHO, "--city", city, "ingest", "land_parcel", source]))
        theirs.append(
            timed(["ogr2ogr", "-f", "PostgreSQL", postgres.gdal, source, "-nln", "land_parcel", "-t_srs", "EPSG:4326",
                   "-overwrite", "-lco", "GEOMETRY_NAME=geometry", "-lco", "SPATIAL_INDEX=GIST", "--config", "PG_USE_COPY", "YES"])
        )
        say(f"round {number + 1}: kho {ours[-1][0]:.1f} s, ogr2ogr {theirs[-1][0]:.1f} s")
    counted = int(postgres.sql("SELECT count(*) FROM land_parcel"))
    pg_bytes = int(postgres.sql("SELECT pg_total_relation_size('land_parcel')"))
layer = next(x for x in json.loads(run([KHO, "--city", city, "layers", "--json"]))["layers"] if x["name"] == "land_parcel")
assert layer["feature_count"] == counted == parcels, (layer["feature_count"], counted)
rest = sum(f.stat().st_size for f in (city / "lake").rglob("*.parquet"))
a, b = median([s for s, _ in ours]), median([s for s, _ in theirs])
record("Ingest", [
    f"| {parcels} parcels, GeoPackage in EPSG:9217 | kho | ogr2ogr → PostGIS | ratio |",
    "|---|---|---|---|",
    f"| median of {rounds}, with the spatial index | {a:.1f} s | {b:.1f} s | {a / b:.2f} |",
    f"| peak memory (PostGIS: the client's only) | {max(m for _, m in ours):.0f} MiB | {max(m for _, m in theirs):.0f} MiB | |",
    f"| bytes at rest | {rest / 1e6:.0f} MB | {pg_bytes / 1e6:.0f} MB | {rest / pg_bytes:.2f} |",
])
shutil.rmtree(city)
