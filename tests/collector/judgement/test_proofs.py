"""What is proven, what is only supposed, and that nothing else ever is."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.records import Origin
from collector.facts.regions import BY_NAME
from collector.facts.soil import Soil
from collector.judgement import proofs
from collector.judgement.clearance import Point
from collector.judgement.proofs import Disc, Proof, Supposition, contained, inside, outside, suppose
from collector.records import Place
from tests.fakes import soil_tables
from tests.oracles import nearest as oracle

FX = frozenset({"FR"})
C_KM_PER_NS = 299_792.458e-9
PARIS, FRANKFURT, GENEVA = Point(48.8534, 2.3488), Point(50.1109, 8.6821), Point(46.2022, 6.1457)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Soil:
    """Return the small world."""
    return soil_tables.opened(tmp_path_factory.mktemp("proofs"))


@pytest.fixture(scope="module")
def real() -> Soil:
    """Return the borders of the release."""
    return soil_tables.real()


def disc(at: Point, rtt_ms: float, radius_km: float = 0, **more: int | str) -> Disc:
    """Return the answer that an agent had."""
    origin = Origin(latitude=at.latitude, longitude=at.longitude, radius_km=radius_km)
    found = Disc(agent="witness", origin=origin, rtt_ns=round(rtt_ms * 1e6))
    return replace(found, **more)  # type: ignore[arg-type]


def place(at: Point, radius_km: float = 0) -> Place:
    """Return a target's place."""
    return Place(
        name="target",
        territory="FR",
        latitude=at.latitude,
        longitude=at.longitude,
        radius_km=radius_km,
    )


def test_a_near_answer_abroad_proves_an_exit(real: Soil) -> None:
    """Frankfurt at 0.5 ms: 75 km of light, 126 km to France with the tolerance subtracted."""
    found = outside([disc(FRANKFURT, 0.5, standing="unrefuted by 3")], FX, real)
    assert found is not None
    numbers = found.finding
    assert ("outside", ("FR",), "witness", 500_000) == (
        numbers.kind,
        numbers.territories,
        numbers.agent,
        numbers.rtt_ns,
    )
    assert numbers.bound_ns == pytest.approx(500_100)
    assert numbers.allowed_km == pytest.approx(74.96, abs=0.01)
    assert numbers.distance_km == pytest.approx(126.1, abs=0.1)
    assert numbers.uncertain_km == 5
    assert "light in vacuum" == found.hypothesis
    assert (
        "if agent witness is at 50.1109, 8.6821 (within 0 km; unrefuted by 3): no soil of FR is "
        "nearer than 126.1 km, and light in vacuum allows 75.0 km in 0.500 ms"
    ) == proofs.says(found)


@pytest.mark.parametrize(
    ("rtt_ms", "radius_km", "resolution_ns", "proven"),
    [
        (0.83, 0, 0, True),
        (0.85, 0, 0, False),
        (0.83, 5, 0, False),
        (0.83, 0, 100_000, False),
        (0.72, 0, 100_000, True),
        (0.8412, 0, 0, True),
        (0.8414, 0, 0, False),
    ],
)
def test_every_uncertainty_weakens(
    real: Soil, rtt_ms: float, radius_km: float, resolution_ns: int, *, proven: bool
) -> None:
    """126.134 km are 0.84147 ms, or 0.84131 after 200 ppm; radius and last digit come off."""
    one = disc(FRANKFURT, rtt_ms, radius_km, resolution_ns=resolution_ns)
    assert proven == (outside([one], FX, real) is not None)


def test_inside_one_city_is_provable_and_beside_a_border_not(real: Soil) -> None:
    """Paris at 1 ms is in France; Geneva at 0.1 ms is neither here nor there."""
    found = inside([disc(PARIS, 1.0)], FX, real)
    assert found is not None
    assert found.finding.distance_km == pytest.approx(174.5, abs=1)
    assert "no soil but that of FR is nearer than" in proofs.says(found)
    assert outside([disc(PARIS, 1.0)], FX, real) is None
    near = [disc(GENEVA, 0.01)]
    assert (None, None) == (inside(near, FX, real), outside(near, FX, real))


