"""Compares tiles of kho and of PostGIS, read by an independent decoder, with each other and with the exact geometry.

For every tile there are three files: NAME.kho and NAME.pg, the two tiles, and NAME.exact, what PostGIS holds of the
features around: a line each, "id wkb", in the tile's grid units, y down, neither cut nor snapped.

What must hold:
1. Both tiles have the same ids, with the same attributes.
2. kho is right: in the tile every place of its outline lies within one grid unit of the exact outline, and every
   place of the exact one within one of kho's; in the buffer, where an edge that leaves it is cut to a whole unit,
   within one on each axis. The outermost two units of the buffer are compared as areas only: where an outline runs
   along the cut, half a unit decides whether a stretch of it is inside.
3. The outlines of the two tiles lie within one unit on each axis of each other.

What may differ, each time verified against the exact geometry, counted by name, and no more than ALLOWED of all:
- "collapsed": a line or polygon on one side only, nowhere inside the cut long or wide enough for the grid to show it;
- "touches the cut": a line or polygon on one side only that reaches less than a unit over the edge of the buffer;
- "too narrow": a place of the exact outline that kho lost, where the polygon, or the gap between two of its parts, is
  narrower than the grid can show;
- "both right": the outlines are farther apart than 3. allows, and both are right by 2.: their roundings add up;
- "PostGIS thinned": they are farther apart than 3. allows, kho's is right by 2. and PostGIS's is not: it thins by half
  a unit before it snaps, and so may cut off a narrow corner.

Prints one JSON object. usage: tiles_agree.py DIR
"""

import json
import pathlib
import sys
from collections import Counter

import mapbox_vector_tile
import numpy
import shapely
from shapely.geometry import shape

EXTENT, BUFFER = 4096, 64
CUT = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
# The buffer without its rim: where outlines are compared.
LEAST, MOST = -BUFFER + 2, EXTENT + BUFFER - 2
# One unit on both axes, with the rounding of the distance itself.
DIAGONAL = 2**0.5 + 1e-6
# Each side of something narrow moves by half a diagonal when it is snapped: what is wider than this cannot vanish.
NARROW = 2**0.5
# The share of features that may be excused.
ALLOWED = 0.002
NAMES = ("collapsed", "touches the cut", "too narrow", "both right", "PostGIS thinned")


def decoded(path):
    data = path.read_bytes()
    if not data:
        return {}
    tile = mapbox_vector_tile.decode(data, default_options={"y_coord_down": True})
    features = {}
    for layer in tile.values():
        for f in layer["features"]:
            if f["id"] in features:
                raise SystemExit(f"{path}: id {f['id']} is there twice")
            features[f["id"]] = f
    return features


def exactly(path):
    rows = [line.split() for line in path.read_text().splitlines() if line]
    return dict(zip((int(key) for key, _ in rows), shapely.make_valid(shapely.from_wkb([wkb for _, wkb in rows]))))


def outlines(shapes):
    """Polygons as their rings, everything else as it is."""
    return numpy.array([g.boundary if g.area else g for g in shapes], dtype=object)


def astray(a, b):
    """Places of the outlines `a`, a unit apart, with their distance from `b`'s: (number, x, y, distance)."""
    places, of = shapely.get_coordinates(shapely.segmentize(a, 1.0), return_index=True)
    inner = ((places > LEAST) & (places < MOST)).all(axis=1)
    places, of = places[inner], of[inner]
    return of, places, shapely.distance(shapely.points(places), b[of])


def limit(places):
    """How far a place of an outline may be off: farther in the buffer."""
    inside = ((places >= 0) & (places <= EXTENT)).all(axis=1)
    return numpy.where(inside, 1.0 + 1e-6, DIAGONAL)


def narrow(exact, place):
    """Whether the polygon, or the gap in it, is too narrow at a place of its outline to be shown."""
    if not exact.area:
        return False
    here = shapely.Point(place)
    around = exact.intersection(here.buffer(8))
    wide = around.buffer(-NARROW / 2).buffer(NARROW / 2 * 1.02)
    filled = exact.intersection(here.buffer(16)).buffer(NARROW / 2).buffer(-NARROW / 2 * 1.02)
    return wide.is_empty or wide.distance(here) > 1e-6 or filled.contains_properly(here)


def covered(ours, exact):
    """Whether two polygons that reach the rim cover the same but for a unit."""
    core = exact.buffer(-DIAGONAL).intersection(CUT.buffer(-1.0))
    return exact.buffer(DIAGONAL).covers(ours) and (core.is_empty or ours.buffer(1e-6).covers(core))


