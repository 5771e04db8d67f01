"""The search for all ways on simulated networks, whose truth is the oracle."""

import heapq
import itertools
import math
import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.flight import Landing
from agent.hops import Shot
from agent.multipath import MAX_FLOWS, MAX_PROBES, Multipath, stopping_point
from agent.records import Outcome, Stamp
from agent.rounds import links

MS = 1_000_000
S = 1_000_000_000
TARGET = "203.0.113.9"
Network = Mapping[str, tuple[str, ...]]
"""Each machine's next machines; flows are spread over them evenly by a hash. Begins at "here"."""


def layers(*widths: int, meshed: bool = True) -> Network:
    """Make a network of layers, each machine joined to all of the next layer or to its share."""
    names = [["here"], *([f"{n}-{i}" for i in range(w)] for n, w in enumerate(widths)), [TARGET]]
    found: dict[str, tuple[str, ...]] = {}
    for near, far in itertools.pairwise(names):
        share = math.ceil(len(far) / len(near))
        for place, name in enumerate(near):
            own = far[place * share : (place + 1) * share] or far[-1:]
            found[name] = tuple(far if meshed else own)
    return found


WIDE_4 = layers(1, 4, 1)
WIDE_16 = layers(1, 16, 1)
UNEVEN = layers(1, 2, 6, 4, 1, meshed=False)
MESH = layers(1, 8, 8, 1)
UNEQUAL_LENGTH: Network = {
    "here": ("a",),
    "a": ("b", "c"),
    "b": (TARGET,),
    "c": ("d",),
    "d": (TARGET,),
}


class Play:
    """Plays a network to a search, on a virtual clock."""

    def __init__(
        self,
        network: Network,
        seed: int = 1,
        *,
        silent: frozenset[str] = frozenset(),
        limit_per_s: float | None = None,
        lost: frozenset[tuple[int, int]] = frozenset(),
        alpha: float = 0.05,
    ) -> None:
        self.network, self.seed, self.silent = network, seed, silent
        self.limit_per_s, self.lost = limit_per_s, lost
        self.search = Multipath(TARGET, max_ttl=32, timeout_ns=S, start_ns=0, alpha=alpha)
        self.sent: list[tuple[int, Shot]] = []
        self.now_ns = 0
        self._tokens: dict[str, tuple[float, int]] = {}
        self._due: list[tuple[int, int, Shot, Landing]] = []
        self._run()

    def _run(self) -> None:
        while not self.search.done:
            while (shot := self.search.next_shot(self.now_ns)) is not None:
                self.sent.append((self.now_ns, shot))
                landing = self._fate(shot)
                after_ns = S if landing.outcome is Outcome.LOST else shot.ttl * MS
                heapq.heappush(self._due, (self.now_ns + after_ns, len(self.sent), shot, landing))
            if self.search.done:
                return
            wake_ns = max(self.search.next_ns(), self.now_ns + 1)
            self.now_ns = min([wake_ns, *(due[0] for due in self._due[:1])])
            assert self.now_ns < 300 * S
            while self._due and self._due[0][0] <= self.now_ns:
                _, _, shot, landing = heapq.heappop(self._due)
                self.search.landed(shot, landing)

    def way(self, flow: int) -> list[str]:
        """Follow one flow through the network."""
        at, found = "here", []
        while at != TARGET:
            at = random.Random(f"{self.seed} {at} {flow}").choice(self.network[at])
            found.append(at)
        return found

    def _allowed(self, who: str) -> bool:
        """Take a token of a machine that limits its answers, six at once at most."""
        if self.limit_per_s is None or who == TARGET:
            return True
        tokens, at_ns = self._tokens.get(who, (6.0, self.now_ns))
        tokens = min(6.0, tokens + (self.now_ns - at_ns) * self.limit_per_s / S)
        allowed = tokens >= 1
        self._tokens[who] = (tokens - allowed, self.now_ns)
        return allowed

    def _fate(self, shot: Shot) -> Landing:
        way = self.way(shot.flow)
        who = way[min(shot.ttl, len(way)) - 1]
        fields = {"handle": shot, "address": TARGET, "sent_wall_ns": self.now_ns}
        lost = (shot.ttl, shot.flow) in self.lost
        if lost or who in self.silent or not self._allowed(who):
            return Landing(outcome=Outcome.LOST, **fields)
        return Landing(
            outcome=Outcome.REPLY if who == TARGET else Outcome.TTL_EXCEEDED,
            rtt_ns=shot.ttl * MS,
            stamp=Stamp.KERNEL,
            source=who,
            icmp=(0, 0) if who == TARGET else (11, 0),
            **fields,
        )

    def machines(self) -> set[str]:
        """Return who answered."""
        hops = self.search.hops()
        return {reply.address for hop in hops for reply in hop.replies if reply.address}

    def found_all(self) -> bool:
        """Return whether machines and links are exactly those of the network."""
        edges = {(a, b) for a, nexts in self.network.items() if a != "here" for b in nexts}
        machines = {name for nexts in self.network.values() for name in nexts}
        return machines == self.machines() and edges == set(links(self.search.hops()))


def test_stopping_points_are_those_of_the_paper() -> None:
    """Veitch et al., table I; recomputed by inclusion and exclusion."""
    at_95 = [6, 11, 16, 21, 27, 33, 38, 44, 51, 57]
    at_99 = [8, 15, 21, 28, 36, 43, 51, 58, 66, 74]
    assert at_95 == [stopping_point(k, 0.05) for k in range(1, 11)]
    assert at_99 == [stopping_point(k, 0.01) for k in range(1, 11)]


