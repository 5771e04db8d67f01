"""Whatever a stranger writes into a Statement: it is verified or refused, shown, and no crash."""

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.audit.redactedstatement import redact
from collector.audit.verification import verify
from collector.commands import auditlines
from collector.errors import UnreadableError
from tests.collector.audit.test_verification import RELEASE, STATEMENT, resealed
from tests.collector.audit.test_verification_findings import CROSSING, FINDING

Json: TypeAlias = Any
STATEMENTS = {"demo": STATEMENT, "finding": FINDING, "crossing": CROSSING}
VALUES = st.sampled_from(
    [None, True, -1, 0, 3.5, 1e300, 2**60, "", "x", [], {}, [1], {"a": 1}, "1999-01-01", "\x1b[2J"]
)


def spots(value: Json, at: tuple[Json, ...] = ()) -> Iterator[tuple[Json, ...]]:
    """Yield the way to every value inside."""
    if at:
        yield at
    pairs: Iterable[tuple[Json, Json]] = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        yield from spots(inner, (*at, key))


SPOTS = {name: list(spots(value)) for name, value in STATEMENTS.items()}


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """Return a Statement with one value that is another or gone, the digests made to fit."""
    name = draw(st.sampled_from(sorted(STATEMENTS)))
    value = copy.deepcopy(STATEMENTS[name])
    *way, last = draw(st.sampled_from(SPOTS[name]))
    at: Json = value
    for key in way:
        at = at[key]
    if draw(st.booleans()) and isinstance(at, dict):
        del at[last]
    else:
        at[last] = draw(VALUES)
    try:
        return resealed(value)
    except (KeyError, TypeError, ValueError, AttributeError):
        return json.dumps(value).encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changed())
def test_any_change_is_answered(octets: bytes) -> None:
    """What is found is shown, and nothing in it commands a terminal."""
    try:
        found = verify(octets, RELEASE, version="0.1.0")
    except UnreadableError:
        return
    assert "\x1b" not in "".join(auditlines.lines("file", found))
    assert json.loads(auditlines.encode("file", found))["result"] == found.result


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changed())
def test_any_change_is_redacted_or_refused(octets: bytes) -> None:
    """What comes out verifies, and so does what it was made from: no change is made good."""
    try:
        found = redact(octets, b"s" * 32, RELEASE)
    except UnreadableError:
        return
    for one in (octets, found):
        assert "consistent" == verify(one, RELEASE, version="0.1.0").result


def test_the_fuzz_would_notice_a_bug() -> None:
    """Nothing catches what nobody expects."""
    broken = mock.patch("collector.judgement.borders.judge", side_effect=KeyError("a bug"))
    for value in STATEMENTS.values():
        with broken, pytest.raises(KeyError):
            verify(resealed(copy.deepcopy(value)), RELEASE, version="0.1.0")
