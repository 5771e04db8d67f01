"""All flows of a round against emulated ways, and the path that is written down."""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence

import pytest

from agent.flight import Landing
from agent.records import Hop, Origin, Outcome, Path, PathReply, Protocol, Stamp
from agent.rounds import GAP_NS, Labels, Round, links, merged, path

MS = 1_000_000
S = 1_000_000_000
TARGET = "2001:db8:9::9"
LEFT = ["2001:db8::1", "2001:db8::a", TARGET]
RIGHT = ["2001:db8::1", "2001:db8::b", "2001:db8::c", TARGET]


def played(
    ways: Sequence[Sequence[str]],
    *,
    is_answered: Callable[[int, int], bool] = lambda _ttl, _now_ns: True,
    **more: object,
) -> tuple[Round, list[tuple[int, int]]]:
    """Play a way for each flow to a round; return it with the (time, flow) of each probe.

    `is_answered` tells of a TTL and a time whether a machine answers then.
    """
    made = Round(TARGET, flows=len(ways), max_ttl=32, timeout_ns=S, start_ns=0, **more)
    now_ns, sent, due = 0, [], []
    while not made.done:
        while (shot := made.next_shot(now_ns)) is not None:
            sent.append((now_ns, shot.flow))
            way = ways[shot.flow]
            end = min(shot.ttl, len(way))
            if not is_answered(end, now_ns):
                continue
            landing = Landing(
                handle=shot,
                address=TARGET,
                outcome=Outcome.REPLY if end == len(way) else Outcome.TTL_EXCEEDED,
                sent_wall_ns=now_ns,
                rtt_ns=end * MS,
                stamp=Stamp.KERNEL,
                source=way[end - 1],
                icmp=(129, 0) if end == len(way) else (3, 0),
            )
            heapq.heappush(due, (now_ns + end * MS, len(sent), shot, landing))
        if made.done:
            break
        now_ns = min([max(made.next_ns(), now_ns + 1), *(each[0] for each in due[:1])])
        assert now_ns < 60 * S
        while due and due[0][0] <= now_ns:
            _, _, shot, landing = heapq.heappop(due)
            made.landed(shot, landing)
    return made, sent


def addresses(hops: Sequence[Hop]) -> Mapping[int, list[tuple[int, str | None]]]:
    """List (flow, address) by TTL."""
    return {hop.ttl: [(reply.flow, reply.address) for reply in hop.replies] for hop in hops}


def test_flows_of_different_length_make_one_path() -> None:
    """Each flow ends where the target answered it; replies are in the order of flows."""
    made, _ = played([LEFT, RIGHT])
    assert addresses(made.hops()) == {
        1: [(0, LEFT[0]), (1, RIGHT[0])],
        2: [(0, LEFT[1]), (1, RIGHT[1])],
        3: [(0, TARGET), (1, RIGHT[2])],
        4: [(1, TARGET)],
    }
    assert (True, 4, False) == (made.reached, made.length, made.prohibited)


def test_a_packet_leaves_every_half_millisecond() -> None:
    """However many flows; each flow in its turn."""
    _, sent = played([LEFT] * 4)
    times = [now_ns for now_ns, _ in sent]
    assert [0, 1, 0, 1, 0, 1] == [flow for _, flow in sent][:6]
    assert 500_000 <= min(b - a for a, b in itertools.pairwise(times))


