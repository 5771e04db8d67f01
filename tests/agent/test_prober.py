"""The prober in a running event loop, on a network without packets."""

import asyncio
import time

import msgspec
import pytest

from agent.clock import SystemClock
from agent.errors import DnsError, PrivilegeError
from agent.ports import DatagramPort, Rung
from agent.prober import Prober
from agent.records import Family, Outcome, Stamp
from agent.schedule import Budget, Due
from agent.targets import Instant
from tests.fakes.agent_prober import FAR, MS, NEAR, PLENTY, ROUTES, nowhere, prober, target
from tests.fakes.agent_probing import FakeClock, FakePort, FakeSink, play


def told(sink: FakeSink) -> set[tuple[int, Outcome]]:
    """List what happened, but for probes that a busy machine was too late to send."""
    return {(i, outcome) for i, _, outcome in sink.events if outcome is not Outcome.SKIPPED}


async def test_every_target_is_probed_at_its_interval() -> None:
    """Replies of two targets through one socket, each with its kernel RTT."""
    port, sink = FakePort(ROUTES, time.time_ns), FakeSink()
    probing = prober([target(NEAR), target(FAR, interval_ns=40 * MS)], port, sink)
    assert probing.address_of(0) is None
    await play(probing.run(), lambda: len(sink.replies) >= 12)
    assert {(0, 2000, Stamp.KERNEL), (1, 4000, Stamp.KERNEL)} == {
        (index, rtt_ns, stamp) for index, _, rtt_ns, stamp in sink.replies
    }
    assert [(0, NEAR), (1, FAR)] == sink.addresses
    assert probing.sent[0] > probing.sent[1]
    assert (Rung.RAW, NEAR, FAR) == (probing.rung, probing.address_of(0), probing.address_of(1))
    assert probing.strays == (0, 0, 0)
    assert port.closed


async def test_a_silent_target_is_lost() -> None:
    """An event after the time-out, never a number."""
    sink = FakeSink()
    await play(
        prober([target("192.0.2.77")], FakePort({}, time.time_ns), sink).run(),
        lambda: bool(told(sink)),
    )
    assert {(0, Outcome.LOST)} == told(sink)
    assert [] == sink.replies


async def test_a_name_is_resolved_again_and_a_change_is_told() -> None:
    """The second answer is another address; the third fails, and the address stays."""
    answers = iter([NEAR, FAR])

    async def resolve(name: str, _family: Family) -> str | None:
        await asyncio.sleep(0)
        assert name == "a.example"
        return next(answers, None)

    port, sink = FakePort(ROUTES, time.time_ns), FakeSink()
    probing = prober([target(None)], port, sink, resolve)
    await play(probing.run(), lambda: len(port.sent) >= 8)
    assert [(0, NEAR), (0, FAR)] == sink.addresses
    assert port.sent[-1] == (FAR, None)


@pytest.mark.parametrize("problem", [None, DnsError("garbage", "read an answer"), OSError(111)])
async def test_a_name_that_fails_is_an_event_of_its_target(problem: Exception | None) -> None:
    """The other target is probed; nothing ends."""

    async def resolve(_name: str, _family: Family) -> str | None:
        await asyncio.sleep(0)
        if problem is not None:
            raise problem
        return None

    sink = FakeSink()
    probing = prober([target(None), target(NEAR)], FakePort(ROUTES, time.time_ns), sink, resolve)
    await play(probing.run(), lambda: bool(told(sink)) and len(sink.replies) >= 2)
    assert {(0, Outcome.UNRESOLVED)} == told(sink)
    assert {} == probing.faults.by_task


