"""Ranges of addresses with their origin AS and registrant, as rows that are looked through."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar

import msgspec

from collector.records import OriginRow, RegistrantRow

Row = TypeVar("Row", OriginRow, RegistrantRow)


class RowTables:
    """Satisfies `collector.facts.networks.RangeTables`."""

    def __init__(self, origins: Any, registrants: Any) -> None:  # noqa: ANN401 - rows or their JSON
        self._origins = msgspec.convert(origins, tuple[OriginRow, ...])
        self._registrants = msgspec.convert(registrants, tuple[RegistrantRow, ...])

    def origin(self, address: IPv4Address | IPv6Address) -> OriginRow | None:
        """Return the row that holds `address`."""
        return _find(self._origins, address)

    def registrant(self, address: IPv4Address | IPv6Address) -> RegistrantRow | None:
        """Return the row that holds `address`."""
        return _find(self._registrants, address)


def origin(first: str, last: str, asn: int, holder: str = "a holder") -> OriginRow:
    """Return a row of an origin table."""
    return OriginRow(
        first=first,
        last=last,
        asn=asn,
        holder=holder,
        status="observed",
        source="a test",
        date="2026-11-26",
    )


def registrant(first: str, last: str, country: str) -> RegistrantRow:
    """Return a row of a registrant table."""
    return RegistrantRow(
        first=first,
        last=last,
        country=country,
        status="observed",
        source="a test",
        date="2026-11-26",
    )


def _find(rows: Sequence[Row], address: IPv4Address | IPv6Address) -> Row | None:
    for row in rows:
        first, last = ip_address(row.first), ip_address(row.last)
        if first.version == address.version and int(first) <= int(address) <= int(last):
            return row
    return None
