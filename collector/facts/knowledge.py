"""Bytes: the tables about the world and the user's overrides, read into one value with digests.

Rules
- A verdict depends on a path, on the declared zone and on this value alone: equal digests mean
  that equal paths get equal verdicts.
- The digest of a table is the SHA-256 of its rows as canonical JSON (RFC 8785), so it does not
  depend on the layout of the file; of a compiled table it is that of its payload.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import rfc8785

from collector.facts import carriers, exchanges, knownanycast, networks, operators, places
from collector.facts.atlas import Atlas
from collector.facts.carriers import Carrier
from collector.facts.clouds import Clouds, CloudTable, StatedClouds, regions
from collector.facts.exchanges import ExchangeLan
from collector.facts.imported import CloudRow, DatedImports, ImportedRow, Imports, NoImports
from collector.facts.knownanycast import AnycastRange
from collector.facts.names import NameReader
from collector.facts.networks import Networks, Prefixes, parse
from collector.facts.operators import Operator
from collector.facts.places import PlaceRow
from collector.facts.regions import JURISDICTIONS, written
from collector.facts.soil import Soil
from collector.records import Jurisdiction, NetworkOverride


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """The tables, ready to be asked; itself a key for what is kept of their answers."""

    operators: tuple[Operator, ...]
    names: NameReader
    places: Mapping[str, PlaceRow]
    networks: Networks
    carriers: Mapping[int, Carrier]
    """By AS number."""
    lans: Prefixes[ExchangeLan]
    table_sha256: Mapping[str, str]
    atlas: Atlas = field(default_factory=lambda: Atlas({}))
    anycast: Prefixes[AnycastRange] = field(default_factory=lambda: Prefixes([]))
    """Ranges that are known to answer from many places."""
    imports: Imports = field(default_factory=NoImports)
    """What the user's files say."""
    clouds: CloudTable = field(default_factory=lambda: StatedClouds(()))
    """Ranges of clouds."""
    soil: Soil | None = None
    """Whose soil is where; None where it was not compiled, and nothing can be proven."""
    jurisdictions: tuple[Jurisdiction, ...] = JURISDICTIONS
    """All that a path is judged for: those of this release and the operator's own."""

    def exchange(self, address: str) -> ExchangeLan | None:
        """Return the exchange whose shared network holds `address`, None for all others."""
        parsed = parse(address)
        return None if parsed is None else self.lans.find(parsed)

    def anycast_range(self, address: str) -> AnycastRange | None:
        """Return the range of a known service in many places that holds `address`, if any."""
        parsed = parse(address)
        return None if parsed is None else self.anycast.find(parsed)

    def cloud(self, address: str) -> CloudRow | None:
        """Return the range of a cloud's region that holds `address`, None for all others."""
        parsed = parse(address)
        return None if parsed is None else self.clouds.find(parsed)

    def imported(self, address: str) -> tuple[ImportedRow, ...]:
        """Return what the user's databases and geofeeds say of `address`."""
        parsed = parse(address)
        return () if parsed is None else self.imports.said(parsed)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 (hex) of each table, by the table's name."""
        return dict(self.table_sha256)


def load(
    overrides: Sequence[NetworkOverride] = (),
    atlas: Atlas | None = None,
    soil: Soil | None = None,
    own: Sequence[Jurisdiction] = (),
    imports: DatedImports | None = None,
) -> Knowledge:
    """Return the tables of this release, the user's rows of holders and the compiled tables.

    `atlas` is what `facts.atlas.load` opened, `soil` the compiled borders; None: there are
    none. `own` are the jurisdictions that paths are judged for beyond those of `JURISDICTIONS`.

    Raises:
        ValueError: the prefix of an override is malformed, or has host bits set.
    """
    known, cities, lans = tuple(operators.load()), places.load(), exchanges.load()
    _check_places(known, lans, cities)
    holders, several = carriers.load(), knownanycast.load()
    compiled = Atlas({}) if atlas is None else atlas
    files = NoImports() if imports is None else imports
    ranges = Networks(networks.load_special(), overrides, compiled)
    return Knowledge(
        operators=known,
        names=NameReader(known),
        places=cities,
        networks=ranges,
        carriers={asn: row for row in holders for asn in row.asns},
        lans=Prefixes([(lan.prefix, lan) for lan in lans]),
        anycast=Prefixes([(row.prefix, row) for row in several]),
        atlas=compiled,
        imports=files,
        clouds=Clouds(files, compiled),
        soil=soil,
        jurisdictions=(*JURISDICTIONS, *own),
        table_sha256={
            **{name: table.header.sha256 for name, table in compiled.tables.items()},
            **_of_clouds(compiled),
            **({} if imports is None else imports.sha256),
            **({} if soil is None else {"soil": soil.header.sha256}),
            "anycast": _digest(msgspec.to_builtins(several)),
            "carriers": _digest(msgspec.to_builtins(holders)),
            "exchanges": _digest(msgspec.to_builtins(lans)),
            "jurisdictions": _digest([written(row) for row in (*JURISDICTIONS, *own)]),
            "names": _digest(msgspec.to_builtins(known)),
            "networks": _digest(msgspec.to_builtins(ranges.overrides)),
            "places": _digest([msgspec.to_builtins(row) for row in cities.values()]),
            "special": _digest(msgspec.to_builtins(ranges.special_rows)),
        },
    )


def _of_clouds(atlas: Atlas) -> dict[str, str]:
    """Return the digest of the table of clouds and of the places that its regions have here."""
    table = atlas.tables.get("cloud")
    if table is None:
        return {}
    places = [[*key, msgspec.to_builtins(found)] for key, found in sorted(regions().items())]
    return {"cloud": _digest([table.header.sha256, places])}


def _check_places(
    known: Sequence[Operator], lans: Sequence[ExchangeLan], cities: Mapping[str, PlaceRow]
) -> None:
    """Stop where a rule or an exchange names a place that has no row: the release is broken."""
    for operator in known:
        for rule in operator.rules:
            lost = [row.code for row in rule.codes if row.place not in cities]
            if lost:
                raise AssertionError(f"rule {rule.id}: codes {lost} name places of no row")
    for lan in lans:
        if lan.place is not None and lan.place not in cities:
            raise AssertionError(f"exchange {lan.exchange}: {lan.place} is the place of no row")


def _digest(rows: Any) -> str:  # noqa: ANN401 - any JSON value
    return hashlib.sha256(rfc8785.dumps(rows)).hexdigest()
