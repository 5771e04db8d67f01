"""Words: where this host stands, as its operator declares it, or that nothing was declared.

Rules
- What was not declared is not guessed. An undeclared position is the whole Earth: a disc of
  20,038 km, half of the longest circle, so that no distance refutes anything. An undeclared
  country is `ZZ`, which ISO 3166-1 leaves to its users: it lies in no jurisdiction, so that
  nothing is demanded. See the decision record on `make run`.
"""

import math
import re
from typing import Final

import msgspec

EVERYWHERE_KM: Final = 20_038.0
NOWHERE: Final = "ZZ"
DEFAULT_RADIUS_KM: Final = 50.0
"""For a position without a radius: that of a guess of the city."""
MAX_LATITUDE, MAX_LONGITUDE = 90, 180
_COUNTRY = re.compile(r"[A-Z]{2}")
_EXAMPLE = "expected LAT,LON or LAT,LON,RADIUS_KM, such as AT=48.85,2.35,10"
_WITHOUT_RADIUS, _WITH_RADIUS = 2, 3


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Position, uncertainty and country of this host."""

    latitude: float = 0.0
    longitude: float = 0.0
    radius_km: float = EVERYWHERE_KM
    territory: str = NOWHERE

    @property
    def premises(self) -> tuple[str, ...]:
        """Return what was not declared and what does not happen for it, a sentence each."""
        found = []
        if self.radius_km >= EVERYWHERE_KM:
            found.append("no position was declared (AT=LAT,LON,RADIUS_KM): no distance is used")
        if self.territory == NOWHERE:
            found.append("no country was declared (COUNTRY=FR): no jurisdiction is demanded")
        return tuple(found)


def position(text: str) -> tuple[float, float, float]:
    """Return (latitude, longitude, radius in km) of `LAT,LON[,RADIUS_KM]`.

    Raises: ValueError with the form and an example.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == _WITHOUT_RADIUS:
        numbers.append(DEFAULT_RADIUS_KM)
    if len(numbers) != _WITH_RADIUS or not all(map(math.isfinite, numbers)):
        raise ValueError(f"AT={text!r}: {_EXAMPLE}")
    latitude, longitude, radius_km = numbers
    on_earth = abs(latitude) <= MAX_LATITUDE and abs(longitude) <= MAX_LONGITUDE
    if not on_earth or not 0 < radius_km <= EVERYWHERE_KM:
        raise ValueError(f"AT={text!r}: {_EXAMPLE}")
    return latitude, longitude, radius_km


def country(text: str) -> str:
    """Return a country's ISO 3166-1 code. Raises: ValueError with an example."""
    if not _COUNTRY.fullmatch(text):
        raise ValueError(f"COUNTRY={text!r}: expected two capital letters, such as COUNTRY=FR")
    return text
