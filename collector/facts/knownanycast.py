"""Words: ranges that are known to answer from many places at once (`tables/anycast.toml`).

Rules
- Whoever answers in such a range stands where the network of the moment led the packet. The range
  names its operator; no name, zone or declared place of it says where the answer came from.
- A `recalled` row is shown and decides nothing.
"""

from importlib.resources import files

import msgspec

from collector.records import Evidence, Status


class AnycastRange(msgspec.Struct, frozen=True, kw_only=True):
    """One range."""

    prefix: str
    service: str
    """What answers there, in a few words."""
    status: Status
    source: str
    date: str

    @property
    def evidence(self) -> Evidence:
        """Return why an address of the range has no place."""
        known = self.status != "recalled"
        says = f"in {self.prefix} ({self.service}), which answers from many places at once"
        doubt = "" if known else ", but that is known from memory alone"
        return Evidence(
            kind="anycast" if known else "unconfirmed",
            source=f"anycast, {self.prefix} ({self.status}: {self.source})",
            date=self.date,
            says=f"{says}{doubt}",
        )


class _Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    prefixes: tuple[str, ...]
    service: str
    sources: tuple[str, ...]
    status: Status = "read"


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    date: str
    documents: dict[str, str]
    """What a short name among `sources` stands for."""
    ranges: tuple[_Range, ...]


def load() -> tuple[AnycastRange, ...]:
    """Return the table, every row with status, source and date."""
    document = (files("collector") / "tables" / "anycast.toml").read_bytes()
    table = msgspec.toml.decode(document, type=_Table)
    return tuple(
        AnycastRange(
            prefix=prefix,
            service=row.service,
            status=row.status,
            source="; ".join(table.documents[name] for name in row.sources),
            date=table.date,
        )
        for row in table.ranges
        for prefix in row.prefixes
    )
