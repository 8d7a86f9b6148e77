"""What the comparisons share: a throw-away PostGIS, timed children, medians, the results' file."""

import contextlib
import datetime
import http.client
import json
import math
import os
import pathlib
import platform
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

CACHE = pathlib.Path(os.environ.get("KHO_CACHE", pathlib.Path.home() / ".cache/kho"))
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", CACHE / "target"))
KHO = os.environ.get("KHO_BIN", str(TARGET / "debug/kho"))
WORK = CACHE / "bench"
RESULTS = pathlib.Path(__file__).parent / "RESULTS.md"
PG_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def run(args, **kw):
    return subprocess.run([str(a) for a in args], check=True, text=True, capture_output=True, **kw).stdout


def timed(args, cpus=None, **kw):
    """Wall seconds and peak resident MiB of a command that must succeed."""
    args = [str(a) for a in args]
    if cpus is not None:
        args = ["taskset", "-c", cpus, *args]
    need("/usr/bin/time", "GNU time")
    with tempfile.NamedTemporaryFile("r") as peak:
        # A child begins with the peak of the process that it was forked from: GNU time's is small, this one's may not be.
        start = time.perf_counter()
        done = subprocess.run(["/usr/bin/time", "-q", "-f", "%M", "-o", peak.name, *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **kw)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{args}: {done.stderr.decode()}")
        return seconds, int(peak.read().split()[-1]) / 1024


def median(values):
    return statistics.median(values)


def record(title, lines):
    """Prints a comparison's lines, and puts them under its title into RESULTS.md, in place of its
    last ones, with the command and the day."""
    command = " ".join(["python", "benches/" + pathlib.Path(sys.argv[0]).name, *sys.argv[1:]])
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    body = "\n".join(
        [f"## {title}", "", f"`{command}`, {datetime.date.today()}, {os.cpu_count()} cores of {cpu}", "", *lines, ""]
    )
    text = RESULTS.read_text() if RESULTS.exists() else ""
    head, *sections = re.split(r"(?m)^(?=## )", text)
    kept = [s for s in sections if not s.startswith(f"## {title}\n")]
    RESULTS.write_text("\n".join(part.rstrip() + "\n" for part in [head, *sorted([*kept, body])]))
    print("\n".join(lines), flush=True)


def need(path, what):
    if not pathlib.Path(path).exists() and not shutil.which(str(path)):
        say(f"skipped: {what} is not installed (make setup-bench)")
        raise SystemExit(0)


def deliveries(parcels, seed=1):
    """The sample's deliveries, made once."""
    path = WORK / f"deliveries-{parcels}-{seed}"
    if not (path / "manifest.toml").exists():
        say(f"making {path}")
        run([KHO, "sample", path, "--parcels", parcels, "--seed", seed])
    return path


def city(parcels, seed=1):
    """A city with the sample ingested, made once for a build of kho."""
    path = WORK / f"city-{parcels}-{seed}"
    stamp = path / ".built-by"
    build = str(os.stat(KHO).st_mtime_ns)
    if not stamp.exists() or stamp.read_text() != build:
        shutil.rmtree(path, ignore_errors=True)
        run([KHO, "init", path, "--synthetic"])
        say(f"ingesting {parcels} parcels")
        run([KHO, "--city", path, "ingest", "--all", deliveries(parcels, seed)])
        stamp.write_text(build)
    return path


class Postgres:
    """A PostGIS cluster of its own, tuned for loading, gone at the end."""

    def __init__(self, cpus=None):
        need(PG_BIN / "initdb", "PostgreSQL 15")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kho-pg-"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        root = os.geteuid() == 0
        self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] if root else []
        if root:
            shutil.chown(self.dir, "postgres", "postgres")
        data = self.dir / "data"
        run([*self.as_user, PG_BIN / "initdb", "-D", data, "-U", "kho", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8"], cwd=self.dir)
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.dir} -c shared_buffers=4GB "
            "-c work_mem=256MB -c maintenance_work_mem=1GB -c max_wal_size=16GB -c synchronous_commit=off -c jit=off"
        )
        pin = ["taskset", "-c", cpus] if cpus else []
        run([*pin, *self.as_user, PG_BIN / "pg_ctl", "-D", data, "-w", "-l", self.dir / "log", "-o", options, "start"], cwd=self.dir)
        self.sql("CREATE EXTENSION postgis")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*self.as_user, str(PG_BIN / "pg_ctl"), "-D", str(self.dir / "data"), "-m", "immediate", "stop"], capture_output=True, cwd=self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)

    @property
    def url(self):
        return f"postgresql://kho@127.0.0.1:{self.port}/postgres"

    @property
    def gdal(self):
        return f"PG:host=127.0.0.1 port={self.port} user=kho dbname=postgres"

    def psql(self, *args):
        return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url, *args]

    def sql(self, text):
        return run(self.psql("-c", text))


