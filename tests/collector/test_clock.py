"""The collector's clock."""

import time

from collector.clock import WallClock


def test_the_wall_clock_is_the_hosts() -> None:
    """Its time lies between two readings of the host's clock."""
    before_ns = time.time_ns()
    assert before_ns <= WallClock().now_ns() <= time.time_ns()
