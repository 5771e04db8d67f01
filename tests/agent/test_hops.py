"""One trace against emulated routes on a virtual clock: every hop, no more packets than needed."""

import heapq
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.flight import Landing
from agent.hops import PACE_NS, Shot, Trace
from agent.records import Hop, Outcome, PathReply, Stamp

MS = 1_000_000
S = 1_000_000_000
TARGET = "203.0.113.9"
TIMEOUT_NS = S


def way(routers: int) -> list[str | None]:
    """Name the routers and the target behind them."""
    return [*(f"198.51.100.{n}" for n in range(1, routers + 1)), TARGET]


class Play:
    """Plays a route to a trace: who answers at which TTL, after how long, and which get lost."""

    def __init__(
        self,
        route: Sequence[str | None],
        *,
        rtts_ns: Mapping[int, int] | None = None,
        lost: frozenset[tuple[int, int]] = frozenset(),
        refusal: tuple[int, int] | None = None,
        last_length: int | None = None,
        max_ttl: int = 32,
    ) -> None:
        self.route, self.rtts_ns, self.lost, self.refusal = route, rtts_ns or {}, lost, refusal
        self.trace = Trace(
            TARGET, max_ttl=max_ttl, timeout_ns=TIMEOUT_NS, start_ns=0, last_length=last_length
        )
        self.sent: list[tuple[int, Shot]] = []
        self.now_ns = 0
        self._due: list[tuple[int, int, Shot, Landing]] = []
        self._run()

    def _run(self) -> None:
        while not self.trace.done:
            while (shot := self.trace.next_shot(self.now_ns)) is not None:
                self.sent.append((self.now_ns, shot))
                after_ns, landing = self._fate(shot)
                heapq.heappush(self._due, (self.now_ns + after_ns, len(self.sent), shot, landing))
            if self.trace.done:
                return
            wake_ns = max(self.trace.next_ns(), self.now_ns + 1)
            self.now_ns = min([wake_ns, *(due[0] for due in self._due[:1])])
            assert self.now_ns < 60 * S
            while self._due and self._due[0][0] <= self.now_ns:
                _, _, shot, landing = heapq.heappop(self._due)
                self.trace.landed(shot, landing)

    def _fate(self, shot: Shot) -> tuple[int, Landing]:
        """Say when a probe lands, and as what."""
        at = min(shot.ttl, len(self.route))
        who = self.route[at - 1]
        if who is None or (shot.ttl, shot.attempt) in self.lost:
            return TIMEOUT_NS, landing(Outcome.LOST, None, None, None)
        rtt_ns = self.rtts_ns.get(at, at * 2 * MS)
        if self.refusal is not None and at == len(self.route):
            return rtt_ns, landing(Outcome.UNREACHABLE, who, self.refusal, rtt_ns)
        if who == TARGET:
            return rtt_ns, landing(Outcome.REPLY, who, (0, 0), rtt_ns)
        return rtt_ns, landing(Outcome.TTL_EXCEEDED, who, (11, 0), rtt_ns)

    def shown(self) -> list[list[str | None]]:
        """List the addresses of each hop's replies; None is a loss."""
        return [[reply.address for reply in hop.replies] for hop in self.trace.hops()]


def landing(
    outcome: Outcome, source: str | None, icmp: tuple[int, int] | None, rtt_ns: int | None
) -> Landing:
    """Write down what became of a probe."""
    return Landing(
        handle=None,
        address=TARGET,
        outcome=outcome,
        sent_wall_ns=0,
        rtt_ns=rtt_ns,
        stamp=None if rtt_ns is None else Stamp.KERNEL,
        source=source,
        icmp=icmp,
        ttl=None if source is None else 250,
    )


def test_every_hop_of_a_short_path_in_one_rtt() -> None:
    """13 hops, 26 ms: all found, once each, and it ends with the target's answer."""
    play = Play(way(12))
    assert [[address] for address in way(12)] == play.shown()
    assert play.trace.reached
    assert play.now_ns <= 26 * MS + 13 * PACE_NS


def test_packets_leave_every_half_millisecond() -> None:
    """All TTLs are in flight together, from the first on, paced."""
    play = Play(way(12), last_length=13)
    assert [n * PACE_NS for n in range(16)] == [at for at, _ in play.sent]
    assert list(range(1, 17)) == [shot.ttl for _, shot in play.sent]


def test_a_known_length_saves_packets() -> None:
    """Three more than the last length instead of 32."""
    assert len(Play(way(12), last_length=13, rtts_ns={13: 50 * MS}).sent) == 16
    assert len(Play(way(12), rtts_ns={13: 50 * MS}).sent) == 32


def test_nothing_is_sent_beyond_the_target_once_it_answered() -> None:
    """A near target stops the rest of the first phase."""
    play = Play([TARGET], rtts_ns={1: 2 * MS})
    assert len(play.sent) <= 2 * MS // PACE_NS + 1
    assert [[TARGET]] == play.shown()


