"""Witnesses: who is asked to ping which hop, and who is left alone."""

import msgspec
import pytest

from agent.records import PathReply, Plan
from collector.facts import atlas
from collector.facts.soil import Soil
from collector.judgement.anycast import Anycast
from collector.judgement.asked import Asked as Counts
from collector.judgement.landmarks import FRESH_NS, Landmarks
from collector.judgement.witness import (
    DEADLINE_NS,
    LISTENS_NS,
    PER_MINUTE,
    PLAUSIBLE_NS,
    S_NS,
    Frontier,
    Witness,
    doubts,
)
from collector.nearness import Proved
from collector.records import Evidence
from collector.wall import wall_text
from tests.fakes.collector_durable import NOW_NS
from tests.fakes.paths import path, reply
from tests.fakes.witnesses import (
    CITIES,
    FX,
    KNOWLEDGE,
    LONDON,
    LONDON_HOP,
    NAMELESS,
    NAMELESS_HOP,
    PARIS_HOP,
    PARIS_NAME,
    Asked,
    Borders,
    agents,
    hops,
    place,
    record,
)


def test_a_plan_says_what_to_ping_how_and_until_when() -> None:
    """ICMP, then UDP, then TCP, within 15 s; a plan without requests has none."""
    asked = Asked("london")
    asked.doubt(hops(LONDON))
    (task,) = asked.witness.plan("london", NOW_NS).witness
    assert (LONDON_HOP, 4, ("icmp", "udp", "syn"), wall_text(NOW_NS + DEADLINE_NS)) == (
        task.address,
        task.family,
        task.protocols,
        task.deadline,
    )
    assert asked.witness.plan("nobody", NOW_NS) == Plan(
        version=asked.witness.plan("london", NOW_NS + DEADLINE_NS).version
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [("london", [LONDON_HOP]), ("frankfurt", [LONDON_HOP]), ("geneva", None)],
)
def test_only_who_could_prove_something_is_asked(name: str, expected: list[str] | None) -> None:
    """Geneva is too near the border: no time could be short enough."""
    far = msgspec.structs.replace(LONDON, rtt_ns=50_000_000)
    assert expected == Asked(name).doubt(hops(far)).get(name)


@pytest.mark.parametrize(("clear_km", "asked"), [(7.6, True), (7.4, False)])
def test_a_time_must_be_one_that_machines_reach(clear_km: float, *, asked: bool) -> None:
    """Seven and a half kilometres of soil are what 0.05 ms need at the speed of light."""
    assert PLAUSIBLE_NS == 50_000
    found = Asked("london", borders=Borders({"London": clear_km})).doubt(hops(LONDON))
    assert asked is bool(found)


@pytest.mark.parametrize(("rtt_ms", "asked"), [(1.2, False), (1.5, True)])
def test_a_hop_that_is_elsewhere_is_not_asked_of(rtt_ms: float, *, asked: bool) -> None:
    """323 km lie between Paris and London: 1.2 ms and the 122 km of London do not reach so far."""
    near = msgspec.structs.replace(NAMELESS, rtt_ns=round(rtt_ms * 1e6))
    assert asked is bool(Asked("london").doubt(hops(near)))


def test_a_hop_without_a_time_may_be_anywhere() -> None:
    """No time, no bound."""
    timeless = msgspec.structs.replace(NAMELESS, rtt_ns=None)
    assert {"london": [NAMELESS_HOP]} == Asked("london").doubt(hops(timeless))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(PARIS_HOP, PARIS_NAME, rtt_ms=5), id="inside by its name"),
        pytest.param(reply("192.168.1.1", rtt_ms=5), id="private"),
        pytest.param(reply("11.0.0.1", rtt_ms=5), id="squatted"),
        pytest.param(PathReply(lost=True), id="silent"),
    ],
)
def test_hops_that_are_no_doubt(answer: PathReply) -> None:
    """Decided inside, without a place of their own, or without an answer."""
    assert {} == Asked("london", "frankfurt").doubt(hops(answer))


