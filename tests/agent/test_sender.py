"""One socket in a running event loop: answers, losses, failures, garbage, and a clean end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from agent.clock import SystemClock
from agent.flight import Doubt, Landing
from agent.ports import Notice, Rung
from agent.records import Outcome, Protocol, Stamp
from agent.sender import Sender
from tests.fakes.agent_probing import FakePort, garbage, until

TARGET = "203.0.113.9"
ROUTES = {TARGET: ("198.51.100.1", None, TARGET)}
MS = 1_000_000
Open = Callable[[FakePort], tuple[Sender, list[Landing]]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Open senders on a fake socket; close them after the test."""
    kept: list[Sender] = []

    def opening(port: FakePort) -> tuple[Sender, list[Landing]]:
        landings: list[Landing] = []
        sender = Sender(SystemClock(), landings.append, port.opened)
        kept.append(sender)
        return sender, landings

    yield opening
    for sender in kept:
        sender.close()


@pytest.mark.parametrize("rung", [Rung.RAW, Rung.PING])
async def test_answers_land_with_their_handles(opened: Open, rung: Rung) -> None:
    """A reply and a router's error, on both rungs, by kernel stamps."""
    sender, landings = opened(FakePort(ROUTES, time.time_ns, rung=rung))
    sender.send("far", TARGET, 500 * MS)
    sender.send("near", TARGET, 500 * MS, ttl=1)
    await until(lambda: len(landings) == 2)
    found = {(x.handle, x.outcome, x.source, x.rtt_ns, x.stamp) for x in landings}
    assert found == {
        ("far", Outcome.REPLY, TARGET, 6000, Stamp.KERNEL),
        ("near", Outcome.TTL_EXCEEDED, "198.51.100.1", 2000, Stamp.KERNEL),
    }
    assert (0, 0, 0) == sender.strays
    assert rung is sender.rung


async def test_silence_is_a_loss_at_its_deadline(opened: Open) -> None:
    """A machine that keeps silent; the shorter time-out lands first though it was sent last."""
    sender, landings = opened(FakePort(ROUTES, time.time_ns))
    sender.send("long", TARGET, 150 * MS, ttl=2)
    sender.send("short", TARGET, 20 * MS, ttl=2)
    await until(lambda: len(landings) >= 1)
    assert sender.in_air == 1
    await until(lambda: len(landings) == 2)
    assert [("short", Outcome.LOST), ("long", Outcome.LOST)] == [
        (found.handle, found.outcome) for found in landings
    ]


async def test_a_packet_that_the_host_cannot_send_lands_at_once(opened: Open) -> None:
    """It is no loss of the network's; the next one goes out."""
    port = FakePort(ROUTES, time.time_ns, failures=1)
    sender, landings = opened(port)
    sender.send("first", TARGET, 100 * MS)
    assert [("first", Outcome.SEND_FAILED)] == [(x.handle, x.outcome) for x in landings]
    sender.send("second", TARGET, 100 * MS)
    await until(lambda: len(landings) == 2)
    assert landings[1].outcome is Outcome.REPLY


async def test_garbage_is_counted_and_passed_over(opened: Open) -> None:
    """What does not decode hides nothing that comes after it."""
    sender, landings = opened(FakePort(ROUTES, time.time_ns, garbage=[garbage(), garbage()]))
    sender.send("probe", TARGET, 100 * MS)
    await until(lambda: len(landings) == 1)
    assert (2, Outcome.REPLY) == (sender.garbage, landings[0].outcome)


async def test_a_bug_while_reading_ends_the_watch(opened: Open) -> None:
    """The reader is a callback of the loop: whoever watches must learn of its failure."""
    sender, _ = opened(FakePort(ROUTES, time.time_ns, garbage=[ValueError("a bug")]))
    sender.send("probe", TARGET, 100 * MS)
    with pytest.raises(ValueError, match="a bug"):
        await asyncio.wait_for(sender.watch(), 2)


async def test_close_leaves_nothing_behind(opened: Open) -> None:
    """No timer fires and nothing lands after the end; closing twice does no harm."""
    port = FakePort(ROUTES, time.time_ns)
    sender, landings = opened(port)
    sender.send("probe", TARGET, 20 * MS, ttl=2)
    sender.close()
    await asyncio.sleep(0.05)
    assert [] == landings
    assert port.closed


async def test_who_reads_on_ticks_is_not_woken() -> None:
    """Without a reader nothing lands by itself; a turn reads everything and tells the losses."""
    landings: list[Landing] = []
    sender = Sender(
        SystemClock(), landings.append, FakePort(ROUTES, time.time_ns).opened, reading=False
    )
    sender.send("answered", TARGET, 500 * MS)
    sender.send("lost", TARGET, 30 * MS, ttl=2)
    await asyncio.sleep(0.05)
    assert ([], 2) == (landings, sender.in_air)
    sender.turn()
    found = [(x.handle, x.outcome, x.stamp) for x in landings]
    assert found == [("answered", Outcome.REPLY, Stamp.KERNEL), ("lost", Outcome.LOST, None)]
    assert sender.in_air == 0
    sender.close()


@pytest.mark.parametrize("kind", [4, 5, 11])
async def test_notices_that_are_no_answer_are_passed_over(opened: Open, kind: int) -> None:
    """A source quench, a redirect, and an error that quotes too little to know the probe."""
    port = FakePort(ROUTES, time.time_ns, rung=Rung.PING)
    sender, landings = opened(port)
    odd = Notice(
        type=kind,
        code=0,
        source="198.51.100.1",
        destination=TARGET,
        quote=b"short",
        stamp_ns=1,
        ttl=9,
    )
    port._errors.append(odd)
    sender.send("probe", TARGET, 100 * MS)
    await until(lambda: len(landings) == 1)
    assert (kind == 11, Outcome.REPLY) == (sender.garbage == 1, landings[0].outcome)


@pytest.mark.parametrize(("quoted", "doubts"), [(64, 0), (0, 2)])
async def test_datagrams_land_by_their_payload(quoted: int, doubts: int) -> None:
    """Where routers quote none of it, several in flight are in doubt and one alone is not."""
    told: list[Landing | Doubt] = []
    port = FakePort({TARGET: ("198.51.100.1", "198.51.100.2", TARGET)}, quoted_octets=quoted)
    port._wall_ns = time.time_ns
    sender = Sender(SystemClock(), told.append, port.opened, protocol=Protocol.UDP, reading=False)
    sender.send("one", TARGET, 500 * MS, ttl=1)
    sender.send("three", TARGET, 500 * MS, ttl=3)
    sender.turn()
    assert doubts == sum(isinstance(each, Doubt) for each in told)
    landed = [(x.handle, x.outcome, x.icmp) for x in told if isinstance(x, Landing)]
    expected = [
        ("one", Outcome.TTL_EXCEEDED, (11, 0)),
        ("three", Outcome.UNREACHABLE, (3, 3)),
    ]
    assert (expected if not doubts else []) == landed
    sender.close()
