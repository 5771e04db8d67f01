"""Landmarks: what witnesses measured counts for an hour, and only what they can have measured."""

import msgspec
import pytest

from agent.records import Descriptors, Protocol, Stamp, WitnessReply
from collector.judgement.landmarks import (
    FRESH_NS,
    KEPT_NS,
    MAX_ADDRESSES,
    MAX_REPLIES,
    Landmarks,
    Memory,
    plausible,
)
from collector.records import Place
from collector.wall import wall_text
from tests.fakes.collector_durable import NOW_NS, S_NS, vantage

HOP = "62.115.134.138"


def reply(
    at_ns: int = NOW_NS, rtt_ms: float | None = 0.7, *, samples: int = 3, address: str = HOP
) -> WitnessReply:
    """Return what an agent says after pinging; None, the hop was silent."""
    if rtt_ms is None:
        return WitnessReply(address=address, sent_at=wall_text(at_ns))
    return WitnessReply(
        address=address,
        sent_at=wall_text(at_ns),
        rtt_min_ns=round(rtt_ms * 1e6),
        samples=samples,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )


def heard(*replies: WitnessReply) -> Landmarks:
    """Return a memory that took the replies of one agent."""
    landmarks = Landmarks()
    for one in replies:
        landmarks.hear(vantage(0), one)
    return landmarks


def rtts_ms(landmarks: Landmarks, at_ns: int = NOW_NS) -> list[float]:
    """Return the times that count at this moment."""
    return [row.rtt_ns / 1e6 for row in landmarks.of(HOP, at_ns)]


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        pytest.param([reply()], [0.7], id="one"),
        pytest.param([reply(), reply(NOW_NS + S_NS, 0.6)], [0.6], id="smaller"),
        pytest.param([reply(), reply(NOW_NS + FRESH_NS - 1, 0.9)], [0.7], id="larger, soon"),
        pytest.param([reply(), reply(NOW_NS + FRESH_NS, 0.9)], [0.9], id="larger, later"),
        pytest.param([reply(), reply(NOW_NS + FRESH_NS, None)], [0.7], id="silent later"),
        pytest.param([reply(rtt_ms=None)], [], id="silent"),
        pytest.param([reply(samples=2)], [], id="too few samples"),
    ],
)
def test_the_smallest_recent_time_counts(
    replies: list[WitnessReply], expected: list[float]
) -> None:
    """The table of the module's rules."""
    assert expected == rtts_ms(heard(*replies), NOW_NS + FRESH_NS)


@pytest.mark.parametrize("stamp", [Stamp.TCP_INFO, Stamp.USER])
def test_a_handshake_counts_as_an_echo_does(stamp: Stamp) -> None:
    """As it comes in a batch: its time may be too long, never too short."""
    by_tcp = msgspec.structs.replace(reply(), protocol=Protocol.TCP, stamp=stamp)
    sent = msgspec.msgpack.encode(Descriptors(witness=(by_tcp,)))
    (read,) = msgspec.msgpack.decode(sent, type=Descriptors).witness
    (row,) = heard(read).of(HOP, NOW_NS)
    assert (700_000, Protocol.TCP, stamp) == (row.rtt_ns, row.protocol, row.stamp)


def test_a_landmark_counts_for_an_hour() -> None:
    """For paths from an hour before to an hour after, and not a moment longer."""
    landmarks = heard(reply())
    moments = [NOW_NS - KEPT_NS - 1, NOW_NS - KEPT_NS, NOW_NS + KEPT_NS, NOW_NS + KEPT_NS + 1]
    assert [[], [0.7], [0.7], []] == [rtts_ms(landmarks, at_ns) for at_ns in moments]


def test_an_agent_that_moved_begins_anew() -> None:
    """A time from where the agent is no longer declared is never kept for where it is."""
    landmarks = heard(reply())
    london = Place(name="London", territory="GB", latitude=51.5, longitude=-0.1, radius_km=10)
    moved = msgspec.structs.replace(vantage(0), place=london)
    assert landmarks.hear(moved, reply(NOW_NS + S_NS, 0.9))
    (row,) = landmarks.of(HOP, NOW_NS)
    assert (900_000, london.origin) == (row.rtt_ns, row.origin)


def test_only_news_is_news() -> None:
    """A reply that changes no landmark has no path judged again."""
    landmarks = Landmarks()
    told = [reply(), reply(), reply(rtt_ms=0.8), reply(rtt_ms=None), reply(rtt_ms=0.5)]
    assert [True, False, False, False, True] == [landmarks.hear(vantage(0), r) for r in told]


def test_who_tried_of_late_is_known() -> None:
    """An answer and a silence count alike for half an hour, then the agent may be asked again."""
    landmarks = heard(reply())
    landmarks.hear(vantage(1), reply(rtt_ms=None))
    assert {"agent-0": True, "agent-1": False} == landmarks.tried(HOP, NOW_NS + FRESH_NS - 1)
    assert {} == landmarks.tried(HOP, NOW_NS + FRESH_NS)


def test_a_restart_changes_nothing() -> None:
    """What is kept gives back the same answers; what was never kept gives nothing."""
    landmarks = heard(reply())
    landmarks.hear(vantage(1), reply(rtt_ms=None, address="62.115.0.1"))
    again = Landmarks(landmarks.dump())
    assert again.dump() == landmarks.dump()
    assert [0.7] == rtts_ms(again)
    assert {"agent-1": False} == again.tried("62.115.0.1", NOW_NS)
    assert Memory() == Landmarks(Memory()).dump()


def test_the_memory_is_bounded() -> None:
    """Of too many addresses the one heard of least recently goes."""
    landmarks = heard(reply())
    for number in range(MAX_ADDRESSES):
        address = f"62.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        landmarks.hear(vantage(0), reply(address=address))
    assert [] == rtts_ms(landmarks)
    assert 1 == len(landmarks.of("62.0.0.1", NOW_NS))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (reply(address="10.0.0.1"), "private"),
        (reply(rtt_ms=0.0), "no time at all"),
        (reply(rtt_ms=3_600_001), "longer than an hour"),
        (reply(NOW_NS + 3601 * S_NS), "after the batch"),
        (msgspec.structs.replace(reply(), sent_at="yesterday"), "no time"),
        (msgspec.structs.replace(reply(), samples=-1), "fewer than none"),
        (msgspec.structs.replace(reply(), samples=(1 << 64) - 1), "more than any ping has"),
        (msgspec.structs.replace(reply(), sent_at="2019-01-01T00:00:00Z"), "a clock never set"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_ping_can_give_is_left_out(bad: WitnessReply, why: str) -> None:
    """Each reply stands for itself."""
    assert ([reply()], why) == (list(plausible([bad, reply()], NOW_NS)), why)


def test_a_batch_holds_only_so_many() -> None:
    """What is beyond is left out."""
    assert MAX_REPLIES == len(list(plausible([reply()] * (MAX_REPLIES + 1), NOW_NS)))
