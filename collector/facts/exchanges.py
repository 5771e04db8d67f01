"""Words: the shared networks of internet exchanges, each with the place of its switches.

Rules
- A row says where the exchange's own equipment stands. A member's port on the network may be
  reached by a long wire (remote peering), so an address of the network supports a place and
  proves none; `remote_peering` is what must be said beside it.
- A network that spans several countries has a row without a place: it names the exchange, and
  tells nothing about territory.
- Prefixes do not overlap. A `recalled` row is shown and decides nothing.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import msgspec

from collector.records import Status

POSSIBLE: Final = "remote peering is possible: the member's router may stand elsewhere"
"""What holds at every exchange."""


class ExchangeLan(msgspec.Struct, frozen=True, kw_only=True):
    """One prefix of one exchange's shared network."""

    prefix: str
    exchange: str
    place: str | None
    """Key of the table of places; None where the network spans several countries."""
    territory: str | None
    """Territory of that place; None with it."""
    remote_peering: str
    """The reserve that goes with every conclusion from this row; never empty."""
    status: Status
    source: str
    date: str


class _Lan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    prefix: str
    status: Status
    sources: tuple[str, ...]


class _Exchange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    lans: tuple[_Lan, ...]
    place: str | None = None
    territory: str | None = None
    remote_peering: str = ""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    date: str
    documents: dict[str, str]
    """What a short name among `sources` stands for."""
    exchanges: tuple[_Exchange, ...]


def load() -> Sequence[ExchangeLan]:
    """Return the table of exchange networks, every row with status, source and date."""
    document = (files("collector") / "tables" / "exchanges.toml").read_bytes()
    table = msgspec.toml.decode(document, type=_Table)
    return tuple(
        ExchangeLan(
            prefix=lan.prefix,
            exchange=exchange.name,
            place=exchange.place,
            territory=exchange.territory,
            remote_peering="; ".join(filter(None, (POSSIBLE, exchange.remote_peering))),
            status=lan.status,
            source="; ".join(table.documents.get(source, source) for source in lan.sources),
            date=table.date,
        )
        for exchange in table.exchanges
        for lan in exchange.lans
    )
