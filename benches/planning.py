"""The planning answer and search over a large city: latency at a steady rate, and whether the answers are right.

1. `/planning/answer?parcel=ID` of parcels chosen with a seed, at RATE requests a second for SECONDS (an open loop: a
   late answer does not slow the next question down), JSON; half of them come as points inside the parcel.
2. The m² of each zone on 1 000 of these parcels ÷ PostGIS: ST_Area(ST_Intersection()) of the same features in EPSG:9217.
3. `/search` with 1 000 questions made of real addresses by dropping marks, abbreviating and mistyping: how often the
   address is among the first three (another address that is written the same counts), and the latency.

usage: python benches/planning.py [PARCELS] [RATE] [SECONDS]
"""

import collections
import csv
import http.client
import io
import json
import random
import re
import subprocess
import sys
import threading
import time
import unicodedata
import urllib.parse

from lib import KHO, Postgres, city, fetch, median, record, run, say, served

parcels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
rate = float(sys.argv[2]) if len(sys.argv) > 2 else 50
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 30
home = city(parcels)
draw = random.Random(1)
CHECKED = 1000
# EPSG:9217 with EPSG:6960, which PostGIS 3.3's spatial_ref_sys does not have. PROJ's rotations are position vectors.
ZONE = ("+proj=tmerc +lat_0=0 +lon_0=108.25 +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 "
        "+towgs84=-191.90441429,-39.30318279,-111.45032835,0.00928836,-0.01975479,0.00427372,0.252906278 +units=m")


def rows(sql):
    return json.loads(run([KHO, "--city", home, "query", "--format", "json", sql]))


