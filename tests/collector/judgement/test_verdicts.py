"""The verdict of a path is that of its worst flow; each flow is judged as a path of its own."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Hop, Path, PathReply
from collector.facts import knowledge
from collector.facts.regions import JURISDICTIONS
from collector.judgement.borders import judge
from collector.judgement.verdicts import Strand, conclude, on_administration, on_territory
from collector.records import SEVERITY, Axis, Judgement, Verdict
from tests.fakes.paths import LOST, MARSEILLE, path, reply, verdict, zone

KNOWLEDGE = knowledge.load()
HOME = zone(MARSEILLE)
TARGET = "51.15.0.1"
PARIS = reply("62.115.125.171", "prs-b1-link.ip.twelve99.net", rtt_ms=1.2)
LYON = reply("62.115.117.13", "lyon-bb1-link.ip.twelve99.net", rtt_ms=6.0)
FRANKFURT = reply("193.251.241.22", "ae300-0.ffttr6.frankfurt.opentransit.net", rtt_ms=17.0)
LONDON = reply("193.251.242.18", "pos0-1-4-0.lontr1.London.opentransit.net", rtt_ms=12.0)
NAMELESS = reply("81.253.184.118", rtt_ms=8.0)
END = reply(TARGET, rtt_ms=20.0)


def judged(one: Path) -> Judgement:
    """Judge with the tables of the release, for the zone in Marseille."""
    return judge(one, agent="paris", zone=HOME, knowledge=KNOWLEDGE, jurisdictions=JURISDICTIONS)


def woven(*flows: list[PathReply]) -> Path:
    """Return one round of several flows, each a list of answers by TTL."""
    size = max(len(flow) for flow in flows)
    hops = (
        [
            msgspec.structs.replace(flow[place], flow=number)
            for number, flow in enumerate(flows)
            if place < len(flow)
        ]
        for place in range(size)
    )
    return path(*hops, address=TARGET)


def test_one_flow_of_four_goes_abroad() -> None:
    """Three ways stay in Paris, one goes through Frankfurt: outside FX, and it says which."""
    home = [PARIS, LYON, END]
    found = judged(woven(home, home, [PARIS, FRANKFURT, END], home))
    outside = verdict(found)
    assert (Verdict.SUPPORTED_OUTSIDE, 2, ("FR", "DE", "FR")) == (
        outside.verdict,
        outside.flow,
        outside.countries,
    )
    (reason,) = outside.reasons
    assert reason.startswith("flow 3 of 4: hop 2 (193.251.241.22) is outside FX: ")
    inside = verdict(found, "EU")
    assert (Verdict.SUPPORTED_INSIDE, 0, ("FR",)) == (
        inside.verdict,
        inside.flow,
        inside.countries,
    )
    assert ((0, 1, 2, 3), (), ("FR", "DE", "FR")) == (
        found.flows,
        found.unreached,
        found.countries,
    )
    assert [(1, "62.115.125.171", (0, 1, 2, 3)), (2, "62.115.117.13", (0, 1, 3))] == [
        (hop.ttl, hop.address, hop.flows) for hop in found.hops[:2]
    ]
    assert (2, FRANKFURT.address, (2,)) == (
        found.hops[2].ttl,
        found.hops[2].address,
        found.hops[2].flows,
    )


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ([PARIS, LYON, END], "SUPPORTED_INSIDE"),
        ([PARIS, NAMELESS, END], "UNDETERMINED"),
        ([PARIS, LOST, END], "UNDETERMINED"),
        ([PARIS, LYON, LOST], "UNDETERMINED"),
        ([PARIS, msgspec.structs.replace(FRANKFURT, rtt_ns=1_000_000), END], "CONTRADICTORY"),
        ([PARIS, LONDON, END], "SUPPORTED_OUTSIDE"),
    ],
)
def test_the_worst_flow_decides(flow: list[PathReply], expected: str) -> None:
    """Beside a flow that stays inside, whatever the other shows is what is said."""
    home = [PARIS, LYON, END]
    for found in (judged(woven(home, flow)), judged(woven(flow, home))):
        assert expected == verdict(found).verdict


def test_silence_is_that_of_its_flow() -> None:
    """What one flow did not hear is silent there, and was heard in the other."""
    found = judged(woven([PARIS, LYON, END], [PARIS, LOST, LOST, LOST]))
    coverage = verdict(found).coverage
    assert (1, 3, 3, None, 1) == (
        coverage.hops_responding,
        coverage.hops_silent,
        coverage.longest_silent_gap,
        coverage.rtt_min_s,
        coverage.samples,
    )
    assert [(1, (0, 1)), (2, (0,)), (2, (1,)), (3, (0,)), (3, (1,)), (4, (1,))] == [
        (hop.ttl, hop.flows) for hop in found.hops
    ]
    assert (True, True, (1,)) == (found.reached, found.blind, found.unreached)
    assert verdict(found).reasons[0].startswith("flow 2 of 2: no answer came from the target's own")


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "11.1.1.1", "::ffff:c1fb:f116", "64:ff9b::c1fb:f116", "2002::1"]
)
def test_an_excluded_address_on_the_way_holds_inside_back(address: str) -> None:
    """Whoever uses a private, squatted or translated address may stand anywhere; it says so."""
    hidden = reply(address, rtt_ms=80.0)
    for axis in Axis:
        found = verdict(judged(woven([FRANKFURT, hidden, END])), "EU", axis)
        assert Verdict.UNDETERMINED is found.verdict
        assert found.reasons[-1].startswith(f"hop 2 ({address}) is untold: in ")
        assert (2, 0) == (found.coverage.hops_responding, found.coverage.hops_silent)
    outside = verdict(judged(woven([LONDON, hidden, END])), "EU")
    assert Verdict.SUPPORTED_OUTSIDE is outside.verdict


def test_the_agents_own_network_holds_nothing_back() -> None:
    """Excluded addresses before the first that can have a place are near."""
    found = verdict(judged(woven([reply("192.168.1.1"), reply("10.1.2.3"), PARIS, END])))
    assert Verdict.SUPPORTED_INSIDE is found.verdict


def test_a_target_without_a_place_of_its_own_is_never_inside() -> None:
    """Behind a translator (64:ff9b::/96), and where nobody knows its address, the end is unseen."""
    translated = reply("64:ff9b::3333:1")
    behind = msgspec.structs.replace(woven([PARIS, translated]), address="64:ff9b::3333:1")
    assert Verdict.UNDETERMINED is verdict(judged(behind)).verdict
    nameless = judged(msgspec.structs.replace(woven([PARIS]), address=None))
    assert (Verdict.UNDETERMINED, False) == (verdict(nameless).verdict, nameless.reached)


def test_administration_has_the_same_table_and_its_own_words() -> None:
    """The group of Opentransit is inside; nobody says who holds the nameless router."""
    known = judged(woven([FRANKFURT, END]))
    inside = verdict(known, "FX", Axis.ADMINISTRATION)
    assert (Verdict.SUPPORTED_INSIDE, ("FR",)) == (inside.verdict, inside.countries)
    assert "is held by a group inside FX: named by " in inside.reasons[0]
    open_one = verdict(judged(woven([NAMELESS, END])), "FX", Axis.ADMINISTRATION)
    assert Verdict.UNDETERMINED is open_one.verdict
    assert ("no evidence of the group behind 81.253.184.118 (hop 1)",) == open_one.reasons
    assert (2, 1) == (open_one.coverage.hops_responding, open_one.coverage.hops_with_evidence)
    foreign = verdict(judged(woven([PARIS, END])), "EU", Axis.ADMINISTRATION)
    assert Verdict.SUPPORTED_INSIDE is foreign.verdict
    outside = verdict(judged(woven([PARIS, END])), "FX", Axis.ADMINISTRATION)
    assert (Verdict.SUPPORTED_OUTSIDE, ("SE", "FR")) == (outside.verdict, outside.countries)


ANSWERS = st.sampled_from([PARIS, LYON, FRANKFURT, LONDON, NAMELESS, END, LOST])
FLOWS = st.lists(st.lists(ANSWERS, min_size=1, max_size=5), min_size=1, max_size=5)


@given(FLOWS)
@settings(max_examples=200)
def test_the_path_is_as_bad_as_its_worst_flow_alone(flows: list[list[PathReply]]) -> None:
    """Each flow judged by itself: the worst of these verdicts is the path's, with its ground."""
    whole = judged(woven(*flows))
    alone = [judged(woven(flow)) for flow in flows]
    reached = [one.reached for one in alone]
    assert (any(reached), any(one.blind for one in alone)) == (whole.reached, whole.blind)
    for row in whole.verdicts:
        rows = [verdict(one, row.jurisdiction, row.axis) for one in alone]
        worst = min(rows, key=lambda found: SEVERITY[found.verdict])
        assert (worst.verdict, worst.countries) == (row.verdict, row.countries)
        assert rows.index(worst) == row.flow
        prefix = f"flow {row.flow + 1} of {len(flows)}: " if len(flows) > 1 else ""
        assert tuple(f"{prefix}{reason}" for reason in worst.reasons) == row.reasons
        assert worst.coverage == row.coverage


