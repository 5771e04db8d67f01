"""Where this host stands: what is declared, and what is not."""

import pytest

from agent.records import Origin
from collector.facts import zones
from collector.facts.regions import demanded
from collector.judgement import discs
from collector.records import Place
from deploy.run.standing import NOWHERE, Standing, country, position

SHORTEST_NS = 1
ANTIPODE = Place(name="0, 180", territory="ZZ", latitude=0, longitude=180, radius_km=0)
"""As far as can be from where an undeclared host is written down."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48.85,2.35", (48.85, 2.35, 50.0)),
        ("48.85,2.35,10", (48.85, 2.35, 10.0)),
        (" -21.1 , 55.5 , 0.5 ", (-21.1, 55.5, 0.5)),
        ("-90,180,20038", (-90.0, 180.0, 20038.0)),
    ],
)
def test_a_position_is_read(text: str, expected: tuple[float, float, float]) -> None:
    """Two numbers or three; without a radius that of a guess of the city."""
    assert position(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "Paris", "48.85", "91,0", "0,181", "1,2,0", "1,2,-3", "1,2,20039", "1,2,3,4", "1,nan"],
)
def test_a_wrong_position_is_answered_with_an_example(text: str) -> None:
    """One sentence names what was given and what is expected."""
    with pytest.raises(ValueError, match=r"AT=") as caught:
        position(text)
    assert str(caught.value) == (
        f"AT={text!r}: expected LAT,LON or LAT,LON,RADIUS_KM, such as AT=48.85,2.35,10"
    )


@pytest.mark.parametrize("text", ["fr", "FRA", "", "F1"])
def test_a_wrong_country_is_answered_with_an_example(text: str) -> None:
    """Two capital letters are a country."""
    with pytest.raises(ValueError, match=r"expected two capital letters, such as COUNTRY=FR"):
        country(text)


def test_what_is_declared_is_used() -> None:
    """With position and country there is no premise to print."""
    here = Standing(latitude=48.85, longitude=2.35, radius_km=10.0, territory=country("FR"))
    assert (here.premises, demanded(here.territory, "FR")) == ((), "FX")


def test_what_is_not_declared_is_said() -> None:
    """Each thing that was not declared is a sentence that says what does not happen."""
    assert Standing().premises == (
        "no position was declared (AT=LAT,LON,RADIUS_KM): no distance is used",
        "no country was declared (COUNTRY=FR): no jurisdiction is demanded",
    )


def test_an_undeclared_country_demands_nothing() -> None:
    """The code lies in no jurisdiction: no zone of the world is demanded of it."""
    assert [demanded(NOWHERE, territory) for territory in ("FR", "DE", "US", NOWHERE)] == [None] * 4


@pytest.mark.parametrize(("here", "refuted"), [(Standing(), False), (Standing(radius_km=1), True)])
def test_an_undeclared_position_refutes_nothing(here: Standing, refuted: bool) -> None:
    """Not even an answer within a nanosecond: this host may be anywhere, also beside the zone."""
    origin = Origin(latitude=here.latitude, longitude=here.longitude, radius_km=here.radius_km)
    found = [
        discs.refute(place, origin=origin, rtt_ns=SHORTEST_NS, resolution_ns=0) is not None
        for place in [*(row.zone.place for row in zones.load()), ANTIPODE]
    ]
    assert {refuted} == set(found)
