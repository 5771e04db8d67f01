"""Where a list holds under conditions that no place shows, nothing is inside or outside."""

from collector.facts import knowledge
from collector.facts.regions import BY_NAME
from collector.judgement.borders import judge
from collector.judgement.proven import against
from collector.records import Axis, Judgement, PathVerdict, Place, Verdict
from tests.fakes.paths import FRANKFURT, MARSEILLE, path, reply, zone

KNOWLEDGE = knowledge.load()
ADEQUACY = BY_NAME["ADEQUACY"]
ASHBURN = reply("193.251.240.1", "ae1-0.ashtr1.ashburn.opentransit.net", rtt_ms=90.0)
IN_FRANKFURT = reply("193.251.241.22", "ae300-0.ffttr6.frankfurt.opentransit.net")
COGENT = reply("154.54.38.125", "be3093.ccr42.mrs02.atlas.cogentco.com", rtt_ms=9.0)
TARGET = reply("51.15.0.1", rtt_ms=95.0)


def judged(*replies: object) -> Judgement:
    """Judge a path to Marseille for the adequacy decisions alone."""
    hops = [[one] for one in replies]
    return judge(
        path(*hops),  # type: ignore[arg-type]
        agent="",
        zone=zone(MARSEILLE),
        knowledge=KNOWLEDGE,
        jurisdictions=(ADEQUACY,),
    )


def verdict(found: Judgement, axis: Axis = Axis.TERRITORY) -> PathVerdict:
    """Return the verdict on an axis."""
    (only,) = [row for row in found.verdicts if row.axis is axis]
    return only


def test_a_hop_in_an_unsettled_territory_leaves_the_path_undetermined() -> None:
    """The reason tells that the list holds there under conditions."""
    found = judged(ASHBURN, TARGET)
    assert "unsettled" == found.hops[0].verdicts["ADEQUACY"]
    told = verdict(found)
    assert Verdict.UNDETERMINED is told.verdict
    assert [True] == [
        "hop 1 (193.251.240.1) is where ADEQUACY holds under conditions: " in reason
        for reason in told.reasons
        if "193.251.240.1" in reason
    ]


def test_settled_territories_are_decided_as_ever() -> None:
    """Frankfurt is inside; that is all the path shows."""
    assert Verdict.SUPPORTED_INSIDE is verdict(judged(IN_FRANKFURT, TARGET)).verdict


def test_a_group_of_an_unsettled_country_leaves_administration_undetermined() -> None:
    """A group in the United States may be certified, or not."""
    found = judged(COGENT, TARGET)
    assert "unsettled" == found.hops[0].administration["ADEQUACY"]
    told = verdict(found, Axis.ADMINISTRATION)
    assert Verdict.UNDETERMINED is told.verdict
    assert any(
        "is held by a group from where ADEQUACY holds under conditions" in reason
        for reason in told.reasons
    )


def test_a_proof_strikes_a_place_that_the_list_does_not_settle() -> None:
    """What is settled was asked for inside, all that is not outside: both exclude the rest."""
    ashburn = Place(name="Ashburn", territory="US", latitude=39.0, longitude=-77.5, radius_km=30.0)
    assert ["inside ADEQUACY"] == against(ashburn, {"ADEQUACY": "inside"}, [ADEQUACY])
    assert ["outside ADEQUACY"] == against(ashburn, {"ADEQUACY": "outside"}, [ADEQUACY])
    assert ["outside ADEQUACY"] == against(FRANKFURT, {"ADEQUACY": "outside"}, [ADEQUACY])
    assert [] == against(FRANKFURT, {"ADEQUACY": "inside"}, [ADEQUACY])
