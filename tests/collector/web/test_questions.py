"""What a request may ask, and how each mistake in it is named."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import RefusedError
from collector.records import SeriesQuery
from collector.settings.answerlimits import AnswerLimits
from collector.web import questions
from collector.web.parameters import Pairs
from collector.web.questions import EpisodesQuery, PathsQuery, Range, WorstQuery

S = 1_000_000_000
NOW_NS = 1_795_532_551_250_000_000
LIMITS = AnswerLimits()


def test_zones_are_those_of_the_last_minute() -> None:
    """Without parameters the range is the last 60 s."""
    expected = Range(from_ns=NOW_NS - 60 * S, to_ns=NOW_NS)
    assert expected == questions.zones_query([], NOW_NS, LIMITS)


def test_zones_of_the_last_seconds() -> None:
    """`range_s` counts back from now."""
    expected = Range(from_ns=NOW_NS - 300 * S, to_ns=NOW_NS)
    assert expected == questions.zones_query([("range_s", "300")], NOW_NS, LIMITS)


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
    assert expected == questions.zones_query([("from", text)], NOW_NS, LIMITS)


def test_series_carry_their_filters() -> None:
    """Every parameter of `/v1/series` arrives as the word it stands for."""
    pairs = [
        ("agent", "paris"),
        ("zone", "oracle/eu-marseille-1"),
        ("target", "198.51.100.10"),
        ("from", "1000"),
        ("to", "2000"),
        ("step_s", "20"),
        ("protocol", "icmp"),
        ("family", "6"),
        ("q", "0.999,0.5,0.999000,1"),
        ("format", "csv"),
    ]
    expected = SeriesQuery(
        from_ns=1000 * S,
        to_ns=2000 * S,
        step_ns=20 * S,
        agent="paris",
        zone="oracle/eu-marseille-1",
        target="198.51.100.10",
        protocol="icmp",
        family=6,
        ranks_ppm=(500_000, 999_000, 1_000_000),
        most_windows=500_000,
    )
    assert (expected, "csv") == questions.series_query(pairs, NOW_NS, 10, LIMITS)


@pytest.mark.parametrize(
    ("range_s", "expected_s"), [(1, 10), (3600, 10), (10_000, 10), (10_001, 20), (86_400, 90)]
)
def test_step_follows_the_range(range_s: int, expected_s: int) -> None:
    """Without `step_s` an answer has at most a thousand steps, each whole windows."""
    found, _ = questions.series_query([("range_s", str(range_s))], NOW_NS, 10, LIMITS)
    assert expected_s * S == found.step_ns


def test_the_worst_are_those_of_the_last_hour() -> None:
    """A hundred of them, unless more are asked for."""
    expected = WorstQuery(from_ns=NOW_NS - 3600 * S, to_ns=NOW_NS, limit=100)
    assert expected == questions.worst_query([], NOW_NS, LIMITS)
    pairs = [("from", "40"), ("to", "100"), ("limit", "3")]
    expected = WorstQuery(from_ns=40 * S, to_ns=100 * S, limit=3)
    assert expected == questions.worst_query(pairs, NOW_NS, LIMITS)


def test_paths_have_a_limit() -> None:
    """A hundred paths are enough unless more are asked for."""
    expected = PathsQuery(agent=None, target=None, limit=100)
    assert expected == questions.paths_query([])
    expected = PathsQuery(agent="paris", target="t", limit=1000)
    pairs = [("agent", "paris"), ("target", "t"), ("limit", "1000")]
    assert expected == questions.paths_query(pairs)


def test_paths_go_on_after_a_page() -> None:
    """A cursor is the start of the last path of the page before."""
    expected = PathsQuery(agent=None, target=None, limit=100, before_ns=12)
    assert expected == questions.paths_query([("cursor", "12")])


def test_episodes_have_filters_and_pages() -> None:
    """All of them at once by default, a thousand at the most."""
    assert EpisodesQuery() == questions.episodes_query([])
    assert 1000 == EpisodesQuery().limit
    pairs = [("agent", "paris"), ("target", "t"), ("limit", "2"), ("cursor", "12-5f2c9a10")]
    expected = EpisodesQuery(agent="paris", target="t", limit=2, before=(12, "5f2c9a10"))
    assert expected == questions.episodes_query(pairs)
    span = EpisodesQuery(from_ns=12 * 10**9, to_ns=1_769_860_800 * 10**9)
    assert span == questions.episodes_query([("from", "12"), ("to", "2026-01-31T12:00:00Z")])


def test_a_range_may_end_before_now() -> None:
    """`range_s` counts back from `to`, too."""
    expected = Range(from_ns=40 * S, to_ns=100 * S)
    assert expected == questions.zones_query([("range_s", "60"), ("to", "100")], NOW_NS, LIMITS)


def test_limits_are_those_of_the_settings() -> None:
    """Every bound that a question meets is the operator's."""
    limits = AnswerLimits(answer_points=1000, answer_steps=100, answer_range_s=3600)
    found, _ = questions.series_query([("step_s", "40")], NOW_NS, 10, limits)
    assert 1000 == found.most_windows
    with pytest.raises(RefusedError, match=r"more than 100 steps .* ask for 40 or more"):
        questions.series_query([("step_s", "30")], NOW_NS, 10, limits)
    with pytest.raises(RefusedError, match="range_s: must be a whole number from 1 to 3600"):
        questions.zones_query([("range_s", "3601")], NOW_NS, limits)


