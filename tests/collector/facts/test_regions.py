"""Jurisdictions are dated lists, and the default policy demands the smallest that holds both."""

import re

import pytest

from collector.facts.regions import BY_NAME, JURISDICTIONS, demanded, further, lists, rows, wider
from collector.records import Jurisdiction


def test_lists_are_nested_and_dated() -> None:
    """FX lies in FR and in the EU, the EU in the EEA; each says when and from where."""
    fx, fr, eu, eea = JURISDICTIONS
    assert (fx.name, fr.name, eu.name, eea.name) == ("FX", "FR", "EU", "EEA")
    assert fx.territories < eu.territories < eea.widest
    assert fx.territories < fr.territories
    assert all(row.as_of >= "2026-11-24" and "read:" in row.source for row in JURISDICTIONS)


def test_members_are_counted() -> None:
    """27 member states and six French outermost regions; three more in the EEA."""
    assert len(BY_NAME["EU"].territories) == 27 + 6
    assert BY_NAME["EEA"].widest - BY_NAME["EU"].territories == {"IS", "LI", "NO"}
    schengen = BY_NAME["SCHENGEN"].territories
    assert {"BG", "CH", "IS", "LI", "NO", "RO"} < schengen
    assert (29, {"IE", "CY"}) == (len(schengen), demanded_of_the_union() - schengen)


def demanded_of_the_union() -> frozenset[str]:
    """Return the 27 member states."""
    return BY_NAME["EU"].territories - {"GF", "GP", "MF", "MQ", "RE", "YT"}


def test_what_is_recalled_or_holds_for_some_alone_settles_nothing() -> None:
    """Whether the EEA reaches Reunion is from memory; a place in the US shows no certificate."""
    assert [(), (), (), ("GF", "GP", "MF", "MQ", "RE", "YT"), ("CY",), ("CA", "US")] == [
        tuple(sorted(row.unsettled)) for row in BY_NAME.values()
    ]
    adequacy = BY_NAME["ADEQUACY"]
    assert [True, True, None, False] == [adequacy.holds(code) for code in ("FR", "GB", "US", "CN")]
    assert "certified under the EU-US Data Privacy Framework alone" in adequacy.source
    assert "GB (until 2031-12-27)" in adequacy.source
    assert all(row.settles or row.limits or row.status == "recalled" for row in rows())


def test_each_row_names_its_document() -> None:
    """A row that was read says where and when."""
    for row in rows():
        if row.status == "read":
            assert re.search(r"(read|opened) 2026-11-2[46]", row.source), row


def test_a_list_that_no_policy_names_is_not_judged() -> None:
    """The further lists of the release are judged where they are named; those for all anyway."""
    assert [] == [*further(["FX", "EU", "BENELUX"])]
    assert ["SCHENGEN", "ADEQUACY"] == [row.name for row in further(["ADEQUACY", "SCHENGEN"])]


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
    """Overseas departments are in FR and the EU, not in FX; of the EEA nobody is sure."""
    assert [row.name for row in JURISDICTIONS if code in row.territories] == ["FR", "EU"]
    assert BY_NAME["EEA"].holds(code) is None


@pytest.mark.parametrize(
    ("agent", "zone", "expected"),
    [
        ("FR", "FR", "FX"),
        ("FR", "DE", "EU"),
        ("DE", "DE", "EU"),
        ("FR", "RE", "EU"),
        ("RE", "GP", "EU"),
        ("GP", "NO", None),
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
    assert ("FR", "SCHENGEN", "EU", "EEA", "ADEQUACY") == wider("FX")
    of_others = [wider(name) for name in ("EU", "FR", "EEA", "XX")]
    assert [("EEA", "ADEQUACY"), (), ("ADEQUACY",), ()] == of_others


def test_lists_of_ones_own_stand_beside_those_of_the_release() -> None:
    """They come last, and are wider or narrower by their territories alone."""
    own = Jurisdiction(
        name="HOME", territories=frozenset({"FR", "DE"}), as_of="2026-11-26", source="a test"
    )
    found = lists([own])
    assert ["FX", "FR", "EU", "EEA", "SCHENGEN", "ADEQUACY", "HOME"] == list(found)
    assert ("HOME", "FR", "SCHENGEN", "EU", "EEA", "ADEQUACY") == wider("FX", found)
    assert ("SCHENGEN", "EU", "EEA", "ADEQUACY") == wider("HOME", found)
