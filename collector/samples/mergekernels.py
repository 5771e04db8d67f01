"""Decider: the numba kernels that merge and query the sketches of windows that are exported.

Rules
- Those of `collector.samples.kernels`: arrays in, arrays out, explicit signatures, no fast math.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from collector.jit import kernel, readonly
from collector.samples.sketch import CELLS, FIRST_BUCKET, MIDDLES_S, PPM

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_I32 = NDArray[np.int32]
_I64 = NDArray[np.int64]
_READ_F32 = readonly(nb.float32)
_READ_I32 = readonly(nb.int32)
_READ_I64 = readonly(nb.int64)


@kernel(nb.void(_READ_I64, _READ_I32, _READ_I64, nb.int64[::1], nb.int32[::1], nb.int64[::1]))
def merge(
    groups: _I64,
    bucket: _I32,
    bucket_count: _I64,
    to_offsets: _I64,
    to_bucket: _I32,
    to_count: _I64,
) -> None:
    """Add up the sketch entries `groups[g]:groups[g + 1]` of each group g, exactly.

    The sums are written one behind the other, the end of each to `to_offsets[g + 1]`.
    """
    dense = np.zeros(CELLS, dtype=np.int64)
    written = 0
    for group in range(groups.size - 1):
        low = CELLS
        high = 0
        for entry in range(groups[group], groups[group + 1]):
            cell = int(bucket[entry]) - FIRST_BUCKET
            dense[cell] += bucket_count[entry]
            low = min(low, cell)
            high = max(high, cell + 1)
        for cell in range(low, high):
            if dense[cell] != 0:
                to_bucket[written] = cell + FIRST_BUCKET
                to_count[written] = dense[cell]
                dense[cell] = 0
                written += 1
        to_offsets[group + 1] = written


@kernel(
    nb.void(
        _READ_I64,
        _READ_I32,
        _READ_I64,
        _READ_I64,
        _READ_F32,
        _READ_F32,
        _READ_I64,
        nb.float64[:, ::1],
    )
)
def query(
    offsets: _I64,
    bucket: _I32,
    bucket_count: _I64,
    zero: _I64,
    min_s: _F32,
    max_s: _F32,
    ranks_ppm: _I64,
    value_s: _F64,
) -> None:
    """Write the quantiles of each sketch, one column per entry of the rising `ranks_ppm`.

    The value of rank ceil(q n) is the middle of its bucket, clamped to [min, max]; NaN where a
    sketch is empty. One walk answers all ranks.
    """
    for i in range(offsets.size - 1):
        total = zero[i]
        for entry in range(offsets[i], offsets[i + 1]):
            total += bucket_count[entry]
        entry = offsets[i]
        passed = zero[i]
        middle_s = 0.0
        for column in range(ranks_ppm.size):
            if total == 0:
                value_s[i, column] = np.nan
                continue
            rank = max(1, (ranks_ppm[column] * total + PPM - 1) // PPM)
            while passed < rank:
                passed += bucket_count[entry]
                middle_s = MIDDLES_S[np.uint64(bucket[entry] - FIRST_BUCKET)]
                entry += 1
            value_s[i, column] = min(max(middle_s, min_s[i]), max_s[i])
