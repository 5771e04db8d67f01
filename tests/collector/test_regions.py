"""Jurisdictions are dated lists, and the default policy demands the smallest that holds both."""

import pytest

from collector.records import Jurisdiction
from collector.regions import BY_NAME, JURISDICTIONS, demanded, lists, wider


def test_lists_are_nested_and_dated() -> None:
    """FX lies in FR and in the EU, the EU in the EEA; each says when and from where."""
    fx, fr, eu, eea = JURISDICTIONS
    assert (fx.name, fr.name, eu.name, eea.name) == ("FX", "FR", "EU", "EEA")
    assert fx.territories < eu.territories < eea.territories
    assert fx.territories < fr.territories
    assert all(row.as_of >= "2026-11-24" and "read:" in row.source for row in JURISDICTIONS)


def test_members_are_counted() -> None:
    """27 member states and six French outermost regions; three more in the EEA."""
    assert len(BY_NAME["EU"].territories) == 27 + 6
    assert BY_NAME["EEA"].territories - BY_NAME["EU"].territories == {"IS", "LI", "NO"}


@pytest.mark.parametrize("code", ["GB", "CH", "MC", "AD", "JE", "GG"])
def test_enclaves_and_neighbours_are_outside(code: str) -> None:
    """Monaco, Geneva and their like are in none of the lists."""
    assert not any(code in row.territories for row in JURISDICTIONS)


@pytest.mark.parametrize("code", ["NC", "PF", "WF", "PM", "BL", "TF"])
def test_overseas_countries_are_french_and_not_of_the_union(code: str) -> None:
    """They are in FR alone."""
    assert [row.name for row in JURISDICTIONS if code in row.territories] == ["FR"]


@pytest.mark.parametrize("code", ["GP", "MQ", "GF", "RE", "YT", "MF"])
def test_outermost_regions_are_union_but_not_metropolitan(code: str) -> None:
    """Overseas departments are in FR, the EU and the EEA, and not in FX."""
    assert [row.name for row in JURISDICTIONS if code in row.territories] == ["FR", "EU", "EEA"]


@pytest.mark.parametrize(
    ("agent", "zone", "expected"),
    [
        ("FR", "FR", "FX"),
        ("FR", "DE", "EU"),
        ("DE", "DE", "EU"),
        ("FR", "RE", "EU"),
        ("RE", "GP", "EU"),
        ("GP", "NO", "EEA"),
        ("FR", "NC", None),
        ("FR", "MC", None),
        ("FR", "NO", "EEA"),
        ("IS", "NO", "EEA"),
        ("FR", "GB", None),
        ("GB", "GB", None),
        ("CH", "FR", None),
        ("XX", "", None),
    ],
)
def test_the_smallest_that_holds_both_is_demanded(
    agent: str, zone: str, expected: str | None
) -> None:
    """The default policy follows the two ends, in either order."""
    assert demanded(agent, zone) == expected
    assert demanded(zone, agent) == expected


def test_wider_jurisdictions() -> None:
    """A crossing shows the verdicts of those that contain the demanded one."""
    assert ("FR", "EU", "EEA") == wider("FX")
    assert [("EEA",), (), (), ()] == [wider(name) for name in ("EU", "FR", "EEA", "XX")]


def test_lists_of_ones_own_stand_beside_those_of_the_release() -> None:
    """They come last, and are wider or narrower by their territories alone."""
    own = Jurisdiction(
        name="HOME", territories=frozenset({"FR", "DE"}), as_of="2026-11-26", source="a test"
    )
    found = lists([own])
    assert ["FX", "FR", "EU", "EEA", "HOME"] == list(found)
    assert ("HOME", "FR", "EU", "EEA") == wider("FX", found)
    assert ("EU", "EEA") == wider("HOME", found)
