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

from collector import networks, operators, places
from collector.atlas import Atlas
from collector.names import NameReader
from collector.networks import Networks
from collector.operators import Operator
from collector.places import PlaceRow
from collector.records import NetworkOverride
from collector.regions import JURISDICTIONS


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The tables, ready to be asked."""

    operators: tuple[Operator, ...]
    names: NameReader
    places: Mapping[str, PlaceRow]
    networks: Networks
    table_sha256: Mapping[str, str]
    atlas: Atlas = field(default_factory=lambda: Atlas({}))

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 (hex) of each table, by the table's name."""
        return dict(self.table_sha256)


def load(overrides: Sequence[NetworkOverride] = (), atlas: Atlas | None = None) -> Knowledge:
    """Return the tables of this release, the user's rows of holders and the compiled tables.

    `atlas` is what `collector.atlas.load` opened; None: no compiled tables.

    Raises:
        ValueError: the prefix of an override is malformed, or has host bits set.
    """
    known = tuple(operators.load())
    cities = places.load()
    for operator in known:
        for rule in operator.rules:
            lost = [row.code for row in rule.codes if row.place not in cities]
            if lost:
                raise AssertionError(f"rule {rule.id}: codes {lost} name places of no row")
    compiled = Atlas({}) if atlas is None else atlas
    ranges = Networks(networks.load_special(), overrides, compiled)
    return Knowledge(
        operators=known,
        names=NameReader(known),
        places=cities,
        networks=ranges,
        atlas=compiled,
        table_sha256={
            **{name: table.header.sha256 for name, table in compiled.tables.items()},
            "jurisdictions": _digest(
                [
                    {**msgspec.to_builtins(row), "territories": sorted(row.territories)}
                    for row in JURISDICTIONS
                ]
            ),
            "names": _digest(msgspec.to_builtins(known)),
            "networks": _digest(msgspec.to_builtins(ranges.overrides)),
            "places": _digest([msgspec.to_builtins(row) for row in cities.values()]),
            "special": _digest(msgspec.to_builtins(ranges.special_rows)),
        },
    )


def _digest(rows: Any) -> str:  # noqa: ANN401 - any JSON value
    return hashlib.sha256(rfc8785.dumps(rows)).hexdigest()
