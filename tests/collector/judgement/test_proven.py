"""Proofs in judgements: what was proven is said with its premise, and nothing else makes one."""

from dataclasses import replace
from unittest import mock

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.records import Origin, Path, PathReply
from collector.facts import atlas, knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.regions import JURISDICTIONS
from collector.facts.soil import Soil
from collector.judgement import proofs
from collector.judgement.borders import judge
from collector.judgement.proofs import Disc
from collector.judgement.proven import Discs
from collector.records import Axis, HopJudgement, Judgement, Place, Verdict
from tests.fakes.paths import (
    FRANKFURT,
    LOST,
    MARSEILLE,
    PARIS,
    path,
    reply,
    verdict,
    zone,
)

BORDERS = Soil.open(atlas.BESIDE)
KNOWN = knowledge.load(soil=BORDERS)
BLIND = knowledge.load()
TARGET, HOP = "51.15.0.1", "81.253.184.118"
NAMED_ABROAD = reply("193.251.241.22", "ae300-0.ffttr6.frankfurt.opentransit.net", rtt_ms=17.0)
PORT = reply("37.49.236.1", rtt_ms=0.5)
"""On the network of an exchange in Paris."""
PROVEN = {Verdict.PROVEN_INSIDE, Verdict.PROVEN_OUTSIDE}


def disc(place: Place, rtt_ms: float, agent: str = "", **more: str) -> Disc:
    """Return the answer that an agent at a place had."""
    origin = Origin(latitude=place.latitude, longitude=place.longitude, radius_km=5)
    found = Disc(agent=agent or place.name, origin=origin, rtt_ns=round(rtt_ms * 1e6))
    return replace(found, **more)  # type: ignore[arg-type]


def judged(
    one: Path,
    discs: Discs | None = None,
    *,
    at: Place | None = PARIS,
    tables: Knowledge = KNOWN,
    standing: str = "declared, untested",
) -> Judgement:
    """Judge a path from Paris, whose target is declared to stand at a place."""
    return judge(
        one,
        agent="paris",
        zone=None if at is None else zone(at),
        knowledge=tables,
        jurisdictions=JURISDICTIONS,
        discs=discs or {},
        standing=standing,
    )


def kinds(hop: HopJudgement) -> list[str]:
    """Return the kinds of evidence of a hop."""
    return [row.kind for row in hop.evidence]


def test_a_witness_proves_an_exit() -> None:
    """A nameless hop that answers Frankfurt in 0.5 ms is not in France, and the reason is first."""
    one = path([NAMED_ABROAD], [reply(HOP, rtt_ms=18)], [reply(TARGET)])
    found = judged(one, {HOP: [disc(FRANKFURT, 0.5)]})
    assert ("PROVEN_OUTSIDE", "UNDETERMINED") == (
        verdict(found).verdict,
        verdict(judged(one, {HOP: [disc(FRANKFURT, 4)]}, at=None), "EU").verdict,
    )
    assert (
        f"hop 2 ({HOP}) is proven outside FX: if agent Frankfurt is at 50.1155, 8.6842 (within 5 "
        "km; declared, untested): no soil of FX is nearer than 121.7 km, and light in vacuum "
        "allows 75.0 km in 0.500 ms"
    ) == verdict(found).reasons[0]
    row = found.hops[1].evidence[0]
    assert row.proof is not None
    assert ("proof", "FX", "outside", "Frankfurt", 500_000, 500_100) == (
        row.kind,
        row.proof.jurisdiction,
        row.proof.word,
        row.proof.agent,
        row.proof.rtt_ns,
        row.proof.bound_ns,
    )
    assert row.source.startswith("disc at c, WGS84; world-atlas")
    assert row.proof.allowed_km < row.proof.distance_km
    assert "inside" == found.hops[1].verdicts["EU"]
    assert 3 == verdict(found).coverage.hops_with_evidence


def test_without_a_proof_an_exit_is_supported_only() -> None:
    """Names abroad, and a witness that is too slow or too near the border: no proof."""
    one = path([NAMED_ABROAD], [reply(TARGET)])
    geneva = Place(name="Geneva", territory="CH", latitude=46.2, longitude=6.15, radius_km=1)
    for late in (disc(FRANKFURT, 0.9), disc(geneva, 0.2)):
        found = judged(one, {"193.251.241.22": [late]})
        assert Verdict.SUPPORTED_OUTSIDE is verdict(found).verdict


