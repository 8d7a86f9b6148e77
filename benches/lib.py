"""What the comparisons share: a throw-away PostGIS, timed children, medians, the results' file."""

import datetime
import os
import pathlib
import platform
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
    start = time.perf_counter()
    child = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **kw)
    error = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{args}: {error.decode()}")
    return seconds, usage.ru_maxrss / 1024


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
