"""The inputs of a Statement are read back whole, or refused with their place."""

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit import stated
from collector.errors import UnreadableError
from tests.collector.audit.test_canonical import VALUES
from tests.collector.audit.test_evidence_rows import PREDICATE, WITNESS


def test_everything_that_verdicts_follow_from() -> None:
    """Paths, agent, zone, episode, two agents' times, and a world of the rows alone."""
    found = stated.read(PREDICATE)
    assert ("paris", bytes(16), "") == (
        found.vantage.name,
        found.vantage.agent_id,
        found.vantage.token_sha256,
    )
    assert [raw["id"] for raw in PREDICATE["paths"]] == [path.id for path in found.paths]
    assert found.zone is not None
    assert "ovh/x" == found.zone.ident
    assert 1_795_521_600_000_000_000 == found.episode.first_seen_ns
    assert {path.id for path in found.paths} == set(found.several)
    assert {path.id: (WITNESS,) for path in found.paths} == found.landmarks
    assert {"amsterdam", "frankfurt", "paris"} == set(found.knowledge.places)
    origin = found.knowledge.networks.origin("193.251.241.22")
    assert origin is not None
    assert 5511 == origin.asn
    assert found.knowledge.networks.origin("62.115.125.171") is None
    assert PREDICATE["tables"] == found.knowledge.digests()


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("agent", "place", "latitude"), "north", "latitude"),
        (("agent", "id"), "00", "agent.id has 1 octets, not 16"),
        (("crossing", "first_seen_at"), "soon", "first_seen_at is 'soon', no time"),
        (("rows", "places"), [], "rows.places lacks amsterdam, frankfurt, paris"),
        (("rows", "zones"), PREDICATE["rows"]["zones"] * 2, "rows.zones holds 2 zones"),
        (("rows", "operators"), PREDICATE["rows"]["operators"] * 2, "claim one domain twice"),
        (("rows", "names", 0, "pattern"), "x", "has no group `code`"),
        (("rows", "names", 0, "pattern"), "(", "missing )"),
        (("rows", "anycast", 0, "seen"), [3], "'3' is no row"),
        (("rows", "landmarks", 0, "sent_at"), "soon", "sent_at is 'soon', no time"),
        (("rows", "landmarks", 0, "rtt_ns"), "short", "rtt_ns"),
        (("rows", "origins", 0, "first"), "here", "'here' does not appear to be"),
        (("rows", "exchanges", 0, "prefix"), "80.249.208.1/21", "has host bits set"),
    ],
)
def test_what_no_table_could_hold_is_refused(
    place: tuple[str | int, ...], value: object, says: str
) -> None:
    """With the place and what was found there."""
    predicate: Any = copy.deepcopy(PREDICATE)
    at = predicate
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    with pytest.raises(UnreadableError) as error:
        stated.read(predicate)
    assert says in str(error.value)


@settings(max_examples=60)
@given(st.sampled_from(sorted(PREDICATE["rows"])), VALUES)
def test_garbage_raises_only_its_documented_error(table: str, value: object) -> None:
    """Whatever stands for a table."""
    with suppress(UnreadableError):
        stated.read({**PREDICATE, "rows": {**PREDICATE["rows"], table: [value]}})