def test_a_near_answer_is_inside_without_a_name() -> None:
    """Half a millisecond from Paris: a nameless router, and a port on an exchange, are at home."""
    found = judged(path([reply(HOP, rtt_ms=0.5)], [PORT], [reply(TARGET, rtt_ms=20)]))
    assert ["inside", "inside"] == [hop.verdicts["FX"] for hop in found.hops[:2]]
    assert Verdict.SUPPORTED_INSIDE is verdict(found).verdict
    assert verdict(found).reasons[0].startswith(f"hop 1 ({HOP}) is proven inside FX: if agent ")
    blind = judged(path([PORT], [reply(TARGET)]), tables=BLIND)
    assert "unknown" == blind.hops[0].verdicts["FX"]


def test_a_proof_refutes_names_on_the_other_side() -> None:
    """A name falls where a witness proves the router on the other side, in both directions."""
    address, at_home = "193.251.241.22", reply("62.115.125.171", "prs-b1-link.ip.twelve99.net")
    found = judged(path([NAMED_ABROAD], [reply(TARGET)]), {address: [disc(PARIS, 0.4)]}).hops[0]
    assert ((), "inside") == (found.candidates, found.verdicts["FX"])
    says = "not in Frankfurt am Main (DE): it is proven inside FX and inside FR"
    assert says == found.evidence[-1].says
    found = judged(
        path([at_home], [reply(TARGET)]), {"62.115.125.171": [disc(FRANKFURT, 0.4)]}
    ).hops[0]
    assert ((), "outside", "inside") == (
        found.candidates,
        found.verdicts["FX"],
        found.verdicts["EU"],
    )


def test_an_exchange_abroad_is_not_lifted() -> None:
    """A witness at home bounds the member's router, not the way over an exchange in Frankfurt."""
    abroad = reply("80.81.192.1", rtt_ms=18)
    found = judged(path([abroad], [reply(TARGET)]), {"80.81.192.1": [disc(PARIS, 0.4)]})
    assert "mixed" == found.hops[0].verdicts["FX"]


def test_two_machines_prove_nothing() -> None:
    """Near to Paris and near to Frankfurt at once: one name, several places."""
    one = path([reply(HOP, rtt_ms=0.4)], [reply(TARGET)])
    found = judged(one, {HOP: [disc(FRANKFURT, 0.4)]}).hops[0]
    assert (["anycast"], {"unknown"}) == (kinds(found), set(found.verdicts.values()))
    assert "paris in 0.400 ms" in found.evidence[0].says


def test_refuted_agents_and_many_machines_prove_nothing() -> None:
    """An agent that is elsewhere supports no proof, own or given; nor does a private address."""
    one = path([reply("10.0.0.1", rtt_ms=0.1)], [reply(HOP, rtt_ms=0.4)], [reply(TARGET)])
    refuted = judged(one, standing="refuted by 2 agents")
    given = {HOP: [disc(FRANKFURT, 0.4, standing="refuted by 2 agents")]}
    assert [[], []] == [kinds(refuted.hops[1]), kinds(judged(one, given, tables=BLIND).hops[1])]
    assert ["excluded"] == kinds(judged(one, {"10.0.0.1": [disc(FRANKFURT, 0.1)]}).hops[0])
    alone = judged(one, given).hops[1]
    assert "inside" == alone.verdicts["FX"]


def test_without_borders_or_a_position_nothing_is_proven() -> None:
    """No compiled table, no origin, an origin that is the whole Earth or none: as before."""
    hops = [reply(HOP, rtt_ms=0.4)], [reply(TARGET, rtt_ms=0.8)]
    nowhere = Origin(latitude=float("nan"), longitude=0, radius_km=5)
    earth = Origin(latitude=0, longitude=0, radius_km=20_038)
    plain = judged(path(*hops, origin=None), tables=BLIND).verdicts
    assert judged(path(*hops), tables=BLIND).verdicts == plain
    for origin in (None, nowhere, earth):
        assert judged(path(*hops, origin=origin)).verdicts == plain


def test_no_time_to_leave() -> None:
    """Paris to Paris in 0.8 ms: inside over silence and a nameless hop, with both premises."""
    one = path([reply(HOP, rtt_ms=9)], [LOST], [reply(TARGET, rtt_ms=0.8)])
    found = verdict(judged(one))
    assert Verdict.PROVEN_INSIDE is found.verdict
    assert found.reasons[0].startswith(
        "the packets of the target's fastest answer had no time to leave: if agent paris is at "
        "48.8534, 2.3488 (within 5 km; declared, untested), and the target in Paris (FR), as zone "
        "ovh/x declares: over soil beside FX there and back are "
    )
    administered = verdict(judged(one), axis=Axis.ADMINISTRATION)
    assert administered.verdict not in PROVEN