def test_an_address_in_several_places_is_no_doubt() -> None:
    """What two agents are both too near to can prove nothing."""
    seen = Anycast(KNOWLEDGE.networks, ())
    there = path([reply(NAMELESS_HOP, rtt_ms=0.5)], origin=CITIES["frankfurt"].origin)
    here = path([reply(NAMELESS_HOP, rtt_ms=0.5)], origin=CITIES["paris"].origin)
    seen.observe(there, "frankfurt")
    several = tuple(seen.observe(here, "paris").values())
    found = msgspec.structs.replace(record(here), several=several)
    assert [] == list(doubts(found, CITIES["paris"], FX))
    assert 1 == len(list(doubts(record(here), CITIES["paris"], FX)))


def test_the_nearest_to_a_named_place_are_asked_first_and_three_at_most() -> None:
    """The name says London: Luton, London and Slough are nearer to it than Reading."""
    asked = Asked("reading", "luton", "slough", "london", "frankfurt")
    assert {"london", "luton", "slough"} == asked.doubt(hops(LONDON)).keys()
    assert {"london", "luton", "slough"} == asked.doubt(hops(LONDON)).keys()
    assert {"london", "luton", "slough"} == asked.witness.news()
    assert set() == asked.witness.news()


def test_who_proves_nothing_gives_the_turn_to_others() -> None:
    """Silence or a time too long: others are asked, but not who is too far from the answers."""
    asked = Asked("reading", "luton", "slough", "london", "frankfurt")
    for name in asked.doubt(hops(LONDON)):
        asked.answer(name, LONDON_HOP, None if name == "luton" else 1.1)
    assert {} == asked.open()
    assert {"reading": [LONDON_HOP]} == asked.doubt(hops(LONDON))
    asked.answer("reading", LONDON_HOP, 0.9)
    assert {} == asked.doubt(hops(LONDON))


def test_an_answer_of_a_refuted_witness_keeps_nobody_away() -> None:
    """Where it really was, nobody knows: its time bounds nothing."""
    for refuted, expected in ((set(), set()), ({"london"}, {"frankfurt"})):
        asked = Asked("london", "frankfurt")
        asked.answer("london", NAMELESS_HOP, 0.7)
        asked.witness.refuted = refuted
        assert expected == asked.doubt(hops(NAMELESS)).keys()


@pytest.mark.parametrize(("proven", "asked"), [(True, set()), (False, {"reading", "oxford"})])
def test_a_proof_needs_no_more_than_three(*, proven: bool, asked: set[str]) -> None:
    """What is proven is borne out by three; as long as nothing is proven six may try."""
    names = ("reading", "luton", "slough", "london", "oxford")
    found = Asked(*names)
    one = hops(LONDON)
    for name in found.doubt(one):
        found.answer(name, LONDON_HOP, 0.7)
    proof = Evidence(
        kind="proof",
        source="a disc",
        date="undated",
        says="proven",
        proof=Proved(
            jurisdiction="FX",
            word="outside",
            agent="london",
            rtt_ns=700_000,
            bound_ns=700_141,
            distance_km=122.0,
            uncertain_km=15.0,
            allowed_km=105.0,
            nearest=None,
        ),
    )
    (hop,) = one.judgement.hops
    hop = msgspec.structs.replace(hop, evidence=(proof,) if proven else ())
    judged = msgspec.structs.replace(one.judgement, hops=(hop,))
    again = msgspec.structs.replace(one, judgement=judged)
    assert asked == found.doubt(again).keys()


def test_the_neighbours_of_a_nameless_hop_say_who_may_be_near() -> None:
    """Between a hop in Paris and one in London, London is asked before Frankfurt and Geneva."""
    way = hops(reply(PARIS_HOP, PARIS_NAME, rtt_ms=1), NAMELESS, LONDON)
    (about,) = [row for row in doubts(way, CITIES["paris"], FX) if row.address == NAMELESS_HOP]
    assert ["Paris", "London"] == [row.name for row in about.places]
    asked = Asked("frankfurt", "reading", "luton", "london")
    found = asked.doubt(hops(reply(PARIS_HOP, PARIS_NAME, rtt_ms=1), NAMELESS, LONDON))
    assert {"reading", "luton", "london"} == {
        n for n, rows in found.items() if NAMELESS_HOP in rows
    }


def test_a_hop_that_answers_nobody_is_left_alone_after_six() -> None:
    """However many agents could still ask it."""
    names = ("reading", "luton", "slough", "london", "oxford", "croydon", "frankfurt")
    asked, tries = Asked(*names), 0
    while found := asked.doubt(hops(LONDON)):
        for name in found:
            asked.answer(name, LONDON_HOP, None)
            tries += 1
    assert tries == 6