@pytest.mark.parametrize(
    ("rtt_ms", "radius_km", "proven"),
    [(1.15, 0, True), (1.17, 0, False), (1.08, 5, True), (1.15, 5, False)],
)
def test_an_exchange_without_time_to_leave(
    real: Soil, rtt_ms: float, radius_km: float, *, proven: bool
) -> None:
    """Paris to Paris: 359 km there and back, less 10 of tolerance, less both radii twice."""
    found = contained(disc(PARIS, rtt_ms, radius_km), place(PARIS, radius_km), FX, real)
    assert proven == (found is not None)
    if found is not None:
        assert found.finding.distance_km == pytest.approx(359 - 10 - 4 * radius_km, abs=1)
        assert "over soil beside FR there and back are" in proofs.says(found)


def test_positions_that_the_time_refutes_prove_nothing(real: Soil) -> None:
    """Paris and Lyon 392 km apart in 1 ms: one of them is not there."""
    lyon = Point(45.7485, 4.8467)
    assert contained(disc(PARIS, 1.0), place(lyon), FX, real) is None
    assert contained(disc(PARIS, 2.8), place(lyon), FX, real) is not None


def test_glass_is_supposed_and_never_proven(real: Soil) -> None:
    """Frankfurt at 1.1 ms: 165 km at c, 114 km in glass. The word is another one."""
    one = [disc(FRANKFURT, 1.1)]
    assert outside(one, FX, real) is None
    found = suppose("outside", one, FX, real)
    assert isinstance(found, Supposition)
    assert not isinstance(found, Proof)
    assert "terrestrial glass fibre" == found.hypothesis
    assert "terrestrial glass fibre allows 113.8 km in 1.100 ms" in proofs.says(found)
    assert suppose("inside", one, FX, real) is None
    assert inside([disc(PARIS, 1.5)], FX, real) is None
    assert suppose("inside", [disc(PARIS, 1.5)], FX, real) is not None
    assert contained(disc(PARIS, 1.5), place(PARIS), FX, real) is None
    assert proofs.suppose_contained(disc(PARIS, 1.5), place(PARIS), FX, real) is not None


def test_any_one_witness_is_enough_and_the_best_is_named(real: Soil) -> None:
    """Far agents add nothing and take nothing away."""
    far, near = disc(PARIS, 12.0), disc(FRANKFURT, 0.7)
    nearest = disc(FRANKFURT, 0.5, agent="nearest")
    found = outside([far, near, nearest], FX, real)
    assert found is not None
    assert "nearest" == found.finding.agent


def test_discs_without_a_common_point_prove_nothing(real: Soil) -> None:
    """The same address near Paris and near Frankfurt: two devices, or a lie."""
    here, there = disc(PARIS, 0.5), disc(FRANKFURT, 0.5)
    assert (here, there) == proofs.contradiction([here, disc(FRANKFURT, 9), there])
    assert outside([here, there], FX, real) is None
    assert inside([here, there], FX, real) is None
    both_abroad = [there, disc(Point(1.2897, 103.8501), 0.5)]
    assert outside(both_abroad, FX, real) is None
    assert outside(both_abroad[:1], FX, real) is not None
    assert proofs.contradiction([here, replace(there, origin=here.origin)]) is None


def test_a_witness_for_and_one_against_prove_nothing(small: Soil) -> None:
    """Two discs that touch at sea: one holds soil of AA alone, the other none of it."""
    home = disc(Point(2, 0.5), 0.47)
    off = disc(Point(2, -1.4), 0.99)
    ground = frozenset({"AA"})
    assert inside([home], ground, small) is not None
    assert outside([off], ground, small) is not None
    assert proofs.contradiction([home, off]) is None
    assert (None, None) == (inside([home, off], ground, small), outside([home, off], ground, small))


def test_contested_soil_proves_neither(small: Soil) -> None:
    """In the middle of what AA and BB claim, neither is proven to hold the hop, nor not to."""
    one = [disc(Point(1.5, 6.5), 0.01)]
    for code in ("AA", "BB"):
        ground = frozenset({code})
        assert (None, None) == (inside(one, ground, small), outside(one, ground, small))
    assert inside(one, frozenset({"AA", "BB"}), small) is not None
    assert outside(one, frozenset({"CC"}), small) is not None


