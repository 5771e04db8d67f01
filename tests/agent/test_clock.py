"""The host's clocks: read together, labelled in UTC, honest about their error."""

import datetime as dt
import uuid
from pathlib import Path

import pytest

from agent import clock
from agent.clock import SystemClock, rfc3339
from agent.targets import Instant


def test_both_clocks_are_read_at_one_moment() -> None:
    """The offset between the clocks is the same to 1 ms in two readings."""
    system = SystemClock()
    first, second = system.instant(), system.instant()
    offsets = [at.wall_ns - at.monotonic_ns for at in (first, second)]
    assert abs(offsets[0] - offsets[1]) < 1_000_000
    assert system.monotonic_ns() >= second.monotonic_ns >= first.monotonic_ns
    assert abs(system.wall_ns() - second.wall_ns) < 1_000_000_000


def test_an_interrupted_reading_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair whose monotonic readings are 3 ms apart gives way to one that is 10 us apart."""
    monotonic = iter([1_000, 3_001_000, 4_000_000, 4_010_000])
    wall = iter([77, 88])
    monkeypatch.setattr(clock.time, "monotonic_ns", lambda: next(monotonic))
    monkeypatch.setattr(clock.time, "time_ns", lambda: next(wall))
    assert Instant(4_005_000, 88) == SystemClock().instant()


def test_the_best_of_four_interrupted_readings_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a host that never lets us read in peace, the narrowest pair is taken."""
    spreads = [(0, 900_000), (1_000_000, 1_200_000), (2_000_000, 2_800_000), (3_000_000, 3_700_000)]
    monotonic = iter([value for pair in spreads for value in pair])
    wall = iter([1, 2, 3, 4])
    monkeypatch.setattr(clock.time, "monotonic_ns", lambda: next(monotonic))
    monkeypatch.setattr(clock.time, "time_ns", lambda: next(wall))
    assert Instant(1_100_000, 2) == SystemClock().instant()


class FakeKernel:
    """Stands in for the C library."""

    def __init__(self, result: int, status: int, maxerror_us: int) -> None:
        self._answer = result, status, maxerror_us

    def adjtimex(self, state: object) -> int:
        """Fill in the state as the kernel does."""
        result, status, maxerror_us = self._answer
        target = state._obj  # type: ignore[attr-defined]  # what ctypes.byref points to
        target.status, target.maxerror = status, maxerror_us
        return result


@pytest.mark.parametrize(
    ("result", "status", "expected_ns"),
    [(0, 0x2001, 1_500_000), (5, 0x40, -1), (0, 0x41, -1), (-1, 0, -1)],
)
def test_error_bound_is_the_kernels_or_minus_one(
    monkeypatch: pytest.MonkeyPatch, result: int, status: int, expected_ns: int
) -> None:
    """Microseconds become nanoseconds; STA_UNSYNC and a refused call become -1."""
    monkeypatch.setattr(clock, "_libc", FakeKernel(result, status, 1500))
    assert expected_ns == SystemClock().clock_error_ns()


def test_error_bound_of_this_host_is_plausible() -> None:
    """The real call answers -1 or at most the kernel's ceiling of 16 s."""
    assert -1 <= SystemClock().clock_error_ns() <= 16_000_000_000


def test_boot_id_is_the_kernels() -> None:
    """16 octets, those of /proc."""
    text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    assert uuid.UUID(text.strip()).bytes == clock.boot_id()


def test_rfc3339_keeps_every_nanosecond() -> None:
    """Float arithmetic would lose the last digits."""
    assert rfc3339(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456789Z"
    assert rfc3339(5) == "1970-01-01T00:00:00.000000005Z"
    moment = dt.datetime.fromisoformat("2023-11-14T22:13:20+00:00")
    assert int(moment.timestamp()) == 1_700_000_000
