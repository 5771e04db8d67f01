"""Declared positions: coordinates of another country are said, a coarse coast is not."""

from pathlib import Path

import msgspec
import pytest

from collector.facts.soil import Soil
from collector.judgement.declared import doubts
from tests.fakes import soil_tables
from tests.fakes.collector_durable import MARSEILLE, PARIS, ZONE, vantage


@pytest.fixture(name="soil")
def _soil(tmp_path: Path) -> Soil:
    return soil_tables.opened(tmp_path)


def said(soil: Soil, territory: str, latitude: float, longitude: float, radius_km: float) -> str:
    """Return what is said of an agent."""
    place = msgspec.structs.replace(
        PARIS, territory=territory, latitude=latitude, longitude=longitude, radius_km=radius_km
    )
    return "\n".join(doubts([msgspec.structs.replace(vantage(0), place=place)], [], soil))


def test_coordinates_of_another_country_are_said(soil: Soil) -> None:
    """With both, and how far they lie apart."""
    assert (
        'agent "agent-0" is declared in AA at 2.0, 5.0 (within 10 km), and the borders have that in'
        " BB, 111 km from AA: mend the coordinates or the territory"
    ) == said(soil, "AA", 2.0, 5.0, 10.0)
    assert "in nobody's soil, " in said(soil, "AA", -3.0, 2.0, 10.0)


@pytest.mark.parametrize(
    ("territory", "latitude", "longitude", "radius_km"),
    [
        ("AA", 2.0, 3.0, 10.0),
        ("AA", 2.0, 5.0, 120.0),
        ("AA", -0.08, 2.0, 0.0),
        ("AA", 1.5, 6.5, 1.0),
        ("ZZ", 2.0, 5.0, 10.0),
    ],
)
def test_what_may_be_true_is_not_said(
    soil: Soil, territory: str, latitude: float, longitude: float, radius_km: float
) -> None:
    """At home; a circle that reaches home; a port; soil of two claims; a territory of no map."""
    assert not said(soil, territory, latitude, longitude, radius_km)


def test_zones_are_held_against_the_borders_too() -> None:
    """Paris and Marseille are in France by the borders of the release, Berlin is not."""
    soil = soil_tables.real()
    assert [] == list(doubts([vantage(0)], [ZONE], soil))
    berlin = msgspec.structs.replace(MARSEILLE, latitude=52.52, longitude=13.405)
    (found,) = doubts([vantage(0)], [msgspec.structs.replace(ZONE, place=berlin)], soil)
    assert 'zone "ovh/mrs" is declared in FR at 52.52, 13.405' in found
    assert "in DE, " in found
