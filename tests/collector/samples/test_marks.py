"""Marks: a batch counts once, and no agent has more of them than it can need."""

from hypothesis import given
from hypothesis import strategies as st

from collector.samples.marks import SPOOLS, Marks


def spool(number: int) -> bytes:
    """Return a spool's id; a later one may sort first."""
    return bytes([number * 37 % 256, number % 256]) * 8


def test_a_spool_that_nobody_knows_has_no_mark() -> None:
    """Its first sequence is 0."""
    assert -1 == Marks({}).last(b"a", spool(0))


def test_the_quietest_spool_is_forgotten() -> None:
    """Beyond the bound one goes for each that comes; one that delivered since stays."""
    marks = Marks({})
    for number in range(SPOOLS):
        marks.move(b"a", spool(number), number)
    marks.move(b"a", spool(0), 100)
    assert not marks.is_crowded(b"a", spool(0))
    assert marks.is_crowded(b"a", spool(SPOOLS))
    marks.move(b"a", spool(SPOOLS), 7)
    found = [marks.last(b"a", spool(number)) for number in (0, 1, 2, SPOOLS)]
    assert ([100, -1, 2, 7], SPOOLS) == (found, len(marks.all()))


def test_agents_take_no_room_from_each_other() -> None:
    """Each has its own bound, and its own spools, whatever these are called."""
    marks = Marks({})
    for number in range(3 * SPOOLS):
        marks.move(b"a", spool(number), number)
    marks.move(b"b", spool(0), 5)
    assert (5, -1) == (marks.last(b"b", spool(0)), marks.last(b"a", spool(0)))
    assert not marks.is_crowded(b"b", spool(1))


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(0, 90), st.integers(0, 9))))
def test_what_is_kept_comes_back(moves: list[tuple[bytes, int, int]]) -> None:
    """All marks, of every agent; the newest one always is among them."""
    marks = Marks({})
    for agent_id, number, sequence in moves:
        marks.move(agent_id, spool(number), sequence)
        assert sequence == marks.last(agent_id, spool(number))
    assert marks.all() == Marks(marks.all()).all()
