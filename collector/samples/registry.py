"""Decider: which series the collector knows, and its own number for each.

Rules
- A series is (agent, zone, target, family, protocol, stamp). Its number, the row, is given at
  first sight and never changes; a new spool of the same agent finds the same row.
- An agent's own number of a series is an alias within (agent, spool). A second description of
  the same number moves the alias from then on; what was counted before stays where it was.
- Rows and aliases only grow: a checkpoint writes what came since the one before.
- The order of descriptions decides the numbers, so that a replay gives the same ones.
- An agent chooses what its targets are called, so that their number has a limit. What comes beyond
  it gets no row: its number stands for none (`MISSING`), and is not asked for again. After the
  limit was raised it is, at the next start.
- Names of more than 1,024 characters are no names of targets or zones: they would fill the memory
  that the limits bound. Their series get no row either.
- Numbers have a limit as well, several times that of series: beyond it a new one stands for none.
- Series, rows and aliases are no business of the garbage collector (`gc=False`: they hold nothing
  that could hold them): it would look at each of a fleet's 150,000, and let agents wait meanwhile.

      series | rows      | numbers   | what happens
      known  | any       | below all | the number stands for its row
      new    | below all | below all | a row is given, the number stands for it
      new    | all given | below all | the number stands for none
      any    | any       | all given | the number stands for none, and nothing is kept of it
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.records import Series
from collector.records import RowId
from collector.settings.limits import Limits

MISSING: Final = 0xFFFF_FFFF
"""Stands for a series without a row in `rows_of`."""
LIMIT: Final = Limits().series
_LONGEST_NAME: Final = 1024
_NUMBERS_PER_SERIES: Final = 8
"""An agent that loses its spool numbers its series anew."""


class Registered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One series of one agent."""

    row: RowId
    agent_id: bytes
    agent: str
    """The agent's name when the series was first seen."""
    series: Series
    """As first described; its id is the agent's, of its spool at that time."""


class Alias(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agent's number for a series."""

    agent_id: bytes
    spool_id: bytes
    series: int
    row: RowId


_Spool = tuple[bytes, bytes]
_Table = tuple[NDArray[np.uint64], NDArray[np.uint32]]


class Registry:
    """All series ever described."""

    def __init__(
        self,
        rows: Iterable[Registered] = (),
        aliases: Iterable[Alias] = (),
        *,
        limit: int = LIMIT,
    ) -> None:
        """Begin with what a checkpoint kept; `rows` in the order of their numbers from 0 on.

        No more than `limit` rows are given, those that were kept included.
        """
        self._limit = limit
        self.rows: list[Registered] = list(rows)
        self.aliases: list[Alias] = []
        self._row_of = {_identity(known.agent_id, known.series): known.row for known in self.rows}
        self._names: dict[_Spool, dict[int, RowId]] = {}
        self._tables: dict[_Spool, _Table] = {}
        """`_names` as arrays, each made when it is asked for after a change."""
        for alias in aliases:
            if alias.row == MISSING and not self.is_full:
                self.aliases.append(alias)
            else:
                self._name(alias)

    @property
    def is_full(self) -> bool:
        """Return whether no further series gets a row."""
        return len(self.rows) >= self._limit

    def describe(
        self, agent_id: bytes, agent: str, spool_id: bytes, described: Sequence[Series]
    ) -> None:
        """Learn the series of a batch."""
        for series in described:
            identity = _identity(agent_id, series)
            row = self._row_of.get(identity)
            if row is None and (self.is_full or not _is_nameable(series)):
                row = RowId(MISSING)
            elif row is None:
                row = RowId(len(self.rows))
                self._row_of[identity] = row
                self.rows.append(Registered(row=row, agent_id=agent_id, agent=agent, series=series))
            names = self._names.get((agent_id, spool_id), {})
            if names.get(series.id) != row and self._has_numbers:
                self._name(Alias(agent_id=agent_id, spool_id=spool_id, series=series.id, row=row))
            elif names.get(series.id) not in {None, row}:
                del names[series.id]
                self._tables.pop((agent_id, spool_id), None)

    @property
    def _has_numbers(self) -> bool:
        return len(self.aliases) < _NUMBERS_PER_SERIES * self._limit

    def unknown(self, agent_id: bytes, spool_id: bytes, ids: Iterable[int]) -> list[int]:
        """Return those of `ids` that this spool never described, rising; those to ask for."""
        if not self._has_numbers:
            return []
        names = self._names.get((agent_id, spool_id), {})
        return sorted(set(ids) - names.keys())

    def rows_of(self, agent_id: bytes, spool_id: bytes, ids: Sequence[int]) -> NDArray[np.uint32]:
        """Return the row (k,) of each of `ids`, `MISSING` where it is unknown."""
        spool = agent_id, spool_id
        table = self._tables.get(spool)
        if table is None:
            table = self._tables[spool] = _table(self._names.get(spool, {}))
        numbers = np.asarray(ids, dtype=np.uint32)
        places = np.searchsorted(table[0], numbers)
        found = np.where(table[0][places] == numbers, table[1][places], MISSING)
        return found.astype(np.uint32, copy=False)

    def _name(self, alias: Alias) -> None:
        self.aliases.append(alias)
        spool = alias.agent_id, alias.spool_id
        self._names.setdefault(spool, {})[alias.series] = alias.row
        self._tables.pop(spool, None)


def _table(names: Mapping[int, RowId]) -> _Table:
    """Return the numbers in their order, and the row of each; one beyond all has none."""
    numbers = np.array([*sorted(names), 1 << 32], dtype=np.uint64)
    rows = np.full(numbers.size, MISSING, dtype=np.uint32)
    rows[:-1] = [names[number] for number in sorted(names)]
    return numbers, rows


def _is_nameable(series: Series) -> bool:
    return len(series.target) <= _LONGEST_NAME and len(series.zone) <= _LONGEST_NAME


def ranks(rows: Sequence[Registered]) -> NDArray[np.uint32]:
    """Return the place (n,) of each row where the series of one agent and zone stand together.

    A row that comes later moves the places of others, never their order.
    """
    order = sorted(range(len(rows)), key=lambda row: (rows[row].agent_id, rows[row].series.zone))
    places = np.empty(len(rows), dtype=np.uint32)
    places[order] = np.arange(len(rows), dtype=np.uint32)
    return places


def _identity(agent_id: bytes, series: Series) -> tuple[bytes, Series]:
    """Return what makes a series the same in every spool."""
    return agent_id, msgspec.structs.replace(series, id=0)
