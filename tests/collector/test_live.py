"""The chain that runs now: replaced behind open connections, with nothing lost or counted twice."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Self

import msgspec
import pytest

from agent import wire
from collector.chain import Chain
from collector.errors import RefusedError, StoreError
from collector.gate.intake import Intake, SinkCounts
from collector.live import Live
from collector.settings.config import Config
from tests.fakes.collector_durable import (
    StoppedClock,
    Totals,
    batch,
    caller,
    config,
    content,
    totals,
)


def chain(settings: Config) -> Chain:
    """Return a chain whose clock stands."""
    return Chain(settings, clock=StoppedClock())


def held(live: Live) -> Totals:
    """Return what the chain that runs now holds."""
    assert isinstance(live._chain, Chain)
    return totals(live._chain)


async def send(live: Live, sequence: int, agent: int = 0) -> None:
    """Deliver a batch."""
    sent = wire.encode(batch(sequence, agent=agent))
    await live.accept(sent, "identity", caller(agent))


async def test_a_renewal_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """After other settings the same batches are known, counted once, and the counts go on."""
    before = config(tmp_path)
    after = msgspec.structs.replace(before, agents=before.agents[:1], grace_s=10)
    async with Live(before, chain) as live:
        intake: Intake = live
        assert intake.ready
        for agent in range(2):
            await send(live, 0, agent)
        await live.renew(after)
        assert live.ready
        await send(live, 0)
        await send(live, 1)
        with pytest.raises(RefusedError) as caught:
            await send(live, 1, agent=1)
        assert 401 == caught.value.status
        expected = content(batch(0)) + content(batch(1)) + content(batch(0, agent=1))
        assert +expected == held(live)
        counts = live.counts
        assert Counter({"agent-0": 2, "agent-1": 1}) == counts.accepted
        assert (Counter({"agent-0": 1}), Counter(token=1)) == (counts.duplicates, counts.rejected)
        assert 1 <= counts.checkpoints
    assert not live.ready


async def test_load_during_renewals_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Agents that try again at 503 get everything in, once, however often the settings change."""
    settings = config(tmp_path)
    done = asyncio.Event()
    refusals: set[tuple[int, str]] = set()

    async def deliver(live: Live, agent: int) -> None:
        for sequence in range(60):
            while True:
                try:
                    await send(live, sequence, agent)
                    break
                except RefusedError as error:
                    refusals.add((error.status, error.reason))
                    await asyncio.sleep(0.001)

    async def renew(live: Live) -> int:
        times = 0
        while not done.is_set():
            times += 1
            await live.renew(msgspec.structs.replace(settings, grace_s=times % 60))
            await asyncio.sleep(0.02)
        return times

    async with Live(settings, chain) as live:
        renewing = asyncio.create_task(renew(live))
        await asyncio.gather(*(deliver(live, agent) for agent in range(3)))
        done.set()
        assert await renewing >= 2
        total: Totals = Counter()
        for agent in range(3):
            for sequence in range(60):
                total.update(content(batch(sequence, agent=agent)))
        assert +total == held(live)
        assert {60} == set(live.counts.accepted.values())
        assert refusals <= {(503, "starting")}


async def test_settings_that_cannot_be_used_leave_the_old_ones(tmp_path: Path) -> None:
    """Where the new chain does not open, the old settings serve again, and the error is told."""
    settings = config(tmp_path)
    (tmp_path / "file").touch()
    async with Live(settings, chain) as live:
        await send(live, 0)
        broken = msgspec.structs.replace(settings, directory=tmp_path / "file" / "store")
        with pytest.raises(StoreError):
            await live.renew(broken)
        assert live.ready
        await send(live, 1)
        assert +(content(batch(0)) + content(batch(1))) == held(live)


class Breaking(Chain):
    """A chain that opens once."""

    opened = 0

    async def __aenter__(self) -> Self:
        """Open, the first time."""
        if Breaking.opened:
            raise StoreError("the disk is gone")
        Breaking.opened += 1
        await super().__aenter__()
        return self


async def test_where_nothing_opens_any_more_the_door_stays_shut(tmp_path: Path) -> None:
    """Neither settings work: not ready, batches are told to come again, and the end is orderly."""
    settings = config(tmp_path)
    async with Live(settings, lambda one: Breaking(one, clock=StoppedClock())) as live:
        with pytest.raises(StoreError, match="the disk is gone"):
            await live.renew(settings)
        assert not live.ready
        with pytest.raises(RefusedError) as caught:
            await send(live, 0)
        assert (503, "starting") == (caught.value.status, caught.value.reason)
        assert Counter(starting=1) == live.counts.rejected


async def test_who_waits_for_a_plan_is_released(tmp_path: Path) -> None:
    """A renewal does not wait for agents that wait; they hear that nothing changed."""
    settings = config(tmp_path)
    async with Live(settings, chain) as live:
        plan = await live.plan(caller(0), None)
        assert plan is not None
        waiting = asyncio.create_task(live.plan(caller(0), plan.version))
        await asyncio.sleep(0.05)
        await live.renew(settings)
        assert None is await asyncio.wait_for(waiting, 5)
        assert plan == await live.plan(caller(0), None)


async def test_sinks_go_on_counting_by_name(tmp_path: Path) -> None:
    """A sink that is still there keeps its counts."""
    made: list[Chain] = []

    def with_sinks(settings: Config) -> Chain:
        found = chain(settings)
        names = ("kept", "new") if made else ("kept", "gone")
        found.counts.sinks.update({name: SinkCounts() for name in names})
        made.append(found)
        return found

    settings = config(tmp_path)
    async with Live(settings, with_sinks) as live:
        live.counts.sinks["kept"].rows = 7
        live.counts.sinks["kept"].dropped["late"] = 2
        await live.renew(settings)
        rows = {name: (sink.rows, sink.dropped) for name, sink in live.counts.sinks.items()}
        assert {"kept": (7, Counter(late=2)), "new": (0, Counter())} == rows


async def test_nothing_opens_after_the_end(tmp_path: Path) -> None:
    """A renewal that comes late is refused; the chain was closed once, its store is free."""
    settings = config(tmp_path)
    async with Live(settings, chain) as live:
        await send(live, 0)
    with pytest.raises(RefusedError) as caught:
        await live.renew(msgspec.structs.replace(settings, grace_s=1))
    assert (503, "ending", False) == (caught.value.status, caught.value.reason, live.ready)
    async with Chain(settings, clock=StoppedClock()) as after:
        assert +content(batch(0)) == totals(after)


async def test_a_bug_in_opening_leaves_the_old_settings(tmp_path: Path) -> None:
    """Whatever goes wrong with the new ones, the door does not stay shut."""
    settings = config(tmp_path)

    class Buggy(Chain):
        async def __aenter__(self) -> Self:
            if self._config.grace_s == 1:
                raise AssertionError("a bug")
            return await super().__aenter__()

    async with Live(settings, lambda one: Buggy(one, clock=StoppedClock())) as live:
        await send(live, 0)
        with pytest.raises(AssertionError, match="a bug"):
            await live.renew(msgspec.structs.replace(settings, grace_s=1))
        await send(live, 1)
        assert +(content(batch(0)) + content(batch(1))) == held(live)
