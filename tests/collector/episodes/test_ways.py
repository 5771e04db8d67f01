"""What a round says: silence where a path went abroad is no return, silence elsewhere is none."""

import msgspec
import pytest

from collector.episodes.crossings import Crossings
from collector.episodes.watches import Way
from collector.episodes.ways import Question, Round, classify, ways_of
from collector.facts.regions import BY_NAME
from collector.records import (
    SEVERITY,
    Axis,
    Coverage,
    Crossing,
    HopJudgement,
    HopWord,
    Judgement,
    PathVerdict,
    Verdict,
)

FX = Question(BY_NAME["FX"], Axis.TERRITORY)
T0 = 1_795_521_600_000_000_000
ROUND_NS = 10_000_000_000
P, F, G, M, T = "62.115.0.1", "193.251.0.1", "193.251.0.2", "62.115.0.9", "51.15.0.1"
"""Paris, two routers in Frankfurt, Marseille, the target."""
WENT = (P, F, G, M, T)
Route = tuple[str | None, ...]


def along(
    route: Route,
    at: int = 0,
    *,
    reached: bool = True,
    said: Verdict = Verdict.SUPPORTED_INSIDE,
    frankfurt: HopWord = "outside",
    countries: tuple[str, ...] = ("FR", "DE", "FR"),
) -> Judgement:
    """Return round `at` over addresses, None where silent; `said` holds without Frankfurt."""
    outside = frankfurt == "outside" and not {F, G}.isdisjoint(route)
    verdicts: dict[str | None, HopWord] = {F: frankfurt, G: frankfurt}
    return Judgement(
        id=f"mrs@{at}",
        agent="paris",
        target="mrs",
        zone="ovh/mrs",
        started_ns=T0 + at * ROUND_NS,
        reached=reached,
        blind=False,
        countries=countries,
        verdicts=(
            PathVerdict(
                jurisdiction="FX",
                axis=Axis.TERRITORY,
                verdict=Verdict.SUPPORTED_OUTSIDE if outside else said,
                coverage=Coverage(
                    hops_responding=1,
                    hops_with_evidence=1,
                    hops_silent=0,
                    longest_silent_gap=0,
                    rtt_min_s=0.01,
                    samples=3,
                ),
                countries=countries if outside else ("FR",),
                reasons=("because",),
            ),
        ),
        hops=tuple(
            HopJudgement(
                ttl=ttl,
                address=address,
                name=None,
                rtt_min_ns=None,
                candidates=(),
                verdicts={} if address is None else {"FX": verdicts.get(address, "inside")},
                asn=None,
                operator=None,
                evidence=(),
            )
            for ttl, address in enumerate(route, 1)
        ),
    )


def told(*rounds: Judgement) -> list[tuple[int, int | None]]:
    """Return (first seen, ended) of each episode as numbers of rounds."""
    crossings = Crossings()
    for one in rounds:
        crossings.observe(one, {"FX": Verdict.SUPPORTED_OUTSIDE})
    return [
        (
            (row.first_seen_ns - T0) // ROUND_NS,
            None if row.ended_ns is None else (row.ended_ns - T0) // ROUND_NS,
        )
        for row in crossings.all()
    ]


def episode() -> Crossing:
    """Return the suspicion that one round through Frankfurt opens."""
    (opened,) = Crossings().observe(along(WENT), {"FX": Verdict.SUPPORTED_OUTSIDE})
    return opened


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Verdict.PROVEN_OUTSIDE, Round.PROOF),
        (Verdict.CONTRADICTORY, Round.RETURNED),
        (Verdict.UNDETERMINED, Round.RETURNED),
        (Verdict.SUPPORTED_INSIDE, Round.RETURNED),
        (Verdict.PROVEN_INSIDE, Round.RETURNED),
    ],
)
def test_verdicts_without_a_hop_outside(said: Verdict, expected: Round) -> None:
    """A proof stands; whatever else was said, the hops abroad were looked for and are gone."""
    went = ways_of(along(WENT), FX)
    assert expected is classify(along((P, "a", "b", M, T), said=said), FX, episode(), went)


