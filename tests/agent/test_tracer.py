"""The tracer in a running event loop, on a network without packets."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from agent.clock import SystemClock
from agent.flight import Landing
from agent.hops import Shot
from agent.ports import Rung
from agent.records import Origin, Outcome, Path, Protocol, Stamp
from agent.rounds import Round
from agent.schedule import Budget, Due, prefix_of
from agent.sender import Sender
from agent.targets import Limits, ProbeTarget, family_of
from agent.tracer import Allowance, Route, Tracer, land
from tests.fakes.agent_probing import FakePort, FakeSink, play

MS = 1_000_000
S = 1_000_000_000
NEAR, FAR, SLOW = "192.0.2.1", "203.0.113.9", "203.0.113.10"
ROUTES = {
    NEAR: (NEAR,),
    FAR: ("198.51.100.1", "198.51.100.2", FAR),
    SLOW: ("198.51.100.1", None, SLOW),
}
PARIS = Origin(latitude=48.86, longitude=2.35, radius_km=5)


def target(
    address: str,
    interval_ns: int | None = 30 * MS,
    *,
    flows: int = 1,
    protocol: Protocol = Protocol.ICMP,
) -> ProbeTarget:
    """Make a target that is traced often."""
    return ProbeTarget(
        target=address,
        zone="ovh/rbx",
        address=address,
        interval_ns=S,
        family=family_of(address),
        trace_interval_ns=interval_ns,
        trace_protocol=protocol,
        flows=flows,
        timeout_ns=100 * MS,
    )


def door(open_one: Callable[..., FakePort]) -> FakePort:
    """Return a port whose only use is to open others."""
    found = FakePort({})
    found.opened = open_one
    return found


def tracer(
    targets: Sequence[ProbeTarget],
    port: FakePort,
    sink: FakeSink,
    *,
    packets_per_s: float = 10_000,
    per_prefix_per_s: float = 10_000,
    addresses: Sequence[str | None] | None = None,
) -> Tracer:
    """Make a tracer on a fake socket."""
    clock = SystemClock()
    known = addresses if addresses is not None else [each.address for each in targets]
    return Tracer(
        targets,
        sink,
        clock,
        budget=Budget(
            Limits(packets_per_s=packets_per_s, per_prefix_per_s=per_prefix_per_s),
            clock.monotonic_ns(),
        ),
        address_of=known.__getitem__,
        origin=PARIS,
        open_socket=port.opened,
    )


def addresses(path: Path) -> list[list[str | None]]:
    """List who answered at each hop."""
    return [[reply.address for reply in hop.replies] for hop in path.hops]


@pytest.mark.parametrize("rung", [Rung.RAW, Rung.PING])
async def test_rounds_follow_one_another(rung: Rung) -> None:
    """Two targets at once through one socket; every path whole, with kernel times."""
    port, sink = FakePort(ROUTES, time.time_ns, rung=rung), FakeSink()
    tracing = tracer([target(NEAR), target(FAR)], port, sink)
    await play(tracing.run(), lambda: len(sink.paths) >= 6)
    assert {NEAR: [[NEAR]], FAR: [[hop] for hop in ROUTES[FAR]]} == {
        path.address: addresses(path) for path in sink.paths
    }
    far = next(path for path in sink.paths if path.target == FAR)
    assert (True, PARIS, "ovh/rbx", f"{FAR}@{far.started_at}") == (
        far.reached,
        far.origin,
        far.zone,
        far.id,
    )
    assert [2000, 4000, 6000] == [hop.replies[0].rtt_ns for hop in far.hops]
    assert {Stamp.KERNEL} == {reply.stamp for hop in far.hops for reply in hop.replies}
    assert len({path.id for path in sink.paths}) == len(sink.paths)
    assert port.closed


async def test_the_next_round_sends_no_more_than_it_needs() -> None:
    """Three hops known: at most six TTLs."""
    port, sink = FakePort(ROUTES, time.time_ns), FakeSink()
    tracing = tracer([target(FAR)], port, sink)
    await play(tracing.run(), lambda: len(sink.paths) >= 1)
    assert {FAR: 3} == tracing._lengths


async def test_a_target_that_fell_silent_is_searched_for_in_full() -> None:
    """Its last length is forgotten."""
    port, sink = FakePort({FAR: ("198.51.100.1", None)}, time.time_ns), FakeSink()
    tracing = tracer([target(FAR)], port, sink)
    tracing._lengths[FAR] = 3
    await play(tracing.run(), lambda: len(sink.paths) >= 1)
    assert {} == tracing._lengths
    assert not sink.paths[0].reached
    assert max(ttl or 0 for _, ttl in port.sent) == 32


@pytest.mark.parametrize(("limit", "other"), [("packets_per_s", NEAR), ("per_prefix_per_s", SLOW)])
async def test_packets_wait_for_the_limits(limit: str, other: str) -> None:
    """100 a second: after what is saved up, 10 ms between packets, of all rounds together."""
    port, sink = FakePort({}, time.time_ns), FakeSink()
    tracing = tracer([target(FAR), target(other)], port, sink, **{limit: 100})
    started_s = time.monotonic()
    for _ in range(51):
        await tracing._allowance.wait(FAR)
        tracing._allowance.take(FAR)
    await play(tracing.run(), lambda: len(port.sent) >= 20)
    assert time.monotonic() - started_s >= 0.19


async def test_a_full_prefix_holds_up_no_other() -> None:
    """Who waits for one network waits beside the queue for all; a queue ends with its last."""
    clock = SystemClock()
    allowance = Allowance(Budget(Limits(per_prefix_per_s=1), clock.monotonic_ns()), clock)
    await allowance.wait(FAR)
    allowance.take(FAR)
    waiting = [asyncio.create_task(allowance.wait(each)) for each in (FAR, SLOW)]
    await asyncio.sleep(0)
    await asyncio.wait_for(allowance.wait(NEAR), 0.5)
    assert [False, False] == [task.done() for task in waiting]
    assert [prefix_of(FAR)] == list(allowance._queues)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_plan_is_asked_when_its_packet_may_leave() -> None:
    """It counts the time without an answer from there: no wait for the limits is in it."""
    clock, asked_ns, sent_ns = SystemClock(), [], []

    class Two(Round):
        def next_shot(self, now_ns: int) -> Shot | None:
            shot = super().next_shot(now_ns)
            if shot is not None:
                asked_ns.append(now_ns)
            return shot

        @property
        def done(self) -> bool:
            return len(asked_ns) == 3

    class Noting(Sender):
        def send(self, *_: object, **__: object) -> None:
            sent_ns.append(clock.monotonic_ns())

    plan = Two(FAR, flows=1, max_ttl=32, timeout_ns=S, start_ns=clock.monotonic_ns())
    allowance = Allowance(Budget(Limits(packets_per_s=10), clock.monotonic_ns()), clock)
    for _ in range(6):
        await allowance.wait(FAR)
        allowance.take(FAR)
    sender = Noting(clock, land, FakePort({}).opened)
    await Route(plan, FAR, S).follow(lambda _: sender, clock, allowance)
    sender.close()
    assert len(asked_ns) == len(sent_ns) == 3
    assert max(sent - asked for sent, asked in zip(sent_ns, asked_ns, strict=True)) < 50 * MS


async def test_a_round_under_way_is_not_started_again() -> None:
    """It is counted as skipped, as are rounds that came while the program was late."""
    port, sink = FakePort({}, time.time_ns), FakeSink()
    tracing = tracer([target(FAR)], port, sink)
    await play(tracing.run(), lambda: tracing.skipped >= 3)
    assert 0 == len(sink.paths)


async def test_a_target_without_address_is_left_out() -> None:
    """Its name is unresolved: the prober tells that."""
    port, sink = FakePort(ROUTES, time.time_ns), FakeSink()
    tracing = tracer([target(FAR), target(NEAR)], port, sink, addresses=[None, NEAR])
    await play(tracing.run(), lambda: len(sink.paths) >= 2)
    assert {NEAR} == {path.target for path in sink.paths}


async def test_a_way_that_is_prohibited_is_traced_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other target keeps its rhythm; this one is asked half as often after each round."""
    monkeypatch.setattr("agent.schedule.SLOWEST_NS", 120 * MS)
    port = FakePort(ROUTES, time.time_ns, unreachable_from="198.51.100.2")
    sink = FakeSink()
    tracing = tracer([target(NEAR), target(FAR)], port, sink)
    await play(tracing.run(), lambda: sum(path.target == FAR for path in sink.paths) >= 3)
    assert {0: 30 * MS, 1: 120 * MS} == tracing._schedule._interval_ns