def test_at_sea_nobody_is_inside(small: Soil) -> None:
    """A disc of water: outside of every list, inside of none."""
    one = [disc(Point(-40, -40), 1.0)]
    assert outside(one, frozenset({"AA"}), small) is not None
    assert inside(one, frozenset({"AA", "BB", "CC", "DD", "EE", "FF", "FB"}), small) is None


def test_an_unknown_territory_proves_no_outside(small: Soil) -> None:
    """A mistyped code has no soil, so everything would be outside of it."""
    one = [disc(Point(2, 6), 0.1)]
    assert outside(one, frozenset({"QQ"}), small) is None
    assert outside(one, frozenset({"AA", "QQ"}), small) is None
    assert outside(one, frozenset({"AA"}), small) is not None


@pytest.mark.parametrize(
    "one",
    [
        disc(FRANKFURT, 0),
        disc(FRANKFURT, -1),
        disc(FRANKFURT, 4e6),
        disc(Point(91, 0), 0.1),
        disc(Point(float("nan"), 0), 0.1),
        disc(Point(50, float("inf")), 0.1),
        disc(FRANKFURT, 0.1, -1),
        disc(FRANKFURT, 0.1, float("nan")),
        disc(FRANKFURT, 0.1, float("inf")),
    ],
)
def test_what_is_no_measurement_proves_nothing(real: Soil, one: Disc) -> None:
    """No time, no position, no radius: no proof; other answers still count."""
    assert (None, None) == (outside([one], FX, real), inside([one], FX, real))
    assert contained(one, place(PARIS), FX, real) is None
    assert outside([one, disc(FRANKFURT, 0.5)], FX, real) is not None
    assert contained(disc(PARIS, 1), place(Point(float("nan"), 2)), FX, real) is None
    assert outside([], FX, real) is None


AT = st.sampled_from([PARIS, FRANKFURT, GENEVA, Point(-21.1, 55.5), Point(51.5, -0.13)])


@settings(deadline=None)
@given(
    at=AT,
    rtt_ns=st.integers(1, 3_000_000),
    later_ns=st.integers(0, 3_000_000),
    radius_km=st.floats(0, 50),
    wider_km=st.floats(0, 50),
)
@example(at=FRANKFURT, rtt_ns=840_000, later_ns=2000, radius_km=0, wider_km=0)
@example(at=PARIS, rtt_ns=1_160_000, later_ns=4000, radius_km=0, wider_km=0)
def test_neither_delay_nor_doubt_makes_a_proof(
    real: Soil, at: Point, rtt_ns: int, later_ns: int, radius_km: float, wider_km: float
) -> None:
    """What is not proven is not proven with a larger time or radius; no proof has an opposite."""
    one = disc(at, rtt_ns / 1e6, radius_km)
    worse = disc(at, (rtt_ns + later_ns) / 1e6, radius_km + wider_km)
    for name in ("FX", "EU", "EEA"):
        ground = BY_NAME[name].territories
        out, within = outside([one], ground, real), inside([one], ground, real)
        assert out is None or within is None
        assert out is not None or outside([worse], ground, real) is None
        assert within is not None or inside([worse], ground, real) is None
        slow = contained(worse, place(at, radius_km + wider_km), ground, real)
        assert slow is None or contained(one, place(at, radius_km), ground, real) is not None


QUICK = st.integers(1, 1_500_000)
WITNESSES = st.lists(
    st.builds(lambda at, rtt_ns: disc(at, rtt_ns / 1e6, 5), AT, QUICK), min_size=1, max_size=3
)


@settings(deadline=None)
@given(answers=WITNESSES, later_ns=st.lists(st.integers(0, 30_000_000), min_size=3, max_size=3))
@example(answers=[disc(PARIS, 0.5), disc(FRANKFURT, 0.5)], later_ns=[9_000_000, 0, 0])
@example(answers=[disc(PARIS, 1.0)], later_ns=[30_000_000, 0, 0])
def test_delay_among_witnesses_makes_no_proof(
    real: Soil, answers: list[Disc], later_ns: list[int]
) -> None:
    """What is proven after a delay one answer alone proved before; a proof has no opposite then.

    Together they may have proven nothing: two that contradict each other say that one of them was
    answered by somebody else, and a delay hides that.
    """
    late = [
        replace(one, rtt_ns=one.rtt_ns + more_ns)
        for one, more_ns in zip(answers, later_ns, strict=False)
    ]
    for name in ("FX", "EU", "EEA"):
        ground = BY_NAME[name].territories
        for ask, other in ((outside, inside), (inside, outside)):
            if ask(late, ground, real) is not None:
                assert any(ask([one], ground, real) is not None for one in answers)
                assert other(answers, ground, real) is None


