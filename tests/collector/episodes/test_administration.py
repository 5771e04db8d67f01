"""Findings of administration: two rounds confirm, two end, and none is a crossing."""

import msgspec

from agent.records import Family
from collector.episodes.administration import Administration
from collector.episodes.crossings import Crossings
from collector.facts.regions import JURISDICTIONS
from collector.judgement.control import ForeignGroup, HolderFinding
from collector.records import (
    Axis,
    Coverage,
    Group,
    HopJudgement,
    HopWord,
    Judgement,
    PathVerdict,
    Place,
    Verdict,
)

T0 = 1_795_521_600_000_000_000
ROUND_NS = 10_000_000_000
PARIS = Place(name="Paris", territory="FR", latitude=48.85, longitude=2.35, radius_km=20)
COVERAGE = Coverage(
    hops_responding=2,
    hops_with_evidence=2,
    hops_silent=0,
    longest_silent_gap=0,
    rtt_min_s=0.01,
    samples=6,
)
HOLDERS = {
    "u": Group(name="Zayo Group", country="US"),
    "c": Group(name="Example Cloud", country="CN"),
    "f": Group(name="Orange", country="FR"),
}
OURS = ForeignGroup(name="Zayo Group", country="US", on_soil=True)


def judged(letters: str, at: int, *, family: Family = 4, placed: bool = True) -> Judgement:
    """Return round `at`: a hop for each letter, all in Paris; `.` is a silent one."""

    def hop(ttl: int, letter: str) -> HopJudgement:
        group = HOLDERS.get(letter)
        word: HopWord = "outside" if group is not None and group.country != "FR" else "inside"
        heard = letter != "."
        return HopJudgement(
            ttl=ttl,
            address=f"192.0.2.{ord(letter)}" if heard else None,
            name=None,
            rtt_min_ns=1_000_000 if heard else None,
            candidates=(PARIS,) if placed and heard else (),
            verdicts={"FX": "inside" if placed else "unknown"} if heard else {},
            asn=None,
            operator=None,
            evidence=(),
            groups=() if group is None else (group,),
            administration={"FX": word} if heard else {},
        )

    countries = tuple(HOLDERS[letter].country for letter in letters if letter in HOLDERS)
    outside = bool({"US", "CN"} & {*countries})
    return Judgement(
        id=f"path-{at}",
        agent="paris",
        target="t",
        zone="ovh/par",
        started_ns=T0 + at * ROUND_NS,
        reached=True,
        blind="." in letters,
        countries=("FR",),
        verdicts=tuple(
            PathVerdict(
                jurisdiction="FX",
                axis=axis,
                verdict=Verdict.SUPPORTED_OUTSIDE
                if outside and axis is Axis.ADMINISTRATION
                else Verdict.UNDETERMINED,
                coverage=COVERAGE,
                countries=countries if axis is Axis.ADMINISTRATION else ("FR",),
                reasons=(f"{letters} on {axis}",),
            )
            for axis in Axis
        ),
        hops=tuple(hop(ttl, letter) for ttl, letter in enumerate(letters, 1)),
        family=family,
    )


def play(*rounds: str, demanded: tuple[str, ...] = ("FX",)) -> Administration:
    """Observe one round after the other."""
    found = Administration()
    for at, letters in enumerate(rounds):
        found.observe(judged(letters, at), demanded)
    return found


def test_two_rounds_confirm_and_two_end() -> None:
    """The times are those of the rounds, the groups and reasons those of the last that showed."""
    (found,) = play("uf", "uf", "uf", "ff", "ff").findings()
    expected = HolderFinding(
        id=found.id,
        agent="paris",
        target="t",
        family=4,
        zone="ovh/par",
        jurisdiction="FX",
        groups=(OURS,),
        reasons=("uf on administration",),
        path="path-2",
        first_seen_ns=T0,
        confirmed_ns=T0 + ROUND_NS,
        ended_ns=T0 + 3 * ROUND_NS,
        rounds=3,
    )
    assert expected == found


