"""Words: the zone catalogue: cloud regions with their place, their group and what may be probed.

Rules
- A row is as good as the worst of what it rests on: its own status and its provider's.
- A `recalled` row is shown, never probed, and decides nothing.
- A row without targets says in its `note` why no public name shows that region.
- The key is (provider, region): the same region id is London at one provider, Paris at another.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files

import msgspec

from collector.facts import carriers, places
from collector.records import Place, Status, Zone


class CatalogueZone(msgspec.Struct, frozen=True, kw_only=True):
    """One region of one provider."""

    zone: Zone
    provider_name: str
    group: str
    """Who controls the provider in the end."""
    status: Status
    source: str
    date: str
    note: str
    asns: tuple[int, ...] = ()
    """The provider's own AS numbers, where carriers.toml knows them."""
    also: tuple[str, ...] = ()
    """What the provider's list of ranges calls the region, where that is another word."""

    @property
    def probed(self) -> bool:
        """Tell whether `make run` may send packets there."""
        return bool(self.zone.targets) and self.status != "recalled"


class _Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    name: str
    asn: int | None = None
    """A number of the row of carriers.toml that knows the group; else the group stands here."""
    group: str = ""
    group_country: str = ""
    status: Status = "recalled"
    sources: tuple[str, ...] = ()


class _Group(msgspec.Struct, frozen=True, kw_only=True):
    provider_name: str
    name: str
    country: str
    status: Status
    source: str
    asns: tuple[int, ...]


class _Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    name: str
    territory: str
    latitude: float
    longitude: float
    geoname_id: int
    radius_km: float


class _Zone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    region: str
    place: str
    targets: tuple[str, ...]
    sources: tuple[str, ...]
    radius_km: float | None = None
    status: Status = "read"
    note: str = ""
    also: tuple[str, ...] = ()


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    date: str
    radius_km: float
    """Of a zone in a city, where its row gives no other."""
    documents: dict[str, str]
    """What a short name among `sources` stands for."""
    providers: tuple[_Provider, ...]
    places: tuple[_Place, ...]
    zones: tuple[_Zone, ...]


def load() -> Sequence[CatalogueZone]:
    """Return the catalogue in the order of its file, every row with status, source and date."""
    document = (files("collector") / "tables" / "zones.toml").read_bytes()
    table = msgspec.toml.decode(document, type=_Table)
    groups, where = _groups(table), _places(table)
    return tuple(_row(zone, groups[zone.provider], where, table) for zone in table.zones)


def _groups(table: _Table) -> Mapping[str, _Group]:
    """Return who is behind each provider: what carriers.toml says, where it knows the provider."""
    known = {asn: row for row in carriers.load() for asn in row.asns}
    found = {}
    for row in table.providers:
        carrier = None if row.asn is None else known[row.asn]
        sources = "; ".join(table.documents[key] for key in row.sources)
        found[row.key] = _Group(
            provider_name=row.name,
            name=carrier.group if carrier else row.group,
            country=carrier.group_country if carrier else row.group_country,
            status=carrier.status if carrier else row.status,
            source=carrier.source if carrier else sources,
            asns=carrier.asns if carrier else (),
        )
    return found


def _places(table: _Table) -> Mapping[str, Place]:
    """Return the places of this table and of places.toml; the latter with this table's radius."""
    cities = {
        key: msgspec.structs.replace(row.place, radius_km=table.radius_km)
        for key, row in places.load().items()
    }
    own = {
        row.key: Place(
            name=row.name,
            territory=row.territory,
            latitude=row.latitude,
            longitude=row.longitude,
            radius_km=row.radius_km,
        )
        for row in table.places
    }
    return cities | own


def _row(row: _Zone, group: _Group, where: Mapping[str, Place], table: _Table) -> CatalogueZone:
    place = where[row.place]
    if row.radius_km is not None:
        place = msgspec.structs.replace(place, radius_km=row.radius_km)
    known = "recalled" not in {row.status, group.status}
    sources = [
        "" if known else "recalled: the id, the place or the group is from memory",
        *(table.documents[key] for key in row.sources),
        group.source,
        table.documents["geonames"],
    ]
    return CatalogueZone(
        zone=Zone(
            provider=row.provider,
            region=row.region,
            place=place,
            group_country=group.country,
            targets=row.targets,
        ),
        provider_name=group.provider_name,
        group=group.name,
        status="read" if known else "recalled",
        source="; ".join(filter(None, sources)),
        date=table.date,
        note=row.note,
        asns=group.asns,
        also=row.also,
    )
