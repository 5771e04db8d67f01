"""Shell: the one place of the collector that reads a clock.

Rules
- The collector's wall clock labels arrivals and decides when a window is old enough to be
  sealed; no sample is dated by it.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Where a shell of the collector gets its time."""

    def now_ns(self) -> int:
        """Return the time of day in ns since the epoch (UTC)."""
        ...


class WallClock:
    """The host's clock."""

    def now_ns(self) -> int:
        """Return the time of day in ns since the epoch (UTC)."""
        return time.time_ns()


def monotonic_ns() -> int:
    """Return a time that never goes back, from an unknown begin on: for how long, not when."""
    return time.monotonic_ns()
