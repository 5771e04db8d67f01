"""What a request may ask, and how each mistake in it is named."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import questions
from collector.errors import RefusedError
from collector.questions import PathsQuery, Range
from collector.records import SeriesQuery

S = 1_000_000_000
NOW_NS = 1_795_532_551_250_000_000


def test_zones_are_those_of_the_last_minute() -> None:
    """Without parameters the range is the last 60 s."""
    expected = Range(from_ns=NOW_NS - 60 * S, to_ns=NOW_NS)
    assert expected == questions.zones_query([], NOW_NS)


def test_zones_of_the_last_seconds() -> None:
    """`range_s` counts back from now."""
    expected = Range(from_ns=NOW_NS - 300 * S, to_ns=NOW_NS)
    assert expected == questions.zones_query([("range_s", "300")], NOW_NS)


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("2026-11-24T15:02:00Z", 1_795_532_520 * S),
        ("2026-11-24T15:02:00.000000001Z", 1_795_532_520 * S + 1),
        ("1795532520", 1_795_532_520 * S),
        ("1795532520.5", 1_795_532_520 * S + S // 2),
    ],
)
def test_times_are_exact(text: str, expected_ns: int) -> None:
    """Both notations of a time arrive to the nanosecond; `to` is now where it is absent."""
    expected = Range(from_ns=expected_ns, to_ns=NOW_NS)
    assert expected == questions.zones_query([("from", text)], NOW_NS)


def test_series_carry_their_filters() -> None:
    """Every parameter of `/v1/series` arrives as the word it stands for."""
    pairs = [
        ("agent", "paris"),
        ("zone", "oracle/eu-marseille-1"),
        ("target", "198.51.100.10"),
        ("from", "1000"),
        ("to", "2000"),
        ("step_s", "20"),
    ]
    expected = SeriesQuery(
        from_ns=1000 * S,
        to_ns=2000 * S,
        step_ns=20 * S,
        agent="paris",
        zone="oracle/eu-marseille-1",
        target="198.51.100.10",
    )
    assert expected == questions.series_query(pairs, NOW_NS, 10)


@pytest.mark.parametrize(
    ("range_s", "expected_s"), [(1, 10), (3600, 10), (10_000, 10), (10_001, 20), (86_400, 90)]
)
def test_step_follows_the_range(range_s: int, expected_s: int) -> None:
    """Without `step_s` an answer has at most a thousand steps, each whole windows."""
    found = questions.series_query([("range_s", str(range_s))], NOW_NS, 10)
    assert expected_s * S == found.step_ns


def test_paths_have_a_limit() -> None:
    """A hundred paths are enough unless more are asked for."""
    expected = PathsQuery(agent=None, target=None, limit=100)
    assert expected == questions.paths_query([])
    expected = PathsQuery(agent="paris", target="t", limit=1000)
    pairs = [("agent", "paris"), ("target", "t"), ("limit", "1000")]
    assert expected == questions.paths_query(pairs)


def zones(pairs: questions.Pairs) -> object:
    """Ask about zones at the time of this file."""
    return questions.zones_query(pairs, NOW_NS)


def series(pairs: questions.Pairs) -> object:
    """Ask about series at the time of this file."""
    return questions.series_query(pairs, NOW_NS, 10)


@pytest.mark.parametrize(
    ("ask", "pairs", "expected"),
    [
        (zones, [("rang_s", "1")], 'unknown parameter "rang_s"; did you mean "range_s"?'),
        (zones, [("x", "1")], 'unknown parameter "x"; known here: range_s, from, to'),
        (zones, [("to", "1"), ("to", "2")], "to: is given twice"),
        (
            zones,
            [("range_s", "0")],
            "range_s: must be a whole number from 1 to 2678400, not '0'",
        ),
        (
            zones,
            [("range_s", "1e3")],
            "range_s: must be a whole number from 1 to 2678400, not '1e3'",
        ),
        (
            zones,
            [("from", "yesterday")],
            (
                "from: must be a time such as 2026-01-31T12:00:00Z (RFC 3339, UTC) or seconds "
                "since the epoch, not 'yesterday'"
            ),
        ),
        (
            zones,
            [("from", "2"), ("to", "2")],
            "from: must be earlier than to (which is now where it is absent)",
        ),
        (zones, [("from", "0")], "from: lies more than 2678400 s before to; ask in parts"),
        (
            zones,
            [("range_s", "60"), ("to", "2")],
            "range_s: cannot stand together with from or to",
        ),
        (series, [("agent", "")], "agent: is empty; leave it out to ask for all"),
        (series, [("step_s", "15")], "step_s: must be a multiple of the window of 10 s, not 15"),
        (
            series,
            [("range_s", "864000"), ("step_s", "10")],
            (
                "step_s: 10 cuts this range into more than 11000 steps; ask for 80 or more, or "
                "for a shorter range"
            ),
        ),
        (
            questions.paths_query,
            [("limit", "1001")],
            "limit: must be a whole number from 1 to 1000, not '1001'",
        ),
        (questions.no_query, [("a", "b")], 'unknown parameter "a"; this question takes none'),
    ],
)
def test_mistakes_are_named(
    ask: Callable[[questions.Pairs], object], pairs: list[tuple[str, str]], expected: str
) -> None:
    """A mistake names the parameter, what was found and what is allowed, with status 400."""
    with pytest.raises(RefusedError) as caught:
        ask(pairs)
    assert (expected, 400, "parameter") == (
        str(caught.value),
        caught.value.status,
        caught.value.reason,
    )


def test_digest_is_checked() -> None:
    """Evidence is asked for by 64 hex digits and by nothing that could be a path."""
    assert questions.digest("a7" * 32) == "a7" * 32
    with pytest.raises(RefusedError, match="sha256: must be 64 hex digits"):
        questions.digest("../../etc/passwd")


NAMES = st.sampled_from(["agent", "zone", "target", "from", "to", "range_s", "step_s", "limit"])


@given(st.lists(st.tuples(NAMES | st.text(max_size=5), st.text(max_size=20)), max_size=4))
def test_garbage_raises_only_its_documented_error(pairs: list[tuple[str, str]]) -> None:
    """Whatever a query holds, it is understood or refused as documented."""
    for ask in (zones, series, questions.paths_query, questions.no_query):
        with contextlib.suppress(RefusedError):
            ask(pairs)