def test_half_an_hour_later_it_is_asked_again() -> None:
    """Addresses move."""
    asked = Asked("london")
    asked.doubt(hops(LONDON))
    asked.answer("london", LONDON_HOP, 0.7)
    for after_ns, expected in ((FRESH_NS - 1, {}), (FRESH_NS, {"london": [LONDON_HOP]})):
        asked.now_ns = NOW_NS + after_ns
        asked.listen("london")
        assert expected == asked.doubt(hops(LONDON))


def test_a_request_ends_at_its_deadline_and_comes_again_with_the_hop() -> None:
    """After 15 s it is in no plan; the next round asks anew, under another id."""
    asked = Asked("london")
    asked.doubt(hops(LONDON))
    (first,) = asked.witness.plan("london", NOW_NS).witness
    asked.now_ns += DEADLINE_NS
    assert {} == asked.open()
    assert {"london": [LONDON_HOP]} == asked.doubt(hops(LONDON))
    (second,) = asked.witness.plan("london", asked.now_ns).witness
    assert first.id != second.id


def test_who_does_not_listen_is_not_asked() -> None:
    """An agent that has not fetched its plan for a minute does not ping for others."""
    asked = Asked("london")
    asked.now_ns += LISTENS_NS
    assert {} == asked.doubt(hops(LONDON))


def test_an_agent_gets_so_many_requests_a_minute() -> None:
    """Twenty at once, and the next when the first is a minute old."""
    asked = Asked("london")
    many = [reply(f"62.115.2.{number}", rtt_ms=5) for number in range(PER_MINUTE + 5)]
    assert PER_MINUTE == len(asked.doubt(hops(*many))["london"])
    asked.now_ns += 60 * S_NS
    asked.listen("london")
    assert PER_MINUTE == len(asked.doubt(hops(*many))["london"])


def test_what_became_of_requests_is_counted() -> None:
    """Answered, silent, expired or withheld, each once; a reply that nobody waits for is none."""
    asked = Asked("london", "reading", "luton")
    many = [reply(f"62.115.2.{number}", rtt_ms=5) for number in range(PER_MINUTE + 5)]
    asked.doubt(hops(*many))
    assert Counts(open=3 * PER_MINUTE, withheld=15) == asked.witness.asked(asked.now_ns)
    asked.answer("london", "62.115.2.0", 0.7)
    asked.answer("london", "62.115.2.0", 0.7)
    asked.answer("reading", "62.115.2.0", None)
    asked.now_ns += DEADLINE_NS
    asked.answer("luton", "62.115.2.24", 0.7)
    rest = 3 * PER_MINUTE - 2
    assert Counts(answered=1, silent=1, expired=rest, withheld=15) == asked.witness.asked(
        asked.now_ns
    )


def test_without_borders_nobody_is_asked() -> None:
    """Where they were not compiled nobody could prove anything."""
    witness = Witness(agents("london"), Landmarks(), None)
    witness.listen("london", NOW_NS)
    witness.doubt(hops(LONDON), CITIES["paris"], FX, NOW_NS)
    assert () == witness.plan("london", NOW_NS).witness


@pytest.mark.parametrize(
    ("name", "low_km", "high_km"),
    [
        ("paris", 140, 190),
        ("london", 115, 125),
        ("frankfurt", 110, 120),
        ("geneva", -15, -5),
        ("brest", 140, 220),
    ],
)
def test_the_compiled_borders_say_how_far_they_are(
    name: str, low_km: float, high_km: float
) -> None:
    """From abroad to French soil, from France to any other; radius and tolerance taken off."""
    soil = Soil.open(atlas.BESIDE)
    assert soil is not None, "run `make atlas` (it needs npm once)"
    here = {**CITIES, "brest": place("Brest", "FR", 48.39029, -4.48628)}[name]
    assert low_km < Frontier(soil).clear_km(here, FX) < high_km


def test_soil_that_nobody_has_drawn_proves_nothing() -> None:
    """A jurisdiction with a territory of which no border is known has no outside."""
    soil = Soil.open(atlas.BESIDE)
    assert soil is not None, "run `make atlas` (it needs npm once)"
    unknown = msgspec.structs.replace(FX, territories=frozenset({"FR", "XX"}))
    assert Frontier(soil).clear_km(CITIES["london"], unknown) == 0
