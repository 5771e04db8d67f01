"""Nearest soil the slow way: distances to the corners of lines, the best of them by geodesics."""

from collections.abc import Callable
from functools import cache

import numpy as np
from geographiclib.geodesic import Geodesic
from numpy.typing import NDArray

from collector.facts.soil import Ground, Soil
from collector.records import Jurisdiction
from deploy.lab.world import City

MEAN_RADIUS_KM = 6371.0088


def geodesic_km(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Return the geodesic on WGS84 between two (latitude, longitude) points."""
    return float(Geodesic.WGS84.Inverse(*here, *there)["s12"]) / 1000


def detour_km(
    soil: Soil, ground: Ground, here: tuple[float, float], there: tuple[float, float]
) -> float:
    """Return the least way over a corner of the ground's lines: the truth, or up to 5 km more.

    Haversines (0.6 % wrong at most) choose the corners; whichever could be the best is measured.
    """
    points = np.unique(soil.points[ground.runs].reshape(-1, 2), axis=0).astype(np.float64)
    rough = haversine_km(points, here) + haversine_km(points, there)
    near = points[rough <= rough.min() * 1.012]
    order = np.argsort(haversine_km(near, here) + haversine_km(near, there))[:150]
    return min(
        geodesic_km(here, (y, x)) + geodesic_km((y, x), there) for x, y in near[order].tolist()
    )


def map_of(soil: Soil) -> Callable[[City, Jurisdiction], float]:
    """Return what tells how far a city is from the soil of a jurisdiction: 0 on it.

    It may be up to 2.5 km too much: that is held against the judge, never for it.
    """

    @cache
    def away_km(latitude: float, longitude: float, territories: frozenset[str]) -> float:
        here = latitude, longitude
        if soil.at(*here) & territories:
            return 0.0
        return detour_km(soil, soil.home(territories), here, here) / 2

    return lambda city, row: away_km(city.latitude, city.longitude, row.territories)


def haversine_km(points: NDArray[np.float64], here: tuple[float, float]) -> NDArray[np.float64]:
    """Return distances on a sphere."""
    x, y = np.radians(points).T
    latitude, longitude = np.radians(here)
    half = np.sin((y - latitude) / 2) ** 2
    half += np.cos(y) * np.cos(latitude) * np.sin((x - longitude) / 2) ** 2
    found: NDArray[np.float64] = 2 * MEAN_RADIUS_KM * np.arcsin(np.sqrt(half))
    return found
