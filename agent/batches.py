"""Decider: gathers results into batches, and says when one is to be closed.

    what came                    when the batch is closed
    anything                     a whole interval after the last one was
    a path, a witness's reply    a second later at most: a crossing must not wait
    `MAX_ROWS` rows              at once
    the end of the program       at once (`force`)

Rules
- Rows keep their whole wall time until the batch is closed. A batch reaches over less than a
  minute, so that `dt_ms` fits its column; rows further apart (a late loss, a stepped clock) go to
  batches of their own, earliest first.
- The id of a series is allotted once in the life of a spool. Its descriptor goes with every batch
  until the spool says that one was stored (`stored`), so that a failed disk costs no descriptor.
- A loss has no stamp quality of its own: it belongs to the series of the target's last reply,
  before the first to that of the last reply of any target, of kernel stamps where there is none.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from agent.records import (
    AddressChange,
    AgentId,
    Batch,
    Descriptors,
    Outcome,
    Path,
    Protocol,
    Series,
    SpoolId,
    Stamp,
    WitnessReply,
)
from agent.targets import Instant, ProbeTarget

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
SPAN_NS = 60 * NS_PER_S
"""A batch reaches over less than this: 60,000 ms fit the 16 bits of `dt_ms`."""
PATH_DELAY_NS = NS_PER_S
MAX_ROWS = 50_000
"""Replies and events of one batch: about half a megabyte before it is deflated."""
MAX_PATHS = 200


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What every batch of a process says of its origin."""

    agent_id: AgentId
    boot_id: bytes
    spool_id: SpoolId


class SeriesBook:
    """The ids of series: those that the spool knows, and new ones."""

    def __init__(self, known: Iterable[Series]) -> None:
        """Start with the series that the spool has stored."""
        self._ids = {_key(series): series.id for series in known}
        self._next = max(self._ids.values(), default=0) + 1
        self._unstored: dict[int, Series] = {}

    def id_of(self, target: ProbeTarget, stamp: Stamp) -> int:
        """Return the id of a series, a new one where there is none yet."""
        series = Series(
            id=self._next,
            zone=target.zone,
            target=target.target,
            family=target.family,
            protocol=Protocol.ICMP,
            stamp=stamp,
        )
        number = self._ids.setdefault(_key(series), series.id)
        if number == series.id:
            self._unstored[number] = series
            self._next += 1
        return number

    def unstored(self) -> tuple[Series, ...]:
        """Return the series that no stored batch has described yet."""
        return tuple(self._unstored.values())

    def stored(self, described: Iterable[Series]) -> None:
        """Learn that a batch with these descriptors is in the spool."""
        for series in described:
            self._unstored.pop(series.id, None)


def _key(series: Series) -> tuple[object, ...]:
    return (series.zone, series.target, series.family, series.protocol, series.stamp)


class _Rows:
    """Replies as three columns, events as three columns, changes of addresses as rows."""

    def __init__(self) -> None:
        self.reply_series = array("I")
        self.reply_wall_ns = array("q")
        self.reply_rtt_s = array("f")
        self.event_series = array("I")
        self.event_wall_ns = array("q")
        self.event_outcome = array("B")
        self.changes: list[tuple[int, int, str]] = []
        self.paths: list[Path] = []
        self.witness: list[WitnessReply] = []

    def __len__(self) -> int:
        return len(self.reply_series) + len(self.event_series)

    def wall_times_ns(self) -> list[int]:
        """Return every time of day in the rows, earliest first."""
        changes = (wall_ns for wall_ns, _, _ in self.changes)
        return sorted((*self.reply_wall_ns, *self.event_wall_ns, *changes))


