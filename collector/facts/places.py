"""Words: the cities that name rules may point at, with coordinates, territory and source.

Rules
- Coordinates come from a data set that was opened, never from memory (`tables/places.toml`).
- `radius_km` says how far from the coordinates equipment "in" that city may stand. It is kept
  generous (a metropolitan area), because a place is refuted only beyond its radius.
- A place is a claim's meaning, not a measurement: nothing here says that a router is there.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

import msgspec

from collector.records import Place, Status


class PlaceRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One city of the table."""

    key: str
    """How name rules refer to it."""
    name: str
    territory: str
    latitude: float
    longitude: float
    radius_km: float
    geoname_id: int
    """The row of GeoNames that the coordinates come from."""
    status: Status
    source: str
    date: str

    @property
    def place(self) -> Place:
        """Return the row as the point that verdicts speak of."""
        return _place(self)


@lru_cache(1 << 12)
def _place(row: PlaceRow) -> Place:
    """Return the same point for the same row: thousands of routers share a city."""
    return Place(
        name=row.name,
        territory=row.territory,
        latitude=row.latitude,
        longitude=row.longitude,
        radius_km=row.radius_km,
    )


class _Defaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: Status
    source: str
    date: str
    radius_km: float


class _City(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    name: str
    territory: str
    latitude: float
    longitude: float
    geoname_id: int
    radius_km: float | None = None


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    defaults: _Defaults
    places: list[_City]


def load() -> Mapping[str, PlaceRow]:
    """Return the table of places by key, each row complete with its status, source and date."""
    document = (files("collector") / "tables" / "places.toml").read_bytes()
    table = msgspec.toml.decode(document, type=_Table)
    given = table.defaults
    rows = [
        PlaceRow(
            key=city.key,
            name=city.name,
            territory=city.territory,
            latitude=city.latitude,
            longitude=city.longitude,
            radius_km=given.radius_km if city.radius_km is None else city.radius_km,
            geoname_id=city.geoname_id,
            status=given.status,
            source=given.source,
            date=given.date,
        )
        for city in table.places
    ]
    by_key = {row.key: row for row in rows}
    if len(by_key) != len(rows):
        raise AssertionError("two places of the table share a key")
    return by_key
