"""From closed batches to the spool, also while the disk refuses."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from agent import outbox as module
from agent import wire
from agent.batches import NS_PER_S, Batches, Identity, SeriesBook
from agent.clock import SystemClock
from agent.errors import SpoolError
from agent.outbox import Outbox
from agent.records import AgentId, Batch, Stamp
from agent.spool import Spool, SpoolThread
from agent.targets import ProbeTarget

WALL_NS = 1_700_000_000_000_000_000
TARGET = ProbeTarget(
    target="t", zone="a/b", address=None, interval_ns=NS_PER_S, timeout_ns=NS_PER_S
)


class Rig:
    """An outbox over a spool whose disk can be made to refuse."""

    def __init__(self, directory: Path, interval_ns: int) -> None:
        self.thread = SpoolThread()
        self.spool = Spool(directory, agent_id=AgentId(b"a" * 16), limit=1000)
        self.refusing = False
        clock = SystemClock()
        identity = Identity(
            agent_id=AgentId(b"a" * 16), boot_id=b"b" * 16, spool_id=self.spool.spool_id
        )
        self.batches = Batches(
            [TARGET],
            identity,
            SeriesBook(()),
            interval_ns=interval_ns,
            now_ns=clock.monotonic_ns(),
        )
        self.stored = asyncio.Event()
        self.outbox = Outbox(self.batches, self, self.thread, clock, self.stored.set)

    def store(self, batch: Batch, lost: int) -> int:
        """Stand in for the spool's own `store`."""
        if self.refusing:
            raise SpoolError("the disk is full")
        return self.spool.store(batch, lost)

    def bodies(self) -> list[Batch]:
        """Return and delete what is stored."""
        found = []
        while (waiting := self.spool.oldest()) is not None:
            found.append(wire.decode(wire.inflate(waiting.body, 1 << 20)))
            self.spool.acknowledge(waiting.sequence)
        return found


@asynccontextmanager
async def rigged(tmp_path: Path, interval_ns: int = 3600 * NS_PER_S) -> AsyncIterator[Rig]:
    """Run an outbox."""
    rig = Rig(tmp_path, interval_ns)
    task = asyncio.create_task(rig.outbox.run())
    try:
        yield rig
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        rig.thread.close()
        rig.spool.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that nobody announces."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.005)


async def test_a_batch_is_stored_when_its_interval_is_over(tmp_path: Path) -> None:
    """What was gathered is in the spool after an interval, with its descriptor."""
    async with rigged(tmp_path, interval_ns=NS_PER_S // 50) as rig:
        rig.batches.reply(0, WALL_NS, 1, Stamp.KERNEL)
        async with asyncio.timeout(5):
            await rig.stored.wait()
        assert [(b.sequence, b.base_ns) for b in rig.bodies()] == [(1, WALL_NS)]
        assert (len(rig.spool.series()), rig.outbox.writes) == (1, True)


async def test_a_poke_closes_what_became_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is full does not wait for the end of its interval."""
    monkeypatch.setattr("agent.batches.MAX_ROWS", 1)
    async with rigged(tmp_path) as rig:
        await asyncio.sleep(0)
        rig.batches.reply(0, WALL_NS, 1, Stamp.KERNEL)
        rig.outbox.poke()
        async with asyncio.timeout(5):
            await rig.stored.wait()


async def test_flush_stores_what_is_open(tmp_path: Path) -> None:
    """At the end of the program nothing is left behind."""
    async with rigged(tmp_path) as rig:
        rig.batches.reply(0, WALL_NS, 1, Stamp.KERNEL)
        await rig.outbox.flush()
        assert len(rig.bodies()) == 1


async def test_a_disk_that_refuses_costs_nothing_while_memory_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Batches wait in memory, it is said once each way, and all arrive in order."""
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    caplog.set_level(logging.INFO)
    async with rigged(tmp_path, interval_ns=NS_PER_S // 100) as rig:
        rig.refusing = True
        for mark in range(3):
            rig.batches.reply(0, WALL_NS + mark, 1, Stamp.KERNEL)
            await until(lambda count=mark + 1: len(rig.outbox._pending) == count)
        ready = rig.outbox.writes
        rig.refusing = False
        await until(lambda: rig.outbox.writes)
        await until(lambda: not rig.outbox._pending)
        found = [(b.base_ns - WALL_NS, b.descriptors.dropped_batches) for b in rig.bodies()]
        assert (ready, found) == (False, [(0, 0), (1, 0), (2, 0)])
        assert [record.getMessage() for record in caplog.records] == [
            "the disk is full; up to 100 batches are kept in memory",
            "the spool takes batches again; 0 were lost in between",
        ]


async def test_what_is_given_up_in_memory_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound the oldest give way; the next stored batch reports them."""
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    monkeypatch.setattr(module, "MAX_PENDING", 1)
    async with rigged(tmp_path) as rig:
        rig.refusing = True
        for mark in range(4):
            rig.batches.reply(0, WALL_NS + mark, 1, Stamp.KERNEL)
            await rig.outbox.flush()
        rig.refusing = False
        await rig.outbox.flush()
        found = [(b.base_ns - WALL_NS, b.descriptors.dropped_batches) for b in rig.bodies()]
        assert (found, rig.spool.total_dropped) == ([(3, 3)], 3)
        assert [row.target for row in rig.spool.series()] == ["t"]


async def test_a_batch_given_up_while_it_is_stored_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory may overflow in the middle of a store: the batch that arrives is not counted lost."""
    monkeypatch.setattr(module, "MAX_PENDING", 1)
    async with rigged(tmp_path) as rig:
        store, began, go = rig.store, threading.Event(), threading.Event()

        def slow(batch: Batch, lost: int) -> int:
            began.set()
            go.wait(5)
            return store(batch, lost)

        monkeypatch.setattr(rig, "store", slow)
        rig.batches.reply(0, WALL_NS, 1, Stamp.KERNEL)
        first = asyncio.create_task(rig.outbox.flush())
        await asyncio.to_thread(began.wait, 5)
        rig.batches.reply(0, WALL_NS + 1, 1, Stamp.KERNEL)
        second = asyncio.create_task(rig.outbox.flush())
        await asyncio.sleep(0.02)
        go.set()
        await asyncio.gather(first, second)
        found = [(b.base_ns - WALL_NS, b.descriptors.dropped_batches) for b in rig.bodies()]
        assert (found, rig.spool.total_dropped) == ([(0, 0), (1, 0)], 0)
