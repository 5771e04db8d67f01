"""Shell: the only reader of the host's clocks.

Rules
- Durations come from the monotonic clock or from kernel stamps of one clock, never from a
  difference of two readings of the wall clock alone: the wall clock may be stepped.
- The wall clock labels. How wrong it may be is asked of the kernel (`adjtimex`).
"""

import ctypes
import datetime as dt
import pathlib
import time
from typing import Protocol

from agent.targets import Instant

_PAIR_SPREAD_NS = 50_000
_PAIR_ATTEMPTS = 4
_STA_UNSYNC = 0x0040
_BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the shells need to know about time."""

    def monotonic_ns(self) -> int:
        """Read the monotonic clock, nanoseconds since an arbitrary moment."""

    def wall_ns(self) -> int:
        """Read the time of day, nanoseconds since the epoch (UTC)."""

    def instant(self) -> Instant:
        """Read both clocks at one moment."""

    def clock_error_ns(self) -> int:
        """Read the bound of the wall clock's error; -1 where it is not synchronised."""


class SystemClock:
    """The clocks of this host."""

    def monotonic_ns(self) -> int:
        """Read CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """Read CLOCK_REALTIME."""
        return time.time_ns()

    def instant(self) -> Instant:
        """Read both clocks; ask again where the process was interrupted in between.

        Two clocks cannot be read at once. The wall clock is read between two readings of the
        monotonic one, up to four times, until these are less than 50 us apart.
        """
        best, best_spread = Instant(0, 0), 1 << 62
        for _ in range(_PAIR_ATTEMPTS):
            before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
            spread = after - before
            if spread < best_spread:
                best, best_spread = Instant(before + spread // 2, wall), spread
            if spread < _PAIR_SPREAD_NS:
                break
        return best

    def clock_error_ns(self) -> int:
        """Ask the kernel for its bound of the error; -1 where it says "unsynchronised"."""
        state = _Timex()
        result = _libc.adjtimex(ctypes.byref(state))
        if result < 0 or state.status & _STA_UNSYNC:
            return -1
        return int(state.maxerror) * 1000


def boot_id() -> bytes:
    """Read the 16 octets that name this boot of the kernel."""
    return bytes.fromhex(_BOOT_ID.read_text(encoding="ascii").strip().replace("-", ""))


def rfc3339(wall_ns: int) -> str:
    """Write a time of day as RFC 3339 UTC with nanoseconds."""
    seconds, nanoseconds = divmod(wall_ns, 1_000_000_000)
    moment = dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2); the 11 words of padding are the kernel's reserve."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time_s", ctypes.c_long),
        ("time_us", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserve", ctypes.c_int * 11),
    )


_libc = ctypes.CDLL(None, use_errno=True)
