"""Shell: hands each result of probing to whoever wants it: batches, metrics, lines for programs.

Rules
- Probing never waits here: everything is a step in memory. A path goes into a queue of its own
  until its hops have their names, two seconds at most; beyond `MAX_NAMING` it goes without.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from agent.batches import Batches
from agent.clock import Clock
from agent.lines import Lines
from agent.metrics import Metrics
from agent.outbox import Outbox
from agent.records import Outcome, Path, Stamp, WitnessReply
from agent.targets import ProbeTarget

MAX_NAMING = 256
"""Paths that wait for names at one time."""

NamePath = Callable[[Path], Awaitable[Path]]

_log = logging.getLogger(__name__)


class Results:
    """The `Sink` of a running agent."""

    def __init__(
        self,
        targets: Sequence[ProbeTarget],
        clock: Clock,
        metrics: Metrics,
        *,
        name_path: NamePath | None,
        lines: Lines | None,
    ) -> None:
        """Take who always wants results; `upload` adds the collector's side."""
        self._targets = targets
        self._clock = clock
        self._metrics = metrics
        self._name_path = name_path
        self._lines = lines
        self._batches: Batches | None = None
        self._outbox: Outbox | None = None
        self._addresses: dict[int, str] = {}
        self._naming: set[asyncio.Task[None]] = set()

    def upload(self, batches: Batches, outbox: Outbox) -> None:
        """Gather results for a collector, too."""
        self._batches, self._outbox = batches, outbox

    def reply(self, target_index: int, sent_wall_ns: int, rtt_ns: int, stamp: Stamp) -> None:
        """Take the round-trip time of an answered echo request."""
        self._metrics.reply(target_index, rtt_ns, stamp)
        if self._batches is not None:
            self._batches.reply(target_index, sent_wall_ns, rtt_ns, stamp)
            self._poke(urgent=self._batches.full)
        if self._lines is not None:
            target, address = self._targets[target_index], self._addresses.get(target_index)
            self._lines.probe(
                target, address, sent_wall_ns, Outcome.REPLY, rtt_ns=rtt_ns, stamp=stamp
            )

    def event(self, target_index: int, at_wall_ns: int, outcome: Outcome) -> None:
        """Take what happened instead of a reply."""
        self._metrics.event(target_index, outcome)
        if self._batches is not None:
            self._batches.event(target_index, at_wall_ns, outcome)
            self._poke(urgent=self._batches.full)
        if self._lines is not None:
            target, address = self._targets[target_index], self._addresses.get(target_index)
            self._lines.probe(target, address, at_wall_ns, outcome)

    def address(self, target_index: int, at_wall_ns: int, address: str) -> None:
        """Take the address that a target has from now on."""
        self._addresses[target_index] = address
        if self._batches is not None:
            self._batches.address(target_index, at_wall_ns, address)

    def path(self, path: Path) -> None:
        """Take a finished trace; it goes on when its hops are named, or could not be."""
        if self._name_path is None or len(self._naming) >= MAX_NAMING:
            self._take(path)
            return
        task = asyncio.create_task(self._name_and_take(path, self._name_path))
        self._naming.add(task)
        task.add_done_callback(self._naming.discard)

    def witness(self, reply: WitnessReply) -> None:
        """Take what became of a ping that the plan asked for."""
        if self._batches is not None:
            self._batches.witness(reply, self._clock.monotonic_ns())
            self._poke(urgent=True)

    async def settled(self) -> None:
        """Return when no path waits for names any more."""
        if self._naming:
            await asyncio.wait(tuple(self._naming))

    async def _name_and_take(self, path: Path, name_path: NamePath) -> None:
        try:
            path = await name_path(path)
        finally:
            self._take(path)

    def _take(self, path: Path) -> None:
        if self._metrics.path(path):
            _log.info("path to %s (%s) changed", path.target, path.zone)
        if self._batches is not None:
            self._batches.path(path, self._clock.monotonic_ns())
            self._poke(urgent=True)
        if self._lines is not None:
            self._lines.path(path)

    def _poke(self, *, urgent: bool) -> None:
        if urgent and self._outbox is not None:
            self._outbox.poke()