SEED = 20_261_126


def towns(soil: Soil, random_: random.Random, count: int) -> list[Point]:
    """Return points on soil of one claim, most of them in western Europe."""
    found: list[Point] = []
    while len(found) < count:
        box = (41, 60, -10, 20) if random_.random() < 0.8 else (-60, 70, -180, 180)
        at = Point(random_.uniform(*box[:2]), random_.uniform(*box[2:]))
        if len(soil.at(*at)) == 1:
            found.append(at)
    return found


@pytest.mark.slow
def test_two_thousand_worlds_without_a_false_proof(real: Soil) -> None:
    """Agents in random places, devices on random soil, times that light needs at least.

    No proof is false; of the exits that geometry allows to prove at least 95 % are proven. The
    judge is another computation: corners of lines and geodesics, and the point itself.
    """
    random_ = random.Random(SEED)
    agents = towns(real, random_, 25)
    provable = proven = 0
    for agent in agents:
        radius_km = random_.choice([0, 5, 20])
        away_km = {
            name: oracle.detour_km(real, real.home(BY_NAME[name].territories), agent, agent) / 2
            for name in ("FX", "EEA")
        }
        near = [_beside(random_, agent) for _ in range(60)] + towns(real, random_, 20)
        for hop in near:
            claims = real.at(*hop)
            slack = random_.choice([1.0, 1.0, 1.02, 1.3, 2.0])
            rtt_ns = oracle.geodesic_km(agent, hop) * 2 / C_KM_PER_NS * slack + 1
            declared = _moved(random_, agent, radius_km)
            for name, km in away_km.items():
                ground = BY_NAME[name].territories
                one = [disc(declared, rtt_ns / 1e6, radius_km)]
                out, within = outside(one, ground, real), inside(one, ground, real)
                assert out is None or not claims & ground
                assert within is None or not claims - ground
                allowed_km = rtt_ns * 1.0002 * C_KM_PER_NS / 2 + 2 * radius_km + proofs.TOLERANCE_KM
                if allowed_km < km and not real.at(*agent) & ground:
                    provable += 1
                    proven += out is not None
    assert provable > 100
    assert proven >= 0.95 * provable


def _beside(random_: random.Random, at: Point) -> Point:
    """Return a point up to some 150 km away."""
    north, east = (random_.triangular(-1.4, 1.4) for _ in range(2))
    return Point(max(min(at.latitude + north, 90), -90), at.longitude + east)


def _moved(random_: random.Random, at: Point, radius_km: float) -> Point:
    """Return a point within the radius, as a declaration may be."""
    share = random_.uniform(-0.7, 0.7) * radius_km / 111.7
    return Point(at.latitude + share, at.longitude + share)


def test_no_exchange_that_left_is_called_contained(real: Soil) -> None:
    """Ways between towns in France over random soil abroad, at the speed of light."""
    random_ = random.Random(SEED)
    home = [at for at in towns(real, random_, 120) if real.at(*at) == FX]
    abroad = [at for at in towns(real, random_, 200) if real.at(*at) != FX]
    for here in home:
        for over in random_.sample(abroad, 12):
            there = random_.choice([here, *home])
            loop_km = sum(oracle.geodesic_km(*leg) for leg in ((here, over), (over, there)))
            loop_km += oracle.geodesic_km(there, here)
            one = disc(here, (loop_km / C_KM_PER_NS + 1) / 1e6, random_.choice([0, 5]))
            assert contained(one, place(there, random_.choice([0, 5])), FX, real) is None
    assert len(home) > 8


def test_the_world_of_a_test_is_not_the_world(tmp_path: Path, real: Soil) -> None:
    """Answers depend on the table that is asked: nothing is kept between two of them."""
    small = soil_tables.opened(tmp_path)
    one = [disc(FRANKFURT, 0.5)]
    assert outside(one, FX, small) is None
    assert outside(one, FX, real) is not None
