"""Decider: which places a round-trip time refutes, at the speed of light in vacuum.

Rules
- A device that answered after t is not farther than c t / 2 (disc B1: CBG, Gueye et al. 2004;
  at c, because hollow-core fibre, microwave and laser links come near it, and glass does not
  bound anything). A large time proves nothing: delay can always be added.
- Everything uncertain is given to the place: the origin's radius, the place's radius, the weight
  of the last digit of the time, and 200 ppm of it for the clock's rate.
- Distances are geodesics on WGS84 (Karney 2013, through geographiclib), not on a sphere.
- An origin that is absent or no position on Earth, and a time that is not positive or longer
  than an hour, refute nothing.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from geographiclib.geodesic import Geodesic

from agent.records import Origin
from collector.records import Place

C_KM_PER_NS: Final = 299_792.458e-9
CLOCK_RATE_PPM: Final = 200
LONGEST_NS: Final = 3_600_000_000_000
_KEPT_ORIGINS: Final = 1024
_KEPT_PLACES: Final = 1024
"""Of each origin: combinations of cities that one router is said to be in."""


@dataclass(frozen=True, slots=True)
class Refutation:
    """A place that lies beyond the disc, with the numbers that show it."""

    rtt_ns: int
    """The smallest time of the address, as measured."""
    distance_km: float
    """From the origin to the place, both radii already subtracted."""
    allowed_km: float
    """How far light in vacuum comes in half of the bound."""


def usable_ns(rtt_ns: int | None) -> int | None:
    """Return `rtt_ns` where it can be the time of a round trip, else None."""
    return rtt_ns if rtt_ns is not None and 0 < rtt_ns <= LONGEST_NS else None


def refute(
    place: Place, *, origin: Origin | None, rtt_ns: int | None, resolution_ns: int
) -> Refutation | None:
    """Return why `place` cannot hold a device that answered `origin` in `rtt_ns`, None if it can.

    `resolution_ns` is the weight of the last digit of the time.
    """
    measured_ns = usable_ns(rtt_ns)
    if origin is None or measured_ns is None:
        return None
    least_km, allowed_km = _least_km(origin, place), reach_km(measured_ns, resolution_ns)
    if least_km is None or least_km <= allowed_km:
        return None
    return Refutation(rtt_ns=measured_ns, distance_km=least_km, allowed_km=allowed_km)


class Observer:
    """Who measured times: where that was, and how finely; what these times refute."""

    def __init__(self, origin: Origin | None, resolution_ns: int) -> None:
        """Keep both; an origin of None refutes nothing."""
        self._origin = origin
        self._resolution_ns = resolution_ns
        self.refuting_ns = lru_cache(_KEPT_PLACES)(self._refuting_ns)

    def refutes(self, place: Place, rtt_ns: int | None) -> Refutation | None:
        """Return why what answered in `rtt_ns` cannot be at `place`, None if it can."""
        return refute(place, origin=self._origin, rtt_ns=rtt_ns, resolution_ns=self._resolution_ns)

    def _refuting_ns(self, places: tuple[Place, ...]) -> float:
        """Return a time that, and above which none, refutes any of these places."""
        far_km = (None if self._origin is None else _least_km(self._origin, one) for one in places)
        return max(
            (longest_ns(km, self._resolution_ns) for km in far_km if km is not None),
            default=-math.inf,
        )


@lru_cache(_KEPT_ORIGINS)
def observer(origin: Origin | None, resolution_ns: int) -> Observer:
    """Return who measures from there, the same one for the same origin."""
    return Observer(origin, resolution_ns)


@lru_cache(maxsize=16_384)
def _least_km(origin: Origin, place: Place) -> float | None:
    """Return how far apart both are at least, None where one of them is no position on Earth."""
    if not _on_earth(origin) or not _at(place):
        return None
    between_km = distance_km(origin.latitude, origin.longitude, place.latitude, place.longitude)
    return between_km - origin.radius_km - place.radius_km


def reach_km(rtt_ns: int, resolution_ns: int) -> float:
    """Return how far away what answered in `rtt_ns` can be; resolution and clock rate are added.

    `rtt_ns` is one that `usable_ns` lets pass.
    """
    error_ns = min(max(resolution_ns, 0), LONGEST_NS)
    return C_KM_PER_NS * (rtt_ns + error_ns) * (1 + CLOCK_RATE_PPM * 1e-6) / 2


def longest_ns(distance_km: float, resolution_ns: int) -> float:
    """Return a time after which what answered can be farther away than `distance_km`.

    The inverse of `reach_km`, longer by a nanosecond than what rounding can spoil.
    """
    error_ns = min(max(resolution_ns, 0), LONGEST_NS)
    return 2 * distance_km / (C_KM_PER_NS * (1 + CLOCK_RATE_PPM * 1e-6)) - error_ns + 1


@lru_cache(maxsize=16_384)
def distance_km(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> float:
    """Return the length of the geodesic on WGS84 between two points in degrees."""
    line = Geodesic.WGS84.Inverse(
        latitude, longitude, other_latitude, other_longitude, Geodesic.DISTANCE
    )
    return float(line["s12"]) / 1000


def _on_earth(origin: Origin) -> bool:
    radius_km = origin.radius_km
    return _is_position(origin.latitude, origin.longitude) and 0 <= radius_km < math.inf


def _at(place: Place) -> bool:
    radius_km = place.radius_km
    return _is_position(place.latitude, place.longitude) and 0 <= radius_km < math.inf


def _is_position(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 360  # noqa: PLR2004 - degrees
