"""How the page speaks: exact, and never more than was seen."""

from typing import get_args

import msgspec
import pytest

from collector.judgement import sentences
from collector.judgement.control import ForeignGroup
from collector.nearness import Nearness, Several
from collector.records import Group, Jurisdiction, Kind, PathVerdict, Verdict
from tests.fakes.collector_face import ABROAD, DETOUR, ENDED, HELD, HOME, NOW_NS, OPEN, record
from tests.fakes.paths import FROM_PARIS

S = 1_000_000_000


def verdicts(*found: Verdict) -> list[PathVerdict]:
    """Return verdicts that rest on two hops each."""
    row = record("paris", "t", "a/b", NOW_NS, HOME).judgement.verdicts[0]
    return [msgspec.structs.replace(row, verdict=verdict) for verdict in found]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, "–"), (0.0004, "0.40"), (0.13921, "139.21"), (2.0, "2000.00")]
)
def test_milliseconds(seconds: float | None, expected: str) -> None:
    """A time has two digits after the point, an unknown one is a dash."""
    assert expected == sentences.milliseconds(seconds)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(None, "–"), (0.0, "0 %"), (0.0004, "< 0.1 %"), (0.0164, "1.6 %"), (1.0, "100 %")],
)
def test_percent(ratio: float | None, expected: str) -> None:
    """A small loss is never rounded to none."""
    assert expected == sentences.percent(ratio)