def tool(name):
    """Where a peer's binary is: among those that `make setup-…` built, or in PATH; None if it is absent."""
    own = CACHE / "peers/bin" / name
    return str(own) if own.exists() else shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def running(args, **kw):
    """A child that is ended, and waited for, at the end."""
    child = subprocess.Popen([str(a) for a in args], **kw)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def served(home, cpus=None, **env):
    """`kho serve` of a city: its address and its process."""
    args = [*(["taskset", "-c", cpus] if cpus else []), KHO, "--city", home, "serve", "--listen", "127.0.0.1:0", "--json"]
    with running(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **env}) as child:
        yield json.loads(child.stdout.readline())["listening"].removeprefix("http://"), child


def answers(address, path, seconds=60):
    """Waits until a server answers 200 there."""
    for _ in range(seconds * 10):
        try:
            connection = http.client.HTTPConnection(address, timeout=10)
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"nothing answers at http://{address}{path}")


def fetch(address, path, **headers):
    """(status, header fields, body) as they come."""
    connection = http.client.HTTPConnection(address, timeout=300)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


def tile_of(lon, lat, z):
    n = 2**z
    return z, int((lon + 180) / 360 * n), int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)


def tiles_with_parcels(home, zooms, seed=1):
    """{zoom: so many distinct tiles that hold a parcel, in an order chosen by a seed}."""
    rows = json.loads(run([KHO, "--city", home, "query", "--format", "json",
                           "SELECT ST_XMin(geometry) x, ST_YMin(geometry) y FROM land_parcel WHERE kho_id % 37 = 1 ORDER BY kho_id"]))
    found = {}
    for z, count in zooms.items():
        all_of = sorted({tile_of(r["x"], r["y"], z) for r in rows})
        random.Random(seed).shuffle(all_of)
        found[z] = all_of[:count]
    return found


def curls(address, paths, connections, encoding="gzip", cpus=None):
    """Wall seconds to fetch every path once over so many connections: a curl with a connection each."""
    pin = ["taskset", "-c", cpus] if cpus else []
    lists = ["".join(f'url = "http://{address}{p}"\noutput = "/dev/null"\n' for p in paths[i::connections]) for i in range(min(connections, len(paths)))]
    start = time.perf_counter()
    children = []
    for asked in lists:
        child = subprocess.Popen([*pin, "curl", "-s", "-f", "-H", f"Accept-Encoding: {encoding}", "-K", "-"], stdin=subprocess.PIPE, text=True)
        child.stdin.write(asked)
        child.stdin.close()
        children.append(child)
    failed = [c.returncode for c in children if c.wait()]
    if failed:
        raise SystemExit(f"curl: {failed}")
    return time.perf_counter() - start


def client_alone(address, connections, path="/health", number=4000):
    """Requests/s of `curls` when the server has nothing to do: what it measures must lie well below."""
    return number / curls(address, [path] * number, connections)


def rss(pid):
    """Resident MiB of a process."""
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")) / 1024



def load_parcels(postgres, home, srid=3857):
    """The public columns of land_parcel in PostGIS, with its index, as a city would store it for tiles; the columns' names."""
    say("loading PostGIS")
    layer = next(x for x in json.loads(run([KHO, "--city", home, "layers", "--json"]))["layers"] if x["name"] == "land_parcel")
    say(f"{layer['feature_count']} parcels")
    with served(home) as (address, _):
        columns = next(x for x in json.loads(fetch(address, "/api/layers")[2]) if x["name"] == "land_parcel")["columns"]
    types = {"integer": "bigint", "float": "double precision", "boolean": "boolean", "date": "date"}
    names = ["kho_id"] + [c["name"] for c in columns]
    typed = ["kho_id bigint"] + [f"{c['name']} {types.get(c['type'], 'text')}" for c in columns]
    postgres.sql(f"CREATE TABLE land_parcel ({', '.join(typed)}, geometry geometry)")
    dump = subprocess.Popen([KHO, "--city", str(home), "query", "--format", "csv", f"SELECT {', '.join(names)}, geometry FROM land_parcel"], stdout=subprocess.PIPE)
    subprocess.run(postgres.psql("-c", f"\\copy land_parcel ({', '.join(names)}, geometry) FROM STDIN WITH (FORMAT csv, HEADER true)"), stdin=dump.stdout, check=True)
    postgres.sql(f"ALTER TABLE land_parcel ALTER geometry TYPE geometry(Geometry, {srid}) USING ST_Transform(ST_SetSRID(geometry, 4326), {srid})")
    postgres.sql("CREATE INDEX ON land_parcel USING gist (geometry)")
    postgres.sql("CLUSTER land_parcel USING land_parcel_geometry_idx")
    postgres.sql("VACUUM ANALYZE land_parcel")
    return names
