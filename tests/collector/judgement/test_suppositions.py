"""What glass fibre would allow is said under its name, and never decides anything."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.records import Origin, Path
from collector.facts import knowledge
from collector.facts.regions import BY_NAME
from collector.judgement.borders import judge
from collector.judgement.proofs import Disc
from collector.judgement.proven import NO_DISCS, Discs
from collector.judgement.suppositions import of_record, suppose
from collector.nearness import Landmark, Protocol, Stamp, Supposed
from collector.positions import REFUTED, UNTESTED, Standing
from collector.records import Evidence, Judgement, PathRecord, Place
from tests.fakes import soil_tables
from tests.fakes.paths import FRANKFURT, PARIS, path, reply, verdict, zone

SOIL = soil_tables.real()
KNOWN = knowledge.load(soil=SOIL)
FX = (BY_NAME["FX"],)
HOP, TARGET = "81.253.184.118", "51.15.0.1"
GLASS = "terrestrial glass fibre"
PROVES_MS, SUPPOSES_MS, NEITHER_MS = 1.0, 1.5, 2.2
"""From Paris: the border is about 190 km away, five of tolerance and five of radius subtracted."""


def one(rtt_ms: float, target_ms: float = 20.0) -> Path:
    """Return a path over a nameless hop."""
    return path([reply(HOP, rtt_ms=rtt_ms)], [reply(TARGET, rtt_ms=target_ms)])


def judged(
    way: Path, *, declared: bool = False, discs: Discs = NO_DISCS, standing: str = UNTESTED
) -> Judgement:
    """Judge a path from Paris for FX alone."""
    return judge(
        way,
        agent="paris",
        zone=zone(PARIS) if declared else None,
        knowledge=KNOWN,
        jurisdictions=FX,
        discs=discs,
        standing=standing,
    )


def told(found: tuple[Supposed, ...]) -> list[tuple[str, int, str, int | None]]:
    """Return what is supposed of which hop or flow."""
    return [(row.kind, row.ttl, row.address, row.flow) for row in found]


def disc(place: Place, rtt_ms: float, standing: str = UNTESTED) -> Disc:
    """Return the answer that an agent at a place had."""
    origin = Origin(latitude=place.latitude, longitude=place.longitude, radius_km=5)
    return Disc(agent=place.name, origin=origin, rtt_ns=round(rtt_ms * 1e6), standing=standing)


@pytest.mark.parametrize(
    ("rtt_ms", "word", "expected"),
    [
        (PROVES_MS, "inside", []),
        (SUPPOSES_MS, "unknown", [("inside", 1, HOP, None)]),
        (NEITHER_MS, "unknown", []),
    ],
)
def test_only_what_is_not_proven_is_supposed(
    rtt_ms: float, word: str, expected: list[object]
) -> None:
    """A hop that would be inside stays unknown to the verdict."""
    way = one(rtt_ms)
    judgement = judged(way)
    found = suppose(way, judgement, jurisdictions=FX, soil=SOIL)
    assert expected == told(found)
    assert word == judgement.hops[0].verdicts["FX"]
    assert {GLASS} >= {row.hypothesis for row in found}


def test_a_witness_abroad_supposes_an_exit() -> None:
    """Frankfurt at 1.1 ms proves nothing at c; of glass it would be outside."""
    way, discs = one(30.0), {HOP: [disc(FRANKFURT, 1.1)]}
    judgement = judged(way, discs=discs)
    found = suppose(way, judgement, jurisdictions=FX, soil=SOIL, others=discs)
    assert [("outside", 1, HOP, None)] == told(found)
    assert f"{GLASS} allows" in found[0].says
    assert found[0].sentence.startswith(f"hop 1 ({HOP}) would be outside FX: if agent Frankfurt")
    assert "UNDETERMINED" == verdict(judgement).verdict


def test_a_flow_that_had_no_time_to_leave() -> None:
    """The target stands in Paris, as its zone declares: of glass there would be no way out."""
    way = one(30.0, 1.3)
    judgement = judged(way, declared=True)
    found = suppose(way, judgement, jurisdictions=FX, soil=SOIL, zone=zone(PARIS))
    assert ("contained", 2, TARGET, 0) in told(found)
    contained = next(row for row in found if row.kind == "contained")
    assert "and the target in Paris (FR), as zone ovh/x declares" in contained.says
    assert contained.sentence.startswith(f"flow 0 to {TARGET} would have had no time to leave FX")
    assert "PROVEN_INSIDE" != verdict(judgement).verdict
    quick = one(30.0, 0.5)
    assert "PROVEN_INSIDE" == verdict(judged(quick, declared=True)).verdict
    again = suppose(
        quick, judged(quick, declared=True), jurisdictions=FX, soil=SOIL, zone=zone(PARIS)
    )
    assert [] == [row for row in told(again) if row[0] == "contained"]


def test_nothing_is_supposed_without_ground() -> None:
    """No borders, no position, a refuted agent, an address in several places."""
    way = one(SUPPOSES_MS)
    judgement = judged(way)
    assert () == suppose(way, judgement, jurisdictions=FX, soil=None)
    lost = msgspec.structs.replace(way, origin=None)
    assert () == suppose(lost, judgement, jurisdictions=FX, soil=SOIL)
    refuted = f"{REFUTED} by 2"
    assert () == suppose(way, judgement, jurisdictions=FX, soil=SOIL, standing=refuted)
    anycast = Evidence(kind="anycast", source="two agents", date="", says="stands in two places")
    hops = [msgspec.structs.replace(hop, evidence=(anycast,)) for hop in judgement.hops]
    several = msgspec.structs.replace(judgement, hops=tuple(hops))
    assert () == suppose(way, several, jurisdictions=FX, soil=SOIL)


def test_a_record_has_all_that_it_was_judged_by() -> None:
    """Its landmarks count, unless others refute who measured them."""
    way = one(30.0)
    near = Landmark(
        address=HOP,
        agent="fra",
        origin=disc(FRANKFURT, 1.0).origin,
        rtt_ns=1_100_000,
        samples=3,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
        sent_ns=1,
    )
    record = PathRecord(path=way, judgement=judged(way), landmarks=(near,))
    assert [("outside", 1, HOP, None)] == told(
        of_record(record, zone=None, jurisdictions=FX, soil=SOIL)
    )
    liar = Standing(agent="fra", says=f"{REFUTED} by 2")
    refuted = msgspec.structs.replace(record, standings=(liar,))
    assert () == of_record(refuted, zone=None, jurisdictions=FX, soil=SOIL)


@given(
    st.floats(0.05, 6.0),
    st.lists(st.tuples(st.sampled_from([PARIS, FRANKFURT]), st.floats(0.05, 6.0)), max_size=3),
)
def test_what_is_proven_is_never_supposed_and_never_denied(
    rtt_ms: float, others: list[tuple[Place, float]]
) -> None:
    """And the order of the answers changes no word."""
    way = one(rtt_ms)
    discs = {HOP: [replace(disc(*other), agent=f"a{n}") for n, other in enumerate(others)]}
    judgement = judged(way, discs=discs)
    found = suppose(way, judgement, jurisdictions=FX, soil=SOIL, others=discs)
    back = {HOP: discs[HOP][::-1]}
    assert found == suppose(way, judgement, jurisdictions=FX, soil=SOIL, others=back)
    proved = any(row.kind == "proof" for row in judgement.hops[0].evidence)
    assert not (proved and any(row.ttl == 1 for row in found))