async def test_a_target_that_prohibits_probes_is_probed_less(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Intervals of 20, 40, 80 ms; the log says who prohibits it, each time the rate is halved."""
    caplog.set_level("INFO")
    monkeypatch.setattr("agent.schedule.SLOWEST_NS", 80 * MS)
    port = FakePort(ROUTES, time.time_ns, unreachable_from="198.51.100.1")
    sink = FakeSink()
    port._routes = {NEAR: (NEAR,), FAR: ("198.51.100.1",)}
    probing = prober([target(NEAR), target(FAR)], port, sink)
    await play(probing.run(), lambda: len(caplog.messages) >= 2)
    assert {(1, Outcome.PROHIBITED)} == told(sink)
    assert {0: 20 * MS, 1: 80 * MS} == probing._schedule._interval_ns
    assert [f"{FAR}: 198.51.100.1 prohibits probes; sent half as often"] * 2 == caplog.messages


async def test_an_answer_ends_the_backing_off() -> None:
    """Where somebody opened the door again the target has its own interval back."""
    port, sink = FakePort(ROUTES, time.time_ns), FakeSink()
    probing = prober([target(NEAR)], port, sink)
    task = asyncio.create_task(probing.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert probing._schedule.slow_down(0)
    await play(task, lambda: len(sink.replies) >= 1)
    assert {0: 20 * MS} == probing._schedule._interval_ns


class SteppedClock(SystemClock):
    """A clock whose time of day somebody sets an hour forward at some moment."""

    def __init__(self) -> None:
        self.step_ns = 0

    def instant(self) -> Instant:
        """Read both clocks."""
        return Instant(time.monotonic_ns(), time.time_ns() + self.step_ns)


async def test_a_clock_step_is_no_round_trip_time() -> None:
    """What was in the air is REJECTED, what comes after is measured as before."""
    clock, sink = SteppedClock(), FakeSink()
    port = FakePort(ROUTES, lambda: time.time_ns() + clock.step_ns)
    probing = prober([target(NEAR)], port, sink)
    probing._clock = clock
    send = port.send

    def send_and_step(octets: bytes, address: str, ttl: int | None, label: int = 0) -> int:
        number = send(octets, address, ttl, label)
        if len(port.sent) == 3:
            clock.step_ns = 3600 * 1_000 * MS
        return number

    port.send = send_and_step  # type: ignore[method-assign]  # a person sets the clock just then
    await play(probing.run(), lambda: len(sink.replies) >= 6)
    assert {(0, Outcome.REJECTED)} == told(sink)
    assert {2000} == {rtt_ns for _, _, rtt_ns, _ in sink.replies}


async def test_a_bug_is_survived() -> None:
    """The socket is opened anew and probing goes on."""
    ports = [
        FakePort(ROUTES, time.time_ns, garbage=[ValueError("a bug")]),
        FakePort(ROUTES, time.time_ns),
    ]
    left = iter(ports)
    sink = FakeSink()
    probing = prober([target(NEAR)], ports[0], sink)
    probing._open_socket = lambda *given: next(left).opened(*given)
    await play(probing.run(), lambda: len(sink.replies) >= 2)
    assert {"prober": 1} == probing.faults.by_task
    assert [True, True] == [port.closed for port in ports]


async def test_an_old_socket_is_replaced_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is in the air on the old one still lands there; then it is closed."""
    monkeypatch.setattr("agent.senders.LIFE_NS", 60 * MS)
    ports: list[FakePort] = []

    def another(*given: object) -> FakePort:
        ports.append(FakePort(ROUTES, time.time_ns))
        return ports[-1].opened(*given)

    sink = FakeSink()
    probing = prober([target(NEAR), target("192.0.2.77")], FakePort(ROUTES, time.time_ns), sink)
    probing._open_socket = another
    await play(probing.run(), lambda: len(ports) >= 3 and len(ports[2].sent) >= 6)
    assert all(port.identifier and port.closed for port in ports)
    lost = sum(outcome is Outcome.LOST for _, _, outcome in sink.events)
    assert 1 <= sum(address != NEAR for address, _ in ports[0].sent) <= lost
    for port in ports:
        port.close()


async def test_a_name_that_recovers_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And then asked for at its own period, not at that of failures."""
    monkeypatch.setattr("agent.prober._RETRY_UNRESOLVED_S", 0.005)
    answers = iter([None, None, NEAR])

    async def resolve(_name: str, _family: Family) -> str | None:
        await asyncio.sleep(0)
        return next(answers)

    sink = FakeSink()
    probing = prober([target(None)], FakePort(ROUTES, time.time_ns), sink, resolve)
    probing._resolve_interval_s = 60
    await play(probing.run(), lambda: len(sink.replies) >= 3)
    assert ({}, set()) == (probing.faults.by_task, probing._unresolved)


async def test_before_the_first_answer_there_is_nothing_to_tell() -> None:
    """A name that is being asked for is not yet unresolved."""

    async def resolve(_name: str, _family: Family) -> str | None:
        await asyncio.Event().wait()
        return None

    sink = FakeSink()
    probing = prober([target(None), target(NEAR)], FakePort(ROUTES, time.time_ns), sink, resolve)
    await play(probing.run(), lambda: len(sink.replies) >= 4)
    assert set() == told(sink)


async def test_a_failing_name_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is asked again."""
    monkeypatch.setattr("agent.prober._RETRY_UNRESOLVED_S", 0.005)
    asked = 0

    async def resolve(_name: str, _family: Family) -> str | None:
        nonlocal asked
        await asyncio.sleep(0)
        asked += 1
        return None

    probing = prober([target(None)], FakePort(ROUTES, time.time_ns), FakeSink(), resolve)
    await play(probing.run(), lambda: asked >= 5)
    assert ["a.example has no address to probe, or nobody told; asked again"] == caplog.messages


async def test_a_name_of_one_family_is_no_failure_of_the_other() -> None:
    """An address in IPv4 alone: the IPv6 series is silent, and nothing is said."""

    async def resolve(_name: str, family: Family) -> str | None:
        await asyncio.sleep(0)
        return NEAR if family == 4 else None

    sink = FakeSink()
    both = [target(None), msgspec.structs.replace(target(None), family=6)]
    probing = prober(both, FakePort(ROUTES, time.time_ns), sink, resolve)
    probing._open_socket = lambda *given: FakePort(ROUTES, time.time_ns).opened(*given)
    await play(probing.run(), lambda: len(sink.replies) >= 6)
    assert (set(), {0}) == (told(sink), {index for index, *_ in sink.replies})


async def test_a_name_without_any_address_fails_in_each_family(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Both series tell it; the log says it once."""

    async def resolve(_name: str, _family: Family) -> str | None:
        await asyncio.sleep(0)
        return None

    sink = FakeSink()
    both = [target(None), msgspec.structs.replace(target(None), family=6)]
    probing = prober(both, FakePort(ROUTES, time.time_ns), sink, resolve)
    probing._open_socket = lambda *given: FakePort(ROUTES, time.time_ns).opened(*given)
    await play(probing.run(), lambda: len(told(sink)) >= 2)
    assert {(0, Outcome.UNRESOLVED), (1, Outcome.UNRESOLVED)} == told(sink)
    assert ["a.example has no address to probe, or nobody told; asked again"] == caplog.messages


async def test_a_refused_privilege_is_the_callers() -> None:
    """Trying again would not help."""

    def refuse(*_: object) -> DatagramPort:
        raise PrivilegeError("open an ICMP socket: refused")

    probing = prober([target(NEAR)], FakePort({}), FakeSink())
    probing._open_socket = refuse
    with pytest.raises(PrivilegeError, match="refused"):
        await asyncio.wait_for(probing.run(), 2)


@pytest.mark.parametrize(
    ("send", "skipped", "count", "last_back_s"), [(True, 4, 4, 2), (False, 5, 5, 1)]
)
def test_missed_deadlines_are_events_at_their_times(
    send: bool, skipped: int, count: int, last_back_s: int
) -> None:
    """A stall of five seconds: each missed deadline is told with the time it had."""
    clock, sink = FakeClock(), FakeSink()
    probing = Prober([], sink, clock, budget=Budget(PLENTY, 0), resolve=nowhere)
    due_ns = clock.monotonic_ns() - 1_000 * MS
    probing._tell_skipped(Due(index=0, due_ns=due_ns, send=send, skipped=skipped), 1_000 * MS)
    expected = [clock.wall_ns() - (last_back_s + back) * 1_000 * MS for back in range(count)][::-1]
    assert expected == [at for _, at, _ in sink.events]


def test_a_missed_deadline_sends_nothing() -> None:
    """It is told, and that is all."""
    sink = FakeSink()
    clock = FakeClock()
    probing = Prober([target(NEAR)], sink, clock, budget=Budget(PLENTY, 0), resolve=nowhere)
    due = Due(index=0, due_ns=clock.monotonic_ns(), send=False, skipped=1)
    probing._handle(due)
    assert [(0, clock.wall_ns(), Outcome.SKIPPED)] == sink.events


def test_a_very_long_stall_does_not_flood() -> None:
    """Of a night's sleep the last 60 deadlines are told."""
    sink = FakeSink()
    probing = Prober([], sink, FakeClock(), budget=Budget(PLENTY, 0), resolve=nowhere)
    probing._tell_skipped(Due(index=0, due_ns=0, send=False, skipped=30_000), 1_000 * MS)
    assert len(sink.events) == 60


def test_targets_are_words() -> None:
    """They cannot change under the prober's hands."""
    with pytest.raises(AttributeError):
        target(NEAR).interval_ns = 5  # type: ignore[misc]  # frozen: that is the point
    assert msgspec.structs.replace(target(NEAR), zone="aws/eu-west-3").zone == "aws/eu-west-3"