class Batches:
    """Takes results one by one (it is most of a `Sink`) and gives batches without a sequence."""

    def __init__(
        self,
        targets: Sequence[ProbeTarget],
        identity: Identity,
        book: SeriesBook,
        *,
        interval_ns: int,
        now_ns: int,
    ) -> None:
        """Begin the first interval at `now_ns` of the monotonic clock."""
        self._targets = targets
        self._identity = identity
        self._book = book
        self._interval_ns = interval_ns
        self._due_ns = now_ns + interval_ns
        self._rows = _Rows()
        self._stamps: dict[int, Stamp] = {}
        self._last_stamp = Stamp.KERNEL
        self._series: dict[tuple[int, Stamp], int] = {}
        self._addresses: dict[int, str] = {}

    def reply(self, target_index: int, sent_wall_ns: int, rtt_ns: int, stamp: Stamp) -> None:
        """Add the round-trip time of a probe."""
        self._stamps[target_index] = self._last_stamp = stamp
        self._rows.reply_series.append(self._series_of(target_index, stamp, sent_wall_ns))
        self._rows.reply_wall_ns.append(sent_wall_ns)
        self._rows.reply_rtt_s.append(rtt_ns / NS_PER_S)

    def event(self, target_index: int, at_wall_ns: int, outcome: Outcome) -> None:
        """Add what came of a probe instead of a reply."""
        stamp = self._stamps.get(target_index, self._last_stamp)
        self._rows.event_series.append(self._series_of(target_index, stamp, at_wall_ns))
        self._rows.event_wall_ns.append(at_wall_ns)
        self._rows.event_outcome.append(outcome)

    def address(self, target_index: int, at_wall_ns: int, address: str) -> None:
        """Note that a target has another address from now on; known series are told so."""
        if self._addresses.get(target_index) == address:
            return
        self._addresses[target_index] = address
        for (index, _), series in self._series.items():
            if index == target_index:
                self._rows.changes.append((at_wall_ns, series, address))

    def path(self, path: Path, now_ns: int) -> None:
        """Add a trace; the batch is closed within a second."""
        self._rows.paths.append(path)
        self._due_ns = min(self._due_ns, now_ns + PATH_DELAY_NS)

    def witness(self, reply: WitnessReply, now_ns: int) -> None:
        """Add what became of a ping that the plan asked for; as with a path a verdict waits."""
        self._rows.witness.append(reply)
        self._due_ns = min(self._due_ns, now_ns + PATH_DELAY_NS)

    @property
    def full(self) -> bool:
        """Return whether the open batch is to be closed for its size."""
        return len(self._rows) >= MAX_ROWS or len(self._rows.paths) >= MAX_PATHS

    def due_ns(self) -> int:
        """Return when the open batch is to be closed, on the monotonic clock."""
        return 0 if self.full else self._due_ns

    def close(self, now: Instant, clock_error_ns: int, *, force: bool = False) -> list[Batch]:
        """Return the open batch if it is due (or `force`), split where it is longer than a minute.

        The sequence of the batches is 0: the spool gives the real one.
        """
        if not force and now.monotonic_ns < self.due_ns():
            return []
        self._due_ns = now.monotonic_ns + self._interval_ns
        rows, self._rows = self._rows, _Rows()
        alone = [now.wall_ns] if rows.paths or rows.witness else []
        times_ns = rows.wall_times_ns() or alone
        bases_ns = list(_bases(times_ns))
        return [self._batch(rows, bases_ns, turn, clock_error_ns) for turn in range(len(bases_ns))]

    def stored(self, batch: Batch) -> None:
        """Learn that the spool holds `batch`."""
        self._book.stored(batch.descriptors.series)

    def _series_of(self, target_index: int, stamp: Stamp, at_wall_ns: int) -> int:
        """Return the id of the series; tell its address where this process uses it first."""
        known = self._series.get((target_index, stamp))
        if known is not None:
            return known
        number = self._book.id_of(self._targets[target_index], stamp)
        self._series[target_index, stamp] = number
        if target_index in self._addresses:
            self._rows.changes.append((at_wall_ns, number, self._addresses[target_index]))
        return number

    def _batch(self, rows: _Rows, bases_ns: list[int], turn: int, clock_error_ns: int) -> Batch:
        """Make the batch of the rows that belong to `bases_ns[turn]`."""

        def mine(times_ns: Sequence[int]) -> list[int]:
            return [
                row
                for row, wall_ns in enumerate(times_ns)
                if bisect_right(bases_ns, wall_ns) == turn + 1
            ]

        base_ns = bases_ns[turn]
        replies = sorted(mine(rows.reply_wall_ns), key=rows.reply_series.__getitem__)
        series_ids, offsets = _compressed([rows.reply_series[row] for row in replies])
        events = mine(rows.event_wall_ns)
        changes = [rows.changes[row] for row in mine([change[0] for change in rows.changes])]
        return Batch(
            agent_id=self._identity.agent_id,
            boot_id=self._identity.boot_id,
            spool_id=self._identity.spool_id,
            sequence=0,
            base_ns=base_ns,
            clock_error_ns=clock_error_ns,
            series_ids=series_ids,
            offsets=offsets,
            rtt_s=array("f", [rows.reply_rtt_s[row] for row in replies]),
            reply_dt_ms=array("H", [_dt_ms(rows.reply_wall_ns[row], base_ns) for row in replies]),
            event_series=array("I", [rows.event_series[row] for row in events]),
            event_dt_ms=array("H", [_dt_ms(rows.event_wall_ns[row], base_ns) for row in events]),
            event_outcome=array("B", [rows.event_outcome[row] for row in events]),
            descriptors=Descriptors(
                series=self._book.unstored(),
                addresses=tuple(
                    AddressChange(series=series, dt_ms=_dt_ms(at_ns, base_ns), address=address)
                    for at_ns, series, address in changes
                ),
                paths=tuple(rows.paths) if turn == len(bases_ns) - 1 else (),
                witness=tuple(rows.witness) if turn == len(bases_ns) - 1 else (),
            ),
        )


def _bases(times_ns: Sequence[int]) -> Iterator[int]:
    """Yield the base time of each batch that `times_ns`, earliest first, needs."""
    end_ns = None
    for time_ns in times_ns:
        if end_ns is None or time_ns >= end_ns:
            yield time_ns
            end_ns = time_ns + SPAN_NS


def _compressed(series: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Return the ids in sorted `series` once each, and where the rows of each begin (CSR)."""
    ids, offsets = array("I"), array("I")
    for row, number in enumerate(series):
        if not ids or ids[-1] != number:
            ids.append(number)
            offsets.append(row)
    offsets.append(len(series))
    return ids, offsets


def _dt_ms(wall_ns: int, base_ns: int) -> int:
    return (wall_ns - base_ns) // NS_PER_MS