def test_many_flows_are_not_asked_for_at_once() -> None:
    """Two at once, two a second later, then one a second: a limiter answers six, then as many."""
    _, sent = played([LEFT] * 7)
    first = {flow: min(at for at, each in sent if each == flow) for flow in range(7)}
    assert [0, 0, 1, 1, 2, 3, 4] == [first[flow] // GAP_NS for flow in range(7)]
    _, sent = played([LEFT] * 6, gap_ns=50 * MS)
    assert max(at for at, _ in sent) < 300 * MS


@pytest.mark.parametrize("flows", [1, 2, 4, 7, 16])
def test_no_router_is_asked_more_than_twice_in_a_second(flows: int) -> None:
    """From the first second on, whatever the number of flows; here every flow goes one way."""
    asked: list[int] = []

    def is_answered(ttl: int, now_ns: int) -> bool:
        asked.extend([now_ns] if ttl == 1 else [])
        return True

    made, _ = played([LEFT] * flows, is_answered=is_answered)
    assert (True, flows) == (made.reached, len(asked))
    assert 2 >= max(sum(at <= other < at + S for other in asked) for at in asked)


def test_who_limits_its_answers_is_asked_again_later() -> None:
    """Two answers at once, then one a second: each flow gets its own in the end."""
    answered_ns: list[int] = []

    def is_answered(ttl: int, now_ns: int) -> bool:
        if ttl == 1 and len(answered_ns) >= 2 and now_ns - answered_ns[-1] < S:
            return False
        answered_ns.extend([now_ns] if ttl == 1 else [])
        return True

    made, sent = played([LEFT] * 4, is_answered=is_answered)
    heard = {reply.flow for reply in made.hops()[0].replies if not reply.lost}
    assert {0, 1, 2, 3} == heard
    assert max(now_ns for now_ns, _ in sent) < 3 * S


def test_who_never_answers_is_not_waited_for() -> None:
    """A machine that is silent on every flow limits nothing: three probes of each, no later."""
    made, sent = played([LEFT] * 4, is_answered=lambda ttl, _: ttl != 2)
    assert [True] * 12 == [reply.lost for reply in made.hops()[1].replies]
    assert max(now_ns for now_ns, _ in sent) < 2 * S


def test_links_join_what_one_flow_saw() -> None:
    """Never the machines of two flows; a silent hop breaks the chain; one flow has none."""
    made, _ = played([LEFT, RIGHT])
    assert links(made.hops()) == (
        ("2001:db8::1", "2001:db8::a"),
        ("2001:db8::1", "2001:db8::b"),
        ("2001:db8::a", TARGET),
        ("2001:db8::b", "2001:db8::c"),
        ("2001:db8::c", TARGET),
    )
    single, _ = played([LEFT])
    assert () == links(single.hops())
    silent = (
        Hop(ttl=1, replies=(PathReply(address="a", flow=0), PathReply(address="b", flow=1))),
        Hop(ttl=2, replies=(PathReply(lost=True, flow=0), PathReply(address="c", flow=1))),
        Hop(ttl=3, replies=(PathReply(address="d", flow=0),)),
    )
    assert (("b", "c"),) == links(silent)


def test_a_flow_without_end_has_no_length() -> None:
    """The next round must search in full."""
    made = Round(TARGET, flows=2, max_ttl=3, timeout_ns=S, start_ns=0)
    assert (None, False, range(2)) == (made.length, made.reached, made.flows)
    assert () == merged([(), ()])


def test_a_doubt_is_its_flows_own() -> None:
    """One flow goes on one by one, the other one as before."""
    made = Round(TARGET, flows=2, max_ttl=9, timeout_ns=S, start_ns=0)
    shot = made.next_shot(0)
    assert shot is not None
    made.doubted(shot)
    sent = [made.next_shot(n * MS) for n in range(1, 9)]
    assert [1] * 8 == [each.flow for each in sent if each is not None]


def test_the_path_says_where_when_and_how() -> None:
    """Every field of borne-path/1."""
    origin = Origin(latitude=48.86, longitude=2.35, radius_km=5)
    labels = Labels(
        target="rbx.example",
        address=TARGET,
        protocol=Protocol.UDP,
        zone="ovh/rbx",
        origin=origin,
        started_at="2026-01-02T03:04:05.6Z",
    )
    hops = (Hop(ttl=1, replies=(PathReply(address=TARGET, rtt_ns=MS, icmp=(1, 4)),)),)
    assert path(labels, hops, reached=True) == Path(
        id="rbx.example@2026-01-02T03:04:05.6Z",
        tool="borne-agent",
        origin=origin,
        rtt_resolution_ns=1,
        target="rbx.example",
        address=TARGET,
        zone="ovh/rbx",
        family=6,
        protocol=Protocol.UDP,
        reached=True,
        started_at="2026-01-02T03:04:05.6Z",
        hops=hops,
    )
