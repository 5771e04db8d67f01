"""Words: how the tables about the world are known, counted by status for people to see.

Rules
- Three statuses and no fourth: `observed`, `read`, `recalled`. A row of another status, or one
  without source or date, is a bug of the table and stops the count.
- The counts are what `--version --verbose` prints; a recalled row is counted like the others, so
  that nobody takes the table for surer than it is.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final, Protocol, get_args

from collector.facts import (
    carriers,
    exchanges,
    knownanycast,
    networks,
    operators,
    places,
    regions,
    territories,
    zones,
)
from collector.records import Status

UNKEPT: Final = "not kept"
"""Word of a source that was opened and whose address nobody wrote down."""
LINK: Final = "https://"
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_DAY_S: Final = 86400

STATUSES: Final[tuple[Status, ...]] = get_args(Status)


class Row(Protocol):
    """What every row about the world has."""

    @property
    def status(self) -> Status:
        """Return how the row is known."""
        ...

    @property
    def source(self) -> str:
        """Return where it comes from."""
        ...

    @property
    def date(self) -> str:
        """Return the day on which the source was opened."""
        ...


def tables() -> Mapping[str, tuple[Row, ...]]:
    """Return the rows of every table of facts, by the table's name."""
    return {
        "names": tuple(
            row for operator in operators.load() for rule in operator.rules for row in rule.codes
        ),
        "exchanges": tuple(exchanges.load()),
        "carriers": tuple(carriers.load()),
        "special": networks.load_special(),
        "anycast": knownanycast.load(),
        "places": tuple(places.load().values()),
        "zones": tuple(zones.load()),
        "jurisdictions": regions.rows(),
        "territories": _soil(),
    }


def _soil() -> tuple[Row, ...]:
    """Return the table of who has which soil, once for each of its rows: they share a source."""
    rights = territories.load()
    return (rights,) * len((*rights.shapes, *rights.parts, *rights.discs()))


def count(rows: Iterable[Row]) -> dict[Status, int]:
    """Return how many rows have each status, in the order of `STATUSES`, zeros included."""
    found = Counter[str]()
    for row in rows:
        if row.status not in STATUSES or not row.source.strip() or not row.date:
            raise AssertionError(f"a row of a table lacks status, source or date: {row!r}")
        found[row.status] += 1
    return {status: found[status] for status in STATUSES}


@cache
def dated_s() -> Mapping[str, int]:
    """Return the day of the oldest row of each table, Unix time of its midnight.

    The oldest, so that no table is ever taken for younger than what stands in it.
    """
    oldest = {name: min(row.date for row in rows) for name, rows in tables().items()}
    return {name: _midnight_s(day) for name, day in oldest.items()}


def _midnight_s(day: str) -> int:
    return (dt.date.fromisoformat(day).toordinal() - _EPOCH) * _DAY_S


def lines() -> list[str]:
    """Return one line for each table: its name, its rows, and how many are known in which way."""
    return [_line(name, rows) for name, rows in tables().items()]


def _line(name: str, rows: Sequence[Row]) -> str:
    by_status = count(rows)
    told = ", ".join(f"{number} {status}" for status, number in by_status.items())
    lost = sum(UNKEPT in row.source and LINK not in row.source for row in rows)
    unkept = f"; of {lost} the source has no address" if lost else ""
    return f"{name}: {len(rows)} rows, {told}{unkept}"