@pytest.mark.parametrize(
    ("span_s", "expected"),
    [
        (0, "0 s"),
        (52, "52 s"),
        (60, "1 min 0 s"),
        (790, "13 min 10 s"),
        (3600, "1 h 0 min"),
        (90_061, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_duration(span_s: int, expected: str) -> None:
    """A span is told in its two largest units."""
    assert expected == sentences.duration(span_s * S)


def test_one_crossing_is_the_headline() -> None:
    """One crossing is told whole: who, where to, what was left, through which countries."""
    expected = "1 crossing now: paris → oracle/eu-marseille-1 leaves FX through DE"
    assert expected == sentences.headline([OPEN], [])


def test_several_crossings_are_counted() -> None:
    """Several crossings are counted; the page lists them below."""
    assert sentences.headline([OPEN, OPEN], []) == "2 crossings now"


def test_ended_crossing_is_past() -> None:
    """What has ended is told in the past."""
    assert sentences.crossing_sentence(ENDED) == "paris → scaleway/fr-par left FX through GB"


def test_crossing_without_a_named_country() -> None:
    """Where no country outside was placed, none is named."""
    row = msgspec.structs.replace(OPEN, countries=("FR",))
    assert sentences.crossing_sentence(row) == "paris → oracle/eu-marseille-1 leaves FX"


def test_quiet_is_no_evidence_not_proof() -> None:
    """Without a crossing the page says that there is no evidence of exit, not that all is well."""
    judged = verdicts(Verdict.SUPPORTED_INSIDE, Verdict.UNDETERMINED)
    expected = "No evidence of exit in the last round of 2 paths"
    assert expected == sentences.headline([], judged)


def test_unconfirmed_exit_is_said() -> None:
    """An exit that the newest round shows is said before it is confirmed."""
    judged = verdicts(Verdict.SUPPORTED_OUTSIDE)
    expected = "No confirmed crossing; the last round of 1 path has evidence of an exit"
    assert expected == sentences.headline([], judged)


def test_nothing_judged_is_said() -> None:
    """Without any path nothing is claimed."""
    assert sentences.headline([], []) == "No path has been judged yet"


def test_ground_counts_verdicts_worst_first() -> None:
    """What a headline rests on: verdicts, worst first, and coverage."""
    judged = verdicts(Verdict.SUPPORTED_INSIDE, Verdict.UNDETERMINED, Verdict.UNDETERMINED)
    expected = (
        "Newest paths under a policy: 2 undetermined and 1 inside, the oldest traced 7 s ago. "
        "Evidence places 6 of 6 hops; 0 kept silent."
    )
    assert expected == sentences.ground(judged, 7 * S)


def test_absent_agents_are_named() -> None:
    """Who never delivered, or not for long, is named; who did is not."""
    last_ns = {"a": 0, "b": NOW_NS - 59 * S, "c": NOW_NS - 200 * S}
    expected = (
        "a has never delivered.",
        "c delivered last 3 min 20 s ago.",
    )
    assert expected == sentences.absent(NOW_NS, last_ns, 60)


def test_places_of_a_hop() -> None:
    """Several places that remain possible are all said; none is a dash."""
    both = msgspec.structs.replace(
        DETOUR[0], candidates=DETOUR[0].candidates + DETOUR[3].candidates
    )
    assert sentences.places(both) == "Paris, FR or Frankfurt, DE"
    assert sentences.places(DETOUR[4]) == "–"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abc"), "a, b and c")],
)
def test_listed(parts: list[str], expected: str) -> None:
    """A list reads as a sentence does."""
    assert expected == sentences.listed(parts)


def test_every_verdict_has_a_mark_and_a_word() -> None:
    """No verdict is told by colour alone."""
    assert list(Verdict) == list(sentences.VERDICTS) == list(sentences.MEANINGS)


def test_foreign_groups_on_home_soil_are_told_apart() -> None:
    """A group outside is named once; the soil is said where one of its hops stands inside."""
    home = record("paris", "t", "a/b", NOW_NS, HOME).judgement
    assert ("Example Holding (US) on FX soil",) == sentences.foreign_groups(home, "FX")
    abroad = record("paris", "t", "a/b", NOW_NS, ABROAD).judgement
    assert ("Example Holding (US)",) == sentences.foreign_groups(abroad, "FX")
    ours = msgspec.structs.replace(
        home,
        hops=tuple(
            msgspec.structs.replace(hop, groups=(Group(name="Ours", country="FR"),))
            for hop in home.hops
        ),
    )
    assert () == sentences.foreign_groups(ours, "FX")


@pytest.mark.parametrize(
    ("those", "of", "expected"),
    [
        ((0,), (0,), None),
        ((0, 1), (0, 1), None),
        ((1,), (0, 1), "flow 2 of 2"),
        ((4, 9, 11), (0, 4, 9, 11), "flows 2, 3 and 4 of 4"),
    ],
)
def test_flows_are_counted_from_one(
    those: tuple[int, ...], of: tuple[int, ...], expected: str | None
) -> None:
    """Whatever an agent calls its flows, people count them; all of them go without saying."""
    assert expected == sentences.flows(those, of)


def test_the_family_is_said_where_it_is_the_newer_one() -> None:
    """A crossing over IPv6 is called so, and so is its return."""
    six = msgspec.structs.replace(OPEN, family=6)
    assert (
        "paris → oracle/eu-marseille-1 over IPv6 leaves FX through DE"
        == sentences.crossing_sentence(six)
    )
    (inside,) = verdicts(Verdict.UNDETERMINED)
    said = sentences.returning(six, inside)
    assert said is not None
    assert "to oracle/eu-marseille-1 over IPv6 shows no hop outside" in said


def test_every_kind_of_evidence_has_a_name() -> None:
    """A kind without one would make the page of a crossing an error."""
    assert set(get_args(Kind)) == set(sentences.EVIDENCE)


def both(address: str, *agents: str) -> Several:
    """Return an address that was near two agents."""
    near, other = (
        Nearness(agent=name, origin=FROM_PARIS, rtt_ns=1, resolution_ns=1, started_ns=1)
        for name in agents
    )
    return Several(address=address, seen=(near, other), distance_km=400.0, reach_km=1.0)


def test_an_agent_that_contradicts_the_others_is_named() -> None:
    """One agent in a wrong place takes the place of all addresses: it is the one to look at."""
    found = [both("9.9.9.9", "far", "paris"), both("9.9.9.9", "far", "lyon")]
    found += [both("9.9.9.8", "lyon", "far"), both("9.9.9.7", "far", "paris")]
    said = sentences.several(found)
    assert said is not None
    assert said.startswith("3 addresses in the newest rounds answered two agents sooner than one ")
    assert " could, most often far (3). Such an address stands in several places, or an" in said
    assert sentences.several([]) is None
    alone = sentences.several([both("9.9.9.9", "lyon", "paris")])
    assert alone is not None
    assert alone.startswith("1 address in the newest rounds answered two agents ")
    assert "most often lyon and paris (1)" in alone


def test_a_finding_says_who_operates_what_where() -> None:
    """The groups with their countries, and home soil where a hop is known to stand there."""
    expected = "paris → scaleway/fr-par crosses equipment operated by Example Holding (US)"
    assert f"{expected} on EU soil" == sentences.finding_sentence(HELD)
    far = msgspec.structs.replace(
        HELD,
        family=6,
        ended_ns=NOW_NS,
        groups=(
            ForeignGroup(name="Example Holding", country="US", on_soil=False),
            ForeignGroup(name="Example Cloud", country="CN", on_soil=False),
        ),
    )
    expected = (
        "paris → scaleway/fr-par over IPv6 crossed equipment operated by Example Holding (US) "
        "and Example Cloud (CN)"
    )
    assert expected == sentences.finding_sentence(far)


def test_a_crossing_of_a_list_of_ones_own() -> None:
    """The countries outside it are named; of a forgotten list nothing is claimed."""
    row = msgspec.structs.replace(OPEN, jurisdiction="HOME", countries=("FR", "DE", "GB"))
    own = Jurisdiction(
        name="HOME", territories=frozenset({"FR", "DE"}), as_of="2026-11-26", source="a test"
    )
    said = "paris → oracle/eu-marseille-1 leaves HOME"
    assert f"{said} through GB" == sentences.crossing_sentence(row, {"HOME": own})
    assert said == sentences.crossing_sentence(row)
