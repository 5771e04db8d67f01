"""Decider: all that the collector holds in memory, and that a replay of the journal rebuilds.

Rules
- `apply` depends on the batch and on what came before, never on a clock: the same journal gives
  the same state. Only `snapshot` is told the time, to decide which windows are sealed.
- A batch counts once: (agent, spool, sequence) at or below the mark of its spool changes nothing.
  The mark is set first, so that a bug in what follows cannot make a batch count twice.
- What a snapshot seals stays readable here until `kept` says that it is in a segment.

    event                        | before           | after
    apply, sequence > mark       | mark             | mark = sequence, content counted
    apply, sequence <= mark      | mark             | nothing changed
    snapshot                     | open, due        | sealed
    kept                         | sealed, fresh    | in a segment
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.records import Batch
from collector import routememory
from collector.facts.knowledge import Knowledge
from collector.listed import Segment
from collector.records import Crossing, PathRecord, Vantage, Verdict, Zone
from collector.routememory import Kept
from collector.routes import Routes
from collector.samples.cut import Cut
from collector.samples.marks import Marks, Spool
from collector.samples.quantiles import Columns, concat
from collector.samples.registry import MISSING, Alias, Registered, Registry
from collector.samples.windows import Windows
from collector.settings.limits import Limits
from collector.settings.policy import Policy

Told = tuple[Verdict, str | None, int | None]
"""What a change of an episode changes: verdict, evidence, end. That it goes on is no change."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue gives back at a start; everything empty at the first."""

    floor: int = 1
    """Number of the first journal file that is not in here."""
    marks: Mapping[Spool, int] = {}
    arrivals: Mapping[bytes, int] = {}
    """When each agent last delivered, by agent id."""
    rows: Sequence[Registered] = ()
    aliases: Sequence[Alias] = ()
    windows: bytes | None = None
    routes: bytes | None = None
    segments: Sequence[Segment] = ()
    """All segment files."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint writes: the state between two batches."""

    floor: int
    marks: Mapping[Spool, int]
    arrivals: Mapping[bytes, int]
    rows: Sequence[Registered]
    """All rows, the catalogue has the first of them already."""
    aliases: Sequence[Alias]
    """The same of all aliases."""
    cut: Cut
    """The windows, of which some are sealed now."""
    memory: Kept
    """Of the routes."""
    unkept: Sequence[Cut] = ()
    """All with sealed windows that are in no segment, this one included."""
    fresh: Sequence[PathRecord]
    """For a segment of paths."""
    episodes: Sequence[Crossing] = ()
    """Episodes whose evidence is on the disk and that changed, for a segment of crossings."""

    @property
    def routes(self) -> bytes:
        """Return what a start has to load of the routes; this takes a while."""
        return routememory.pack(self.memory)

    @property
    def windows(self) -> bytes:
        """Return what a start has to load; this takes a while."""
        return self.cut.dump()

    @property
    def sealed(self) -> Columns:
        """Return what goes to a segment of windows; this takes a while at first."""
        return concat([cut.sealed() for cut in self.unkept])


_LIMITS: Final = Limits()