def zones(pairs: Pairs) -> object:
    """Ask about zones at the time of this file."""
    return questions.zones_query(pairs, NOW_NS, LIMITS)


def series(pairs: Pairs) -> object:
    """Ask about series at the time of this file."""
    return questions.series_query(pairs, NOW_NS, 10, LIMITS)


@pytest.mark.parametrize(
    ("ask", "pairs", "expected"),
    [
        (zones, [("rang_s", "1")], 'unknown parameter "rang_s"; did you mean "range_s"?'),
        (zones, [("x", "1")], 'unknown parameter "x"; known here: from, to, range_s'),
        (zones, [("to", "1"), ("to", "2")], "to: is given twice"),
        (
            zones,
            [("range_s", "0")],
            "range_s: must be a whole number from 1 to 31622400, not '0'",
        ),
        (
            zones,
            [("range_s", "1e3")],
            "range_s: must be a whole number from 1 to 31622400, not '1e3'",
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
        (
            zones,
            [("from", "0")],
            ("from: lies more than 31622400 s before to ([limits] answer_range_s); ask in parts"),
        ),
        (
            zones,
            [("range_s", "60"), ("from", "2")],
            "range_s: cannot stand together with from",
        ),
        (series, [("agent", "")], "agent: is empty; leave it out to ask for all"),
        (series, [("step_s", "15")], "step_s: must be a multiple of the window of 10 s, not 15"),
        (
            series,
            [("range_s", "864000"), ("step_s", "10")],
            (
                "step_s: 10 cuts this range into more than 11000 steps ([limits] answer_steps); "
                "ask for 80 or more, or for a shorter range"
            ),
        ),
        (
            questions.paths_query,
            [("limit", "1001")],
            "limit: must be a whole number from 1 to 1000, not '1001'",
        ),
        (
            series,
            [("protocol", "sctp")],
            "protocol: must be one of icmp, udp, tcp, not 'sctp'",
        ),
        (series, [("family", "5")], "family: must be one of 4, 6, not '5'"),
        (series, [("format", "xml")], "format: must be one of json, csv, arrow, not 'xml'"),
        (
            series,
            [("q", "0.5,2")],
            (
                "q: must be numbers from 0 to 1 with six digits at most and commas between them, "
                "such as 0.5,0.99,0.999, not '0.5,2'"
            ),
        ),
        (series, [("q", ",".join(["0.5"] * 21))], "q: holds more than 20 quantiles; ask in parts"),
        (
            questions.paths_query,
            [("cursor", "x")],
            "cursor: must be the next of the page before, not 'x'",
        ),
        (
            questions.episodes_query,
            [("cursor", "12")],
            "cursor: must be the next of the page before, not '12'",
        ),
        (questions.episodes_query, [("from", "2"), ("to", "2")], "from: must be earlier than to"),
        (questions.no_query, [("a", "b")], 'unknown parameter "a"; this question takes none'),
    ],
)
def test_mistakes_are_named(
    ask: Callable[[Pairs], object], pairs: list[tuple[str, str]], expected: str
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


NAMES = st.sampled_from(
    sorted({row.name for question in questions.QUESTIONS for row in question.parameters})
)
VALUES = st.text(max_size=20) | st.sampled_from(["1", "0.5,0.99", "12-ab", "icmp", "4", "csv"])


@given(st.lists(st.tuples(NAMES | st.text(max_size=5), VALUES), max_size=4))
def test_garbage_raises_only_its_documented_error(pairs: list[tuple[str, str]]) -> None:
    """Whatever a query holds, it is understood or refused as documented."""
    readers = (zones, series, questions.paths_query, questions.episodes_query, questions.no_query)
    for ask in readers:
        with contextlib.suppress(RefusedError):
            ask(pairs)