@pytest.mark.parametrize(
    "why",
    ["slow", "undeclared", "elsewhere", "silent", "several", "refuted", "undeclared target"],
)
def test_what_is_not_contained(why: str) -> None:
    """Each condition of the rule, broken alone, leaves the way undecided."""
    rtt_ms = 1.3 if why == "slow" else 0.8
    one = path([LOST], [reply(TARGET, rtt_ms=rtt_ms)], reached=why != "silent")
    if why == "undeclared target":
        one = msgspec.structs.replace(one, target="another")
    found = judged(
        one,
        {TARGET: [disc(FRANKFURT, 0.4)]} if why == "several" else {},
        at={"undeclared": None, "elsewhere": MARSEILLE}.get(why, PARIS),
        standing="refuted by 1" if why == "refuted" else "declared, untested",
    )
    assert verdict(found).verdict not in PROVEN


def test_each_flow_has_its_own_time() -> None:
    """A flow that answers in 0.8 ms stayed; its neighbour with 3 ms may have gone elsewhere."""
    near, far = reply(TARGET, rtt_ms=0.8), reply(TARGET, rtt_ms=3)
    moved = msgspec.structs.replace(far, flow=1)
    silent = msgspec.structs.replace(LOST, flow=1)
    found = verdict(judged(path([LOST, silent], [near, moved])))
    assert (Verdict.UNDETERMINED, 1) == (found.verdict, found.flow)


@pytest.mark.parametrize("proven", [True, False])
def test_no_time_to_leave_beside_evidence_outside(proven: bool) -> None:
    """Proven or named abroad on a way that had no time: somebody is wrong, and both are told."""
    one = path([NAMED_ABROAD], [reply(TARGET, rtt_ms=0.8)])
    found = verdict(judged(one, {"193.251.241.22": [disc(FRANKFURT, 0.5)]} if proven else {}))
    assert Verdict.CONTRADICTORY is found.verdict
    assert 2 == len(found.reasons)
    assert "had no time to leave" in found.reasons[0]
    assert "outside FX" in found.reasons[1]


def test_a_long_time_asks_no_question() -> None:
    """What is too far for any proof costs a comparison: `proofs` is not asked."""
    asked = mock.Mock(return_value=None)
    with (
        mock.patch.dict(
            "collector.judgement.proven._QUESTIONS", {"outside": asked, "inside": asked}
        ),
        mock.patch("collector.judgement.proofs.contained", asked),
    ):
        judged(path([reply(HOP, rtt_ms=9)], [NAMED_ABROAD], [reply(TARGET, rtt_ms=9)]))
    assert [] == asked.mock_calls


ADDRESSES = (HOP, "193.251.241.22", "62.115.125.171", TARGET)
NAMES = {
    HOP: None,
    "193.251.241.22": "ae300-0.ffttr6.frankfurt.opentransit.net",
    "62.115.125.171": "prs-b1-link.ip.twelve99.net",
    TARGET: None,
}
TIMES = st.floats(0.05, 1.2) | st.floats(0.05, 30)
ANSWERS = st.lists(
    st.builds(
        lambda address, rtt_ms: reply(address, NAMES[address], rtt_ms=rtt_ms),
        st.sampled_from(ADDRESSES[:3]),
        TIMES,
    ),
    max_size=4,
)
WITNESSES = st.dictionaries(
    st.sampled_from(ADDRESSES),
    st.lists(
        st.builds(disc, st.sampled_from([FRANKFURT, PARIS, MARSEILLE]), TIMES, st.just("")),
        max_size=3,
    ),
)


def proven(found: Judgement) -> dict[tuple[str, str], str]:
    """Return what is proven of each address and of the path, by jurisdiction."""
    words = {
        (hop.address or "", row.proof.jurisdiction): row.proof.word
        for hop in found.hops
        for row in hop.evidence
        if row.proof is not None
    }
    paths = {("path", row.jurisdiction): row.verdict for row in found.verdicts}
    return words | {key: word for key, word in paths.items() if word in PROVEN}