def test_silent_hops_get_two_retries_and_no_more() -> None:
    """Hops 5 and 9 are silent for good: three losses each, the others one answer."""
    route = way(12)
    route[4] = route[8] = None
    play = Play(route, rtts_ns={13: 20 * MS})
    expected = [[a] if a else [None] * 3 for a in route]
    assert expected == play.shown()
    assert play.now_ns < 500 * MS
    assert len(play.sent) <= 32 + 4


def test_a_hop_that_answers_late_is_not_probed_again() -> None:
    """Hops 1 and 2 are to be retried; while 1 is sent, 2 answers."""
    trace = Trace(TARGET, max_ttl=3, timeout_ns=TIMEOUT_NS, start_ns=0)
    first = [trace.next_shot(n * PACE_NS) for n in range(3)]
    assert first[1] is not None
    assert first[2] is not None
    trace.landed(first[2], landing(Outcome.REPLY, TARGET, (0, 0), MS))
    assert Shot(ttl=1, attempt=1) == trace.next_shot(200 * MS)
    trace.landed(first[1], landing(Outcome.TTL_EXCEEDED, "198.51.100.2", (11, 0), MS))
    assert trace.next_shot(210 * MS) is None


def test_a_lost_answer_is_made_up_for() -> None:
    """The first probe of hop 3 is lost; the retry shows it, and the loss stays on record."""
    play = Play(way(5), lost=frozenset({(3, 0)}))
    assert [None, "198.51.100.3"] == play.shown()[2]
    assert len(play.shown()) == 6


def test_the_last_probe_to_the_target_may_be_lost() -> None:
    """Later TTLs answered first; the smallest TTL that the target answers is its hop."""
    play = Play(way(4), lost=frozenset({(5, 0)}))
    assert [None, TARGET] == play.shown()[4]
    assert (5, True) == (play.trace.length, play.trace.reached)


def test_a_slow_far_half_is_waited_for() -> None:
    """Near hops at 1 ms, then a satellite at 700 ms: nothing is given up before the time-out."""
    route = way(6)
    rtts_ns = dict.fromkeys(range(1, 4), MS) | dict.fromkeys(range(4, 8), 700 * MS)
    play = Play(route, rtts_ns=rtts_ns)
    assert route == [next(filter(None, hop), None) for hop in play.shown()]
    assert play.trace.reached


def test_a_silent_target_ends_after_three_silent_ttls() -> None:
    """What answered is kept, three silent hops are shown, and it was not reached."""
    route = [*way(5)[:-1], None]
    play = Play(route)
    assert [[a] for a in way(5)[:-1]] + [[None] * 3] * 3 == play.shown()
    assert not play.trace.reached
    assert len(play.sent) == 32 + 6
    assert play.now_ns < 2 * TIMEOUT_NS


def test_nothing_at_all_answers() -> None:
    """Three silent hops and an end in good time."""
    play = Play([None])
    assert [[None] * 3] * 3 == play.shown()
    assert play.now_ns <= 3 * TIMEOUT_NS


def test_a_longer_path_than_last_time_is_followed() -> None:
    """The window of last length + 3 was too short: the rest is sent at once after it."""
    play = Play(way(11), last_length=3)
    assert [[address] for address in way(11)] == play.shown()
    assert {0} == {shot.attempt for _, shot in play.sent}


@pytest.mark.parametrize("code", [0, 1, 13])
def test_a_router_that_refuses_ends_the_path(code: int) -> None:
    """Unreachable from a router: nothing beyond it is reported, and the target not reached."""
    play = Play(way(4)[:-1], refusal=(3, code))
    assert [[a] for a in way(4)[:-1]] == play.shown()
    assert not play.trace.reached
    assert [(3, code)] == [reply.icmp for reply in play.trace.hops()[-1].replies]


def test_a_target_that_refuses_was_reached() -> None:
    """Its own unreachable is an answer of the target."""
    play = Play(way(4), refusal=(3, 2))
    assert (5, True) == (play.trace.length, play.trace.reached)


def test_time_exceeded_from_the_targets_address_does_not_end_the_path() -> None:
    """A target that is a router on its own way, or a loop: go on."""
    trace = Trace(TARGET, max_ttl=4, timeout_ns=TIMEOUT_NS, start_ns=0)
    shot = trace.next_shot(0)
    assert shot is not None
    trace.landed(shot, landing(Outcome.TTL_EXCEEDED, TARGET, (11, 0), MS))
    assert (None, False) == (trace.length, trace.reached)


def test_a_failed_send_is_a_loss() -> None:
    """The host could not send: nothing answered."""
    trace = Trace(TARGET, max_ttl=1, timeout_ns=TIMEOUT_NS, start_ns=0)
    for now_ns in range(0, 4 * S, 100 * MS):
        while (shot := trace.next_shot(now_ns)) is not None:
            trace.landed(shot, landing(Outcome.SEND_FAILED, None, None, None))
    assert trace.done
    assert (Hop(ttl=1, replies=(PathReply(lost=True),) * 3),) == trace.hops()