def excuse(exact):
    """Why a feature may be on one side alone, or None. Points have none: they snap onto the cut or they do not."""
    if exact is None or exact.geom_type.endswith("Point"):
        return None
    if not exact.intersects(CUT.buffer(-1.0)):
        return "touches the cut"
    inside = exact.intersection(CUT)
    if exact.area:
        return "collapsed" if inside.buffer(-NARROW / 2).is_empty else None
    x0, y0, x1, y1 = inside.bounds
    return "collapsed" if max(x1 - x0, y1 - y0) < 1 else None


def compare(ours, theirs, exact):
    """What is found in one pair of tiles: differences, and how often what was excused."""
    found, counts, both = [], Counter(), []
    for key in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(key), theirs.get(key)
        if a is None or b is None:
            why = excuse(exact.get(key))
            if why:
                counts[why] += 1
            else:
                found.append((key, f"only in {'kho' if b is None else 'PostGIS'}", str(exact.get(key))[:200]))
        elif a["properties"] != b["properties"]:
            found.append((key, "attributes", a["properties"], b["properties"]))
        elif key not in exact:
            found.append((key, "not in the data"))
        elif not shape(a["geometry"]).is_valid:
            found.append((key, "not valid", shapely.is_valid_reason(shape(a["geometry"]))))
        else:
            both.append(key)
    counts["compared"] = len(both)
    if not both:
        return found, counts

    kho = numpy.array([shape(ours[k]["geometry"]) for k in both], dtype=object)
    pg = shapely.make_valid(numpy.array([shape(theirs[k]["geometry"]) for k in both], dtype=object))
    true = numpy.array([exact[k] for k in both], dtype=object)
    kho_line, pg_line, true_line = outlines(kho), outlines(pg), outlines(true)
    wrong = {}

    def blame(number, what, *more):
        if number not in wrong:
            wrong[number] = (both[number], what, *more, kho[number].wkt[:300], pg[number].wkt[:300])

    of, places, far = astray(kho_line, true_line)
    for at in numpy.flatnonzero(far > limit(places)):
        blame(of[at], f"kho's outline is {far[at]:.3f} units off at {places[at].tolist()}")
    of, places, far = astray(true_line, kho_line)
    thin = set()
    for at in numpy.flatnonzero(far > limit(places)):
        if narrow(true[of[at]], places[at]):
            thin.add(of[at])
        else:
            blame(of[at], f"kho's outline lacks {places[at].tolist()} by {far[at]:.3f} units")
    counts["too narrow"] += len(thin - wrong.keys())
    bounds = shapely.bounds(true)
    rim = (bounds[:, :2] < LEAST).any(axis=1) | (bounds[:, 2:] > MOST).any(axis=1)
    for number in numpy.flatnonzero(shapely.area(true) > 0):
        if rim[number]:
            if not covered(kho[number], true[number]):
                blame(number, "kho covers something else")
        elif abs(kho[number].area - true[number].area) > true[number].length + 4:
            blame(number, f"kho covers {kho[number].area:.1f} units, not {true[number].area:.1f}")

    unequal = numpy.flatnonzero(~shapely.equals(kho, pg))
    apart = set()
    for a, b in ((kho_line, pg_line), (pg_line, kho_line)):
        of, _, far = astray(a[unequal], b[unequal])
        apart |= set(unequal[of[far > DIAGONAL]].tolist())
    counts["equal"] += len(both) - len(unequal)
    for number in apart - wrong.keys():
        one = slice(number, number + 1)
        pairs = ((pg_line[one], true_line[one]), (true_line[one], pg_line[one]))
        right = all((far <= limit(places)).all() for _, places, far in (astray(*pair) for pair in pairs))
        counts["both right" if right else "PostGIS thinned"] += 1
    return found + list(wrong.values()), counts


def main():
    tiles, counts, differences = 0, Counter({name: 0 for name in NAMES}), []
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.kho")):
        found, counted = compare(decoded(path), decoded(path.with_suffix(".pg")), exactly(path.with_suffix(".exact")))
        tiles += 1
        counts += counted
        differences += [(path.stem, *d) for d in found]
    excused = {name: counts[name] for name in NAMES}
    if sum(excused.values()) > ALLOWED * counts["compared"]:
        differences.append(("all tiles", f"too many are excused: {excused}"))
    print(
        json.dumps(
            {
                "tiles": tiles,
                "features": counts["compared"],
                "equal": counts["equal"],
                "excused": excused,
                "differences": len(differences),
                "first": differences[:5],
            },
            default=str,
        )
    )


main()
