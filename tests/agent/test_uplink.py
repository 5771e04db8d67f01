"""The uplink against a collector that refuses, forgets, hangs and comes back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from agent import wire
from agent.delivery import Backoff
from agent.http import Client, Place
from agent.records import AgentId
from agent.spool import Spool, SpoolThread, Waiting
from agent.uplink import Uplink
from tests.fakes.agent_edges import TOKEN, FakeCollector, series, small_batch
from tests.fakes.agent_probing import FakeClock


class Rig:
    """A spool, its uplink and the collector at the other end."""

    def __init__(self, directory: Path, collector: FakeCollector) -> None:
        self.thread = SpoolThread()
        self.clock = FakeClock()
        self.spool = Spool(directory, agent_id=AgentId(b"a" * 16), limit=1000)
        self.client = Client(Place(path=collector.path), timeout_s=0.2)
        self.uplink = Uplink(
            self.spool,
            self.thread,
            self.client.post,
            token=TOKEN,
            place=f"unix:{collector.path}",
            clock=self.clock,
            backoff=Backoff(lambda: 0.0),
        )

    async def store(self, *marks: int) -> None:
        """Store a batch for each mark, the first time with its descriptor."""
        for mark in marks:
            described = () if self.spool.series() else (series(1),)
            await self.thread.call(self.spool.store, small_batch(mark, described=described))
            self.uplink.notify()

    async def drained(self) -> None:
        """Wait until nothing waits any more."""
        async with asyncio.timeout(10):
            await self.uplink.drained()


@asynccontextmanager
async def rigged(
    tmp_path: Path, *, strict: bool = False
) -> AsyncIterator[tuple[Rig, FakeCollector]]:
    """Run an uplink whose pauses are short."""
    async with FakeCollector(tmp_path / "c.sock", strict=strict) as collector:
        rig = Rig(tmp_path / "spool", collector)
        task = asyncio.create_task(rig.uplink.run())
        try:
            yield rig, collector
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await rig.client.close()
            rig.thread.close()
            rig.spool.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait half a second."""
    monkeypatch.setattr("agent.delivery.FIRST_DELAY_S", 0.01)
    monkeypatch.setattr("agent.uplink.SPOOL_RETRY_S", 0.01)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that nobody announces."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)


def marks(collector: FakeCollector) -> list[tuple[int, int]]:
    """Return (sequence, mark) of every acknowledged batch in order."""
    base_ns = small_batch().base_ns
    return [(sequence, batch.base_ns - base_ns) for (_, sequence), batch in collector.held.items()]


async def test_batches_arrive_in_order_with_their_headers(tmp_path: Path) -> None:
    """Everything stored is delivered once, in order, over one connection, as the contract says."""
    async with rigged(tmp_path) as (rig, collector):
        await rig.store(10, 11, 12)
        await rig.drained()
        head = collector.headers[0]
        assert marks(collector) == [(1, 10), (2, 11), (3, 12)]
        assert (rig.spool.waiting, rig.uplink.up, rig.uplink.delivered) == (0, True, 3)
        assert (collector.connections, collector.repeats) == (1, [])
        assert {name: head[name] for name in head if name != "content-length"} == {
            "request": "POST /v1/batches HTTP/1.1",
            "host": "localhost",
            "authorization": f"Bearer {TOKEN}",
            "content-type": wire.CONTENT_TYPE,
            "content-encoding": "deflate",
        }


async def test_forgotten_series_are_described_again(tmp_path: Path) -> None:
    """A 409 is answered with the same batch and the descriptors; the columns do not change."""
    async with rigged(tmp_path, strict=True) as (rig, collector):
        await rig.store(1)
        await rig.drained()
        collector.known.clear()
        await rig.store(2)
        await rig.drained()
        first, second = (wire.decode(body) for _, body in collector.received[1:])
        assert marks(collector) == [(1, 1), (2, 2)]
        assert (first.descriptors.series, second.descriptors.series) == ((), (series(1),))
        assert (list(first.rtt_s), first.sequence) == (list(second.rtt_s), second.sequence)


async def test_a_series_that_nobody_can_describe_does_not_block(tmp_path: Path) -> None:
    """A collector that insists on what the spool does not know has the batch set aside."""
    async with rigged(tmp_path) as (rig, collector):
        collector.script.extend([(409, b'{"unknown_series": [77]}'), 204])
        await rig.store(1, 2)
        await rig.drained()
        assert (marks(collector), rig.uplink.refused) == ([(2, 2)], 1)


async def test_a_collector_that_never_has_enough_does_not_block(tmp_path: Path) -> None:
    """The same complaint after the descriptors were sent has the batch set aside."""
    async with rigged(tmp_path) as (rig, collector):
        collector.script.extend([(409, b'{"unknown_series": [1]}')] * 2)
        await rig.store(1, 2)
        await rig.drained()
        assert (marks(collector), rig.uplink.refused) == ([(2, 2)], 1)


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_batch_refused_for_good_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """It neither blocks the queue nor disappears: it is kept with the reason, and said."""
    async with rigged(tmp_path) as (rig, collector):
        collector.script.append((status, b'{"error": "no", "reason": "clock"}'))
        await rig.store(1, 2)
        await rig.drained()
        kept = rig.spool._database.execute("SELECT sequence, reason FROM refused").fetchall()
        assert (marks(collector), kept) == ([(2, 2)], [(1, f"{status} clock: no")])
        assert f"refused batch 1 for good ({status} clock: no)" in caplog.text