def test_a_rejected_time_keeps_the_address() -> None:
    """Who answered is known even if the clock was set meanwhile; the time is not."""
    trace = Trace(TARGET, max_ttl=1, timeout_ns=TIMEOUT_NS, start_ns=0)
    shot = trace.next_shot(0)
    assert shot is not None
    trace.landed(shot, landing(Outcome.REJECTED, TARGET, (0, 0), None))
    expected = PathReply(address=TARGET, icmp=(0, 0), reply_ttl=250)
    assert (Hop(ttl=1, replies=(expected,)),) == trace.hops()


def test_a_delayed_start_sends_no_bunch() -> None:
    """After a pause of a second at most a few packets leave together."""
    trace = Trace(TARGET, max_ttl=32, timeout_ns=TIMEOUT_NS, start_ns=0)
    sent = 0
    while trace.next_shot(S) is not None:
        sent += 1
    assert sent <= 6


@given(
    st.integers(0, 20),
    st.sets(st.integers(1, 20)),
    st.sets(st.tuples(st.integers(1, 24), st.integers(0, 2)), max_size=12),
    st.dictionaries(st.integers(1, 21), st.integers(1, 900 * MS)),
    st.none() | st.integers(1, 24),
)
def test_any_route_ends_and_is_reported_truly(
    routers: int,
    silent: set[int],
    lost: set[tuple[int, int]],
    rtts_ns: dict[int, int],
    last_length: int | None,
) -> None:
    """It ends; no TTL gets more than three probes; who is shown at a TTL stands there."""
    route = [None if ttl in silent else who for ttl, who in enumerate(way(routers), 1)]
    route[-1] = TARGET
    play = Play(route, rtts_ns=rtts_ns, lost=frozenset(lost), last_length=last_length)
    for hop in play.trace.hops():
        assert {route[min(hop.ttl, len(route)) - 1], None} >= {r.address for r in hop.replies}
        assert len(hop.replies) <= 3
    shots = [(shot.ttl, shot.attempt) for _, shot in play.sent]
    assert len(set(shots)) == len(shots)
    assert max(ttl for ttl, _ in shots) <= 32
    if play.trace.reached:
        assert len(route) <= len(play.trace.hops())


def reply(address: str, rtt_ns: int, icmp: tuple[int, int]) -> PathReply:
    """Write down an answer."""
    return PathReply(address=address, rtt_ns=rtt_ns, icmp=icmp, reply_ttl=250, stamp=Stamp.KERNEL)


def test_after_a_doubt_probes_go_one_by_one() -> None:
    """What is in flight lands first; then each TTL alone, up to three silent ones."""
    trace = Trace(TARGET, max_ttl=32, timeout_ns=TIMEOUT_NS, start_ns=0)
    shots = [trace.next_shot(n * PACE_NS) for n in range(3)]
    trace.doubted()
    lost = landing(Outcome.LOST, None, None, None)
    assert trace.next_shot(4 * PACE_NS) is None
    assert trace.next_ns() > TIMEOUT_NS + 2 * PACE_NS
    for shot in shots:
        assert shot is not None
        trace.landed(shot, lost)
    sent, now_ns = [], TIMEOUT_NS
    while not trace.done:
        now_ns += MS
        shot = trace.next_shot(now_ns)
        if shot is not None:
            assert trace.next_shot(now_ns + S // 2) is None
            who = [*way(4), TARGET][min(shot.ttl, 5) - 1]
            kind = (3, 3) if who == TARGET else (11, 0)
            trace.landed(shot, landing(Outcome.UNREACHABLE, who, kind, MS))
            sent.append(shot.ttl)
        assert now_ns < 60 * S
    assert [1, 2, 3, 4, 5] == sorted(sent)
    assert [1, 2, 3, 4, 5] == [hop.ttl for hop in trace.hops()]
    assert trace.reached


def test_one_by_one_goes_no_farther_than_three_silent_ones() -> None:
    """After a doubt as well: two routers answer, nobody beyond them."""
    trace = Trace(TARGET, max_ttl=32, timeout_ns=TIMEOUT_NS, start_ns=0)
    first = trace.next_shot(0)
    assert first is not None
    trace.doubted()
    trace.landed(first, landing(Outcome.TTL_EXCEEDED, "198.51.100.1", (11, 0), MS))
    now_ns, sent = 0, []
    while not trace.done:
        now_ns += S
        shot = trace.next_shot(now_ns)
        if shot is not None:
            sent.append(shot.ttl)
            answered = landing(Outcome.TTL_EXCEEDED, "198.51.100.2", (11, 0), MS)
            silent = landing(Outcome.LOST, None, None, None)
            trace.landed(shot, answered if shot.ttl == 2 else silent)
        assert now_ns < 60 * S
    assert [2, 3, 3, 3, 4, 4, 4, 5, 5, 5] == sent