@pytest.mark.parametrize("total", [2, 3, 5])
def test_a_stopping_point_equals_counting(total: int) -> None:
    """The share of draws that miss a machine, counted by following the number seen."""
    chances = [1.0] + [0.0] * total
    probes = 0
    while 1 - chances[total] > 0.05:
        probes += 1
        chances = [0.0] + [
            chances[seen] * seen / total + chances[seen - 1] * (total - seen + 1) / total
            for seen in range(1, total + 1)
        ]
    assert probes == stopping_point(total - 1, 0.05)


@pytest.mark.parametrize(
    ("network", "most_probes"),
    [
        pytest.param(WIDE_4, 260, id="wide 4"),
        pytest.param(WIDE_16, 750, id="wide 16"),
        pytest.param(UNEVEN, 520, id="uneven"),
        pytest.param(MESH, 1900, id="mesh 8 x 8", marks=pytest.mark.slow),
        pytest.param(UNEQUAL_LENGTH, 150, id="unequal length"),
    ],
)
def test_every_machine_and_link_is_found(network: Network, most_probes: int) -> None:
    """In 19 of 20 networks at alpha = 0.01, in a second or two of emulated time."""
    plays = [Play(network, seed, alpha=0.01) for seed in range(20)]
    assert sum(play.found_all() for play in plays) >= 19
    assert all(play.search.reached for play in plays)
    assert sorted(len(play.sent) for play in plays)[10] <= most_probes
    assert max(play.now_ns for play in plays) <= 4 * S


def test_a_single_way_costs_six_flows() -> None:
    """No more are needed to exclude a second one at 95 %."""
    play = Play(layers(1, 1, 1))
    assert play.found_all()
    assert {0, 1, 2, 3, 4, 5} == {shot.flow for _, shot in play.sent}
    assert len(play.sent) <= 6 * 4 + 28


def test_a_silent_layer_is_crossed() -> None:
    """Nobody answers in the middle: it counts as one machine, what is behind it is found."""
    network = layers(1, 1, 4, 1)
    play = Play(network, silent=frozenset({"1-0"}))
    assert {"0-0", "2-0", "2-1", "2-2", "2-3", "3-0", TARGET} == play.machines()


def test_a_silent_target_ends_the_search() -> None:
    """Three silent TTLs are reported and nothing is asked beyond them."""
    play = Play(layers(1, 2, 1), silent=frozenset({TARGET}))
    assert not play.search.reached
    assert 6 == max(hop.ttl for hop in play.search.hops())
    assert len(play.sent) < 250


def test_a_lost_probe_is_no_machine() -> None:
    """Two flows that are never answered at one TTL cost their retries, and no search."""
    lost = frozenset({(2, 1), (2, 3)})
    sound, lossy = Play(WIDE_4), Play(WIDE_4, lost=lost)
    assert lossy.found_all()
    assert len(lossy.sent) <= len(sound.sent) + 40


def test_limited_answers_are_waited_for() -> None:
    """One answer a second and machine, six at once: the four ways are found all the same."""
    play = Play(WIDE_4, limit_per_s=1)
    assert {"0-0", "1-0", "1-1", "1-2", "1-3", "2-0", TARGET} == play.machines()
    assert play.now_ns <= 60 * S
    times = sorted({at_ns for at_ns, shot in play.sent if shot.attempt})
    pauses = [b - a for a, b in itertools.pairwise([0, *times]) if b - a > 100 * MS]
    assert pauses
    assert min(pauses) >= S


@pytest.mark.slow
@given(st.integers(0, 10**6))
def test_it_ends_and_never_invents(seed: int) -> None:
    """Whatever the network: bounded flows and probes, and only links that are there."""
    dice = random.Random(seed)
    network = layers(*(dice.choice([1, 1, 2, 3, 5]) for _ in range(dice.randint(1, 6))))
    everyone = sorted({name for nexts in network.values() for name in nexts})
    silent = frozenset(dice.sample(everyone, min(2, len(everyone))))
    play = Play(network, seed, silent=silent)
    edges = {(a, b) for a, nexts in network.items() for b in nexts}
    assert set(links(play.search.hops())) <= edges
    assert len(play.sent) <= MAX_PROBES
    assert max(shot.flow for _, shot in play.sent) < MAX_FLOWS
    attempts = [(shot.ttl, shot.flow, shot.attempt) for _, shot in play.sent]
    assert len(attempts) == len(set(attempts))


def test_a_doubt_puts_one_probe_a_flow_in_flight() -> None:
    """Until a probe has landed its flow waits."""
    search = Multipath(TARGET, max_ttl=8, timeout_ns=S, start_ns=0)
    first = search.next_shot(0)
    assert first is not None
    search.doubted(first)
    assert search.next_shot(10 * MS) is None
    search.landed(first, Play(WIDE_4)._fate(first))
    assert search.next_shot(20 * MS) is not None


def test_a_loss_is_no_machine() -> None:
    """Of six flows one is never answered: two take its place, for one may be lost as well."""
    play = Play(layers(1, 1), lost=frozenset({(2, 0)}))
    assert set(range(8)) == {shot.flow for _, shot in play.sent}
