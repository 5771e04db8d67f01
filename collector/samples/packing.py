"""Decider: sketches packed into octets and back, exactly, and the buckets of their quantiles.

A sketch is its occupied buckets in rising order, mostly one octet each:

    bits 7-4   buckets left out since the one before   15: 15 and the number that follows
    bits 3-0   samples in the bucket, less one         15: 15 and the number that follows

A number that follows is a LEB128 (seven bits an octet, lowest first, bit 7 on all but the last),
that of the buckets before that of the samples. The first bucket counts from that of the row's
smallest sample, in zigzag (0, -1, 1, -2 ... as 0, 1, 2, 3 ...): it is 0 unless the zero bucket,
which counts as the one below all, holds samples.

The kernels behind this face are imported at first use; `samples.quantiles.warm` does so too.
"""

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.samples.columns import PER_ROW, Columns, Packed
from collector.samples.quantiles import MEDIAN_AND_TAILS_PPM
from collector.samples.quantiles import kernels as sketch_kernels
from collector.samples.sketch import CELLS, FIRST_BUCKET, MIDDLES_S

ZERO_BUCKET: Final = FIRST_BUCKET - 1
"""Stands for the zero bucket where buckets are numbered."""
NOTHING: Final = -(1 << 15)
"""Below all buckets: no samples at all."""
_MIDDLES_S: Final = np.concatenate([[0.0], MIDDLES_S])


@cache
def kernels() -> ModuleType:
    """Return `samples.packkernels`, which compiles its kernels (or loads them) at first use."""
    return import_module("collector.samples.packkernels")


def pack(columns: Columns, places: NDArray[np.int64] | None = None) -> Packed:
    """Return the sketches at `places` (None: all) as octets, with the buckets of their quantiles.

    They come in the order of `places`, and are not copied before.
    """
    if places is None:
        places = np.arange(len(columns))
    lowest = buckets(columns.min_s[places])
    entries = int((columns.offsets[places + 1] - columns.offsets[places]).sum())
    octets = np.empty(entries * kernels().MOST_OCTETS, dtype=np.uint8)
    ends = np.zeros(places.size + 1, dtype=np.int32)
    sketch = (columns.offsets, columns.bucket, columns.bucket_count)
    kernels().pack(places, *sketch, lowest, octets, ends)
    return Packed(
        octets=octets[: ends[-1]],
        ends=ends,
        middle=_middle(columns, places),
        highest=buckets(columns.max_s[places]),
    )


def middle(columns: Columns) -> NDArray[np.int32]:
    """Return (n, 3) buckets of p50, p90 and p99; the zero bucket's where there are no samples."""
    return _middle(columns, np.arange(len(columns)))


def _middle(columns: Columns, places: NDArray[np.int64]) -> NDArray[np.int32]:
    ranks = np.asarray(MEDIAN_AND_TAILS_PPM, dtype=np.int64)
    found = np.empty((places.size, ranks.size), dtype=np.int32)
    sketch = (columns.offsets, columns.bucket, columns.bucket_count)
    kernels().ranks(places, *sketch, columns.zero, columns.received[places], ranks, found)
    return found


def unsketched(columns: Columns, places: NDArray[np.int64]) -> Columns:
    """Return the rows at `places`, in that order, with empty sketches; each count in one piece."""
    counts = np.empty((columns.counts.shape[1], places.size), dtype=np.int64)
    kernels().turned(places, np.ascontiguousarray(columns.counts), counts)
    rest = {name: getattr(columns, name)[places] for name in PER_ROW if name != "counts"}
    return Columns(
        **rest,
        counts=counts.T,
        offsets=np.zeros(places.size + 1, dtype=np.int64),
        bucket=columns.bucket[:0],
        bucket_count=columns.bucket_count[:0],
    )


def unpack(
    octets: NDArray[np.uint8], ends: NDArray[np.int32], min_s: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Return offsets, buckets and their counts (as in `Columns`) of packed sketches.

    Raises:
        ValueError: The octets are not what `pack` wrote.
    """
    offsets = np.zeros(ends.size, dtype=np.int64)
    room = int(ends[-1] - ends[0])
    bucket, bucket_count = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int64)
    used = kernels().unpack(octets, ends, buckets(min_s), offsets, bucket, bucket_count)
    if used == kernels().BAD:
        raise ValueError("unpack sketches: their octets are not what a collector writes")
    return offsets, bucket[:used].copy(), bucket_count[:used].copy()


def buckets(value_s: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the bucket of each value, `ZERO_BUCKET` for what no other bucket holds."""
    cells = np.empty(value_s.size, dtype=np.uint16)
    sketch_kernels().cells_of(value_s.astype(np.float64), value_s.size, cells)
    found = cells.astype(np.int32) + np.int32(FIRST_BUCKET)
    found[cells >= CELLS] = ZERO_BUCKET
    return found


def worst(row: NDArray[np.uint32], bucket: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the largest bucket of each row from 0 on; what is below all where there is none."""
    found = np.full(int(row.max(initial=0)) + 1, NOTHING, dtype=np.int32)
    kernels().worst(row, np.ascontiguousarray(bucket), found)
    return found


def values_s(
    bucket: NDArray[np.int32], min_s: NDArray[np.float32], max_s: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the quantiles in seconds of rows whose quantiles lie in these buckets."""
    middles_s: NDArray[np.float64] = _MIDDLES_S[bucket - ZERO_BUCKET]
    return np.minimum(np.maximum(middles_s, min_s), max_s)


def middle_s(bucket: int) -> float:
    """Return the value that stands for a bucket, in seconds."""
    return float(_MIDDLES_S[bucket - ZERO_BUCKET])
