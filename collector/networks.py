"""Words: ranges of addresses that no place can be told from, and the user's own rows of holders.

Rules
- Special-purpose addresses (private, shared, documentation, multicast, ...) are excluded before
  any look-up. Many hosts share them: neither a name nor a time says anything about their place.
- The user's rows fill the display of AS and holder. They never give a place or a verdict:
  a registrant abroad with a router at home is the common case, not the exception.
- The longest prefix wins; of two rows for one prefix the later one in the file wins.
"""

from collections.abc import Sequence
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Generic, TypeAlias, TypeVar

import msgspec

from collector.records import NetworkOverride, Status

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
            date=table.date,
        )
        for row in table.ranges
    )


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
        self._lengths = sorted(self._by_length, reverse=True)

    def find(self, address: Address) -> Row | None:
        """Return the row of the longest prefix that holds `address`, None where none does."""
        bits = int(address)
        for version, length in self._lengths:
            if version != address.version:
                continue
            host_bits = address.max_prefixlen - length
            row = self._by_length[version, length].get(bits >> host_bits << host_bits)
            if row is not None:
                return row
        return None


class Networks:
    """What is known of ranges: the special-purpose ones, and the user's rows of holders."""

    def __init__(
        self, special: Sequence[SpecialRange], overrides: Sequence[NetworkOverride]
    ) -> None:
        """Index both tables.

        Raises:
            ValueError: the prefix of an override is malformed, or has host bits set.
        """
        self.special_rows = tuple(special)
        self.overrides = tuple(overrides)
        self._special = Prefixes([(row.prefix, row) for row in special])
        self._overrides = Prefixes([(row.prefix, row) for row in overrides])

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