async def test_nothing_to_trace_opens_nothing() -> None:
    """The tracer ends at once."""
    port = FakePort(ROUTES, time.time_ns)
    tracing = tracer([target(NEAR, interval_ns=None)], port, FakeSink())
    await asyncio.wait_for(tracing.run(), 1)
    assert port.identifier == 0
    port.close()


async def test_a_bug_is_survived() -> None:
    """The socket is opened anew, and the round under way is not waited for for ever."""
    ports = [
        FakePort(ROUTES, time.time_ns, garbage=[ValueError("a bug")]),
        FakePort(ROUTES, time.time_ns),
    ]
    left = iter(ports)
    sink = FakeSink()
    tracing = tracer([target(NEAR)], door(lambda *given: next(left).opened(*given)), sink)
    await play(tracing.run(), lambda: len(sink.paths) >= 1)
    assert {"tracer": 1} == tracing.faults.by_task
    assert [True, True] == [port.closed for port in ports]


async def test_an_old_socket_is_replaced_between_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """No round loses its socket: every path is whole."""
    monkeypatch.setattr("agent.senders.LIFE_NS", 50 * MS)
    ports = [FakePort(ROUTES, time.time_ns) for _ in range(40)]
    left = iter(ports)
    sink = FakeSink()
    anew = door(lambda *given: next(left).opened(*given))
    tracing = tracer([target(FAR), target(SLOW), target(NEAR)], anew, sink)

    def two_slow_rounds() -> bool:
        return sum(path.target == SLOW for path in sink.paths) >= 2

    await play(tracing.run(), lambda: two_slow_rounds() and ports[0].closed)
    assert {True} == {path.reached for path in sink.paths}
    assert ports[1].identifier
    assert {} == tracing.faults.by_task
    assert all(port.closed for port in ports if port.identifier)
    for port in ports:
        port.close()


