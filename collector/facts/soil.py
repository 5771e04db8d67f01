"""Bytes: whose soil is where: compiled borders, their file, and one point looked up in them.

Sections of soil.atlas, a sealed file (`facts.sealed`) with `Header`, little-endian. The lines
of `collector.facts.topology` are cut into runs of at most 32 steps.

    points    f32  (runs, 33, 2)  longitude and latitude in degrees; the last point of a short run
                                  is repeated
    labels    u16  (runs, 2)      the labels whose soil ends at this run, counted from 1; 0: none
    centres   f64  (runs, 3)      a point of the sphere (see below) near the middle of the run
    reaches   f64  (runs,)        the angle from it to the farthest point of the run, in radians
    bounds    f32  (runs, 3)      westmost longitude, width, northmost latitude, in degrees

The sphere is the one of reduced latitudes: tan u = (1 - f) tan latitude. A curve on WGS84 is never
shorter than b, and never longer than a, times its length there: its element is the root of
(a^2 sin^2 u + b^2 cos^2 u) du^2 + a^2 cos^2 u dlon^2.

Rules
- A point is on the soil of a label if the meridian from it to the north pole crosses the lines
  of that label an odd number of times; no soil contains the north pole. Sea is nobody's soil.
- Soil with several claims, and soil under a patch, belongs to each of them: `at` names all.
- What is told of a point nearer to a line than the tolerance of the borders decides nothing; who
  proves subtracts it (`collector.judgement.proofs`).
"""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.facts.sealed import seal, unseal
from collector.facts.territories import Claims
from collector.facts.topology import PER_DEGREE, Borders, Points
from collector.records import Status

VERSION: Final = 1
"""Of the layout, of the table of territories, and of what the compiler makes of the same data: it
rises with each."""
STEPS: Final = 32
A_KM: Final = 6378.137
B_KM: Final = 6378.137 * (1 - 1 / 298.257223563)
_KEPT: Final = 512

F64: TypeAlias = NDArray[np.float64]
Chosen: TypeAlias = NDArray[np.bool_]
"""One truth for each run."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the table is, and where it comes from."""

    name: str
    source: str
    date: str
    """Day of the data."""
    licence: str
    attribution: tuple[str, ...]
    caution: str
    status: Status = "read"
    labels: tuple[tuple[str, ...], ...]
    """The claims of each label, rising."""
    runs: int
    sha256: str
    """Of the payload."""


@dataclass(frozen=True, eq=False, slots=True)
class Ground:
    """The soil that a question is about: which runs bound it, and its labels."""

    runs: Chosen
    labels: frozenset[int]


def pack(borders: Borders, about: Mapping[str, object]) -> bytes:
    """Return the file of compiled borders; `about` tells their origin in the header."""
    runs = [
        (line.points[at : at + STEPS + 1], line.labels)
        for line in borders.lines
        for at in range(0, max(len(line.points) - 1, 1), STEPS)
    ]
    points = np.empty((len(runs), STEPS + 1, 2), "<f4")
    labels = np.zeros((len(runs), 2), "<u2")
    for number, (part, ends) in enumerate(runs):
        points[number, : len(part)] = part
        points[number, len(part) :] = part[-1]
        labels[number, : len(ends)] = np.array(ends) + 1
    on_sphere = sphere(points.astype(np.float64))
    centres = on_sphere.mean(axis=1)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    reaches = angle(on_sphere, centres[:, np.newaxis]).max(axis=1)
    west = points[..., 0].min(axis=1)
    bounds = np.column_stack([west, points[..., 0].max(axis=1) - west, points[..., 1].max(axis=1)])
    told = [sorted(claims) for claims in borders.labels]
    parts = {
        "points": points.tobytes(),
        "labels": labels.tobytes(),
        "centres": centres.astype("<f8").tobytes(),
        "reaches": reaches.astype("<f8").tobytes(),
        "bounds": bounds.astype("<f4").tobytes(),
    }
    return seal(VERSION, {**about, "labels": told, "runs": len(runs)}, parts)


def sphere(points: Points) -> F64:
    """Return the unit vectors on the sphere of (..., 2) longitudes and latitudes in degrees."""
    longitude, latitude = np.radians(points[..., 0]), np.radians(points[..., 1])
    up, out = B_KM * np.sin(latitude), A_KM * np.cos(latitude)
    length = np.hypot(up, out)
    out /= length
    return np.stack([out * np.cos(longitude), out * np.sin(longitude), up / length], axis=-1)


