"""A real city in a warehouse: every file becomes a layer, and its count equals ogrinfo's.

The data is not part of the project: Cambridge's open data (public domain) and the wards of Khánh
Hòa, in DIR/cambridge and DIR/nhatrang.

usage: python benches/real_city.py DIR CITY
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

from lib import KHO, run, say

data, city = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
LAYERS = {
    "parcel": ("cambridge/ASSESSING_ParcelsFY2014.topojson", "EPSG:4326"),
    "zoning": ("cambridge/CDD_ZoningDistricts.geojson", None),
    "zoning_overlay": ("cambridge/CDD_ZoningOverlayDistricts.geojson", None),
    "light": ("cambridge/INFRA_StreetLights.geojson", None),
    "drainage": ("cambridge/INFRA_Drainage.geojson", None),
    "hydrant": ("cambridge/INFRA_Hydrants.geojson", None),
    "centreline": ("cambridge/TRANS_Centerlines.geojson", None),
    "address": ("cambridge/ADDRESS_MasterAddressBlocks.geojson", None),
    "water": ("cambridge/HYDRO_WaterBodies.geojson", None),
    "open_space": ("cambridge/RECREATION_OpenSpace.geojson", None),
    "neighbourhood": ("cambridge/BOUNDARY_CDDNeighborhoods.geojson", None),
    "ward": ("nhatrang/khanh_hoa_wards_2025.geojson", None),
}
shutil.rmtree(city, ignore_errors=True)
run([KHO, "init", city])
config = (city / "kho.toml").read_text()
config = re.sub(r"(?m)^name = .*", 'name = { vi = "Cambridge", en = "Cambridge" }', config)
config = re.sub(r"(?m)^center = .*", "center = [-71.1097, 42.3736]", config)
config = re.sub(r"(?m)^bounds = .*", "bounds = [-71.17, 42.34, -71.05, 42.41]", config)
(city / "kho.toml").write_text(config)

parcels = data / LAYERS["parcel"][0]
run([KHO, "--city", city, "layer", "new", "parcel", parcels, "--public"])
said = subprocess.run([KHO, "--city", city, "ingest", "parcel", parcels], capture_output=True, text=True)
assert said.returncode == 1 and "--crs" in said.stderr, said.stderr
print("TopoJSON without a CRS:", said.stderr.strip())
(city / "layers/parcel.toml").unlink()
wrong = 0
for name, (file, crs) in LAYERS.items():
    extra = ["--crs", crs] if crs else []
    run([KHO, "--city", city, "layer", "new", name, data / file, "--public", *extra])
    done = json.loads(run([KHO, "--city", city, "ingest", name, data / file, *extra, "--json"]))["layers"][0]
    want = int(re.search(r"Feature Count: (\d+)", run(["ogrinfo", "-ro", "-so", "-al", data / file])).group(1))
    lake = json.loads(run([KHO, "--city", city, "query", f"SELECT count(*) AS n FROM {name}", "--format", "json"]))[0]["n"]
    aside = sum(done["quarantined"].values())
    ok = lake + aside == want
    wrong += not ok
    print(f"| {name} | ogrinfo {want} | kho {lake} | quarantined {aside} {done['quarantined'] or ''} | repaired {done['repaired']} | {'equal' if lake == want else 'accounted for' if ok else 'WRONG'} |")
    for warning in done["warnings"]:
        say(f"  {name}: {warning}")
raise SystemExit(wrong)
