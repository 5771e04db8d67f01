"""A small world: two states that touch, an enclave, an island over the antimeridian, a lake."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from collector.facts import atlas, soil, topology
from collector.facts.soil import Soil
from collector.facts.territories import Islands, Part, Patch, Rights, Shape

SCALE = 0.001
ABOUT: Mapping[str, object] = {
    "name": "soil",
    "source": "a drawing",
    "date": "2026-11-26",
    "licence": "none",
    "attribution": (),
    "caution": "small",
}

RIGHTS = Rights(
    status="read",
    source="a drawing",
    date="2026-11-26",
    codes="001 AA 002 BB 003 CC",
    shapes=(Shape(name="Nowhere", claims=frozenset({"AA", "BB"}), why="claimed by both"),),
    parts=(Part(shape="Beta", name="Far Beta", box=(-11, 178, 1, 183), claims=frozenset({"FB"})),),
    patches=(
        Patch(
            name="Dot",
            latitude=5,
            longitude=-5,
            radius_km=20,
            claims=frozenset({"DD"}),
            why="too small",
        ),
    ),
    islands=Islands(radius_km=3, rows=(("EE FF", "Islet", 5, -8),)),
)
"""Alpha is AA, Beta BB, its far island FB, the enclave CC, Nowhere of two claims."""


@cache
def real() -> Soil:
    """Return the borders of the release."""
    found = Soil.open(atlas.BESIDE)
    assert found is not None, "run `make atlas` (it needs npm once)"
    return found


def line(*points: tuple[float, float]) -> list[tuple[int, int]]:
    """Return an arc through (longitude, latitude) points, in steps."""
    whole = [(round(x / SCALE), round(y / SCALE)) for x, y in points]
    return [whole[0], *((a - c, b - d) for (a, b), (c, d) in zip(whole[1:], whole, strict=False))]


def square(x: float, y: float, size: float) -> list[tuple[int, int]]:
    """Return the closed arc around a square."""
    return line((x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y))


ARCS = [
    line((4, 0), (4, 4)),  # 0 the border of Alpha and Beta, from south to north
    line((4, 4), (0, 4), (0, 0), (4, 0)),  # 1 the coast of Alpha
    line((4, 0), (8, 0), (8, 4), (4, 4)),  # 2 the coast of Beta
    square(1, 1, 0.5),  # 3 the enclave in Alpha
    line((179, -10), (-179, -10), (-179, -9), (179, -9), (179, -10)),  # 4 over the antimeridian
    square(6, 1, 1),  # 5 Nowhere, in Beta
    square(2.6, 2.6, 0.3),  # 6 a lake in Alpha
]


def shape(number: str | None, name: str, *pieces: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return a shape of pieces, each of rings."""
    found: dict[str, Any] = {"type": "MultiPolygon", "arcs": pieces, "properties": {"name": name}}
    return found if number is None else {**found, "id": number}


SHAPES = [
    shape("001", "Alpha", [[0, 1], [3], [6]]),
    shape("002", "Beta", [[2, ~0], [5]], [[4]]),
    {"type": "Polygon", "id": "003", "arcs": [[3]], "properties": {"name": "Gamma"}},
    shape(None, "Nowhere", [[5]]),
]


def document(
    shapes: Sequence[Mapping[str, Any]] = SHAPES, arcs: Sequence[object] = ARCS
) -> dict[str, Any]:
    """Return the TopoJSON."""
    return {
        "type": "Topology",
        "transform": {"scale": [SCALE, SCALE], "translate": [0, 0]},
        "arcs": arcs,
        "objects": {"countries": {"type": "GeometryCollection", "geometries": shapes}},
    }


def write(directory: Path, content: object = None) -> Path:
    """Write the TopoJSON; return its path."""
    path = directory / "countries-10m.json"
    path.write_text(json.dumps(document() if content is None else content), encoding="utf-8")
    return path


def opened(directory: Path) -> Soil:
    """Return the compiled small world."""
    borders = topology.read(write(directory), RIGHTS)
    path = directory / "soil.atlas"
    path.write_bytes(soil.pack(borders, ABOUT))
    return Soil(path)
