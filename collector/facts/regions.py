"""Words: jurisdictions as dated lists of territories, and which of them a policy demands.

Rules
- A territory is an ISO 3166-1 alpha-2 code; `FR` means metropolitan France alone, so France's
  overseas parts are listed under codes of their own (`GP`, `RE`, ...) or not at all.
- The Canaries, the Azores, Madeira and the Åland Islands belong to `ES`, `PT` and `FI` here:
  they are parts of the Union too, so no verdict depends on telling them apart. The Faroe Islands
  and Greenland go by `FO` and `GL` and are not of the Union.
- Enclaves and neighbours that a map of Europe swallows go by their own codes and are not of the
  Union: Monaco `MC`, Switzerland `CH` (Geneva, Basel), Andorra `AD`, Jersey `JE`, Guernsey `GG`.
  The airport of Basel and Mulhouse stands in France.
- A list is data with a date (`tables/jurisdictions.toml`): who joins or leaves gets a new row, the
  old evidence keeps the old. A row that is recalled, or holds under conditions that no place shows,
  settles nothing: such a territory is neither inside the list nor outside.
- Every path is judged for `JURISDICTIONS`; for the further lists of the release where a policy or a
  command line names them.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

import msgspec

from collector.records import Jurisdiction, Status


class TerritoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One territory of one list."""

    jurisdiction: str
    territory: str
    since: str
    """First day, as far as the source says so; else empty."""
    until: str
    """Last day; empty for none."""
    limits: str
    """For whom alone the list holds there; empty: for everybody."""
    status: Status
    source: str
    date: str

    @property
    def settles(self) -> bool:
        """Tell whether a place there is inside the list."""
        return self.status != "recalled" and not self.limits


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    territories: str
    status: Status
    sources: tuple[str, ...]
    since: str = ""
    until: str = ""
    limits: str = ""


class _List(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    title: str
    as_of: str
    rows: tuple[_Row, ...]
    judged: bool = False
    """True where every path is judged for it."""
    includes: str | None = None
    """A list before it, all of whose rows it has too."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    date: str
    documents: dict[str, str]
    """What a short name among `sources` stands for."""
    lists: tuple[_List, ...]


def _load() -> _Table:
    document = (files("collector") / "tables" / "jurisdictions.toml").read_bytes()
    return msgspec.toml.decode(document, type=_Table)


_TABLE: Final = _load()


def rows() -> tuple[TerritoryRow, ...]:
    """Return every row of every list of this release."""
    return tuple(row for one in _TABLE.lists for row in _rows(one))


def _rows(one: _List) -> Iterator[TerritoryRow]:
    for before in _TABLE.lists:
        if before.name == one.includes:
            yield from (
                msgspec.structs.replace(row, jurisdiction=one.name) for row in _rows(before)
            )
    for row in one.rows:
        for territory in row.territories.split():
            yield TerritoryRow(
                jurisdiction=one.name,
                territory=territory,
                since=row.since,
                until=row.until,
                limits=row.limits,
                status=row.status,
                source="; ".join(_TABLE.documents[name] for name in row.sources),
                date=_TABLE.date,
            )


def _jurisdiction(one: _List) -> Jurisdiction:
    held = tuple(_rows(one))
    settled = frozenset(row.territory for row in held if row.settles)
    return Jurisdiction(
        name=one.name,
        territories=settled,
        as_of=one.as_of,
        source="; ".join(dict.fromkeys(_said(row) for row in held)),
        unsettled=frozenset(row.territory for row in held) - settled,
    )


def _said(row: TerritoryRow) -> str:
    """Return what a row rests on; where it holds for some alone or for a time, that too."""
    told = f"{row.status}: {row.source}"
    until = f"until {row.until}" if row.until else ""
    bounds = ", ".join(filter(None, (row.limits, until)))
    return f"{row.territory} ({bounds}): {told}" if bounds else told


_LISTS: Final = tuple(map(_jurisdiction, _TABLE.lists))

JURISDICTIONS: Final[tuple[Jurisdiction, ...]] = tuple(
    row for row, one in zip(_LISTS, _TABLE.lists, strict=True) if one.judged
)
"""What every path is judged for, from the smallest to the largest; FX lies in all others, FR in
none: its overseas countries and territories are no part of the Union."""

TITLES: Final[Mapping[str, str]] = {one.name: one.title for one in _TABLE.lists}
"""What the lists are called in full."""

_BY_DEFAULT: Final = ("FX", "EU", "EEA")

BY_NAME: Final[Mapping[str, Jurisdiction]] = {row.name: row for row in _LISTS}
"""All lists of this release."""


def lists(own: Iterable[Jurisdiction] = ()) -> dict[str, Jurisdiction]:
    """Return the lists of this release and then the operator's `own`, by name."""
    return {row.name: row for row in (*_LISTS, *own)}


def further(named: Iterable[str]) -> tuple[Jurisdiction, ...]:
    """Return those of `named` that are lists of this release beyond `JURISDICTIONS`."""
    wanted = set(named)
    return tuple(row for row in _LISTS if row.name in wanted and row not in JURISDICTIONS)


def demanded(agent_territory: str, zone_territory: str) -> str | None:
    """Return the smallest of FX, EU and EEA that holds both ends, None where none of them does.

    This is the default policy: what begins and ends inside a jurisdiction is expected to stay.
    """
    for name in _BY_DEFAULT:
        held = BY_NAME[name].territories
        if agent_territory in held and zone_territory in held:
            return name
    return None


def wider(name: str, among: Mapping[str, Jurisdiction] = BY_NAME) -> tuple[str, ...]:
    """Return the jurisdictions that strictly contain `name`, smallest first.

    An unknown name has none.
    """
    inner = among.get(name)
    if inner is None:
        return ()
    found = [row for row in among.values() if row.widest > inner.widest]
    return tuple(row.name for row in sorted(found, key=lambda row: len(row.widest)))


def written(row: Jurisdiction) -> dict[str, Any]:
    """Return a list as JSON has it, its territories in the order of the alphabet."""
    return {
        **msgspec.to_builtins(row),
        "territories": sorted(row.territories),
        "unsettled": sorted(row.unsettled),
    }
