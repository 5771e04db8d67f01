"""Words: which shape of the published borders is soil of which territory (`tables/soil.toml`).

Rules
- A piece of soil has one or more claims: codes of the territories that it may belong to. A proof
  that depends on which of them is right does not exist.
- A shape without a row is an error, and so is a part without a piece: borders that changed their
  form are never compiled by guess.
- A patch is a disc of soil that the published borders lack or draw too coarsely (enclaves,
  atolls). It lies over what is there and takes nothing away from it.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TypeAlias

import msgspec

from collector.records import Status

Claims: TypeAlias = frozenset[str]


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shape without a code of its own, or with another right to it than its code says."""

    name: str
    claims: Claims
    why: str


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pieces of a shape that are a territory of their own."""

    shape: str
    """Name of the shape."""
    name: str
    box: tuple[float, float, float, float]
    """South, west, north, east, in degrees; the pieces lie wholly inside."""
    claims: Claims

    def holds(self, latitude: float, longitude: float) -> bool:
        """Tell whether a point lies in the box."""
        south, west, north, east = self.box
        return south <= latitude <= north and (longitude - west) % 360 <= east - west


class Patch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A disc of soil beside the shapes."""

    name: str
    latitude: float
    longitude: float
    radius_km: float
    claims: Claims
    why: str


class Islands(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Small islands, one disc each."""

    radius_km: float
    rows: tuple[tuple[str, str, float, float], ...]
    """Claims (codes with spaces), name, latitude and longitude."""


class Rights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table."""

    status: Status
    source: str
    date: str
    codes: str
    """Pairs: the numeric code of ISO 3166-1 and the alpha-2 code."""
    shapes: tuple[Shape, ...]
    parts: tuple[Part, ...]
    patches: tuple[Patch, ...]
    islands: Islands

    def discs(self) -> tuple[Patch, ...]:
        """Return the patches, and the islands as patches."""
        islands = (
            Patch(
                name=name,
                latitude=latitude,
                longitude=longitude,
                radius_km=self.islands.radius_km,
                claims=frozenset(claims.split()),
                why="an island that no shape has",
            )
            for claims, name, latitude, longitude in self.islands.rows
        )
        return (*self.patches, *islands)

    def alpha(self) -> Mapping[str, str]:
        """Return the alpha-2 code of each numeric one."""
        words = self.codes.split()
        return dict(zip(words[::2], words[1::2], strict=True))

    def of_shape(self, name: str, number: str | None) -> Claims | None:
        """Return the claims on a shape by its name and numeric code, None where no row says."""
        for shape in self.shapes:
            if shape.name == name:
                return shape.claims
        code = self.alpha().get(number or "")
        return None if code is None else frozenset({code})


@cache
def load() -> Rights:
    """Return the table of this release."""
    document = (files("collector") / "tables" / "soil.toml").read_bytes()
    return msgspec.toml.decode(document, type=Rights)