async def test_a_collector_whose_clock_is_behind_costs_no_batch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A date that our own clock bears out is offered until it is taken; that is said once."""
    caplog.set_level(logging.INFO)
    async with rigged(tmp_path) as (rig, collector):
        collector.script.extend([(422, b'{"error": "too new", "reason": "clock"}')] * 3)
        rig.clock.advance(1)
        await rig.store(1)
        await collector.holds(1)
        await rig.drained()
        assert (marks(collector), rig.uplink.refused) == ([(1, 1)], 0)
        assert said(caplog) == [
            "answered 422 clock: too new; batches wait in the spool",
            "is back after 0.0 s and 3 failed attempts; 1 batches wait",
        ]


async def test_a_batch_of_a_clock_that_was_never_set_does_not_block(tmp_path: Path) -> None:
    """No collector will ever take a batch of 1970, however right our clock is now."""
    async with rigged(tmp_path) as (rig, collector):
        collector.script.append((422, b'{"error": "too old", "reason": "clock"}'))
        rig.clock.advance(1)
        await rig.store(-small_batch().base_ns, 1)
        await rig.drained()
        assert (marks(collector), rig.uplink.refused) == ([(2, 1)], 1)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the messages of the log, without the parts that differ from run to run."""
    return [record.getMessage().partition("/c.sock ")[2] for record in caplog.records]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_denied_batch_waits_for_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """A wrong token costs no batch; it is said once, with where to look."""
    caplog.set_level(logging.INFO)
    async with rigged(tmp_path) as (rig, collector):
        collector.script.extend([(status, b'{"reason": "token"}')] * 3)
        await rig.store(1)
        await collector.holds(1)
        await rig.drained()
        assert said(caplog) == [
            f"answered {status} token; batches wait in the spool: check the agent's id and token",
            "is back after 0.0 s and 3 failed attempts; 1 batches wait",
        ]


@pytest.mark.parametrize("step", [500, 503, 404, "drop", "cut", "hang"])
async def test_every_failure_is_tried_again(tmp_path: Path, step: int | str) -> None:
    """Errors, closed connections, cut answers and silence cost time, never a batch."""
    async with rigged(tmp_path) as (rig, collector):
        collector.script.extend([step, step])
        await rig.store(1, 2)
        await collector.holds(2)
        await rig.drained()
        assert marks(collector) == [(1, 1), (2, 2)]


async def test_an_outage_is_said_once_and_caught_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While nobody listens batches wait; one line when it begins, one when it is over."""
    caplog.set_level(logging.INFO)
    collector = FakeCollector(tmp_path / "c.sock")
    rig = Rig(tmp_path / "spool", collector)
    task = asyncio.create_task(rig.uplink.run())
    await rig.store(*range(20))
    await until(lambda: rig.uplink._standing.up is False)
    async with collector:
        await rig.drained()
        assert (len(collector.held), collector.repeats, rig.spool.waiting) == (20, [], 0)
        task.cancel()
        await rig.client.close()
    rig.thread.close()
    rig.spool.close()
    first, last = said(caplog)
    assert first.startswith("unreachable (the exchange failed: [Errno 2]")
    assert last.startswith("is back after ")
    assert last.endswith("20 batches wait")


async def test_a_lost_acknowledgement_repeats_the_same_batch(tmp_path: Path) -> None:
    """Where the answer is lost the same octets come again, so that the replay key catches them."""
    async with rigged(tmp_path) as (rig, collector):
        collector.script.append("cut")
        await rig.store(1)
        await collector.holds(1)
        await rig.drained()
        (first, second) = collector.received
        assert first == second


async def test_a_spool_that_fails_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the spool cannot be read the uplink waits and says so once."""
    async with rigged(tmp_path) as (rig, collector):
        await rig.thread.call(rig.spool._database.execute, "ALTER TABLE batches RENAME TO x")
        rig.uplink.notify()
        await until(lambda: bool(caplog.records))
        await asyncio.sleep(0.05)
        await rig.thread.call(rig.spool._database.execute, "ALTER TABLE x RENAME TO batches")
        await rig.store(1)
        await collector.holds(1)
        assert len(caplog.records) == 1
        assert "tried to read the spool" in caplog.text


async def test_a_stored_batch_that_decayed_does_not_block(tmp_path: Path) -> None:
    """A body that no longer decodes when it must be completed gains nothing, so it is set aside."""
    async with rigged(tmp_path) as (rig, _):
        damaged = Waiting(sequence=1, body=b"x")
        assert await rig.uplink._described(damaged, frozenset({1})) == (b"x", frozenset())
