"""Nearest soil the slow way: distances to the corners of lines, the best of them by geodesics."""

import numpy as np
from geographiclib.geodesic import Geodesic
from numpy.typing import NDArray

from collector.soil import Ground, Soil

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


def haversine_km(points: NDArray[np.float64], here: tuple[float, float]) -> NDArray[np.float64]:
    """Return distances on a sphere."""
    x, y = np.radians(points).T
    latitude, longitude = np.radians(here)
    half = np.sin((y - latitude) / 2) ** 2
    half += np.cos(y) * np.cos(latitude) * np.sin((x - longitude) / 2) ** 2
    found: NDArray[np.float64] = 2 * MEAN_RADIUS_KM * np.arcsin(np.sqrt(half))
    return found
