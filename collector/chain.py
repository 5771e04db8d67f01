"""Shell: the chain from a batch on the wire to what is kept, as one object with a begin and an end.

Rules
- A checkpoint is, in this order: a new journal file; evidence; segments of sealed windows and of
  paths; one transaction of the catalogue; then the journal files before are dropped. A crash
  between any two leaves what the next start repairs.
- A start is, in this order: lock; catalogue; segments that it does not list are removed; the
  journal from its floor on is applied again; evidence; kernels. Only then it is ready.
- The state's lock is never waited for on the event loop: who holds it may be at work for 100 ms.
- Sealed windows are handed to the sinks once they are kept; a sink that is down delays nothing.
- A checkpoint that fails is counted, logged and tried again: nothing is dropped that is not kept.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from agent import wire
from agent.errors import WireError
from agent.records import Plan, Series
from collector import atlas, journal, knowledge, quantiles
from collector.atlas import Atlas
from collector.callers import Caller
from collector.clock import Clock, WallClock
from collector.config import Config
from collector.errors import CorruptError, StoreError
from collector.ingest import Ingest
from collector.intake import Counts, Reader, Recovered
from collector.journal import Journal, Replay
from collector.plan import Plans
from collector.reader import StoreReader
from collector.records import Vantage
from collector.sink import Sink
from collector.soil import Soil
from collector.state import Checkpoint, Snapshot, State
from collector.store import segments
from collector.store.bundles import Bundles
from collector.store.catalog import Catalog
from collector.store.files import sync_directory

_S_NS: Final = 1_000_000_000
_LOG: Final = logging.getLogger(__name__)


class Chain:
    """One collector's store and its door; `async with Chain(config) as chain`.

    Satisfies `collector.intake.Intake`.
    """

    def __init__(self, config: Config, *, clock: Clock | None = None) -> None:
        """Prepare; nothing is opened before `async with`."""
        self._config = config
        self._clock = clock or WallClock()
        self._lock = threading.Lock()
        self._journals = config.directory / "journal"
        self._segments = config.directory / "segments"
        self._bundles = Bundles(config.directory / "evidence")
        self._names: list[str] = []
        self._orphans: list[str] = []
        self._writing = asyncio.Lock()
        self._storing = asyncio.Lock()
        self._stop = asyncio.Event()
        self._sinks = [Sink(row, width_ns=config.window_s * _S_NS) for row in config.sinks]
        self._outlets = AsyncExitStack()
        self._counts = Counts(sinks={sink.name: sink.counts for sink in self._sinks})
        self._recovered = Recovered()
        self._ready = False
        self._floor = 1
        self._atlas = Atlas({})
        self._soil: Soil | None = None
        self._catalog: Catalog
        self._state: State
        self._journal: Journal
        self._ingest: Ingest
        self._plans: Plans
        self._reader: StoreReader
        self._keeper: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Recover what is on the disk, then open the door.

        Raises:
            StoreError: The directory cannot be used; the message says why and what to do.
        """
        await asyncio.to_thread(self._recover)
        try:
            self._open()
        except BaseException:
            self._catalog.close()
            raise
        for sink in self._sinks:
            await self._outlets.enter_async_context(sink)
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
        await self._keeper
        await self._ingest.drain()
        await self._try("checkpoint", self.checkpoint)
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
        return self._recovered

    @property
    def geodata(self) -> Mapping[str, int]:
        """Return the day of each compiled table (Unix time of its midnight), 0 where not built."""
        return {**self._atlas.dated_s, "soil": self._soil.dated_s if self._soil else 0}

    def identify(self, caller: Caller) -> Vantage:
        """Return which agent calls; see `collector.intake.Intake.identify`."""
        return self._ingest.identify(caller)

    async def accept(self, body: bytes, encoding: str, caller: Caller) -> None:
        """Store one batch durably; see `collector.intake.Intake.accept`."""
        await self._ingest.accept(body, encoding, caller)
        self._plans.stir()
        if self._state.routes.unstored:
            await self._try("evidence", self._store_evidence)

    async def plan(self, caller: Caller, known: str | None) -> Plan | None:
        """Return an agent's plan; see `collector.intake.Intake.plan`."""
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
            await self._try("sink", lambda: self._deliver(snapshot))
            await asyncio.to_thread(journal.drop, self._journals, snapshot.floor)

    async def _deliver(self, snapshot: Snapshot) -> None:
        """Hand what was sealed to each sink; none of them waits for its database here."""
        for sink in self._sinks if len(snapshot.sealed) else ():
            await sink.take(snapshot.sealed, self._named(snapshot))

    def _snapshot(self, number: int) -> Snapshot:
        with self._lock:
            return self._state.snapshot(self._clock.now_ns(), number)

    def _keep(self, snapshot: Snapshot) -> None:
        """Write everything of a snapshot, then forget it; on failure nothing of it is used.

        Segments of a failed attempt stay until the next success: a transaction whose sync failed
        may still be found whole after a crash, and then it needs them.
        """
        for statement in snapshot.statements.values():
            self._bundles.store(statement)
        suffix = f"{snapshot.floor:06d}"
        made = (
            segments.write_windows(self._segments, snapshot.sealed, self._named(snapshot), suffix),
            segments.write_paths(self._segments, snapshot.fresh, suffix),
        )
        written = [segment for segment in made if segment is not None]
        self._orphans += [segment.name for segment in written]
        self._catalog.commit(snapshot, written)
        del self._orphans[len(self._orphans) - len(written) :]
        with self._lock:
            self._names += [segment.name for segment in written]
            self._state.kept(snapshot)
        while self._orphans:
            (self._segments / self._orphans.pop()).unlink(missing_ok=True)

    def _named(self, snapshot: Snapshot) -> dict[int, tuple[str, Series]]:
        """Return whose each row is, agents by their present names."""
        present = {agent.agent_id: agent.name for agent in self._config.agents}
        return {
            known.row: (present.get(known.agent_id, known.agent), known.series)
            for known in snapshot.rows
        }

    async def _store_evidence(self) -> None:
        async with self._storing:
            await asyncio.to_thread(self._store_statements)

    def _store_statements(self) -> None:
        """Write the Statements that are not on the disk; their episodes are shown from then on."""
        with self._lock:
            unstored = dict(self._state.routes.unstored)
        for digest, statement in unstored.items():
            self._bundles.store(statement)
            with self._lock:
                self._state.routes.stored(digest)

    async def _keep_on(self) -> None:
        """Take checkpoints until the end begins."""
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._config.checkpoint_interval_s)
                return
            await self._try("checkpoint", self.checkpoint)

    async def _try(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`; whatever fails in it is counted and logged here, and tried again later."""
        try:
            await work()
        except StoreError as error:
            self._counts.faults[what] += 1
            _LOG.error("%s: %s", what, error)
        except Exception:  # noqa: BLE001 - the top of this shell: counted, logged, gone on
            self._counts.faults[what] += 1
            _LOG.exception("%s: a bug; it is tried again", what)

    def _open(self) -> None:
        """Open the journal and the door."""
        config = self._config
        self._journal = Journal(self._journals, self._floor)
        self._ingest = Ingest(
            config.agents,
            config.limits,
            state=self._state,
            lock=self._lock,
            journal=self._journal,
            clock=self._clock,
            counts=self._counts,
        )
        self._plans = Plans(self._state.routes.witness, self._lock, self._clock)
        self._reader = StoreReader(
            self._state,
            self._lock,
            segments_directory=self._segments,
            names=self._names,
            bundles=self._bundles,
            agents=config.agents,
        )
        self._keeper = asyncio.create_task(self._keep_on(), name="checkpoints")

    def _recover(self) -> None:
        """Rebuild the state from the disk; runs in a thread, before anybody asks."""
        for directory in (self._journals, self._segments, self._config.directory / "evidence"):
            _make(directory)
        self._catalog = Catalog(self._config.directory)
        try:
            self._replay(self._catalog.load())
        except BaseException:
            self._catalog.close()
            raise
        _warm()

    def _replay(self, checkpoint: Checkpoint) -> None:
        config = self._config
        self._atlas = atlas.load(config.atlas)
        if self._atlas.missing:
            _LOG.warning(
                "goes on without %s of addresses: the tables were not built; run `make atlas` in a"
                " checkout, or name their directory in [atlas] of the settings",
                " and ".join(self._atlas.missing),
            )
        self._soil = Soil.open(config.atlas or atlas.BESIDE)
        if self._soil is None:
            _LOG.warning("goes on without borders (`make atlas`): nothing can be proven")
        self._floor = checkpoint.floor
        self._names += checkpoint.segments
        removed, damage = self._tidy(checkpoint)
        self._state = State(
            knowledge.load(config.networks, self._atlas, self._soil, config.jurisdictions),
            config.zones,
            checkpoint,
            width_ns=config.window_s * _S_NS,
            grace_ns=config.grace_s * _S_NS,
            agents=config.agents,
            policy=config.demanded,
        )
        replay = Replay(self._journals, checkpoint.floor)
        for entry in replay:
            try:
                batch = wire.decode(entry.body)
                self._state.apply(entry.vantage, batch, entry.received_ns)
            except WireError as error:
                damage.append(f"replay {self._journals}: a batch is not read any more: {error}")
            except Exception:  # noqa: BLE001 - as at the door: the same batch, the same bug
                self._counts.faults["apply"] += 1
                _LOG.exception("replay a batch of %s: a bug", entry.vantage.name)
        for digest, statement in list(self._state.routes.unstored.items()):
            self._bundles.store(statement)
            self._state.routes.stored(digest)
        journal.drop(self._journals, checkpoint.floor)
        damage += map(str, replay.damage)
        self._recovered = Recovered(
            frames=replay.frames,
            cut_octets=replay.cut_octets,
            damage=tuple(damage),
            removed_segments=removed,
        )
        self._name_forgotten()
        for sentence in damage:
            _LOG.error("%s", sentence)
        _LOG.info("replayed %d batches, cut %d octets", replay.frames, replay.cut_octets)

    def _name_forgotten(self) -> None:
        """Log the crossings that go on and of which the settings name an end no more."""
        agents = {agent.name for agent in self._config.agents}
        targets = {target for zone in self._config.zones for target in zone.targets}
        for crossing in self._state.routes.crossings():
            known = crossing.agent in agents and crossing.target in targets
            if crossing.ended_ns is None and not known:
                _LOG.warning(
                    "crossing %s from %s to %s goes on, and the settings no longer name both: it"
                    " is kept and shown, no alert counts it",
                    *(crossing.id, crossing.agent, crossing.target),
                )
            elif crossing.ended_ns is None and crossing.jurisdiction not in self._config.lists:
                _LOG.warning(
                    "crossing %s goes on, and the settings no longer have its jurisdiction %s: no"
                    " round can end it; declare the jurisdiction again until it has ended",
                    *(crossing.id, crossing.jurisdiction),
                )

    def _tidy(self, checkpoint: Checkpoint) -> tuple[int, list[str]]:
        """Remove segments that no checkpoint lists; return how many, and which are missing.

        Raises:
            CorruptError: There is no checkpoint, though there must have been one.
        """
        there = {path.name for path in self._segments.iterdir()}
        first = self._journals / journal.file_name(1)
        if there and checkpoint.routes is None and not first.exists():
            raise CorruptError(
                f"start in {self._config.directory}: there are segments and no checkpoint that"
                " lists them; restore the catalogue from a copy, or move the segments away"
            )
        unlisted = there - set(checkpoint.segments)
        for name in unlisted:
            (self._segments / name).unlink()
        missing = sorted(set(checkpoint.segments) - there)
        return len(unlisted), [
            f"start in {self._segments}: segment {name} is missing; restore it from a copy"
            for name in missing
        ]


def _warm() -> None:
    """Compile the kernels, and say so where every start will have to."""
    if uncached := quantiles.warm():
        _LOG.warning(
            "numba keeps no compiled %s: each start takes some seconds more; let NUMBA_CACHE_DIR"
            " name a directory that this user can write",
            ", ".join(uncached),
        )


def _make(directory: Path) -> None:
    """Make a directory and its parents, durably, readable by this user alone."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(directory.parent)
    except OSError as error:
        raise StoreError(
            f"make the directory {directory}: {error}; check [store] directory and its owner"
        ) from error
