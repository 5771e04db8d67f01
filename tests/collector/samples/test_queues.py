"""A queue: room is asked for before it is taken, and given back whatever happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import RefusedError
from collector.samples.queues import Queue

S_NS = 1_000_000_000


def test_the_limit_itself_is_room() -> None:
    """One octet past the limit is refused, counted and not taken."""
    queue = Queue("journal", 100)
    with queue.place(0) as first, queue.place(0) as second:
        first.take(60)
        second.take(40)
        with pytest.raises(RefusedError, match="100 octets wait in the queue journal, 100 may"):
            second.take(1)
        assert (100, 2, 1) == (queue.size, len(queue), queue.refused)
    assert (0, 0, 1) == (queue.size, len(queue), queue.refused)


def test_what_is_alone_gets_room() -> None:
    """An item that is larger than the whole queue passes once it is alone, piece by piece too."""
    queue = Queue("journal", 100)
    with queue.place(0) as only:
        only.take(70)
        only.take(70)
        with queue.place(0) as late, pytest.raises(RefusedError):
            late.take(1)
    assert 0 == queue.size


def test_age_is_that_of_the_oldest() -> None:
    """Who came first is the oldest until it leaves; an empty queue has no age."""
    queue = Queue("journal", 100)
    assert 0 == queue.age_s(5 * S_NS)
    with queue.place(2 * S_NS):
        with queue.place(1 * S_NS):
            assert 3 == queue.age_s(5 * S_NS)
        assert 0 == queue.age_s(1 * S_NS)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), max_size=40))
def test_sums_hold_whatever_comes(steps: list[tuple[int, int]]) -> None:
    """After any takes, refused ones too, the size is the sum of what was taken."""
    queue = Queue("journal", 100)
    taken = [0] * 5
    with (
        queue.place(0) as a,
        queue.place(0) as b,
        queue.place(0) as c,
        queue.place(0) as d,
        queue.place(0) as e,
    ):
        for which, amount in steps:
            try:
                (a, b, c, d, e)[which].take(amount)
            except RefusedError:
                assert sum(taken) + amount > queue.limit
            else:
                taken[which] += amount
        assert sum(taken) == queue.size
        assert queue.size <= max(queue.limit, *taken)
    assert 0 == queue.size