def angle(points: F64, other: F64) -> F64:
    """Return the angles between unit vectors, in radians; exact for small ones as well."""
    chords = np.sqrt(np.square(points - other).sum(axis=-1))
    found: F64 = 2 * np.arcsin(np.minimum(chords / 2, 1))
    return found


class Soil:
    """The opened table."""

    def __init__(self, path: Path) -> None:
        """Check and map the file.

        Raises:
            CorruptError: It is no table of this version, or was damaged; says what to do.
            StoreError: It cannot be read.
        """
        text, sections = unseal(path, VERSION)
        self.header = msgspec.json.decode(text, type=Header)
        self.claims = tuple(frozenset(row) for row in self.header.labels)
        self.known: Claims = frozenset().union(*self.claims)
        runs = self.header.runs
        points = np.frombuffer(sections["points"], "<f4")
        self.points = points.reshape(runs, STEPS + 1, 2)
        self.labels = np.frombuffer(sections["labels"], "<u2").reshape(runs, 2)
        self.centres = np.frombuffer(sections["centres"], "<f8").reshape(runs, 3)
        self.reaches = np.frombuffer(sections["reaches"], "<f8")
        self._bounds = np.frombuffer(sections["bounds"], "<f4").reshape(runs, 3)
        self.home: Callable[[Claims], Ground] = lru_cache(_KEPT)(self._home)
        self.abroad: Callable[[Claims], Ground] = lru_cache(_KEPT)(self._abroad)
        self.of: Callable[[Claims], Ground] = lru_cache(_KEPT)(self._of)
        self.labels_at: Callable[[float, float], frozenset[int]]
        self.labels_at = lru_cache(_KEPT)(self._labels_at)

    @property
    def dated_s(self) -> int:
        """Return the day of the data, Unix time of its midnight."""
        day = dt.date.fromisoformat(self.header.date)
        return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp())

    @classmethod
    def open(cls, directory: Path) -> "Soil | None":
        """Return the table of a directory of compiled ones, None where it was not built.

        Raises: as the constructor.
        """
        path = directory / "soil.atlas"
        return cls(path) if path.exists() else None

    def at(self, latitude: float, longitude: float) -> Claims:
        """Return every territory that may own the soil at a point; none at sea."""
        return frozenset().union(*(self.claims[n] for n in self.labels_at(latitude, longitude)))

    def _home(self, territories: Claims) -> Ground:
        """Return the soil that may belong to one of the territories."""
        return self._ground({n for n, claims in enumerate(self.claims) if claims & territories})

    def _abroad(self, territories: Claims) -> Ground:
        """Return the soil that may belong to none of the territories."""
        return self._ground({n for n, claims in enumerate(self.claims) if claims - territories})

    def _of(self, claims: Claims) -> Ground:
        """Return the soil that has just these claims."""
        return self._ground({n for n, found in enumerate(self.claims) if found == claims})

    def _ground(self, labels: set[int]) -> Ground:
        wanted = np.zeros(len(self.claims) + 1, np.bool_)
        wanted[[n + 1 for n in labels]] = True
        return Ground(wanted[self.labels].any(axis=1), frozenset(labels))

    def _labels_at(self, latitude: float, longitude: float) -> frozenset[int]:
        west, width, north = self._bounds.T
        meridian = (math.floor(longitude * PER_DEGREE) + 0.5) / PER_DEGREE  # meets no point
        over = (north >= latitude) & ((meridian - west.astype(np.float64)) % 360 <= width)
        near = np.flatnonzero(over)
        points = self.points[near].astype(np.float64)
        x = (points[..., 0] - meridian + 180) % 360 - 180
        crossed = _crossings(x, points[..., 1] - latitude)
        odd: set[int] = set()
        for run in near[crossed % 2 == 1]:
            odd ^= set(self.labels[run].tolist()) - {0}
        return frozenset(label - 1 for label in odd)


def _crossings(x: F64, y: F64) -> NDArray[np.int64]:
    """Return how often each of (n, m) lines crosses the half-line x = 0, y > 0."""
    x0, x1, y0, y1 = x[:, :-1], x[:, 1:], y[:, :-1], y[:, 1:]
    across = ((x0 >= 0) != (x1 >= 0)) & (np.abs(x1 - x0) < 180)  # noqa: PLR2004 - degrees
    height = y0 * x1 - y1 * x0
    found: NDArray[np.int64] = (across & ((height > 0) == (x1 > x0)) & (height != 0)).sum(axis=1)
    return found
