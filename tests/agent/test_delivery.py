"""What an answer means, when to try again, and what is worth saying."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.delivery import (
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    NS_PER_S,
    Backoff,
    Meaning,
    Outage,
    Standing,
    is_dated_well,
    meaning_of,
    objection,
    unknown_series,
)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, Meaning.ACCEPTED),
        (204, Meaning.ACCEPTED),
        (409, Meaning.UNKNOWN),
        (400, Meaning.REFUSED),
        (413, Meaning.REFUSED),
        (422, Meaning.REFUSED),
        (401, Meaning.DENIED),
        (403, Meaning.DENIED),
        (202, Meaning.LATER),
        (301, Meaning.LATER),
        (404, Meaning.LATER),
        (429, Meaning.LATER),
        (500, Meaning.LATER),
        (503, Meaning.LATER),
        (799, Meaning.LATER),
    ],
)
def test_meanings(status: int, meaning: Meaning) -> None:
    """The table of meanings; whatever is not in it never costs a batch."""
    assert meaning_of(status) is meaning


def test_another_version_is_no_refusal_for_good() -> None:
    """A collector that is older than its agents may be upgraded: no batch is given up for it."""
    found = [
        meaning_of(400, b'{"reason": "version", "error": "x"}'),
        meaning_of(400, b'{"reason": "columns", "error": "x"}'),
        meaning_of(204, b'{"reason": "version"}'),
    ]
    assert found == [Meaning.LATER, Meaning.REFUSED, Meaning.ACCEPTED]


def test_a_refused_date_is_judged_by_our_own_clock() -> None:
    """Ahead of us, or before any clock was set: wrong. Else the collector's clock may be behind."""
    now_ns = 1_700_000_000 * NS_PER_S
    new_year_2020_ns = 1_577_836_800 * NS_PER_S
    dates_ns = (now_ns, now_ns + 1, new_year_2020_ns, new_year_2020_ns - 1, 0)
    assert meaning_of(422, b'{"reason": "clock", "error": "x"}') is Meaning.MISDATED
    assert [True, False, True, False, False] == [is_dated_well(each, now_ns) for each in dates_ns]


def test_delays_double_up_to_the_longest() -> None:
    """Without chance the delays double from half a second to thirty, and begin anew."""
    backoff = Backoff(lambda: 0.0)
    found = [backoff.delay_s() for _ in range(8)]
    backoff.reset()
    found.append(backoff.delay_s())
    assert found == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 0.5]


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20))
def test_chance_shortens_to_half_at_most(chances: list[float]) -> None:
    """Every delay lies between half of its plain value and that value."""
    turns = iter(chances)
    plain, jittered = Backoff(lambda: 0.0), Backoff(lambda: next(turns))
    for _ in chances:
        whole_s, delay_s = plain.delay_s(), jittered.delay_s()
        assert whole_s / 2 <= delay_s <= whole_s
        assert FIRST_DELAY_S / 2 <= delay_s <= LONGEST_DELAY_S


def test_an_outage_is_said_once_each_way() -> None:
    """The first failure of a kind and the return are said; what repeats is not."""
    standing = Standing()
    found: list[object] = [
        standing.succeeded(0),
        standing.succeeded(1),
        standing.failed("unreachable", NS_PER_S),
        standing.failed("unreachable", 2 * NS_PER_S),
        standing.failed("answered 503", 3 * NS_PER_S),
        standing.failed("answered 503", 4 * NS_PER_S),
        standing.up,
        standing.succeeded(11 * NS_PER_S),
        standing.succeeded(12 * NS_PER_S),
        standing.up,
    ]
    assert found == [
        Outage(duration_s=0.0, failures=0),
        None,
        True,
        False,
        True,
        False,
        False,
        Outage(duration_s=10.0, failures=4),
        None,
        True,
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"unknown_series": [3, 9], "more": 1}', (3, 9)),
        (b'{"unknown_series": ["3"]}', ()),
        (b"[]", ()),
        (b"\xff", ()),
        (b"", ()),
    ],
)
def test_unknown_series(body: bytes, expected: tuple[int, ...]) -> None:
    """Ids are taken from a well-formed complaint, nothing from anything else."""
    assert unknown_series(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": "too old", "reason": "version"}', "version: too old"),
        (b'{"error": "a\\nb\\u001b[31m"}', "a b [31m"),
        (b"<html>\r\nno</html>", "<html>  no</html>"),
        (b"\xff" * 500, "\ufffd" * 200),
        (b"", ""),
    ],
)
def test_objections_are_safe_to_print(body: bytes, expected: str) -> None:
    """Whatever a peer answers becomes one short printable line."""
    assert objection(body) == expected


@given(st.binary(max_size=300))
def test_any_body_at_all_is_survived(body: bytes) -> None:
    """A peer may answer anything."""
    assert objection(body).isprintable()
    assert isinstance(unknown_series(body), tuple)