def test_late_rounds_are_skipped() -> None:
    """A stall of five intervals: five rounds less, none made up for."""
    tracing = tracer([target(NEAR)], FakePort({}), FakeSink())
    due = Due(index=0, due_ns=0, send=False, skipped=5)
    tracing._start_round(due, None)  # type: ignore[arg-type]  # it is not reached
    assert tracing.skipped == 5


def test_a_landing_of_nobody_is_a_bug() -> None:
    """It cannot happen; if it does, it is not passed over."""
    landing = Landing(handle=7, address=NEAR, outcome=Outcome.LOST, sent_wall_ns=0)
    with pytest.raises(AssertionError, match="no route sent 7"):
        land(landing)


SIX = "2001:db8:9::9"


@pytest.mark.parametrize(
    ("address", "protocol", "last"),
    [
        (FAR, Protocol.ICMP, (0, 0)),
        (FAR, Protocol.UDP, (3, 3)),
        (SIX, Protocol.ICMP, (129, 0)),
        (SIX, Protocol.UDP, (1, 4)),
    ],
)
async def test_all_flows_make_one_path(
    address: str, protocol: Protocol, last: tuple[int, int]
) -> None:
    """Both families, both protocols: every flow whole, in one path with its links."""
    way = ("198.51.100.1", "198.51.100.2", address)
    opened: list[FakePort] = []

    def opening(*given: object) -> FakePort:
        opened.append(FakePort({address: way}, time.time_ns).opened(*given))
        return opened[-1]

    sink = FakeSink()
    traced = target(address, interval_ns=60 * MS, flows=3, protocol=protocol)
    tracing = tracer([traced], door(opening), sink)
    await play(tracing.run(), lambda: len(sink.paths) >= 2)
    path = sink.paths[-1]
    assert [[hop] * 3 for hop in way] == addresses(path)
    assert [[0, 1, 2]] * 3 == [[reply.flow for reply in hop.replies] for hop in path.hops]
    assert {last} == {reply.icmp for reply in path.hops[-1].replies}
    assert (True, protocol, 6 if ":" in address else 4) == (
        path.reached,
        path.protocol,
        path.family,
    )
    assert ((way[0], way[1]), (way[1], address)) == path.links
    assert (3 if protocol is Protocol.UDP else 1) == len(opened)


async def test_short_quotes_are_told_apart_one_by_one() -> None:
    """Routers that quote no payload: the path is whole, though slower."""
    sink = FakeSink()
    port = FakePort(ROUTES, time.time_ns, quoted_octets=0)
    tracing = tracer([target(FAR, interval_ns=S, protocol=Protocol.UDP)], port, sink)
    await play(tracing.run(), lambda: len(sink.paths) >= 1)
    seen = [[a for a in hop if a] for hop in addresses(sink.paths[0])]
    assert [[hop] for hop in ROUTES[FAR]] == seen
