"""A Statement is made again from its inputs, whatever somebody wrote among them."""

import json
from typing import Any

import msgspec
import pytest

from collector.audit import stated
from collector.audit.restatement import restate
from collector.audit.stated import Stated
from tests.collector.audit import test_evidence, test_evidence_rows
from tests.fakes.statements import real


def inputs(octets: bytes, **members: Any) -> Stated:  # noqa: ANN401 - any JSON value
    """Return the inputs of a Statement, with other members."""
    return stated.read({**json.loads(octets)["predicate"], **members})


@pytest.mark.parametrize(
    "octets", [real(), test_evidence.OCTETS, test_evidence_rows.OCTETS], ids=["demo", "own", "all"]
)
def test_it_is_the_same_octets(octets: bytes) -> None:
    """What a collector stated follows from what it stated it from."""
    assert octets == restate(inputs(octets)).statement


def test_a_jurisdiction_of_nobody_confirms_nothing() -> None:
    """A list of territories that the Statement does not hold is no reason to fail."""
    crossing = {**test_evidence.PREDICATE["crossing"], "jurisdiction": "MARS"}
    made = restate(inputs(test_evidence.OCTETS, crossing=crossing))
    assert made.episode is None


def test_a_jurisdiction_of_the_collector_alone_is_followed() -> None:
    """The operator's own list stands in the Statement, and that is enough."""
    rows = json.loads(json.dumps(test_evidence.PREDICATE["rows"]))
    rows["jurisdictions"][0]["name"] = "HOME"
    crossing = {**test_evidence.PREDICATE["crossing"], "jurisdiction": "HOME"}
    made = restate(inputs(test_evidence.OCTETS, rows=rows, crossing=crossing))
    assert made.episode is not None
    assert "HOME" == made.episode.jurisdiction


@pytest.mark.parametrize(("factor", "kept"), [(1.0, True), (1 + 1e-12, True), (1.01, False)])
def test_distances_between_agents_are_computed_again(factor: float, *, kept: bool) -> None:
    """Their last digits are those of a machine; more than these is a difference."""
    rows = json.loads(json.dumps(test_evidence_rows.ROWS))
    for row in rows["anycast"]:
        row["distance_km"] *= factor
    made = json.loads(restate(inputs(test_evidence_rows.OCTETS, rows=rows)).statement)
    assert kept == (made["predicate"]["rows"]["anycast"] == rows["anycast"])


def test_two_agents_that_are_near_show_nothing() -> None:
    """Times that allow one machine do not stand for two."""
    rows = json.loads(json.dumps(test_evidence_rows.ROWS))
    for row in rows["anycast"]:
        row["seen"][0]["rtt_ns"] = 50_000_000
    (first, *_) = restate(inputs(test_evidence_rows.OCTETS, rows=rows)).records
    assert [(0.0, 0.0)] == [(row.distance_km, row.reach_km) for row in first.several]


def test_no_paths_state_nothing() -> None:
    """An empty Statement is made, too, and confirms no crossing."""
    made = restate(inputs(test_evidence.OCTETS, paths=[]))
    assert ((), None) == (made.records, made.episode)
    assert msgspec.json.decode(made.statement)["subject"] == []
