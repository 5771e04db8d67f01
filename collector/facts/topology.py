"""Bytes: published borders (TopoJSON), and the lines with soil on their sides made of them.

Form: a topology of `arcs` (steps between whole numbers, scaled by `transform`); an object
`countries` of shapes, each with `id` (ISO 3166-1 numeric, or none), a name, and rings of arcs: `n`
is an arc, `~n` the same arc backwards. Two shapes that touch share an arc.

Rules
- Between two points the line is straight in longitude and latitude, as Natural Earth has it; it is
  cut so that no step is longer than `STEP_KM`. A step over more than 180 degrees of longitude
  goes the other way round: shapes were joined over the antimeridian.
- Every coordinate is a multiple of 1 / `PER_DEGREE` (under 4 m), so that float32 holds it, lines
  that meet do so exactly, and a point is compared with them without rounding.
- A line bounds the soil of each label that uses it an odd number of times: two pieces of one
  label that touch have no border between them.
- A file that is not of this form, a shape without a row in `collector.facts.territories` and a part
  without a piece stop the compilation.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.errors import ConfigError
from collector.facts.territories import Claims, Patch, Rights

STEP_KM: Final = 5.0
PER_DEGREE: Final = 1 << 15
_KM_PER_DEGREE: Final = 111.7
"""The longest degree of a meridian, and longer than any of a parallel."""
_PATCH_CORNERS: Final = 32

Ring: TypeAlias = list[int]
Points: TypeAlias = NDArray[np.float64]
"""(n, 2): longitude and latitude in degrees."""


class Line(NamedTuple):
    """A stretch of border or coast."""

    points: Points
    labels: tuple[int, ...]
    """The labels whose soil ends here."""


class Borders(NamedTuple):
    """What a file says: the claims of each label, and the lines between them."""

    labels: Sequence[Claims]
    lines: Sequence[Line]


class _Transform(msgspec.Struct, frozen=True):
    scale: tuple[float, float]
    translate: tuple[float, float]


class _Properties(msgspec.Struct, frozen=True):
    name: str


class _Polygon(msgspec.Struct, frozen=True, tag_field="type", tag="Polygon"):
    arcs: list[Ring]
    properties: _Properties
    id: str | None = None

    @property
    def pieces(self) -> list[list[Ring]]:
        """Return the rings of each piece, the outline first."""
        return [self.arcs]


class _MultiPolygon(msgspec.Struct, frozen=True, tag_field="type", tag="MultiPolygon"):
    arcs: list[list[Ring]]
    properties: _Properties
    id: str | None = None

    @property
    def pieces(self) -> list[list[Ring]]:
        """Return the rings of each piece, the outline first."""
        return self.arcs


class _Collection(msgspec.Struct, frozen=True):
    geometries: list[_Polygon | _MultiPolygon]


class _Objects(msgspec.Struct, frozen=True):
    countries: _Collection


class _Topology(msgspec.Struct, frozen=True):
    type: Literal["Topology"]
    arcs: list[list[tuple[int, int]]]
    transform: _Transform
    objects: _Objects


def read(path: Path, rights: Rights) -> Borders:
    """Return the lines of a file, each with the soil on its sides.

    Raises:
        ConfigError: The file is missing, is not of the documented form, or has another set of
            shapes than the table of territories.
    """
    try:
        topology = msgspec.json.decode(path.read_bytes(), type=_Topology)
        return _borders(topology, rights)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; is the package whole?") from error
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise ConfigError(f"cannot compile {path}: {error}; is it the right file?") from error


def _borders(topology: _Topology, rights: Rights) -> Borders:
    arcs = [_unpacked(arc, topology.transform) for arc in topology.arcs]
    labels: dict[Claims, int] = {}
    sides: list[set[int]] = [set() for _ in arcs]
    found: set[str] = set()
    for shape in topology.objects.countries.geometries:
        for piece in shape.pieces:
            claims = _claims(shape, _points(arcs, piece[0]), rights, found)
            label = labels.setdefault(claims, len(labels))
            for number in chain.from_iterable(piece):
                sides[number if number >= 0 else ~number] ^= {label}
    lost = [part.name for part in rights.parts if part.name not in found]
    if lost:
        raise ValueError(f"no piece of a shape lies in the boxes of {', '.join(lost)}")
    lines = [
        Line(_stepped(arc), tuple(sorted(side)))
        for arc, side in zip(arcs, sides, strict=True)
        if side
    ]
    discs = rights.discs()
    patches = [
        Line(_stepped(_circle(disc)), (len(labels) + number,)) for number, disc in enumerate(discs)
    ]
    return Borders([*labels, *(disc.claims for disc in discs)], [*lines, *patches])


def _claims(
    shape: _Polygon | _MultiPolygon, outline: Points, rights: Rights, found: set[str]
) -> Claims:
    name = shape.properties.name
    for part in rights.parts:
        if part.shape == name and all(part.holds(y, x) for x, y in outline.tolist()):
            found.add(part.name)
            return part.claims
    claims = rights.of_shape(name, shape.id)
    if claims is None:
        raise ValueError(f"the shape {name} ({shape.id}) has no row in tables/soil.toml")
    return claims


def _unpacked(arc: Sequence[tuple[int, int]], transform: _Transform) -> Points:
    if not arc:
        raise ValueError("an arc has no point")
    steps = np.cumsum(np.array(arc, np.int64), axis=0)
    return _on_grid(steps * np.array(transform.scale) + np.array(transform.translate))


def _points(arcs: Sequence[Points], ring: Ring) -> Points:
    return np.concatenate([arcs[number if number >= 0 else ~number] for number in ring])


def _stepped(points: Points) -> Points:
    """Return the same line with steps of at most `STEP_KM`; longitudes may leave +-180."""
    steps = np.diff(points, axis=0)
    steps[:, 0] = (steps[:, 0] + 180) % 360 - 180
    cuts = np.maximum(np.ceil(np.hypot(*steps.T) * _KM_PER_DEGREE / STEP_KM), 1).astype(int)
    begins = points[0] + np.cumsum(steps, axis=0) - steps
    of = np.repeat(np.arange(len(cuts)), cuts)
    part = np.arange(1, len(of) + 1) - np.repeat(np.cumsum(cuts) - cuts, cuts)
    ends = begins[of] + steps[of] * (part / cuts[of])[:, np.newaxis]
    return np.concatenate([points[:1], _on_grid(ends)])


def _circle(patch: Patch) -> Points:
    """Return a closed line around the disc of a patch."""
    turns = np.arange(_PATCH_CORNERS + 1) * (2 * np.pi / _PATCH_CORNERS)
    reach = patch.radius_km / np.cos(np.pi / _PATCH_CORNERS) / 110.5  # the shortest degree
    x = patch.longitude + reach * np.cos(turns) / np.cos(np.radians(patch.latitude))
    return _on_grid(np.column_stack([x, patch.latitude + reach * np.sin(turns)]))


def _on_grid(points: Points) -> Points:
    found: Points = np.rint(points * PER_DEGREE) / PER_DEGREE
    return found
