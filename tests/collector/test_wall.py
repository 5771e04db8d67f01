"""Wall times go to text and back exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.wall import wall_ns, wall_text


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999_999))
def test_round_trip(at_ns: int) -> None:
    """Every nanosecond up to the end of the year 9999 survives."""
    assert wall_ns(wall_text(at_ns)) == at_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("2026-11-24T12:00:00.000000001Z", 1_795_521_600_000_000_001),
        ("2026-11-24t12:00:00z", 1_795_521_600_000_000_000),
        ("2026-11-24T12:00:00+00:00", 1_795_521_600_000_000_000),
        ("2026-11-24T12:00:00+01:00", None),
        ("2026-11-24T12:00:00", None),
        ("2026-13-24T12:00:00Z", None),
        ("2026-11-24T12:00:61Z", None),
        ("1969-12-31T23:59:59Z", None),
        ("2026-11-24T12:00:00.1234567891Z", None),
        ("", None),
    ],
)
def test_texts(text: str, expected: int | None) -> None:
    """What is no RFC 3339 time in UTC is None."""
    assert wall_ns(text) == expected


@given(st.text())
def test_garbage_is_none_or_a_time(text: str) -> None:
    """No text raises."""
    found = wall_ns(text)
    assert found is None or found >= 0
