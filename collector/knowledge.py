"""Words: everything that the collector knows about the world, as one value that verdicts name.

Rules
- A verdict depends on a path, on the declared zone and on this value alone: equal digests mean
  that equal paths get equal verdicts.
- The digest of a table is the SHA-256 of its rows as canonical JSON (RFC 8785), so it does not
  depend on the layout of the file.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import rfc8785

from collector import networks, operators, places
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

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 (hex) of each table, by the table's name."""
        tables = {
            "jurisdictions": [
                {**msgspec.to_builtins(row), "territories": sorted(row.territories)}
                for row in JURISDICTIONS
            ],
            "names": msgspec.to_builtins(self.operators),
            "networks": msgspec.to_builtins(self.networks.overrides),
            "places": [msgspec.to_builtins(row) for row in self.places.values()],
            "special": msgspec.to_builtins(self.networks.special_rows),
        }
        return {
            name: hashlib.sha256(rfc8785.dumps(rows)).hexdigest() for name, rows in tables.items()
        }


def load(overrides: Sequence[NetworkOverride] = ()) -> Knowledge:
    """Return the tables of this release together with the user's rows of holders.

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
    return Knowledge(
        operators=known,
        names=NameReader(known),
        places=cities,
        networks=Networks(networks.load_special(), overrides),
    )
