"""Times of the lab as they are written and translated."""

import time

from deploy.lab import clock


def test_rfc3339_keeps_nanoseconds() -> None:
    """A wall time is written in UTC with nine digits."""
    assert clock.rfc3339(1_700_000_000_000_000_007) == "2023-11-14T22:13:20.000000007Z"


def test_wall_stamps_land_on_the_monotonic_clock() -> None:
    """A wall stamp less the offset lies between two monotonic readings, within 1 ms."""
    before_ns = time.monotonic_ns()
    translated_ns = time.time_ns() - clock.wall_minus_monotonic_ns()
    after_ns = time.monotonic_ns()
    assert before_ns - 1_000_000 <= translated_ns <= after_ns + 1_000_000