@given(FLOWS)
@settings(max_examples=200)
def test_what_is_kept_of_an_address_means_what_its_hop_means(flows: list[list[PathReply]]) -> None:
    """Verdicts follow from the hops that are shown: nothing else is kept that decides."""
    whole = judged(woven(*flows))
    strands = [
        Strand(
            flow=flow,
            hops=whole.of_flow(flow),
            territory=[on_territory(hop, JURISDICTIONS) for hop in whole.of_flow(flow)],
            administration=[on_administration(hop, JURISDICTIONS) for hop in whole.of_flow(flow)],
            reached=whole.reached and flow not in whole.unreached,
            samples=sum(reply.address is not None for reply in flows[flow]),
            rtt_min_ns=next(
                (hop.rtt_min_ns for hop in whole.of_flow(flow) if hop.address == TARGET), None
            ),
        )
        for flow in whole.flows
    ]
    assert tuple(conclude(JURISDICTIONS, strands)) == whole.verdicts


@given(st.lists(st.lists(ANSWERS, max_size=3), max_size=6), st.integers(-(2**31), 2**31))
@settings(max_examples=200)
def test_the_number_of_a_single_flow_means_nothing(
    answers: list[list[PathReply]], number: int
) -> None:
    """A path of one flow is judged in the same way whatever that flow is called."""
    one = path(*answers, address=TARGET)
    renamed = msgspec.structs.replace(
        one,
        hops=tuple(
            Hop(
                ttl=hop.ttl,
                replies=tuple(msgspec.structs.replace(said, flow=number) for said in hop.replies),
            )
            for hop in one.hops
        ),
    )
    plain, other = judged(one), judged(renamed)
    numbers = [number] if any(answers) else [0]
    assert numbers == list(other.flows)
    assert plain == msgspec.structs.replace(
        other,
        flows=(0,),
        verdicts=tuple(msgspec.structs.replace(row, flow=0) for row in other.verdicts),
        hops=tuple(msgspec.structs.replace(hop, flows=(0,)) for hop in other.hops),
    )
