"""Light in vacuum refutes places, and nothing else does."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.records import Origin
from collector.judgement.discs import (
    C_KM_PER_NS,
    LONGEST_NS,
    distance_km,
    longest_ns,
    reach_km,
    refute,
)
from collector.records import Place
from tests.fakes.paths import FRANKFURT, FROM_PARIS, MARSEILLE, PARIS

KM = distance_km(PARIS.latitude, PARIS.longitude, FRANKFURT.latitude, FRANKFURT.longitude)


def slack_free_ns() -> float:
    """Return the time in which light just reaches Frankfurt's edge from Paris' edge and back."""
    least_km = KM - FROM_PARIS.radius_km - FRANKFURT.radius_km
    return 2 * least_km / C_KM_PER_NS / (1 + 200e-6)


def test_the_edge_of_the_disc() -> None:
    """One microsecond below the bound refutes; one above does not; the numbers are shown."""
    edge_ns = slack_free_ns()
    below = refute(FRANKFURT, origin=FROM_PARIS, rtt_ns=int(edge_ns) - 1000, resolution_ns=0)
    above = refute(FRANKFURT, origin=FROM_PARIS, rtt_ns=int(edge_ns) + 1000, resolution_ns=0)
    assert above is None
    assert below is not None
    assert below.distance_km == pytest.approx(KM - 35.0)
    assert below.allowed_km == pytest.approx(KM - 35.0, abs=0.2)
    assert below.allowed_km < below.distance_km


def test_the_resolution_is_given_to_the_place() -> None:
    """A time printed in whole milliseconds may have been almost one longer."""
    short_ns = int(slack_free_ns()) - 500_000
    coarse = refute(FRANKFURT, origin=FROM_PARIS, rtt_ns=short_ns, resolution_ns=1_000_000)
    fine = refute(FRANKFURT, origin=FROM_PARIS, rtt_ns=short_ns, resolution_ns=1)
    assert coarse is None
    assert fine is not None


def test_c_refutes_less_than_glass() -> None:
    """A time that glass could not make, but vacuum could, refutes nothing."""
    at_two_thirds_ns = int(slack_free_ns() * 1.1)
    assert refute(FRANKFURT, origin=FROM_PARIS, rtt_ns=at_two_thirds_ns, resolution_ns=1) is None


@pytest.mark.parametrize("rtt_ns", [None, 0, -1, 3_600_000_000_001])
def test_times_that_are_none_refute_nothing(rtt_ns: int | None) -> None:
    """No time, zero, a negative and an absurd one say nothing."""
    assert refute(FRANKFURT, origin=FROM_PARIS, rtt_ns=rtt_ns, resolution_ns=1) is None


@pytest.mark.parametrize(
    "origin",
    [
        None,
        Origin(latitude=math.nan, longitude=2.0, radius_km=1.0),
        Origin(latitude=48.0, longitude=math.inf, radius_km=1.0),
        Origin(latitude=91.0, longitude=2.0, radius_km=1.0),
        Origin(latitude=48.0, longitude=2.0, radius_km=-1.0),
        Origin(latitude=48.0, longitude=2.0, radius_km=math.nan),
        Origin(latitude=48.0, longitude=2.0, radius_km=math.inf),
    ],
)
def test_an_origin_that_is_no_position_refutes_nothing(origin: Origin | None) -> None:
    """Without a position there is no distance."""
    assert refute(FRANKFURT, origin=origin, rtt_ns=1, resolution_ns=1) is None


def test_a_place_that_is_no_position_is_not_refuted() -> None:
    """A zone declared at impossible coordinates has no distance either."""
    nowhere = msgspec.structs.replace(FRANKFURT, latitude=math.nan)
    assert refute(nowhere, origin=FROM_PARIS, rtt_ns=1, resolution_ns=1) is None


@given(
    st.integers(min_value=1, max_value=10**9),
    st.integers(min_value=0, max_value=10**9),
    st.sampled_from([PARIS, MARSEILLE, FRANKFURT]),
)
def test_added_delay_never_refutes(rtt_ns: int, delay_ns: int, place: Place) -> None:
    """What a time does not refute, no longer time refutes."""
    quick = refute(place, origin=FROM_PARIS, rtt_ns=rtt_ns, resolution_ns=1)
    slow = refute(place, origin=FROM_PARIS, rtt_ns=rtt_ns + delay_ns, resolution_ns=1)
    assert quick is not None or slow is None


def test_distances_are_geodesics_on_wgs84() -> None:
    """The sphere would be half a percent off; a published geodesic is met to a metre.

    Karney 2013, table 2: from 40 N along azimuth 30 degrees for 10,000 km to 41.79331 N,
    137.84490 E.
    """
    found = distance_km(40.0, 0.0, 41.79331020506, 137.84490004377)
    assert found == pytest.approx(10_000.0, abs=0.001)


@pytest.mark.parametrize(
    ("latitude", "longitude", "other_latitude", "other_longitude", "km"),
    [
        (90.0, 0.0, 90.0, 123.0, 0.0),  # one pole, whatever the longitude
        (90.0, 0.0, -90.0, 77.0, 20_003.9),
        (0.0, 179.9, 0.0, -179.9, 22.3),  # across the antimeridian, not around the Earth
        (0.0, 180.0, 0.0, -180.0, 0.0),
        (0.0, 0.0, 0.5, 179.7, 19_944.1),  # almost antipodal: where simple formulas do not converge
    ],
)
def test_distances_at_the_edges_of_the_map(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float, km: float
) -> None:
    """Poles, the antimeridian and antipodes are places like others."""
    found = distance_km(latitude, longitude, other_latitude, other_longitude)
    assert found == pytest.approx(km, abs=0.1)


@pytest.mark.parametrize("radius_km", [20_100.0, 1e300])
def test_who_may_be_anywhere_refutes_nothing(radius_km: float) -> None:
    """A radius as large as the Earth leaves no distance to any place."""
    anywhere = Origin(latitude=48.0, longitude=2.0, radius_km=radius_km)
    assert refute(FRANKFURT, origin=anywhere, rtt_ns=1, resolution_ns=1) is None


@given(st.integers(1, LONGEST_NS), st.integers(-1, 10**9))
def test_the_longest_time_is_behind_every_time_that_comes_so_near(
    rtt_ns: int, resolution_ns: int
) -> None:
    """A time within a distance is shorter than its longest time, which exceeds it by a trifle."""
    found_ns = longest_ns(reach_km(rtt_ns, resolution_ns), resolution_ns)
    assert rtt_ns < found_ns < rtt_ns + 2
