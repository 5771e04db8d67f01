"""Bytes: where the regions of clouds are, and which published range of one holds an address.

Rules
- A region's place is that of the catalogue of zones (`tables/zones.toml`); a region without a row
  there, or with a recalled one, has none.
- Lists that the user imports come before the table of the release.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple, Protocol

import msgspec

from collector.facts import zones
from collector.facts.atlas import Atlas
from collector.facts.cloudranges import CloudRange
from collector.facts.imported import CloudRow, Imports
from collector.facts.networks import Address
from collector.records import Place


class Region(NamedTuple):
    """What the catalogue knows of a region."""

    region: str
    """As the catalogue calls it."""
    place: Place | None
    """None where its row is recalled."""
    asns: tuple[int, ...]


@cache
def regions() -> Mapping[tuple[str, str], Region]:
    """Return the regions of the catalogue by cloud and by each name that ranges give them."""
    found = {}
    for row in zones.load():
        place = None if row.status == "recalled" else row.zone.place
        known = Region(row.zone.region, place, row.asns)
        found[row.zone.provider, row.zone.region] = known
        for name in row.also:
            provider, slash, region = name.rpartition("/")
            found[provider if slash else row.zone.provider, region] = known
    return found


@cache
def _asns() -> Mapping[str, tuple[int, ...]]:
    """Return the AS numbers of each cloud of the catalogue."""
    return {row.zone.provider: row.asns for row in zones.load()}


def known(provider: str, region: str) -> Region:
    """Return what is known of a region; of a strange one its name and its cloud's AS numbers."""
    strange = Region(region, None, _asns().get(provider, ()))
    return regions().get((provider, region), strange)


def of_range(one: CloudRange, *, name: str, source: str, date: str) -> CloudRow:
    """Return the row of a range in a list that the user imports under `name`."""
    region = known(one.provider, one.region)
    return CloudRow(
        first=str(one.network[0]),
        last=str(one.network[-1]),
        provider=one.provider,
        region=region.region,
        regional=one.regional,
        place=region.place,
        asns=region.asns,
        imported=name,
        status="read",
        source=source,
        date=date,
    )


class CloudTable(Protocol):
    """What knows clouds' ranges."""

    def find(self, address: Address) -> CloudRow | None:
        """Return the row that holds `address`, if any."""
        ...


class Clouds:
    """The user's lists, and behind them the compiled table."""

    def __init__(self, imports: Imports, atlas: Atlas) -> None:
        """Ask these."""
        self._imports = imports
        self._atlas = atlas

    def find(self, address: Address) -> CloudRow | None:
        """Return the row that holds `address`, the user's first, disputed where both differ."""
        own, compiled = self._imports.cloud(address), self._compiled(address)
        if own is None or compiled is None:
            return own or compiled
        theirs = f"{compiled.provider}/{compiled.region}"
        agreed = theirs == f"{own.provider}/{own.region}"
        return own if agreed else msgspec.structs.replace(own, disputed=theirs)

    def _compiled(self, address: Address) -> CloudRow | None:
        found = self._atlas.cloud(address)
        if found is None:
            return None
        header, row = found
        provider, _, name = row.text.partition("/")
        region = known(provider, name)
        return CloudRow(
            first=row.first,
            last=row.last,
            provider=provider,
            region=region.region,
            regional=bool(row.number),
            place=region.place,
            asns=region.asns,
            status=header.status,
            source=header.source,
            date=header.date,
        )


class StatedClouds:
    """Rows of a Statement, looked through one by one; others behind them."""

    def __init__(self, rows: Sequence[CloudRow], behind: CloudTable | None = None) -> None:
        """Keep the rows."""
        self._rows = tuple((*_span(row), row) for row in rows)
        self._behind = behind

    def find(self, address: Address) -> CloudRow | None:
        """Return the row that holds `address`."""
        for version, first, last, row in self._rows:
            if version == address.version and first <= int(address) <= last:
                return row
        return None if self._behind is None else self._behind.find(address)


def _span(row: CloudRow) -> tuple[int, int, int]:
    """Return the family and both ends of a range.

    Raises:
        ValueError: an end is no address.
    """
    first, last = ip_address(row.first), ip_address(row.last)
    return first.version, int(first), int(last)
