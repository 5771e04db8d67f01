"""Shell: the chain from a batch on the wire to what is kept, as one object with a begin and an end.

Rules
- A checkpoint is, in this order: a new journal file; segments of sealed windows and of paths; one
  transaction of the catalogue; then the journal files before are dropped. A crash between any two
  leaves what the next start repairs. What is to be stated yet is part of it (`stating`).
- Only after a start (`collector.recovery`) it is ready.
- The state's lock is never waited for on the event loop: who holds it may be at work for 100 ms.
- Sinks are told when more is kept, and read it from the store: one that is down delays nothing.
- A checkpoint that fails is counted, logged and tried again: nothing is dropped that is not kept.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Final, Self

from agent.records import Plan, Series
from collector import recovery, stating
from collector.clock import Clock, WallClock
from collector.episodes.plan import Plans
from collector.errors import StoreError
from collector.files import publish
from collector.gate import replay
from collector.gate.callers import Caller
from collector.gate.ingest import Ingest
from collector.gate.intake import Counts, Reader, Recovered, SinkCounts
from collector.gate.journal import Journal
from collector.listed import Segment
from collector.records import Vantage
from collector.recovery import Rooms, Start
from collector.samples import registry
from collector.settings.config import Config
from collector.sinks.backlog import Backlog
from collector.sinks.sink import Sink
from collector.state import Snapshot, State
from collector.store import judged, segments
from collector.store.bundles import Bundles
from collector.store.catalog import Catalog
from collector.store.upkeep import Upkeep
from collector.web.reader import StoreReader

_LOG: Final = logging.getLogger(__name__)


class Chain:
    """One collector's store and its door; `async with Chain(config) as chain`.

    Satisfies `collector.gate.intake.Intake`.
    """

    def __init__(self, config: Config, *, clock: Clock | None = None) -> None:
        """Prepare; nothing is opened before `async with`."""
        self._config = config
        self._clock = clock or WallClock()
        self._lock = threading.Lock()
        self._rooms = Rooms(config.directory)
        self._bundles = Bundles(self._rooms.evidence)
        self._orphans: list[str] = []
        self._writing = asyncio.Lock()
        self._stop = asyncio.Event()
        self._wanted = {what: asyncio.Event() for what in ("checkpoint", "upkeep", "evidence")}
        self._sinks: list[Sink] = []
        self._outlets = AsyncExitStack()
        self._counts = Counts(sinks={row.name: SinkCounts() for row in config.sinks})
        self._ready = False
        self._start: Start
        self._catalog: Catalog
        self._state: State
        self._journal: Journal
        self._ingest: Ingest
        self._plans: Plans
        self._reader: StoreReader
        self._upkeep: Upkeep
        self._keepers: list[asyncio.Task[None]]

    async def __aenter__(self) -> Self:
        """Recover what is on the disk, then open the door.

        Raises:
            StoreError: The directory cannot be used; the message says why and what to do.
        """
        await asyncio.to_thread(self._recover)
        try:
            await self._open_sinks()
            self._open()
        except BaseException:
            await self._outlets.aclose()
            self._catalog.close()
            raise
        self._ready = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what was begun, take a last checkpoint, close."""
        self._ready = False
        self._stop.set()
        for wanted in self._wanted.values():
            wanted.set()
        self._upkeep.stop()
        await asyncio.gather(*self._keepers)
        await self._ingest.drain()
        await self._try("evidence", self._store_evidence)
        await self._try("checkpoint", self.checkpoint)
        await self._try("twins", self._keep_twins)
        await asyncio.gather(*(sink.drain() for sink in self._sinks))
        await self._outlets.aclose()
        await self._journal.close()
        self._catalog.close()

    @property
    def ready(self) -> bool:
        """Return whether the journal is replayed and the kernels are compiled."""
        return self._ready

    @property
    def reader(self) -> Reader:
        """Return what answers questions; its methods may be called from any thread."""
        return self._reader

    @property
    def counts(self) -> Counts:
        """Return the counts since the start."""
        return self._counts

    @property
    def recovered(self) -> Recovered:
        """Return what the start found in the journal."""
        return self._start.recovered

    @property
    def geodata(self) -> Mapping[str, int]:
        """Return the day of each table and import; see `collector.gate.intake.Intake.geodata`."""
        return self._start.geodata

    def identify(self, caller: Caller) -> Vantage:
        """Return which agent calls; see `collector.gate.intake.Intake.identify`."""
        return self._ingest.identify(caller)

    async def accept(self, body: bytes, encoding: str, caller: Caller) -> None:
        """Store one batch durably; see `collector.gate.intake.Intake.accept`.

        No acknowledgement waits for evidence: a replay drafts the same Statements again.
        """
        await self._ingest.accept(body, encoding, caller)
        if self._journal.octets > self._config.limits.journal_octets:
            self._wanted["checkpoint"].set()
        self._plans.stir()
        if self._state.routes.drafted:
            self._wanted["evidence"].set()

    async def plan(self, caller: Caller, known: str | None) -> Plan | None:
        """Return an agent's plan; see `collector.gate.intake.Intake.plan`."""
        return await self._plans.fetch(self._ingest.identify(caller).name, known)

    def release(self) -> None:
        """Let nobody wait for a plan any more, once the chain is open."""
        if self._ready:
            self._plans.close()

    async def checkpoint(self) -> None:
        """Move what is sealed from memory and journal into the store, durably.

        Raises:
            StoreError: The disk failed; everything stands as before and can be tried again.
        """
        async with self._writing:
            if not self._journal.octets and self._state.idle():
                return
            snapshot = await self._journal.rotate(self._snapshot)
            await asyncio.to_thread(self._keep, snapshot)
            self._counts.checkpoints += 1
            self._counts.checkpoint_ns = self._clock.now_ns()
            for sink in self._sinks:
                sink.stir()
            await asyncio.to_thread(replay.drop, self._rooms.journal, snapshot.floor)

    async def _open_sinks(self) -> None:
        """Let each sink go on where its database stands."""
        backlog = Backlog(self._catalog, self._rooms.segments, self._name_of)
        for row in self._config.sinks:
            sink = Sink(row, backlog, self._counts.sinks[row.name])
            self._sinks.append(await self._outlets.enter_async_context(sink))

    def _snapshot(self, number: int) -> Snapshot:
        with self._lock:
            return self._state.snapshot(self._clock.now_ns(), number)

    def _keep(self, snapshot: Snapshot) -> None:
        """Write everything of a snapshot, then forget it; on failure nothing of it is used.

        Segments of a failed attempt stay until the next success: a transaction whose sync failed
        may still be found whole after a crash, and then it needs them.
        """
        written = self._written(snapshot)
        self._orphans += [segment.name for segment in written]
        listed = self._catalog.commit(snapshot, written)
        del self._orphans[len(self._orphans) - len(written) :]
        with self._lock:
            self._start.segments += listed
            self._state.kept(snapshot)
        while self._orphans:
            (self._rooms.segments / self._orphans.pop()).unlink(missing_ok=True)

    def _written(self, snapshot: Snapshot) -> list[Segment]:
        """Write the segments of a snapshot; where one fails, none of them is used."""
        suffix, home = f"{snapshot.floor:06d}", self._rooms.segments
        written: list[Segment] = []
        try:
            written += judged.write_paths(home, snapshot.fresh, suffix)
            written += judged.write_crossings(home, snapshot.episodes, suffix)
            written += segments.write_windows(
                *(home, snapshot.sealed, self._named(snapshot), suffix),
                places=registry.ranks(snapshot.rows),
            )
        except BaseException:
            self._orphans += [segment.name for segment in written]
            raise
        return written

    def _named(self, snapshot: Snapshot) -> dict[int, tuple[str, Series]]:
        """Return whose each row is, agents by their present names."""
        present = {agent.agent_id: agent.name for agent in self._config.agents}
        return {
            known.row: (present.get(known.agent_id, known.agent), known.series)
            for known in snapshot.rows
        }

    def _name_of(self, row: int) -> tuple[str, Series]:
        """Return whose a row is, as `_named`."""
        with self._lock:
            known = self._state.registry.rows[row]
        present = [a.name for a in self._config.agents if a.agent_id == known.agent_id]
        return (present or [known.agent])[0], known.series

    async def _store_evidence(self) -> None:
        """Write the Statements that are not on the disk; their episodes are shown from then on."""
        parts = (self._state, self._lock, self._bundles, self._counts.faults)
        await asyncio.to_thread(stating.store, *parts)

    async def _keep_twins(self) -> None:
        """Keep what tells two agents on one spool apart, for the next start."""
        octets = self._start.twins.dump()
        try:
            await asyncio.to_thread(publish, self._rooms.twins, octets)
        except OSError as error:
            raise StoreError(f"write {self._rooms.twins}: {error}; check the disk") from error

    async def _keep_on(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` at each interval, or as soon as it is wanted, until the end begins."""
        wanted = self._wanted[what]
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(wanted.wait(), self._config.checkpoint_interval_s)
            wanted.clear()
            if not self._stop.is_set():
                await self._try(what, work)

    async def _tend(self) -> None:
        """Compact and roll up what is due, and remove what is too old."""
        await self._upkeep.turn(self._clock.now_ns())

    async def _try(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`; whatever fails in it is counted and logged here, and tried again later."""
        try:
            await work()
        except StoreError as error:
            self._counts.faults[what] += 1
            _LOG.error("%s: %s", what, error, extra={"event": f"{what}_failed"})
        except Exception:  # noqa: BLE001 - the top of this shell: counted, logged, gone on
            self._counts.faults[what] += 1
            _LOG.exception("%s: a bug; it is tried again", what, extra={"event": f"{what}_bug"})

    def _open(self) -> None:
        """Open the journal and the door."""
        config = self._config
        self._journal = Journal(self._rooms.journal, self._start.floor)
        self._ingest = Ingest(
            config.agents,
            config.limits,
            state=self._state,
            lock=self._lock,
            journal=self._journal,
            clock=self._clock,
            counts=self._counts,
            twins=self._start.twins,
        )
        self._plans = Plans(self._state.routes.witness, self._lock, self._clock)
        self._reader = StoreReader(
            self._state,
            self._lock,
            segments_directory=self._rooms.segments,
            listed=self._start.segments,
            bundles=self._bundles,
            agents=config.agents,
        )
        self._upkeep = Upkeep(
            *(config, self._state, self._lock),
            catalog=self._catalog,
            directory=self._rooms.segments,
            listed=self._start.segments,
            bundles=self._bundles,
        )
        kept = {
            "checkpoint": self.checkpoint,
            "upkeep": self._tend,
            "evidence": self._store_evidence,
        }
        self._keepers = [
            asyncio.create_task(self._keep_on(what, work), name=what) for what, work in kept.items()
        ]

    def _recover(self) -> None:
        """Rebuild the state from the disk; runs in a thread, before anybody asks."""
        self._rooms.make()
        self._catalog = Catalog(self._config.directory)
        try:
            self._start = recovery.recover(self._config, self._rooms, self._catalog, self._bundles)
        except BaseException:
            self._catalog.close()
            raise
        self._state = self._start.state
        self._counts.faults += self._start.faults