def steady(address, paths):
    """Milliseconds from when a question was due to its last byte, asked at the rate."""
    took, lock, start = [], threading.Lock(), time.perf_counter() + 0.2
    due = iter(enumerate(paths))

    def worker():
        connection = http.client.HTTPConnection(address, timeout=60)
        while True:
            with lock:
                number, path = next(due, (None, None))
            if path is None:
                return
            at = start + number / rate
            time.sleep(max(0, at - time.perf_counter()))
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, (path, answer.status, body[:300])
            with lock:
                took.append((time.perf_counter() - at) * 1e3)

    threads = [threading.Thread(target=worker) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sorted(took)


def quantiles(took):
    return f"p50 {median(took):.1f} ms, p90 {took[int(len(took) * 0.9)]:.1f} ms, p99 {took[int(len(took) * 0.99)]:.1f} ms, worst {took[-1]:.1f} ms"


def plain(text):
    marks = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return marks.replace("đ", "d").replace("Đ", "D")


def slip(word):
    """One slip of the fingers in a word."""
    at = draw.randrange(1, len(word) - 1)
    kind = draw.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    if kind == 2:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + draw.choice("abcdeghiklmnopqrstuvxy") + word[at + 1 :]


SHORT = {"Phường": "P.", "Đường": "Đ.", "Nguyễn": "Ng.", "Thị": "T.", "Hẻm": "H.", "Trần": "Tr."}


def question(address):
    """What somebody may type for an address, and how it was made."""
    how = draw.choice(["plain", "short", "slip", "plain+slip", "plain+short", "lower", "initials"])
    text = address
    if "short" in how:
        for word, short in SHORT.items():
            text = text.replace(word + " ", short + " ", 1) if draw.random() < 0.7 else text
    if how == "initials":
        head, *rest = text.split(",")
        words = head.split()
        names = [w for w in words[1:] if w[0].isalpha()]
        if len(names) >= 2:
            text = ",".join([" ".join([words[0], *[w for w in words[1:] if not w[0].isalpha()], plain("".join(w[0] for w in names))]), *rest])
    if "plain" in how:
        text = plain(text)
    if "slip" in how:
        words = text.split(" ")
        long = [n for n, w in enumerate(words) if len(w.strip(",.")) >= 4 and w[0].isalpha()]
        if long:
            n = draw.choice(long)
            words[n] = slip(words[n])
            text = " ".join(words)
    return (text.lower() if how == "lower" else text), how


def postgis(picked):
    """{(parcel, zone): m²} by PostGIS."""
    wkt = {}
    with Postgres() as postgres:
        for table, columns in (("land_parcel", "kho_id"), ("planning_zone", "kho_id")):
            postgres.sql(f"CREATE TABLE {table} (kho_id bigint, geometry geometry)")
            where = f" WHERE kho_id IN ({','.join(map(str, picked))})" if table == "land_parcel" else " WHERE valid_to IS NULL OR valid_to >= CURRENT_DATE"
            dump = subprocess.Popen([KHO, "--city", str(home), "query", "--format", "csv", f"SELECT {columns}, geometry FROM {table}{where}"], stdout=subprocess.PIPE)
            subprocess.run(postgres.psql("-c", f"\\copy {table} FROM STDIN WITH (FORMAT csv, HEADER true)"), stdin=dump.stdout, check=True)
            postgres.sql(f"ALTER TABLE {table} ALTER geometry TYPE geometry USING ST_SetSRID(ST_Transform(ST_SetSRID(geometry, 4326), '{ZONE}'), 0)")
            postgres.sql(f"CREATE INDEX ON {table} USING gist (geometry)")
        out = postgres.sql("COPY (SELECT p.kho_id, z.kho_id, ST_Area(ST_Intersection(p.geometry, z.geometry)) FROM land_parcel p "
                           "JOIN planning_zone z ON ST_Intersects(p.geometry, z.geometry)) TO STDOUT WITH (FORMAT csv)")
        wkt.update({(int(p), int(z)): float(a) for p, z, a in csv.reader(io.StringIO(out))})
        whole = postgres.sql("COPY (SELECT kho_id, ST_Area(geometry) FROM land_parcel) TO STDOUT WITH (FORMAT csv)")
        return wkt, {int(p): float(a) for p, a in csv.reader(io.StringIO(whole))}


some = rows(f"SELECT kho_id, ST_X(ST_PointOnSurface(geometry)) x, ST_Y(ST_PointOnSurface(geometry)) y FROM land_parcel WHERE kho_id % {max(1, parcels // 20000)} = 0")
draw.shuffle(some)
asked = some[: int(rate * seconds)]
addresses = [r["a"] for r in rows("SELECT dia_chi_day_du AS a FROM address_point WHERE dia_chi_day_du IS NOT NULL")]
with served(home) as (address, _):
    first = time.perf_counter()
    fetch(address, f"/planning/answer?parcel={some[0]['kho_id']}")
    first = time.perf_counter() - first
    by_id = steady(address, [f"/planning/answer?parcel={r['kho_id']}" for r in asked])
    by_point = steady(address, [f"/planning/answer?point={r['x']:.8f},{r['y']:.8f}" for r in asked])
    say("by id:", quantiles(by_id), "| by point:", quantiles(by_point))
    picked = [r["kho_id"] for r in asked[:CHECKED]]
    answers = {p: json.loads(fetch(address, f"/planning/answer?parcel={p}")[2])["answers"][0] for p in picked}
    theirs, whole = postgis(picked)
    worst, compared, sums = 0.0, 0, 0.0
    for p, answer in answers.items():
        zones = {z["id"]: z["area_m2"] for plan in answer["plans"] for z in plan["zones"]}
        for z in zones.keys() | {b for a, b in theirs if a == p}:
            a, b = zones.get(z, 0.0), theirs.get((p, z), 0.0)
            worst, compared = max(worst, abs(a - b)), compared + 1
        worst = max(worst, abs(answer["area_m2"] - whole[p]))
        for plan in answer["plans"]:
            if plan["zones"]:
                total = sum(z["area_m2"] for z in plan["zones"]) + plan["without_zone_m2"] - plan["overlapping_m2"]
                sums = max(sums, abs(total - answer["area_m2"]) / answer["area_m2"])
    questions = [(a, *question(a)) for a in draw.sample(addresses, 1000)]
    fetch(address, "/search?q=a")
    found, missed = collections.Counter(), []
    for wanted, text, how in questions:
        results = json.loads(fetch(address, "/search?" + urllib.parse.urlencode({"q": text, "limit": 10}))[2])["results"]
        hit = wanted in [r["label"]["vi"] for r in results[:3]]
        found[how, hit] += 1
        if not hit:
            missed.append((wanted, text, [r["label"]["vi"] for r in results[:3]]))
    paths = ["/search?" + urllib.parse.urlencode({"q": text, "limit": 10}) for _, text, _ in questions]
    search = steady(address, paths)
for miss in missed[:20]:
    say("missed:", miss)
right = sum(n for (_, hit), n in found.items() if hit)
kinds = ", ".join(f"{how} {found[how, True]}/{found[how, True] + found[how, False]}" for how in sorted({h for h, _ in found}))
record("Planning answer and search", [
    f"{parcels} parcels, {len(addresses)} addresses, {rate:g} requests a second, {len(asked)} questions each; the first answer of a fresh server takes {first:.2f} s.", "",
    f"- Planning answer by id: {quantiles(by_id)}.",
    f"- Planning answer by point: {quantiles(by_point)}.",
    f"- {compared} areas on {len(picked)} parcels beside PostGIS: the worst differs by {worst:.3f} m² (answers are rounded to 0.1 m²); "
    f"zones and what is in none add up to the parcel within {sums * 100:.3f} %.",
    f"- Search: {right} of {len(questions)} questions find their address among the first three ({kinds}); {quantiles(search)}.",
])
