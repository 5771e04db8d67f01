"""What a host gives the plans of its collector: never more than its own file says."""

import ipaddress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import rfc3339
from agent.flight import Landing
from agent.plan import (
    MAX_UNDER_WAY,
    MINUTE_NS,
    NS_PER_S,
    REASONS,
    Grant,
    Trial,
    cost,
    decode,
    is_late,
)
from agent.records import Outcome, Plan, Protocol, Stamp, WitnessReply, WitnessTask
from agent.targets import Instant, WitnessLimits

HOP, OTHER = "62.115.134.138", "62.115.134.139"
WALL_NS = 1_795_532_550_000_000_000
NOW = Instant(10 * MINUTE_NS, WALL_NS)
SENT_AT = rfc3339(WALL_NS)


def task(ident: str = "1", address: str = HOP, **more: object) -> WitnessTask:
    """Return a request of the next 15 s."""
    plain = WitnessTask(
        id=ident,
        address=address,
        family=6 if ":" in address else 4,
        protocols=("icmp", "udp", "syn"),
        deadline=rfc3339(WALL_NS + 15 * NS_PER_S),
    )
    return msgspec.structs.replace(plain, **more)


def plan(*tasks: WitnessTask) -> Plan:
    """Return a plan."""
    return Plan(version="v", witness=tasks)


def grant(per_minute: int = 60) -> Grant:
    """Return what is left of the operator's allowance: all."""
    return Grant(WitnessLimits(enabled=True, per_minute=per_minute))


def refused(giving: Grant) -> dict[str, int]:
    """Return the reasons that were counted."""
    return {reason: count for reason, count in giving.refused.items() if count}


def later(seconds: float) -> Instant:
    """Return a moment after `NOW`."""
    return Instant(*(at_ns + round(seconds * NS_PER_S) for at_ns in NOW))


def test_a_request_is_carried_out_once() -> None:
    """It stays in the plan until the collector has heard; that is no second request."""
    giving = grant()
    assert [task()] == giving.take(plan(task()), NOW)
    assert [] == giving.take(plan(task()), NOW)
    assert {} == refused(giving)
    assert dict.fromkeys(REASONS, 0) == giving.refused


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (task(address="10.0.0.1"), "address"),
        (task(address="192.0.2.7"), "address"),
        (task(address="fd00::1"), "address"),
        (task(address="224.0.0.1"), "address"),
        (task(address="ldn-b1.example"), "address"),
        (task(family=6), "address"),
        (task(deadline=rfc3339(WALL_NS - NS_PER_S)), "late"),
        (task(deadline="soon"), "late"),
        (task(deadline="2999-01-01T00:00:00"), "late"),
        (task(protocols=("tcp",)), "protocol"),
        (task(protocols=()), "protocol"),
    ],
)
def test_what_is_refused_is_counted_by_its_reason(asked: WitnessTask, reason: str) -> None:
    """The collector is believed nothing."""
    giving = grant()
    assert [] == giving.take(plan(asked), NOW)
    assert ({reason: 1}, 0) == (refused(giving), giving.under_way)


def test_no_address_is_pinged_twice_within_a_minute() -> None:
    """Whatever the requests are called, however long the first one waited for its turn."""
    giving = grant()
    ahead = rfc3339(WALL_NS + 1000 * NS_PER_S)
    giving.take(plan(task("1", deadline=ahead)), NOW)
    assert [] == giving.take(plan(task("2")), later(14))
    assert [] == giving.take(plan(task("3", deadline=ahead)), later(600))
    giving.done(HOP, later(610).monotonic_ns)
    assert [] == giving.take(plan(task("4", deadline=ahead)), later(669.9))
    assert 1 == len(giving.take(plan(task("5", deadline=ahead)), later(670)))
    assert {"repeat": 3} == refused(giving)


def test_the_opt_out_list_is_above_every_plan() -> None:
    """What lies in one of its prefixes is refused; its neighbour is pinged."""
    out = (ipaddress.ip_network("62.115.134.138/32"), ipaddress.ip_network("2a00:1450::/32"))
    giving = Grant(WitnessLimits(enabled=True), out)
    asked = plan(task("1"), task("2", "2a00:1450:4007::1"), task("3", OTHER))
    assert [task("3", OTHER)] == giving.take(asked, NOW)
    assert {"opt_out": 2} == refused(giving)


def test_who_begins_again_has_nothing_under_way() -> None:
    """And may take as much as at the start."""
    giving = grant()
    giving.take(plan(task()), NOW)
    giving.forget_work()
    assert (0, 1) == (giving.under_way, len(giving.take(plan(task("2")), NOW)))


def test_only_so_many_are_under_way() -> None:
    """A plan of hundreds is no work for hundreds; what is done makes room."""
    giving = grant()
    many = [task(str(number), f"62.115.1.{number}") for number in range(MAX_UNDER_WAY + 2)]
    assert many[:MAX_UNDER_WAY] == giving.take(plan(*many), NOW)
    assert {"busy": 2} == refused(giving)
    giving.done(many[0].address, NOW.monotonic_ns)
    assert 1 == len(giving.take(plan(task("x", OTHER)), NOW))


@given(
    st.integers(3, 8),
    st.lists(st.tuples(st.floats(0, 30), st.sampled_from([1, 3])), min_size=1, max_size=60),
)
def test_no_minute_has_more_packets_than_the_file_says(
    per_minute: int, probes: list[tuple[float, int]]
) -> None:
    """Any minute, not only whole ones; and whoever waits as told may send, also a handshake."""
    giving = grant(per_minute)
    now_ns, sent = NOW.monotonic_ns, []
    for gap_s, packets in probes:
        now_ns += round(gap_s * NS_PER_S)
        now_ns += giving.wait_ns(now_ns, packets)
        assert giving.wait_ns(now_ns, packets) == 0
        giving.spend(now_ns, packets)
        sent += [now_ns] * packets
    for at_ns in sent:
        assert per_minute >= sum(at_ns <= other < at_ns + MINUTE_NS for other in sent)
    assert len(sent) == giving.sent


