"""A place in the list of segments is released only when the server that accepted still runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sinks.outbox import Outbox

LAG_NS = 15


def _met(outbox: Outbox, *, started_s: float | None, at_ns: int) -> tuple[bool, int | None]:
    again = outbox.meet(started_s)
    return again, None if again else outbox.release(at_ns)


def test_what_was_accepted_is_released_after_the_lag() -> None:
    """Not before, in order, and what came later later."""
    outbox = Outbox(3, LAG_NS)
    assert (False, None) == _met(outbox, started_s=1.0, at_ns=0)
    assert [True, True] == [outbox.done(4, 100), outbox.done(5, 110)]
    assert (5, True) == (outbox.sent, outbox.keeps)
    assert [None, 4, None, 5] == [
        _met(outbox, started_s=1.0, at_ns=at_ns)[1] for at_ns in (114, 115, 124, 125)
    ]
    assert not outbox.keeps


def test_a_server_that_started_again_gets_what_was_not_released() -> None:
    """From the cursor on, and only counted once."""
    outbox = Outbox(3, LAG_NS)
    outbox.meet(1.0)
    outbox.done(4, 100)
    outbox.done(5, 110)
    assert (False, 4) == _met(outbox, started_s=1.0, at_ns=116)
    assert (True, None) == _met(outbox, started_s=2.0, at_ns=126)
    assert (4, False) == (outbox.sent, outbox.keeps)
    assert [False, True] == [outbox.done(5, 127), outbox.done(6, 127)]
    assert (False, None) == _met(outbox, started_s=2.0, at_ns=141)
    assert (False, 6) == _met(outbox, started_s=2.0, at_ns=142)


@pytest.mark.parametrize(("before", "after"), [(None, None), (1.0, None), (None, 2.0), (1.0, 1.0)])
def test_a_broken_connection_may_be_a_start(before: float | None, after: float | None) -> None:
    """Told by the server on neither side, on one, or in the same whole second."""
    outbox = Outbox(0, LAG_NS)
    outbox.meet(before)
    outbox.done(1, 0)
    assert not outbox.meet(before)
    outbox.broken()
    assert outbox.meet(after)
    assert (0, False) == (outbox.sent, outbox.keeps)
    outbox.done(1, 5)
    assert (False, 1) == _met(outbox, started_s=after, at_ns=20)


def test_a_start_that_is_told_no_more_is_no_start() -> None:
    """Metrics that are missing once cost nothing."""
    outbox = Outbox(0, LAG_NS)
    outbox.meet(1.0)
    outbox.done(1, 0)
    assert [(False, None), (False, 1)] == [
        _met(outbox, started_s=started_s, at_ns=at_ns)
        for started_s, at_ns in ((None, 5), (1.0, 15))
    ]


def test_nothing_kept_is_nothing_to_send_again() -> None:
    """A server may start as often as it likes."""
    outbox = Outbox(7, LAG_NS)
    assert [False] * 3 == [outbox.meet(started_s) for started_s in (1.0, 2.0, None)]
    assert 7 == outbox.sent


STEPS = st.lists(st.sampled_from(["send", "ask", "kill", "cut"]), max_size=60)


@given(STEPS, st.integers(0, 3))
def test_whatever_happens_all_is_there_in_the_end(steps: list[str], lag: int) -> None:
    """A server that keeps what is older than the lag, killed anywhere, ends with every segment."""
    outbox, started = Outbox(0, lag), 1.0
    outbox.meet(started)
    held: dict[int, int] = {}
    cursor = 0
    for now, step in enumerate([*steps, *["ask", "send"] * 70]):
        match step:
            case "send" if outbox.sent < 30:
                held[outbox.sent + 1] = now
                outbox.done(outbox.sent + 1, now)
            case "ask":
                again = outbox.meet(started)
                released = None if again else outbox.release(now)
                assert released is None or released > cursor
                cursor = released or cursor
            case "kill":
                held = {serial: at for serial, at in held.items() if now - at >= lag}
                started += 1
            case "cut":
                outbox.broken()
        assert set(range(1, cursor + 1)) <= set(held)
    assert set(range(1, 31)) == set(held)
