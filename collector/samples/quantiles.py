"""Decider: sketches of round-trip times as columns, their merging and their quantiles.

Rules
- Rows are additive: two rows of one (row, start) are one series-window in two parts. Counts and
  sketches add exactly; the sum is the only float that is added.
- The quantile q of n samples is the value of rank ceil(q n), the smallest value that at least
  q n samples do not exceed. It is reported as 2 L U / (L + U) of its bucket's bounds, clamped to
  [min, max]: the relative error is at most (g - 1) / (g + 1) = 0.5416 % with g = 2**(1 / 64)
  (Masson, Rim, Lee: DDSketch, section 2.1), and zero where all samples are equal. In the zero
  bucket (at most 0.95 us) the error is at most that bound of the bucket.
- q goes in parts per million, so that ranks are computed in integers: 0.07 * 100 is not 7.

The kernels behind this face are imported at first use; `warm` does so before readiness.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.records import Quantiles
from collector.samples.columns import UNANSWERED, Columns, concat, empty
from collector.samples.sketch import CELLS, FIRST_BUCKET

__all__ = [
    "UNANSWERED",
    "Columns",
    "buckets",
    "concat",
    "empty",
    "kernels",
    "merge",
    "quantiles",
    "ranks",
    "to_quantiles",
    "warm",
]

RELATIVE_ERROR: Final = 0.005416
"""Bound of the relative error of a quantile."""

MEDIAN_AND_TAILS_PPM: Final = (500_000, 900_000, 990_000)


@cache
def kernels() -> ModuleType:
    """Return `samples.kernels`, which compiles its kernels (or loads them) at first use."""
    return import_module("collector.samples.kernels")


@cache
def arena_kernels() -> ModuleType:
    """Return `samples.arenakernels`, compiled or loaded at first use."""
    return import_module("collector.samples.arenakernels")


@cache
def _merging() -> ModuleType:
    """Return `collector.samples.mergekernels`, compiled or loaded at first use."""
    return import_module("collector.samples.mergekernels")


def warm() -> tuple[str, ...]:
    """Compile every kernel; call it before reporting readiness.

    Returns those that numba has no place to keep: they are compiled at each start.
    """
    kernels()
    _merging()
    import_module("collector.samples.packkernels")
    return tuple(import_module("collector.jit").UNCACHED)


def merge(columns: Columns, step_ns: int | None = None, *, by_row: bool = True) -> Columns:
    """Add up rows that share a row and a step, sorted by (row, start); exact but for `sum_s`.

    Steps are aligned to the epoch; with `step_ns` None each row (or everything) becomes one, which
    starts where its first window does. Without `by_row` all rows count as row 0.
    """
    if not len(columns):
        return columns
    row = columns.row if by_row else np.zeros_like(columns.row)
    step = (
        columns.start_ns - columns.start_ns % step_ns if step_ns else np.zeros(len(row), np.int64)
    )
    order = np.lexsort((columns.start_ns, step, row)).astype(np.int64)
    row, step, ordered = row[order], step[order], columns.take(order)
    first = np.ones(row.size, dtype=np.bool_)
    first[1:] = (row[1:] != row[:-1]) | (step[1:] != step[:-1])
    begins = np.flatnonzero(first)
    entries = ordered.offsets[np.append(begins, row.size)]
    offsets = np.zeros(entries.size, dtype=np.int64)
    bucket, bucket_count = np.empty_like(ordered.bucket), np.empty_like(ordered.bucket_count)
    _merging().merge(entries, ordered.bucket, ordered.bucket_count, offsets, bucket, bucket_count)
    return Columns(
        row=row[begins],
        start_ns=step[begins] if step_ns else ordered.start_ns[begins],
        counts=np.add.reduceat(ordered.counts, begins),
        zero=np.add.reduceat(ordered.zero, begins),
        sum_s=np.add.reduceat(ordered.sum_s, begins),
        min_s=np.minimum.reduceat(ordered.min_s, begins),
        max_s=np.maximum.reduceat(ordered.max_s, begins),
        offsets=offsets,
        bucket=bucket[: offsets[-1]].copy(),
        bucket_count=bucket_count[: offsets[-1]].copy(),
    )


def quantiles(
    columns: Columns, ranks_ppm: Sequence[int] = MEDIAN_AND_TAILS_PPM
) -> NDArray[np.float64]:
    """Return (n, len(ranks_ppm)) quantiles in seconds; NaN where a row has no replies.

    `ranks_ppm` (0 to 1,000,000) must rise: 500,000 is the median.
    """
    ranks = np.asarray(ranks_ppm, dtype=np.int64)
    value_s = np.empty((len(columns), ranks.size))
    _merging().query(
        columns.offsets,
        columns.bucket,
        columns.bucket_count,
        columns.zero,
        columns.min_s,
        columns.max_s,
        ranks,
        value_s,
    )
    return value_s


def ranks(columns: Columns, ranks_ppm: Sequence[int]) -> list[tuple[float | None, ...]]:
    """Return for each row the quantiles in seconds, all None where it has no replies.

    `ranks_ppm` must rise, as for `quantiles`; without any, each row has none.
    """
    if not ranks_ppm:
        return [()] * len(columns)
    found = quantiles(columns, ranks_ppm).tolist()
    nothing = (None,) * len(ranks_ppm)
    return [
        tuple(row) if received else nothing
        for row, received in zip(found, columns.received.tolist(), strict=True)
    ]


def buckets(value_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return OpenTelemetry's bucket index of each value within (2**-20, 2**6] seconds.

    Raises:
        ValueError: A value lies outside that range (zero bucket and rejections have no index).
    """
    exact = np.array(value_s, dtype=np.float64)
    cells = np.empty(exact.size, dtype=np.uint16)
    kernels().cells_of(exact, exact.size, cells)
    if exact.size and int(cells.max()) >= CELLS:
        raise ValueError("find buckets: a value lies outside the sketch's range")
    return cells.astype(np.int64) + FIRST_BUCKET


def to_quantiles(columns: Columns) -> list[Quantiles]:
    """Return what people read, one per row."""
    return told(
        *(quantiles(columns), columns.received, columns.lost),
        *(columns.min_s, columns.max_s, columns.sum_s),
    )


def told(
    middle_s: NDArray[np.float64],
    received: NDArray[np.int64],
    lost: NDArray[np.int64],
    min_s: NDArray[np.float32],
    max_s: NDArray[np.float32],
    sum_s: NDArray[np.float64],
) -> list[Quantiles]:
    """Return what people read of rows whose p50, p90 and p99 are `middle_s` (n, 3)."""
    columns = (middle_s, received, lost, min_s, max_s, sum_s)
    return [_read(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _read(
    middle: list[float], received: int, lost: int, min_s: float, max_s: float, sum_s: float
) -> Quantiles:
    """Return one row's `Quantiles`; None where nothing was received, or nothing was sent."""
    sent = received + lost
    some = received > 0
    return Quantiles(
        p50_s=middle[0] if some else None,
        p90_s=middle[1] if some else None,
        p99_s=middle[2] if some else None,
        min_s=min_s if some else None,
        max_s=max_s if some else None,
        mean_s=sum_s / received if some else None,
        received=received,
        lost=lost,
        loss_ratio=lost / sent if sent else None,
    )
