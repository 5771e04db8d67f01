"""The words of the list of segments."""

from itertools import pairwise

from collector.listed import LEVELS_S, SEALED_S


def test_each_level_divides_the_next() -> None:
    """A coarse window holds whole windows of every finer level: rollups are exact."""
    assert SEALED_S == LEVELS_S[0]
    assert {0} == {coarse % fine for fine, coarse in pairwise(LEVELS_S)}