def whole(answers: list[PathReply], rtt_ms: float) -> Path:
    """Return a path through the answers to the target."""
    return path(*([one] for one in answers), [reply(TARGET, rtt_ms=rtt_ms)], address=TARGET)


@settings(max_examples=60, deadline=None)
@given(answers=ANSWERS, rtt_ms=TIMES, discs=WITNESSES, randoms=st.randoms())
def test_no_order_matters(
    answers: list[PathReply], rtt_ms: float, discs: Discs, randoms: object
) -> None:
    """Neither the order of replies at one TTL nor that of witnesses changes a word."""
    mixed = list(answers)
    randoms.shuffle(mixed)  # type: ignore[attr-defined]
    turned = {address: list(reversed(rows)) for address, rows in reversed(list(discs.items()))}
    last = [reply(TARGET, rtt_ms=rtt_ms)]
    assert judged(path(answers, last), discs) == judged(path(mixed, last), turned)


@settings(max_examples=80, deadline=None)
@given(answers=ANSWERS, rtt_ms=TIMES, which=st.integers(0, 4), more_ms=st.floats(0, 20))
def test_delay_makes_no_proof(
    answers: list[PathReply], rtt_ms: float, which: int, more_ms: float
) -> None:
    """Whatever is delayed: nothing is proven that was not; unless a contradiction went away."""
    before = judged(whole(answers, rtt_ms))
    late = list(answers)
    if which < len(late):
        one = late[which]
        late[which] = msgspec.structs.replace(one, rtt_ns=(one.rtt_ns or 0) + int(more_ms * 1e6))
    else:
        rtt_ms += more_ms
    after = judged(whole(late, rtt_ms))
    if not any("contradictory" in hop.verdicts.values() for hop in before.hops):
        assert proven(after).items() <= proven(before).items()


@settings(max_examples=80, deadline=None)
@given(answers=ANSWERS, rtt_ms=TIMES, discs=WITNESSES, more_ms=st.floats(0, 20))
@example(answers=[reply(HOP, rtt_ms=3)], rtt_ms=5, discs={HOP: [disc(PARIS, 0.8, "")]}, more_ms=20)
def test_a_proof_never_turns_into_its_opposite(
    answers: list[PathReply], rtt_ms: float, discs: Discs, more_ms: float
) -> None:
    """With any delay added to all answers of one place, no word becomes the other one."""
    before = proven(judged(whole(answers, rtt_ms), discs))
    late = {
        address: [
            replace(row, rtt_ns=row.rtt_ns + int(more_ms * 1e6)) if number == 0 else row
            for number, row in enumerate(rows)
        ]
        for address, rows in discs.items()
    }
    after = proven(judged(whole(answers, rtt_ms + more_ms), late))
    assert {before[key] for key in before.keys() & after.keys() if before[key] != after[key]} == (
        set()
    )


def test_proofs_are_questions_of_c() -> None:
    """Glass is a supposition: a time that glass alone would decide gives no proof."""
    near = disc(FRANKFURT, 1.0)
    assert BORDERS is not None, "run `make atlas` (it needs npm once)"
    assert proofs.suppose("outside", [near], frozenset({"FR"}), BORDERS) is not None
    found = judged(path([reply(HOP, rtt_ms=18)], [reply(TARGET)]), {HOP: [near]})
    assert "FX" not in {row.proof.jurisdiction for row in found.hops[0].evidence if row.proof}


def test_a_target_with_another_name_is_not_contained() -> None:
    """Paris to Marseille in 4.5 ms leaves no time; a confirmed name abroad of the target does."""
    at = msgspec.structs.replace(MARSEILLE, radius_km=1)
    for name, expected in (
        (None, Verdict.PROVEN_INSIDE),
        ("ae300-0.ffttr6.frankfurt.opentransit.net", Verdict.UNDETERMINED),
    ):
        one = path([LOST], [reply("193.251.241.22", name, rtt_ms=4.5)], address="193.251.241.22")
        assert expected is verdict(judged(one, at=at)).verdict


def test_equal_witnesses_are_named_in_one_order() -> None:
    """Two agents in one place with one time: whoever comes first in the alphabet is named."""
    one = path([reply(HOP, rtt_ms=18)], [reply(TARGET)])
    rows = [disc(FRANKFURT, 0.5, "two"), disc(FRANKFURT, 0.5, "one")]
    assert judged(one, {HOP: rows}) == judged(one, {HOP: rows[::-1]})
