"""What a verification found, as programs read it: names that stay."""

import json
from typing import get_args

import msgspec
import pytest

from collector.audit.findings import Check, Difference, Result, RoundVerdicts, Verification

FOUND = Verification(
    sha256="ab" * 32,
    result="consistent",
    rules="borne-verdict-rules/4",
    version="0.1.0",
    premise="if",
    crossing={"id": "1"},
    checks=(Check(what="octets", agrees=True, says="canonical JSON"),),
    differences=(Difference(path="predicate.rules", says="is not what follows"),),
    rounds=(RoundVerdicts(path="p", started_at="2026-11-24T12:00:00.000000001Z", verdicts=()),),
)


def test_the_names_that_programs_rely_on() -> None:
    """In their order; a field may be added, none goes."""
    told = json.loads(msgspec.json.encode(FOUND))
    assert ["sha256", "result", "rules", "version", "premise", "crossing"] == list(told)[:6]
    assert ["finding", "checks", "differences", "rounds"] == list(told)[6:]
    assert ["what", "agrees", "says"] == list(told["checks"][0])
    assert {"path", "found", "recomputed", "kind", "says"} == set(told["differences"][0])
    assert ["path", "started_at", "verdicts"] == list(told["rounds"][0])


def test_the_results() -> None:
    """Exit codes and words for people hang on them."""
    assert ("consistent", "inconsistent", "other rules") == get_args(Result)


def test_a_difference_is_one_of_values_unless_it_says_otherwise() -> None:
    """Most are: something is not what follows."""
    assert ("differs", None, None) == (
        FOUND.differences[0].kind,
        FOUND.differences[0].found,
        FOUND.differences[0].recomputed,
    )


def test_what_was_found_changes_no_more() -> None:
    """A verification is handed on, and nobody rewrites it on the way."""
    with pytest.raises(AttributeError):
        FOUND.result = "inconsistent"  # type: ignore[misc]  # the point of the test