def test_one_round_is_no_finding() -> None:
    """A suspicion is not shown, and one round without the group drops it."""
    assert [] == play("uf").findings()
    dropped = play("uf", "ff")
    assert ([], {}) == (dropped.findings(), dropped._findings)


def test_groups_of_other_countries_begin_anew() -> None:
    """Two rounds must show one country outside; all groups of the newest round are told."""
    assert [] == play("uf", "cf").findings()
    (found,) = play("uf", "cuf").findings()
    assert ("Example Cloud", "Zayo Group") == tuple(group.name for group in found.groups)


def test_silence_ends_nothing() -> None:
    """Where the hop of the group keeps silent, it may still be there."""
    (found,) = play("fuf", "fuf", "f.f", "f.f").findings()
    assert found.ended_ns is None


def test_soil_is_told_only_where_a_place_is_known() -> None:
    """A group on home soil is one whose hop has evidence of its place there."""
    found = Administration()
    for at in range(2):
        found.observe(judged("uf", at, placed=False), ["FX"])
    assert [False] == [group.on_soil for row in found.findings() for group in row.groups]


def test_one_hop_on_soil_is_enough() -> None:
    """A group whose second hop has no known place is on home soil by its first."""
    found = Administration()
    for at in range(2):
        one = judged("uu", at)
        first, second = one.hops
        lost = msgspec.structs.replace(second, verdicts={"FX": "unknown"})
        found.observe(msgspec.structs.replace(one, hops=(first, lost)), ["FX"])
    assert [(OURS,)] == [row.groups for row in found.findings()]


def test_nothing_is_found_that_is_not_demanded() -> None:
    """Without a demand on this axis there are no findings, whoever holds the hops."""
    assert [] == play("uf", "uf", demanded=()).findings()
    assert [] == play("uf", "uf", demanded=("EU",)).findings()


def test_who_holds_hops_is_never_a_crossing() -> None:
    """The same rounds leave the watches over territory as they are."""
    crossings = Crossings()
    for at in range(3):
        assert () == crossings.observe(judged("uf", at), {"FX": Verdict.SUPPORTED_OUTSIDE})
    assert () == crossings.all()


def test_families_have_findings_of_their_own() -> None:
    """IPv6 without the group does not end what IPv4 shows."""
    found = play("uf", "uf")
    for at in range(2, 4):
        found.observe(judged("ff", at, family=6), ["FX"])
    assert [None] == [row.ended_ns for row in found.findings()]


def test_what_is_kept_goes_on() -> None:
    """A dump, through octets, continues as if nothing had happened; nothing kept is nothing."""
    rounds = ["uf", "uf", "ff", "ff", "uf", "cf", "cf"]
    whole = play(*rounds)
    for cut in range(len(rounds)):
        kept = msgspec.msgpack.encode(play(*rounds[:cut]).dump())
        again = Administration.load(msgspec.msgpack.decode(kept, type=type(whole.dump())))
        for at in range(cut, len(rounds)):
            again.observe(judged(rounds[at], at), ["FX"])
        assert whole.findings() == again.findings()
    assert [] == Administration.load(None).findings()


def test_the_id_is_another_than_that_of_a_crossing() -> None:
    """An episode of each axis that began in the same round is told apart."""
    both = msgspec.structs.replace(
        judged("uf", 0),
        verdicts=tuple(
            msgspec.structs.replace(row, verdict=Verdict.SUPPORTED_OUTSIDE)
            for row in judged("uf", 0).verdicts
        ),
    )
    demands = dict.fromkeys([JURISDICTIONS[0].name], Verdict.SUPPORTED_OUTSIDE)
    ids = [row.id for axis in Axis for row in Crossings(axis=axis).observe(both, demands)]
    assert 2 == len(set(ids))
