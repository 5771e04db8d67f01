"""Decider: how near soil comes to a point, or to the way between two points, never overstated.

Rules
- `detour` is the least d(a, X) + d(X, b) over the points X of a ground; `distance` is half of it
  where b is a. Both are bounds from below: what is told is never more than the geodesic on WGS84.
- The search runs on the sphere of reduced latitudes (`facts.soil`), where an angle times b is
  at most the geodesic and times a at least: 0.336 % apart. Runs, then steps, that cannot hold the
  nearest point under either are left out; the other steps are cut into eighths.
- Where at most `EXACT` of these pieces could hold it, their ends are measured by geodesics (Karney
  2013, through geographiclib); else the least angle times b is told.
- Between the ends of a piece a sum of two distances changes by at most its length: so much is taken
  off (0.6 km at most). Lines are straight in longitude and latitude; the chord that stands for a
  step leaves it by metres: `GUARD_KM`.
- Two points of which one is on the ground have no detour but the way itself.
"""

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from collector.facts.soil import A_KM, B_KM, F64, Chosen, Ground, Soil, angle, sphere
from collector.judgement.discs import distance_km

GUARD_KM: Final = 0.02
EXACT: Final = 64
_FLATTER: Final = A_KM / B_KM
_EIGHTHS: Final = np.arange(9)[:, np.newaxis] / 8
_AT_ONCE: Final = 64
_KEPT: Final = 4096


class Point(NamedTuple):
    """A position in degrees."""

    latitude: float
    longitude: float


class Near(NamedTuple):
    """How near a ground comes."""

    km: float
    """Never more than the truth; infinite where there is no such ground."""
    at: Point | None
    """Where, to half a kilometre and the coarseness of the borders; None where there is none."""


@lru_cache(_KEPT)
def distance(soil: Soil, ground: Ground, here: Point) -> Near:
    """Return the distance from a point to a ground; 0 on it."""
    near = detour(soil, ground, here, here)
    return Near(near.km / 2, near.at)


@lru_cache(_KEPT)
def detour(soil: Soil, ground: Ground, here: Point, there: Point) -> Near:
    """Return the least length of a way from `here` to a ground and on to `there`."""
    for point in (here, there):
        if soil.labels_at(*point) & ground.labels:
            return Near(distance_km(*here, *there), point)
    first = _on_sphere(here)
    ends = first, first if here == there else _on_sphere(there)
    steps = _steps(soil, ground.runs, ends)
    if not len(steps):
        return Near(math.inf, None)
    return _nearest(steps, ends, here, there)


def nearest_claims(soil: Soil, here: Point, within_km: float) -> frozenset[str]:
    """Return whose soil a point is on, else whose is nearest to it, at most `within_km` away.

    A coast is drawn so coarsely that towns stand in the sea; no proof comes from this answer.
    """
    found = soil.at(*here)
    if found:
        return found
    lows = (angle(soil.centres, _on_sphere(here)) - soil.reaches) * B_KM
    labels = {n for n in soil.labels[lows <= within_km].ravel().tolist() if n}
    near = {
        claims: distance(soil, soil.of(claims), here).km
        for claims in {soil.claims[n - 1] for n in labels}
    }
    reached = (claims for claims, km in near.items() if km <= within_km)
    return min(reached, key=lambda claims: (near[claims], sorted(claims)), default=frozenset())


def _on_sphere(point: Point) -> F64:
    return sphere(np.array((point.longitude, point.latitude)))


def _sums(points: F64, ends: tuple[F64, F64]) -> F64:
    here, there = ends
    first = angle(points, here)
    return first * 2 if here is there else first + angle(points, there)


def _steps(soil: Soil, chosen: Chosen, ends: tuple[F64, F64]) -> F64:
    """Return the (n, 2, 3) ends of the steps of chosen runs that may hold the nearest point."""
    lows = np.where(chosen, _sums(soil.centres, ends) - 2 * soil.reaches, math.inf)
    if not chosen.any():
        return np.empty((0, 2, 3))
    limit, done = math.inf, np.zeros(len(lows), np.bool_)
    kept: list[tuple[F64, F64]] = []
    while True:
        left = np.flatnonzero(~done & (lows < limit))
        if not len(left):
            break
        if len(left) > _AT_ONCE:
            left = left[np.argpartition(lows[left], _AT_ONCE)[:_AT_ONCE]]
        done[left] = True
        points = sphere(soil.points[left].astype(np.float64))
        sums = _sums(points, ends)
        limit = min(limit, float(sums.min()) * _FLATTER)
        steps = np.stack([points[:, :-1], points[:, 1:]], axis=2).reshape(-1, 2, 3)
        least = (sums[:, :-1] + sums[:, 1:]).reshape(-1) / 2 - angle(steps[:, 0], steps[:, 1])
        kept.append((steps, least))
    return np.concatenate([steps[least < limit] for steps, least in kept])


def _nearest(steps: F64, ends: tuple[F64, F64], here: Point, there: Point) -> Near:
    begin, end = steps[:, :1], steps[:, 1:]
    points = begin + (end - begin) * _EIGHTHS
    points /= np.linalg.norm(points, axis=-1, keepdims=True)
    pieces = (angle(begin, end) / 8).repeat(9)
    points = points.reshape(-1, 3)
    sums = _sums(points, ends)
    best = int(sums.argmin())
    nearest = _point(points[best])
    most_km = _way_km(here, nearest, there)
    least_km = float((sums - pieces).min()) * B_KM
    may = np.flatnonzero((sums - pieces) * B_KM < most_km)
    if len(may) <= EXACT:
        measured = zip(points[may], pieces[may].tolist(), strict=True)
        least_km = min(_way_km(here, _point(p), there) - piece * A_KM for p, piece in measured)
    return Near(max(least_km - GUARD_KM, 0.0), nearest)


def _point(on_sphere: F64) -> Point:
    """Return the position of a point of the sphere of reduced latitudes."""
    x, y, up = on_sphere.tolist()
    latitude = math.atan2(up * A_KM, math.hypot(x, y) * B_KM)
    return Point(math.degrees(latitude), math.degrees(math.atan2(y, x)))


def _way_km(here: Point, over: Point, there: Point) -> float:
    first = distance_km(*here, *over)
    return 2 * first if here == there else first + distance_km(*over, *there)
