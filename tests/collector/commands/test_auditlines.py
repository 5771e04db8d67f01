"""What an auditor reads: every check, every difference, what consistency is not; no trick."""

import json
from typing import Any

import msgspec
import pytest

from collector.audit.findings import Check, Difference, RoundVerdicts, Verification
from collector.commands import auditlines
from collector.records import Axis, Coverage, PathVerdict, Verdict
from tests.collector.audit.test_findings import FOUND

EPISODE = {
    "agent": "paris",
    "target": "192.0.2.1",
    "zone": "aws/eu-west-3",
    "family": 4,
    "jurisdiction": "FX",
    "first_seen_at": "2026-11-24T12:00:00.000000001Z",
    "confirmed_at": "2026-11-24T12:00:10.000000001Z",
}
CROSSING = {**EPISODE, "verdict": "SUPPORTED_OUTSIDE", "countries": ["FR", "DE", "FR"]}
FINDING = {**EPISODE, "groups": [{"name": "Example Holding", "country": "US", "on_soil": True}]}


def text(**changes: Any) -> str:  # noqa: ANN401 - members of a verification
    """Return the lines about a verification as one, with single blanks."""
    found = msgspec.structs.replace(FOUND, **changes)
    return " ".join(" ".join(auditlines.lines("file.json", found)).split())


def verdict(jurisdiction: str, axis: Axis) -> PathVerdict:
    """Return a verdict."""
    coverage = Coverage(
        hops_responding=1,
        hops_with_evidence=1,
        hops_silent=0,
        longest_silent_gap=0,
        rtt_min_s=None,
        samples=1,
    )
    return PathVerdict(
        jurisdiction=jurisdiction,
        axis=axis,
        verdict=Verdict.SUPPORTED_OUTSIDE,
        coverage=coverage,
        countries=(),
        reasons=(),
    )


def test_it_says_what_the_statement_claims() -> None:
    """A crossing by its route, a finding by its groups, each with its times."""
    said = text(crossing=CROSSING)
    path = "the path from paris to 192.0.2.1 (zone aws/eu-west-3, IPv4)"
    times = f"first seen {EPISODE['first_seen_at']}, confirmed {EPISODE['confirmed_at']}"
    assert f"states: {path} is SUPPORTED_OUTSIDE of FX: FR → DE → FR, {times}" in said
    said = text(crossing=None, finding=FINDING)
    groups = "crosses equipment of groups outside FX: Example Holding (US)"
    assert f"states: {path} {groups}, {times}" in said


@pytest.mark.parametrize(
    ("episode", "says"),
    [
        ({"crossing": None}, "states: no episode that could be read"),
        ({"crossing": {"countries": 3}}, "unknown countries"),
        ({"crossing": None, "finding": {"groups": 3}}, "unknown groups"),
        ({"crossing": None, "finding": {"groups": [3]}}, "unknown groups"),
    ],
)
def test_a_claim_of_another_form_is_no_crash(episode: dict[str, Any], says: str) -> None:
    """A stranger wrote it."""
    assert says in text(**episode)


@pytest.mark.parametrize(("agrees", "mark"), [(True, "agrees"), (False, "DIFFERS"), (None, "open")])
def test_every_check_has_its_mark(agrees: bool | None, mark: str) -> None:
    """Also what could not be checked."""
    check = Check(what="rows", agrees=agrees, says="33 rows took part")
    assert f"{mark} rows 33 rows took part" in text(checks=(check,))


def test_recomputed_verdicts_stand_by_axis() -> None:
    """Territory first, then administration, as they come."""
    verdicts = (
        verdict("FX", Axis.TERRITORY),
        verdict("EU", Axis.TERRITORY),
        verdict("FX", Axis.ADMINISTRATION),
    )
    row = RoundVerdicts(path="p", started_at="2026", verdicts=verdicts)
    said = text(rounds=(row,))
    assert "territory: FX SUPPORTED_OUTSIDE, EU SUPPORTED_OUTSIDE administration: FX" in said


def test_differences_are_cut_for_people_alone() -> None:
    """Twenty are shown, the rest counted; values are cut; JSON has all of them."""
    rows = tuple(
        Difference(path=f"predicate.x[{n}]", found="a" * 500, recomputed=n, says="differs")
        for n in range(23)
    )
    said = text(differences=rows, result="inconsistent")
    assert "23 places differ:" in said
    assert "and 3 more; --json names all" in said
    assert ("a" * 119 + "…" in said, "a" * 120 in said) == (True, False)
    (row,) = rows[:1]
    assert "1 place differs:" in text(differences=(row,))
    found = msgspec.structs.replace(FOUND, differences=rows)
    told = json.loads(auditlines.encode("f", found))
    assert (23, "a" * 500) == (len(told["differences"]), told["differences"][0]["found"])


@pytest.mark.parametrize(
    ("result", "word"),
    [
        ("consistent", "CONSISTENT:"),
        ("inconsistent", "INCONSISTENT:"),
        ("other rules", "NOT RECOMPUTED:"),
    ],
)
def test_the_result_is_the_last_word(result: str, word: str) -> None:
    """One line, in capitals."""
    found: Verification = msgspec.structs.replace(FOUND, result=result)
    assert list(auditlines.lines("f", found))[-1].strip().startswith(word)


def test_no_text_commands_the_terminal() -> None:
    """Escapes of a stranger are replaced, in names as in values."""
    evil = "\x1b[2J"
    said = text(
        crossing={**CROSSING, "agent": evil},
        premise=evil,
        rules=evil,
        differences=(Difference(path=evil, found=evil, says=evil),),
    )
    assert "\x1b" not in said


def test_json_is_one_line_and_says_what_it_does_not_show() -> None:
    """The file, all that was found, and what no verification can tell."""
    line = auditlines.encode("file.json", FOUND)
    told = json.loads(line)
    assert b"\n" not in line
    assert ("file.json", auditlines.SHOWS) == (told["file"], told["shows"])
    assert {"crossing", "finding", "checks", "rounds"} <= set(told)
