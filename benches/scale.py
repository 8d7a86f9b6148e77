"""Ten times the city: the time of a tile, the memory of the server, the start; M parcels ÷ N parcels.

1. On-demand tiles with the tile cache off, the same number at each zoom in both cities, one connection, interleaved:
   the median time of a tile. A tile of the larger city holds about as much; what may grow is finding it.
2. `kho serve` from its start to listening and to its first tile, on a fresh process each time.
3. A crawl of the larger city for some minutes with bounded caches, four connections, tiles of z13 to z17 in an order
   chosen by a seed: the server's resident memory, sampled each second, beside the bounds it was given.

usage: python benches/scale.py [MORE] [FEWER] [MINUTES] [ROUNDS]
"""

import concurrent.futures
import http.client
import itertools
import random
import sys
import threading
import time

from lib import city, fetch, median, record, rss, say, served, tiles_with_parcels

more = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
fewer = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 10
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
TILE_CACHE, BLOCK_CACHE = 128 << 20, 512 << 20
ZOOMS = {14: 12, 15: 40, 16: 120, 17: 300}
cities = {n: city(n) for n in (fewer, more)}
tiles = {n: tiles_with_parcels(home, ZOOMS) for n, home in cities.items()}


def path(tile):
    return "/tiles/land_parcel/{}/{}/{}".format(*tile)


def times(address, some):
    """Milliseconds and bytes of each tile, one after the other over one connection."""
    connection, took = http.client.HTTPConnection(address, timeout=300), []
    for tile in some:
        start = time.perf_counter()
        connection.request("GET", path(tile))
        answer = connection.getresponse()
        size = len(answer.read())
        assert answer.status in (200, 204), (tile, answer.status)
        took.append(((time.perf_counter() - start) * 1e3, size))
    return took


lines = ["| zoom | tiles | " + " | ".join(f"{n} parcels: a tile, bytes" for n in (fewer, more)) + " | ratio | ratio for each byte |", "|---|---|---|---|---|---|"]
with served(cities[fewer], KHO_TILE_CACHE_BYTES="0") as (small, _), served(cities[more], KHO_TILE_CACHE_BYTES="0") as (large, _):
    for z in ZOOMS:
        count = min(len(tiles[n][z]) for n in cities)
        asked = {n: tiles[n][z][:count] for n in cities}
        at = {fewer: small, more: large}
        for n in cities:
            times(at[n], asked[n])
        found = {n: [] for n in cities}
        for _ in range(rounds):
            for n in cities:
                found[n].append(times(at[n], asked[n]))
        ms = {n: median([median([t for t, _ in one]) for one in found[n]]) for n in cities}
        size = {n: median([s for _, s in found[n][0]]) for n in cities}
        lines.append(f"| {z} | {count} | {ms[fewer]:.2f} ms, {size[fewer]:.0f} | {ms[more]:.2f} ms, {size[more]:.0f} | {ms[more] / ms[fewer]:.2f} "
                     f"| {ms[more] / ms[fewer] * size[fewer] / size[more]:.2f} |")
        say(lines[-1])

start = {}
for n, home in cities.items():
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        with served(home) as (address, _):
            listening = time.perf_counter() - began
            status, _, body = fetch(address, path(tiles[n][16][0]))
            assert status == 200 and body
            took.append((listening, time.perf_counter() - began))
    start[n] = tuple(median([t[i] for t in took]) for i in (0, 1))
lines += ["", *(f"Start of {n} parcels: it listens after {a * 1e3:.0f} ms, the first tile has come after {b * 1e3:.0f} ms (files warm)." for n, (a, b) in start.items())]
lines.append(f"Start to first tile: {start[more][1] / start[fewer][1]:.2f} times.")

crawled = [t for some in tiles_with_parcels(cities[more], {13: 10**6, 14: 10**6, 15: 10**6, 16: 10**6, 17: 10**6}, seed=2).values() for t in some]
random.Random(3).shuffle(crawled)
with served(cities[more], KHO_TILE_CACHE_BYTES=str(TILE_CACHE), KHO_BLOCK_CACHE_BYTES=str(BLOCK_CACHE)) as (address, child):
    fetch(address, "/health")
    idle, held, stop = rss(child.pid), [], threading.Event()
    queue, lock, done = itertools.cycle(crawled), threading.Lock(), [0]

    def crawl():
        connection = http.client.HTTPConnection(address, timeout=300)
        while not stop.is_set():
            with lock:
                tile = next(queue)
                done[0] += 1
            connection.request("GET", path(tile), headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (200, 204), (tile, answer.status)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        crawlers = [pool.submit(crawl) for _ in range(4)]
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end and not any(c.done() for c in crawlers):
            time.sleep(1)
            held.append(rss(child.pid))
        stop.set()
        for c in crawlers:
            c.result()
half = held[len(held) // 2 :]
bound = (TILE_CACHE + BLOCK_CACHE) / 2**20
lines += ["", f"A crawl of {more} parcels, {minutes:g} minutes, {done[0]} tiles asked of {len(crawled)} different ones, caches bounded to {bound:.0f} MiB together: "
          f"resident {idle:.0f} MiB before, {max(held):.0f} MiB at most, {median(half):.0f} MiB median of the second half, {held[-1]:.0f} MiB at the end; "
          f"the most is {max(held) - bound - idle:+.0f} MiB beside bounds and start."]
record("Ten times the parcels", lines)