def landing(
    rtt_ms: float | None,
    outcome: Outcome = Outcome.REPLY,
    *,
    source: str | None = HOP,
    stamp: Stamp = Stamp.KERNEL,
) -> Landing:
    """Return what became of a probe of `HOP`; None, it was lost."""
    if rtt_ms is None:
        return Landing(handle=None, address=HOP, outcome=Outcome.LOST, sent_wall_ns=WALL_NS)
    return Landing(
        handle=None,
        address=HOP,
        outcome=outcome,
        sent_wall_ns=WALL_NS,
        rtt_ns=round(rtt_ms * 1e6),
        stamp=stamp,
        source=source,
    )


def tried(*landings: Landing, protocol: Protocol = Protocol.ICMP) -> tuple[int, Trial]:
    """Play landings until the trial is over; return how many were needed."""
    trial = Trial(protocol)
    for sent, one in enumerate(landings):
        if trial.over:
            return sent, trial
        trial.landed(one)
    return len(landings), trial


@pytest.mark.parametrize(
    ("times_ms", "sent", "samples"),
    [
        pytest.param([0.7, 0.9, 0.8, 0.7], 3, 3, id="three that agree"),
        pytest.param([0.7, 1.7, 1.8, 0.9, 0.8], 4, 3, id="one is a millisecond off"),
        pytest.param([30, 33, 34, 32.9, 33.1], 4, 3, id="a tenth of a long time"),
        pytest.param([5, 9, 1, 13, 17], 5, 1, id="none agree"),
        pytest.param([None, None, 1], 2, 0, id="silence"),
        pytest.param([None, 1, None, 1.1, 1.2], 5, 3, id="losses between"),
    ],
)
def test_three_answers_that_agree_are_enough(
    times_ms: list[float | None], sent: int, samples: int
) -> None:
    """And five probes are the most, two lost ones in the beginning enough."""
    needed, trial = tried(*map(landing, times_ms))
    assert (sent, samples, True) == (needed, trial.samples, trial.over)


def test_the_reply_is_the_smallest_time_with_its_stamp() -> None:
    """Who read the clock for that one."""
    _, trial = tried(landing(0.9), landing(0.7, stamp=Stamp.KERNEL_RX), landing(0.8))
    assert trial.reply(HOP, SENT_AT) == WitnessReply(
        address=HOP,
        sent_at=SENT_AT,
        rtt_min_ns=700_000,
        samples=3,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL_RX,
    )
    assert tried(landing(None))[1].reply(HOP, SENT_AT) is None


@pytest.mark.parametrize(
    ("one", "protocol", "samples"),
    [
        (landing(1), Protocol.ICMP, 1),
        (landing(1, Outcome.UNREACHABLE), Protocol.ICMP, 0),
        (landing(1, Outcome.TTL_EXCEEDED, source=OTHER), Protocol.ICMP, 0),
        (landing(1, Outcome.UNREACHABLE), Protocol.UDP, 1),
        (landing(1, Outcome.UNREACHABLE, source=OTHER), Protocol.UDP, 0),
        (landing(1, Outcome.PROHIBITED), Protocol.UDP, 0),
        (landing(1, source=OTHER), Protocol.ICMP, 0),
    ],
)
def test_only_the_hop_itself_answers(one: Landing, protocol: Protocol, samples: int) -> None:
    """An echo reply, or of a datagram that no port is open; from its own address alone."""
    assert samples == tried(one, protocol=protocol)[1].samples


def test_protocols_are_tried_in_the_order_of_the_request() -> None:
    """Those that this agent lacks are passed over, and none is tried twice.

    `tcp` is what older collectors ask for, which could not read the answer.
    """
    asked = task(protocols=("udp", "tcp", "sctp", "icmp", "syn", "udp"))
    assert [Protocol.UDP, Protocol.ICMP, Protocol.TCP] == grant().protocols(asked)


@pytest.mark.parametrize("per_minute", [1, 2])
def test_a_handshake_must_fit_into_a_minute(per_minute: int) -> None:
    """Who grants fewer than its three packets is never asked for one."""
    assert [Protocol.ICMP, Protocol.UDP] == grant(per_minute).protocols(task())
    assert [] == grant(per_minute).take(plan(task(protocols=("syn",))), NOW)
    assert (1, 1, 3) == tuple(map(cost, Protocol))


def test_a_deadline_is_met_to_the_nanosecond_of_a_microsecond() -> None:
    """The wall clock of this host decides; a time of another zone is read as what it is."""
    assert not is_late(task(deadline=rfc3339(WALL_NS)), WALL_NS)
    assert is_late(task(deadline=rfc3339(WALL_NS)), WALL_NS + 1000)
    assert not is_late(task(deadline="2026-11-24T16:02:31+01:00"), WALL_NS)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'{"version": 1}', b"\xff", b"[" * 100_000, b'{"version"']
)
def test_what_is_no_plan_is_none(body: bytes) -> None:
    """Whatever a collector, or something in its place, answers."""
    assert decode(body) is None


def test_a_plan_may_say_more_than_is_known_today() -> None:
    """A later collector adds what this agent passes over."""
    body = b'{"version": "v", "targets": [1], "witness": []}'
    assert Plan(version="v") == decode(body)
