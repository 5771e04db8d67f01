"""Shell: the only reader of clocks in the lab.

Delays run on the monotonic clock; the wall clock labels the beginning of a scenario and
translates kernel receive stamps, which are wall times.
"""

import time
from datetime import UTC, datetime

NS_PER_S = 1_000_000_000
monotonic_ns = time.monotonic_ns


def wall_ns() -> int:
    """Return the wall time in nanoseconds since the epoch."""
    return time.time_ns()


def wall_minus_monotonic_ns() -> int:
    """Return what to subtract from a wall stamp to place it on the monotonic clock.

    The narrowest of a few bracketed readings, so that an interruption between the two clocks
    does not count.
    """
    readings = []
    for _ in range(5):
        before_ns = time.monotonic_ns()
        wall = time.time_ns()
        after_ns = time.monotonic_ns()
        readings.append((after_ns - before_ns, wall - (before_ns + after_ns) // 2))
    return min(readings)[1]


def rfc3339(wall: int) -> str:
    """Write a wall time in nanoseconds as RFC 3339 in UTC with nine digits of a second."""
    seconds, nanoseconds = divmod(wall, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
