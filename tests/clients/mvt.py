"""What the checks of tiles share: asking a server for tiles, and the raw geometry commands of MVT 2."""

import concurrent.futures
import gzip
import http.client
import json
import math
import random
import threading
import urllib.parse

from mapbox_vector_tile.Mapbox import vector_tile_pb2

POINT, LINE, POLYGON = 1, 2, 3


class Server:
    """A server of tiles; a connection a thread, kept open."""

    def __init__(self, base):
        self.base = base.rstrip("/")
        self.host = urllib.parse.urlsplit(base).netloc
        self.own = threading.local()

    def get(self, path, **headers):
        for again in (True, False):
            connection = getattr(self.own, "connection", None) or http.client.HTTPConnection(self.host, timeout=300)
            self.own.connection = connection
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                body = answer.read()
            except (http.client.HTTPException, ConnectionError):
                self.own.connection = None
                if again:
                    continue
                raise
            if answer.getheader("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            return answer.status, body
        raise AssertionError

    def json(self, path):
        status, body = self.get(path)
        if status != 200:
            raise SystemExit(f"{path}: HTTP {status} {body[:200]!r}")
        return json.loads(body)

    def layer(self, name):
        """A layer's TileJSON, with its bounds."""
        return self.json(f"/tiles/{name}")

    def tile(self, layer, z, x, y, accept="*/*"):
        """A tile's bytes; none of them if it is empty."""
        status, body = self.get(f"/tiles/{layer}/{z}/{x}/{y}", **{"Accept-Encoding": "gzip", "Accept": accept})
        if status == 204:
            return b""
        if status != 200:
            raise SystemExit(f"/tiles/{layer}/{z}/{x}/{y}: HTTP {status} {body[:200]!r}")
        return body

    def tiles(self, layer, wanted, connections=2):
        """(tile, bytes) of those tiles that hold something."""
        with concurrent.futures.ThreadPoolExecutor(connections) as pool:
            for tile, body in pool.map(lambda t: (t, self.tile(layer, *t)), wanted):
                if body:
                    yield tile, body


def at(lon, lat, z):
    """Where a place lies at a zoom, in tiles."""
    n = 2**z
    return (lon + 180) / 360 * n, (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n


def under(bounds, z, most=0, seed=1):
    """The tiles under bounds: all, or so many of them that a seed chooses; and how many there are."""
    (x0, y1), (x1, y0) = at(bounds[0], bounds[1], z), at(bounds[2], bounds[3], z)
    # Half a grid unit more: what lies on the bounds may snap into the next tile.
    m = 0.5 / 4096
    top = 2**z - 1
    xs = range(max(0, math.floor(x0 - m)), min(top, math.floor(x1 + m)) + 1)
    ys = range(max(0, math.floor(y0 - m)), min(top, math.floor(y1 + m)) + 1)
    count = len(xs) * len(ys)
    chosen = range(count) if not most or count <= most else sorted(random.Random(seed * 100 + z).sample(range(count), most))
    return [(z, xs[i % len(xs)], ys[i // len(xs)]) for i in chosen], count


def parsed(data):
    tile = vector_tile_pb2.tile()
    tile.ParseFromString(data)
    return tile


def parts(geometry, kind):
    """The point lists of a geometry's commands, rings without the repeated first point; ValueError if MVT 2 has no
    such commands."""
    found, here, x, y, at = [], None, 0, 0, 0
    while at < len(geometry):
        command, count = geometry[at] & 7, geometry[at] >> 3
        at += 1
        if command == 7:
            if kind != POLYGON or count != 1 or not here or len(here) < 3:
                raise ValueError(f"ClosePath × {count} after {len(here or [])} points")
            found.append(here)
            here = None
            continue
        if command not in (1, 2) or not count or at + 2 * count > len(geometry):
            raise ValueError(f"command {command} × {count}")
        if command == 1:
            if kind == POLYGON and here:
                raise ValueError("a ring is not closed")
            if kind != POINT and count != 1:
                raise ValueError(f"MoveTo × {count}")
            if kind == LINE and here is not None:
                found.append(here)
            here = []
        elif kind == POINT or not here:
            raise ValueError("LineTo without MoveTo")
        for i in range(at, at + 2 * count, 2):
            dx, dy = ((v >> 1) ^ -(v & 1) for v in geometry[i : i + 2])
            if command == 2 and dx == dy == 0:
                raise ValueError("LineTo that goes nowhere")
            x, y = x + dx, y + dy
            here.append((x, y))
        at += 2 * count
    if kind == POLYGON and here:
        raise ValueError("the last ring is not closed")
    if here:
        found.append(here)
    if not found or (kind == LINE and any(len(p) < 2 for p in found)) or (kind == POINT and len(found) != 1):
        raise ValueError("too few points")
    return found


def doubled_area(ring):
    """Twice the area; positive if the ring turns right on the screen, where y points down."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]]))


def polygons(rings):
    """[exterior, holes] each, by MVT 2's rule: a ring that turns right begins a polygon."""
    found = []
    for ring in rings:
        area = doubled_area(ring)
        if area > 0:
            found.append((ring, []))
        elif area < 0 and found:
            found[-1][1].append(ring)
        else:
            raise ValueError("a ring without area" if not area else "a hole before an exterior")
    return found
