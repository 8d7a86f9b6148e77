"""Serving baked tiles ÷ Martin from the same PMTiles, ÷ nginx from the same tiles as files.

kho bakes land_parcel z12 to z16 and serves its bake; Martin serves the same archive; nginx has each tile's bytes, as
they lie in the archive, in a file of its own and sends them with Content-Encoding: gzip. wrk with sixteen connections
asks all of them for the same list of tiles, over and over, with Accept-Encoding: gzip; rounds are interleaved. Every
server may use two workers; kho and Martin keep their own caches as they come.

usage: python benches/baked.py [PARCELS] [ROUNDS] [SECONDS]
"""

import contextlib
import gzip
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from lib import KHO, WORK, answers, city, fetch, free_port, median, need, record, run, running, say, served, tiles_with_parcels, tool

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 10
CONNECTIONS = 16
wrk = tool("wrk")
need(wrk or "wrk", "wrk")
if not importlib.util.find_spec("pmtiles"):
    say("skipped: pmtiles is not installed (make setup-bench)")
    raise SystemExit(0)
if subprocess.run([KHO, "bake", "--help"], capture_output=True).returncode:
    say("skipped: this kho cannot bake")
    raise SystemExit(0)
from pmtiles.reader import MmapSource, Reader

home = WORK / "baked-city"
shutil.rmtree(home, ignore_errors=True)
shutil.copytree(city(parcels), home)
# Where `kho serve` looks for it, and so no --output.
run([KHO, "--city", home, "bake", "land_parcel", "--min-zoom", 12, "--max-zoom", 16])
archive = max(home.rglob("*.pmtiles"), key=lambda p: p.stat().st_mtime)
tiles = [t for some in tiles_with_parcels(home, {14: 100, 15: 400, 16: 1500}).values() for t in some]


def load(address, paths, scratch):
    """Requests/s and the 99th percentile in milliseconds; every answer must be 200."""
    script = pathlib.Path(scratch) / "paths.lua"
    script.write_text("local n, paths = 0, {" + ",".join(f'"{p}"' for p in paths) + "}\n"
                      'wrk.headers["Accept-Encoding"] = "gzip"\n'
                      'request = function() n = n + 1; return wrk.format("GET", paths[(n - 1) % #paths + 1]) end\n')
    said = run([wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script, f"http://{address}/"])
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said).groups()
    return rate, float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def nginx_config(root, port, workdir):
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""{user}
worker_processes 2;
daemon off;
pid {workdir}/nginx.pid;
error_log {workdir}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  open_file_cache max=10000 inactive=600s;
  client_body_temp_path {workdir}/body; proxy_temp_path {workdir}/proxy; fastcgi_temp_path {workdir}/fastcgi;
  uwsgi_temp_path {workdir}/uwsgi; scgi_temp_path {workdir}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {root};
    location / {{
      default_type application/vnd.mapbox-vector-tile;
      add_header Content-Encoding gzip;
      add_header Vary Accept-Encoding;
      add_header Cache-Control no-cache;
    }}
  }}
}}
"""


with tempfile.TemporaryDirectory() as scratch, served(home) as (kho, _):
    root = pathlib.Path(scratch) / "files"
    with archive.open("rb") as file:
        reader = Reader(MmapSource(file))
        found = {t: reader.get(*t) for t in tiles}
        compressed = reader.header()["tile_compression"].name == "GZIP"
    tiles = [t for t in tiles if found[t]]
    peers = {"kho": (kho, [f"/tiles/land_parcel/{z}/{x}/{y}" for z, x, y in tiles])}
    for z, x, y in tiles:
        path = root / f"{z}/{x}/{y}"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = found[z, x, y]
        path.write_bytes(data if compressed else gzip.compress(data))
    nginx, martin = tool("nginx"), tool("martin")
    with contextlib.ExitStack() as stack:
        if nginx:
            port = free_port()
            config = pathlib.Path(scratch) / "nginx.conf"
            config.write_text(nginx_config(root, port, scratch))
            stack.enter_context(running([nginx, "-p", scratch, "-e", f"{scratch}/error.log", "-c", config]))
            peers["nginx"] = (f"127.0.0.1:{port}", [f"/{z}/{x}/{y}" for z, x, y in tiles])
        else:
            say("without nginx: it is not installed (make setup-bench)")
        if martin:
            address = f"127.0.0.1:{free_port()}"
            config = pathlib.Path(scratch) / "martin.yaml"
            config.write_text(json.dumps({"listen_addresses": address, "worker_processes": 2, "pmtiles": {"sources": {"land_parcel": str(archive)}}}))
            log = stack.enter_context(open(pathlib.Path(scratch) / "martin.log", "w"))
            stack.enter_context(running([martin, "--config", config], stdout=log, stderr=subprocess.STDOUT))
            peers["Martin"] = (address, [f"/land_parcel/{z}/{x}/{y}" for z, x, y in tiles])
        else:
            say("without Martin: it is not installed (make setup-martin)")
        # The same tile from everybody, whatever its compression.
        for name, (address, paths) in peers.items():
            answers(address, paths[0])
            for path, tile in list(zip(paths, tiles))[:: max(1, len(tiles) // 20)]:
                status, headers, body = fetch(address, path, **{"Accept-Encoding": "gzip"})
                assert status == 200 and headers.get("content-encoding") == "gzip", (name, path, status, headers)
                same = gzip.decompress(found[tile]) if compressed else found[tile]
                assert gzip.decompress(body) == same, f"{name}: {path} is another tile than in the archive"
        alone, _ = load(kho, ["/health"], scratch)
        took = {name: [] for name in peers}
        for name, (address, paths) in peers.items():
            load(address, paths, scratch)
        for number in range(rounds):
            for name, (address, paths) in peers.items():
                took[name].append(load(address, paths, scratch))
                say(f"round {number + 1}: {name} {took[name][-1][0]:.0f} requests/s, p99 {took[name][-1][1]:.2f} ms")
ours = median([r for r, _ in took["kho"]])
lines = [f"{len(tiles)} tiles of z14 to z16, {sum(len(b) for b in found.values() if b) / len(tiles) / 1e3:.1f} kB each on average, {CONNECTIONS} connections, "
         f"{seconds} s a run; kho's /health alone: {alone:.0f} requests/s.", "",
         f"| median of {rounds} | requests/s | p99 | kho ÷ it (more is better) |", "|---|---|---|---|"]
for name, runs in took.items():
    rate = median([r for r, _ in runs])
    lines.append(f"| {name} | {rate:.0f} | {median([p for _, p in runs]):.2f} ms | {ours / rate:.2f} |")
record("Baked tiles, served", lines)
shutil.rmtree(home)
