"""Every tile of a large city is valid, and how well its fabrics fit: tests/clients/tiles_valid.py and fabric.py.

All tiles of every zoom (set MOST to take a seeded sample of so many at each zoom), parcels and planning zones; fabrics
in a window of 64 tiles at each zoom, because the exact features are read through OGC API Features.
Exit code 1 if a tile is not valid.

usage: python benches/valid.py [PARCELS] [ZOOMS] [MOST]
"""

import pathlib
import subprocess
import sys

from lib import city, served

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
zooms = sys.argv[2] if len(sys.argv) > 2 else "8-18"
most = sys.argv[3] if len(sys.argv) > 3 else "0"
clients = pathlib.Path(__file__).resolve().parent.parent / "tests/clients"
with served(city(parcels)) as (address, _):
    url = f"http://{address}"
    checked = subprocess.run([sys.executable, clients / "tiles_valid.py", url, "land_parcel", "planning_zone", "admin_unit", "--zooms", zooms, "--most", most, "--jobs", "2"])
    subprocess.run([sys.executable, clients / "fabric.py", url, "land_parcel", "planning_zone", "admin_unit", "--by", "ma_ho_so", "--zooms", "8-16", "--most", "64"], check=True)
raise SystemExit(checked.returncode)