def test_outside_is_the_same_or_another() -> None:
    """One shared country outside makes it the same; without an episode it is another."""
    again, elsewhere = along(WENT), along(WENT, countries=("FR", "GB", "FR"))
    assert [Round.SAME, Round.OTHER, Round.OTHER] == [
        classify(again, FX, episode(), {}),
        classify(elsewhere, FX, episode(), {}),
        classify(again, FX, None, {}),
    ]


def test_a_judgement_without_the_jurisdiction_is_blind() -> None:
    """A watch learns nothing from a judgement that does not speak of its jurisdiction."""
    elsewhere = Question(BY_NAME["FR"], Axis.TERRITORY)
    assert classify(along(WENT), elsewhere, None, {}) is Round.BLIND


def test_the_way_keeps_what_stood_beside() -> None:
    """Addresses from the last answer before the hops abroad to the first one after them."""
    found = ways_of(along((P, "a", None, F, None, G, None, M, T)), FX)
    way = Way(abroad=(F, G), around={2: ("a",), 4: (F,), 6: (G,), 8: (M,)}, reached=True)
    assert found == {0: way}


def test_a_proof_without_a_hop_outside_has_no_way() -> None:
    """Where no hop was named there is none that could have fallen silent."""
    assert ways_of(along((P, M, T), said=Verdict.PROVEN_OUTSIDE), FX) == {0: Way()}


@pytest.mark.parametrize(
    ("route", "ends"),
    [
        ((P, M, T), True),  # home, shorter
        ((P, "a", "b", M, T), True),  # home, as long: others answer where Frankfurt did
        ((P, None, None, M, T), False),  # the same route, Frankfurt silent
        ((P, "a", None, M, T), True),  # half silent, and another beside: another route
        ((None, None, None, M, T), False),  # silent before it too
        ((P, None, None, None, T), False),
        ((None, M, T), True),  # silence elsewhere, on a home path that lasts
        ((P, None, M, T), True),  # silence in its place, and the route beside is another
        ((P, None, None, "c", T), True),  # Marseille entered by another interface
        (("d", None, None, M, T), True),
        ((P, "a", "b", None, T), True),  # silence behind it
        ((P, None, None, M, None, T), False),  # a change farther away says nothing about it
    ],
)
def test_silence_ends_an_episode_only_elsewhere(route: Route, ends: bool) -> None:
    """Hops abroad that fall silent hold it; silence that has nothing to do with them does not."""
    rounds = [along(way, at) for at, way in enumerate([WENT, WENT, *[route] * 50])]
    assert [(0, 2 if ends else None)] == told(*rounds)


@pytest.mark.parametrize(
    ("route", "ends"),
    [
        ((P, "a", "b", M, None), True),
        ((P, "a", "b", None, None), True),
        ((P, None, None, M, None), False),
        ((P, "a", None, M, None), False),  # silence in its place, and no end to be seen
        (("d", None, None, None, None), False),  # the way is lost
        ((P,), False),  # what is not listed did not answer
        ((), False),
    ],
)
def test_a_target_that_never_answers_keeps_nothing_open(route: Route, ends: bool) -> None:
    """Where the target was silent all the time its silence is no news; elsewhere it is."""
    for before in (False, True):
        rounds = [along(WENT[:4], at, reached=before) for at in range(2)]
        rounds += [along(route, at, reached=False) for at in (2, 3)]
        assert [(0, 2 if ends and not before else None)] == told(*rounds)


def test_the_newest_round_outside_counts() -> None:
    """There only Frankfurt's second router answered: its silence holds, the first one's is old."""
    rounds = (along(WENT, 0), along(WENT, 1), along((P, None, G, M, T), 2))
    for route, ended in (((P, None, None, M, T), None), ((P, None, "b", M, T), 3)):
        assert [(0, ended)] == told(*rounds, along(route, 3), along(route, 4))


@pytest.mark.parametrize(
    ("now", "ended"), [("inside", 2), ("unknown", None), ("contradictory", None), ("mixed", None)]
)
def test_an_address_abroad_that_is_still_there(now: HopWord, ended: int | None) -> None:
    """It returned if evidence is inside now: a name was corrected. Anything less holds."""
    rounds = [along(WENT, at) for at in (0, 1)]
    rounds += [along(WENT, at, said=Verdict.UNDETERMINED, frankfurt=now) for at in (2, 3)]
    assert [(0, ended)] == told(*rounds)


