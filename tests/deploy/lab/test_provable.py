"""What somebody could prove of a scenario: by the numbers of the disc, and by nothing else."""

import msgspec
import pytest

from collector.facts.regions import BY_NAME
from collector.records import Jurisdiction
from deploy.lab.provable import Border, Pings, provers
from deploy.lab.scenario import load
from deploy.lab.truth import expected_hops
from deploy.lab.world import City, Scenario

FX = BY_NAME["FX"]
NO_MORE = (0.0, 0.0)
LONDON_HOPS = {"62.115.134.138", "4.69.143.246"}


def world() -> Scenario:
    """Return the scenario `witness` after its event: Paris to Paris goes through London."""
    found = load("witness")
    links = [row for row in found.links if set(row.between) != {"prs-bb1", "paris1"}]
    return msgspec.structs.replace(found, links=tuple(links), events=())


def border(km: float) -> Border:
    """Return a map on which all that is not French is so far from France."""

    def away_km(city: City, jurisdiction: Jurisdiction) -> float:
        assert jurisdiction is FX
        return 0.0 if city.country == "FR" else km

    return away_km


def found(km: float, one: Scenario, seen: set[str] | None = None) -> list[tuple[str, str]]:
    """Return who could prove something of the path from Paris."""
    way = expected_hops(one, "paris", one.targets[0].address)
    addresses = {hop.address for hop in way if not hop.silent}
    return provers(Pings(one, NO_MORE), seen or addresses, FX, border(km))


def test_the_hops_in_london_are_provable_from_there() -> None:
    """Both, and nothing in Paris, with the soil of the real map 137 km away."""
    assert {(hop, "london") for hop in LONDON_HOPS} == set(found(137.0, world()))
    assert [("4.69.143.246", "london")] == found(137.0, world(), seen={"4.69.143.246"})
    assert [] == found(137.0, world(), seen={"62.115.118.58"})


@pytest.mark.parametrize(("off_km", "provable"), [(0.05, True), (-0.05, False)])
def test_radius_tolerance_and_clocks_are_taken_off(off_km: float, *, provable: bool) -> None:
    """The far hop is 0.22 ms away: 32.98 km there, 15 km of radius and tolerance, 200 ppm."""
    km = 299.792458 * 0.22 / 2 * 1.0002 + 10 + 5 + off_km
    rows = found(km, world())
    assert provable is (("4.69.143.246", "london") in rows)


def test_what_answers_nobody_is_provable_by_nobody() -> None:
    """Mute routers, and hops of a path that stays."""
    mute = [msgspec.structs.replace(row, answers=False) for row in world().routers]
    assert [] == found(1e4, msgspec.structs.replace(world(), routers=tuple(mute)))
    assert [] == found(1e4, msgspec.structs.replace(load("witness"), events=()))


def test_a_ping_takes_its_way_and_a_little_more() -> None:
    """The same at each call, never less than the way, and None where nothing answers."""
    one = world()
    exact, pings = Pings(one, NO_MORE), Pings(one, (0.01, 0.05), seed=3)
    for address in LONDON_HOPS:
        way_ns = exact.rtt_ns("london", address) or 0
        rtt_ns = pings.rtt_ns("london", address) or 0
        assert 10_000 <= rtt_ns - way_ns <= 50_000
        assert (
            rtt_ns
            == pings.rtt_ns("london", address)
            == Pings(one, (0.01, 0.05), 3).rtt_ns("london", address)
        )
        slow_ns = Pings(one, NO_MORE, 3, late=1.0, late_ms=60.0).rtt_ns("london", address) or 0
        assert 0 < slow_ns - way_ns <= 60_000_000
    assert exact.rtt_ns("london", "9.9.9.9") is None
    assert exact.rtt_ns("paris", "203.0.113.10") is not None
