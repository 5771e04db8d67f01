"""Words: ranges of addresses: special ones, who announces and who registered the others.

Rules
- Special-purpose addresses (private, shared, documentation, multicast, ...) are excluded before
  any look-up. Many hosts share them: neither a name nor a time says anything about their place.
- The user's rows fill the display of AS and holder. They never give a place or a verdict:
  a registrant abroad with a router at home is the common case, not the exception.
- Origin and registrant are claims of tables (`facts.atlas`) and of the user, whose rows come
  first. They are administrative: no place follows from them.
- The longest prefix wins; of two rows for one prefix the later one in the file wins.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from collector.records import NetworkOverride, OriginRow, RegistrantRow, Status

_KEPT: Final = 1 << 14
"""Addresses that stay parsed: the rooms of a verdict ask for the same ones again and again."""

Address: TypeAlias = IPv4Address | IPv6Address
Row = TypeVar("Row")


class SpecialRange(msgspec.Struct, frozen=True, kw_only=True):
    """One special-purpose range."""

    prefix: str
    meaning: str
    status: Status
    source: str
    date: str


class _Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    prefix: str
    meaning: str
    source: str
    date: str = ""
    """Its own day, where it is not that of the table."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: Status
    date: str
    ranges: tuple[_Range, ...]


def load_special() -> tuple[SpecialRange, ...]:
    """Return the table of special-purpose ranges."""
    document = (files("collector") / "tables" / "special.toml").read_bytes()
    table = msgspec.toml.decode(document, type=_Table)
    return tuple(
        SpecialRange(
            prefix=row.prefix,
            meaning=row.meaning,
            status=table.status,
            source=row.source,
            date=row.date or table.date,
        )
        for row in table.ranges
    )


@lru_cache(maxsize=_KEPT)
def parse(address: str) -> Address | None:
    """Return the address without its scope, None where the text is no address."""
    try:
        return ip_address(address.partition("%")[0])
    except ValueError:
        return None


class Prefixes(Generic[Row]):
    """Rows by prefix, asked for the longest that holds an address."""

    def __init__(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Keep (prefix, row) pairs.

        Raises:
            ValueError: a prefix is malformed, or has host bits set.
        """
        self._by_length: dict[tuple[int, int], dict[int, Row]] = {}
        for prefix, row in rows:
            network = ip_network(prefix)
            length = (network.version, network.prefixlen)
            self._by_length.setdefault(length, {})[int(network.network_address)] = row
        self._lengths = {
            version: sorted((n for v, n in self._by_length if v == version), reverse=True)
            for version in (4, 6)
        }

    def find(self, address: Address) -> Row | None:
        """Return the row of the longest prefix that holds `address`, None where none does."""
        bits, version, longest = int(address), address.version, address.max_prefixlen
        for length in self._lengths[version]:
            host_bits = longest - length
            row = self._by_length[version, length].get(bits >> host_bits << host_bits)
            if row is not None:
                return row
        return None


class RangeTables(Protocol):
    """Compiled tables; `collector.facts.atlas.Atlas` is the one that runs."""

    def origin(self, address: Address) -> OriginRow | None:
        """Return the row of the AS that announces `address`, None where none is known."""
        ...

    def registrant(self, address: Address) -> RegistrantRow | None:
        """Return the row of the country that `address` is registered in, None where unknown."""
        ...


class Networks:
    """What is known of ranges: special-purpose ones, the user's rows, the compiled tables."""

    def __init__(
        self,
        special: Sequence[SpecialRange],
        overrides: Sequence[NetworkOverride],
        tables: RangeTables | None = None,
    ) -> None:
        """Index both tables of rows, and keep the compiled ones, if any.

        Raises:
            ValueError: the prefix of an override is malformed, or has host bits set.
        """
        self.special_rows = tuple(special)
        self.overrides = tuple(overrides)
        self._special = Prefixes([(row.prefix, row) for row in special])
        self._overrides = Prefixes([(row.prefix, row) for row in overrides])
        registered = [(row.prefix, row) for row in overrides if row.registrant is not None]
        self._registered = Prefixes(registered)
        self._tables = tables

    def special(self, address: str) -> SpecialRange | None:
        """Return the special-purpose range that holds `address`, None for all others.

        Text that is no address is in no range.
        """
        parsed = parse(address)
        return None if parsed is None else self._special.find(parsed)

    def holder(self, address: str) -> NetworkOverride | None:
        """Return the user's row with the longest prefix that holds `address`, None if none."""
        parsed = parse(address)
        return None if parsed is None else self._overrides.find(parsed)

    def origin(self, address: str) -> OriginRow | None:
        """Return who announces `address`: the user's row, else the table's; None where unknown."""
        parsed = parse(address)
        if parsed is None:
            return None
        row = self._overrides.find(parsed)
        if row is None:
            return None if self._tables is None else self._tables.origin(parsed)
        first, last = _ends(row.prefix)
        return OriginRow(
            first=first,
            last=last,
            asn=row.asn,
            holder=row.holder,
            status="read",
            source=_override(row),
            date=row.date,
        )

    def registrant(self, address: str) -> RegistrantRow | None:
        """Return where `address` is registered: the user's row, else the table's; None if unknown.

        A row of the user's that names no registrant leaves this to the wider ones and the table.
        """
        parsed = parse(address)
        if parsed is None:
            return None
        row = self._registered.find(parsed)
        if row is None or row.registrant is None:
            return None if self._tables is None else self._tables.registrant(parsed)
        first, last = _ends(row.prefix)
        return RegistrantRow(
            first=first,
            last=last,
            country=row.registrant,
            status="read",
            source=_override(row),
            date=row.date,
        )


def _ends(prefix: str) -> tuple[str, str]:
    network = ip_network(prefix)
    return str(network[0]), str(network[-1])


def _override(row: NetworkOverride) -> str:
    return f"override {row.prefix} by {row.author}: {row.reason}"