def test_a_shorter_way_hides_nothing_behind_its_end() -> None:
    """Where the target answers nearer than the hops abroad were, nothing is silent there."""
    rounds = [along((None, None, F, T), at) for at in (0, 1)]
    assert [(0, 2)] == told(*rounds, along((P, T), 2), along((P, T), 3))


def several(*routes: Route, at: int = 0, **how: bool) -> Judgement:
    """Return round `at` of several flows, each over its own addresses; all reach the target."""
    ones = [along(route, at, **how) for route in routes]
    flows: dict[tuple[int, str | None], list[int]] = {}
    hops: dict[tuple[int, str | None], HopJudgement] = {}
    for number, one in enumerate(ones):
        for hop in one.hops:
            flows.setdefault((hop.ttl, hop.address), []).append(number)
            hops[hop.ttl, hop.address] = hop
    worst = min(ones, key=lambda one: SEVERITY[one.verdicts[0].verdict])
    return msgspec.structs.replace(
        worst,
        flows=tuple(range(len(routes))),
        hops=tuple(
            msgspec.structs.replace(hops[key], flows=tuple(flows[key]))
            for key in sorted(hops, key=lambda key: (key[0], key[1] is None, key[1] or ""))
        ),
    )


HOME: Route = (P, "a", "b", M, T)


def test_ways_are_kept_of_the_flows_abroad_alone() -> None:
    """A flow that stayed at home has nothing that could be hidden."""
    found = ways_of(several(HOME, WENT, HOME), FX)
    assert {1: way_of_flow(WENT)} == found


def way_of_flow(route: Route) -> Way:
    """Return the way of a single flow over `route`."""
    return ways_of(along(route), FX)[0]


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ((HOME, HOME), True),
        ((HOME, (P, None, None, M, T)), False),  # Frankfurt is silent in the flow that was there
        (((P, None, None, M, T), HOME), True),  # silence in the flow that was at home all along
        (((P, "a", None, M, T), (P, "a", None, M, T)), True),  # another route beside the silence
        ((HOME,), True),  # the flow abroad is probed no more, and the other stays at home
        (((P, None, None, M, T),), False),  # nor does what is still probed look there
    ],
)
def test_a_flow_looks_where_it_was_abroad_itself(now: tuple[Route, ...], ends: bool) -> None:
    """Only the flows that went abroad must have come back; the others prove nothing for them."""
    rounds = [several(HOME, WENT, at=at) for at in (0, 1)]
    rounds += [several(*now, at=at) for at in range(2, 12)]
    assert [(0, 2 if ends else None)] == told(*rounds)


def test_an_address_abroad_is_looked_for_in_every_flow() -> None:
    """A way that only changed its flow is no return, also while its name is missing."""
    rounds = [several(HOME, WENT, at=at) for at in (0, 1)]
    said = Verdict.UNDETERMINED
    moved = [several(WENT, HOME, at=at) for at in (2, 3)]
    assert [(0, None)] == told(*rounds, *moved)
    nameless = [
        msgspec.structs.replace(
            several(HOME, HOME, at=at),
            hops=along(WENT, at, said=said, frankfurt="unknown").hops,
        )
        for at in (2, 3)
    ]
    assert [(0, None)] == told(*rounds, *nameless)


def test_a_flow_without_an_end_has_not_looked() -> None:
    """The target answered the flow abroad before: now its silence is no return."""
    rounds = [several(HOME, WENT, at=at) for at in (0, 1)]
    lost = [
        msgspec.structs.replace(several(HOME, HOME, at=at), unreached=(1,)) for at in range(2, 6)
    ]
    assert [(0, None)] == told(*rounds, *lost)
    other = [
        msgspec.structs.replace(several(HOME, HOME, at=at), unreached=(0,)) for at in range(2, 6)
    ]
    assert [(0, 2)] == told(*rounds, *other)
