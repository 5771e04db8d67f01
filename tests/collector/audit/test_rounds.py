"""A Statement read back is what it was made from, or it is refused."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit import evidence, rounds
from collector.errors import CorruptError
from collector.facts import knowledge
from collector.nearness import Supposed
from collector.records import Axis, Coverage, PathVerdict, Verdict
from tests.fakes.collector_face import ABROAD, CONFIG, DETOUR, NOW_NS, OPEN, STATEMENT, S, record

TABLES = knowledge.load()
FINITE = st.floats(0, 1e6, allow_nan=False)
HOPS = st.integers(0, 255)
COVERAGES = st.builds(
    Coverage,
    hops_responding=HOPS,
    hops_with_evidence=HOPS,
    hops_silent=HOPS,
    longest_silent_gap=HOPS,
    rtt_min_s=st.none() | FINITE,
    samples=st.integers(0, 2**53 - 1),
    speed=st.just("c"),
)
VERDICTS = st.builds(
    PathVerdict,
    jurisdiction=st.sampled_from(["FX", "EU"]),
    axis=st.sampled_from(Axis),
    verdict=st.sampled_from(Verdict),
    coverage=COVERAGES,
    countries=st.tuples(),
    reasons=st.lists(st.text("é<>&\"'\n abc"), max_size=2).map(tuple),
)


@settings(max_examples=25)
@given(st.integers(0, 2**62), st.lists(VERDICTS, max_size=3))
def test_round_trip(started_ns: int, verdicts: list[PathVerdict]) -> None:
    """Judgements survive canonical JSON exactly, to the nanosecond."""
    one = record("paris", OPEN.target, OPEN.zone, started_ns, DETOUR)
    two = record("paris", OPEN.target, OPEN.zone, started_ns + S, ABROAD)
    changed = msgspec.structs.replace(one.judgement, verdicts=tuple(verdicts))
    records = [msgspec.structs.replace(one, judgement=changed), two]
    found = rounds.read(evidence.statement(OPEN, records, CONFIG.agents[0], TABLES))
    assert found.judgements == tuple(row.judgement for row in records)


def test_premise_and_limits_are_those_of_the_statement() -> None:
    """What the evidence supposes and cannot tell is read from it, not made up again."""
    found = rounds.read(STATEMENT)
    assert found.premise == (
        "if agent paris is at 48.8566, 2.3522 (within 15 km; declared, untested)"
    )
    assert found.limits == evidence.LIMITS
    expected = [NOW_NS - 52 * S, NOW_NS - 42 * S]
    assert expected == [row.started_ns for row in found.judgements]


def test_suppositions_are_sentences_by_their_path() -> None:
    """Earlier software stated none: then there are none."""
    (one, two) = (row.started_ns for row in rounds.read(STATEMENT).judgements)
    assert ({}, True) == (rounds.read(STATEMENT).supposed, one < two)
    row = Supposed(
        hypothesis="terrestrial glass fibre",
        jurisdiction="FX",
        kind="outside",
        ttl=4,
        address="203.0.113.65",
        flow=None,
        says="light would not come back",
    )
    records = [record("paris", OPEN.target, OPEN.zone, at_ns, DETOUR) for at_ns in (one, two)]
    supposed = {records[1].path.id: (row,)}
    made = evidence.statement(OPEN, records, CONFIG.agents[0], TABLES, supposed=supposed)
    expected = {records[1].path.id: (row.sentence,)}
    assert expected == rounds.read(made).supposed


def test_another_type_is_refused() -> None:
    """A Statement about something else is not shown as a path."""
    other = STATEMENT.replace(evidence.PREDICATE_TYPE.encode(), b"urn:other:1")
    with pytest.raises(CorruptError, match="is a 'urn:other:1', not a"):
        rounds.read(other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"started_at":"2026', b'"started_at":"soon'),
        (b'"started_at"', b'"begun_at"'),
        (b'"premise"', b'"promise"'),
        (b'"verdict":"SUPPORTED_OUTSIDE"', b'"verdict":"GUILTY"'),
    ],
)
def test_changed_statement_is_refused(old: bytes, new: bytes) -> None:
    """A member that is missing or makes no sense refuses the whole."""
    assert old in STATEMENT
    with pytest.raises(CorruptError):
        rounds.read(STATEMENT.replace(old, new))


@given(st.binary(max_size=200) | st.integers(0, len(STATEMENT) - 1).map(lambda n: STATEMENT[:n]))
def test_garbage_raises_only_its_documented_error(octets: bytes) -> None:
    """No octets make it fail in another way."""
    with pytest.raises(CorruptError):
        rounds.read(octets)


def test_a_statement_of_the_first_rules_is_read() -> None:
    """What the release before stated is still shown: one flow of IPv4, territory alone."""
    kept = Path(__file__).parents[1] / "kept" / "statement-rules-1.json"
    found = rounds.read(kept.read_bytes())
    assert [(4, (0,), 3)] * 2 == [
        (one.family, one.flows, len(one.verdicts)) for one in found.judgements
    ]
