"""Words: who holds the networks, and the country of the group behind each.

Rules
- The country where an AS number is registered and the country of the group that controls its
  holder are two facts; the first is never taken for the second.
- `status` and `source` speak of group, group country and `since`; the names of the AS numbers
  and their registry countries are `observed` in the table that `names_source` names.
- A group changes hands: `since` is the first day, month or year from which the row holds, as far
  as its source says so, or empty. A `recalled` row is shown and decides nothing.
"""

from collections.abc import Sequence
from importlib.resources import files

import msgspec

from collector.records import Status


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """One operator of networks."""

    asns: tuple[int, ...]
    """Its own AS numbers; no number stands in two rows."""
    name: str
    registrant: str
    """ISO 3166-1 alpha-2 code of the country where its main AS number is registered."""
    group: str
    """Who controls it in the end."""
    group_country: str
    """ISO 3166-1 alpha-2 code of the seat of the group."""
    since: str
    """From when on the group holds it: YYYY, YYYY-MM or YYYY-MM-DD; empty where no source says."""
    status: Status
    source: str
    date: str
    names_source: str
    """Table in which the names of the AS numbers were seen; empty where none was opened."""


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    asns: tuple[int, ...]
    name: str
    registrant: str
    group: str
    group_country: str
    status: Status
    source: str
    since: str = ""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    date: str
    names_source: str
    carriers: tuple[_Row, ...]


def load() -> Sequence[Carrier]:
    """Return the table of carriers, every row with status, source and date."""
    document = (files("collector") / "tables" / "carriers.toml").read_bytes()
    table = msgspec.toml.decode(document, type=_Table)
    return tuple(
        Carrier(
            asns=row.asns,
            name=row.name,
            registrant=row.registrant,
            group=row.group,
            group_country=row.group_country,
            since=row.since,
            status=row.status,
            source=row.source,
            date=table.date,
            names_source=table.names_source,
        )
        for row in table.carriers
    )
