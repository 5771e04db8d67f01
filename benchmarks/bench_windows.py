"""Shell: what open windows cost: replies that open them, and a checkpoint that cuts them off.

No peer of others: the windows of 10,000 series at one reply a second, as a fleet keeps them. What
batches wait for at a checkpoint is compared with what they would wait for if sorting, exporting
and encoding were done at once, by the same code on the same windows. CPU time, in turn.
"""

import statistics
import time
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Result, alone
from collector import memory
from collector.samples import quantiles
from collector.samples.windows import GRACE_NS, WIDTH_NS, Windows

SERIES = 10_000
PER_WINDOW = 10
OPEN = 10
"""Windows of each series that are open when a checkpoint comes, once a minute."""
SEALED = 6
ROUNDS = 7
BASE_NS = 1_700_000_000_000_000_000
ROWS = np.arange(SERIES, dtype=np.uint32)
OFFSETS = np.arange(0, SERIES * PER_WINDOW + 1, PER_WINDOW, dtype=np.uint32)
DT_MS = np.tile(np.arange(PER_WINDOW, dtype=np.uint16) * 1000, SERIES)


def measure() -> list[Result]:
    """Return millions of replies a second into fresh windows, and milliseconds of a checkpoint."""
    memory.settle()
    quantiles.warm()
    generator = np.random.default_rng(7)
    rtt_s = (0.01 + generator.lognormal(-6.5, 0.7, SERIES * PER_WINDOW)).astype(np.float32)
    fresh, cut_s, whole_s = [], [], []
    for _ in range(ROUNDS):
        windows = Windows()
        took_s = _took_s(lambda windows=windows: _fill(windows, rtt_s, range(OPEN)))
        fresh.append(OPEN * rtt_s.size / took_s / 1e6)
        for round_ in range(3):
            now_ns = BASE_NS + (SEALED * (round_ + 1)) * WIDTH_NS + GRACE_NS
            took_s = _took_s(lambda windows=windows, now_ns=now_ns: _cut(windows, now_ns))
            _fill(windows, rtt_s, range(OPEN + SEALED * round_, OPEN + SEALED * (round_ + 1)))
        cut_s.append(took_s)
        whole_s.append(_took_s(lambda windows=windows, at=now_ns: _whole(windows, at)))
    stall = alone("checkpoint_stall", "ms", [1e3 * s for s in cut_s], at_most=30)
    whole_ms = 1e3 * statistics.median(whole_s)
    return [
        alone("windows_fresh", "M samples/s", fresh, at_least=20),
        msgspec.structs.replace(
            stall,
            peer=round(whole_ms, 3),
            peer_name="sorting, exporting and encoding at once, by the same code",
            ratio=round(whole_ms / stall.ours, 3),
        ),
    ]


def _took_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _fill(windows: Windows, rtt_s: NDArray[np.float32], numbers: range) -> None:
    """Give each series its replies of some windows."""
    for number in numbers:
        windows.add(ROWS, OFFSETS, rtt_s, DT_MS, BASE_NS + number * WIDTH_NS)


def _cut(windows: Windows, now_ns: int) -> None:
    """Do what a checkpoint does while batches wait."""
    if len(windows.cut(now_ns)) != SEALED * SERIES:
        raise AssertionError("cut windows: not so many were due")


def _whole(windows: Windows, now_ns: int) -> None:
    """Do all of it."""
    cut = windows.cut(now_ns + SEALED * WIDTH_NS)
    if len(cut.sealed()) != SEALED * SERIES or not cut.dump():
        raise AssertionError("cut windows: not so many were due")
