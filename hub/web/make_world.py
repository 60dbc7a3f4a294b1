"""Makes `static/world.svg` and `places.py` from the npm package world-atlas 2.0.2 (Natural Earth 4.1.0, public domain):

npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz && python -m hub.web.make_world package

Run by hand when the map should change. The land has no boundaries in it, on purpose: which of them to draw is a
question that a map of search results need not answer.
"""

import itertools
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VOCABULARY = HERE.parents[1] / "corpus" / "vocab"
WIDTH = 1000
NORTH, SOUTH = 83.7, -56.5
"""Latitudes of the upper and lower edge: all that is inhabited."""
MIDDLE = 11.0
"""Longitude in the middle: the edges are in the Bering Strait, where they cut no country."""
SMALLEST = 1.5
"""Islands of less than this many square units of the map are left out of the picture; they still have their dots."""

Point = tuple[float, float]

MISSING: dict[str, Point] = {
    # Places that Natural Earth counts to another country; longitude and latitude by hand, good to half a degree.
    "BES": (-68.3, 12.2),
    "BVT": (3.4, -54.4),
    "CCK": (96.8, -12.2),
    "CXR": (105.6, -10.5),
    "GLP": (-61.6, 16.3),
    "GUF": (-53.0, 4.0),
    "MTQ": (-61.0, 14.7),
    "MYT": (45.2, -12.8),
    "REU": (55.5, -21.1),
    "SJM": (20.0, 78.0),
    "TKL": (-172.0, -9.0),
    "VAT": (12.5, 41.9),
}


def projected(longitude: float, latitude: float) -> Point:
    """Natural Earth projection, before scaling. Source: Savric et al., polynomial equation, Cartography and GIS 2011."""
    x, y = math.radians(longitude), math.radians(latitude)
    y2 = y * y
    y4 = y2 * y2
    return (
        x * (0.8707 - 0.131979 * y2 + y4 * (-0.013791 + y4 * (0.003971 * y2 - 0.001529 * y4))),
        y * (1.007226 + y2 * (0.015085 + y4 * (-0.044475 + 0.028874 * y2 - 0.005916 * y4))),
    )


SCALE = WIDTH / (2 * projected(180, 0)[0])
TOP = projected(0, NORTH)[1]
HEIGHT = round((TOP - projected(0, SOUTH)[1]) * SCALE)


def on_map(longitude: float, latitude: float) -> Point:
    x, y = projected((longitude - MIDDLE + 180) % 360 - 180, latitude)
    return x * SCALE + WIDTH / 2, (TOP - y) * SCALE


def rings(topology: dict[str, Any], geometry: dict[str, Any]) -> Iterator[list[Point]]:
    """Outer rings and holes of a geometry, in degrees. Format: TopoJSON specification, sections 2.1.4 and 2.2."""
    (kx, ky), (dx, dy) = topology["transform"]["scale"], topology["transform"]["translate"]
    polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry.get("arcs", [])
    for polygon in polygons:
        for ring in polygon:
            points: list[Point] = []
            for index in ring:
                x = y = 0
                arc: list[Point] = []
                for step_x, step_y in topology["arcs"][index if index >= 0 else ~index]:
                    x, y = x + step_x, y + step_y
                    arc.append((x * kx + dx, y * ky + dy))
                points += (arc if index >= 0 else arc[::-1])[1 if points else 0 :]
            yield points


def area(points: list[Point]) -> float:
    """Twice the signed area (shoelace formula)."""
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True))


def centre(points: list[Point]) -> Point:
    """Centroid of a polygon."""
    total = area(points)
    pairs = [(a, b, a[0] * b[1] - b[0] * a[1]) for a, b in zip(points, points[1:] + points[:1], strict=True)]
    return (
        sum((a[0] + b[0]) * cross for a, b, cross in pairs) / (3 * total),
        sum((a[1] + b[1]) * cross for a, b, cross in pairs) / (3 * total),
    )


def land(folder: Path) -> str:
    """The picture. Grey on nothing, so that it suits a light and a dark page."""
    topology = json.loads((folder / "land-110m.json").read_text("utf-8"))
    shapes: list[str] = []
    for geometry in topology["objects"]["land"]["geometries"]:
        for ring in rings(topology, geometry):
            if max(latitude for _, latitude in ring) < SOUTH:
                continue
            points = [on_map(*point) for point in ring]
            across = max(abs(x2 - x1) for (x1, _), (x2, _) in itertools.pairwise(points))
            if abs(area(points)) / 2 >= SMALLEST and across < WIDTH / 2:  # an islet on the edge is not drawn
                shapes.append(_path(points))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<path fill="#8496a9" fill-opacity=".45" fill-rule="evenodd" d="{"".join(shapes)}"/></svg>\n'
    )


def _path(points: list[Point]) -> str:
    """A closed path in whole units, relative, without steps that move nothing."""
    rounded = [(round(x), round(y)) for x, y in points]
    kept = [point for at, point in enumerate(rounded) if at == 0 or point != rounded[at - 1]]
    steps = [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in itertools.pairwise(kept)]
    return f"M{kept[0][0]} {kept[0][1]}l" + " ".join(f"{x} {y}" for x, y in steps).replace(" -", "-") + "z"


def places(folder: Path) -> dict[str, tuple[int, int]]:
    """Code of each country and area of the vocabulary that is on the map -> the middle of its largest part."""
    topology = json.loads((folder / "countries-10m.json").read_text("utf-8"))
    middles: dict[str, tuple[float, Point]] = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        for ring in rings(topology, geometry):
            points = [on_map(*point) for point in ring]
            size = abs(area(points))
            if size > middles.get(geometry.get("id", ""), (0.0,))[0]:
                middles[geometry.get("id", "")] = (size, centre(points))
    countries = json.loads((VOCABULARY / "countries.json").read_text("utf-8"))["countries"]
    areas = json.loads((VOCABULARY / "areas.json").read_text("utf-8"))["areas"]
    found: dict[str, tuple[int, int]] = {}
    for entry in (*countries, *areas):
        middle = middles[entry["m49"]][1] if entry["m49"] in middles else None
        if entry["id"] in MISSING:
            middle = on_map(*MISSING[entry["id"]])
        if middle is None:
            raise LookupError(f"no place for {entry['id']}")
        if 0 <= middle[1] <= HEIGHT:
            found[entry["id"]] = (round(middle[0]), round(middle[1]))
    return dict(sorted(found.items()))


def main(folder: Path) -> None:
    (HERE / "static" / "world.svg").write_text(land(folder), encoding="utf-8")
    table = [f'"{code}": ({x}, {y}),' for code, (x, y) in places(folder).items()]
    lines = "\n".join("    " + " ".join(table[at : at + 5]) for at in range(0, len(table), 5))
    (HERE / "places.py").write_text(
        f'''"""Where countries and areas are on `static/world.svg`. Made by `make_world.py`; not edited by hand."""

from collections.abc import Mapping

WIDTH, HEIGHT = {WIDTH}, {HEIGHT}
# fmt: off
PLACES: Mapping[str, tuple[int, int]] = {{
{lines}
}}
# fmt: on
"""Code -> across and down, in units of the picture."""
''',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