class State:
    """Registry, marks, open and sealed windows, routes."""

    def __init__(
        self,
        knowledge: Knowledge,
        zones: Sequence[Zone],
        checkpoint: Checkpoint,
        *,
        width_ns: int,
        grace_ns: int,
        agents: Sequence[Vantage] = (),
        policy: Policy | None = None,
        limits: Limits = _LIMITS,
    ) -> None:
        """Begin where `checkpoint` ended; `agents` may be asked as witnesses.

        `policy` None is the default one; `limits` say how many series and targets are kept.

        Raises:
            CorruptError: Something in it is not what a checkpoint writes.
        """
        self.registry = Registry(checkpoint.rows, checkpoint.aliases, limit=limits.series)
        self.windows = (
            Windows(width_ns=width_ns, grace_ns=grace_ns)
            if checkpoint.windows is None
            else Windows.load(checkpoint.windows, width_ns=width_ns, grace_ns=grace_ns)
        )
        self.routes = Routes(
            knowledge,
            zones,
            checkpoint.routes,
            agents=agents,
            policy=policy,
            targets=limits.targets,
        )
        self.marks = Marks(checkpoint.marks)
        self.arrivals = dict(checkpoint.arrivals)
        self._sealed: list[Cut] = []
        self._told: dict[str, Told] = {}
        if any(segment.kind == "crossings" for segment in checkpoint.segments):
            self._told = {episode.id: _told(episode) for episode in self.routes.crossings()}

    def has(self, batch: Batch) -> bool:
        """Return whether this batch was applied before."""
        return batch.sequence <= self.marks.last(batch.agent_id, batch.spool_id)

    def unknown(self, batch: Batch) -> list[int]:
        """Return the series that `batch` uses and nobody described, itself included; rising."""
        used = {*batch.series_ids, *batch.event_series}
        used.update(change.series for change in batch.descriptors.addresses)
        used.difference_update(series.id for series in batch.descriptors.series)
        return self.registry.unknown(batch.agent_id, batch.spool_id, used)

    def apply(self, vantage: Vantage, batch: Batch, received_ns: int) -> Mapping[str, int]:
        """Count one batch, once; return what was left out of it, by reason.

        Beside the reasons of `windows` and `routes`: `series`, samples whose series has no
        descriptor (only after a damaged journal: the door asks for descriptors first) or too long a
        name, and `series_limit`, samples of what is beyond the registry's limit.
        """
        if self.has(batch):
            return {}
        self.marks.move(batch.agent_id, batch.spool_id, batch.sequence)
        self.arrivals[batch.agent_id] = received_ns
        described = batch.descriptors.series
        self.registry.describe(batch.agent_id, vantage.name, batch.spool_id, described)
        left_out = [self._replies(batch), self._events(batch)]
        self._between(vantage, batch)
        told, base_ns = batch.descriptors, batch.base_ns
        left_out.append(self.routes.add(vantage, told.paths, base_ns, received_ns))
        left_out.append(self.routes.hear(vantage, told.witness, base_ns))
        return sum((Counter(some) for some in left_out if some), Counter())

    def unsegmented(self) -> Columns:
        """Return all windows that are in no segment, open or sealed."""
        return self.standing()()

    def standing(self) -> Callable[[], Columns]:
        """Return what says the same later, as it is now: no lock need be held for that."""
        sealed, standing = self._sealed[:], self.windows.standing()
        return lambda: concat([*(cut.sealed() for cut in sealed), standing.opened()])

    def idle(self) -> bool:
        """Return whether a checkpoint would write no segment, now and later."""
        return not (len(self.windows) or self._sealed or self.routes.fresh)

    def snapshot(self, now_ns: int, floor: int) -> Snapshot:
        """Seal what is due at `now_ns` and return what a checkpoint must keep.

        Who holds the state's lock meanwhile need not hold it for what the snapshot then says.

        `floor` is the number of the journal file that the next batch goes to.
        """
        for earlier in self._sealed:
            earlier.settle()
        cut = self.windows.cut(now_ns)
        if len(cut):
            self._sealed.append(cut)
        return Snapshot(
            floor=floor,
            marks=self.marks.all(),
            arrivals=dict(self.arrivals),
            rows=self.registry.rows[:],
            aliases=self.registry.aliases[:],
            cut=cut,
            memory=self.routes.kept(),
            unkept=self._sealed[:],
            fresh=self.routes.fresh[:],
            episodes=[
                episode
                for episode in self.routes.crossings()
                if self._told.get(episode.id) != _told(episode)
            ],
        )

    def kept(self, snapshot: Snapshot) -> None:
        """Forget what is in a segment now."""
        del self._sealed[: len(snapshot.unkept)]
        self.routes.written(len(snapshot.fresh))
        self._told.update((episode.id, _told(episode)) for episode in snapshot.episodes)

    def _rows(self, batch: Batch, ids: Sequence[int]) -> NDArray[np.uint32]:
        return self.registry.rows_of(batch.agent_id, batch.spool_id, ids)

    def _replies(self, batch: Batch) -> Mapping[str, int]:
        rows = self._rows(batch, batch.series_ids)
        offsets = np.asarray(batch.offsets, dtype=np.uint32)
        rtt_s = np.asarray(batch.rtt_s, dtype=np.float32)
        dt_ms = np.asarray(batch.reply_dt_ms, dtype=np.uint16)
        known = rows != MISSING
        if known.all():
            return self.windows.add(rows, offsets, rtt_s, dt_ms, batch.base_ns)
        sizes = np.diff(offsets)
        taken = np.repeat(known, sizes)
        ends = np.concatenate([[0], np.cumsum(sizes[known])])
        left_out = self.windows.add(rows[known], ends, rtt_s[taken], dt_ms[taken], batch.base_ns)
        return Counter(left_out) + self._rowless(int(taken.size - taken.sum()))

    def _between(self, vantage: Vantage, batch: Batch) -> None:
        """Let the routes know the smallest times to other agents' own addresses."""
        if not self.routes.vantages.have_addresses:
            return
        rows = self._rows(batch, batch.series_ids)
        for place, row in enumerate(rows):
            series = None if row == MISSING else self.registry.rows[row].series
            subject = None if series is None else self.routes.vantages.owner(series.target)
            if subject is not None:
                begin, end = batch.offsets[place : place + 2]
                times_s = [time_s for time_s in batch.rtt_s[begin:end] if time_s > 0]
                if times_s:
                    self.routes.vantages.hear(vantage, subject, min(times_s), batch.base_ns)

    def _events(self, batch: Batch) -> Mapping[str, int]:
        if not batch.event_series:
            return {}
        rows = self._rows(batch, batch.event_series)
        dt_ms = np.asarray(batch.event_dt_ms, dtype=np.uint16)
        outcomes = np.asarray(batch.event_outcome, dtype=np.uint8)
        known = rows != MISSING
        left_out = self.windows.add_events(
            rows[known], dt_ms[known], outcomes[known], batch.base_ns
        )
        return Counter(left_out) + self._rowless(int(rows.size - known.sum()))

    def _rowless(self, count: int) -> Counter[str]:
        """Return why samples without a row have none."""
        return Counter({"series_limit" if self.registry.is_full else "series": count})


def _told(episode: Crossing) -> Told:
    return episode.verdict, episode.evidence, episode.ended_ns
